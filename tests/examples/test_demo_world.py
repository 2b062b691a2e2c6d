"""Is the demo's world what it says it is?"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import phonenumbers
import pytest
from stdnum.cz import dic
from stdnum.eu import vat
from stdnum.pl import nip

from examples.demo import build, companies, demo, dirt, edit
from examples.demo.world import LEAST, Sizes, World
from examples.demo.world import build as make_world

SMALL = Sizes(accounts=400, opportunities=600, quotes=700, lines=2000)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Sizes(), seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo") / "project"
    sizes = [f"--{name}={count}" for name, count in vars(SMALL).items()]
    assert build.main([str(made), *sizes]) == 0
    return made


def rows(database: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


# The generator -----------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_world() -> None:
    first, second = make_world(SMALL, 7), make_world(SMALL, 7)
    assert (first.crm, first.pm, first.dirt, first.story) == (second.crm, second.pm, second.dirt, second.story)


def test_another_seed_makes_another_world() -> None:
    assert make_world(SMALL, 7).crm["accounts"] != make_world(SMALL, 8).crm["accounts"]


def test_the_world_has_the_sizes_it_was_asked_for(world: World) -> None:
    counts = {table: len(rows) for table, rows in world.crm.items()}
    assert counts == {"accounts": 2000, "opportunities": 3000, "quotes": 3500, "quote_lines": 10000}


def test_about_seven_in_ten_accounts_are_customers_and_the_project_tool_knows_a_third(world: World) -> None:
    customers = sum(row["type"] == "customer" for row in world.crm["accounts"])
    assert 1300 <= customers <= 1500
    assert 550 <= len(world.pm["customers"]) <= 650


def test_every_kind_of_dirt_is_there_in_its_share(world: World) -> None:
    catalogue = {
        "account": (dirt.ACCOUNTS, 2000), "opportunity": (dirt.OPPORTUNITIES, 3000), "quote_line": (dirt.LINES, 10000),
    }  # fmt: skip
    for entity, (kinds, size) in catalogue.items():
        for kind in kinds:
            assert len(world.dirt[f"{entity}/{kind.kind}"]) == max(1, round(kind.share * size)), kind.kind


def test_every_kind_of_dirt_says_what_should_become_of_it(world: World) -> None:
    assert set(world.dirt) == set(dirt.EXPECT)


@pytest.mark.parametrize("seed", range(10))
def test_even_the_smallest_world_has_every_kind_of_dirt(seed: int) -> None:
    assert set(make_world(LEAST, seed).dirt) == set(dirt.EXPECT)


def test_a_world_too_small_for_the_dirt_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build.main([str(tmp_path / "demo"), "--accounts=50"])
    assert "--accounts 50 is too few for every kind of dirt; at least 200" in capsys.readouterr().err


def test_a_record_is_ruined_in_one_way_only(world: World) -> None:
    for entity, kinds in (("account", dirt.ACCOUNTS), ("opportunity", dirt.OPPORTUNITIES), ("quote_line", dirt.LINES)):
        found = Counter(ref for kind in kinds for ref in world.dirt[f"{entity}/{kind.kind}"])
        assert set(found.values()) == {1}


def test_no_two_accounts_have_one_number_but_those_that_should(world: World) -> None:
    numbers = Counter(row["ico"] for row in world.crm["accounts"] if row["ico"] and len(row["ico"]) == 8)
    twice = {
        row["ico"] for row in world.crm["accounts"] if f"crm.account/{row['id']}" in world.dirt["account/twice-in-crm"]
    }
    placeholders = {"99999999", "12345678"}
    assert {number for number, count in numbers.items() if count > 1} - placeholders == twice


def test_keys_are_unique_and_links_lead_to_records_but_for_the_orphans(world: World) -> None:
    deals = {row["id"] for row in world.crm["opportunities"]}
    accounts = {row["id"] for row in world.crm["accounts"]}
    quotes = {row["id"] for row in world.crm["quotes"]}
    assert all(row["opportunity_id"] in deals for row in world.crm["quotes"])
    lost = [row for row in world.crm["opportunities"] if row["account_id"] not in accounts]
    assert len(lost) == len(world.dirt["opportunity/no-account"]) + len(world.dirt["opportunity/account-unknown"])
    strays = [row for row in world.crm["quote_lines"] if row["quote_id"] not in quotes]
    assert len(strays) == len(world.dirt["quote_line/quote-unknown"])
    for table in (*world.crm.values(), *world.pm.values()):
        assert len({row["id"] for row in table}) == len(table)


def test_parents_never_go_round_but_for_the_one_loop(world: World) -> None:
    parents = {row["id"]: row["parent_id"] for row in world.crm["accounts"] if row["parent_id"]}
    loop = {int(ref.rpartition("/")[2]) for ref in world.dirt["account/parents-in-a-loop"]}
    assert len(loop) == 2
    assert all(parent < child for child, parent in parents.items() if child not in loop)


def test_the_story_edits_records_that_nothing_is_wrong_with(world: World) -> None:
    harmless = {"account/has-parent", "customer/same-number"}
    dirty = {ref for kind, refs in world.dirt.items() if kind not in harmless for ref in refs}
    assert not dirty & set(world.story.values())
    assert world.story["advanced"] in world.dirt["customer/same-number"]


@pytest.mark.parametrize("seed", range(50))
def test_numbers_have_the_check_digits_that_the_registers_give(seed: int) -> None:
    rng = Random(seed)
    assert dic.is_valid(companies.company_number(rng))
    assert nip.is_valid(companies.polish_number(rng))
    for country in companies.COUNTRIES:
        assert vat.is_valid(companies.identifiers(rng, country)[1]), country


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("country", list(companies.COUNTRIES))
def test_phone_numbers_are_ones_that_can_be_in_use(country: str, seed: int) -> None:
    written = companies.phone(Random(seed), country)
    assert phonenumbers.is_valid_number(phonenumbers.parse(written, "SK")), written


def test_a_ruined_check_digit_is_wrong() -> None:
    for seed in range(50):
        number = companies.company_number(Random(seed))
        spoiled = dirt.bad_check_digit(Random(seed), {"ico": number})["ico"]
        assert len(spoiled) == 8
        assert not dic.is_valid(spoiled)


# On disk -----------------------------------------------------------------------------------------------------


def test_the_folder_is_a_whole_project(folder: Path) -> None:
    assert {"crmsync.yaml", "crm.db", "pm.db", "world.json", "mappings", "schemas"} <= {
        each.name for each in folder.iterdir()
    }
    assert rows(folder / "crm.db", "SELECT count(*) FROM quote_lines") == [(SMALL.lines,)]
    told = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    assert told["rows"]["accounts"] == SMALL.accounts
    assert all(each["records"] and each["expect"] for each in told["dirt"].values())


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert build.main([str(tmp_path)]) == 2
    assert "name another folder" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_an_older_demo_is_replaced_with_its_ledger(tmp_path: Path) -> None:
    sizes = [f"--{name}={count}" for name, count in vars(SMALL).items()]
    build.main([str(tmp_path / "demo"), *sizes])
    (tmp_path / "demo" / ".crmsync" / "ledger.db").write_text("old")
    assert build.main([str(tmp_path / "demo"), *sizes]) == 0
    assert not (tmp_path / "demo" / ".crmsync" / "ledger.db").exists()


def test_edits_are_told_with_their_records_and_move_the_modified_column(folder: Path) -> None:
    story = json.loads((folder / "world.json").read_text(encoding="utf-8"))["story"]
    key = int(story["renamed"].rpartition("/")[2])
    (before,) = rows(folder / "crm.db", f"SELECT name, updated_at FROM accounts WHERE id = {key}")
    told = list(edit.edit(folder))
    (after,) = rows(folder / "crm.db", f"SELECT name, updated_at FROM accounts WHERE id = {key}")
    assert after[0] == f"Nova {before[0]}"
    assert after[1] > before[1]
    assert [line.split(":")[0] for line in told] == [
        f"{story['renamed']} name",
        f"{story['revalued']} amount",
        f"{story['advanced']} status",
        f"{story['advanced']} tags",
    ]


def test_edit_wants_a_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit.main([str(tmp_path)]) == 2
    assert "build.py" in capsys.readouterr().err


def test_the_story_goes_from_a_first_load_to_an_explained_change(folder: Path) -> None:
    commands = [" ".join(step.command[3:]) for step in demo.steps(str(folder)) if step.command[0] == "crmsync"]
    assert commands[:5] == ["check", "run --first-load", "run", "run --mode delta", "history last"]
    assert [command.split()[0] for command in commands[5:]] == ["explain"] * 4


def test_a_step_that_ends_otherwise_stops_the_story(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert demo.main([str(tmp_path)]) == 1
