"""What does `crmsync drift` say, and what does it leave alone?"""

from __future__ import annotations

from tests.cli.shop import Shop
from tests.run.bench import dump


def test_after_a_run_there_is_no_drift(synced: Shop) -> None:
    said = synced.do("drift")
    assert (said.code, said.out) == (0, "1 mapping compared, 8 records read; no drift\n")


def test_before_the_first_run_all_is_drift_and_no_ledger_is_made(shop: Shop) -> None:
    said = shop.do("drift")
    assert said.code == 3
    assert "never dispatched: 2 to create in pm, 1 to link" in said.out
    assert said.out.endswith("out of step: 3\nnext: crmsync plan\n")
    assert not (shop.folder / ".crmsync" / "ledger.db").exists()


def out_of_step(shop: Shop) -> None:
    shop.sql("crm", "UPDATE accounts SET name = 'Žluťoučký mlýn', email = 'new@mlyn.sk' WHERE id = 2")
    shop.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 1")
    shop.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 7")
    shop.sql("pm", "DELETE FROM customers WHERE id = 10")
    shop.sql("crm", "INSERT INTO accounts (type, name, ico) VALUES ('customer', 'Omega', '123')")


def test_every_kind_of_drift_is_told_and_nothing_is_written(synced: Shop) -> None:
    out_of_step(synced)
    before = [dump(synced.folder / file) for file in ("crm.db", "pm.db", ".crmsync/ledger.db")]
    said = synced.do("drift")
    assert said.code == 3
    for words in (
        "never dispatched: 1 rejected in crm",
        "! crm.account/5  rejected: ico: company_id:",
        "missing: 1 not in a complete listing of pm",
        "! crm.account/3 pm.customer/10  missing from a complete listing of pm.customer",
        'name: "Mlyn Nitra a.s." -> "Žluťoučký mlýn"  (owner-changed); since 20',
        'notes: "ours" | "theirs"  held: ',
        "out of step: 5\n",
        "next: crmsync plan\nnext: crmsync review list\nnext: crmsync dlq list\n",
    ):
        assert words in said.out
    assert [dump(synced.folder / file) for file in ("crm.db", "pm.db", ".crmsync/ledger.db")] == before


def test_orphaned_links_and_their_records_are_told(synced: Shop) -> None:
    synced.sql("crm", "DELETE FROM accounts WHERE id = 3")
    synced.sql("pm", "DELETE FROM customers WHERE id = 10")
    said = synced.do("drift")
    assert "orphaned links: 1\n      ! crm.account/3 pm.customer/10  both records are gone\n" in said.out
    assert said.code == 3


def test_links_of_a_mapping_that_is_not_in_the_project_any_more_are_told(synced: Shop) -> None:
    file = "mappings/account-customer.yaml"
    synced.edit(file, "mapping: account-customer", "mapping: account-client")
    said = synced.do("drift")
    assert "account-customer\n  orphaned links: 3; the project has no mapping of this name\n" in said.out
    assert said.code == 3
    assert synced.do("drift", "--output", "json").json["forgotten"] == {"account-customer": 3}


def test_what_waits_for_a_person_names_its_review_or_dead_letter(synced: Shop) -> None:
    out_of_step(synced)
    assert synced.do("run").code == 3
    out = synced.do("drift").out
    assert "; review 1\n" in out
    assert "; dead letter 1\n" in out


