"""Which records were recorded, so that a change can be tried on them? One JSON Lines file an entity."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path

from crmsync.core.expression import get_path, plain_path
from crmsync.core.mapping import Compiled, compile_mapping, names_to_read
from crmsync.core.model import (
    SIDES,
    At,
    Contract,
    End,
    Entity,
    Finding,
    Json,
    Key,
    Mapping,
    Project,
    as_key,
    from_json,
    to_json,
)
from crmsync.core.values.lookup import loads
from crmsync.run.people.keyed import Names
from crmsync.run.people.mask import Mask
from crmsync.run.world import Stopped, World


@dataclass
class Recorded:
    """The files of a folder: `crm.account.jsonl`, a record a line, or `crm.account.json`, a list of them. `findings`:
    what is wrong with them, as far as they were read."""

    folder: Path
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path) -> Recorded:
        """Raises `Stopped` (exit 2) where there are none."""
        if not any(folder.glob("*.json*")):
            mend = "crmsync record FOLDER writes one; a record is a line of SYSTEM.ENTITY.jsonl"
            raise Stopped(2, Finding("recorded/none", f"there are no records in {folder}", mend))
        return cls(folder)

    def file(self, name: str) -> Path | None:
        found = [self.folder / f"{name}{ending}" for ending in (".jsonl", ".json")]
        return next((each for each in found if each.is_file()), None)

    def has(self, end: End) -> bool:
        return self.file(f"{end.system}.{end.entity}") is not None

    def records(self, entity: Entity) -> Iterator[tuple[Key, Json]]:
        """With their keys. What is no record, or has no key, is a finding."""
        file = self.file(entity.full_name)
        for line, record in self._read(file) if file else ():
            key = as_key([get_path(record, plain_path(path) or (path,)) for path in entity.key])
            if key:
                yield key, record
            else:
                assert file is not None
                self._wrong(file, line, f"the record has no key: {', '.join(entity.key)}")

    def _read(self, file: Path) -> Iterator[tuple[int, Json]]:
        for line, text in enumerate(self._texts(file), 1):
            try:
                record = from_json(text) if isinstance(text, bytes) else text
            except ValueError as error:
                self._wrong(file, line, f"this is no JSON: {error}")
                continue
            if isinstance(record, dict):
                yield line, record
            else:
                self._wrong(file, line, "a record is a JSON object")

    def _texts(self, file: Path) -> Iterator[Json]:
        """Lines, or the records of a list."""
        if file.suffix == ".jsonl":
            with file.open("rb") as opened:
                yield from (line for line in opened if line.strip())
            return
        try:
            found = from_json(file.read_bytes())
        except ValueError as error:
            self._wrong(file, 1, f"this is no JSON: {error}")
            return
        yield from found if isinstance(found, list) else [found]

    def _wrong(self, file: Path, line: int, message: str) -> None:
        mend = "record it again: crmsync record FOLDER"
        finding = Finding("recorded/no-record", message, mend, "warning", At(file.as_posix(), line, 1))
        if finding not in self.findings:
            self.findings.append(finding)


def compiled_for(project: Project, mapping: Mapping, recorded: Recorded) -> Compiled:
    """The mapping, ready to run; what it looks up in a system is looked up among the recorded records."""
    looked_up = {each: _looked_up(project, recorded, *each) for each in _lookups(mapping)}
    return compile_mapping(project, mapping, looked_up, Names(project).both(mapping))


def _lookups(mapping: Mapping) -> list[tuple[str, str, str]]:
    """What values are looked up in: entity, by, take."""
    chains = [chain for each in mapping.fields for chain in each.to] + [check.apply for check in mapping.checks]
    return sorted(set[tuple[str, str, str]]().union(*map(loads, chains)))


def _entity(project: Project, name: str) -> Entity:
    system, _, entity = name.partition(".")
    return project.systems[system].entities[entity]


def _looked_up(project: Project, recorded: Recorded, name: str, by: str, take: str) -> dict[Json, Json]:
    found = [record for _, record in recorded.records(_entity(project, name))]
    named = [record for record in found if isinstance(record.get(by), str | int | Decimal)]
    times = Counter(record[by] for record in named)
    return {record[by]: record.get(take) for record in named if times[record[by]] == 1}


# Recording -------------------------------------------------------------------------------------------------------


@dataclass
class _Wanted:
    """What is recorded of an entity: the contracts that its records keep, and the names that mappings look at (None:
    all that there are)."""

    contracts: list[Contract] = field(default_factory=list)
    names: frozenset[str] | None = frozenset()


def record(
    world: World, mappings: Sequence[Mapping], folder: Path, limit: int | None, *, redact: bool
) -> dict[Path, int]:
    """Write what the doors say, for its owner only: how many records are in each file. With `redact` what a contract
    marks x-pii is hidden. Raises `Stopped`, `Transient`, `Refused`."""
    written: dict[Path, int] = {}
    for name, wanted in _wanted(world, mappings).items():
        if redact and not wanted.contracts:  # nobody knows what in it is about people
            continue
        file, entity = folder / f"{name}.jsonl", _entity(world.project, name)
        try:
            written[file] = write_lines(file, _texts(world, entity, wanted, limit, redact))
        except OSError as error:
            message = f"{file}: {error.strerror}"
            raise Stopped(2, Finding("recorded/unwritable", message, "name another folder")) from None
    return written


def _wanted(world: World, mappings: Sequence[Mapping]) -> dict[str, _Wanted]:
    """The entities of these mappings, and those that they look values up in, by full name."""
    found: dict[str, _Wanted] = {}
    for mapping in mappings:
        for side in SIDES:
            end, entity = mapping.ends[side], world.project.entity(mapping.ends[side])
            known, names = found.setdefault(entity.full_name, _Wanted()), names_to_read(mapping, entity, side)
            known.contracts += [end.contract] if end.contract not in known.contracts else []
            known.names = None if names is None or known.names is None else known.names | names
        for name, _, _ in _lookups(mapping):
            found.setdefault(name, _Wanted()).names = None
    return found


def _texts(world: World, entity: Entity, wanted: _Wanted, limit: int | None, redact: bool) -> Iterator[bytes]:
    door, mask = world.open_door(entity, wanted.names), Mask(world.project)
    raws = (raw for page in door.list() for raw in page if not raw.fault)
    for raw in islice(raws, limit):
        data = door.decode(raw.body)
        for contract in wanted.contracts if redact else ():
            data = mask.record(contract, data)
        yield to_json(data)


def write_lines(file: Path, texts: Iterator[bytes]) -> int:
    """A file for its owner only, a text a line: how many. Raises OSError."""
    file.parent.mkdir(0o700, parents=True, exist_ok=True)
    number = 0
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        os.fchmod(opened.fileno(), 0o600)  # also of a file that was there
        for text in texts:
            opened.write(text + b"\n")
            number += 1
    return number
