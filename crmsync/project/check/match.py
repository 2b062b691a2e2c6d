"""Can the rule for matching be followed?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_args

from crmsync.core.match import comparators
from crmsync.core.match.golden import Kind
from crmsync.core.match.rule import groups_of
from crmsync.core.model import Finding
from crmsync.core.near import choose
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft
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


def weights_are_of_all_or_of_none(draft: Draft, world: World) -> Iterator[Finding]:
    match = draft.mapping.match
    if match is None or not match.weighted:
        return
    bare = [each.field for each in match.compare if each.weight is None]
    if bare:
        message = f"some fields have a weight, and {', '.join(bare)} none"
        yield draft.wrong_key("weights-mixed", message, "give all of them one, or none", "match", "compare", bare[0])
    elif match.scorecard is not None:
        message = "weights by hand and a model: which of them should judge?"
        yield draft.wrong_key("weights-and-model", message, "take the weights away, or the model", "match", "model")


def models_know_what_is_compared(draft: Draft, world: World) -> Iterator[Finding]:
    match = draft.mapping.match
    if match is None or match.scorecard is None or any(each.kind not in comparators() for each in match.compare):
        return
    wanted = {name for group in groups_of(match) for name in group.curves()}
    known = match.scorecard.curves.keys()
    strangers, missing = _entries(known - wanted), _entries(wanted - known)
    told = [f"knows {strangers}, which is not compared so"] if strangers else []
    told += [f"does not know all of {missing}, which has the shipped points"] if missing else []
    if told:
        message, mend = f"the model {'; it '.join(told)}", f"crmsync match train -s {draft.mapping.name}"
        yield draft.wrong("model-outdated", message, mend, "match", "model", severity="warning")


def _entries(names: Iterable[str]) -> str:
    """What is compared, of names such as `name.likeness`."""
    return ", ".join(sorted({name.partition(".")[0] for name in names}))


def precision_has_labels(draft: Draft, world: World) -> Iterator[Finding]:
    match = draft.mapping.match
    if match is not None and match.min_precision is not None and match.labels is None:
        message, mend = "min_precision has no labels to be measured by", "name them: labels: FILE.csv"
        yield draft.wrong_key("no-labels", message, mend, "match", "min_precision")


_GOLDEN: Final = ("owner", *(kind for kind in get_args(Kind) if kind != "priority"))


def golden_rules_are_known(draft: Draft, world: World) -> Iterator[Finding]:
    """They name fields that are there, and rules, or sides."""
    fields = {each.name: each for each in draft.mapping.fields}
    known = (*_GOLDEN, *draft.sides)
    for name, words in draft.mapping.match.golden if draft.mapping.match else ():
        where: Where = ("match", "golden", name)
        if name not in fields and name != "default" and name not in draft.damaged:
            yield draft.wrong_key("unknown-field", f"there is no field {name!r}", choose(name, fields), *where)
        listed = isinstance(draft.document.look(where), dict)
        for index, word in enumerate(words):
            if word not in known:
                place = (*where, "priority", index) if listed else where
                yield draft.wrong("unknown-golden-rule", f"there is no rule {word!r}", choose(word, known), *place)


def thresholds_are_in_order(draft: Draft, world: World) -> Iterator[Finding]:
    match = draft.mapping.match
    if match is not None and match.link_at < match.review_at:
        written = "link_at" if draft.document.look(("match", "link_at")) is not None else "review_at"
        message = f"link_at {match.link_at} is below review_at {match.review_at}: nothing would ever be reviewed"
        yield draft.wrong("thresholds", message, "let link_at be the higher one", "match", written)
