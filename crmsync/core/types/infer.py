"""What may an expression give, for all records that keep a contract?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Final

from crmsync.core.expression.functions import EXPRESSION, FUNCTIONS, one_of
from crmsync.core.expression.tree import SIGNS, Node, in_text_order
from crmsync.core.model import Json, Severity
from crmsync.core.types.calls import fit, key_misfits, result
from crmsync.core.types.mends import Mends
from crmsync.core.types.narrow import falsy_part, may_differ, may_equal, outcome_part, refine, truthy_part
from crmsync.core.types.notation import written
from crmsync.core.types.paths import dotted, paths_in
from crmsync.core.types.views import Root, Type, View, high, is_below, low, union
from crmsync.core.types.words import SAID, choose, listed, said, shown


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that an expression's types speak against. `call`: the node that may fail."""

    rule: str
    severity: Severity
    message: str
    mend: str
    node: Node
    call: Node | None = None


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
        names = _names(objects)
        is_open = any(view.property(name).alternatives for view in objects)
        if names or not is_open:  # else nothing at all is said of the object
            *above, _ = path = paths_in(self.tree).get(id(node), (name,))
            place = dotted(tuple(above)) or "it"
            shape = "" if objects else f": {place} is {said(sorted(at.kinds - {'null'}))}"
            message = f"{self.contract} does not declare {dotted(path)!r}{shape}"
            mend = choose(name, names, f"{place} has")
            self.doubt("type/unknown-path", "warning" if is_open else "error", message, mend, node)

    def subexpression(self, node: Node, at: Type) -> Type:
        for child in node["children"]:
            at = self.visit(child, at)
        return at

    index_expression = pipe = subexpression

    def index(self, node: Node, at: Type) -> Type:
        self.wants(node, at, "list")
        place = int(node["value"])
        parts = [part for view in at.alternatives for part in _at(view, place).parts]
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
        parts = [part for view in at.alternatives for part in _slice(view, cut).parts]
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
        self.doubt("type/unused", "warning", message, f"write {written(left)}", right)

    def comparator(self, node: Node, at: Type) -> Type:
        left, right = (self.visit(child, at) for child in node["children"])
        if not (left.alternatives and right.alternatives):
            return self.root.never
        compare = self.equality if node["value"] in ("eq", "ne") else self.order
        return compare(node, at, left, right)

    def equality(self, node: Node, at: Type, left: Type, right: Type) -> Type:
        can_be_equal, can_differ = may_equal(left, right), may_differ(left, right)
        answers = [can_be_equal, can_differ] if node["value"] == "eq" else [can_differ, can_be_equal]
        if not all(answers) and not self.is_told(node, left, right):
            always = "true" if answers[0] else "false"
            message, mend = _always(node, left, right)
            self.doubt("type/always", "warning", f"{written(node)} is always {always}{message}", mend, node)
        return union(
            self.root, *(self.root.constant(each) for each, may in zip((True, False), answers, strict=True) if may)
        )

    def is_told(self, node: Node, left: Type, right: Type) -> bool:
        """A path that leads nowhere gives null, which was told of the path."""
        pairs = zip(node["children"], (left, right), strict=True)
        return any(self.is_null(type_) and child["type"] != "literal" for child, type_ in pairs)

    def order(self, node: Node, at: Type, left: Type, right: Type) -> Type:
        kinds = {frozenset(pair) for pair in product(left.kinds, right.kinds)}
        mixed = frozenset({"text", "number"})
        if mixed in kinds:
            self.doubt_mixed(node, at, is_certain=kinds == {mixed})
        answers: set[bool | None] = {None} if kinds - {mixed, frozenset({"text"}), frozenset({"number"})} else set()
        if frozenset({"text"}) in kinds:
            answers |= {True, False}
            self.doubt_text(node, left, right)
        answers |= _number_answers(node["value"], left, right)
        if answers == {None} and mixed not in kinds and not self.is_told(node, left, right):
            message = f"{written(node)} orders {said(sorted(left.kinds))} and {said(sorted(right.kinds))}: always null"
            self.doubt("type/order", "error", message, "only numbers have an order: use to_number(...)", node)
        elif answers in ({False}, {True}, {False, None}) and mixed not in kinds:
            word = "never true" if None in answers else "always true" if True in answers else "always false"
            message = f"{written(node)} is {word}"
            self.doubt("type/always", "warning", f"{message}{_ranges(node, left, right)}", "mend the condition", node)
        return union(self.root, *(self.root.constant(each) for each in (True, False, None) if each in answers))

    def doubt_mixed(self, node: Node, at: Type, is_certain: bool) -> None:
        sign = SIGNS[node["value"]]
        mend = Mends(self, at).of_order(node)
        if is_certain:
            self.doubt("type/never", "error", f"{sign} compares text with a number: it always fails", mend, node, node)
        else:
            message = f"{sign} may compare text with a number, and fails then"
            self.doubt("type/may-fail", "error", message, mend, node, node)

    def doubt_text(self, node: Node, left: Type, right: Type) -> None:
        formats = [_formats(each) for each in (left, right)]
        if any(child["type"] == "literal" for child in node["children"]):
            return  # `expression.problems` speaks of it
        if formats[0] != formats[1] or not formats[0] <= _DATED:
            self.doubt(
                "type/order",
                "warning",
                f"{written(node)} orders text ('100' comes before '50')",
                "use to_number(...)",
                node,
            )

    # Calls -----------------------------------------------------------------------------------------

    def function_expression(self, node: Node, at: Type) -> Type:
        name, function = node["value"], FUNCTIONS[node["value"]]
        given = {number: arg for number, arg in enumerate(node["children"]) if function.kinds(number) != EXPRESSION}
        found = {number: self.visit(arg, at) for number, arg in given.items()}
        if not all(each.alternatives for each in found.values()):
            return self.root.never
        args = [self.fitting(node, number, each, at) for number, each in found.items()]
        if name == "not_null":
            self.doubt_unused(node, args)
        if name == "contains":
            args = self.searched(node, args, at)
        each = self.each(node, args, at) if len(given) < len(node["children"]) else None
        return result(name, args, each, self.root)

    def fitting(self, node: Node, number: int, found: Type, at: Type) -> Type:
        kinds = FUNCTIONS[node["value"]].kinds(number)
        taken = fit(found, kinds)
        if taken.misfits and not (self.is_null(found) and self.is_lost(node["children"][number])):
            arg = node["children"][number]
            takes = f"{node['value']}() takes {one_of(kinds)}"
            mend = Mends(self, at).of_argument(node, number, taken.type, kinds)
            if taken.type.alternatives:
                message = f"{takes}, but {written(arg)} may be {_or_absent(taken.misfits)}"
                self.doubt("type/may-fail", "error", message, mend, arg, node)
            else:
                message = f"{takes}, but {written(arg)} is {said(taken.misfits)}: it always fails"
                self.doubt("type/never", "error", message, mend, arg, node)
        return taken.type

    def doubt_unused(self, node: Node, args: Sequence[Type]) -> None:
        for (before, found), (after, _) in pairwise(zip(node["children"], args, strict=True)):
            if "null" not in found.kinds:
                message = f"{written(after)} is never reached: {written(before)} is never null"
                self.doubt("type/unused", "warning", message, "leave it out", after)
                return

    def searched(self, node: Node, args: list[Type], at: Type) -> list[Type]:
        """Text is searched for text alone."""
        subject, search = args
        misfits = sorted(search.kinds - {"text"})
        if "text" not in subject.kinds or not misfits:
            return args
        arg = node["children"][1]
        mend = Mends(self, at).of_argument(node, 1, search.of_kind("text"), ("text",))
        is_certain = subject.kinds == {"text"} and "text" not in search.kinds
        if is_certain:
            message = f"contains() searches text for text, but {written(arg)} is {said(misfits)}: it always fails"
            self.doubt("type/never", "error", message, mend, arg, node)
            return [self.root.never, search]
        message = f"contains() searches text for text, but {written(arg)} may be {_or_absent(misfits)}"
        self.doubt("type/may-fail", "error", message, mend, arg, node)
        return args

    def each(self, node: Node, args: list[Type], at: Type) -> Type:
        """What the &... of a call gives for an element."""
        (expref,) = (child for child in node["children"] if child["type"] == "expref")
        (body,) = expref["children"]
        lists = [view for view in args[0].alternatives if view.kind == "list"]
        keys = self.visit(body, union(self.root, *(view.elements for view in lists)))
        if node["value"] != "map":
            self.doubt_keys(node, keys, lists, expref, at)

        return keys

    def doubt_keys(self, node: Node, keys: Type, lists: Sequence[View], expref: Node, at: Type) -> None:
        misfits = tuple(dict.fromkeys(kind for view in lists for kind in key_misfits(view, keys)))
        if not misfits or (self.is_null(keys) and self.is_lost(expref)):
            return
        mend = Mends(self, at).of_keys(node, expref)
        takes = f"{node['value']}() puts in order by {written(expref)}, all numbers or all texts"
        if keys.kinds & {"number", "text"} or any(view.may_be_empty for view in lists):
            self.doubt("type/may-fail", "error", f"{takes}, but it may be {_or_absent(misfits)}", mend, expref, node)
        else:
            self.doubt(
                "type/never", "error", f"{takes}, but it is {said(misfits)}: it always fails", mend, expref, node
            )


