"""What a person asks and answers: review, dlq, link, explain, status, history."""

from __future__ import annotations

from contextlib import closing

import pytest

from crmsync.core.model import ABSENT, Agreed, Change, Create, Hold, key_text
from crmsync.core.plan.lines import encode
from crmsync.ledger.nouns import NewRun
from crmsync.ledger.store import Ledger
from tests.cli.shop import Shop


@pytest.fixture
def conflict(synced: Shop) -> Shop:
    """Both sides changed the notes of account 2, customer 9; review 1 asks about it."""
    synced.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 2")
    synced.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 9")
    assert synced.do("run").code == 3
    return synced


@pytest.fixture
def unsure(shop: Shop) -> Shop:
    """Customer 11 may be account 3; review 1 asks about it."""
    shop.sql(
        "pm",
        "INSERT INTO customers (id, customer_name, status, kind) VALUES (11, 'Stavby Dunaj', 'active', 'external')",
    )
    assert shop.do("run", "--first-load").code == 3
    return shop


def notes(shop: Shop) -> tuple[str, str]:
    ((ours,),) = shop.sql("crm", "SELECT description FROM accounts WHERE id = 2")
    ((theirs,),) = shop.sql("pm", "SELECT notes FROM customers WHERE id = 9")
    return ours, theirs


# review


def test_a_conflict_is_shown_with_both_values_and_every_answer(conflict: Shop) -> None:
    out = conflict.do("review", "show", 1).out
    for words in ("crm.account/2 pm.customer/9", '"ours"', '"theirs"', "--take crm", "--take pm", "--take 'value=...'"):
        assert words in out


@pytest.mark.parametrize(
    ("take", "after"),
    [
        ("crm", ("ours", "ours")),
        ("pm", ("theirs", "theirs")),
        ('value="both"', ("both", "both")),
        ("value=x", ("x", "x")),
    ],
)
def test_the_next_run_does_as_a_person_answered(conflict: Shop, take: str, after: tuple[str, str]) -> None:
    assert conflict.do("review", "resolve", 1, "--take", take).code == 0
    assert conflict.do("run", "--mode", "delta").code == 0
    assert notes(conflict) == after
    assert conflict.do("review", "list").out == "no open review\n"


def test_an_answer_lapses_when_the_values_move_on(conflict: Shop) -> None:
    conflict.do("review", "resolve", 1, "--take", "crm")
    conflict.sql("pm", "UPDATE customers SET notes = 'on second thought' WHERE id = 9")
    assert conflict.do("run").code == 3
    assert notes(conflict) == ("ours", "on second thought")


def test_all_open_reviews_of_a_kind_can_be_answered_at_once(conflict: Shop) -> None:
    assert conflict.do("review", "resolve", "--all", "--kind", "match", "--take", "same", "--yes").out.startswith(
        "0 reviews"
    )
    said = conflict.do("review", "resolve", "--all", "--field", "notes", "--take", "pm", "--yes")
    assert said.out == "1 review answered; next: crmsync run\n"


def test_answering_all_needs_a_yes(conflict: Shop) -> None:
    said = conflict.do("review", "resolve", "--all", "--take", "pm")
    assert said.code == 2
    assert "--yes" in said.err


@pytest.mark.parametrize(
    "words", ["1 --take nobody", "1 --take same", "99 --take crm", "--take crm", "1 --all --take crm"]
)
def test_an_answer_that_does_not_fit_is_refused(conflict: Shop, words: str) -> None:
    assert conflict.do("review", "resolve", *words.split()).code == 2
    assert conflict.do("review", "list", "--output", "json").json["reviews"][0]["state"] == "open"


def test_an_answer_can_be_taken_back(conflict: Shop) -> None:
    conflict.do("review", "resolve", 1, "--take", "crm")
    assert conflict.do("review", "reopen", 1).code == 0
    assert conflict.do("run").code == 3
    assert notes(conflict) == ("ours", "theirs")


def test_two_records_that_may_be_the_same_are_shown_field_by_field(unsure: Shop) -> None:
    out = unsure.do("review", "show", 1).out
    assert '"Stavby Dunaj s.r.o."' in out
    assert '"Stavby Dunaj"' in out
    assert "--take same" in out


