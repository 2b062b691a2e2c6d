"""What does crmsync hold of a record that is to be forgotten, and how does all of it go?

The record, what it is linked with or merged into, in every mapping: their rows in the ledger, what the audit tells of
them, kept plans and recorded inputs below the project's folder. Tombstones stay, so that nothing is made from them
again.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crmsync.core.model import (
    SIDES,
    Archive,
    Delete,
    Finding,
    Json,
    Key,
    Ref,
    Side,
    as_key,
    from_json,
    key_text,
    other,
    to_json,
)
from crmsync.core.model import Mapping as Mapped
from crmsync.core.plan import encode
from crmsync.core.plan.lines import Line
from crmsync.ledger.erasure import names
from crmsync.ledger.nouns import Tombstone
from crmsync.run.extract import Mode
from crmsync.run.people.keyed import personal_parts, plain
from crmsync.run.people.naming import Naming, naming
from crmsync.run.refs import places_of
from crmsync.run.rehearse.tape import ENDING, INPUTS
from crmsync.run.world import Stopped, World, utc_now

Place = tuple[str, Side, Key]
OURS: Final = ".crmsync"  # the folder of the project in which crmsync keeps files of its own
OUT_OF_REACH: Final = (
    "plan files, CSV exports, recordings and anonymised copies that were written elsewhere",
    "backups and snapshots of the ledger, and of the disk that it lies on",
    "logs and messages that other programs keep",
)


FORGET: Final[Mode] = "forget"  # the mode of a plan that carries an erasure to the other systems


@dataclass(frozen=True, slots=True)
class Held:
    """All that is known as the same thing as a record: by reference, and by mapping and side. `before`: when it was
    forgotten, where it was."""

    refs: tuple[Ref, ...]
    places: tuple[Place, ...]
    before: Tombstone | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased: rows by table, files, and whether every byte has left the ledger's file. `strangers`: mappings
    that the ledger knows and the project does not, of which nothing was erased. `stays`: who still names one
    of them."""

    refs: tuple[Ref, ...]
    rows: Mapping[str, int]
    files: tuple[Path, ...]
    compact: bool
    strangers: tuple[str, ...] = ()
    stays: tuple[Naming, ...] = ()


def held(world: World, ref: Ref) -> Held:
    """The record with everything that is linked with it, or merged with it, however far."""
    refs, todo, places = {ref}, [ref], dict[Place, None]()
    while todo:
        at = todo.pop()
        for mapping, side in places_of(world.project.mappings, at.system, at.entity):
            places[mapping.name, side, at.key] = None
            for found in _kin(world, mapping, side, at.key):
                if found not in refs:
                    refs.add(found)
                    todo.append(found)
    order = sorted(places, key=lambda place: (place[0], place[1], str(place[2])))
    return Held((ref, *sorted(refs - {ref}, key=str)), tuple(order), tombstone_of(world, ref))


def tombstone_of(world: World, ref: Ref) -> Tombstone | None:
    """Of the record itself; None where it was not forgotten."""
    places = places_of(world.project.mappings, ref.system, ref.entity)
    stones = (world.ledger.tombstone(mapping.name, side, ref.key) for mapping, side in places)
    return next((stone for stone in stones if stone), None)


def _kin(world: World, mapping: Mapped, side: Side, key: Key) -> Iterator[Ref]:
    """What it is linked with, merged with, and what has its personal key as a part of its own."""
    for link in world.ledger.links(mapping.name, side, [key]).values():
        yield from (_ref(world, mapping, kin, found) for kin, found in zip(SIDES, link.keys, strict=True))
    for merge in world.ledger.merges_of(mapping.name, side, key):
        if merge.ended is None:
            yield from (_ref(world, mapping, side, merge.survivor), _ref(world, mapping, side, merge.key))
    known = {each.name: each for each in world.project.mappings}
    texts = [part for part in personal_parts(world.project, mapping.ends[side], key) if isinstance(part, str)]
    for part in texts:
        for name, kin, found in world.ledger.keys_holding(part):
            if name in known:
                yield _ref(world, known[name], kin, found)


def _ref(world: World, mapping: Mapped, side: Side, key: Key) -> Ref:
    return world.names.ref(mapping.ends[side], key)


def refuse_in_shadow(mappings: Sequence[Mapped]) -> None:
    """Whoever is to be forgotten in another system must not be believed to be: a mapping in the shadow writes nothing.
    Raises `Stopped` (exit 2)."""
    if dark := ", ".join(each.name for each in mappings if each.shadow):
        mend = "take it out of the shadow for this, or take the record away by hand and forget it here"
        raise Stopped(2, Finding("forget/in-shadow", f"{dark} is in the shadow: nothing would be carried", mend))


def forget(world: World, ref: Ref, who: str, why: str = "") -> Forgotten:
    """Erase it all. The caller holds the lock. Raises `Stopped` (exit 2) where a write about one of the records was
    never answered: it may still come to be."""
    return erase(world, [held(world, ref)], who, why)


