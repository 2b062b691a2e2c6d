"""Can the rule for matching be followed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crmsync.core.match import comparators
from crmsync.core.model import Finding
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft
from crmsync.project.shapes import choose
from crmsync.project.yaml import Where


def match_speaks_of_fields(draft: Draft, world: World) -> Iterator[Finding]:
    fields = {each.name: each for each in draft.mapping.fields}
    for name, where, find in _named(draft):
        if name in draft.damaged:
            continue
        if name not in fields:
            yield find("unknown-field", f"there is no field {name!r}", choose(name, fields), *where)
        elif None in fields[name].paths:
            message = f"field {name} has a place on one side only, so it cannot tell which is which"
            yield find("match-one-sided", message, "map it on both sides, or match by another field", *where)
        elif where[1] == "within" and fields[name].link is None:
            message = f"field {name} is no link, so it has no parent to look within"
            yield find("within-no-link", message, "name a field with link:", *where)


def _named(draft: Draft) -> Iterator[tuple[str, Where, Callable[..., Finding]]]:
    """Every field that the rule names, where, and how a finding is put there."""
    match = draft.mapping.match
    if match is None:
        return
    for index, names in enumerate(match.decide):
        where: Where = ("match", "decide", index)
        composite = isinstance(draft.document.look(where), list)
        for inner, name in enumerate(names):
            yield name, (*where, inner) if composite else where, draft.wrong
    for compare in match.compare:
        yield compare.field, ("match", "compare", compare.field), draft.wrong_key
    if match.within is not None:
        yield match.within, ("match", "within"), draft.wrong


def comparators_are_known(draft: Draft, world: World) -> Iterator[Finding]:
    for compare in draft.mapping.match.compare if draft.mapping.match else ():
        if compare.kind not in comparators():
            message, mend = f"there is no comparator {compare.kind!r}", choose(compare.kind, comparators())
            yield draft.wrong("unknown-comparator", message, mend, "match", "compare", compare.field, "as")


def thresholds_are_in_order(draft: Draft, world: World) -> Iterator[Finding]:
    match = draft.mapping.match
    if match is not None and match.link_at < match.review_at:
        written = "link_at" if draft.document.look(("match", "link_at")) is not None else "review_at"
        message = f"link_at {match.link_at} is below review_at {match.review_at}: nothing would ever be reviewed"
        yield draft.wrong("thresholds", message, "let link_at be the higher one", "match", written)
