"""What a person sees of duplicates inside one system, and does about them: match dedupe, match merge, link split."""

from __future__ import annotations

import csv
import io

import pytest

from crmsync.ledger.lock import take_lock, this_process
from crmsync.ledger.store import Ledger
from tests.cli.shop import Shop

INSERT = "INSERT INTO accounts (id, type, name, website, email, description) VALUES (?, 'customer', ?, ?, ?, ?)"
FIND = ("match", "dedupe", "--side", "crm")


@pytest.fixture
def doubled(synced: Shop) -> Shop:
    """Account 21 is account 3 once more, and nobody has linked it."""
    synced.sql("crm", INSERT, 21, "STAVBY DUNAJ", "www.stavby-dunaj-demo.sk", "boss@stavby-dunaj-demo.sk", "second")
    return synced


def groups(shop: Shop) -> list[dict[str, object]]:
    (found,) = shop.do(*FIND, "--output", "json").json["duplicates"]
    return list(found["groups"])


# match dedupe


def test_duplicates_are_shown_with_the_record_that_stays_and_the_command_that_merges_them(doubled: Shop) -> None:
    said = doubled.do(*FIND)
    assert said.code == 0
    for words in (
        "account-customer: 4 records of crm.account, 1 left out: out of scope",
        "1 of 1: 2 records, cohesion",
        "stays   crm.account/3, linked with pm.customer/10: the only linked record",
        "same?   crm.account/21",
        "weakest pair: crm.account/21 crm.account/3",
        'name    "Stavby Dunaj s.r.o."  of crm.account/3: the survivor\'s',
        "if they are one: crmsync match merge crm.account/3 crm.account/21",
    ):
        assert words in said.out


def test_what_a_contract_marks_as_personal_is_hidden_unless_asked_for(doubled: Shop) -> None:
    for more in ((), ("--output", "json")):
        assert "boss@stavby-dunaj-demo.sk" not in doubled.do(*FIND, *more).out
        assert "boss@stavby-dunaj-demo.sk" in doubled.do(*FIND, *more, "--show-pii").out


@pytest.mark.parametrize("hosts", [("stavby-dunaj-demo.sk", "stavby-dunaj-demo.sk"), ("gmail.com", "gmail.com")])
def test_a_reason_about_a_person_is_hidden_in_the_words_of_review_show(doubled: Shop, hosts: tuple[str, str]) -> None:
    """Also one that gives no points: it names both values."""
    for number, host in zip((3, 21), hosts, strict=True):
        doubled.sql("crm", "UPDATE accounts SET email = ? WHERE id = ?", f"x{number}@{host}", number)
    doubled.edit("mappings/account-customer.yaml", "domain: {as: domain, weight: 0.4}",
                 "domain: {as: domain, weight: 0.4}\n    email: {as: email, weight: 0.2}")  # fmt: skip
    for more in ((), ("--output", "json")):
        said = doubled.do(*FIND, *more).out
        assert "(about a person)" in said
        assert not any(f"x{number}@" in said for number in (3, 21))


def test_a_side_without_duplicates_says_so(synced: Shop) -> None:
    assert synced.do(*FIND).out.endswith("no duplicates\n")
    assert groups(synced) == []


def test_duplicates_are_told_as_json_with_everything_that_a_person_sees(doubled: Shop) -> None:
    (group,) = groups(doubled)
    assert group["survivor"] == "crm.account/3"
    assert [each["record"] for each in group["records"]] == ["crm.account/21", "crm.account/3"]  # type: ignore[attr-defined]  # a list
    assert group["contradictory"] is False
    assert group["merge"] == "crmsync match merge crm.account/3 crm.account/21"
    assert group["golden"]["status"]["from"] == "pm.customer/10"  # type: ignore[index]  # a dict
    assert {"score", "records", "reasons"} <= group["weakest"].keys()  # type: ignore[attr-defined]  # a dict


def test_duplicates_are_written_as_csv_a_line_a_record(doubled: Shop) -> None:
    rows = list(csv.DictReader(io.StringIO(doubled.do(*FIND, "--output", "csv").out)))
    assert [(row["cluster"], row["record"], row["survivor"], row["linked_with"]) for row in rows] == [
        ("1", "crm.account/3", "yes", "pm.customer/10"),
        ("1", "crm.account/21", "no", ""),
    ]