def test_records_that_a_person_calls_the_same_are_linked(unsure: Shop) -> None:
    unsure.do("review", "resolve", 1, "--take", "same")
    unsure.do("run")
    assert unsure.customers()[11][0] == "Stavby Dunaj s.r.o."
    assert "crm.account/3 pm.customer/11" in unsure.do("link", "list").out


def test_records_that_a_person_calls_different_get_counterparts_of_their_own(unsure: Shop) -> None:
    unsure.do("review", "resolve", 1, "--take", "different")
    assert unsure.do("run").code == 0
    assert [customer[0] for customer in unsure.customers().values()].count("Stavby Dunaj s.r.o.") == 1
    assert unsure.customers()[11][0] == "Stavby Dunaj"


def test_an_answer_about_a_match_that_is_taken_back_is_asked_again(unsure: Shop) -> None:
    unsure.do("review", "resolve", 1, "--take", "same")
    unsure.do("run")
    assert unsure.do("review", "reopen", 1).code == 0
    unsure.sql("pm", "UPDATE customers SET customer_name = 'Stavby Dunaj', web_domain = NULL WHERE id = 11")
    assert unsure.do("run").code == 3
    assert unsure.do("link", "show", "pm.customer/11", "--output", "json").json["links"][0]["ended"] is not None


# review: what stands around a question


def test_a_review_tells_what_changed_when_and_who_wrote_it_last(conflict: Shop) -> None:
    ((ours,),) = conflict.sql("crm", "SELECT updated_at FROM accounts WHERE id = 2")
    run = conflict.do("history", "--output", "json").json["runs"][-1]["run"]
    out = conflict.do("review", "show", 1).out
    for words in (
        "record changed", ours.replace(" ", "T"), "UTC: crmsync wrote null to pm, because the record was created",
        f"(run {run}, mappings/account-customer.yaml:45)", "other field  crm",
        '"Mlyn Nitra a.s."',
    ):  # fmt: skip
        assert words in out


def test_a_review_as_json_holds_all_that_its_text_tells(conflict: Shop) -> None:
    told = conflict.do("review", "show", 1, "--output", "json").json
    assert told["values"] == ["ours", "theirs"]
    assert told["now"]["notes"] == {"crm": "ours", "pm": "theirs"}
    assert told["now"]["email"] == {"crm": "***", "pm": "***"}
    assert told["changed"].keys() == {"crm", "pm"}
    assert (told["written"]["side"], told["written"]["why"]) == ("pm", "created")
    assert (told["sent"], told["unasked"], told["answers"]) == (None, None, ["crm", "pm", "value=..."])


def test_people_around_a_question_are_hidden_unless_asked_for(conflict: Shop) -> None:
    assert "info@mlyn-nitra-demo.sk" not in conflict.do("review", "show", 1).out
    assert "info@mlyn-nitra-demo.sk" in conflict.do("review", "show", 1, "--show-pii").out


def test_a_review_whose_values_moved_on_says_so(conflict: Shop) -> None:
    conflict.sql("pm", "UPDATE customers SET notes = 'on second thought' WHERE id = 9")
    out = conflict.do("review", "show", 1).out
    for words in ("says now", '"theirs"', '"on second thought"', "an answer to this one would lapse"):
        assert words in out


def test_a_review_is_shown_even_when_a_system_does_not_answer(conflict: Shop) -> None:
    conflict.edit("crmsync.yaml", "sqlite:///pm.db", "postgresql://nobody@127.0.0.1:1/pm?connect_timeout=2")
    out = conflict.do("review", "show", 1).out
    for words in ("what the records say now is not known: pm: cannot reach", '"ours"', '"theirs"', "--take pm"):
        assert words in out


def test_a_record_that_is_gone_is_named_with_its_question(conflict: Shop) -> None:
    conflict.sql("pm", "DELETE FROM customers WHERE id = 9")
    assert "pm.customer/9 is not in its system now" in conflict.do("review", "show", 1).out


# review: filters


@pytest.fixture
def two(conflict: Shop) -> Shop:
    """Review 2 asks about the notes of account 1, customer 7."""
    conflict.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 1")
    conflict.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 7")
    assert conflict.do("run").code == 3
    return conflict


