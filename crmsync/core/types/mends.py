"""How would an expression have to be written so as not to fail?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from crmsync.core.expression.functions import one_of
from crmsync.core.expression.tree import SIGNS, Node
from crmsync.core.model import Json
from crmsync.core.types.notation import written
from crmsync.core.types.views import Type

if TYPE_CHECKING:
    from crmsync.core.types.infer import Inference

_FAILURES: Final = ("type/may-fail", "type/never")
_EMPTY: Final[dict[str, Json]] = {"numbers": [], "texts": [], "list": [], "text": "", "object": {}}
_GIVEN: Final = {"texts": "list", "numbers": "list"}


@dataclass(frozen=True, slots=True)
class Mends:
    """Proposals for what stands at a value of type `at`. What is proposed is inferred not to fail."""

    inference: Inference
    at: Type

    def of_argument(self, call: Node, number: int, fits: Type, wanted: Sequence[str]) -> str:
        """`fits`: the part of the argument that does fit, as far as there is one."""
        if self.inference.is_quiet:
            return ""
        arg = call["children"][number]
        usual = [kind for kind in wanted if _GIVEN.get(kind, kind) in fits.kinds]
        found = self.first(call, _with_argument(call, number, arg, usual or wanted))
        return found or f"make sure that {written(arg)} is {one_of(tuple(wanted))}"

    def of_keys(self, call: Node, expref: Node) -> str:
        if self.inference.is_quiet:
            return ""
        key = expref["children"][0]
        found = self.first(call, _with_keys(call, key))
        return found or f"make sure that {written(key)} is there and always a number, or always text"

    def of_order(self, comparator: Node) -> str:
        if self.inference.is_quiet:
            return ""
        left, right = comparator["children"]
        numbers = [_call("to_number", left), _call("to_number", right)]
        sides = ([numbers[0], right], [left, numbers[1]], numbers)
        return self.first(comparator, ({**comparator, "children": each} for each in sides)) or (
            f"compare numbers: to_number({written(left)}) {SIGNS[comparator['value']]} {written(right)}"
        )

    def first(self, node: Node, proposals: Iterator[Node]) -> str:
        most = self.failures(node)
        found = (each for each in proposals if self.failures(each) < most)
        return "".join(f"write {written(each)}" for each in islice(found, 1))

    def failures(self, node: Node) -> int:
        with self.inference.quietly() as doubts:
            self.inference.visit(node, self.at)
        return sum(doubt.rule in _FAILURES for doubt in doubts)


def _with_argument(call: Node, number: int, arg: Node, wanted: Sequence[str]) -> Iterator[Node]:
    """The call with something else in the place of an argument, the simplest first."""

    def changed(new: Node) -> Node:
        children = list(call["children"])
        children[number] = new
        return {**call, "children": children}

    if {"number"} == {*wanted}:
        yield _both(arg, call)
        it: Node = {"type": "current", "children": []}
        yield {"type": "pipe", "children": [_call("to_number", arg), _both(it, changed(it))]}
        return
    for kind in ("list", "texts", "numbers", "text", "object"):
        if kind in wanted:
            empty = _literal(_EMPTY[kind])
            yield changed(_either(arg, empty))
            yield from map(changed, _as_kind(kind, arg, empty))


def _as_kind(kind: str, arg: Node, empty: Node) -> Iterator[Node]:
    each = {"type": "current", "children": []}
    match kind:
        case "text":
            yield _call("to_string", arg)
            yield _call("to_string", _either(arg, empty))
        case "list":
            yield _call("to_array", arg)
            yield _call("to_array", _either(arg, empty))
        case "texts" | "numbers":
            yield _either(_elements(arg), empty)
            yield _call("to_array", arg)
            yield _call("to_array", _either(arg, empty))
            turned = _call("to_string" if kind == "texts" else "to_number", each)
            yield _either(_elements(arg, turned), empty)


def _with_keys(call: Node, key: Node) -> Iterator[Node]:
    def changed(elements: Node, new: Node) -> Node:
        children = [
            {**child, "children": [new]} if child["type"] == "expref" else elements for child in call["children"]
        ]
        return {**call, "children": children}

    elements = next(child for child in call["children"] if child["type"] != "expref")
    is_there = {"type": "comparator", "value": "ne", "children": [key, _literal(None)]}
    there = {"type": "filter_projection", "children": [elements, {"type": "identity", "children": []}, is_there]}
    yield changed(there, key)
    yield changed(elements, _call("to_string", key))
    yield changed(there, _call("to_string", key))


def _literal(value: Json) -> Node:
    return {"type": "literal", "children": [], "value": value}


def _call(name: str, arg: Node) -> Node:
    return {"type": "function_expression", "children": [arg], "value": name}


def _either(left: Node, right: Node) -> Node:
    return {"type": "or_expression", "children": [left, right]}


def _both(left: Node, right: Node) -> Node:
    return {"type": "and_expression", "children": [left, right]}


def _elements(arg: Node, each: Node | None = None) -> Node:
    """What of a list is not null."""
    return {"type": "projection", "children": [arg, each or {"type": "identity", "children": []}]}
