"""What does a call in an expression give, and may it fail?

`calls` tells what each function gives for arguments that it takes; here they are found, and what it does not take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from crmsync.core.expression.functions import EXPRESSION, FUNCTIONS, one_of
from crmsync.core.expression.tree import Node
from crmsync.core.types.calls import fit, key_misfits, result
from crmsync.core.types.mends import Mends
from crmsync.core.types.notation import written
from crmsync.core.types.views import Type, View, union
from crmsync.core.types.words import said

if TYPE_CHECKING:
    from crmsync.core.types.infer import Inference


@dataclass(frozen=True, eq=False)
class Called:
    """The call `node`, in a walk that stands at `at`."""

    inference: Inference
    node: Node
    at: Type

    def gives(self) -> Type:
        node = self.node
        name, function = node["value"], FUNCTIONS[node["value"]]
        given = {number: arg for number, arg in enumerate(node["children"]) if function.kinds(number) != EXPRESSION}
        found = {number: self.inference.visit(arg, self.at) for number, arg in given.items()}
        if not all(each.alternatives for each in found.values()):
            return self.inference.root.never
        args = [self.fitting(number, each) for number, each in found.items()]
        if name == "not_null":
            self.doubt_unused(args)
        if name == "contains":
            args = self.searched(args)
        each = self.each(args) if len(given) < len(node["children"]) else None
        return result(name, args, each, self.inference.root)

    def fitting(self, number: int, found: Type) -> Type:
        node = self.node
        kinds = FUNCTIONS[node["value"]].kinds(number)
        taken = fit(found, kinds)
        if taken.misfits and not (self.inference.is_null(found) and self.inference.is_lost(node["children"][number])):
            arg = node["children"][number]
            takes = f"{node['value']}() takes {one_of(kinds)}"
            mend = Mends(self.inference, self.at).of_argument(node, number, taken.type, kinds)
            if taken.type.alternatives:
                message = f"{takes}, but {written(arg)} may be {_or_absent(taken.misfits)}"
                self.inference.doubt("type/may-fail", "error", message, mend, arg, node)
            else:
                message = f"{takes}, but {written(arg)} is {said(taken.misfits)}: it always fails"
                self.inference.doubt("type/never", "error", message, mend, arg, node)
        return taken.type

    def doubt_unused(self, args: Sequence[Type]) -> None:
        node = self.node
        for (before, found), (after, _) in pairwise(zip(node["children"], args, strict=True)):
            if "null" not in found.kinds:
                message = f"{written(after)} is never reached: {written(before)} is never null"
                self.inference.doubt("type/unused", "warning", message, "leave it out", after)
                return

    def searched(self, args: list[Type]) -> list[Type]:
        """Text is searched for text alone."""
        node = self.node
        subject, search = args
        misfits = sorted(search.kinds - {"text"})
        if "text" not in subject.kinds or not misfits:
            return args
        arg = node["children"][1]
        mend = Mends(self.inference, self.at).of_argument(node, 1, search.of_kind("text"), ("text",))
        is_certain = subject.kinds == {"text"} and "text" not in search.kinds
        if is_certain:
            message = f"contains() searches text for text, but {written(arg)} is {said(misfits)}: it always fails"
            self.inference.doubt("type/never", "error", message, mend, arg, node)
            return [self.inference.root.never, search]
        message = f"contains() searches text for text, but {written(arg)} may be {_or_absent(misfits)}"
        self.inference.doubt("type/may-fail", "error", message, mend, arg, node)
        return args

    def each(self, args: list[Type]) -> Type:
        """What the &... of a call gives for an element."""
        node = self.node
        (expref,) = (child for child in node["children"] if child["type"] == "expref")
        (body,) = expref["children"]
        lists = [view for view in args[0].alternatives if view.kind == "list"]
        keys = self.inference.visit(body, union(self.inference.root, *(view.elements for view in lists)))
        if node["value"] != "map":
            self.doubt_keys(keys, lists, expref)
        return keys

    def doubt_keys(self, keys: Type, lists: Sequence[View], expref: Node) -> None:
        node = self.node
        misfits = tuple(dict.fromkeys(kind for view in lists for kind in key_misfits(view, keys)))
        if not misfits or (self.inference.is_null(keys) and self.inference.is_lost(expref)):
            return
        mend = Mends(self.inference, self.at).of_keys(node, expref)
        takes = f"{node['value']}() puts in order by {written(expref)}, all numbers or all texts"
        if keys.kinds & {"number", "text"} or any(view.may_be_empty for view in lists):
            self.inference.doubt(
                "type/may-fail", "error", f"{takes}, but it may be {_or_absent(misfits)}", mend, expref, node
            )
        else:
            self.inference.doubt(
                "type/never", "error", f"{takes}, but it is {said(misfits)}: it always fails", mend, expref, node
            )


def _or_absent(kinds: Sequence[str]) -> str:
    return said(["absent" if kind == "null" else kind for kind in kinds])