FILTERS = {
    "--ref crm.account/1": [2],
    "--ref pm.customer/9": [1],
    "--ref pm.customer/10": [],
    "--field notes": [1, 2],
    "--field name": [],
    "--kind match": [],
    "--kind conflict -s account-customer --ref crm.account/2": [1],
    "--select acc*": [1, 2],
}


@pytest.mark.parametrize("words", FILTERS)
def test_list_and_resolve_choose_by_the_same_filters(two: Shop, words: str) -> None:
    listed = two.do("review", "list", *words.split(), "--output", "json").json["reviews"]
    assert [each["n"] for each in listed] == FILTERS[words]
    done = two.do("review", "resolve", "--all", *words.split(), "--take", "pm", "--yes", "--output", "json")
    assert done.json["resolved"] == FILTERS[words]
    assert len(two.do("review", "list", "--output", "json").json["reviews"]) == 2 - len(FILTERS[words])


def test_a_list_that_is_cut_says_how_many_more_there_are(two: Shop) -> None:
    out = two.do("review", "list", "--limit", 1).out
    assert out.splitlines()[2:] == ["and 1 more: --limit N or --all", "next: crmsync review show 1"]
    told = two.do("review", "list", "--limit", 1, "--output", "json").json
    assert (len(told["reviews"]), told["total"]) == (1, 2)
    for words in (("--limit", 1, "--all"), ("--limit", 2)):
        assert "more" not in two.do("review", "list", *words).out
        assert len(two.do("review", "list", *words, "--output", "json").json["reviews"]) == 2


def test_a_list_is_filtered_before_it_is_cut(two: Shop) -> None:
    listed = two.do("review", "list", "--limit", 1, "--ref", "crm.account/1", "--output", "json").json["reviews"]
    assert [each["n"] for each in listed] == [2]


@pytest.mark.parametrize("words", ["list --ref crm.nothing/1", "list -s another", "resolve 1 --field notes --take pm"])
def test_a_filter_that_cannot_be_is_refused(two: Shop, words: str) -> None:
    assert two.do("review", *words.split()).code == 2


# review: who answered


def test_an_answer_bears_the_name_of_who_gave_it_also_when_it_was_used(
    conflict: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "eva")
    conflict.do("review", "resolve", 1, "--take", "crm")
    assert "answered by eva: crm, 20" in conflict.do("review", "show", 1).out
    conflict.do("run")
    assert "answered by eva: crm; it is no longer asked" in conflict.do("review", "show", 1).out
    (told,) = conflict.do("review", "list", "--state", "lapsed", "--output", "json").json["reviews"]
    assert (told["who"], told["take"]) == ("eva", "crm")


def test_an_answer_that_was_used_is_not_taken_back_but_what_can_be_done_is_said(
    conflict: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "eva")
    conflict.do("review", "resolve", 1, "--take", "crm")
    conflict.do("run")
    said = conflict.do("review", "reopen", 1)
    assert said.code == 2
    for words in (
        "answered by eva (crm)", "write the value that you want to crm.account/2 or pm.customer/9 itself",
        "crmsync explain crm.account/2 notes",
    ):  # fmt: skip
        assert words in said.err


def test_a_question_that_lapsed_unanswered_is_not_reopened(conflict: Shop) -> None:
    conflict.sql("pm", "UPDATE customers SET notes = 'ours' WHERE id = 9")
    conflict.do("run")
    assert "not answered; it is no longer asked" in conflict.do("review", "show", 1).out
    said = conflict.do("review", "reopen", 1)
    assert (said.code, "lapsed without an answer" in said.err) == (2, True)


@pytest.mark.parametrize(("words", "shown"), [((), '"***"'), (("--show-pii",), '"me@here.sk"')])
def test_an_answer_by_value_is_shown_and_hidden_where_it_is_about_people(
    synced: Shop, words: tuple[str, ...], shown: str
) -> None:
    shared = "owner: shared, on_conflict: review}"
    synced.edit("mappings/account-customer.yaml", "owner: crm, to_pm: [email], on_null: keep}", shared)
    assert synced.do("rebase", "--yes").code == 0
    assert synced.do("run").code == 0
    synced.sql("crm", "UPDATE accounts SET email = 'ours@here.sk', description = 'ours' WHERE id = 2")
    synced.sql("pm", "UPDATE customers SET contact_email = 'theirs@here.sk', notes = 'theirs' WHERE id = 9")
    assert synced.do("run").code == 3
    numbers = {each["field"]: each["n"] for each in synced.do("review", "list", "--output", "json").json["reviews"]}
    synced.do("review", "resolve", numbers["email"], "--take", "value=me@here.sk")
    synced.do("review", "resolve", numbers["notes"], "--take", "value=both")
    assert f": value={shown}, 20" in synced.do("review", "show", numbers["email"], *words).out
    assert ': value="both", 20' in synced.do("review", "show", numbers["notes"], *words).out
    assert "me@here.sk" not in synced.do("review", "list", "--state", "any", "--output", "json").out


