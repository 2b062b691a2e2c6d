"""A person says that records of one side are one: what does that do, and how is it taken back?

Nothing is written to any system. The other records are out of scope from now on, and what was linked with them is
linked with the survivor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from crmsync.core.mapping import Compiled
from crmsync.core.model import UNKNOWN_OUTCOME, Both, Finding, Key, Link, Side, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import BothLinked, LinkRow, Merge, MergeRefused, MergeRow, NewMerge, Review
from crmsync.ledger.writer import Writer
from crmsync.run.locking import our_turn
from crmsync.run.match.golden import Golden, Said, golden_json, golden_of, said
from crmsync.run.session import new_run_id
from crmsync.run.world import Stopped, World, utc_now


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for in one mapping: these others are the survivor. `counterparts`: where both have one, those
    are one, too."""

    mapping: Declared
    side: Side
    survivor: Key
    others: tuple[Key, ...]
    counterparts: bool = False


@dataclass(frozen=True, slots=True)
class Intended:
    """What a merge will do in one mapping. `survivor` is where the one that was named leads; `moved` are the links that
    go to it, `ended` those that end because the counterparts are merged, too."""

    mapping: Declared
    side: Side
    survivor: Key
    merges: tuple[Merge, ...]
    golden: Mapping[str, Golden]
    moved: tuple[Both[Key], ...] = ()
    ended: tuple[Both[Key], ...] = ()


def intend(world: World, wanted: Wanted, who: str) -> Intended:
    """Reads the records, and changes nothing. Raises `Stopped` (exit 2) with all that speaks against it."""
    survivor = _themselves(world, wanted, [wanted.survivor]).get(wanted.survivor, wanted.survivor)
    others = tuple(sorted(set(wanted.others), key=key_text))
    found = _Facts.of(world, wanted, survivor, others)
    if wrong := list(_wrong(found)) or _both_linked(found):
        raise Stopped(2, *wrong)
    return _intended(found, who)


@contextmanager
def while_no_run(world: World) -> Iterator[None]:
    """What a run has planned before a merge it would still do, and remember what it thought before one was taken back:
    both wait for their turn. Raises `Locked` (exit 6) while a run is at work."""
    before = world.fence
    try:
        with our_turn(world, new_run_id()):
            yield
    finally:
        world.fence = before


def merge(world: World, intended: Sequence[Intended]) -> None:
    """All of it or nothing; the caller has our turn. Raises `Stopped` (exit 2) where the ledger knows better by now."""
    with world.writing() as ledger:
        for each in intended:
            for records in each.merges:
                _merge(ledger, world.compile(each.mapping), records)


