"""How a person undoes a run, and leaves a record alone."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from crmsync.ledger.lock import take_lock, this_process
from crmsync.ledger.store import Ledger
from tests.cli.shop import Shop


@pytest.fixture
def wrong(synced: Shop) -> Shop:
    """All three names were changed by mistake and carried over; one of them somebody has mended by hand."""
    synced.sql("crm", "UPDATE accounts SET name = name || ' (test)' WHERE type = 'customer'")
    assert synced.do("run").code == 0
    synced.sql("pm", "UPDATE customers SET customer_name = 'Mlyn' WHERE id = 9")
    return synced


def names(shop: Shop) -> dict[int, str]:
    return dict(shop.sql("pm", "SELECT id, customer_name FROM customers ORDER BY id"))


def test_nothing_is_undone_without_a_yes(wrong: Shop) -> None:
    before = names(wrong)
    said = wrong.do("revert", "--run", "last")
    assert said.code == 2
    assert "say --yes" in said.err
    assert '~ pm.customer/10  name: "Stavby Dunaj s.r.o. (test)" -> "Stavby Dunaj s.r.o."  (reverted)' in said.out
    assert '! pm.customer/9  name: stays: edited since: "Mlyn"' in said.out
    assert names(wrong) == before


def test_what_stays_is_told_and_ends_with_3(wrong: Shop) -> None:
    said = wrong.do("revert", "--run", "last", "--yes", "--output", "json")
    assert said.code == 3
    assert said.json["stays"] == [
        {"record": "pm.customer/9", "field": "name", "why": "edited since", "now": "Mlyn"}
    ]  # fmt: skip
    assert said.json["mappings"]["account-customer"]["actions"]["pm"]["update"] == 2
    assert names(wrong)[10] == "Stavby Dunaj s.r.o."
    assert names(wrong)[9] == "Mlyn"


def test_a_plan_that_undoes_a_run_is_saved_and_applied(wrong: Shop) -> None:
    said = wrong.do("revert", "--run", "last", "-o", wrong.folder / "undo.jsonl", "--output", "json")
    assert said.code == 3
    assert said.json["digest"]
    assert wrong.do("apply", wrong.folder / "undo.jsonl").code == 3
    assert names(wrong)[10] == "Stavby Dunaj s.r.o."
    assert wrong.do("history", "--output", "json").json["runs"][0]["mode"] == "revert"


def test_a_plan_that_undoes_a_run_is_shown_to_others_without_what_is_about_people(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET email = 'jana@canary-demo.sk' WHERE id = 2")
    assert synced.do("run").code == 0
    whole, shown = synced.folder / "undo.jsonl", synced.folder / "shown.jsonl"
    assert f"next: crmsync apply {whole}" in synced.do("revert", "--run", "last", "-o", whole).out
    assert "next: crmsync revert --run 2" in synced.do("revert", "--run", "last", "-o", shown, "--redact").out
    assert "canary-demo" in whole.read_text("utf-8")
    assert "canary-demo" not in shown.read_text("utf-8")
    said = synced.do("apply", shown)
    assert said.code == 2
    assert "it is redacted" in said.err
    said = synced.do("revert", "--run", "last", "--redact")
    assert said.code == 2
    assert "--redact is about the file" in said.err


def test_one_record_is_undone(wrong: Shop) -> None:
    assert wrong.do("revert", "--run", "last", "--only", "crm.account/3", "--yes").code == 3
    assert names(wrong) | {10: "Stavby Dunaj s.r.o. (test)"} != names(wrong)
    assert names(wrong)[7].endswith("(test)")


def test_a_run_that_wrote_nothing_leaves_nothing_to_undo(synced: Shop) -> None:
    synced.do("run")
    said = synced.do("revert", "--run", "last", "--yes")
    assert said.code == 0
    assert "nothing to undo" in said.out
    assert len(synced.do("history", "--output", "json").json["runs"]) == 2


def test_a_revert_that_is_too_big_names_the_plan_and_the_allowance(wrong: Shop) -> None:
    wrong.edit("mappings/account-customer.yaml", "update: 30%", "update: 1")
    said = wrong.do("revert", "--run", "last")
    assert said.code == 4
    assert "2 updates in pm.customer, more than the 1 that limits.update allows" in said.err
    assert wrong.do("revert", "--run", "last", "--yes").code == 4
    assert wrong.do("revert", "--run", "last", "--yes", "--allow", "update=2").code == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--run", "nobody"], "there is no run nobody"),
        (["--run", "last", "--only", "crm.nothing/1"], "no mapping has an entity crm.nothing"),
        (["--run", "last", "--allow", "lots"], "--allow lots is not NAME=N"),
        (["--run", "last", "-s", "nobody"], "no mapping is named nobody"),
    ],
)
def test_what_is_not_there_cannot_be_undone(synced: Shop, words: list[str], says: str) -> None:
    said = synced.do("revert", *words, "--yes")
    assert said.code == 2
    assert says in said.err


def test_explain_says_that_a_value_was_reverted_and_that_a_person_is_asked(wrong: Shop) -> None:
    wrong.do("revert", "--run", "last", "--yes")
    said = wrong.do("explain", "pm.customer/10", "name").out
    assert "The next run would hold it: name:" in said
    assert "has taken back what run" in said
    assert "crmsync review show" in said


# Leave it alone -------------------------------------------------------------------------------------------------


def test_an_excluded_record_is_listed_shown_explained_and_counted(synced: Shop) -> None:
    said = synced.do("link", "exclude", "crm.account/2")
    assert (said.code, said.out) == (0, "excluded crm.account/2 pm.customer/9 in account-customer\n")
    listed = synced.do("link", "list", "--excluded", "--output", "json").json["excluded"]
    assert [(each["record"], each["why"]) for each in listed] == [
        ("crm.account/2", "excluded"), ("pm.customer/9", "excluded"),
    ]  # fmt: skip
    assert "crm.account/2" in synced.do("link", "list", "--excluded").out
    for command in (("link", "show"), ("explain",)):
        said = synced.do(*command, "pm.customer/9")
        assert "is left alone" in said.out
        assert "crmsync link include pm.customer/9" in said.out
    assert synced.do("status", "--output", "json").json["mappings"]["account-customer"]["excluded"] == 2
    assert "2 records left alone" in synced.do("status").out


@pytest.mark.parametrize("verb", ["exclude", "include"])
def test_who_excludes_or_includes_while_a_run_is_at_work_waits_for_its_end(synced: Shop, verb: str) -> None:
    with closing(Ledger.open(f"sqlite:///{synced.folder}/.crmsync/ledger.db")) as ledger:
        lock = take_lock(ledger, "run", this_process("another"))
        assert synced.do("link", verb, "crm.account/2").code == 6
        lock.release()
    assert synced.do("link", "exclude", "crm.account/2").code == 0


def test_several_records_are_excluded_and_included_at_once(synced: Shop) -> None:
    synced.do("link", "exclude", "crm.account/2", "crm.account/3")
    said = synced.do("link", "include", "pm.customer/9", "crm.account/3", "--output", "json")
    assert [each["records"] for each in said.json["included"]] == [
        ["pm.customer/9", "crm.account/2"], ["crm.account/3", "pm.customer/10"],
    ]  # fmt: skip
    assert synced.do("link", "list", "--excluded").out == "no record is excluded\n"


def audited(shop: Shop) -> int:
    return len(shop.do("audit", "export").out.splitlines())


def test_who_is_excluded_already_stays_so_and_the_audit_tells_of_it_once(synced: Shop) -> None:
    assert synced.do("link", "exclude", "crm.account/2", "pm.customer/9").code == 0
    told = audited(synced)
    for ref in ("crm.account/2", "pm.customer/9"):
        said = synced.do("link", "exclude", ref)
        assert (said.code, said.out.split()[:3]) == (0, ["excluded", "already", ref])
    (again,) = synced.do("link", "exclude", "crm.account/2", "--output", "json").json["excluded"]
    assert again["already"] is True
    assert audited(synced) == told
    assert synced.do("link", "include", "crm.account/2", "pm.customer/9").code == 0
    told = audited(synced)
    said = synced.do("link", "include", "crm.account/2")
    assert (said.code, audited(synced)) == (2, told)
    assert "crm.account/2 is not excluded" in said.err
    events = [json.loads(line)["event"] for line in synced.do("audit", "export").out.splitlines()]
    assert (events.count("exclude"), events.count("include")) == (2, 2)


def test_who_was_forgotten_is_not_excluded_once_more(synced: Shop) -> None:
    synced.do("forget", "crm.account/2", "--yes")
    told = audited(synced)
    said = synced.do("link", "exclude", "crm.account/2")
    assert (said.code, said.out) == (
        0, "crm.account/2 was forgotten in account-customer, and is left alone for good\n",
    )  # fmt: skip
    assert audited(synced) == told


def test_who_is_not_there_is_not_excluded(synced: Shop) -> None:
    said = synced.do("link", "exclude", "crm.account/99")
    assert said.code == 2
    assert "there is no crm.account/99" in said.err
    said = synced.do("link", "include", "crm.account/2")
    assert said.code == 2
    assert "crm.account/2 is not excluded" in said.err


def test_of_a_record_whose_counterpart_was_taken_back_it_is_said_how_another_one_is_made(synced: Shop) -> None:
    synced.sql("crm", "INSERT INTO accounts (type, name, ico) VALUES ('customer', 'Duplo s.r.o.', '31322832')")
    assert synced.do("run").code == 0
    assert synced.do("revert", "--run", "last", "--yes").code == 0
    assert synced.do("run").code == 0
    assert "is left alone" in synced.do("link", "show", "crm.account/5").out
    said = synced.do("link", "include", "crm.account/5").out
    assert "crmsync link split crm.account/5" in said
    assert synced.do("link", "split", "crm.account/5", "--yes").code == 0
    synced.do("run")
    made = synced.sql("pm", "SELECT count(*) FROM customers WHERE customer_name = 'Duplo s.r.o.'")
    assert made == [(2,)]