def test_an_answered_review_is_not_answered_again_but_says_by_whom_and_when(
    conflict: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "eva")
    conflict.do("review", "resolve", 1, "--take", "crm")
    said = conflict.do("review", "resolve", 1, "--take", "pm")
    assert said.code == 2
    assert "review 1 was answered by eva on 20" in said.err
    assert "take that back first: crmsync review reopen 1" in said.err
    conflict.do("run")
    run = conflict.do("history", "--output", "json").json["runs"][0]["run"]
    said = conflict.do("review", "resolve", 1, "--take", "pm")
    assert said.code == 2
    assert "review 1 was answered by eva on 20" in said.err
    assert " and used on 20" in said.err
    assert f"(run {run})" in said.err
    assert "write the value that you want to crm.account/2 or pm.customer/9 itself" in said.err


def test_an_answer_that_came_too_late_is_not_said_to_have_been_used(conflict: Shop) -> None:
    conflict.do("review", "resolve", 1, "--take", "crm")
    conflict.sql("crm", "UPDATE accounts SET description = 'agreed' WHERE id = 2")
    conflict.sql("pm", "UPDATE customers SET notes = 'agreed' WHERE id = 9")
    conflict.do("run")
    said = conflict.do("review", "resolve", 1, "--take", "pm")
    assert (said.code, "used, or its values moved on" in said.err) == (2, True)


def test_a_question_that_lapsed_unanswered_takes_no_answer(conflict: Shop) -> None:
    conflict.sql("pm", "UPDATE customers SET notes = 'ours' WHERE id = 9")
    conflict.do("run")
    said = conflict.do("review", "resolve", 1, "--take", "pm")
    assert (said.code, "review 1 lapsed without an answer" in said.err) == (2, True)


# review: a create that was never answered


@pytest.fixture
def unanswered(synced: Shop) -> Shop:
    """Account 5 was being created in pm when the run died; review 1 asks what became of it. Customer 11 is there, and
    could be it."""
    synced.sql("crm", "INSERT INTO accounts (id, type, name) VALUES (5, 'customer', 'Novák s.r.o.')")
    synced.sql(
        "pm",
        "INSERT INTO customers (id, customer_name, status, kind) VALUES (11, 'Nieco ine', 'active', 'external')",
    )
    change = Change(
        "name", "customer_name", ABSENT, "Novák s.r.o.", "created", Agreed(("Novák s.r.o.", "Novák s.r.o."))
    )
    create = encode(Create("account-customer", 1, (5,), (change,)))
    hold = Hold("account-customer", ((5,), None), "unknown-outcome", "", (None, None), (None, None), "sent, unanswered")
    with closing(Ledger.open(f"sqlite:///{synced.folder}/.crmsync/ledger.db")) as ledger, ledger.writing() as writer:
        writer.start_run(NewRun("died", "2026-11-20T02:00:00+00:00", "batch", "eva", "h", 1))
        writer.save_journal("died", [(0, "account-customer", 1, key_text((5,)), "create", create)])
        writer.settle_journal("died", [(0, "unknown", "", "2026-11-20T02:00:01+00:00")])
        writer.save_holds("account-customer", [], [hold], "died", "2026-11-20T02:00:02+00:00")
    return synced


def test_a_create_that_was_never_answered_is_explained_with_both_its_answers(unanswered: Shop) -> None:
    out = unanswered.do("review", "show", 1).out
    for words in (
        "run died of eva, which began 2026-11-20 02:00:00Z, sent this create to pm, and no answer came",
        '+ pm.customer  from crm.account/5  name: "Novák s.r.o."',
        "look in pm for a customer like that: was it made from crm.account/5?",
        "--take same=KEY  (it made pm.customer/KEY: the two are linked)",
        "--take different  (it was never made: the next run creates it)",
    ):
        assert words in out
    assert "--take crm" not in out
    told = unanswered.do("review", "show", 1, "--output", "json").json
    assert (told["sent"]["run"], told["answers"]) == ("died", ["same=KEY", "different"])