def _merge(ledger: Writer, compiled: Compiled, merge: Merge) -> None:
    try:
        ledger.merge(merge)
    except MergeRefused as refused:
        raise Stopped(2, refusal(compiled, merge.records.side, merge.records.survivor, refused)) from None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of the records that are to be one. `members`: these and those merged into the survivor before."""

    world: World
    compiled: Compiled
    wanted: Wanted
    survivor: Key
    others: tuple[Key, ...]
    merged: Mapping[Key, Key]
    members: Mapping[Key, Said]
    links: Mapping[Key, Link]

    @classmethod
    def of(cls, world: World, wanted: Wanted, survivor: Key, others: tuple[Key, ...]) -> _Facts:
        mapping, side = wanted.mapping, wanted.side
        earlier = members_of(world, mapping, side, survivor)
        keys = sorted({survivor, *others, *earlier}, key=key_text)
        links = world.ledger.links(mapping.name, side, keys)
        alive = {key: link for key, link in links.items() if link.state != "gone"}
        merged = _themselves(world, wanted, others)
        return cls(
            world, world.compile(mapping), wanted, survivor, others, merged, said(world, mapping, side, keys), alive
        )

    @property
    def linked(self) -> list[Key]:
        """The survivor first, if it is."""
        return [key for key in (self.survivor, *self.others) if key in self.links]

    def counterpart(self, key: Key) -> Key:
        return self.links[key].keys[other(self.wanted.side)]

    def ref(self, key: Key) -> str:
        return str(self.compiled.ref(self.wanted.side, key))

    def named(self, side: Side, key: Key) -> str:
        return self.world.names.key(self.wanted.mapping.ends[side], key)

    def their_ref(self, key: Key) -> str:
        return str(self.compiled.ref(other(self.wanted.side), key))


def _themselves(world: World, wanted: Wanted, keys: Sequence[Key]) -> dict[Key, Key]:
    return world.ledger.survivors(wanted.mapping.name, wanted.side, keys)


def members_of(world: World, mapping: Declared, side: Side, survivor: Key) -> list[Key]:
    """The records that were merged into this one, by whatever way."""
    rows = world.ledger.merges_of(mapping.name, side, survivor)
    return sorted({row.key for row in rows if row.ended is None and row.key != survivor}, key=key_text)


# What speaks against it ----------------------------------------------------------------------------------


def _wrong(found: _Facts) -> Iterator[Finding]:
    mapping = found.wanted.mapping
    for key in (found.survivor, *found.others):
        if key not in found.members:
            yield _finding(mapping, f"there is no {found.ref(key)}", "look at the key")
    if found.survivor in found.members and found.members[found.survivor].gone:
        mend = "name a record that is there as the survivor"
        yield _finding(mapping, f"{found.ref(found.survivor)} is deleted in its system", mend)
    for key in found.others:
        if key in (found.survivor, found.wanted.survivor):
            mend = "name the record that stays first, and then the others"
            yield _finding(mapping, f"{found.ref(key)} cannot be merged with itself", mend)
        elif key in found.merged:
            into = found.ref(found.merged[key])
            mend = f"take that back first: crmsync link split {found.ref(key)}"
            yield _finding(mapping, f"{found.ref(key)} was merged into {into} before", mend)


def _both_linked(found: _Facts) -> list[Finding]:
    """Where more than one is linked, and nobody has said that the counterparts are one, too."""
    if len(found.linked) < 2 or found.wanted.counterparts:
        return []
    pairs = [f"{found.ref(key)} with {found.their_ref(found.counterpart(key))}" for key in found.linked]
    first, *rest = (found.their_ref(found.counterpart(key)) for key in found.linked)
    command = f"crmsync match merge {found.ref(found.survivor)} {' '.join(map(found.ref, found.others))} --counterparts"
    message = f"{len(pairs)} of them are linked: {', '.join(pairs)}"
    mend = f"if {first} and {', '.join(rest)} are one, too, merge both sides at once: {command}"
    instead = f"; else end one of the links: crmsync link split {found.ref(found.linked[1])}"
    return [_finding(found.wanted.mapping, message, mend + instead)]


def refusal(compiled: Compiled, side: Side, survivor: Key, refused: MergeRefused) -> Finding:
    """Why the ledger would not do it, in words."""
    mapping, ref = compiled.mapping, str(compiled.ref(side, refused.key))
    if isinstance(refused, BothLinked):
        kept, moving = (str(compiled.ref(other(side), key)) for key in (refused.kept, refused.moving))
        message = f"both are linked: {compiled.ref(side, survivor)} with {kept}, {ref} with {moving}"
        command = f"crmsync match merge {compiled.ref(side, survivor)} {ref} --counterparts"
        return _finding(mapping, message, f"if {kept} and {moving} are one, too, merge both sides at once: {command}")
    if refused.why == "different" and refused.other is not None:
        counterpart = compiled.ref(other(side), refused.other)
        message = (
            f"its counterpart would be {counterpart}, and a person said that {ref} and {counterpart} are different"
        )
        return _finding(mapping, message, "take one of the judgements back: crmsync review list --state any")
    if refused.why == UNKNOWN_OUTCOME:
        message = f"nobody knows whether {ref} has a counterpart by now"
        return _finding(mapping, message, "answer that first: crmsync review list --kind unknown-outcome")
    message = f"{ref} was merged into another record meanwhile, or is the survivor itself"
    return _finding(mapping, message, f"see: crmsync link show {ref}")


def _finding(mapping: Declared, message: str, mend: str) -> Finding:
    return Finding("usage/cannot-merge", f"{mapping.name}: {message}", mend)


# What it will do -----------------------------------------------------------------------------------------


def _intended(found: _Facts, who: str) -> Intended:
    wanted, now = found.wanted, utc_now()
    holder = found.linked[0] if found.linked else None
    kept = None if holder is None else found.counterpart(holder)
    theirs = said(found.world, wanted.mapping, other(wanted.side), [kept] if kept is not None else [])
    chosen = golden_of(
        found.compiled, wanted.side, found.survivor, list(found.members.values()), theirs.get(kept) if kept else None
    )
    says = found.members[found.survivor].values
    merges = []
    for key in found.others:
        new = NewMerge(
            wanted.mapping.name, wanted.side, found.survivor, key, golden_json(chosen), says, who, now,
            found.named(wanted.side, key), found.named(wanted.side, found.survivor),
        )  # fmt: skip
        both = kept is not None and key in found.links and key != holder
        merges.append(
            Merge(new, _counterparts(found, kept, found.counterpart(key), who, now) if both and kept else None)
        )
    ordered = sorted(merges, key=lambda each: each.records.key != holder)  # its link is there before another one ends
    moved = (found.links[holder].keys,) if holder is not None and holder != found.survivor else ()
    ended = tuple(found.links[key].keys for key in found.linked[1:])
    return Intended(wanted.mapping, wanted.side, found.survivor, tuple(ordered), chosen, moved, ended)


def _counterparts(found: _Facts, survivor: Key, key: Key, who: str, now: str) -> NewMerge:
    mapping, side = found.wanted.mapping, other(found.wanted.side)
    members = said(found.world, mapping, side, [survivor, key])
    says = members[survivor].values if survivor in members else {}
    ours = found.members[found.survivor]
    listed = list(members.values()) if survivor in members else [Said(survivor), *members.values()]
    chosen = golden_of(found.compiled, side, survivor, listed, ours)
    return NewMerge(
        mapping.name, side, survivor, key, golden_json(chosen), says, who, now, found.named(side, key),
        found.named(side, survivor),
    )  # fmt: skip


# Answers to a question -----------------------------------------------------------------------------------


def answering(world: World, asked: Review, who: str) -> Merge:
    """What the answer `same` to a question about duplicates does. Raises `Stopped` (exit 2)."""
    mapping = next((each for each in world.project.mappings if each.name == asked.mapping), None)
    survivor, key = asked.keys
    if mapping is None or asked.side is None or survivor is None or key is None:
        raise Stopped(2, Finding("usage", f"review {asked.n} is about a mapping that is gone", "crmsync review list"))
    return intend(world, Wanted(mapping, asked.side, survivor, (key,)), who).merges[0]


# Taken back ----------------------------------------------------------------------------------------------


def merge_of(world: World, mapping: Declared, side: Side, key: Key) -> MergeRow | None:
    """How this record was merged into another one, if it still is."""
    rows = world.ledger.merges_of(mapping.name, side, key)
    return next((row for row in rows if row.key == key and row.ended is None), None)


def take_back(world: World, merged: MergeRow, who: str) -> None:
    """The record is itself again, and is not proposed as a duplicate again. Raises `Stopped` (exit 2) where it is not
    in its system any more: it would take its counterpart with it. Raises `Locked` while a run is at work."""
    told = says_to_restore(world, merged)
    with while_no_run(world), world.writing() as ledger:
        now = utc_now()
        for each in ledger.unmerge(merged, told, who, now):
            ledger.judge_distinct(each.mapping, each.side, (each.survivor, each.key), who, now)


def says_to_restore(world: World, merged: MergeRow) -> Mapping[str, object]:
    """What the counterpart of a merged record says now."""
    mapping = world.project.mapping(merged.mapping)
    here = said(world, mapping, merged.side, [merged.key])
    ref = world.compile(mapping).ref(merged.side, merged.key)
    if merged.key not in here or here[merged.key].gone:
        raise Stopped(2, _finding(mapping, f"{ref} is not in its system any more", "the merge stays as it is"))
    apart = other(merged.side)
    link = _link_before(world, merged)
    theirs = said(world, mapping, apart, [link.keys[apart]] if link else [])
    return next((each.values for each in theirs.values()), {})


def _link_before(world: World, merged: MergeRow) -> LinkRow | None:
    rows = world.ledger.links_of(merged.mapping, merged.side, merged.key)
    return next((row for row in rows if row.id == merged.link_before), None)
