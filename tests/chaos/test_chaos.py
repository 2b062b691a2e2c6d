"""Does the harness pass a sound door, and does it catch a broken one? By the number of the promise that it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from crmsync.chaos.__main__ import main
from crmsync.chaos.door import FAULTS
from crmsync.chaos.lab import ACCIDENTS, Broken
from crmsync.chaos.memory import stay_flat
from crmsync.chaos.play import ALL, Script, play
from crmsync.chaos.project import COLUMNS, MEMORY, in_sqlite
from crmsync.chaos.promises import PROMISES
from crmsync.connectors.base import Cursor, Door, Insert, Page, Patch, Refused, Write
from crmsync.connectors.memory import Memory
from crmsync.core.model import Entity, Json, Outcome, System
from tests.docs.pages import all_rows, blocks, code


def script(**more: Any) -> Script:
    return replace(Script(rounds=3, records=24), **more)


def system(kind: str, folder: Any) -> Any:
    return MEMORY if kind == "memory" else in_sqlite(folder / "pm.db", MEMORY)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_sound_system_keeps_every_promise_under_all_faults(kind, tmp_path):
    lab = play(tmp_path, system(kind, tmp_path), script())
    assert lab.kept.keys() >= PROMISES.keys() - {8, 13}


def test_every_fault_strikes_sooner_or_later(tmp_path):
    struck: set[str] = set()
    for seed in range(20):
        root = tmp_path / str(seed)
        root.mkdir()
        lab = play(root, MEMORY, script(seed=seed))
        struck |= lab.happened.keys()
        struck |= {name for trouble in lab.trouble.values() for name in trouble.struck}
        if struck >= ALL - {"half-batch"}:
            break
    assert struck >= ALL - {"half-batch"}


def test_the_same_seed_is_the_same_story(tmp_path):
    told: list[list[str]] = [[], []]
    for number, lines in enumerate(told):
        root = tmp_path / str(number)
        root.mkdir()
        play(root, MEMORY, script(seed=3, faults=frozenset(FAULTS)), lines.append)
    assert told[0] == told[1]


# Broken doors -----------------------------------------------------------------------------------------------------


class Wrapped:
    """A memory connection whose doors are broken in one way."""

    def __init__(self, system: System, door: type[Whole]) -> None:
        self._inner = Memory(system)
        self._door = door

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return self._door(self._inner.door(entity, wanted), entity)

    def instance(self) -> str | None:
        return None

    def close(self) -> None:
        self._inner.close()


class Whole:
    def __init__(self, inner: Door, entity: Entity) -> None:
        self.inner, self.entity, self.can = inner, entity, inner.can
        self.decode, self.newest, self.get = inner.decode, inner.newest, inner.get
        self.find, self.probe = inner.find, inner.probe

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        yield from self.inner.list(since)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return self.inner.write(writes)


class EndsEarly(Whole):
    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        for page in self.inner.list(since):
            yield page[:-1] if since is None and len(page) > 3 else page


class WritesTwice(Whole):
    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        outcomes = self.inner.write(writes)
        made = [each for each in writes if isinstance(each, Insert) and not each.token.startswith("people")]
        again = [Insert(each.data, each.token + "-again") for each in made]
        self.inner.write(again)
        return outcomes


class IgnoresExpect(Whole):
    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return self.inner.write([self._whatever_is_there(each) for each in writes])

    def _whatever_is_there(self, write: Write) -> Write:
        if isinstance(write, Insert):
            return write
        return replace(write, expect=next((raw.version for raw in self.inner.get([write.key])), write.expect))


class ForgetsToken(Whole):
    """It takes a create, and keeps nothing by which it could be known again."""

    made = 0

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return self.inner.write([self._nameless(each) for each in writes])

    def _nameless(self, write: Write) -> Write:
        if not isinstance(write, Insert):
            return write
        ForgetsToken.made += 1
        return Insert(write.data, f"forgotten-{ForgetsToken.made}")


class LosesWrites(Whole):
    """It answers `done` to another title, and keeps the old one."""

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        kept = [replace(each, values=without(each, "title")) if isinstance(each, Patch) else each for each in writes]
        return self.inner.write(kept)


class WritesMore(Whole):
    """It sets a field that nobody asked for."""

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return self.inner.write([self._more(each) if is_patch_of_ours(each) else each for each in writes])

    def _more(self, write: Any) -> Write:
        return Patch(write.key, (*write.values, ("memo", None)), write.expect)


def is_patch_of_ours(write: Write) -> bool:
    return isinstance(write, Patch) and any(path == "name" for path, _ in write.values)


def without(patch: Patch, name: str) -> tuple[tuple[str, Json], ...]:
    return tuple((path, value) for path, value in patch.values if path != name)


@pytest.mark.parametrize(
    ("door", "promises"),
    [
        (EndsEarly, {6}),
        (WritesTwice, {7}),
        (IgnoresExpect, {4}),
        (ForgetsToken, {7}),
        (LosesWrites, {9}),
        (WritesMore, {3}),
    ],
)
def test_a_door_that_breaks_its_promise_is_caught(door, promises, tmp_path):
    assert broken_by(door, tmp_path) == promises


def broken_by(door: type[Whole], root: Any) -> set[int]:
    """The promise that breaks first, in some story."""
    for seed in range(6):
        folder = root / str(seed)
        folder.mkdir()
        try:
            play(folder, MEMORY, script(seed=seed), connect=lambda system: Wrapped(system, door))
        except Broken as error:
            return {error.promise}
    return set()


def test_memory_that_grows_with_the_records_is_told(tmp_path):
    """So few that all of them are in one page: that much does grow."""
    told: list[str] = []
    with pytest.raises(Broken, match="promise 13"):
        stay_flat(tmp_path, in_sqlite(tmp_path / "pm.db", MEMORY), told.append, records=30)
    assert "30 records" in told[0]


def test_a_system_with_records_in_it_is_left_alone(tmp_path):
    full = {**MEMORY, "records": {"customer": [{"id": 1, "code": "real"}]}}
    with pytest.raises(Refused, match=r"pm\.customer has 1 records"):
        play(tmp_path, full, script())


# The command ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(blocks("docs/connectors.md", "yaml", "system")[-1].text, "utf-8")
    result = CliRunner().invoke(
        main, ["--system", str(file), "--rounds", "1", "--records", "24", "--faults", "late-page"]
    )
    assert result.exit_code == 0, result.output
    assert "late-page" in result.output
    assert "a second run has nothing to do" in result.output


def test_an_unknown_fault_is_refused_with_the_known_ones():
    result = CliRunner().invoke(main, ["--faults", "locusts"])
    assert result.exit_code == 2
    assert all(name in " ".join(result.output.split()) for name in ("locusts", *FAULTS, *ACCIDENTS))


def test_a_system_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "mine.yaml").write_text("connector: memory\nconnector: memory\n")
    result = CliRunner().invoke(main, ["--system", str(tmp_path / "mine.yaml")])
    assert result.exit_code == 1
    assert "mine.yaml" in result.output


def test_the_page_tells_of_every_fault_and_every_path():
    faults = {code(row.cells[0]): row.cells[1] for row in all_rows("fault", "what happens")}
    assert faults == {**FAULTS, **ACCIDENTS}
    paths = {
        code(row.cells[0]): set(re.findall(r"`(\w+)`", row.cells[1])) - {"archive"}
        for row in all_rows("entity", "paths")
    }
    assert paths == {name: set(COLUMNS[name]) for name in ("customer", "initiation")}