def test_a_pair_that_is_stuck_is_told_with_its_dead_letter(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET ico = '123' WHERE id = 1")
    synced.do("run")
    out = synced.do("drift").out
    assert "  stuck: 1 rejected\n      ! crm.account/1 pm.customer/7  rejected: ico: " in out
    assert "; dead letter 1\n" in out


def test_a_few_examples_are_shown_unless_all_are_asked_for(shop: Shop) -> None:
    shop.sql("crm", "INSERT INTO accounts (type, name) SELECT 'customer', name || id FROM accounts")
    shop.sql("crm", "INSERT INTO accounts (type, name) SELECT 'customer', name || id || 'x' FROM accounts")
    some, more, everything = (shop.do("drift", *words).out for words in ((), ("--limit", 7), ("--all",)))
    assert some.count("+ pm.customer") == 5
    assert "      ... and 9 more: crmsync drift --all\n" in some
    assert more.count("+ pm.customer") == 7
    assert everything.count("+ pm.customer") == 14
    assert "more: " not in everything


def test_people_are_masked_unless_they_are_asked_for(synced: Shop) -> None:
    out_of_step(synced)
    for words in ((), ("--output", "json"), ("--all",)):
        out = synced.do("drift", *words).out
        assert "new@mlyn.sk" not in out
        assert "***" in out
        assert "new@mlyn.sk" in synced.do("drift", "--show-pii", *words).out


def test_as_json_it_is_one_object_with_the_same_facts(synced: Shop) -> None:
    assert synced.do("drift", "--output", "json").json["exit"] == 0
    out_of_step(synced)
    said = synced.do("drift", "--output", "json")
    found = said.json
    assert (said.code, found["exit"], found["drift"], found["forgotten"]) == (3, 3, 5, {})
    mapping = found["mappings"]["account-customer"]
    assert mapping["read"] == {"crm": 5, "pm": 3}
    assert [mapping[each]["count"] for each in ("never_dispatched", "missing", "orphaned", "fields", "stuck")] == [
        1, 1, 0, 3, 0,
    ]  # fmt: skip
    assert mapping["missing"]["groups"] == [{"what": "unlisted", "side": "pm", "listings": 1, "count": 1}]
    name = next(each for each in mapping["fields"]["groups"] if each["field"] == "name")
    assert (name["what"], name["side"], name["count"], name["age_unknown"]) == ("write", "pm", 1, 0)
    assert name["oldest"]["evidence"] == "modified"
    assert 0 <= name["oldest"]["seconds"] < 600
    (lost,) = mapping["missing"]["examples"]
    assert lost["records"] == {"crm": "crm.account/3", "pm": "pm.customer/10"}


def test_a_listing_without_a_record_ends_it_as_it_ends_a_plan(synced: Shop) -> None:
    synced.sql("pm", "DELETE FROM customers")
    said, planned = synced.do("drift"), synced.do("plan")
    assert (said.code, said.out, said.err) == (4, "", planned.err)


def test_a_mapping_that_is_not_there_cannot_be_selected(shop: Shop) -> None:
    said = shop.do("drift", "--select", "nothing")
    assert said.code == 2
    assert "no mapping is named nothing" in said.err


def test_it_needs_no_lock(synced: Shop) -> None:
    synced.sql(
        ".crmsync/ledger",
        "UPDATE crmsync_lock SET held = 1, pid = 1, began = '', beat = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')",
    )
    assert synced.do("run").code == 6
    assert synced.do("drift").code == 0


def test_help_teaches_a_line_for_cron(shop: Shop) -> None:
    assert "30 5 * * *  crmsync -C /srv/shop drift" in shop.do("drift", "--help").out


def test_what_is_gone_for_good_is_told_with_what_a_person_can_do(synced: Shop) -> None:
    synced.sql("pm", "DELETE FROM customers WHERE id = 10")
    synced.do("run")
    synced.do("run")
    said = synced.do("drift")
    assert said.code == 3
    for words in (
        "  missing: 1 gone for good from pm\n",
        "! crm.account/3 pm.customer/10  its counterpart is gone, and no run makes another in pm.customer\n",
        "next: crmsync link split REF, and a run makes what is gone for good anew; or leave it as it is\n",
    ):
        assert words in said.out
    assert "next: crmsync plan" not in said.out
    missing = synced.do("drift", "--output", "json").json["mappings"]["account-customer"]["missing"]
    assert missing["groups"] == [{"what": "gone for good", "side": "pm", "count": 1}]
    assert synced.do("link", "split", "crm.account/3", "--yes").code == 0
    assert synced.do("run").code == 0
    assert synced.do("drift").code == 0


def test_what_a_run_that_died_had_sent_is_told_before_all_else(shop: Shop) -> None:
    shop.do("run", "--first-load")
    shop.sql(".crmsync/ledger", "UPDATE crmsync_run SET ended = NULL, exit = NULL")
    shop.sql(".crmsync/ledger", "UPDATE crmsync_journal SET status = 'sent' WHERE kind = 'create'")
    shop.sql(".crmsync/ledger", "DELETE FROM crmsync_link")
    said = shop.do("drift")
    for words in (
        "1 run had died before its end: ",
        "writes that were sent and never answered: 2 to be looked up by the next run\n",
        "what they had made may be there already, and is counted below as if it were not\n",
    ):
        assert words in said.out
    left = shop.do("drift", "--output", "json").json["recovered"]
    assert (len(left["runs"]), left["writes"]) == (1, {"to be looked up by the next run": 2})