def test_a_limit_shows_the_surest_groups_and_tells_how_many_there_are(doubled: Shop) -> None:
    doubled.sql("crm", INSERT, 30, "Pekáreň Orava", "pekaren-orava.sk", None, None)
    doubled.sql("crm", INSERT, 31, "Pekáreň Orava s.r.o.", "pekaren-orava.sk", None, None)
    out = doubled.do(*FIND, "--limit", 1).out
    assert "1 of 2:" in out
    assert "... and 1 group more" in out


def test_records_that_are_less_alike_are_shown_when_they_are_asked_for(doubled: Shop) -> None:
    doubled.sql("crm", INSERT, 22, "Stavby Dunaj Morava", "stavby-dunaj-demo.sk", None, None)
    assert "crm.account/22" not in doubled.do(*FIND).out
    assert "crm.account/22" in doubled.do(*FIND, "--min-score", "0.5").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--side", "erp"), "no mapping that is selected has a side erp"),
        (("--side", "crm", "-s", "nobody"), "no mapping is named nobody"),
    ],
)
def test_a_side_that_is_not_there_is_told_with_a_choice(doubled: Shop, words: tuple[str, ...], told: str) -> None:
    said = doubled.do("match", "dedupe", *words)
    assert said.code == 2
    assert told in said.err
    assert "choose among" in said.err


def test_people_work_through_duplicates_as_through_other_questions(doubled: Shop) -> None:
    assert "1 question opened; next: crmsync review work --kind duplicate" in doubled.do(*FIND, "--ask").out
    assert "nothing new to ask" in doubled.do(*FIND, "--ask").out
    assert "crm.account/3 crm.account/21" in doubled.do("review", "list", "--kind", "duplicate").out
    assert doubled.do("review", "resolve", 1, "--take", "same").code == 0
    assert doubled.do("run").code == 0
    assert len(doubled.customers()) == 4
    assert doubled.do("review", "reopen", 1).code == 0
    assert "taken back" in doubled.do("link", "show", "crm.account/21").out


def test_an_unknown_rule_for_golden_values_is_found_with_its_place(shop: Shop) -> None:
    mapping = "mappings/account-customer.yaml"
    shop.edit(
        mapping, "  link_at: 0.93", "  golden: {default: newst, nmae: newest, notes: {priority: [pn]}}\n  link_at: 0.93"
    )
    said = shop.do("check")
    assert said.code == 2
    for words in ("there is no rule 'newst'", "did you mean 'newest'", "there is no field 'nmae'", "no rule 'pn'"):
        assert words in said.out + said.err


# match merge


def test_a_merge_tells_what_it_will_do_and_a_dry_run_does_nothing(doubled: Shop) -> None:
    said = doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--dry-run")
    assert said.code == 0
    assert "account-customer: crm.account/21 into crm.account/3" in said.out
    assert "nothing was changed" in said.out
    assert doubled.do("link", "show", "crm.account/21").out == "no link\n"


def test_a_merge_needs_a_yes(doubled: Shop) -> None:
    said = doubled.do("match", "merge", "crm.account/3", "crm.account/21")
    assert said.code == 2
    assert "--yes" in said.err
    assert doubled.do("link", "show", "crm.account/21").out == "no link\n"


def test_a_merged_record_gets_no_customer_and_a_split_one_does(doubled: Shop) -> None:
    before = doubled.customers()
    assert doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes").code == 0
    assert doubled.do("run").code == 0
    assert doubled.customers() == before
    assert doubled.do("plan", "--exit-code").code == 0
    assert doubled.do("link", "split", "crm.account/21", "--yes").out == (
        "split crm.account/21 from crm.account/3 in account-customer\n"
    )
    assert doubled.do("run").code == 0
    assert len(doubled.customers()) == len(before) + 1


def test_the_counterpart_of_a_merged_record_goes_to_the_one_that_stays(doubled: Shop) -> None:
    said = doubled.do("match", "merge", "crm.account/21", "crm.account/3", "--yes")
    assert "pm.customer/10 is linked with crm.account/21 from now on" in said.out
    assert "crm.account/21 pm.customer/10" in doubled.do("link", "list").out
    doubled.do("run")
    assert len(doubled.customers()) == 4


