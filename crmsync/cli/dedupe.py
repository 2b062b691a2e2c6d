"""Which records of one side are one? match dedupe shows them, match merge says so."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Fields
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import (
    Settings,
    confirmed,
    global_flags,
    select_flag,
    show_pii_flag,
    table_flags,
    usage,
    yes_flag,
)
from crmsync.cli.pair import unhidden
from crmsync.core.model import SIDES, Json, Key, Mapping, Ref, Side

if TYPE_CHECKING:
    from crmsync.core.match import Explained, Point
    from crmsync.ledger.nouns import MergeRow
    from crmsync.run.match.dedupe import Deduped, Duplicates
    from crmsync.run.match.golden import Golden
    from crmsync.run.match.merging import Intended, Wanted
    from crmsync.run.world import World

MOST = 10  # records of one cluster in a text
CSV_HEAD = ("mapping", "cluster", "record", "survivor", "score", "cohesion", "contradictory", "linked_with")


# Find them -----------------------------------------------------------------------------------------------


@click.command()
@select_flag
@click.option("--side", required=True, metavar="SIDE", help="Whose records: a side of the mapping, such as crm.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="At most N groups of each mapping, the surest first."
)
@click.option("--min-score", type=click.FloatRange(0, 1), metavar="P", help="How alike they must be [link_at].")
@click.option("--ask", is_flag=True, help="Open a review for each two, to be answered by: crmsync review work.")
@show_pii_flag
@table_flags
def dedupe(
    settings: Settings,
    select: tuple[str, ...],
    side: str,
    limit: int | None,
    min_score: float | None,
    ask: bool,
    show_pii: bool,
) -> None:
    """Find duplicates inside one system.

    All records of a side are compared by the mapping's rule, linked or not. For every group: how well it hangs together
    and its weakest pair, what contradicts it, which record should stay, and what would stand for all of them, field by
    field. Nothing is written to any system.

    \b
      crmsync match dedupe -s account-customer --side crm
      crmsync match dedupe -s account-customer --side crm --ask && crmsync review work --kind duplicate
      crmsync match dedupe -s account-customer --side crm --output csv > duplicates.csv
    """
    from crmsync.run.match import dedupe as finding

    with settings.world(create=ask) as world:
        places = _places(world, select, side)
        found = [finding.dedupe(world, mapping, at, min_score, limit) for mapping, at in places]
        asked = sum(finding.ask(world, each) for each in found) if ask else None
        shown = [_Shown(each, Teller.of(world, show_pii)) for each in found]
    if settings.json:
        told = {"asked": asked} if ask else {}
        render.json({"duplicates": [each.json() for each in shown], **told, "exit": 0})
    elif settings.csv:
        _csv(shown)
    else:
        for line in (line for each in shown for line in each.lines()):
            render.say(line)
        _next(asked)


def _next(asked: int | None) -> None:
    if asked is not None:
        done = render.count(asked, "question") + " opened"
        render.say(f"{done}; next: crmsync review work --kind duplicate" if asked else f"{done}: nothing new to ask")


def _places(world: World, select: tuple[str, ...], name: str) -> list[tuple[Mapping, Side]]:
    from crmsync.run.selected import selected

    mappings = selected(world, select)
    found = [(each, side) for each in mappings for side in SIDES if each.ends[side].name == name]
    if not found:
        names = sorted({end.name for each in mappings for end in each.ends})
        raise usage(f"no mapping that is selected has a side {name}", f"choose among: {', '.join(names)}")
    if len(found) > 1 and not select:  # those without a rule are passed by, unless they were asked for
        found = [place for place in found if place[0].match is not None] or found
    return found


class _Shown:
    """What was found on one side, in words."""

    def __init__(self, deduped: Deduped, teller: Teller) -> None:
        self.deduped = deduped
        self.teller = teller

    @property
    def mapping(self) -> Mapping:
        return self.deduped.mapping

    @cached_property
    def entity(self) -> str:
        end = self.mapping.ends[self.deduped.side]
        return f"{end.system}.{end.entity}"

    def ref(self, key: Key) -> str:
        return self.teller.ref(self.mapping.name, self.deduped.side, key)

    def refs(self, keys: Sequence[Key]) -> list[str]:
        return [self.ref(key) for key in keys]

    def counterpart(self, each: Duplicates, key: Key) -> str | None:
        partner = each.said[key].counterpart
        return None if partner is None else self.teller.ref(self.mapping.name, 0 if self.deduped.side else 1, partner)

    def merge(self, each: Duplicates) -> str:
        """The command that merges them; nothing where they contradict each other."""
        if each.cluster.contradictory:
            return ""
        flag = " --counterparts" if len(each.linked) > 1 else ""
        return f"crmsync match merge {' '.join(self.refs((each.survivor.key, *each.others)))}{flag}"

    # As text

    def lines(self) -> Iterator[str]:
        deduped = self.deduped
        left_out = "".join(f", {number} left out: {why}" for why, number in deduped.gathered.left_out.items())
        compared = f"{render.count(len(deduped.gathered.records), 'record')} of {self.entity}{left_out}"
        yield f"{self.mapping.name}: {compared}; {render.count(deduped.compared, 'pair')} compared"
        if not deduped.total:
            yield "no duplicates"
        for number, each in enumerate(deduped.found, 1):
            yield ""
            yield from self._cluster(number, each)
        if deduped.total > len(deduped.found):
            yield ""
            yield f"... and {render.count(deduped.total - len(deduped.found), 'group')} more"

    def _cluster(self, number: int, each: Duplicates) -> Iterator[str]:
        cluster = each.cluster
        flag = ", contradictory" if cluster.contradictory else ""
        size = render.count(len(cluster.members), "record")
        yield f"{number} of {self.deduped.total}: {size}, cohesion {cluster.cohesion:.2f}{flag}"
        yield f"  stays   {self.ref(each.survivor.key)}{self._linked(each, each.survivor.key)}: {each.survivor.reason}"
        for key in each.others[:MOST]:
            yield f"  same?   {self.ref(key)}{self._linked(each, key)}: {each.scores[key]:.2f}"
        if len(each.others) > MOST:
            yield f"          ... and {render.count(len(each.others) - MOST, 'record')} more"
        yield f"  weakest pair: {' '.join(self.refs(cluster.weakest))}, {each.weakest.score:.2f}"
        yield from (f"      {line}" for line in self._why(each.weakest))
        for contradiction in cluster.contradictions[:MOST]:
            first, *way, last = self.refs(contradiction.path)
            yield f"  {first} and {last} cannot be one: {each.reasons[contradiction.pair]}"
            yield f"      and yet they are alike by way of {', '.join(way)}: a person decides what is wrong"
        yield from (
            f"  not together with {' - '.join(self.refs(pair))}: too little else is alike" for pair in cluster.cut
        )
        yield "  golden record:"
        yield from (f"      {line}" for line in golden_lines(self.teller, self.mapping.name, each.golden))
        if command := self.merge(each):
            yield f"  if they are one: {command}"

    def _linked(self, each: Duplicates, key: Key) -> str:
        partner = self.counterpart(each, key)
        return f", linked with {partner}" if partner else ""

    def _why(self, explained: Explained) -> Iterator[str]:
        for point in self._points(explained):
            yield f"{point.points:+.2f}  {point.entry or 'base'}: {point.reason}"
        yield from (f"against a link: {reason}" for reason in explained.against)

    def _points(self, explained: Explained) -> list[Point]:
        return [unhidden(self.teller, self.mapping.name, point) for point in explained.points]

    # As data

    def json(self) -> Json:
        deduped = self.deduped
        return {
            "mapping": self.mapping.name, "side": self.mapping.ends[deduped.side].name,
            "records": len(deduped.gathered.records), "left_out": dict(deduped.gathered.left_out),
            "compared": deduped.compared, "total": deduped.total,
            "groups": [self._cluster_json(each) for each in deduped.found],
        }  # fmt: skip

    def _cluster_json(self, each: Duplicates) -> Json:
        cluster, weakest = each.cluster, each.weakest
        reasons = [
            {"entry": point.entry, "points": point.points, "reason": point.reason} for point in self._points(weakest)
        ]
        return {
            "survivor": self.ref(each.survivor.key),
            "reason": each.survivor.reason,
            "records": [
                {"record": self.ref(key), "score": each.scores.get(key), "linked_with": self.counterpart(each, key)}
                for key in cluster.members
            ],
            "cohesion": cluster.cohesion,
            "weakest": {"records": self.refs(cluster.weakest), "score": weakest.score, "reasons": reasons},
            "contradictory": cluster.contradictory,
            "contradictions": [
                {"records": self.refs(one.pair), "path": self.refs(one.path), "why": each.reasons[one.pair]}
                for one in cluster.contradictions
            ],
            "cut": [self.refs(pair) for pair in cluster.cut],
            "golden": golden_json(self.teller, self.mapping.name, each.golden),
            "merge": self.merge(each) or None,
        }

    def rows(self) -> Iterator[tuple[object, ...]]:
        for number, each in enumerate(self.deduped.found, 1):
            for key in (each.survivor.key, *each.others):
                stays, score = key == each.survivor.key, each.scores.get(key, "")
                cluster = each.cluster
                yield (
                    self.mapping.name, number, self.ref(key), "yes" if stays else "no", score, cluster.cohesion,
                    "yes" if cluster.contradictory else "no", self.counterpart(each, key) or "",
                )  # fmt: skip


def _csv(shown: Sequence[_Shown]) -> None:
    from crmsync.run.match.sheets import to_csv

    for line in to_csv(CSV_HEAD, (row for each in shown for row in each.rows())):
        click.echo(line)


def golden_lines(teller: Teller, mapping: str, golden: Fields[str, Golden]) -> Iterator[str]:
    """`name  "Stavby"  of crm.account/1: the survivor's; crm.account/2 says "Stavby Dunaj"`, a line a field."""
    width = max(map(len, golden), default=0)
    for name, each in golden.items():
        said = [f"{teller.told(ref)} says {teller.value(mapping, name, value)}" for ref, value in each.others[:3]]
        more = f" and {len(each.others) - 3} more" if len(each.others) > 3 else ""
        others = f"; {', '.join(said)}{more}" if said else ""
        value = f"{teller.value(mapping, name, each.value)}  of {teller.told(each.ref)}"
        yield f"{name.ljust(width)}  {value}: {each.rule}{others}"


def golden_json(teller: Teller, mapping: str, golden: Fields[str, Golden]) -> Json:
    return {
        name: {
            "value": teller.mask.value(mapping, name, each.value),
            "from": teller.told(each.ref),
            "rule": each.rule,
            "others": {teller.told(ref): teller.mask.value(mapping, name, value) for ref, value in each.others},
        }
        for name, each in golden.items()
    }


# Merge them ----------------------------------------------------------------------------------------------


@click.command()
@click.argument("survivor", metavar="SURVIVOR")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@select_flag
@click.option("--counterparts", is_flag=True, help="Where both are linked, their counterparts are one, too.")
@click.option("--dry-run", is_flag=True, help="Only tell what it would do.")
@show_pii_flag
@yes_flag
@global_flags
def merge(
    settings: Settings,
    survivor: str,
    others: tuple[str, ...],
    select: tuple[str, ...],
    counterparts: bool,
    dry_run: bool,
    **flags: bool,
) -> None:
    """Say that records of one system are one.

    The first one stays. Nothing is written to any system: the others are out of scope from now on, and what they were
    linked with is linked with the one that stays. What stands for all of them is kept, field by field, with where it
    comes from. `crmsync link split OTHER` takes it back.

    \b
      crmsync match merge crm.account/42 crm.account/43 --dry-run
      crmsync match merge crm.account/42 crm.account/43 crm.account/57
      crmsync match merge crm.account/42 crm.account/43 --counterparts
    """
    from crmsync.run.match.merging import intend, while_no_run
    from crmsync.run.match.merging import merge as merged

    with settings.world(create=not dry_run) as world, nullcontext() if dry_run else while_no_run(world):
        wanted = _wanted(world, select, survivor, others, counterparts)
        intended = [intend(world, each, getpass.getuser()) for each in wanted]
        teller = Teller.of(world, flags["show_pii"])
        if not settings.json:
            for line in (line for each in intended for line in _intent(teller, each)):
                render.say(line)
        first = wanted[0]
        *told, into = (teller.ref(first.mapping.name, first.side, key) for key in (*first.others, first.survivor))
        if not dry_run:
            if not confirmed(f"Merge {', '.join(told)} into {into}?", flags["yes"]):
                return
            merged(world, intended)
    if settings.json:
        render.json({"merged": [_intent_json(teller, each) for each in intended], "dry_run": dry_run, "exit": 0})
    elif dry_run:
        render.say("nothing was changed: this was a dry run")
    else:
        render.say(f"merged; to take it back: crmsync link split {told[0]}; next: crmsync run")


def _wanted(
    world: World, select: tuple[str, ...], survivor: str, others: Sequence[str], counterparts: bool
) -> list[Wanted]:
    from crmsync.run.match.merging import Wanted
    from crmsync.run.refs import find_ref, places_of
    from crmsync.run.selected import selected

    ref, *rest = (find_ref(world, text) for text in (survivor, *others))
    for each in rest:
        _refuse_stranger(ref, each)
    keys = tuple(each.key for each in rest)
    places = places_of(selected(world, select), ref.system, ref.entity)
    if not places:
        raise usage(f"no mapping that is selected has {ref.system}.{ref.entity}", "leave --select out")
    return [Wanted(mapping, side, ref.key, keys, counterparts) for mapping, side in places]


def _refuse_stranger(survivor: Ref, other: Ref) -> None:
    if (other.system, other.entity) != (survivor.system, survivor.entity):
        message = f"{other} is no {survivor.system}.{survivor.entity}: records of one entity can be one"
        raise usage(message, "to link records of two systems: crmsync review list --kind match, or crmsync link import")


def _intent(teller: Teller, intended: Intended) -> Iterator[str]:
    name, side = intended.mapping.name, intended.side
    survivor = teller.ref(name, side, intended.survivor)
    keys = [each.records.key for each in intended.merges]
    shown = ", ".join(teller.ref(name, side, key) for key in keys[:MOST])
    more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
    yield f"{name}: {shown}{more} into {survivor}"
    for pair in intended.moved:
        partner = teller.ref(name, 0 if side else 1, pair[0 if side else 1])
        yield f"  {partner} is linked with {survivor} from now on"
    for each in intended.merges:
        if each.counterparts is not None:
            theirs = each.counterparts
            kept, key = (teller.ref(name, theirs.side, key) for key in (theirs.survivor, theirs.key))
            yield f"  {key} is merged into {kept}, too"
    yield "  golden record:"
    yield from (f"      {line}" for line in golden_lines(teller, name, intended.golden))


def _intent_json(teller: Teller, intended: Intended) -> Json:
    name, side = intended.mapping.name, intended.side
    counterparts = [each.counterparts for each in intended.merges if each.counterparts]
    return {
        "mapping": name,
        "survivor": teller.ref(name, side, intended.survivor),
        "others": [teller.ref(name, side, each.records.key) for each in intended.merges],
        "moved": [teller.pair(name, pair) for pair in intended.moved],
        "counterparts": [
            {"survivor": teller.ref(name, each.side, each.survivor), "other": teller.ref(name, each.side, each.key)}
            for each in counterparts
        ],
        "golden": golden_json(teller, name, intended.golden),
    }


# Tell of them --------------------------------------------------------------------------------------------


def merge_line(world: World, teller: Teller, row: MergeRow) -> str:
    """`crm.account/43 was merged into crm.account/42 by eva, 2026-01-31 02:00:07Z`, and what became of that."""
    key, survivor = (teller.ref(row.mapping, row.side, each) for each in (row.key, row.survivor))
    line = f"{key} was merged into {survivor} by {row.who}, {render.when(row.made)}, in {row.mapping}"
    if row.ended is not None:
        return f"{line}; that was taken back {render.when(row.ended)}"
    into = world.ledger.survivors(row.mapping, row.side, [row.survivor]).get(row.survivor)
    return line if into is None else f"{line}; that is {teller.ref(row.mapping, row.side, into)} by now"


def merge_json(teller: Teller, row: MergeRow) -> Json:
    golden = {
        name: {**each, "value": teller.mask.value(row.mapping, name, each["value"])}
        for name, each in row.golden.items()
    }
    return {
        "mapping": row.mapping, "record": teller.ref(row.mapping, row.side, row.key),
        "survivor": teller.ref(row.mapping, row.side, row.survivor), "by": row.who, "made": row.made,
        "ended": row.ended, "golden": golden,
    }  # fmt: skip


COMMANDS = (dedupe, merge)  # of `crmsync match`
