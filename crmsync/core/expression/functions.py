"""What do the functions and comparisons of JMESPath give for plain JSON?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation, Overflow
from operator import ge, gt, itemgetter, le, lt
from types import FunctionType, NoneType
from typing import Final, TypeAlias

from crmsync.core.model import Json

Function: TypeAlias = Callable[[Json], Json]


class EvaluationError(ValueError):
    """An expression that a record gave no answer to. The text holds the expression and kinds of values, never a
    value; `index` is the expression's place among those compiled together."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.index = index


NUMBER: Final = frozenset({int, Decimal})
_CLASSES: Final[Mapping[str, frozenset[type]]] = {
    "null": frozenset({NoneType}),
    "boolean": frozenset({bool}),
    "number": NUMBER,
    "text": frozenset({str}),
    "list": frozenset({list}),
    "object": frozenset({dict}),
    "expression": frozenset({FunctionType}),
}
_KIND: Final = {class_: kind for kind, classes in _CLASSES.items() for class_ in classes}
_SAID: Final = {
    "null": "null", "boolean": "a boolean", "number": "a number", "text": "text", "list": "a list",
    "object": "an object", "expression": "an expression such as &name", "numbers": "a list of numbers",
    "texts": "a list of texts", "foreign": "a value that is no plain JSON",
}  # fmt: skip
_ELEMENTS: Final = {"numbers": _CLASSES["number"], "texts": _CLASSES["text"]}

Kinds: TypeAlias = tuple[str, ...]  # () = any value
EXPRESSION: Final[Kinds] = ("expression",)


def kind_of(value: Json) -> str:
    return _KIND.get(value.__class__, "foreign")


def said(value: Json) -> str:
    return _SAID[kind_of(value)]


def one_of(kinds: Kinds) -> str:
    return " or ".join(_SAID[kind] for kind in kinds)


def fits_one_of(kinds: Kinds) -> Callable[[Json], bool]:
    if not kinds:
        return lambda value: True
    classes = frozenset().union(*(_CLASSES.get(kind, frozenset()) for kind in kinds))
    elements = [_ELEMENTS[kind] for kind in kinds if kind in _ELEMENTS]

    def fits(value: Json) -> bool:
        if value.__class__ in classes:
            return True
        return value.__class__ is list and any(all(item.__class__ in of for item in value) for of in elements)

    return fits


@dataclass(frozen=True, slots=True)
class _Function:
    run: Callable[..., Json]
    takes: tuple[Kinds, ...]
    variadic: bool = False  # the last argument may come again

    def kinds(self, number: int) -> Kinds:
        return self.takes[min(number, len(self.takes) - 1)]


def _checked(name: str, function: _Function) -> Callable[..., Json]:
    """`run`, guarded against arguments of the wrong kind; their number was checked when the text was compiled."""
    run, tests = function.run, [fits_one_of(kinds) for kinds in function.takes]

    def call(*args: Json) -> Json:
        for number, arg in enumerate(args):
            if not tests[min(number, len(tests) - 1)](arg):
                found = "a list of other values" if arg.__class__ is list else said(arg)
                raise EvaluationError(f"{name}() takes {one_of(function.kinds(number))}, not {found}")
        return run(*args)

    return call


_SUM: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, Overflow])
_DIVISION: Final = Context(prec=28, traps=[InvalidOperation, Overflow])


def _sum(numbers: list[Json]) -> Json:
    """Exact, or an EvaluationError."""
    if all(number.__class__ is int for number in numbers):
        return sum(numbers)
    total = Decimal(0)
    try:
        for number in numbers:
            total = _SUM.add(total, number)
    except ArithmeticError:
        raise EvaluationError("sum() of numbers that lie more than 1000 digits apart") from None
    return total


def _avg(numbers: list[Json]) -> Json:
    return _DIVISION.divide(Decimal(_sum(numbers)), Decimal(len(numbers))) if numbers else None


def _whole(number: Json, rounding: str) -> Json:
    if number.__class__ is int:
        return number
    whole = number.to_integral_value(rounding)
    return int(whole) if whole.adjusted() < 400 else whole  # 1E+999999 would be a million digits


def _contains(subject: Json, search: Json) -> bool:
    if subject.__class__ is str and search.__class__ is not str:
        raise EvaluationError(f"contains() of text searches for text, not {said(search)}")
    return search in subject


def in_order(value: Json) -> list[Json]:
    """The values of an object by the names of its properties: their order in a record says nothing."""
    return [value[name] for name in sorted(value)]


def _merge(*objects: Json) -> Json:
    return {name: value for each in objects for name, value in each.items()}


def _reverse(subject: Json) -> Json:
    return subject[::-1]


def _to_number(value: Json) -> Json:
    match value:
        case bool() | None | list() | dict():
            return None
        case str():
            return _number_of(value)
    return value