def test_two_linked_records_name_their_counterparts_and_the_command_that_merges_both(synced: Shop) -> None:
    said = synced.do("match", "merge", "crm.account/1", "crm.account/2", "--yes")
    assert said.code == 2
    for words in (
        "crm.account/1 with pm.customer/7",
        "crm.account/2 with pm.customer/9",
        "crmsync match merge crm.account/1 crm.account/2 --counterparts",
    ):
        assert words in said.err
    said = synced.do("match", "merge", "crm.account/1", "crm.account/2", "--counterparts", "--yes", "--output", "json")
    assert said.json["merged"][0]["counterparts"] == [{"survivor": "pm.customer/7", "other": "pm.customer/9"}]
    before = synced.customers()
    assert synced.do("run").code == 0
    assert synced.customers() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("crm.account/3", "crm.account/3"), "crm.account/3 cannot be merged with itself"),
        (("crm.account/3", "crm.account/99"), "there is no crm.account/99"),
        (("crm.account/3", "pm.customer/7"), "pm.customer/7 is no crm.account"),
        (("crm.account/3", "crm.nobody/1"), "no mapping has an entity crm.nobody"),
        (("crm.account/3", "crm.account/21", "-s", "nobody"), "no mapping is named nobody"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused_and_changes_nothing(
    doubled: Shop, words: tuple[str, ...], told: str
) -> None:
    said = doubled.do("match", "merge", *words, "--yes")
    assert said.code == 2
    assert told in said.err
    assert doubled.do("link", "show", "crm.account/21").out == "no link\n"


@pytest.mark.parametrize(
    "words",
    [
        "match merge crm.account/1 crm.account/2 --counterparts --yes",
        "link split crm.account/21 --yes",
        "review resolve 1 --take same",
    ],
)
def test_merges_are_neither_made_nor_taken_back_while_a_run_is_at_work(doubled: Shop, words: str) -> None:
    doubled.sql("crm", INSERT, 22, "Stavby Dunaj", "stavby-dunaj-demo.sk", None, None)
    doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    doubled.do(*FIND, "--ask")
    before = doubled.do("link", "show", "crm.account/3").out
    ledger = Ledger.open(f"sqlite:///{doubled.folder}/.crmsync/ledger.db")
    lock = take_lock(ledger, "run", this_process("another"))
    try:
        assert doubled.do(*words.split()).code == 6
        assert doubled.do("link", "show", "crm.account/3").out == before
    finally:
        lock.release()
        ledger.close()
    assert doubled.do(*words.split()).code == 0


# explain, link show


def test_explain_tells_the_golden_value_and_what_the_record_itself_says(doubled: Shop) -> None:
    doubled.edit("mappings/account-customer.yaml", "  link_at: 0.93", "  golden: {notes: newest}\n  link_at: 0.93")
    doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    out = doubled.do("explain", "crm.account/3", "notes").out
    assert "crm.account/21 was merged into crm.account/3 by" in out
    assert (
        'The golden value is "second", of crm.account/21: of the record modified last; crm.account/3 itself says' in out
    )
    told = doubled.do("explain", "crm.account/3", "notes", "--output", "json").json["mappings"][0]
    assert told["merges"] == [{"record": "crm.account/21", "into": "crm.account/3"}]
    assert told["fields"]["notes"]["golden"]["crm"]["from"] == "crm.account/21"


def test_explain_tells_where_a_merged_record_went(doubled: Shop) -> None:
    doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    doubled.do("run")
    out = doubled.do("explain", "crm.account/21").out
    assert "crm.account/21 is crm.account/3 now: no run looks at it; crmsync link split crm.account/21" in out
    assert "The last run left crm.account/21 alone: merged into crm.account/3." in out


def test_a_golden_value_that_is_personal_is_masked(doubled: Shop) -> None:
    doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    for words in (("explain", "crm.account/3", "email"), ("link", "show", "crm.account/3", "--output", "json")):
        assert "boss@" not in doubled.do(*words).out
    assert "boss@" in doubled.do("explain", "crm.account/3", "email", "--show-pii").out


def test_a_chain_of_merges_is_shown_as_what_it_came_to(doubled: Shop) -> None:
    doubled.sql("crm", INSERT, 22, "Stavby Dunaj", None, None, None)
    doubled.do("match", "merge", "crm.account/21", "crm.account/22", "--yes")
    doubled.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    out = doubled.do("link", "show", "crm.account/3").out
    assert "crm.account/21 was merged into crm.account/3 by" in out
    assert "crm.account/22 was merged into crm.account/21 by" in out
    assert "that is crm.account/3 by now" in out
    records = doubled.do("link", "show", "crm.account/3", "--output", "json").json["merges"]
    assert [each["record"] for each in records] == ["crm.account/22", "crm.account/21"]
