"""Which parts of a record does an expression depend on?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crmsync.core.expression.paths import Path
from crmsync.core.expression.problems import sound_tree
from crmsync.core.expression.tree import Node, names_of
from crmsync.core.model import EACH


def reads(text: str) -> frozenset[Path]:
    """The plain paths whose values an expression depends on, () being the whole record. Inside a list or a computed
    value there are no plain paths: `lines[*].price` reads ("lines",)."""
    names = names_of(text)
    if names is not None:
        return frozenset({names})
    found: set[Path] = set()
    _use(sound_tree(text), (), found)
    return frozenset(found)


def reaches(text: str) -> frozenset[Path]:
    """As `reads`, and into lists: `lines[*].price` reaches ("lines", "[]", "price"). What is computed from a whole list
    reaches all of it."""
    found: set[Path] = set()
    _reach(sound_tree(text), (), found)
    return frozenset(found)


_LISTS: Final = frozenset({"projection", "value_projection", "filter_projection", "flatten"})


def _reach(node: Node, base: Path | None, found: set[Path]) -> None:
    path = _into(node, base, found)
    if path is not None:
        found.add(path)


def _into(node: Node, base: Path | None, found: set[Path]) -> Path | None:
    """As `_follow`, whose last step may be an element."""
    children = node["children"]
    match node["type"]:
        case "subexpression" | "index_expression" | "pipe":
            return _along(children, base, found)
        case "index":
            return base and (*base, EACH)
        case "slice":
            return base
        case "flatten":
            whole = _into(children[0], base, found)
            return None if whole is None else (*whole, EACH)
        case "projection" | "filter_projection":
            return _through(children, base, found)
        case "multi_select_list" | "multi_select_dict" | "key_val_pair":
            for child in children:
                _reach(child, base, found)
            return None
        case _:
            return _follow(node, base, found)


def _along(steps: Sequence[Node], base: Path | None, found: set[Path]) -> Path | None:
    for step in steps[:-1]:
        base = _into(step, base, found)
        if step["type"] in _LISTS and base is not None:  # who knows what is done with the whole
            found.add(base)
            base = None
    return _into(steps[-1], base, found)


def _through(children: Sequence[Node], base: Path | None, found: set[Path]) -> Path | None:
    """A projection: its list, what becomes of each element, and which are chosen."""
    whole = _into(children[0], base, found)
    element = whole if whole is None or children[0]["type"] == "flatten" else (*whole, EACH)
    for condition in children[2:]:
        _reach(condition, element, found)
    return _into(children[1], element, found)


def _use(node: Node, base: Path | None, found: set[Path]) -> None:
    path = _follow(node, base, found)
    if path is not None:
        found.add(path)


def _follow(node: Node, base: Path | None, found: set[Path]) -> Path | None:
    """Where `node` leads from `base`, as long as that is a plain path; what it reads on the way goes to `found`."""
    children = node["children"]
    match node["type"]:
        case "current" | "identity":
            return base
        case "field":
            return None if base is None else (*base, node["value"])
        case "subexpression" | "index_expression" | "pipe":
            for child in children:
                base = _follow(child, base, found)
            return base
        case "index" | "slice":
            found.update(() if base is None else (base,))
        case "projection" | "value_projection" | "filter_projection" | "flatten":
            _use(children[0], base, found)
            _read_all(children[1:], None, found)
        case "multi_select_list" | "multi_select_dict":
            if base:
                found.add(base)  # `address.{kind: 'home'}` asks whether there is an address
            _read_all(children, base, found)
        case "expref":
            _use(children[0], None, found)
        case _:
            _read_all(children, base, found)
    return None


def _read_all(nodes: Sequence[Node], base: Path | None, found: set[Path]) -> None:
    for node in nodes:
        _use(node, base, found)