def _number_of(text: str) -> Json:
    try:
        if not math.isfinite(float(text)):  # float() sets what counts as a number; nan and 1e400 are none
            return None
        number = Decimal(text)
    except (ValueError, InvalidOperation):
        return None
    return int(number) if number.as_tuple().exponent == 0 else number


def _to_string(value: Json) -> str:
    return value if value.__class__ is str else _json_text(value)


def _json_text(value: Json) -> str:
    """As `json.dumps` without blanks, decimals with their places, properties by name."""
    match value:
        case Decimal():
            return f"{value:f}" if abs(value.adjusted()) < 400 else str(value)
        case list():
            return f"[{','.join(map(_json_text, value))}]"
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_json_text(value[name])}" for name in sorted(value)) + "}"
    return json.dumps(value)


def _keyed(array: list[Json], expression: Function) -> list[tuple[Json, Json]]:
    """The elements with the key of each in front; keys are all numbers or all texts."""
    keys = [expression(item) for item in array]
    kinds = {kind_of(key) for key in keys}
    if kinds and kinds != {"number"} and kinds != {"text"}:
        found = " and ".join(sorted(_SAID[kind] for kind in kinds))
        raise EvaluationError(f"what &... gives must be all numbers or all texts to be put in order, not {found}")
    return list(zip(keys, array, strict=True))


_FIRST: Final = itemgetter(0)


def _sort_by(array: list[Json], expression: Function) -> Json:
    return [item for _, item in sorted(_keyed(array, expression), key=_FIRST)]


def _max_by(array: list[Json], expression: Function) -> Json:
    return max(_keyed(array, expression), key=_FIRST)[1] if array else None


def _min_by(array: list[Json], expression: Function) -> Json:
    return min(_keyed(array, expression), key=_FIRST)[1] if array else None


def _first_of(*values: Json) -> Json:
    return next((value for value in values if value is not None), None)


_JMESPATH_TYPES: Final = {"text": "string", "list": "array"}


def _type(value: Json) -> str:
    kind = kind_of(value)
    return _JMESPATH_TYPES.get(kind, kind)


_ANY: Final[Kinds] = ()
_ORDERED: Final[Kinds] = ("numbers", "texts")
FUNCTIONS: Final[Mapping[str, _Function]] = {
    "abs": _Function(lambda n: n.copy_abs() if n.__class__ is Decimal else abs(n), (("number",),)),
    "avg": _Function(_avg, (("numbers",),)),
    "ceil": _Function(lambda n: _whole(n, ROUND_CEILING), (("number",),)),
    "contains": _Function(_contains, (("list", "text"), _ANY)),
    "ends_with": _Function(str.endswith, (("text",), ("text",))),
    "floor": _Function(lambda n: _whole(n, ROUND_FLOOR), (("number",),)),
    "join": _Function(str.join, (("text",), ("texts",))),
    "keys": _Function(sorted, (("object",),)),
    "length": _Function(len, (("text", "list", "object"),)),
    "map": _Function(lambda expression, array: [expression(item) for item in array], (EXPRESSION, ("list",))),
    "max": _Function(lambda array: max(array, default=None), (_ORDERED,)),
    "max_by": _Function(_max_by, (("list",), EXPRESSION)),
    "merge": _Function(_merge, (("object",),), variadic=True),
    "min": _Function(lambda array: min(array, default=None), (_ORDERED,)),
    "min_by": _Function(_min_by, (("list",), EXPRESSION)),
    "not_null": _Function(_first_of, (_ANY,), variadic=True),
    "reverse": _Function(_reverse, (("list", "text"),)),
    "sort": _Function(sorted, (_ORDERED,)),
    "sort_by": _Function(_sort_by, (("list",), EXPRESSION)),
    "starts_with": _Function(str.startswith, (("text",), ("text",))),
    "sum": _Function(_sum, (("numbers",),)),
    "to_array": _Function(lambda value: value if value.__class__ is list else [value], (_ANY,)),
    "to_number": _Function(_to_number, (_ANY,)),
    "to_string": _Function(_to_string, (_ANY,)),
    "type": _Function(_type, (_ANY,)),
    "values": _Function(in_order, (("object",),)),
}
CALLS: Final = {name: _checked(name, function) for name, function in FUNCTIONS.items()}

_ORDER: Final[Mapping[str, Callable[[str, str], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def ordered(sign: str, left: Json, right: Json) -> bool | None:
    """What the generated code asks where not both are numbers. Texts have an order; null where one has none."""
    kinds = {kind_of(left), kind_of(right)}
    if kinds == {"text"}:
        return _ORDER[sign](left, right)
    if kinds == {"text", "number"}:
        raise EvaluationError(f"{sign} compares text with a number; use to_number(...)")
    return None
