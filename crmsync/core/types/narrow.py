"""What is known of a value once a condition on it was met, or was not?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from crmsync.core.expression.functions import CALLS, FUNCTIONS, NUMBER, EvaluationError, kind_of
from crmsync.core.expression.tree import Node
from crmsync.core.model import Json
from crmsync.core.types.bounds import is_below
from crmsync.core.types.kinds import KEYWORDS, LEAST, fits, same
from crmsync.core.types.views import Type, View, union

Path: TypeAlias = tuple[str, ...]
Narrowing: TypeAlias = Callable[[Type], Type]

TYPE_WORDS: Final = {
    "null": "null", "boolean": "boolean", "number": "number", "string": "text", "array": "list", "object": "object",
}  # fmt: skip
"""What type() says, by kind."""


# True and false --------------------------------------------------------------------------------------------------


def truthy(value: Json) -> bool:
    """Whether JMESPath takes a value for true: no null, no false, nothing empty; but every number."""
    return bool(value) or value.__class__ in NUMBER


def truthy_part(type_: Type) -> Type:
    return Type(tuple(part for view in type_.alternatives for part in _truthy(view)))


def falsy_part(type_: Type) -> Type:
    return Type(tuple(part for view in type_.alternatives for part in _falsy(view)))


def outcome_part(type_: Type, outcome: bool) -> Type:
    return truthy_part(type_) if outcome else falsy_part(type_)


def _truthy(view: View) -> Iterator[View]:
    if view.values is not None:
        yield from _among(view, truthy)
    elif view.kind == "boolean":
        yield replace(view, values=(True,))
    elif view.kind == "number" or (view.kind in LEAST and not view.may_be_empty):
        yield view
    elif view.kind in LEAST and view.most != 0:
        yield replace(view, facts=(*view.facts, {LEAST[view.kind]: 1}))


def _falsy(view: View) -> Iterator[View]:
    if view.values is not None:
        yield from _among(view, lambda value: not truthy(value))
    elif view.kind == "boolean":
        yield replace(view, values=(False,))
    elif view.kind in LEAST and view.may_be_empty:
        empty = {"text": "", "list": [], "object": {}}[view.kind]
        if view.kind != "text" or fits(empty, _told(view)):
            yield view.root.constant_view(empty)


def _told(view: View) -> dict[str, Json]:
    return {
        keyword: limit for fact in view.facts for keyword, limit in fact.items() if keyword in ("pattern", "format")
    }


def _among(view: View, keeps: Callable[[Json], bool]) -> Iterator[View]:
    values = tuple(filter(keeps, view.values or ()))
    if len(values) == len(view.values or ()):
        yield view
    elif values:
        yield replace(view, values=values)


# Equal and unequal -----------------------------------------------------------------------------------------------


def equal_part(type_: Type, literal: Json) -> Type:
    return Type(tuple(part for view in type_.alternatives for part in _equal(view, literal)))


def _equal(view: View, literal: Json) -> Iterator[View]:
    if view.kind != kind_of(literal):
        return
    if view.values is not None:
        yield from _among(view, lambda value: same(value, literal))
    elif view.kind in ("list", "object"):
        yield view
    elif may_hold(view, literal):
        yield replace(view, values=(literal,), facts=(), beside=())


def unequal_part(type_: Type, literal: Json) -> Type:
    return Type(tuple(part for view in type_.alternatives for part in _unequal(view, literal)))


def _unequal(view: View, literal: Json) -> Iterator[View]:
    if view.kind == kind_of(literal) == "boolean":
        yield from _among(replace(view, values=view.values or (True, False)), lambda value: not same(value, literal))
    elif view.kind == kind_of(literal) and view.values is not None:
        yield from _among(view, lambda value: not same(value, literal))
    else:
        yield view


def may_hold(view: View, scalar: Json) -> bool:
    """Whether a scalar of its kind may be one of these values."""
    if view.values is not None:
        return any(same(value, scalar) for value in view.values)
    for fact in view.facts:
        known = {keyword: limit for keyword, limit in fact.items() if keyword in KEYWORDS[view.kind] | {"type"}}
        if not fits(scalar, known):
            return False
    left_out = [each["not"].get("enum", ()) for each in view.beside if isinstance(each.get("not"), dict)]
    return not any(same(scalar, value) for values in left_out for value in values)


def may_equal(left: Type, right: Type) -> bool:
    """Whether `==` may find the two equal."""
    pools = left.values, right.values
    if pools[0] is not None and pools[1] is not None and len(pools[0]) * len(pools[1]) > 100:
        return bool(_keys(pools[0]) & _keys(pools[1]))
    return any(_meet(one, other) for one in left.alternatives for other in right.alternatives if one.kind == other.kind)


def _keys(values: tuple[Json, ...]) -> set[Json]:
    return {(kind_of(value), value if kind_of(value) not in ("list", "object") else None) for value in values}


def _meet(left: View, right: View) -> bool:
    if left.kind in ("list", "object"):
        return not (_is_longer(left, right) or _is_longer(right, left))
    if left.values is not None:
        return any(may_hold(right, value) for value in left.values)
    if right.values is not None:
        return any(may_hold(left, value) for value in right.values)
    if left.kind == "number":
        return not (is_below(left, right, False) or is_below(right, left, False))
    return left.kind != "text" or not (_is_longer(left, right) or _is_longer(right, left))


def _is_longer(left: View, right: View) -> bool:
    return right.most is not None and left.least > right.most


def may_differ(left: Type, right: Type) -> bool:
    """Whether `==` may find the two unequal."""
    if left.values is None or right.values is None:
        return True
    return not all(same(one, other) for one in left.values[:1] for other in (*left.values, *right.values))


# Conditions ------------------------------------------------------------------------------------------------------


_DEEPEST: Final = 10  # each level may ask twice


def refine(type_: Type, condition: Node, outcome: bool, depth: int = 0) -> Type:
    """The values on which a condition comes out as true, or as false, and does not fail."""
    match condition["type"]:
        case _ if depth > _DEEPEST:
            return type_
        case "and_expression" | "or_expression":
            return _both(type_, condition, outcome, depth + 1)
        case "not_expression":
            return refine(type_, condition["children"][0], not outcome, depth + 1)
        case "literal":
            return type_ if truthy(condition["value"]) is outcome else Type(())
        case "comparator":
            return _compared(type_, condition, outcome)
        case "function_expression":
            return _called(type_, condition, outcome)
    path = path_of(condition)
    return type_ if path is None else narrow(type_, path, lambda found: outcome_part(found, outcome))


def _both(type_: Type, condition: Node, outcome: bool, depth: int) -> Type:
    """&&: true where both are; false where the left one is, or only the right one. || the other way round."""
    left, right = condition["children"]
    goes_on = condition["type"] == "and_expression"
    went_on = refine(refine(type_, left, goes_on, depth), right, outcome, depth)
    if outcome is goes_on:
        return went_on
    decided = refine(type_, left, not goes_on, depth)
    return union(decided.parts[0].root, decided, went_on) if decided.parts else went_on


_MIRRORED: Final = {"lt": "gt", "gt": "lt", "lte": "gte", "gte": "lte", "eq": "eq", "ne": "ne"}
_NEGATED: Final = {"lt": "gte", "gt": "lte", "lte": "gt", "gte": "lt"}
_BOUND: Final = {"lt": "exclusiveMaximum", "gt": "exclusiveMinimum", "lte": "maximum", "gte": "minimum"}


def _compared(type_: Type, condition: Node, outcome: bool) -> Type:
    (left, right), sign = condition["children"], condition["value"]
    if left["type"] == "literal":
        left, right, sign = right, left, _MIRRORED[sign]
    if right["type"] != "literal":
        return type_
    literal = right["value"]
    if left["type"] == "function_expression" and left["value"] == "type" and sign in ("eq", "ne"):
        path = path_of(left["children"][0])
        is_so = outcome is (sign == "eq")
        return type_ if path is None else narrow(type_, path, lambda found: _of_type(found, literal, is_so))
    path = path_of(left)
    return type_ if path is None else narrow(type_, path, lambda found: _comparing(found, sign, literal, outcome))


def _of_type(found: Type, word: Json, is_so: bool) -> Type:
    kind = TYPE_WORDS.get(word, "") if isinstance(word, str) else ""
    return found.of_kind(kind) if is_so else found.but(kind)


def _comparing(found: Type, sign: str, literal: Json, outcome: bool) -> Type:
    if sign in ("eq", "ne"):
        return equal_part(found, literal) if outcome is (sign == "eq") else unequal_part(found, literal)
    return Type(tuple(part for view in found.alternatives for part in _ordered(view, sign, literal, outcome)))


def _ordered(view: View, sign: str, literal: Json, outcome: bool) -> Iterator[View]:
    """Numbers beyond a number, or not. Other kinds give null; but text against a number fails, so it is gone."""
    kinds = {view.kind, kind_of(literal)}
    if kinds == {"number"}:
        fact = {_BOUND[sign if outcome else _NEGATED[sign]]: literal}
        if view.values is not None:
            yield from _among(view, lambda value: fits(value, fact))
        else:
            yield replace(view, facts=(*view.facts, fact))
    elif kinds == {"text"} or (not outcome and kinds != {"text", "number"}):
        yield view


def _called(type_: Type, call: Node, outcome: bool) -> Type:
    """What a call takes, since it did not fail; of values known one by one those that it gives the outcome for."""
    function = FUNCTIONS[call["value"]]
    for number, arg in enumerate(call["children"]):
        path, kinds = path_of(arg), [kind for kind in function.kinds(number) if kind in KEYWORDS]
        if path is not None and kinds and len(kinds) == len(function.kinds(number)):
            type_ = narrow(type_, path, lambda found, kinds=kinds: found.of_kind(*kinds))  # type: ignore[misc]  # the default is the point
    subject, *others = call["children"]
    path = path_of(subject)
    if path is None or any(arg["type"] != "literal" for arg in others):
        return type_
    given = [arg["value"] for arg in others]
    return narrow(type_, path, lambda found: _answering(found, CALLS[call["value"]], given, outcome))


def _answering(found: Type, call: Callable[..., Json], given: list[Json], outcome: bool) -> Type:
    def keeps(value: Json) -> bool:
        try:
            return truthy(call(value, *given)) is outcome
        except EvaluationError:
            return False

    parts = (_among(view, keeps) if view.values is not None else (view,) for view in found.alternatives)
    return Type(tuple(part for each in parts for part in each))


def path_of(node: Node) -> Path | None:
    """Where a node leads by names alone."""
    match node["type"]:
        case "current" | "identity":
            return ()
        case "field":
            return (node["value"],)
        case "subexpression" | "pipe":
            paths = [path_of(child) for child in node["children"]]
            return None if None in paths else tuple(name for path in paths for name in path or ())
    return None


def narrow(type_: Type, path: Path, narrowing: Narrowing) -> Type:
    """The values in which what stands at a path (null where nothing does) is of what `narrowing` leaves."""
    if not path:
        return narrowing(type_)
    return Type(tuple(part for view in type_.alternatives for part in _narrowed(view, path, narrowing)))


def _narrowed(view: View, path: Path, narrowing: Narrowing) -> Iterator[View]:
    name, *rest = path
    goes_without = bool(narrow(view.root.null, tuple(rest), narrowing).alternatives)
    if view.kind != "object":
        yield from (view,) if goes_without else ()
        return
    there = view.property(name)
    left = narrow(there, tuple(rest), narrowing)
    is_demanded = name in view.required
    if not left.alternatives and (is_demanded or not goes_without):
        return
    known = {**view.known, name: left} if left is not there else view.known
    facts = view.facts if is_demanded or goes_without else (*view.facts, {"required": [name]})
    yield replace(view, known=known, facts=facts)