@pytest.mark.parametrize("key", ["11", "pm.customer/11"])
def test_the_record_that_a_create_made_is_named_and_linked(unanswered: Shop, key: str) -> None:
    assert unanswered.do("review", "resolve", 1, "--take", f"same={key}").code == 0
    assert "crm.account/5 pm.customer/11" in unanswered.do("link", "list").out
    assert unanswered.do("review", "list").out == "no open review\n"


def test_a_create_that_was_never_made_is_answered_too(unanswered: Shop) -> None:
    assert unanswered.do("review", "resolve", 1, "--take", "different").code == 0
    assert "answered by " in unanswered.do("review", "show", 1).out


@pytest.mark.parametrize(
    ("take", "words"),
    [
        ("same", "review 1 lacks its record in pm"),
        ("same=99", "there is no pm.customer/99"),
        ("same=9", "pm.customer/9 is linked with another record already"),
        ("same=1,2", "a key of pm.customer is id: 1 of them, not 2"),
        ("crm", "asks for same or different"),
    ],
)
def test_an_answer_that_names_no_fitting_record_is_refused(unanswered: Shop, take: str, words: str) -> None:
    said = unanswered.do("review", "resolve", 1, "--take", take)
    assert said.code == 2
    assert words in said.err
    assert unanswered.do("review", "list", "--output", "json").json["reviews"][0]["state"] == "open"


def test_a_record_that_was_merged_is_nobodys_counterpart(unanswered: Shop) -> None:
    unanswered.sql(
        "pm",
        "INSERT INTO customers (id, customer_name, status, kind) VALUES (12, 'Nieco ine', 'active', 'external')",
    )
    assert unanswered.do("match", "merge", "pm.customer/12", "pm.customer/11", "--yes").code == 0
    said = unanswered.do("review", "resolve", 1, "--take", "same=11")
    assert said.code == 2
    assert "pm.customer/11 was merged into pm.customer/12" in said.err
    assert "--take same=pm.customer/12" in said.err
    assert unanswered.do("review", "resolve", 1, "--take", "same=pm.customer/12").code == 0
    assert "crm.account/5 pm.customer/12" in unanswered.do("link", "list").out


def test_a_key_is_no_answer_where_both_records_are_there(unsure: Shop) -> None:
    said = unsure.do("review", "resolve", 1, "--take", "same=11")
    assert (said.code, "say --take same" in said.err) == (2, True)


# dlq


@pytest.fixture
def broken(synced: Shop) -> Shop:
    """Account 2 has an e-mail that is none; dead letter 1 tells."""
    synced.sql("crm", "UPDATE accounts SET email = 'nonsense' WHERE id = 2")
    assert synced.do("run").code == 3
    return synced


def test_a_dead_letter_says_what_is_wrong_and_shows_its_record(broken: Shop) -> None:
    assert "crm.account/2" in broken.do("dlq", "list").out
    out = broken.do("dlq", "show", 1).out
    for words in (
        "contract/format email: must be an e-mail address",
        '"email": "***"',
        '"id": 2',
        "crmsync dlq retry 1",
    ):
        assert words in out


def test_a_dead_letter_closes_when_its_record_is_mended(broken: Shop) -> None:
    broken.sql("crm", "UPDATE accounts SET email = 'well@mlyn-nitra-demo.sk' WHERE id = 2")
    assert broken.do("run", "--mode", "delta").code == 0
    assert broken.do("dlq", "list").out == "no open dead letter\n"
    assert "closed" in broken.do("dlq", "list", "--state", "any").out


def test_dead_letters_are_filtered_before_the_list_is_cut(broken: Shop) -> None:
    broken.sql("crm", "UPDATE accounts SET ico = '123' WHERE id = 3")
    broken.do("run")
    rules = [each["rule"] for each in broken.do("dlq", "list", "--output", "json").json["dead_letters"]]
    assert len(set(rules)) == 2
    for rule in rules:
        found = broken.do("dlq", "list", "--rule", rule, "--limit", 1, "--output", "json").json["dead_letters"]
        assert [each["rule"] for each in found] == [rule]


