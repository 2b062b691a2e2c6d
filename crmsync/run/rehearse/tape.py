"""What did a run read? Kept in a file, so that today's mapping can be tried on it: `crmsync replay`.

JSON Lines, gzipped, mode 0600: they are records and what the ledger remembered of them before the run. The lines come
in the order in which they were read, so that memory stays flat.
"""

from __future__ import annotations

import gzip
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from crmsync import __version__
from crmsync.connectors.base import Cursor, Door, Findings, Page, Write
from crmsync.core.model import SIDES, Json, Key, Link, Outcome, Raw, Side, other, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.ledger import excerpt
from crmsync.ledger.database import PAGE, Database, chunks
from crmsync.ledger.nouns import State
from crmsync.ledger.store import Ledger
from crmsync.run.inputs import Inputs, Lookup
from crmsync.run.world import LEFT_ALONE, World

if TYPE_CHECKING:
    from crmsync.ledger.spool import Spool, Staged
    from crmsync.run.extract import Extraction
    from crmsync.run.prepared import MappingPlan, Order

INPUTS: Final = ".crmsync/inputs"
ENDING: Final = ".jsonl.gz"
FORMAT: Final = 1
BLOCK: Final = 1 << 16  # bytes that are compressed at once
LATELY: Final = 20_000  # rows that are not told again


def file_of(root: str, run: str) -> Path:
    return Path(root) / INPUTS / f"{run}{ENDING}"


def taped(root: str) -> list[str]:
    """The runs of which it is kept what they read, the newest last."""
    return [file.name.removesuffix(ENDING) for file in _by_age(Path(root) / INPUTS)]


def _by_age(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"[!.]*{ENDING}"), key=lambda file: file.stat().st_mtime_ns)


@contextmanager
def taping(
    world: World, mappings: Sequence[Declared], order: Order, eras: Mapping[str, int], run: str, now: str
) -> Iterator[None]:
    """What is read in this block is kept, where the project says so (`record_inputs`); of all runs only the last."""
    if not world.project.record_inputs:
        yield
        return
    file = file_of(world.project.root, run)
    file.parent.mkdir(0o700, parents=True, exist_ok=True)
    half = file.with_name(f".{file.name}")
    ledger, inputs = world.ledger, world.inputs
    try:
        with _private(half) as opened:
            tape = Tape(opened)
            world.ledger, world.inputs = Noting(ledger.database, tape), tape
            world.doors.clear()  # those that are opened from here on are listened to
            world.compiled.clear()
            tape.begin(world, mappings, order, eras, run, now)
            yield
        half.replace(file)
    finally:
        world.ledger, world.inputs = ledger, inputs
        half.unlink(missing_ok=True)
    prune(file.parent, world.project.record_inputs)


def prune(folder: Path, keep: int) -> None:
    """The oldest go, and what a run was writing when it was killed."""
    for old in (*_by_age(folder)[:-keep], *folder.glob(f".*{ENDING}")):
        old.unlink(missing_ok=True)


@contextmanager
def _private(file: Path) -> Iterator[IO[bytes]]:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed,
        BufferedWriter(packed, BLOCK) as opened,
    ):
        yield opened


