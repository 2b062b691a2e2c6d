"""What does a comparison in an expression give, and is it always the same?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from crmsync.core.expression.tree import SIGNS, Node
from crmsync.core.model import Json
from crmsync.core.near import choose
from crmsync.core.types.bounds import high, is_below, low
from crmsync.core.types.mends import Mends
from crmsync.core.types.narrow import may_differ, may_equal
from crmsync.core.types.notation import written
from crmsync.core.types.views import Type, union
from crmsync.core.types.words import listed, said, shown

if TYPE_CHECKING:
    from crmsync.core.types.infer import Inference

_MIXED: Final = frozenset({"text", "number"})
_TEXTS: Final = frozenset({"text"})
_NUMBERS: Final = frozenset({"number"})


@dataclass(frozen=True, eq=False)
class Compared:
    """The comparison `node` of two values, in a walk that stands at `at`."""

    inference: Inference
    node: Node
    at: Type
    left: Type
    right: Type

    def gives(self) -> Type:
        return self.equality() if self.node["value"] in ("eq", "ne") else self.order()

    def answers(self, found: Iterable[bool | None]) -> Type:
        root = self.inference.root
        return union(root, *map(root.constant, found))

    def equality(self) -> Type:
        can_be_equal, can_differ = may_equal(self.left, self.right), may_differ(self.left, self.right)
        answers = [can_be_equal, can_differ] if self.node["value"] == "eq" else [can_differ, can_be_equal]
        if not all(answers) and not self.is_told():
            always = "true" if answers[0] else "false"
            message, mend = _always(self.node, self.left, self.right)
            message = f"{written(self.node)} is always {always}{message}"
            self.inference.doubt("type/always", "warning", message, mend, self.node)
        return self.answers(each for each, may in zip((True, False), answers, strict=True) if may)

    def is_told(self) -> bool:
        """A path that leads nowhere gives null, which was told of the path."""
        pairs = zip(self.node["children"], (self.left, self.right), strict=True)
        return any(self.inference.is_null(type_) and child["type"] != "literal" for child, type_ in pairs)

    def order(self) -> Type:
        kinds = {frozenset(pair) for pair in product(self.left.kinds, self.right.kinds)}
        answers: set[bool | None] = {None} if kinds - {_MIXED, _TEXTS, _NUMBERS} else set()
        if _MIXED in kinds:
            self.doubt_mixed(is_certain=kinds == {_MIXED})
        if _TEXTS in kinds:
            answers |= {True, False}
            self.doubt_text()
        answers |= _number_answers(self.node["value"], self.left, self.right)
        if _MIXED not in kinds:
            self.doubt_answers(answers)
        return self.answers(each for each in (True, False, None) if each in answers)

    def doubt_answers(self, answers: set[bool | None]) -> None:
        text = written(self.node)
        if answers == {None} and not self.is_told():
            message = f"{text} orders {said(sorted(self.left.kinds))} and {said(sorted(self.right.kinds))}: always null"
            mend = "only numbers have an order: use to_number(...)"
            self.inference.doubt("type/order", "error", message, mend, self.node)
        elif answers in ({False}, {True}, {False, None}):
            word = "never true" if None in answers else "always true" if True in answers else "always false"
            message = f"{text} is {word}{_ranges(self.node, self.left, self.right)}"
            self.inference.doubt("type/always", "warning", message, "mend the condition", self.node)

    def doubt_mixed(self, is_certain: bool) -> None:
        sign, node = SIGNS[self.node["value"]], self.node
        mend = Mends(self.inference, self.at).of_order(node)
        if is_certain:
            message = f"{sign} compares text with a number: it always fails"
            self.inference.doubt("type/never", "error", message, mend, node, node)
        else:
            message = f"{sign} may compare text with a number, and fails then"
            self.inference.doubt("type/may-fail", "error", message, mend, node, node)

    def doubt_text(self) -> None:
        if any(child["type"] == "literal" for child in self.node["children"]):
            return  # `expression.problems` speaks of it
        formats = [_formats(each) for each in (self.left, self.right)]
        if formats[0] != formats[1] or not formats[0] <= _DATED:
            message = f"{written(self.node)} orders text ('100' comes before '50')"
            self.inference.doubt("type/order", "warning", message, "use to_number(...)", self.node)


# In words --------------------------------------------------------------------------------------------------------


def _always(node: Node, left: Type, right: Type) -> tuple[str, str]:
    """Why an equation has but one answer, and what to write instead."""
    one, other = node["children"]
    if one["type"] == "literal":
        one, other, left, right = other, one, right, left
    if one["type"] == "literal" or other["type"] != "literal":
        return "", "mend the condition"
    literal = other["value"]
    if left.values is not None and len(left.values) > 1:
        texts = [value for value in left.values if isinstance(value, str)]
        if isinstance(literal, str) and texts:
            return f": {written(one)} is never {literal!r}", choose(literal, texts)
        return f": {written(one)} is never {shown(literal)}", f"there are: {listed(left.values)}"
    if literal is None and "null" not in left.kinds:
        return f": {written(one)} is never null", "leave it out"
    formats = _formats(left) - {""}
    if isinstance(literal, str) and formats:
        name = " or ".join(sorted(formats))
        return f": {written(one)} has the format {name}", f"compare with a {name}"
    kinds = left.kinds - {"null"}
    reason = f": {written(one)} is {said(sorted(kinds))}" if kinds else ""
    return reason, _of_kind(literal, left)


def _of_kind(literal: Json, type_: Type) -> str:
    """The literal as the kind that it is compared with."""
    if isinstance(literal, str) and type_.kinds & {"number", "boolean"} and "text" not in type_.kinds:
        return (
            f"write `{literal}`, without quotes"
            if literal.strip("-").replace(".", "", 1).isdigit() or (literal in ("true", "false"))
            else "compare with a value of its type"
        )
    if not isinstance(literal, str) and "text" in type_.kinds and literal is not None:
        return f"write '{shown(literal).strip('`')}' for text"
    return "compare with a value that the contract allows"


_DATED: Final = frozenset({"date", "date-time", "time"})


def _formats(type_: Type) -> frozenset[str]:
    texts = [view for view in type_.alternatives if view.kind == "text"]
    return frozenset(name for view in texts for name in view.limits("format") or [""])


def _number_answers(sign: str, left: Type, right: Type) -> set[bool | None]:
    numbers = [[view for view in each.alternatives if view.kind == "number"] for each in (left, right)]
    answers: set[bool | None] = set()
    for one, other in product(*numbers):
        if sign in ("gt", "gte"):
            one, other = other, one
        or_equal = sign in ("lte", "gte")
        is_true, is_false = is_below(one, other, or_equal), is_below(other, one, not or_equal)
        answers |= {True} if is_true else {False} if is_false else {True, False}
    return answers


def _ranges(node: Node, left: Type, right: Type) -> str:
    told = [
        f"{written(child)} is {_range(type_)}"
        for child, type_ in zip(node["children"], (left, right), strict=True)
        if child["type"] != "literal" and _range(type_)
    ]
    return f": {', '.join(told)}" if told else ""


def _range(type_: Type) -> str:
    views = [view for view in type_.alternatives if view.kind == "number"]
    bottoms, tops = [low(view) for view in views], [high(view) for view in views]
    least = "" if not views or None in bottoms else f"at least {shown(min(each.value for each in bottoms if each))}"
    most = "" if not views or None in tops else f"at most {shown(max(each.value for each in tops if each))}"
    return " and ".join(filter(None, (least, most))).replace("`", "")
