"""Which records of two systems that are both full belong together? Links and questions go into the ledger, nothing goes
into a system.

The plan is the one that a run would make; of it only the links and the questions which is which are remembered.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from crmsync.core.model import SIDES, Adopt, Both, Finding, Hold, Json, Key, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode, encode
from crmsync.core.plan.lines import Line
from crmsync.ledger.nouns import CRMSYNC, NewLink, NewRun, PairKeys
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.writer import Writer
from crmsync.run.match.judge import look_again
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, Prepared
from crmsync.run.selected import selected
from crmsync.run.world import Stopped, World, every, utc_now

SCORE: Final = "score"  # what a link was made by, where no identifier decided
LEFT_OUT: Final = ("rejected", "out_of_scope")


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was found in one mapping. `linked`: the new links by what decided; `known`: pairs that were linked before.
    `asked`: the open questions which is which. By side: how many records have neither link nor question, and how many
    were left out, by bucket."""

    mapping: Declared
    linked: Mapping[str, int]
    known: int
    asked: int
    unmatched: Both[int]
    left_out: Both[Mapping[str, int]]

    def to_json(self) -> Json:
        names = [end.name for end in self.mapping.ends]
        return {
            "linked": {"new": sum(self.linked.values()), "by": dict(self.linked), "before": self.known},
            "questions": self.asked,
            "unmatched": {names[side]: self.unmatched[side] for side in SIDES},
            "left_out": {names[side]: dict(self.left_out[side]) for side in SIDES},
        }


def propose(world: World, select: Sequence[str], run_id: str) -> tuple[Proposed, ...]:
    """Link what is the same, and ask about what may be. The caller holds the lock. Raises as `run` does."""
    mappings = matched(world, select)
    eras = {each.name: _next_era(world, each.name) for each in mappings}
    prepared = prepare(world, mappings, Order(), eras, run_id, utc_now())
    try:
        with world.writing() as ledger:  # all of it or nothing
            begin(world, ledger, mappings, run_id, "propose")
            found = tuple(_Remembering(world, ledger, prepared, each, run_id).remember() for each in mappings)
            told = {each.mapping.name: each.to_json() for each in found}
            ledger.end_run(run_id, utc_now(), 3 if any(each.asked for each in found) else 0, {"mappings": told})
    finally:
        prepared.spool.close()
    return found


def matched(world: World, select: Sequence[str]) -> tuple[Declared, ...]:
    """The selected mappings that match records. Raises `Stopped` (exit 2) where there is none."""
    mappings = selected(world, select)
    found = tuple(each for each in mappings if each.match)
    if not found:
        names = ", ".join(each.name for each in mappings)
        raise Stopped(2, Finding("usage/no-match", f"{names} has no match:", "write match: into the mapping"))
    return found


def _next_era(world: World, name: str) -> int:
    """One in which nothing is settled: every record is looked at."""
    era = world.ledger.era(name)
    return era.number + 1 if era else 1


def begin(world: World, ledger: Writer, mappings: Sequence[Declared], run_id: str, mode: str) -> None:
    """A run that is no run of the systems: it stands in the history all the same."""
    for name, instance in world.newly_known(mappings).items():
        ledger.stamp_instance(name, instance)
    names = [mapping.name for mapping in mappings]
    who, host = getpass.getuser(), socket.gethostname()
    ledger.start_run(NewRun(run_id, utc_now(), mode, who, host, os.getpid(), names, trace=world.trace))


@dataclass(frozen=True, slots=True)
class _Remembering:
    """Remembers of one mapping of the plan which is which."""

    world: World
    ledger: Writer
    prepared: Prepared
    mapping: Declared
    run: str

    @property
    def name(self) -> str:
        return self.mapping.name

    def remember(self) -> Proposed:
        now = utc_now()
        links = [(seq, plan, line) for seq, plan, line in self._lines() if isinstance(line, Adopt) and line.judged]
        holds = [line for _, _, line in self._lines() if isinstance(line, Hold) and line.kind == "match"]
        self.ledger.save_links(_link(line, self.run, now) for _, _, line in links)
        pairs = [line.keys for _, _, line in links]
        for side in SIDES:
            self.ledger.drop_candidates(self.name, side, [keys[side] for keys in pairs])
        look_again(self.ledger, self.name, pairs, "linked by crmsync match propose; the next run looks at it")
        self.ledger.save_holds(self.name, self._asked_before(), holds, self.run, now)
        for census in self.prepared.spool.notes(self.name, "census"):
            self.ledger.save_census(self.name, census)
        self._journal(links, now)
        return self._told([line for _, _, line in links], holds)

    def _lines(self) -> Iterator[tuple[int, PlanLine, Line]]:
        number = self.prepared.mappings[self.name].number
        for seq, plan in enumerate(self.prepared.spool.lines()):
            if plan.mapping_no == number and plan.kind in ("adopt", "hold"):
                yield seq, plan, decode(plan.text)

    def _asked_before(self) -> list[PairKeys]:
        """The open questions which is which about records that were looked at: what is not asked again lapses."""
        asked = [each.keys for each in every(self.world.ledger.reviews, self.name, "open", kind="match")]
        decided = [
            self.prepared.spool.buckets(self.name, side, [key for keys in asked if (key := keys[side])])
            for side in SIDES
        ]
        return [keys for keys in asked if any(keys[side] in decided[side] for side in SIDES)]

    def _journal(self, links: Sequence[tuple[int, PlanLine, Adopt]], now: str) -> None:
        rows = ((seq, self.name, 0, plan.key_text, plan.kind, encode(_bare(line))) for seq, plan, line in links)
        self.ledger.save_journal(self.run, rows)
        self.ledger.settle_journal(self.run, ((seq, "done", "", now) for seq, _, _ in links))

    def _told(self, links: Sequence[Adopt], holds: Sequence[Hold]) -> Proposed:
        by = Counter(_by(line) for line in links)
        counts = [self._counts(side, {line.keys[side] for line in links}, {hold.keys[side] for hold in holds})
                  for side in SIDES]  # fmt: skip
        left_out = [{name: count[name] for name in LEFT_OUT if count[name]} for count in counts]
        return Proposed(
            self.mapping,
            dict(sorted(by.items())),
            counts[0]["known"],
            len(holds),
            (counts[0]["unmatched"], counts[1]["unmatched"]),
            (left_out[0], left_out[1]),
        )

    def _counts(self, side: Side, linked: set[Key], asked: set[Key | None]) -> Counter[str]:
        spool, counts = self.prepared.spool, Counter[str]()
        for rows in spool.pages(self.name, side):
            buckets = spool.buckets(self.name, side, [row.key for row in rows])
            for row in rows:
                bucket = buckets.get(row.key, "")
                if row.partner is not None:
                    counts["known"] += 1
                elif bucket in LEFT_OUT:
                    counts[bucket] += 1
                else:
                    counts["unmatched"] += row.key not in linked and row.key not in asked
        return counts


def _link(line: Adopt, run: str, now: str) -> NewLink:
    score, reason = line.judged or (1.0, "")
    return NewLink(line.mapping, line.keys, {}, score, reason, CRMSYNC, run, now)


def _bare(line: Adopt) -> Adopt:
    """Without the base: that is taken by `link adopt`, or by the next run."""
    return replace(line, base={})


def _by(line: Adopt) -> str:
    score, reason = line.judged or (1.0, "")
    return reason if score == 1.0 and reason.endswith(" equal") else SCORE
