"""Where in an expression's text does each part of its tree stand?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from crmsync.core.expression.tree import IDENTIFIERS, Node, Token, inner, places_of, tokens_of
from crmsync.core.types.notation import is_slice


def offsets(tree: Node, text: str) -> Mapping[int, int]:
    """The offset of what a node is known by (a name, a sign, an opening bracket), by `id` of the node. A node without
    any has that of its first part that has one."""
    found = {id_: place.offset for id_, place in places_of(tree, text).items()}
    streams = {kind: iter(starts) for kind, starts in _streams(tokens_of(text)).items()}
    for node in _in_text_order(tree):
        kind = _KINDS.get(node["type"], node["type"])
        if kind in streams and id(node) not in found and not _is_made_up(node):
            found[id(node)] = next(streams[kind], 0)
    _inherit(tree, found)
    return found


def _is_made_up(node: Node) -> bool:
    """A flatten and a slice bring a projection that has no token of its own."""
    if node["type"] != "projection":
        return False
    left = node["children"][0]
    return is_slice(left) or bool(left["type"] == "flatten")


def _inherit(node: Node, found: dict[int, int]) -> int | None:
    below = [_inherit(child, found) for child in inner(node)]
    if id(node) not in found and (known := [each for each in below if each is not None]):
        found[id(node)] = min(known)
    return found.get(id(node))


_BINARY: Final = {"or_expression": "or", "and_expression": "and", "pipe": "pipe"}
_LEFT_FIRST: Final = frozenset({
    *_BINARY, "comparator", "projection", "value_projection", "filter_projection", "flatten",
})  # fmt: skip
_KINDS: Final = {**_BINARY, "not_expression": "not", "filter_projection": "filter", "value_projection": "star"}


def _in_text_order(node: Node) -> Iterator[Node]:
    """The nodes so that those of one kind come in the order of their tokens."""
    children = inner(node)
    if node["type"] == "filter_projection":
        left, right, condition = children
        children = [left, condition, right]
    if node["type"] in _LEFT_FIRST:
        yield from _in_text_order(children.pop(0))
    yield node
    for child in children:
        yield from _in_text_order(child)


def _streams(tokens: list[Token]) -> dict[str, list[int]]:
    streams: dict[str, list[int]] = {}
    for position, token in enumerate(tokens):
        kind = _kind(tokens, position)
        if kind:
            streams.setdefault(kind, []).append(token["start"])
    return streams


_PLAIN: Final = frozenset({"flatten", "filter", "or", "and", "pipe", "not", "current"})


def _kind(tokens: list[Token], position: int) -> str | None:
    here, after, later = (_type(tokens, position + step) for step in range(3))
    if here in IDENTIFIERS:
        return None if after in ("lparen", "colon") else "field"
    if here == "lbracket":
        if after == "star" and later == "rbracket":
            return "projection"
        if after in ("number", "colon"):
            return "index" if later == "rbracket" and after == "number" else "slice"
    if here == "star":
        is_list = _type(tokens, position - 1) == "lbracket" and after == "rbracket"
        return None if is_list else "star"
    return here if here in _PLAIN else None


def _type(tokens: list[Token], position: int) -> str:
    return str(tokens[position]["type"]) if 0 <= position < len(tokens) else ""
