"""What does the memory of matching tell those who may not know? Names and telephones are sealed by a secret of the
ledger, and nothing that crmsync does hangs on which secret that is."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from crmsync.core.model import from_json, seal_of
from crmsync.ledger.store import Ledger
from crmsync.run.rehearse.replay import replayed
from tests.run.bench import ENTITY, Bench, Spec, mapping, plain

COMPARE: Spec = {"name": {"as": "company"}, "web": {"as": "domain"}, "phone": {"as": "phone"}}
FIELDS: Spec = {**plain("name"), **plain("web"), **plain("phone"), **plain("ico")}
RULE: Spec = {"match": {"decide": ["ico"], "compare": COMPARE}, "create": {"pm": "always"}, "limits": {"create": 500}}
SECRETS = ("00" * 32, "5e" * 32)
WORDS = ("Stavby", "Mlyn", "Doprava", "Reality", "Pekáreň", "Lesy")
PLACES = ("Dunaj", "Nitra", "Žilina", "Tatry", "Orava", "Váh", "Hron")


class Recording(Bench):
    """A world whose project file says `record_inputs`."""

    def _put(self, file: Any, content: Spec) -> None:
        super()._put(file, {**content, **({"record_inputs": 5} if file.name == "crmsync.yaml" else {})})

    def __enter__(self) -> Recording:
        return self

    def keep(self, secret: str) -> None:
        """From now on the ledger has this secret."""
        with self.ledger.database.writing() as access:
            access.run("UPDATE crmsync_meta SET value = :secret WHERE name = 'secret'", secret=secret)

    def told(self, table: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.root / "ledger.db")) as database:
            return database.execute(f"SELECT * FROM crmsync_{table} ORDER BY 1, 2").fetchall()


def company(number: int) -> dict[str, Any]:
    name = f"{WORDS[number % 6]} {PLACES[number % 7]} {number // 42 or ''}".strip()
    web = f"{name.split()[0].lower()}-{number}.sk"
    return {"id": number, "name": name, "web": web, "phone": f"0905 {number % 9}23 4{number:02}", "ico": f"{number:08}"}


def story(bench: Recording) -> Iterator[list[Any]]:
    """Three runs with newcomers, twins, copies and crowds; the lines that each had planned."""
    bench.put("crm", *(company(n) for n in range(1, 80)))
    bench.put("crm", *({**company(5), "id": 500 + n, "web": f"w{n}.sk", "phone": None, "ico": None} for n in range(25)))
    bench.put("pm", *({**company(n), "id": 1000 + n, "ico": None, "phone": None} for n in range(1, 60, 2)))
    yield lines(bench, "batch")
    bench.put("pm", *({**company(n), "id": 2000 + n, "web": None} for n in (90, 91)))
    bench.put("crm", {**company(3), "id": 303, "web": None, "ico": None}, {**company(90), "phone": None, "ico": None})
    yield lines(bench, "delta")
    bench.edit("crm", 7, name="Mlyny Tatry")
    bench.put("crm", {**company(8), "id": 808, "name": "STAVBY Žilina a.s.", "ico": None})
    yield lines(bench, "delta")


def lines(bench: Recording, mode: str) -> list[Any]:
    _, planned = bench.plan(mode)
    bench.run(mode)
    return planned


def bench() -> Recording:
    return Recording(mapping(FIELDS, **RULE), entities={"crm": {"thing": ENTITY}, "pm": {"thing": ENTITY}})


def test_the_same_lines_are_planned_whatever_the_secret() -> None:
    found = []
    for secret in SECRETS:
        with bench() as world:
            world.keep(secret)
            found.append((list(story(world)), [each.message for each in world.reviews()], world.told("block")))
    assert found[0][:2] == found[1][:2]
    assert all(found[0][0])
    assert found[0][1]
    blocks = [{row[2] for row in told} for _, _, told in found]
    assert len(blocks[0]) == len(blocks[1]) > 100
    assert not blocks[0] & blocks[1]


def test_nobody_finds_a_number_again_who_has_not_the_secret() -> None:
    """A dictionary of all company numbers is soon made."""
    with bench() as world:
        world.keep(SECRETS[1])
        list(story(world))
        numbers = [f"0={text}" for n in range(100) for text in (f'["{n:08}"]',)]
        sealed = {row[2] for row in world.told("block")}
        assert sealed & set(map(seal_of(bytes.fromhex(SECRETS[1])), numbers))
        for size in (8, 16, 32):
            plainly = {hashlib.blake2b(each.encode(), digest_size=size).hexdigest() for each in numbers}
            assert not any(guess.startswith(block) for guess in plainly for block in sealed)
        ((_, census),) = world.told("census")
        told = from_json(census)
        words = {word.lstrip("=") for counts in told["words"].values() for word in counts} | {*told["crowded"]}
        assert len(words) > 10
        for word in ("stavby", "=stavby dunaj", "mlyn", "dunaj", "=dunaj"):
            assert hashlib.blake2b(word.encode(), digest_size=8).hexdigest() not in words


def test_a_recording_does_not_hold_the_secret_and_is_replayed_with_its_own_ledger_alone(tmp_path: Any) -> None:
    with bench() as world:
        world.keep(SECRETS[1])
        planned = list(story(world))
        runs = [each.id for each in world.ledger.runs(3)][::-1]
        for run, lines_then in zip(runs, planned, strict=True):
            with replayed(world.world, run, 5) as (_, prepared, told):
                assert [from_json(line.text) for line in prepared.spool.lines()] == lines_then
            assert told.counts["different"] == told.counts["only now"] == 0
        own = world.world.ledger
        world.world.ledger = Ledger.open(f"sqlite:///{tmp_path}/other.db")
        try:
            with pytest.raises(Exception, match="recorded with another ledger"), replayed(world.world, runs[1], 5):
                pass
        finally:
            world.world.ledger.close()
            world.world.ledger = own