class Tape(Inputs):
    """Writes down what passes. While records are read in bulk, what the ledger says of them is not: they are settled,
    or they are staged and asked for again."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.listening = False
        self.decoders: dict[tuple[str, Side], Callable[[bytes], Json]] = {}

    def put(self, *line: Json) -> None:
        self.file.write(to_json(line) + b"\n")

    def begin(
        self, world: World, mappings: Sequence[Declared], order: Order, eras: Mapping[str, int], run: str, now: str
    ) -> None:
        only = order.only and [order.only.system, order.only.entity, list(order.only.key)]
        self.put("run", {
            "crmsync": __version__, "format": FORMAT, "run": run, "now": now, "mode": order.mode, "only": only,
            "limit": order.limit, "mappings": [each.name for each in mappings], "eras": dict(eras),
            "repeats": world.repeats, "ledger": world.ledger.id,
        })  # fmt: skip
        for each in world.project.mappings:
            self.put_rows(excerpt.whole(world.ledger, each.name))

    def put_rows(self, rows: Iterable[Json]) -> None:
        for row in rows:
            self.put("row", *row)

    def door(self, mapping: Declared, side: Side, door: Door) -> Door:
        self.decoders[mapping.name, side] = door.decode
        return ListenedDoor(door, self, mapping.name, side)

    def lookup(self, lookup: Lookup, reading: Callable[[], dict[Json, Json]]) -> dict[Json, Json]:
        found = reading()
        self.put("lookup", lookup, [[value, taken] for value, taken in found.items()])
        return found

    def read(self, spool: Spool, mapping: Declared, reading: Callable[[], Extraction]) -> Extraction:
        self.listening = False
        found = reading()
        self.listening = True
        return found

    def planned(self, spool: Spool, plan: MappingPlan) -> None:
        """All that was staged, also what was only found to be wanted while it was planned; of who was forgotten, how
        many."""
        self.listening = False
        found, name = plan.extraction, plan.extraction.mapping.name
        for side in SIDES:
            quiet = Counter(found.quiet[side])
            for mine, theirs in found.unlisted[side].items():
                self.put("unlisted", name, side, mine, theirs)
            for row in (row for page in spool.pages(name, side) for row in page):
                if row.outside == LEFT_ALONE["forgotten"]:  # its key may tell who it is
                    quiet["out_of_scope"] += 1
                else:
                    self.put("staged", name, side, *self._staged(name, side, row))
            told = {"quiet": quiet, "vanished": found.vanished[side], "ghosts": plan.ghosts[side]}
            self.put("read", name, side, told)

    def _staged(self, name: str, side: Side, row: Staged) -> Iterator[Json]:
        """Of one that is left alone nothing is kept but that it is."""
        body = b"" if row.outside else row.body
        yield row.key
        yield from self._said(name, side, body, row.modified, row.fault)
        yield from (row.listed, row.partner, row.outside)

    def _said(self, name: str, side: Side, body: bytes, modified: Json, fault: str | None) -> Iterator[Json]:
        """A body is told as it was read, for its fingerprint; and decoded, where only its door could do that."""
        data = self.decoders[name, side](body) if body and not fault else None
        plain = not body or bool(fault) or to_json(data) == body
        yield from (b64encode(body).decode() if not plain or fault else body.decode(), modified, fault)
        yield None if plain else [data]

    def got(self, name: str, side: Side, raws: Iterable[Raw]) -> None:
        """Records that were fetched by their keys while it was planned."""
        for raw in raws if self.listening else ():
            self.put("got", name, side, raw.key, *self._said(name, side, raw.body, raw.modified, raw.fault))


class ListenedDoor:
    """Passes everything on, and notes what is read while the tape listens."""

    def __init__(self, door: Door, tape: Tape, mapping: str, side: Side) -> None:
        self._door = door
        self._tape = tape
        self._place = (mapping, side)
        self.can = door.can

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        for page in self._door.list(since):
            self._tape.got(*self._place, page)
            yield page

    def newest(self) -> Cursor | None:
        return self._door.newest()

    def get(self, keys: Sequence[Key]) -> Page:
        page = self._door.get(keys)
        self._tape.got(*self._place, page)
        return page

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        return self._door.find(path, values)

    def decode(self, body: bytes) -> Json:
        return self._door.decode(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return self._door.write(writes)

    def probe(self) -> Findings:
        return self._door.probe()


class Noting(Ledger):
    """The same ledger; the rows that it answers from are written down while the tape listens."""

    def __init__(self, database: Database, tape: Tape) -> None:
        super().__init__(database)
        self._tape = tape
        self._lately: set[tuple[str, str, Side, Key]] = set()  # whose rows are told: a plan asks for many again

    def links(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Link]:
        self._note_links(mapping, side, keys)
        return super().links(mapping, side, keys)

    def states(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, State]:
        if self._tape.listening:
            self._tape.put_rows(excerpt.states(self, mapping, side, keys))
            self._note_links(mapping, side, keys)
        return super().states(mapping, side, keys)

    def candidates(self, mapping: str, side: Side, blocks: Sequence[str]) -> dict[Key, Json]:
        found = super().candidates(mapping, side, blocks)
        if self._tape.listening:
            self._tape.put_rows(excerpt.candidates(self, mapping, side, self._fresh("candidate", mapping, side, found)))
        return found

    def bearers(self, mapping: str, side: Side, blocks: Sequence[str]) -> Iterator[tuple[str, Key]]:
        seal = self.seal
        for page in chunks(super().bearers(mapping, side, blocks), PAGE):
            if self._tape.listening:
                self._tape.put_rows(excerpt.bearer(seal, mapping, side, block, key) for block, key in page)
                self._note_links(mapping, side, [key for _, key in page])
            yield from page

    def _note_links(self, mapping: str, side: Side, keys: Iterable[Key]) -> None:
        """From one end: whoever asks from the other end is told the same."""
        if self._tape.listening and (fresh := self._fresh("link", mapping, side, keys)):
            for row in excerpt.links(self, mapping, side, fresh):
                self._lately.add(("link", mapping, other(side), excerpt.end_of(row, other(side))))
                self._tape.put_rows([row])

    def _fresh(self, what: str, mapping: str, side: Side, keys: Iterable[Key]) -> list[Key]:
        """Those that were not told lately, each once. Nobody writes to these rows while a plan is made."""
        fresh = [key for key in dict.fromkeys(keys) if (what, mapping, side, key) not in self._lately]
        if len(self._lately) > LATELY:
            self._lately.clear()
        self._lately.update((what, mapping, side, key) for key in fresh)
        return fresh
