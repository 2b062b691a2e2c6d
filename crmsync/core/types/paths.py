"""Where in a record does each name of an expression lead?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from crmsync.core.expression.tree import Node, inner

Path: TypeAlias = tuple[str, ...]
"""Names from the record on; "[]" any element of a list, "*" any value of an object: ("lines", "[]", "price")."""

ELEMENT: Final = "[]"
MEMBER: Final = "*"
_LIST: Final = "list of"  # last in the path of a list that was made of what stands there


def dotted(path: Path) -> str:
    """`lines[].price`"""
    return ".".join(path).replace(f".{ELEMENT}", ELEMENT)


def paths_in(tree: Node) -> Mapping[int, Path]:
    """The path of each name of a tree, by `id` of its node. One that is taken of a computed value has none."""
    found: dict[int, Path] = {}
    _follow(tree, (), found)
    return found


def _follow(node: Node, base: Path | None, found: dict[int, Path]) -> Path | None:
    """Where a node leads from `base`; None: to a value that stands nowhere in the record."""
    children = node["children"]
    match node["type"]:
        case "current" | "identity" | "slice":
            return base
        case "field":
            if base is not None:
                found[id(node)] = (*_single(base), node["value"])
            return found.get(id(node))
        case "index":
            return _below(base, ELEMENT)
        case "flatten":
            lists = _follow(children[0], base, found)
            return lists[:-1] if lists and lists[-1] == _LIST else lists
        case "subexpression" | "index_expression" | "pipe":
            for child in children:
                base = _follow(child, base, found)
            return base
    if node["type"] in _OWN:
        return _OWN[node["type"]](node, base, found)
    paths = [_follow(child, base, found) for child in inner(node)]
    return paths[0] if node["type"] == "or_expression" else None


def _projected(node: Node, base: Path | None, found: dict[int, Path]) -> Path | None:
    left, right, *condition = node["children"]
    each = _below(_follow(left, base, found), MEMBER if node["type"] == "value_projection" else ELEMENT)
    for inside in condition:
        _follow(inside, each, found)
    at = _follow(right, each, found)
    return None if at is None else (*at, _LIST)


_KEEPING: Final = frozenset({"sort", "sort_by", "reverse", "to_array", "not_null"})
_CHOOSING: Final = frozenset({"max_by", "min_by"})


def _called(node: Node, base: Path | None, found: dict[int, Path]) -> Path | None:
    values = [child for child in node["children"] if child["type"] != "expref"]
    paths = [_follow(child, base, found) for child in values]
    for child in node["children"]:
        if child["type"] == "expref":
            _follow(child["children"][0], _below(paths[0], ELEMENT), found)
    if node["value"] in _CHOOSING:
        return _below(paths[0], ELEMENT)
    return paths[0] if node["value"] in _KEEPING and paths else None


def _below(base: Path | None, step: str) -> Path | None:
    if base is None:
        return None
    return base[:-1] if base[-1:] == (_LIST,) else (*base, step)


def _single(path: Path) -> Path:
    """Of what stands there, not of the list that was made of it: who takes a name of that list means its elements."""
    return path[: path.index(_LIST)] if _LIST in path else path


_OWN: Final[Mapping[str, Callable[[Node, Path | None, dict[int, Path]], Path | None]]] = {
    "projection": _projected,
    "filter_projection": _projected,
    "value_projection": _projected,
    "function_expression": _called,
}
