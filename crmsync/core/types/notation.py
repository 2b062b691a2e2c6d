"""What is the text of an expression's tree?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final

from crmsync.core.expression.tree import SIGNS, Node
from crmsync.core.model import Json, to_json


def written(node: Node) -> str:
    """The text of a tree, as one would write it; read again, it is the same tree."""
    return _WRITTEN[node["type"]](node)


def name(text: str) -> str:
    is_plain = text.isascii() and text.replace("_", "a").isalnum() and not text[0].isdigit()
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def literal(value: Json) -> str:
    if isinstance(value, str) and "\\" not in value:
        return "'" + value.replace("'", "\\'") + "'"
    text = to_json(value).decode().replace("`", "\\`")
    return f"`{text}`"


def is_slice(node: Node) -> bool:
    return bool(node["type"] == "index_expression" and node["children"][-1]["type"] == "slice")


def _listed(node: Node) -> str:
    return ", ".join(map(written, node["children"]))


def _pair(node: Node) -> str:
    return f"{name(node['value'])}: {written(node['children'][0])}"


def _slice(node: Node) -> str:
    start, stop, step = ("" if each is None else str(each) for each in node["children"])
    return f"[{start}:{stop}:{step}]" if step else f"[{start}:{stop}]"


# Operators, the loosest first.
_BINDING: Final = {"pipe": 0, "or_expression": 1, "and_expression": 2, "comparator": 3, "not_expression": 4}
_TIGHT: Final = 9
_SIGN: Final = {"pipe": "|", "or_expression": "||", "and_expression": "&&"}


def _binary(node: Node) -> str:
    left, right = node["children"]
    level = _BINDING[node["type"]]
    sign = SIGNS[node["value"]] if node["type"] == "comparator" else _SIGN[node["type"]]
    return f"{_inside(left, level)} {sign} {_inside(right, level + 1)}"


def _inside(node: Node, level: int) -> str:
    return f"({written(node)})" if _BINDING.get(node["type"], _TIGHT) < level else written(node)


# Paths, indexes and projections.
_PROJECTIONS: Final = frozenset({"projection", "value_projection", "filter_projection"})


def _left(node: Node, *, after_projection: bool = False) -> str:
    """What stands before a bracket or dot. That would go on inside a projection, if there were no parentheses."""
    if node["type"] in ("identity", "current"):
        return "" if node["type"] == "identity" else "@"
    if _projects(node) and not after_projection:
        return f"({written(node)})"
    return _inside(node, _TIGHT)


def _projects(node: Node) -> bool:
    if node["type"] in ("subexpression", "index_expression"):
        return _projects(node["children"][-1])
    return node["type"] in _PROJECTIONS


def _path(node: Node) -> str:
    first, *steps = node["children"]
    return reduce(_dotted, steps, _left(first))


def _flatten(node: Node) -> str:
    return f"{_left(node['children'][0], after_projection=True)}[]"


def _filtered(node: Node) -> str:
    left, right, condition = node["children"]
    return _dotted(f"{_left(left)}[?{written(condition)}]", right)


def _starred(node: Node) -> str:
    left, right = node["children"]
    before = _left(left)
    return _dotted(f"{before}.*" if before else "*", right)


def _projected(node: Node) -> str:
    left, right = node["children"]
    brings_its_own = left["type"] == "flatten" or is_slice(left)
    return _dotted(written(left) if brings_its_own else f"{_left(left)}[*]", right)


def _dotted(left: str, right: Node) -> str:
    if right["type"] == "identity":
        return left
    text = _inside(right, _TIGHT)
    is_bracket = text.startswith("[") and right["type"] != "multi_select_list"
    return left + text if is_bracket or not left else f"{left}.{text}"


_WRITTEN: Final[Mapping[str, Callable[[Node], str]]] = {
    "current": lambda node: "@",
    "identity": lambda node: "@",
    "field": lambda node: name(node["value"]),
    "literal": lambda node: literal(node["value"]),
    "index": lambda node: f"[{node['value']}]",
    "slice": _slice,
    "not_expression": lambda node: f"!{_inside(node['children'][0], _BINDING['not_expression'])}",
    "expref": lambda node: f"&{written(node['children'][0])}",
    "function_expression": lambda node: f"{node['value']}({_listed(node)})",
    "multi_select_list": lambda node: f"[{_listed(node)}]",
    "multi_select_dict": lambda node: f"{{{_listed(node)}}}",
    "key_val_pair": _pair,
    "pipe": _binary,
    "or_expression": _binary,
    "and_expression": _binary,
    "comparator": _binary,
    "subexpression": _path,
    "index_expression": _path,
    "flatten": _flatten,
    "filter_projection": _filtered,
    "value_projection": _starred,
    "projection": _projected,
}
