"""Which parts of a record does an expression depend on?"""

from __future__ import annotations

from collections.abc import Sequence

from crmsync.core.expression.paths import Path
from crmsync.core.expression.problems import sound_tree
from crmsync.core.expression.tree import Node, names_of


def reads(text: str) -> frozenset[Path]:
    """The plain paths whose values an expression depends on, () being the whole record. Inside a list or a computed
    value there are no plain paths: `lines[*].price` reads ("lines",)."""
    names = names_of(text)
    if names is not None:
        return frozenset({names})
    found: set[Path] = set()
    _use(sound_tree(text), (), found)
    return frozenset(found)


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
