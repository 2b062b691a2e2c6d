"""Which questions is a command about? The filters of `review list`, `review work` and `review resolve --all`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from crmsync.cli.flags import Function, select_flag
from crmsync.core.model import Ref

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review
    from crmsync.run.world import World

STATES = ("open", "resolved", "settled", "lapsed", "withdrawn", "any")


def moment(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """A day or a time, as ISO 8601 writes it; UTC where it does not say."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: write 2026-01-31, or 2026-01-31T08:00", context, option
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_SCORE = click.FloatRange(0, 1)
_FILTERS = (
    select_flag,
    click.option("--kind", metavar="KIND", help="Only of this kind: match, duplicate, conflict, foreign-edit ..."),
    click.option("--field", metavar="NAME", help="Only about this field."),
    click.option("--ref", metavar="REF", help="Only about this record, e.g. crm.account/42, or by a handle."),
    click.option("--min-score", type=_SCORE, metavar="P", help="Only pairs at least as likely as this, e.g. 0.9."),
    click.option("--max-score", type=_SCORE, metavar="P", help="Only pairs at most as likely as this."),
    click.option("--since", callback=moment, metavar="TIME", help="Only asked since, e.g. 2026-01-31."),
)


def filter_flags(function: Function) -> Function:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Filter:
    """What the filters say; None, and no name of a mapping, is any."""

    select: tuple[str, ...]
    kind: str | None
    field: str | None
    ref: str | None
    min_score: float | None
    max_score: float | None
    since: datetime | None

    @property
    def given(self) -> bool:
        return any(getattr(self, each.name) not in (None, ()) for each in fields(self))


def chosen(world: World, state: str | None, only: Filter) -> Iterator[Review]:
    """By number. Raises `Stopped` (exit 2) where no mapping is named so, or none has the record that is named."""
    from crmsync.run.refs import find_ref
    from crmsync.run.selected import numbered

    about = find_ref(world, only.ref) if only.ref else None
    for each in numbered(world, world.ledger.reviews, only.select, state, kind=only.kind):
        if _fits(only, each) and (about is None or _names(world, each, about)):
            yield each


def _fits(only: Filter, asked: Review) -> bool:
    if only.field not in (None, asked.field):
        return False
    if only.since is not None and datetime.fromisoformat(asked.opened) < only.since:
        return False
    if only.min_score is None and only.max_score is None:
        return True
    low, high = only.min_score or 0.0, 1.0 if only.max_score is None else only.max_score
    return asked.score is not None and low <= asked.score <= high


def _names(world: World, asked: Review, ref: Ref) -> bool:
    mapping: Any = next((each for each in world.project.mappings if each.name == asked.mapping), None)
    return mapping is not None and any(
        Ref(mapping.ends[side].system, mapping.ends[side].entity, key) == ref for side, key in asked.records
    )
