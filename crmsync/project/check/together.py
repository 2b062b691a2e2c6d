"""Do the values that several fields give make a record that the target takes?

What a contract says of several properties at once (`if`, `dependentRequired`, `minProperties` ...) no field can break
alone. So records that the source allows are carried over as a run would do it; the smallest that is refused is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Final

from crmsync.core.contract.shape import subschemas
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled, Seen, compile_mapping
from crmsync.core.merge import Failed
from crmsync.core.model import SIDES, At, Finding, Json, Key, Project, Record, Side, Symbol, other
from crmsync.core.plan import Pair, decide
from crmsync.core.types.said import Source
from crmsync.core.types.witness import shrunk
from crmsync.core.types.words import brief
from crmsync.project.check.flow import Types
from crmsync.project.check.required import unfilled_paths
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft


def fields_go_together(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """Of a mapping that has nothing else against it."""
    for side in SIDES if draft.mapping.enabled else ():
        schema = world.checker(draft.mapping.ends[side].contract).schema
        if draft.mapping.create[side] is not False and _speaks_of_several(schema):
            told = frozenset(".".join(path) for path in unfilled_paths(draft, world, types, side))
            yield from _refused(draft, world, types, side, told)


_SEVERAL: Final = frozenset({"if", "dependentSchemas", "dependentRequired", "minProperties", "maxProperties"})
_OF_OBJECTS: Final = frozenset({"required", "properties", *_SEVERAL})
_LACKING: Final = frozenset({"required", "dependentRequired"})


def _speaks_of_several(schema: Json) -> bool:
    found = [each for _, each in subschemas(schema) if isinstance(each, dict)]
    return any(each.keys() & _SEVERAL or any(map(_is_of_objects, _branches(each))) for each in found)


def _branches(schema: Json) -> Iterator[Json]:
    yield from (*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("not"))


def _is_of_objects(schema: Json) -> bool:
    return isinstance(schema, dict) and not _OF_OBJECTS.isdisjoint(schema)


def _refused(draft: Draft, world: World, types: Types, side: Side, told: frozenset[str]) -> Iterator[Finding]:
    """The first record of which something is refused that is not told already, without what does not matter to it."""
    compiled = compile_mapping(Project("", world.systems, (), world.tables, {}, ""), draft.mapping, {})
    source = types.source(draft, other(side))

    def broken(record: Json) -> list[Finding]:
        found = _broken(compiled, side, record)
        return [each for each in found if not (_rule(each) in _LACKING and each.path in told)]

    found = ((record, first) for record in source.samples for first in broken(record))
    for shown, first in islice(found, 1):
        small = shrunk(shown, partial(_still, source, broken, first))
        yield _worded(draft, side, broken(small)[0], small)


def _still(source: Source, broken: Callable[[Json], list[Finding]], first: Finding, record: Json) -> bool:
    """Whether a record that the source allows is refused for the same reason."""
    found = [(each.rule, each.path) for each in broken(record)[:1]]
    return source.takes(record) and found == [(first.rule, first.path)]


def _rule(finding: Finding) -> str:
    return finding.rule.removeprefix("contract/")


def _broken(compiled: Compiled, side: Side, record: Json) -> list[Finding]:
    """What the contract of `side` has against the record that is created of one."""
    source = other(side)
    try:
        lifted = compiled.lift[source](record)
    except EvaluationError:  # which its expression is told of
        return []
    if any(failed for _, failed in lifted.failed):
        return []
    seen = Seen(Record(compiled.ref(source, (1,)), record, ""), lifted)
    pair = Pair((seen, None) if source == 0 else (None, seen))
    rejected = decide(compiled, pair, _planned).rejected
    return [each for _, each in rejected if each.rule.startswith("contract/")]


def _planned(link: str, side: Side, key: Key) -> Json | Failed:
    """The parent will be there; only a run knows its key, and so nothing is said of it."""
    return Symbol(link, side, key)


def _worded(draft: Draft, side: Side, broken: Finding, record: Json) -> Finding:
    ends, mine = draft.mapping.ends, draft.sides[other(side)]
    place = f"{broken.path or 'it'} {broken.fact}"
    message = f"together, the fields make what {ends[side].contract} refuses: {place}, as of {mine} {brief(record)}"
    mend = f"let {ends[other(side)].contract} say the same, or leave such records out with create: or scope:"
    return Finding("type/together", message, mend, at=_at(draft, side, broken.path))


def _at(draft: Draft, side: Side, path: str) -> At:
    """Where the field is written that the refusal speaks of."""
    for each in draft.mapping.fields:
        if path and each.paths[side] == path:
            return draft.document.at("fields", each.name, draft.sides[side])
    return draft.document.at("create", draft.sides[side])
