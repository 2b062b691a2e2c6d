"""What is the tree of an expression, and where in the text does each part stand?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

import jmespath
from jmespath.exceptions import IncompleteExpressionError, LexerError, ParseError
from jmespath.lexer import Lexer

from crmsync.core.model import Json

Node: TypeAlias = Json  # of the library's tree: {"type", "children", "value"}
Token: TypeAlias = Json  # of the library's lexer: {"type", "value", "start", "end"}


class ExpressionError(ValueError):
    """This text is no expression; `offset` counts its characters from 0."""

    def __init__(self, message: str, offset: int, text: str) -> None:
        super().__init__(f"{text!r}, column {offset + 1}: {message}")
        self.message = message
        self.offset = offset


IDENTIFIERS: Final = ("unquoted_identifier", "quoted_identifier")
_OPEN: Final = ("lparen", "lbrace", "lbracket", "filter")
_CLOSE: Final = ("rparen", "rbrace", "rbracket")
EQUALITY: Final = ("eq", "ne")
SIGNS: Final = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@contextmanager
def reading(text: str) -> Iterator[None]:
    """Turns what the library raises about `text` into ExpressionError, and silences its deprecations: `problems`
    speaks of them. Not for hot paths, since Python's warning filters are global."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            yield
    except LexerError as error:
        raise ExpressionError(error.message, error.lexer_position, text) from None
    except IncompleteExpressionError:
        raise ExpressionError("the expression ends too early", len(text), text) from None
    except ParseError as error:
        raise ExpressionError(_in_plain_words(error), error.lex_position, text) from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", 0, text) from None
    except (ValueError, IndexError):  # an empty text, an index of thousands of digits
        raise ExpressionError("this is no expression" if text else "the expression is empty", 0, text) from None


def _in_plain_words(error: ParseError) -> str:
    match error.token_type:
        case "EOF":
            return "the expression ends too early"
        case "LPAREN":
            return "no function's name stands before this parenthesis"
    return f"{error.token_value!s} does not belong here"


_NAME: Final = "[A-Za-z_][A-Za-z0-9_]*"
_NAMES: Final = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,30}}")


def names_of(text: str) -> tuple[str, ...] | None:
    """The names of an expression that is nothing but a few bare names with dots between, as most are: it needs no
    parser. None of any other."""
    return tuple(text.split(".")) if _NAMES.fullmatch(text) else None


def tokens_of(text: str) -> list[Token]:
    with reading(text):
        return list(Lexer().tokenize(text))


@lru_cache(maxsize=16384)
def tree_of(text: str) -> Node:
    """The tree of `text`, with decimals for the library's floats. It may still call what does not exist. Not to be
    changed."""
    with reading(text):
        return _exact(jmespath.compile(text).parsed)


_HIGHEST: Final = 150  # what walks a tree takes up to five frames a level, of Python's thousand


def _exact(node: Node, height: int = 0) -> Node:
    if height > _HIGHEST:
        raise RecursionError
    if node["type"] == "literal":
        return {**node, "value": _decimals(node["value"])}
    children = [_exact(child, height + 1) if isinstance(child, dict) else child for child in node["children"]]
    return {**node, "children": children}


def _decimals(value: Json) -> Json:
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_decimals(item) for item in value]
        case dict():
            return {name: _decimals(item) for name, item in value.items()}
    return value


def inner(node: Node) -> list[Node]:
    return [child for child in node["children"] if isinstance(child, dict)]  # those of a slice are bare numbers


def in_text_order(node: Node) -> Iterator[Node]:
    """The nodes of a tree in the order in which their own tokens stand in the text."""
    match node:
        case {"type": "comparator", "children": [left, right]}:
            yield from in_text_order(left)
            yield node
            yield from in_text_order(right)
        case {"type": "filter_projection", "children": [left, right, condition]}:
            for child in (left, condition, right):
                yield from in_text_order(child)
        case _:
            yield node
            for child in inner(node):
                yield from in_text_order(child)


@dataclass(frozen=True, slots=True)
class Place:
    offset: int
    commas: int = 0  # directly inside the brackets that open here


def places_of(tree: Node, text: str) -> dict[int, Place]:
    """Where the calls, comparisons, literals, multi-select hashes and &... of a tree stand, by `id` of the node. The
    library's tree has no positions; its tokens have."""
    tokens = tokens_of(text)
    places = {
        "function_expression": _brackets(tokens, "lparen"),
        "multi_select_dict": _brackets(tokens, "lbrace"),
        "comparator": [Place(token["start"]) for token in tokens if token["type"] in SIGNS],
        "literal": [Place(token["start"]) for token in tokens if token["type"] == "literal"],
        "expref": [Place(token["start"]) for token in tokens if token["type"] == "expref"],
    }
    streams = {kind: iter(found) for kind, found in places.items()}
    return {id(node): next(streams[node["type"]]) for node in in_text_order(tree) if node["type"] in streams}


def _brackets(tokens: Sequence[Token], kind: str) -> list[Place]:
    """The places of one kind of opening bracket, in text order; of parentheses only those of calls."""
    found: dict[int, Place] = {}
    stack: list[tuple[int, int]] = []
    for position, token in enumerate(tokens):
        if token["type"] in _OPEN:
            stack.append((position, 0))
        elif token["type"] == "comma" and stack:
            stack[-1] = (stack[-1][0], stack[-1][1] + 1)
        elif token["type"] in _CLOSE and stack:
            start, commas = stack.pop()
            if tokens[start]["type"] == kind:
                found[start] = Place(tokens[max(start - (kind == "lparen"), 0)]["start"], commas)
    calls = ("unquoted_identifier", "rparen")  # what stands before the parenthesis of a call
    return [found[at] for at in sorted(found) if kind != "lparen" or (at and tokens[at - 1]["type"] in calls)]
