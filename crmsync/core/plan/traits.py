"""By what is a record compared with those that it may be the same as?"""

from __future__ import annotations

from crmsync.core.mapping import Compiled, Seen
from crmsync.core.match import kinds_of, normalise
from crmsync.core.merge import Failed
from crmsync.core.model import ABSENT, Absent, Json, Side, Symbol, as_key
from crmsync.core.plan.pair import Resolve
from crmsync.core.values import registry


def traits(compiled: Compiled, side: Side, seen: Seen, resolve: Resolve) -> dict[str, Json]:
    """The normal texts that matching compares, by field; nothing where there is no evidence."""
    rule, lifted = compiled.mapping.match, seen.lifted
    if rule is None or lifted is None:
        return {}
    found = {}
    for name, kind in kinds_of(rule).items():
        index = compiled.index[name]
        text = normalise(kind, crossed(compiled, index, side, lifted.natives[index], resolve))
        if text is not None:
            found[name] = text
    return found


def crossed(compiled: Compiled, index: int, side: Side, value: Json, resolve: Resolve) -> Json:
    """A field as side 1 says it (as side 0, where only the way back has a chain); a link as its parent on side 0."""
    field = compiled.mapping.fields[index]
    if value is None or value is ABSENT:
        return None
    if field.link:
        key = as_key(value)
        if not key:
            return None
        parent = key if side == 0 else resolve(field.link, 1, key)
        return None if isinstance(parent, Failed | Symbol | Absent) else _as_list(parent)
    to: Side = 0 if field.to[0] and not field.to[1] else 1
    crosses = side != to or all(registry()[call.name].canonical for call in field.to[to])
    crossed = compiled.cross[to][index](value) if crosses else value
    return None if isinstance(crossed, Failed) else crossed


def _as_list(value: Json) -> Json:
    return list(value) if isinstance(value, list | tuple) else [value]
