"""What may an expression give, for all records that keep a contract?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from crmsync.core.expression.tree import Node, in_text_order
from crmsync.core.model import Severity
from crmsync.core.near import choose
from crmsync.core.types.called import Called
from crmsync.core.types.compared import Compared
from crmsync.core.types.narrow import falsy_part, outcome_part, refine, truthy_part
from crmsync.core.types.notation import written
from crmsync.core.types.paths import dotted, paths_in
from crmsync.core.types.root import Root
from crmsync.core.types.steps import element_at, names_of, sliced, step
from crmsync.core.types.views import Type, View, union
from crmsync.core.types.words import SAID, said


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that an expression's types speak against. `call`: the node that may fail."""

    rule: str
    severity: Severity
    message: str
    mend: str
    node: Node
    call: Node | None = None


_OF_LIST: Final = "[*] before it for all elements of the list, [0] for the first"


@dataclass(eq=False)
class Inference:
    """One walk through one tree. A method named after a kind of node says what it gives for a value of type `at`."""

    root: Root
    tree: Node
    contract: str
    doubts: list[Doubt] = field(default_factory=list)
    reads: list[tuple[Node, Type]] = field(default_factory=list)
    is_quiet: bool = False

    def visit(self, node: Node, at: Type) -> Type:
        if not at.alternatives:
            return self.root.never
        visit: Callable[[Node, Type], Type] = getattr(self, node["type"])
        return visit(node, at)

    @contextmanager
    def quietly(self) -> Iterator[list[Doubt]]:
        """What is found meanwhile is not told; it is in the list."""
        kept = self.doubts, self.reads, self.is_quiet
        self.doubts, self.reads, self.is_quiet = [], [], True
        yield self.doubts
        self.doubts, self.reads, self.is_quiet = kept

    def glance(self, node: Node, at: Type) -> None:
        """What is never reached is still read by people: its names must be right."""
        with self.quietly() as doubts:
            self.visit(node, at)
            reads = self.reads
        self.doubts += [doubt for doubt in doubts if doubt.rule == "type/unknown-path"]
        self.reads += reads

    def doubt(
        self, rule: str, severity: Severity, message: str, mend: str, node: Node, call: Node | None = None
    ) -> None:
        self.doubts.append(Doubt(rule, severity, message, mend, node, call))

    # Paths -----------------------------------------------------------------------------------------

    def current(self, node: Node, at: Type) -> Type:
        return at

    identity = current

    def literal(self, node: Node, at: Type) -> Type:
        return self.root.constant(node["value"])

    def field(self, node: Node, at: Type) -> Type:
        self.reads.append((node, at))
        found, is_known = step(at, node["value"])
        if not is_known:
            self.unknown(node, at)
        return found

    def unknown(self, node: Node, at: Type) -> None:
        name = node["value"]
        objects = [view for view in at.alternatives if view.kind == "object"]
        names = names_of(objects)
        is_open = any(view.property(name).alternatives for view in objects)
        if names or not is_open:  # else nothing at all is said of the object
            *above, _ = path = paths_in(self.tree).get(id(node), (name,))
            place = dotted(tuple(above)) or "it"
            shape = "" if objects else f": {place} is {said(sorted(at.kinds - {'null'}))}"
            message = f"{self.contract} does not declare {dotted(path)!r}{shape}"
            is_list = "list" in at.kinds and not objects
            mend = f"write {_OF_LIST}" if is_list else choose(name, names, f"{place} has")
            self.doubt("type/unknown-path", "warning" if is_open else "error", message, mend, node)

    def subexpression(self, node: Node, at: Type) -> Type:
        for child in node["children"]:
            at = self.visit(child, at)
        return at

    index_expression = pipe = subexpression

    def index(self, node: Node, at: Type) -> Type:
        self.wants(node, at, "list")
        place = int(node["value"])
        parts = [part for view in at.alternatives for part in element_at(view, place).parts]
        found = Type(tuple(parts))
        if found.kinds == {"null"} and "list" in at.kinds and not self.is_null(at):
            longest = max((view.most or 0 for view in at.alternatives if view.kind == "list"), default=0)
            message = f"{written(node)} is always null: the list has at most {longest} element{'s'[: longest != 1]}"
            if all(view.most is not None for view in at.alternatives if view.kind == "list") and longest:
                self.doubt("type/never", "warning", message, "take a lower index", node)
        return found

    def wants(self, node: Node, at: Type, kind: str) -> None:
        """What stands before brackets or a star must be a list, or an object, some time."""
        if kind not in at.kinds and not self.is_null(at):
            message = f"{_sign(node)} is taken of {said(sorted(at.kinds))}, never of {SAID[kind]}: always null"
            self.doubt("type/never", "error", message, "leave it out, or take another path", node)

    def is_lost(self, node: Node) -> bool:
        """Whether a path in it leads nowhere, which was told."""
        names = {id(each) for each in in_text_order(node)}
        lost = ("type/unknown-path", "error")
        return any((doubt.rule, doubt.severity) == lost and id(doubt.node) in names for doubt in self.doubts)

    def is_null(self, at: Type) -> bool:
        """Whether nothing was left to be said: what made it so was told where it was found."""
        return at.kinds <= {"null"}

    def slice(self, node: Node, at: Type) -> Type:
        self.wants(node, at, "list")
        cut = slice(*node["children"])
        parts = [part for view in at.alternatives for part in sliced(view, cut).parts]
        return Type(tuple(parts))

    # Projections -----------------------------------------------------------------------------------

    def projection(self, node: Node, at: Type) -> Type:
        left, right = node["children"]
        base = self.visit(left, at)
        if left["type"] != "flatten":
            self.wants(node, base, "list")
        lists = [view for view in base.alternatives if view.kind == "list"]
        found = self.visit(right, union(self.root, *(view.elements for view in lists)))
        return self.collected(base, found, lists)

    def collected(self, base: Type, found: Type, views: Sequence[View], *, all_pass: bool = True) -> Type:
        """Lists of what was found in lists (or objects) and is not null; null for what is neither."""
        all_stay = all_pass and "null" not in found.kinds and found.alternatives
        kept = found.but("null")
        lists = [self.root.listing(kept, view.least if all_stay else 0, view.most) for view in views]
        others = [self.root.null] if len(views) < len(base.alternatives) else []
        return union(self.root, *lists, *others)

    def value_projection(self, node: Node, at: Type) -> Type:
        left, right = node["children"]
        base = self.visit(left, at)
        self.wants(node, base, "object")
        objects = [view for view in base.alternatives if view.kind == "object"]
        members = union(self.root, *(member for view in objects for member in view.members()))
        return self.collected(base, self.visit(right, members), objects)

    def filter_projection(self, node: Node, at: Type) -> Type:
        left, right, condition = node["children"]
        base = self.visit(left, at)
        self.wants(node, base, "list")
        lists = [view for view in base.alternatives if view.kind == "list"]
        elements = union(self.root, *(view.elements for view in lists))
        told = len(self.doubts)
        answer = self.visit(condition, elements)
        may_pass, may_fail = truthy_part(answer).alternatives, falsy_part(answer).alternatives
        if elements.alternatives and answer.alternatives and told == len(self.doubts):
            self.doubt_filter(node, bool(may_pass), bool(may_fail))
        passed = refine(elements, condition, True) if may_pass else self.root.never
        if not passed.alternatives:
            self.glance(right, elements)
        return self.collected(base, self.visit(right, passed), lists, all_pass=not may_fail)

    def doubt_filter(self, node: Node, may_pass: bool, may_fail: bool) -> None:
        text = f"[?{written(node['children'][2])}]"
        if not may_pass:
            self.doubt("type/always", "warning", f"nothing ever passes {text}", "mend the condition", node)
        elif not may_fail:
            self.doubt("type/always", "warning", f"everything passes {text}", "mend the condition, or write [*]", node)

    def flatten(self, node: Node, at: Type) -> Type:
        base = self.visit(node["children"][0], at)
        self.wants(node, base, "list")
        parts = [part for view in base.alternatives for part in self.flat(view).parts]
        return Type(tuple(parts))

    def flat(self, view: View) -> Type:
        if view.kind != "list":
            return self.root.null
        lists = [each for each in view.elements.alternatives if each.kind == "list"]
        singles = view.elements.but("list")
        inner = union(self.root, *(each.elements for each in lists), singles)
        least = min([each.least for each in lists] + [1] * bool(singles.alternatives), default=0)
        longest = [each.most for each in lists] + [1] * bool(singles.alternatives)
        most = None
        if view.most is not None and None not in longest:
            most = view.most * max((each for each in longest if each is not None), default=0)
        return self.root.listing(inner, view.least * least, most)

    # Made of parts ---------------------------------------------------------------------------------

    def multi_select_list(self, node: Node, at: Type) -> Type:
        there = at.but("null")
        items = [self.visit(child, there) for child in node["children"]]
        fact = {"prefixItems": items, "items": False, "minItems": len(items)}
        return self.made(at, items, self.root.view("list", **fact))

    def multi_select_dict(self, node: Node, at: Type) -> Type:
        there = at.but("null")
        properties = {pair["value"]: self.visit(pair["children"][0], there) for pair in node["children"]}
        fact = {"properties": properties, "required": sorted(properties), "additionalProperties": False}
        return self.made(at, list(properties.values()), self.root.view("object", **fact))

    def made(self, at: Type, parts: Sequence[Type], whole: Type) -> Type:
        """Null of null; and nothing where a part always fails."""
        found = whole if all(part.alternatives for part in parts) else self.root.never
        return union(self.root, found, self.root.null) if "null" in at.kinds else found

    # Conditions ------------------------------------------------------------------------------------

    def not_expression(self, node: Node, at: Type) -> Type:
        inner = self.visit(node["children"][0], at)
        answers = [not_ for not_ in (True, False) if outcome_part(inner, not not_).alternatives]
        return union(self.root, *map(self.root.constant, answers))

    def or_expression(self, node: Node, at: Type) -> Type:
        return self.either(node, at, False)

    def and_expression(self, node: Node, at: Type) -> Type:
        return self.either(node, at, True)

    def either(self, node: Node, at: Type, goes_on: bool) -> Type:
        """|| goes on where the left side is false, && where it is true."""
        left, right = node["children"]
        first = self.visit(left, at)
        if not first.alternatives:
            return self.root.never
        if not outcome_part(first, goes_on).alternatives:
            self.unreached(node, first, goes_on)
            self.glance(right, at)
            return first
        second = self.visit(right, at if right["type"] == "literal" else refine(at, left, goes_on))
        return union(self.root, outcome_part(first, not goes_on), second)

    def unreached(self, node: Node, first: Type, goes_on: bool) -> None:
        left, right = node["children"]
        if goes_on and self.is_null(first):
            return
        why = "never true" if goes_on else "never null, false or empty"
        message = f"{written(right)} is never reached: {written(left)} is {why}"
        mend = f"mend {written(left)}, so that it may be true" if goes_on else f"write {written(left)}"
        self.doubt("type/unused", "warning", message, mend, right)

    def comparator(self, node: Node, at: Type) -> Type:
        left, right = (self.visit(child, at) for child in node["children"])
        if not (left.alternatives and right.alternatives):
            return self.root.never
        return Compared(self, node, at, left, right).gives()

    def function_expression(self, node: Node, at: Type) -> Type:
        return Called(self, node, at).gives()


def _sign(node: Node) -> str:
    match node["type"]:
        case "index" | "slice":
            return written(node)
        case "projection":
            return "[*]" if node["children"][0]["type"] != "index_expression" else "a slice"
        case "value_projection":
            return ".*"
        case "filter_projection":
            return f"[?{written(node['children'][2])}]"
    return "[]"
