"""What can be said against an expression before any record is seen?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from crmsync.core.expression.functions import EXPRESSION, FUNCTIONS, fits_one_of, one_of, said
from crmsync.core.expression.tree import (
    EQUALITY,
    ExpressionError,
    Node,
    Place,
    in_text_order,
    names_of,
    places_of,
    reading,
    tokens_of,
    tree_of,
)
from crmsync.core.model import Json
from crmsync.core.near import closest, perhaps

Problem: TypeAlias = tuple[int, str]
"""Offset in the text, counted from 0, and message."""

Places: TypeAlias = Mapping[int, Place]


def sound_tree(text: str) -> Node:
    """The tree of `text`, fit to be evaluated. Raises ExpressionError."""
    for offset, message in _fatal(text):
        raise ExpressionError(message, offset, text)
    return tree_of(text)


@lru_cache(maxsize=16384)
def _fatal(text: str) -> tuple[Problem, ...]:
    tree, places = _placed(text)
    with reading(text):
        return tuple(sorted(_faults(tree, places)))


@lru_cache(maxsize=1024)
def _placed(text: str) -> tuple[Node, Places]:
    tree = tree_of(text)
    with reading(text):
        return tree, places_of(tree, text)


def problems(text: str) -> list[Problem]:
    """All that speaks against an expression, sorted by place. One that does not parse has a single problem; one
    that compiles may still have some."""
    names = names_of(text)
    return [] if names and names[0] not in _VALUES else list(_problems(text))


@lru_cache(maxsize=16384)
def _problems(text: str) -> tuple[Problem, ...]:
    try:
        tree, places = _placed(text)
        with reading(text):
            return tuple(sorted({*_fatal(text), *_doubts(tree, places), *_slips(text)}))
    except ExpressionError as error:
        return ((error.offset, error.message),)


_STRAY: Final = "&... stands only where a function takes an expression, as in sort_by(lines, &number)"


def _faults(tree: Node, places: Places) -> Iterator[Problem]:
    """What no record could make right."""
    calls = [node for node in in_text_order(tree) if node["type"] == "function_expression"]
    given = {id(arg) for call in calls for arg in call["children"]}
    for call in calls:
        yield from ((places[id(call)].offset, message) for message in _miscalled(call))
    for node in in_text_order(tree):
        match node:
            case {"type": "slice", "children": [_, _, 0]}:
                yield 0, "a slice cannot have step 0"
            case {"type": "literal", "value": value} if not _is_finite(value):
                yield places[id(node)].offset, "this number is not JSON"
            case {"type": "expref"} if id(node) not in given:
                yield places[id(node)].offset, _STRAY


def _is_finite(value: Json) -> bool:
    match value:
        case Decimal():
            return value.is_finite()
        case list():
            return all(map(_is_finite, value))
        case dict():
            return all(map(_is_finite, value.values()))
    return True


def _miscalled(call: Node) -> Iterator[str]:
    name, args = call["value"], call["children"]
    if name not in FUNCTIONS:
        near = closest(name, FUNCTIONS)
        yield f"there is no function {name}(){perhaps(near and f'{near}()')}"
        return
    function = FUNCTIONS[name]
    least, is_variadic = len(function.takes), function.variadic
    if len(args) < least or (len(args) > least and not is_variadic):
        counted = "1 argument" if least == 1 else f"{least} arguments"
        yield f"{name}() takes {'at least ' if is_variadic else ''}{counted}, not {len(args)}"
        return
    for number, arg in enumerate(args):
        kinds = function.kinds(number)
        if arg["type"] == "expref" and kinds != EXPRESSION:
            yield _STRAY
        if arg["type"] != "expref" and kinds == EXPRESSION:
            yield f"{name}() takes {one_of(kinds)} as argument {number + 1}"


def _doubts(tree: Node, places: Places) -> Iterator[Problem]:
    """What can be evaluated, but hardly as its writer meant."""
    for node in in_text_order(tree):
        match node:
            case {"type": "comparator", "value": kind} if kind not in EQUALITY and any(map(_is_text, node["children"])):
                yield places[id(node)].offset, "this orders text ('100' comes before '50'); use to_number(...)"
            case {"type": "function_expression" | "multi_select_dict"}:
                yield from _miscounted(node, places)
                yield from _unfit_literals(node, places)


def _is_text(node: Node) -> bool:
    return node["type"] == "literal" and isinstance(node["value"], str)


def _miscounted(node: Node, places: Places) -> Iterator[Problem]:
    """The library's parser does without the commas that separate arguments, and says nothing."""
    place, parts = places[id(node)], len(node["children"])
    if place.commas != max(parts - 1, 0):
        yield place.offset, f"a comma is missing or too many: parts {parts}, commas {place.commas}"


def _unfit_literals(node: Node, places: Places) -> Iterator[Problem]:
    function = FUNCTIONS.get(node.get("value"))
    if not function:
        return
    for number, arg in enumerate(node["children"]):
        kinds = function.kinds(number)
        if arg["type"] == "literal" and kinds != EXPRESSION and not fits_one_of(kinds)(arg["value"]):
            yield places[id(arg)].offset, f"{node['value']}() takes {one_of(kinds)}, not {said(arg['value'])}"


_VALUES: Final = ("null", "true", "false")


def _slips(text: str) -> Iterator[Problem]:
    """What only the tokens show."""
    tokens = tokens_of(text)
    before = ["", *(token["type"] for token in tokens)]
    after = [token["type"] for token in tokens[1:]]
    for token, left, right in zip(tokens, before, after, strict=False):
        kind, value, offset = token["type"], token["value"], token["start"]
        is_name = kind == "unquoted_identifier" and left != "dot" and right not in ("lparen", "colon")
        if is_name and value in _VALUES:
            yield offset, f'this reads a field called {value}; write `{value}` for the value, "{value}" for the field'
        is_text = kind == "literal" and isinstance(value, str) and text[offset] == "`"
        if is_text and not text[offset + 1 :].lstrip().startswith('"'):
            yield offset, "between backticks stands JSON; write text in single quotes"
