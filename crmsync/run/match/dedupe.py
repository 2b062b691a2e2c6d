"""Which records of one side are one, which of them should stay, and what would stand for all of them? Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from crmsync.core.mapping import Compiled
from crmsync.core.match import Explained
from crmsync.core.match.cluster import Cluster, Member, Survivor, survivor
from crmsync.core.match.duplicates import Alikes, duplicates
from crmsync.core.model import Both, Finding, Key, Side, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import ASKED_BY, NewDuplicate
from crmsync.run.match.gather import Gathered, gather
from crmsync.run.match.golden import Golden, Said, golden_of, said, says_of
from crmsync.run.match.matching import known_census
from crmsync.run.world import Stopped, World, utc_now


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Records that are most likely one, with what they say. `weakest` explains the weakest pair, `reasons` every
    contradiction; `scores` are those of the survivor with each other record, `questions` the pairs that a person may
    judge, with their scores."""

    cluster: Cluster
    survivor: Survivor
    said: Mapping[Key, Said]
    weakest: Explained
    reasons: Mapping[Both[Key], str]
    scores: Mapping[Key, float]
    golden: Mapping[str, Golden]
    questions: tuple[tuple[Both[Key], float], ...]

    @property
    def others(self) -> tuple[Key, ...]:
        return tuple(key for key in self.cluster.members if key != self.survivor.key)

    @property
    def linked(self) -> tuple[Key, ...]:
        return tuple(key for key in self.cluster.members if self.said[key].counterpart is not None)


@dataclass(frozen=True, slots=True)
class Deduped:
    """What was found on one side. `total` is the number of clusters before the limit; `compared` that of pairs."""

    mapping: Declared
    side: Side
    gathered: Gathered
    compared: int
    total: int
    found: tuple[Duplicates, ...]


def dedupe(world: World, mapping: Declared, side: Side, min_score: float | None, limit: int | None) -> Deduped:
    """The clusters whose links score `min_score` (None: the mapping's `link_at`) or more, most cohesive first. Raises
    `Stopped` (exit 2) where the mapping has no rule."""
    rule = mapping.match
    if rule is None or not (rule.compare or rule.decide):
        message = f"{mapping.name} has no rule for matching, so nothing can be compared"
        raise Stopped(2, Finding("usage/no-match-rule", message, "write match: {compare: ...}", at=mapping.at))
    gathered = gather(world, mapping, side)
    found = duplicates(
        rule,
        known_census(world, mapping.name),
        gathered.candidates,
        world.ledger.distinct(mapping.name, side),
        rule.link_at if min_score is None else min_score,
    )
    shown = tuple(_tell(world, gathered, found, list(islice(found.clusters, limit))))
    return Deduped(mapping, side, gathered, found.compared, len(found.clusters), shown)


def _tell(world: World, gathered: Gathered, alikes: Alikes, found: Sequence[Cluster]) -> Iterator[Duplicates]:
    """The clusters with all that a person wants to know; all counterparts are fetched at once."""
    mapping, side = gathered.mapping, gathered.side
    links = world.ledger.links(mapping.name, side, [key for each in found for key in each.members])
    partners = {key: link.keys[other(side)] for key, link in links.items() if link.state != "gone"}
    theirs = said(world, mapping, other(side), sorted(partners.values(), key=key_text))
    compiled = world.compile(mapping)
    for cluster in found:
        members = {}
        for key in cluster.members:
            record = gathered.by_key[key]
            members[key] = Said(key, says_of(compiled, record.natives), record.modified, partners.get(key))
        yield _told(compiled, side, alikes, cluster, members, theirs)


def _told(
    compiled: Compiled,
    side: Side,
    alikes: Alikes,
    cluster: Cluster,
    members: Mapping[Key, Said],
    theirs: Mapping[Key, Said],
) -> Duplicates:
    records = list(members.values())
    kept = survivor([Member(each.key, each.counterpart is not None, each.filled, each.seconds) for each in records])
    partners = [members[key].counterpart for key in (kept.key, *cluster.members)]
    counterpart = next((theirs[key] for key in partners if key is not None and key in theirs), None)
    return Duplicates(
        cluster,
        kept,
        members,
        alikes.explain(*cluster.weakest),
        {each.pair: alikes.why_not(each.pair) for each in cluster.contradictions},
        {key: alikes.score(kept.key, key) for key in cluster.members if key != kept.key},
        golden_of(compiled, side, kept.key, records, counterpart),
        tuple((pair, alikes.score(*pair)) for pair in _asks(cluster, kept.key)),
    )


def _asks(cluster: Cluster, survivor: Key) -> list[Both[Key]]:
    """The survivor with each other record; where two cannot be one, the links by way of which they are alike."""
    ways = [pair for each in cluster.contradictions for pair in pairwise(each.path)]
    barred = {frozenset(each.pair) for each in cluster.contradictions}
    found = {frozenset(pair): pair for pair in ways}
    found |= {frozenset((survivor, key)): (survivor, key) for key in cluster.members if key != survivor}
    return [pair for both, pair in found.items() if both not in barred]


# Asking --------------------------------------------------------------------------------------------------


def ask(world: World, deduped: Deduped) -> int:
    """Opens a review for the survivor and each of the others, unless there is one or a person has judged them; how
    many. What a contradiction is about is not asked: it is no question any more."""
    with world.writing() as ledger:
        return ledger.ask_duplicates(_questions(deduped))


def _questions(deduped: Deduped) -> Iterator[NewDuplicate]:
    now = utc_now()
    for each in deduped.found:
        for keys, score in each.questions:
            message = f"may be duplicates ({score:.2f}), {len(each.cluster.members)} records together"
            yield NewDuplicate(deduped.mapping.name, deduped.side, keys, score, message, ASKED_BY, now)