def test_dead_letters_can_be_retried_and_dropped(broken: Shop) -> None:
    assert broken.do("dlq", "retry", 1).out == "1 dead letter to be retried; next: crmsync run\n"
    assert "to be retried" in broken.do("dlq", "show", 1).out
    assert broken.do("dlq", "drop", "--all", "--rule", "contract/format", "--yes").out == "1 dead letter dropped\n"
    assert broken.do("dlq", "list").out == "no open dead letter\n"


@pytest.mark.parametrize("words", ["retry 99", "drop 99", "retry", "drop", "show 99", "retry 1 --all"])
def test_a_dead_letter_that_is_not_there_is_refused(broken: Shop, words: str) -> None:
    assert broken.do("dlq", *words.split()).code == 2


# link


def test_a_link_has_a_story(synced: Shop) -> None:
    (link,) = synced.do("link", "show", "pm.customer/7", "--output", "json").json["links"]
    assert (link["records"], link["reason"], link["by"]) == (["crm.account/1", "pm.customer/7"], "ico equal", "crmsync")


def test_split_records_are_looked_at_again_and_never_proposed_again(synced: Shop) -> None:
    assert synced.do("link", "split", "crm.account/1", "--yes").code == 0
    assert synced.do("run", "--mode", "delta").code == 0
    links = synced.do("link", "list", "--output", "json").json["links"]
    assert ["crm.account/1", "pm.customer/7"] not in [link["records"] for link in links]
    assert "crm.account/1" in [link["records"][0] for link in links]


def test_what_is_not_linked_cannot_be_split(synced: Shop) -> None:
    assert synced.do("link", "split", "crm.account/4", "--yes").code == 2
    assert synced.do("link", "split", "crm.account/1").code == 2


# explain