# Steps -----------------------------------------------------------------------------------------------------------


def step(at: Type, name: str) -> tuple[Type, bool]:
    """What a name leads to, and whether that is declared, or nothing more can be said of it."""
    parts: list[Type] = []
    is_known = at.kinds <= {"null"}
    is_always_there = bool(at.alternatives)
    for view in at.alternatives:
        if view.kind == "object":
            parts.append(view.property(name))
            is_known = is_known or view.declares(name)
        is_always_there = is_always_there and view.kind == "object" and name in view.required
    root = at.alternatives[0].root
    return union(root, *parts) if is_always_there else union(root, *parts, root.null), is_known


def _names(objects: Sequence[View]) -> Sequence[str]:
    """As declared; what a condition spoke of is not."""
    if len(objects) == 1 and not objects[0].known:
        return objects[0].names
    declared = (each for view in objects for each in view.limits("properties"))
    return sorted({name for each in declared for name, inner in each.items() if inner is not False})


def _at(view: View, place: int) -> Type:
    root, most = view.root, view.most if view.kind == "list" else 0
    needed = place + 1 if place >= 0 else -place
    if view.kind != "list" or (most is not None and most < needed):
        return root.null
    if place >= 0:
        found = view.element(place)
    elif most == view.least:
        found = view.element(most + place)
    else:
        found = view.elements
    return found if view.least >= needed else union(root, found, root.null)


_COUNTED: Final = 100


def _slice(view: View, cut: slice) -> Type:
    if view.kind != "list":
        return view.root.null
    if view.most is not None and view.most <= _COUNTED:
        lengths = [len(range(*cut.indices(length))) for length in range(view.least, view.most + 1)]
        least, most = (min(lengths), max(lengths)) if lengths else (0, 0)
        return view.root.listing(view.elements, least, most)
    start, stop = cut.start or 0, cut.stop
    is_short = stop is not None and (cut.step or 1) > 0 and start >= 0 and stop >= 0
    return view.root.listing(view.elements, 0, max(stop - start, 0) if is_short else view.most)


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


# Comparisons in words --------------------------------------------------------------------------------------------


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
            return f": {written(one)} is never {literal!r}", choose(literal, sorted(texts))
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


def _or_absent(kinds: Sequence[str]) -> str:
    return said(["absent" if kind == "null" else kind for kind in kinds])