def erase(world: World, found: Sequence[Held], who: str, why: str) -> Forgotten:
    """As `forget`, of several at once. Files go first, for the ledger alone knows which are about it: whoever dies
    before the end, and says it again, finds what is left."""
    places = sorted({place for each in found for place in each.places}, key=str)
    refs = tuple(dict.fromkeys(ref for each in found for ref in each.refs))
    values = _personal_keys(world, places)
    _refuse_unanswered(world, places)
    now, rows = utc_now(), Counter[str]()
    with world.effect("files"):
        files = (*_halves(world), *_plans(world, places, values), *_tapes(world, places, refs, values))
    with world.writing() as ledger:
        for place in places:
            rows += ledger.forget(*place, who, now, why)
        for value in values:
            rows += ledger.forget_value(value, who, now, why)
        rows["run"] += ledger.erase_examples(_examples(refs))
    with world.effect("compact"):
        compact = world.ledger.compact()
    known = {mapping.name for mapping in world.project.mappings}
    strangers = tuple(name for name in world.ledger.mappings() if name not in known)
    return Forgotten(refs, dict(sorted((+rows).items())), files, compact, strangers, naming(world, places))


def is_carried(world: World, lines: Sequence[Line], plan: str) -> bool:
    """Is all of a plan of mode `forget` done, by whichever of its runs? `plan`: its digest. Of what was forgotten for
    one of them no journal tells any more."""
    done, whys = world.ledger.done_of(plan), [_carried_by(run) for run in world.ledger.runs_with(plan)]
    stones = (tombstone_of(world, _source(world, line)) for line in lines if encode(line) not in done)
    return all(stone is not None and stone.reason in whys for stone in stones)


def _examples(refs: Sequence[Ref]) -> list[str]:
    """How the summary of a run may name them."""
    return [name for ref in refs for name in (f"{ref.system}.{ref.entity}/{plain(ref.key)}", str(ref))]


def erase_carried(world: World, lines: Sequence[Line], plan: str, run_id: str, who: str) -> None:
    """After a plan of mode `forget` was done: what it has taken away at the other systems is forgotten here, and with
    it what it was taken away for. Nothing where any of its lines was not done: it is to be planned again."""
    if is_carried(world, lines, plan):
        found = [held(world, ref) for ref in sorted({_source(world, line) for line in lines}, key=str)]
        erase(world, found, who, _carried_by(run_id))


def _carried_by(run_id: str) -> str:
    return f"taken away by run {run_id}"


def _source(world: World, line: Line) -> Ref:
    assert isinstance(line, Archive | Delete)  # a plan that carries an erasure has no others
    return _ref(world, world.project.mapping(line.mapping), other(line.side), line.source)


def _personal_keys(world: World, places: Sequence[Place]) -> list[str | int]:
    ends = [(world.project.mapping(name).ends[side], key) for name, side, key in places]
    return sorted({value for end, key in ends for value in personal_parts(world.project, end, key)}, key=str)


def _refuse_unanswered(world: World, places: Sequence[Place]) -> None:
    number = sum(world.ledger.unanswered_about(*place) for place in places)
    if number:
        message = f"{number} of the writes about it were sent, and never answered: they may still come to be"
        raise Stopped(2, Finding("forget/unanswered", message, "let a run find out first: crmsync run"))


def _halves(world: World) -> Iterator[Path]:
    """What runs were writing when they were killed: nobody reads it, and nobody knows whom it is about."""
    for file in sorted((Path(world.project.root) / OURS).rglob(".*.jsonl.*")):
        file.unlink()
        yield file


def _plans(world: World, places: Sequence[Place], values: Sequence[str | int]) -> Iterator[Path]:
    """The kept plans that name one of the records: they go as a whole, for a plan without a line is no plan."""
    for file in sorted((Path(world.project.root) / OURS).rglob("*.jsonl")):
        with file.open("rb") as opened:
            about = any(_is_about(line, places) or _names(line, values) for line in opened)
        if about:
            file.unlink()
            yield file


def _is_about(line: bytes, places: Sequence[Place]) -> bool:
    said = _read(line)
    return "do" in said and any(said.get("mapping") == name and names(said, side, key) for name, side, key in places)


def _names(line: bytes, values: Sequence[str | int]) -> bool:
    return any(to_json(value) in line for value in values)


def _tapes(world: World, places: Sequence[Place], refs: Sequence[Ref], values: Sequence[str | int]) -> Iterator[Path]:
    """The recorded inputs of runs that read one of the records, or may have: they go as a whole."""
    looked_up = {f"{ref.system}.{ref.entity}" for ref in refs}
    for file in sorted((Path(world.project.root) / INPUTS).glob(f"*{ENDING}")):
        try:
            with gzip.open(file, "rb") as opened:
                tells = any(_names(line, values) or _tells(from_json(line), places, looked_up) for line in opened)
        except (OSError, EOFError, ValueError):  # nobody can read it, so nobody knows
            tells = True
        if tells:
            file.unlink()
            yield file


def _tells(line: Json, places: Sequence[Place], looked_up: Set[str]) -> bool:
    match line:
        case ["staged" | "got", name, side, key, *_]:
            return (name, side, tuple(key)) in places
        case ["lookup", [entity, *_], *_]:
            return entity in looked_up
    found = list(_flat(line))
    return any(name in found and (key_text(key) in found or key in found) for name, _, key in places)


def _flat(value: Json) -> Iterator[Json]:
    """Every text in it, and every list of it as a key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _flat(each)
    elif isinstance(value, list):
        yield as_key(value)
        for each in value:
            yield from _flat(each)


def _read(line: bytes) -> Json:
    try:
        said = from_json(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