def test_explain_tells_the_whole_chain(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    run = synced.do("history", "--output", "json").json["runs"][0]["run"]
    out = synced.do("explain", "crm.account/2", "name").out
    for words in (
        "crm.account/2 pm.customer/9  in account-customer",
        "mappings/account-customer.yaml:31:",
        "crm owns it: crm name -> pm customer_name; to pm through trim, collapse_spaces.",
        'Now crm says "Mlyn Nitra SE", pm says "Mlyn Nitra a.s.".',
        'When they last agreed, crm said "  Mlyn   Nitra a.s. ", pm said "Mlyn Nitra a.s.".',
        'UTC: crmsync wrote "Mlyn Nitra a.s." to pm, because the record was created from the other one '
        f"(run {run}, mappings/account-customer.yaml:31).",
        'The next run would write "Mlyn Nitra SE" to pm, because its owner changed it (owner-changed).',
    ):
        assert words in out


def test_explain_tells_the_same_chain_from_either_end(synced: Shop) -> None:
    assert synced.do("explain", "crm.account/2").out == synced.do("explain", "pm.customer/9").out


def test_explain_names_the_open_review(conflict: Shop) -> None:
    out = conflict.do("explain", "pm.customer/9", "notes").out
    assert "The next run would hold it: notes: both sides changed it." in out
    assert "crmsync review show 1" in out


def test_explain_names_the_dead_letter_and_why_the_record_is_rejected(broken: Shop) -> None:
    out = broken.do("explain", "crm.account/2", "email").out
    assert "Dead letter 1 is open" in out
    assert "Now it is rejected: must be an e-mail address (contract/format email)" in out


def test_explain_changes_nothing(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    before = known(synced), synced.customers()
    synced.do("explain", "crm.account/2")
    assert (known(synced), synced.customers()) == before


def known(shop: Shop) -> list[str]:
    """What the ledger knows, in words that do not change with the hour."""
    return [shop.do(*words.split()).out for words in ("history", "link list", "review list", "dlq list", "audit head")]


def test_explain_as_json_is_one_object(synced: Shop) -> None:
    (story,) = synced.do("explain", "crm.account/2", "name", "--output", "json").json["mappings"]
    field = story["fields"]["name"]
    assert story["records"] == {"crm": "crm.account/2", "pm": "pm.customer/9"}
    assert field["now"] == {"crm": "  Mlyn   Nitra a.s. ", "pm": "Mlyn Nitra a.s."}
    assert (field["owner"], field["written"]["why"], field["next"]) == ("crm", "created", [])


@pytest.mark.parametrize(
    "words", ["crm.account/99", "crm.acount/1", "crm.account/1 nam", "crm.account", "crm.account/1,2"]
)
def test_what_is_not_there_cannot_be_explained(synced: Shop, words: str) -> None:
    assert synced.do("explain", *words.split()).code == 2


def test_a_record_that_was_never_synced_is_explained_too(synced: Shop) -> None:
    out = synced.do("explain", "crm.account/4", "name").out
    assert "It is not linked." in out
    assert "mapping account-customer is only about those of crm with type == 'customer' and those of pm" in out


BREAKING = ("owner: crm, to_pm: [domain]", "owner: pm")
ADDITIVE = ("[trim, collapse_spaces]", "[trim]")
OFF = ("mapping: account-customer", "mapping: account-customer\nenabled: false")


@pytest.mark.parametrize(
    ("change", "rules", "command"),
    [
        (BREAKING, ["change/owner", "run/needs-rebase"], "crmsync rebase -s account-customer"),
        (ADDITIVE, ["run/needs-batch"], "crmsync run --mode batch --select account-customer"),
        (OFF, ["run/disabled"], "account-customer is switched off; take enabled: false away"),
    ],
)
def test_explain_works_after_a_change_and_says_what_is_due(
    synced: Shop, change: tuple[str, str], rules: list[str], command: str
) -> None:
    synced.edit("mappings/account-customer.yaml", *change)
    said = synced.do("explain", "crm.account/2", "name")
    assert said.code == 0
    assert 'Now crm says "  Mlyn   Nitra a.s. ", pm says "Mlyn Nitra a.s.".' in said.out
    assert 'crmsync wrote "Mlyn Nitra a.s." to pm' in said.out
    assert command in said.out
    assert "The next run would" not in said.out
    (story,) = synced.do("explain", "crm.account/2", "--output", "json").json["mappings"]
    assert [each["rule"] for each in story["unready"]] == rules


def test_explain_works_before_the_first_run(shop: Shop) -> None:
    said = shop.do("explain", "crm.account/2", "name")
    assert (said.code, said.err) == (0, "")
    assert "No run takes it up yet: account-customer has not had a complete batch run yet" in said.out


# status and history


def test_status_tells_how_every_mapping_stands(conflict: Shop) -> None:
    out = conflict.do("status").out
    assert "3 live links, 1 open review, 0 dead letters" in out
    assert "exit 3" in out
    standing = conflict.do("status", "--output", "json").json["mappings"]["account-customer"]
    assert (standing["links"], standing["open_reviews"], standing["needs_batch"]) == (3, 1, False)


def test_status_of_a_project_that_never_ran_names_the_first_step(shop: Shop) -> None:
    assert "crmsync run --first-load" in shop.do("status").out
    assert "crmsync run --first-load" in shop.do("history").out


def test_status_says_when_a_changed_mapping_needs_a_batch(synced: Shop) -> None:
    synced.edit("mappings/account-customer.yaml", "[trim, collapse_spaces]", "[trim]")
    assert "crmsync run --mode batch --select account-customer" in synced.do("status").out


def test_status_says_when_a_breaking_change_is_to_be_confirmed(synced: Shop) -> None:
    synced.edit("mappings/account-customer.yaml", *BREAKING)
    said = synced.do("status")
    assert said.code == 0
    assert "nothing runs until it is confirmed: crmsync rebase -s account-customer" in said.out
    assert "delta needs a batch run" not in said.out
    assert synced.do("status", "--output", "json").json["mappings"]["account-customer"]["needs_rebase"]
    assert synced.do("rebase", "-s", "account-customer", "--yes").code == 0
    assert "rebase" not in synced.do("status").out


def test_history_tells_what_a_run_did_line_by_line(synced: Shop) -> None:
    run = synced.do("history", "--output", "json").json["runs"][0]["run"]
    out = synced.do("history", run).out
    assert "done    ~ pm.customer/7  name:" in out
    assert "+ pm.customer  from crm.account/2" in out
    assert "... and more" in synced.do("history", run, "--limit", 2).out


def test_a_run_that_never_was_has_no_history(synced: Shop) -> None:
    assert synced.do("history", "yesterday").code == 2
