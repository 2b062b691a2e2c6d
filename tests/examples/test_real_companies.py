"""Are companies of a real register brought in step, and linked as the register says?"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest

from examples.demo.companies import company_number, core_name
from examples.real_companies import build, run, verdict
from examples.real_companies.verdict import Found
from examples.real_companies.world import FEWEST, NAMESAKE, TWICE, Spelling, companies
from examples.real_companies.world import build as make_world

ROOT = Path(__file__).resolve().parents[2]
REGISTER = next(ROOT.parent.glob("*/linkage/cz_szif/records.csv"), None)
CUT_NAME = "Spolek chovatelů drobného zvířectva, míst"[:40]


def invented(count: int, seed: int = 1) -> list[Spelling]:
    """A register of invented companies; among them branches of one cut name, namesakes, and some written twice."""
    rng = Random(seed)
    names = [CUT_NAME] * 4 + ["Obec Vrznov"] * 3 + [f"{core_name(rng, 'CZ')}, s.r.o." for _ in range(count - 7)]
    rows = [{"ico": company_number(rng), "name": name, "city": f"Vrznov {n}"} for n, name in enumerate(names)]
    renamed = [{**row, "name": f"Nová {core_name(rng, 'CZ')} a.s."} for row in rows[7:12]]
    moved = [{**row, "city": "Dolní Vrznov"} for row in rows[12:17]]
    return [*rows, *renamed, *moved]


def written(path: Path, rows: Sequence[Spelling]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["ico", "name", "city"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


# The story ---------------------------------------------------------------------------------------------------


def test_invented_companies_are_linked_as_their_numbers_say(tmp_path: Path, postgres: Callable[[], str]) -> None:
    story = run.tell(written(tmp_path / "records.csv", invented(150)), tmp_path / "out", postgres(), seed=7)
    assert story.wrong == []
    for judged in story.verdicts:
        assert judged.wrong == 0
        assert numbered(judged) <= {verdict.BY_NUMBER, verdict.ASKED}


@pytest.mark.skipif(REGISTER is None, reason="there is no register beside the project")
def test_the_hard_cases_of_a_real_register_are_linked_as_their_numbers_say(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    assert REGISTER is not None
    records = written(tmp_path / "records.csv", hard(build.read(REGISTER), others=300))
    (judged,) = run.begin(records, tmp_path / "out", postgres(), seed=7).verdicts
    assert judged.wrong == 0
    assert numbered(judged) <= {verdict.BY_NUMBER, verdict.ASKED}


def numbered(judged: verdict.Verdict) -> set[str]:
    """What became of the companies whose number stands on both sides: nobody makes them a second time."""
    return {fate for shown, fates in judged.fates.items() if "number on both" in shown for fate in fates}


def hard(rows: Sequence[Spelling], others: int) -> list[Spelling]:
    """The companies that are written twice, those that share a name, and some that are neither."""
    numbers, names = Counter(row["ico"] for row in rows), Counter(row["name"] for row in rows)
    told = [row for row in rows if numbers[row["ico"]] > 1 or names[row["name"]] > 1]
    return told + [row for row in rows if numbers[row["ico"]] == 1 and names[row["name"]] == 1][:others]


# The world ---------------------------------------------------------------------------------------------------


def test_the_same_records_and_seed_make_the_same_world() -> None:
    first, second = make_world(invented(100), 7), make_world(invented(100), 7)
    assert (first.world.crm, first.world.pm, first.twins) == (second.world.crm, second.world.pm, second.twins)


@pytest.mark.parametrize("seed", range(10))
def test_the_fewest_records_make_a_world(seed: int) -> None:
    made = make_world(invented(FEWEST)[:FEWEST], seed)
    assert made.twins
    assert made.world.crm["quote_lines"]
    assert made.world.pm["budget_lines"]


def test_the_two_spellings_of_a_company_are_split_over_both_systems() -> None:
    twice = [each for each in companies(Random(1), invented(100)) if each.spelled == TWICE]
    assert len(twice) == 10
    assert all(each.crm != each.pm for each in twice)
    made = make_world(invented(100), 7)
    assert sum(each.spelled == TWICE for each in made.twins) == 10


def test_branches_of_an_association_have_its_domain_and_namesakes_one_each() -> None:
    found = [each for each in companies(Random(1), invented(100)) if each.spelled == NAMESAKE]
    branches = {each.domain for each in found if each.crm["name"] == CUT_NAME}
    places = {each.domain for each in found if each.crm["name"] != CUT_NAME}
    assert (len(branches), len(places)) == (1, 3)


def test_twins_are_one_company_and_its_number_stands_where_it_is_told() -> None:
    made = make_world(invented(400), 7)
    accounts = {row["id"]: row for row in made.world.crm["accounts"]}
    customers = {row["id"]: row for row in made.world.pm["customers"]}
    for twin in made.twins:
        numbers = [accounts[twin.account]["ico"], customers[twin.customer]["ico"]]
        digits = {number.replace(" ", "").zfill(8) for number in numbers if number}
        assert len(digits) == 1
        assert (None in numbers) == (twin.number == "one")
    assert {twin.number for twin in made.twins} == {"both", "one"}


# What is refused ---------------------------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert build.main([str(each) for each in arguments]) == 2
    return capsys.readouterr().err


def test_a_list_without_the_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records.csv").write_text("id,name\n1,Vrzno\n")
    told = refused(capsys, tmp_path / "records.csv", tmp_path / "out", "--crm-url", "postgresql://nowhere")
    assert "has no column ico, city; needed are ico, name, city" in told


def test_too_short_a_list_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = written(tmp_path / "records.csv", invented(FEWEST)[: FEWEST - 1])
    told = refused(capsys, records, tmp_path / "out", "--crm-url", "postgresql://nowhere")
    assert f"has {FEWEST - 1} records with ico and name, too few for a world; at least {FEWEST}" in told


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert "name another folder" in refused(capsys, "records.csv", tmp_path, "--crm-url", "postgresql://nowhere")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_a_database_that_is_not_empty_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres: Callable[[], str]
) -> None:
    url = postgres()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE accounts (mine text)")
    records = written(tmp_path / "records.csv", invented(100))
    assert "the CRM's database is not empty" in refused(capsys, records, tmp_path / "out", "--crm-url", url)
    assert not (tmp_path / "out").exists()


def test_a_crm_without_a_place_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("CRM_URL", raising=False)
    with pytest.raises(SystemExit):
        build.main(["records.csv", "out"])
    assert "set CRM_URL" in capsys.readouterr().err


def test_a_command_that_ends_otherwise_stops_the_story(tmp_path: Path) -> None:
    with pytest.raises(run.Broken, match="crmsync check ended with 2"):
        run.Story(tmp_path, "postgresql://nowhere").crmsync("check")


def test_what_a_run_should_not_have_done_is_told() -> None:
    tally = {"actions": {"crm": {"update": 2}, "pm": {"create": 0}}}
    story = run.Story(Path(), "")
    story.expect({"mappings": {"account-customer": tally}}, Counter({("account-customer", "pm", "create"): 1}))
    assert story.wrong == [
        "account-customer crm update: 2, expected 0",
        "account-customer pm create: 0, expected 1",
    ]


# The verdict -------------------------------------------------------------------------------------------------

KNOWN = 10


@pytest.mark.parametrize(
    ("linked", "asked", "fate"),
    [
        ({1: (2, "ico equal")}, set(), verdict.BY_NUMBER),
        ({1: (2, "name 1.00, domain 1.00")}, set(), verdict.BY_NAME),
        ({1: (3, "ico equal")}, set(), verdict.WRONG),
        ({1: (KNOWN + 1, "created")}, set(), verdict.MADE_ANEW),
        ({}, {(1, 2), (1, 3)}, verdict.ASKED),
        ({}, {(1, 3)}, verdict.ASKED_ELSE),
        ({}, {(4, 2)}, verdict.ASKED_ELSE),
        ({}, set(), verdict.LEFT),
    ],
)
def test_an_account_that_is_customer_2_meets_one_fate(
    linked: dict[int, tuple[int, str]], asked: set[tuple[int, int]], fate: str
) -> None:
    assert verdict.fate(Found(linked, asked), 1, 2, KNOWN) == fate


def test_a_stranger_linked_to_a_known_customer_is_a_wrong_link() -> None:
    twin = {"account": 1, "customer": 2, "spelled": "one spelling", "number": "both", "domain": "both"}
    truth = {"rows": {"customers": KNOWN}, "twins": [twin]}
    linked = {1: (2, "ico equal"), 5: (3, "name 0.95, domain 1.00"), 6: (KNOWN + 1, "created")}
    judged = verdict.judge(truth, Found(linked, {(7, 4)}))
    assert (judged.strangers, judged.wrong, judged.missed, judged.questions) == (1, 1, 0, (1, 0))


def test_records_are_read_from_a_list_as_from_a_text() -> None:
    assert verdict.keys_of(["crm.account/1", "pm.customer/2"]) == (1, 2)
    assert verdict.keys_of("crm.account/1 pm.customer/2") == (1, 2)
