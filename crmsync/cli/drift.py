"""Where do both sides differ, and since when? drift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, global_flags, select_flag, show_pii_flag
from crmsync.cli.summary import taken_up
from crmsync.core.model import SIDES, Both, Json, Mapping

if TYPE_CHECKING:
    from crmsync.run.drift import Category, Drift, Found, Group, MappingDrift, Since, Sum

FIELD_HEAD: Final = ("    field", "differs", "pairs", "oldest", "newest", "age unknown")


@click.command()
@select_flag
@click.option("--all", "everything", is_flag=True, help="Show everything that differs, not only examples.")
@click.option(
    "--limit", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="At most N examples of a kind."
)
@show_pii_flag
@global_flags
def drift(settings: Settings, select: tuple[str, ...], everything: bool, limit: int, show_pii: bool) -> int:
    """Compare everything, and change nothing.

    Reads both sides completely, whatever earlier runs have seen, moves no cursor, takes no lock, and tells what is out
    of step: records that were never dispatched, missing ones, orphaned links, fields that differ and since when, and
    pairs that are stuck. Exit 3 when there is any such thing, 0 when there is none.

    \b
      crmsync drift
      crmsync drift --select 'account-*' --all
      crmsync drift --output json | jq '.mappings[].drift'

    \b
    Every night, from cron; the report is in the file, and exit 3 raises the alarm:
      30 5 * * *  crmsync -C /srv/shop drift >/var/log/crmsync.drift
    """
    from crmsync.run.drift import compared
    from crmsync.run.world import utc_now

    with settings.world() as world, ExitStack() as stack:
        teller, most = Teller.of(world, show_pii), None if everything else limit
        with log.working(settings, "comparing …"):
            found = stack.enter_context(compared(world, select, utc_now()))
        if settings.json:
            render.json(_json(found, teller, most))
        else:
            _show(found, teller, most)
    return found.exit


# For people ------------------------------------------------------------------------------------------------


def _show(found: Drift, teller: Teller, most: int | None) -> None:
    for line in taken_up(found.left):
        render.say(line)
    if found.left.writes:
        render.say("what they had made may be there already, and is counted below as if it were not\n")
    for each in found.mappings.values():
        if each.count:
            _show_mapping(found, each, teller, most)
    for name, links in found.forgotten.items():
        render.say(f"{name}\n  orphaned links: {links}; the project has no mapping of this name")
        render.say("    put its file back; enabled: false there lets its links rest\n")
    read, count = sum(sum(each.read) for each in found.mappings.values()), found.count
    told = f"out of step: {count}" if count else "no drift"
    render.say(f"{render.count(len(found.mappings), 'mapping')} compared, {render.count(read, 'record')} read; {told}")
    for line in _next(found):
        render.say(line)


def _show_mapping(found: Drift, drift: MappingDrift, teller: Teller, most: int | None) -> None:
    from crmsync.run.drift import CATEGORIES

    render.say(drift.mapping.name)
    for category in CATEGORIES:
        groups = drift.of(category)
        if not groups:
            continue
        if category == "fields":
            _show_fields(found, drift.mapping, groups)
        else:
            told = ", ".join(_counted(drift.mapping, group, each.count) for group, each in groups)
            render.say(f"  {HEADS[category]}: {told}")
        for group, each in groups:
            for one in islice(found.found(drift.mapping.name, group), most):
                for line in _worded(found, one, drift.mapping.name, teller):
                    render.say(f"      {line}")
            if most is not None and each.count > most:
                render.say(f"      ... and {each.count - most} more: crmsync drift --all")
    render.say()


HEADS: Final[dict[Category, str]] = {
    "never_dispatched": "never dispatched",
    "missing": "missing",
    "orphaned": "orphaned links",
    "stuck": "stuck",
}


def _show_fields(found: Drift, mapping: Mapping, groups: list[tuple[Group, Sum]]) -> None:
    render.say("  fields:")
    rows = [
        (
            f"    {group.field}",
            _to(mapping, group),
            each.count,
            _age(each.oldest, found.now),
            _age(each.newest, found.now),
            each.ageless,
        )
        for group, each in groups
    ]
    render.table(FIELD_HEAD, rows, right=(2, 5))


def _to(mapping: Mapping, group: Group) -> str:
    return "held" if group.side is None else f"to write in {mapping.ends[group.side].name}"


def _counted(mapping: Mapping, group: Group, count: int) -> str:
    """`2 to create in pm`."""
    side = "" if group.side is None else mapping.ends[group.side].name
    match group.category, group.what:
        case "never_dispatched", "create":
            return f"{count} to create in {side}"
        case "never_dispatched", "link":
            return f"{count} to link"
        case "never_dispatched", bucket:
            return f"{count} {bucket} in {side}"
        case "missing", "deleted":
            return f"{count} deleted in {side}"
        case "missing", "gone for good":
            return f"{count} gone for good from {side}"
        case "missing", _:
            return (
                f"{count} not in {'a complete listing' if group.listings == 1 else 'two complete listings'} of {side}"
            )
        case "stuck", "archive":
            return f"{count} to archive in {side}"
        case "stuck", bucket:
            return f"{count} {bucket}"
    return str(count)


def _worded(found: Drift, one: Found, mapping: str, teller: Teller) -> Iterator[str]:
    first, *rest = _said(one, mapping, teller)
    where = [
        _since(one.since, found.now),
        f"review {one.review}" if one.review else "",
        f"dead letter {one.letter}" if one.letter else "",
    ]
    yield "; ".join(filter(None, [first, *where]))
    yield from rest


def _said(one: Found, mapping: str, teller: Teller) -> list[str]:
    if one.line is not None:
        return list(teller.lines(one.line))
    head = f"! {teller.pair(mapping, one.keys)}"
    if one.group.category == "orphaned":
        return [f"{head}  both records are gone"]
    return [f"{head}  {one.why}" if one.group.category == "missing" else f"{head}  {one.group.what}: {one.why}"]


def _since(since: Since | None, now: str) -> str:
    if since is None:
        return ""
    word = "they agreed" if since.evidence == "agreed" else "since"
    return f"{word} {render.when(since.at)} ({_age(since, now)})"


def _age(since: Since | None, now: str) -> str:
    if since is None:
        return "unknown"
    most = "at most " if since.evidence == "agreed" else ""
    return f"{most}{_duration(_span(since, now))}"


def _duration(span: timedelta) -> str:
    """`3 days`: the greatest unit that fits."""
    for seconds, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if number := int(span.total_seconds()) // seconds:
            return render.count(number, unit)
    return "less than a minute"


def _span(since: Since, now: str) -> timedelta:
    """How old; a clock that is ahead of ours makes nothing older than now."""
    return max(datetime.fromisoformat(now) - datetime.fromisoformat(since.at), timedelta())


def _next(found: Drift) -> Iterator[str]:
    """What a person would type now."""
    groups = {(group.category, group.what) for each in found.mappings.values() for group in each.groups}
    if any(category != "orphaned" and what not in ASKED for category, what in groups):
        yield "next: crmsync plan"
    if any(what == "gone for good" for _, what in groups):
        yield "next: crmsync link split REF, and a run makes what is gone for good anew; or leave it as it is"
    if any(what == "held" for _, what in groups):
        yield "next: crmsync review list"
    if any(what in ("rejected", "failed") for _, what in groups):
        yield "next: crmsync dlq list"


ASKED: Final = ("held", "waiting", "rejected", "failed", "gone for good")  # a run alone does not mend these

# For machines ----------------------------------------------------------------------------------------------


def _json(found: Drift, teller: Teller, most: int | None) -> Json:
    from crmsync.run.drift import CATEGORIES

    left = {"runs": list(found.left.runs), "writes": dict(found.left.writes)}
    return {
        "at": found.now,
        **({"recovered": left} if found.left.runs or found.left.writes else {}),
        "drift": found.count,
        "mappings": {
            name: {
                "read": {each.mapping.ends[side].name: each.read[side] for side in SIDES},
                "drift": each.count,
                **{category: _category_json(found, each, category, teller, most) for category in CATEGORIES},
            }
            for name, each in found.mappings.items()
        },
        "forgotten": dict(found.forgotten),
        "exit": found.exit,
    }


def _category_json(
    found: Drift, drift: MappingDrift, category: Category, teller: Teller, most: int | None
) -> dict[str, Json]:
    groups = drift.of(category)
    examples = [one for group, _ in groups for one in islice(found.found(drift.mapping.name, group), most)]
    return {
        "count": sum(each.count for _, each in groups),
        "groups": [_group_json(drift.mapping, group, each, found.now) for group, each in groups],
        "examples": [_found_json(found, drift.mapping, each, teller) for each in examples],
    }


def _group_json(mapping: Mapping, group: Group, each: Sum, now: str) -> Json:
    body = {**_place(mapping, group), "count": each.count}
    if group.category == "fields":
        ages = {"oldest": _since_json(each.oldest, now), "newest": _since_json(each.newest, now)}
        return {**body, **ages, "age_unknown": each.ageless}
    return body


def _place(mapping: Mapping, group: Group) -> dict[str, Json]:
    body: dict[str, Json] = {"what": group.what}
    if group.side is not None:
        body["side"] = mapping.ends[group.side].name
    if group.field:
        body["field"] = group.field
    if group.listings:
        body["listings"] = group.listings
    return body


def _found_json(found: Drift, mapping: Mapping, one: Found, teller: Teller) -> Json:
    names: Both[str] = (mapping.ends[0].name, mapping.ends[1].name)
    keys = {
        names[side]: None if (key := one.keys[side]) is None else teller.ref(mapping.name, side, key) for side in SIDES
    }
    return {
        **_place(mapping, one.group),
        "records": keys,
        "said": _said(one, mapping.name, teller),
        "why": one.why,
        "since": _since_json(one.since, found.now),
        "review": one.review,
        "dead_letter": one.letter,
    }


def _since_json(since: Since | None, now: str) -> Json:
    if since is None:
        return None
    return {"at": since.at, "evidence": since.evidence, "seconds": int(_span(since, now).total_seconds())}


COMMANDS = (drift,)
