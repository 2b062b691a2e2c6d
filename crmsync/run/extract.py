"""How do the records of one mapping get into the spool?

Each side is listed: completely, or since its cursor. What the ledger has seen and settled is counted and forgotten;
the rest is staged. Then come the records that a delta must look at again, and the counterparts of all that is staged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final, Literal

from crmsync.connectors.base import Cursor, Door, Transient, fetch
from crmsync.core.model import SIDES, Both, Bucket, Finding, Json, Key, Mapping, Raw, Side, key_text, other
from crmsync.ledger.nouns import LinkKeys, State
from crmsync.ledger.spool import Spool, Staged
from crmsync.run.world import Stopped, World, left_alone

Mode = Literal["batch", "delta", "revert", "forget"]
"""`revert`, `forget`: nothing is listed, for what is to be done follows from what a run has done, or a person said."""
PAGE: Final = 1000


@dataclass
class Extraction:
    """What reading one mapping showed. `quiet` counts the records that were seen before and settled, by bucket;
    `unlisted` are the links whose record a complete listing did not have."""

    mapping: Mapping
    era: int
    quiet: Both[Counter[Bucket]] = field(default_factory=lambda: (Counter(), Counter()))
    listed: Both[Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    complete: list[bool] = field(default_factory=lambda: [False, False])
    cursors: dict[Side, Cursor] = field(default_factory=dict)
    unlisted: Both[dict[Key, Key]] = field(default_factory=lambda: ({}, {}))
    vanished: Both[list[Key]] = field(default_factory=lambda: ([], []))  # unsettled before, never linked, not there now


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one mapping. `forced[side]` are keys that are staged even if they did not change."""

    world: World
    spool: Spool
    mapping: Mapping
    era: int
    mode: Mode
    forced: Both[frozenset[Key]] = (frozenset(), frozenset())
    deletes: bool = True  # False: what a listing does not have is left alone

    def read(self) -> Extraction:
        found = Extraction(self.mapping, self.era)
        for side in SIDES:
            self._list(found, side)
        for side in SIDES:
            self._find_unlisted(found, side)
        for side in SIDES:
            self._revisit(found, side)
        self._stage_counterparts(found)
        return found

    def read_only(self, side: Side, keys: Sequence[Key]) -> Extraction:
        """Just these records and their counterparts; no listing, no cursor."""
        found = Extraction(self.mapping, self.era)
        self._stage_keys(found, side, keys)
        self._stage_counterparts(found)
        return found

    def _door(self, side: Side) -> Door:
        return self.world.door(self.mapping, side)

    # Listing

    def _list(self, found: Extraction, side: Side) -> None:
        """One that breaks off is begun anew, from nothing: its first pages may say something else by then."""
        for attempt in count(1):
            try:
                self._list_once(found, side)
                break
            except Transient as error:
                if not found.listed[side]["pages"]:  # its door has tried that already
                    raise
                self.world.patience(self.mapping.ends[side].system).pause(error, attempt)
            self._forget(found, side)

    def _forget(self, found: Extraction, side: Side) -> None:
        self.spool.forget(self.mapping.name, side)
        found.quiet[side].clear()
        found.listed[side].clear()

    def _list_once(self, found: Extraction, side: Side) -> None:
        door = self._door(side)
        newest = door.newest() if door.can.delta else None
        since = self._since(door, side)
        for page in door.list(since):
            self._take(found, side, page)
        found.complete[side] = since is None and not found.listed[side]["twice"]  # pages that overlap have left a gap
        if newest is not None:
            found.cursors[side] = newest

    def _since(self, door: Door, side: Side) -> Cursor | None:
        if self.mode == "batch" or not door.can.delta:
            return None
        stored = self.world.ledger.cursor(self.mapping.name, side, self.mapping.ends[side].entity)
        return Cursor(stored["modified"]) if stored else None

    def _take(self, found: Extraction, side: Side, page: Sequence[Raw]) -> None:
        name, keys = self.mapping.name, [raw.key for raw in page]
        repeated = self.spool.seen(name, side, keys)
        again = set(repeated)
        if len(repeated) == len(keys) and len(again) > 1:
            raise self._page_again(side, len(again))
        found.listed[side].update(pages=1, records=len(keys) - len(repeated), twice=len(repeated))
        states = self.world.ledger.states(name, side, keys)
        fresh = [
            raw for raw in page if raw.key not in again and not self._is_settled(found, side, raw, states.get(raw.key))
        ]
        self.spool.stage(name, side, (self._staged(side, raw, states.get(raw.key), listed=True) for raw in fresh))
        if again:
            self._uncount(found, side, Counter(keys), Counter(repeated), states)
            self._duplicates(side, [raw for raw in page if raw.key in again], states)

    def _page_again(self, side: Side, records: int) -> Stopped:
        """Whoever gives a page twice has left another one out: the paging of the system has slipped."""
        end = self.mapping.ends[side]
        message = f"the listing of {end.system}.{end.entity} repeats a page of {records} records: it is not complete"
        return Stopped(1, Finding("listing/repeated", message, "run again; if it stays so, the connector is at fault"))

    def _is_settled(self, found: Extraction, side: Side, raw: Raw, state: State | None) -> bool:
        """Seen before under this very mapping, and settled then: count it, look no further."""
        if state is None or state.bucket is None or raw.fault or raw.key in self.forced[side]:
            return False
        if state.era != self.era or state.raw != raw.version:
            return False
        found.quiet[side][_quiet(state)] += 1
        return True

    def _uncount(
        self, found: Extraction, side: Side, here: Counter[Key], repeated: Counter[Key], states: dict[Key, State]
    ) -> None:
        """The repeated keys that an earlier page had, too, and that were counted as settled there."""
        earlier = [key for key, times in repeated.items() if times == here[key]]
        staged = self.spool.staged_keys(self.mapping.name, side, earlier)
        self._unquiet(found, side, [key for key in earlier if key not in staged], states)

    def _duplicates(self, side: Side, raws: Sequence[Raw], states: dict[Key, State]) -> None:
        """Which of two records with one key is right, nobody knows: both are refused."""
        name = self.mapping.name
        keys = sorted({raw.key for raw in raws}, key=key_text)
        self.spool.stage(name, side, (self._staged(side, raw, states.get(raw.key), listed=True) for raw in raws))
        self.spool.mark_duplicate(name, side, keys)

    def _unquiet(self, found: Extraction, side: Side, keys: Iterable[Key], states: dict[Key, State]) -> None:
        """These were counted as settled, and are looked at after all."""
        for key in keys:
            state = states.get(key)
            if state and found.quiet[side][_quiet(state)]:
                found.quiet[side][_quiet(state)] -= 1

    # What a complete listing did not have

    def _find_unlisted(self, found: Extraction, side: Side) -> None:
        if not (found.complete[side] and self.deletes):
            return
        name, doubtful = self.mapping.name, list[Key]()
        self._believe(found, side)
        for rows in self.spool.unseen(name, side, self._noting(doubtful, side)):
            found.unlisted[side].update({row[side]: row[other(side)] for row in rows})
        self._stage_keys(found, side, doubtful)

    def _noting(self, doubtful: list[Key], side: Side) -> Iterator[list[LinkKeys]]:
        """All links that are not gone; the records of those that were missing before are noted."""
        for page in self.world.ledger.link_keys(self.mapping.name, side):
            doubtful.extend(link[side] for link in page if link.state == "missing")
            yield page

    def _believe(self, found: Extraction, side: Side) -> None:
        """A listing that is empty where records are linked is an access problem until a person says otherwise; of one
        that lacks some of them the limits speak (`limits.missing`)."""
        links = self.world.ledger.live_links(self.mapping.name)
        if links and not found.listed[side]["records"]:
            end = self.mapping.ends[side]
            message = f"{end.system}.{end.entity} lists no record at all, where {links} are linked"
            mend = "check the rights of the account that reads it; if the records are really gone: crmsync link split"
            raise Stopped(4, Finding("listing/empty", message, mend))

    # What a listing does not bring

    def _revisit(self, found: Extraction, side: Side) -> None:
        """Records that are not settled are always looked at again, and so are the forced ones."""
        for keys in self.world.ledger.unsettled(self.mapping.name, side):
            self._stage_keys(found, side, keys)
            there = self.spool.staged_keys(self.mapping.name, side, keys)
            links = self.world.ledger.links(self.mapping.name, side, keys)
            linked = {key for key, link in links.items() if link.state != "gone"}
            found.vanished[side].extend(key for key in keys if key not in there and key not in linked)
        self._stage_keys(found, side, sorted(self.forced[side], key=key_text))

    def _stage_keys(self, found: Extraction, side: Side, keys: Sequence[Key]) -> None:
        """Those that are not staged yet, and that a complete listing did not miss."""
        name = self.mapping.name
        for page in _pages(keys):
            known = self.spool.staged_keys(name, side, page) | found.unlisted[side].keys()
            raws = fetch(self._door(side), [key for key in page if key not in known])
            there = [raw.key for raw in raws]
            states = self.world.ledger.states(name, side, there)
            self._unquiet(found, side, self.spool.seen(name, side, there), states)
            self.spool.stage(name, side, (self._staged(side, raw, states.get(raw.key), listed=False) for raw in raws))

    def _stage_counterparts(self, found: Extraction) -> None:
        """The other record of every pair that is to be decided, as it is now."""
        for side in SIDES:
            self._stage_keys(found, other(side), list(found.unlisted[side].values()))
            for keys in self.spool.partners_missing(self.mapping.name, side):
                self._stage_keys(found, other(side), keys)

    def _staged(self, side: Side, raw: Raw, state: State | None, *, listed: bool) -> Staged:
        partner, why = (state.partner, left_alone(self.world, self.mapping, side, state)) if state else (None, "")
        return Staged(raw.key, raw.body, raw.modified, raw.fault, listed, partner, why)

    def stage_more(self, found: Extraction, side: Side, keys: Sequence[Key]) -> list[Key]:
        """Stage records that the ledger remembers as unlinked; those that are there no more are returned."""
        self._stage_keys(found, side, keys)
        staged = self.spool.staged_keys(self.mapping.name, side, keys)
        return [key for key in keys if key not in staged]


def _quiet(state: State) -> Bucket:
    """What a record that did not change since counts as."""
    return "out_of_scope" if state.bucket == "out_of_scope" else "unchanged"


def _pages(keys: Sequence[Key], size: int = PAGE) -> Iterator[list[Key]]:
    rest = iter(keys)
    while page := list(islice(rest, size)):
        yield page


def cursor_json(cursor: Cursor) -> Json:
    return {"modified": cursor.modified}  # not its key, which may be about somebody, and which no door asks for
