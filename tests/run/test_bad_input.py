"""What does a run do with what should not be there, or is not? It says which, keeps the rest, and never guesses."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer
from crmsync.core.model import Key
from crmsync.project import load_project
from tests.run.bench import Bench, Spec, buckets, dump, mapping, plain

MAPPING = mapping(plain("x"), create={"pm": "always"}, delete={"pm": "delete"})
NOWHERE = "postgresql+psycopg://eva:geheim@127.0.0.1:1/db"


@pytest.fixture
def worlds() -> Iterator[Callable[..., Bench]]:
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Bench(*args, **options))


@dataclass(frozen=True)
class Said:
    code: int
    text: str


@pytest.fixture
def do(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """What the command line says about the project of a world, and how it ends."""

    def typed(world: Bench, *words: str) -> Said:
        capsys.readouterr()
        code = answer(crmsync, ["-C", str(world.root), *words])
        said = capsys.readouterr()
        return Said(code, said.out + said.err)

    return typed


def on_disk(worlds: Any, **options: Any) -> Bench:
    """Record 1 is linked, record 2 is new."""
    world: Bench = worlds(MAPPING, columns="x TEXT", **options)
    world.put("crm", {"id": 1, "x": "a"})
    world.run()
    world.put("crm", {"id": 2, "x": "b"})
    return world


def overlay(world: Bench, **systems: Spec) -> None:
    """Change the declarations of systems from now on."""
    merged = {name: {**spec, **systems.get(name, {})} for name, spec in world.systems.items()}
    project = {"version": 1, "ledger": "sqlite:///ledger.db", "systems": merged}
    (world.root / "crmsync.yaml").write_text(json.dumps(project), "utf-8")


# Systems -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["run"], ["plan"], ["run", "--mode", "delta"], ["doctor"]])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_database_that_cannot_be_reached_is_named_without_its_secrets(
    worlds: Any, do: Any, system: str, words: list[str]
) -> None:
    world = on_disk(worlds)
    before = world.records("pm")
    overlay(world, **{system: {"url": NOWHERE}})
    said = do(world, *words)
    assert said.code == 1
    assert system in said.text
    assert "geheim" not in said.text
    assert world.records("pm") == before


@pytest.mark.parametrize("words", [["run"], ["plan"], ["doctor"]])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_missing_table_is_named(worlds: Any, do: Any, system: str, words: list[str]) -> None:
    world = on_disk(worlds)
    world._sql(system, "ALTER TABLE thing RENAME TO things_of_old", {})
    said = do(world, *words)
    assert said.code == 2
    assert f"{system}.thing" in said.text
    assert "no table thing" in said.text or "'thing'" in said.text or "table thing" in said.text


@pytest.mark.parametrize("words", [["run"], ["plan"], ["doctor"]])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_missing_column_is_named(worlds: Any, do: Any, system: str, words: list[str]) -> None:
    world = on_disk(worlds)
    world._sql(system, "ALTER TABLE thing RENAME COLUMN x TO y", {})
    before = dump(world.root / "pm.db")
    said = do(world, *words)
    assert said.code == 2
    assert f"{system}.thing" in said.text
    assert "column x" in said.text or "'x'" in said.text
    assert dump(world.root / "pm.db") == before


def test_a_target_that_goes_away_in_between_loses_nothing(worlds: Any, do: Any) -> None:
    world = on_disk(worlds)
    world._sql("pm", "CREATE TRIGGER no BEFORE INSERT ON thing BEGIN SELECT raise(ABORT, 'full'); END", {})
    assert do(world, "run").code == 3
    world._sql("pm", "DROP TRIGGER no", {})
    (letter,) = world.letters()
    assert "pm.thing" in letter.message
    assert do(world, "dlq", "retry", str(letter.n)).code == 0
    assert do(world, "run", "--mode", "delta").code == 0
    assert sorted(world.values("pm", "x").values()) == ["a", "b"]


@pytest.mark.parametrize("words", [["run"], ["plan"]])
def test_another_installation_than_the_ledgers_is_refused(worlds: Any, do: Any, words: list[str]) -> None:
    world = on_disk(worlds)
    overlay(world, pm={"instance": "pm-test"})
    assert do(world, "run").code == 0
    world.put("crm", {"id": 3, "x": "c"})
    overlay(world, pm={"instance": "pm-prod"})
    before = dump(world.root / "pm.db")
    said = do(world, *words)
    assert said.code == 2
    for word in ("pm", "pm-prod", "pm-test"):
        assert word in said.text
    assert dump(world.root / "pm.db") == before


def test_a_plan_for_another_installation_is_stale(worlds: Any, do: Any) -> None:
    world = on_disk(worlds)
    overlay(world, pm={"instance": "pm-test"})
    assert do(world, "plan", "-o", str(world.root / "p")).code == 0
    overlay(world, pm={"instance": "pm-prod"})
    said = do(world, "apply", str(world.root / "p"))
    assert said.code == 5
    assert "pm-prod" in said.text


def test_a_source_that_lists_nothing_where_it_had_hundreds_stops_the_run(worlds: Any, do: Any) -> None:
    world = worlds(MAPPING, columns="x TEXT")
    world._sql("crm", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) "
                      "INSERT INTO thing (id, x) SELECT i, 'a' FROM n", {})  # fmt: skip
    world.run()
    world._sql("crm", "DELETE FROM thing", {})
    before = world.everything()
    for _ in range(3):
        assert world.stopped(lambda: world.run())[0] == 4
    assert world.everything() == before
    said = do(world, "run")
    assert said.code == 4
    assert "crm.thing lists no record at all, where 600 are linked" in said.text


# The ledger and the project ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["run"], ["plan"], ["status"], ["doctor"]])
def test_a_ledger_of_a_newer_version_is_refused(worlds: Any, do: Any, words: list[str]) -> None:
    world = on_disk(worlds)
    with closing(sqlite3.connect(world.root / "ledger.db")) as database:
        database.execute("UPDATE crmsync_meta SET value = '999' WHERE name = 'schema_version'")
        database.commit()
    before = dump(world.root / "pm.db")
    said = do(world, *words)
    assert said.code == 2
    assert "999" in said.text
    assert dump(world.root / "pm.db") == before


@pytest.mark.parametrize("words", [["run"], ["plan"], ["check"], ["doctor"]])
def test_a_variable_that_is_not_set_is_named(worlds: Any, do: Any, words: list[str]) -> None:
    world = on_disk(worlds)
    overlay(world, crm={"url": "${CRM_SECRET_URL}"})
    said = do(world, *words)
    assert said.code == 2
    assert "CRM_SECRET_URL" in said.text
    loaded = load_project(world.root, environ={})
    (finding,) = (each for each in loaded.findings if each.severity == "error")
    assert finding.at is not None
    assert finding.at.file.endswith("crmsync.yaml")


def test_a_ledger_that_is_no_database_fails_and_stays_as_it_is(worlds: Any, do: Any) -> None:
    world = on_disk(worlds)
    world.world.ledger.close()
    (world.root / "ledger.db").write_bytes(b"not a database at all" * 100)
    said = do(world, "run")
    assert said.code in (1, 2)
    assert "ledger" in said.text
    assert (world.root / "ledger.db").read_bytes().startswith(b"not a database")


# Records -------------------------------------------------------------------------------------------------------------

DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]

DIRT: list[tuple[str, Key, Any]] = [
    ("a text instead of an object", (9,), "text"),
    ("a list instead of an object", (9,), [1, 2]),
    ("nothing instead of an object", (9,), None),
    ("NaN", (9,), {"id": 9, "x": float("nan")}),
    ("NaN far inside", (9,), {"id": 9, "x": {"a": [1, {"b": float("nan")}]}}),
    ("infinity", (9,), {"id": 9, "x": float("-inf")}),
    ("a field of 20 MB", (9,), {"id": 9, "x": "x" * 20_000_000}),
    ("what no JSON holds", (9,), {"id": 9, "x": object()}),
    ("bytes", (9,), {"id": 9, "x": b"\xff"}),
    ("half a character", (9,), {"id": 9, "x": "\ud800"}),
    ("more depth than anybody reads", (9,), {"id": 9, "x": DEEP}),
    ("a key that is no scalar", (9,), {"id": [9], "x": "a"}),
    ("a key that is true", (9,), {"id": True, "x": "a"}),
    ("no key", (9,), {"x": "a"}),
    ("a null key", (9,), {"id": None, "x": "a"}),
]


@pytest.mark.parametrize(("key", "record"), [row[1:] for row in DIRT], ids=[row[0] for row in DIRT])
def test_a_record_that_cannot_be_read_is_rejected_and_stops_nobody_else(worlds: Any, key: Key, record: Any) -> None:
    world = worlds(MAPPING)
    world.memory("crm").tables["thing"].records[key] = record
    world.put("crm", {"id": 1, "x": "fine"}, {"id": 10, "x": "fine too"})
    report = world.run()
    assert report.exit == 3
    assert buckets(report.mappings["things"])[0] == {"rejected": 1, "applied": 2}
    assert sorted(world.values("pm", "x").values()) == ["fine", "fine too"]
    (letter,) = world.letters()
    assert letter.message
    assert "xxxx" not in letter.message
    again = world.run("delta")
    assert again.writes == 0
    assert again.exit == 3
    assert [each.n for each in world.letters()] == [letter.n]


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_linked_record_that_becomes_unreadable_is_not_gone(worlds: Any, mode: str) -> None:
    world = worlds(MAPPING)
    world.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
    world.run()
    world.edit("crm", 1, x=float("nan"))
    for _ in range(3):
        report = world.run(mode)
        assert report.writes == 0
        assert buckets(report.mappings["things"])[0]["rejected"] == 1
    assert world.values("pm", "x") == {1: "a", 2: "b"}
    world.edit("crm", 1, x="mended")
    assert world.run(mode).exit == 0
    assert world.values("pm", "x") == {1: "mended", 2: "b"}


@pytest.mark.parametrize("page", [1, 2, 1000])
@pytest.mark.parametrize("linked", [True, False])
def test_a_key_that_is_listed_twice_is_rejected_once(
    worlds: Any, linked: bool, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmsync.connectors.sql.query.PAGE", page)
    world = worlds(MAPPING, columns="x TEXT")
    if linked:
        world.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
        world.run()
    world._sql("crm", "CREATE TABLE heap AS SELECT * FROM thing", {})
    world._sql("crm", "DROP TABLE thing", {})
    world._sql("crm", "ALTER TABLE heap RENAME TO thing", {})
    for row in ({"id": 1, "x": "one"}, {"id": 1, "x": "other"}, {"id": 3, "x": "c"}):
        world._sql("crm", "INSERT INTO thing (id, x) VALUES (:id, :x)", row)
    report = world.run()
    assert report.exit == 3
    assert buckets(report.mappings["things"])[0] == {
        "rejected": 1,
        "applied": 1,
        **({"unchanged": 1} if linked else {}),
    }
    assert sorted(world.values("pm", "x").values()) == (["a", "b", "c"] if linked else ["c"])
    (letter,) = world.letters()
    assert (letter.key, "twice" in letter.message) == ((1,), True)
    world._sql("crm", "DELETE FROM thing WHERE x <> 'other' AND id = 1", {})
    assert world.run().exit == 0
    assert sorted(world.values("pm", "x").values()) == (["b", "c", "other"] if linked else ["c", "other"])


def test_a_value_of_its_column_that_is_no_number_is_rejected(worlds: Any) -> None:
    world = worlds(MAPPING, columns="x REAL")
    world._sql("crm", "INSERT INTO thing (id, x) VALUES (1, 9e999), (2, 1.5)", {})
    assert buckets(world.run().mappings["things"])[0] == {"rejected": 1, "applied": 1}
    assert len(world.records("pm")) == 1


def test_clocks_that_say_nonsense_miss_no_record(worlds: Any) -> None:
    world = worlds(MAPPING)
    world.put(
        "crm",
        {"id": 1, "x": "a", "updated": 5},
        {"id": 2, "x": "b", "updated": "yesterday"},
        {"id": 3, "x": "c", "updated": {}},
    )
    world.run()
    world.put("crm", {"id": 2, "x": "B", "updated": "tomorrow"}, {"id": 3, "x": "C", "updated": [7]})
    world.run("delta")
    assert sorted(world.values("pm", "x").values()) == ["B", "C", "a"]
