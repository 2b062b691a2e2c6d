"""What does `crmsync test` say, and with which exit code?"""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.shop import Shop

GOLDEN = "tests/account-customer/golden.yaml"
MAPPING = "mappings/account-customer.yaml"


def cut(shop: Shop, word: str) -> None:
    """The golden cases up to the one with this word in its name."""
    file = shop.folder / GOLDEN
    text = file.read_text("utf-8")
    file.write_text(text[: text.index(f"  - name: {word}")], "utf-8")


def test_a_fresh_project_passes_without_its_systems(shop: Shop) -> None:
    for name in ("crm", "pm"):
        (shop.folder / f"{name}.db").unlink()
    said = shop.do("test")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("account-customer: 6 golden cases; 200 drawn records, ")
    assert "all tests hold" in said.out
    assert not (shop.folder / ".crmsync" / "ledger.db").exists()


def test_two_runs_say_the_same_and_another_seed_draws_others(shop: Shop) -> None:
    first = shop.do("test", "--infos").out
    assert shop.do("test", "--infos").out == first
    assert shop.do("test", "--infos", "--seed", 5).out != first


def test_no_variable_has_to_be_set(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODY_SETS_THIS", raising=False)
    shop.edit("crmsync.yaml", "${CRM_URL:-sqlite:///crm.db}", "${NOBODY_SETS_THIS}")
    assert shop.do("check").code == 2
    assert shop.do("test").code == 0


def test_a_mapping_that_has_changed_fails_and_update_accepts_it(shop: Shop) -> None:
    shop.edit(MAPPING, "owner: crm, to_pm: [trim, collapse_spaces]", "owner: crm, to_pm: [trim]")
    said = shop.do("test", "--examples", 0)
    assert said.code == 2
    assert f"{GOLDEN}:11:5: a new customer gets a counterpart: it ends otherwise" in said.out
    assert "+      name: {to: Mlyn  Nitra a.s., why: created}" in said.out
    updated = shop.do("test", "--examples", 0, "--update")
    assert updated.code == 0
    assert "written anew: a new customer gets a counterpart" in updated.out
    assert "written anew" not in shop.do("test", "--examples", 0, "--update").out


def test_a_gap_between_two_contracts_fails_with_the_smallest_record(shop: Shop) -> None:
    cut(shop, "a name of blanks")
    said = shop.do("test")
    assert said.code == 2
    assert f"{MAPPING}:31:3 customer_name: account-customer, crm to pm: " in said.out
    assert 'such as crm {"id":1,"name":" ","type":"customer"} [test/breaks-contract]' in said.out
    assert shop.do("test", "--examples", 0).code == 0


def test_the_json_holds_counts_and_the_records_that_fail(shop: Shop) -> None:
    cut(shop, "a name of blanks")
    said = shop.do("test", "--output", "json").json
    told = said["mappings"]["account-customer"]
    assert told["golden"] == {"cases": 5, "failed": 0, "rewritten": []}
    (failure,) = told["drawn"]["from crm"]["failures"]
    assert (failure["rule"], failure["path"], failure["linked"]) == ("test/breaks-contract", "customer_name", None)
    assert failure["record"] == {"id": 1, "name": " ", "type": "customer"}
    assert (told["drawn"]["from pm"]["records"], told["drawn"]["from pm"]["failures"]) == (100, [])
    assert (said["exit"], said["findings"][0]["rule"]) == (2, "test/breaks-contract")


@pytest.mark.parametrize("format", ["junit", "sarif", "github", "gitlab"])
def test_findings_go_where_people_look(shop: Shop, format: str, tmp_path: Path) -> None:
    cut(shop, "a name of blanks")
    report = tmp_path / "report"
    assert shop.do("test", "--report", f"{format}={report}").code == 2
    assert "test/breaks-contract" in report.read_text("utf-8")


def test_what_passes_has_its_name_in_junit(shop: Shop) -> None:
    said = shop.do("test", "--output", "junit")
    assert f'classname="{(shop.folder / GOLDEN).as_posix()}"' in said.out


def test_each_golden_case_that_holds_passes_in_junit_by_its_own_name(shop: Shop) -> None:
    shop.edit(GOLDEN, "to: Mlyn Nitra SE,", "to: Mlyn,")
    (suite,) = ElementTree.fromstring(shop.do("test", "--examples", 0, "--output", "junit").out)
    passed = {str(case.get("classname")).partition(": ")[2] for case in suite if case.find("failure") is None}
    assert {"a new customer gets a counterpart", "a prospect is none of our business"} <= passed
    assert "a new name in the CRM reaches the project tool" not in passed
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["test/golden"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("given:", "givne:", "did you mean 'given'?"),
        ("cases:", "case:", "did you mean 'cases'?"),
        ("id: 1, type", "id: 1, tipe: 01, type", "01 has a leading zero"),
    ],
)
def test_a_file_of_cases_with_a_mistake_fails_with_its_place(shop: Shop, old: str, new: str, words: str) -> None:
    shop.edit(GOLDEN, old, new)
    said = shop.do("test", "--examples", 0)
    assert said.code == 2
    assert words in said.out
    assert f"{GOLDEN}:" in said.out


def test_cases_of_a_mapping_that_is_not_there_fail(shop: Shop) -> None:
    (shop.folder / "tests/account-customer").rename(shop.folder / "tests/account-custmer")
    said = shop.do("test")
    assert said.code == 2
    assert "did you mean 'account-customer'?" in said.out


def test_only_the_mappings_that_are_named_are_tested(shop: Shop) -> None:
    assert shop.do("test", "-s", "account-*", "--examples", 0).out.startswith("account-customer: 6 golden cases\n")
    said = shop.do("test", "-s", "deals")
    assert (said.code, "no mapping is named deals" in said.out) == (2, True)


def test_the_schema_of_a_file_of_cases_is_printed_and_laid_beside_the_project(shop: Shop) -> None:
    printed = shop.do("schema", "case").out
    assert json.loads(printed)["title"] == "golden cases"
    assert (shop.folder / ".crmsync/case.schema.json").read_text("utf-8") == printed
