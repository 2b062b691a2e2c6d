"""How does an expression become one Python function?

Trees that the compiler does not know, or that nest too deep for Python, are left to the library's interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

from crmsync.core.expression.functions import CALLS, NUMBER, EvaluationError, Function, in_order, ordered
from crmsync.core.expression.paths import Path, plain_path
from crmsync.core.expression.problems import sound_tree
from crmsync.core.expression.tree import EQUALITY, SIGNS, Node, inner
from crmsync.core.model import ABSENT, Json


def compile_expression(text: str) -> Function:
    """A function from a record to what the expression says of it: null where it says nothing.

    Raises ExpressionError; the function raises EvaluationError.
    """
    return _blaming([text], _function(sound_tree(text)))


def compile_many(texts: Sequence[str]) -> Callable[[Json], tuple[Json, ...]]:
    """One function for all of `texts`, in which what they have in common is worked out once.

    A plain path that leads nowhere gives ABSENT; any other expression has no absent and gives None. Raises
    ExpressionError; the function raises EvaluationError, whose `index` says which of the texts it was.
    """
    source = _Source()
    results = [_result(source, text) for text in texts]
    return _blaming(texts, source.function(f"({''.join(f'{name}, ' for name in results)})"))


def _result(source: _Source, text: str) -> str:
    path = plain_path(text)
    if path is not None:
        return source.leaf(path, _RECORD)
    tree = sound_tree(text)
    return source.visit(tree, _RECORD) if _is_compilable(tree) else source.call(_interpreted(tree), _RECORD)


def _blaming(texts: Sequence[str], function: Function) -> Function:
    """`function`, whose errors say which of `texts` it was."""

    @cache
    def singles() -> list[Function]:  # only a record that fails pays for them
        return [_function(sound_tree(text)) for text in texts]

    def blame(record: Json) -> EvaluationError:
        for index, (text, single) in enumerate(zip(texts, singles(), strict=True)):
            try:
                single(record)
            except EvaluationError as error:
                return EvaluationError(f"{text}: {error}", index)
            except RecursionError:
                return EvaluationError(f"{text}: the record is nested too deeply", index)
        raise AssertionError("an expression failed among others, but not alone")

    def evaluate(record: Json) -> Json:
        try:
            return function(record)
        except (EvaluationError, RecursionError):
            raise blame(record) from None

    return evaluate


def _function(tree: Node) -> Function:
    if not _is_compilable(tree):
        return _interpreted(tree)
    source = _Source()
    return source.function(source.visit(tree, _RECORD))


class _Library(Functions):
    """Our functions, for the library's interpreter."""

    def call_function(self, function_name: str, resolved_args: Iterable[Json]) -> Json:
        return CALLS[function_name](*map(self._plain, resolved_args))

    def _plain(self, arg: Json) -> Json:
        if not hasattr(arg, "visit"):  # what the library makes of &... has
            return arg
        return lambda value: arg.visit(arg.expression, value)


class _Interpreter(TreeInterpreter):
    """The library's, but for the order of properties."""

    def visit_value_projection(self, node: Node, value: Json) -> Json:
        left, right = node["children"]
        base = self.visit(left, value)
        if base.__class__ is not dict:
            return None
        found = [self.visit(right, each) for each in in_order(base)]
        return [each for each in found if each is not None]


def _interpreted(tree: Node) -> Function:
    interpreter = _Interpreter(Options(custom_functions=_Library()))

    def evaluate(record: Json) -> Json:
        try:
            return interpreter.visit(tree, record)
        except TypeError:  # the interpreter only ever fails so where it orders
            raise EvaluationError("text is compared with a number by order; use to_number(...)") from None

    return evaluate


# Blocks that the code of a node opens, and from which child on the children stand inside them.
_BLOCKS: Final = {
    "projection": (2, 1), "value_projection": (2, 1), "filter_projection": (3, 1), "flatten": (2, 1),
    "or_expression": (1, 1), "and_expression": (1, 1), "multi_select_list": (1, 0), "multi_select_dict": (1, 0),
}  # fmt: skip
_DEEPEST: Final = 36  # Python takes 20 loops within each other and 100 indentations


def _is_compilable(tree: Node) -> bool:
    return _depth(tree) <= _DEEPEST


def _depth(node: Node) -> float:
    """How many blocks deep the code for `node` gets; infinite where the compiler does not know a node."""
    if not hasattr(_Source, node["type"]):
        return math.inf
    own, first_inside = _BLOCKS.get(node["type"], (0, 0))
    depths = [_depth(child) for child in inner(node)]
    return max([own, *depths[:first_inside], *(own + depth for depth in depths[first_inside:])])


_RECORD: Final = "record"


@dataclass(slots=True)
class _Source:
    """The growing source of one function. A method named after a kind of node writes the lines that work it out on
    the value of the variable `at`, and returns the variable that then holds the answer. Whatever comes from the
    expression's text gets into the source as a `repr` of its own, or by name as a constant."""

    lines: list[str] = field(default_factory=list)
    constants: dict[str, Json] = field(default_factory=lambda: {"ABSENT": ABSENT, "NUMBER": NUMBER})
    known: list[dict[tuple[str, str], str]] = field(default_factory=lambda: [{}])  # a scope for each block
    count: int = 0

    def function(self, answer: str) -> Function:
        text = "\n".join([f"def evaluate({_RECORD}):", *self.lines, f"    return {answer}"])
        exec(compile(text, "<expression>", "exec"), self.constants)
        evaluate: Function = self.constants["evaluate"]
        return evaluate

    def visit(self, node: Node, at: str) -> str:
        """Works `node` out, unless the value is known here already."""
        key = (at, repr(node))
        for scope in self.known:
            if key in scope:
                return scope[key]
        answer: str = getattr(self, node["type"])(node, at)
        self.known[-1][key] = answer
        return answer

    def leaf(self, path: Path, at: str) -> str:
        *names, last = path
        for name in names:
            at = self.visit({"type": "field", "children": [], "value": name}, at)
        return self.let(f"{at}.get({last!r}, ABSENT) if {at}.__class__ is dict else ABSENT")

    def call(self, function: Callable[..., Json], *args: str) -> str:
        return self.let(f"{self.constant(function)}({', '.join(args)})")

    def write(self, line: str) -> None:
        self.lines.append("    " * len(self.known) + line)

    def let(self, value: str) -> str:
        self.count += 1
        self.write(f"v{self.count} = {value}")
        return f"v{self.count}"

    def constant(self, value: Json) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.write(head)
        self.known.append({})
        yield
        self.known.pop()

    def current(self, node: Node, at: str) -> str:
        return at

    identity = current

    def literal(self, node: Node, at: str) -> str:
        return self.constant(node["value"])

    def field(self, node: Node, at: str) -> str:
        return self.let(f"{at}.get({node['value']!r}) if {at}.__class__ is dict else None")

    def subexpression(self, node: Node, at: str) -> str:
        for child in node["children"]:
            at = self.visit(child, at)
        return at

    index_expression = pipe = subexpression

    def index(self, node: Node, at: str) -> str:
        place = int(node["value"])
        reach = f">= {-place}" if place < 0 else f"> {place}"
        return self.let(f"{at}[{place}] if {at}.__class__ is list and len({at}) {reach} else None")

    def slice(self, node: Node, at: str) -> str:
        return self.let(f"{at}[{self.constant(slice(*node['children']))}] if {at}.__class__ is list else None")

    def comparator(self, node: Node, at: str) -> str:
        left, right = (self.visit(child, at) for child in node["children"])
        sign = SIGNS[node["value"]]
        if node["value"] in EQUALITY:  # 1 is not true; `True == 1` in Python
            same = f"{left} == {right} and ({left}.__class__ is bool) is ({right}.__class__ is bool)"
            return self.let(same if sign == "==" else f"not ({same})")
        both = f"{left}.__class__ in NUMBER and {right}.__class__ in NUMBER"
        return self.let(f"{left} {sign} {right} if {both} else {self.constant(ordered)}({sign!r}, {left}, {right})")

    def not_expression(self, node: Node, at: str) -> str:
        return self.let(_false(self.visit(node["children"][0], at)))

    def or_expression(self, node: Node, at: str) -> str:
        return self.either(node, at, _false)

    def and_expression(self, node: Node, at: str) -> str:
        return self.either(node, at, _true)

    def either(self, node: Node, at: str, goes_on: Callable[[str], str]) -> str:
        left, right = node["children"]
        answer = self.let(self.visit(left, at))
        with self.block(f"if {goes_on(answer)}:"):
            self.write(f"{answer} = {self.visit(right, at)}")
        return answer

    def multi_select_list(self, node: Node, at: str) -> str:
        answer = self.let("None")
        with self.block(f"if {at} is not None:"):
            parts = [self.visit(child, at) for child in node["children"]]
            self.write(f"{answer} = [{', '.join(parts)}]")
        return answer

    def multi_select_dict(self, node: Node, at: str) -> str:
        answer = self.let("None")
        with self.block(f"if {at} is not None:"):
            parts = [f"{pair['value']!r}: {self.visit(pair, at)}" for pair in node["children"]]
            self.write(f"{answer} = {{{', '.join(parts)}}}")
        return answer

    def key_val_pair(self, node: Node, at: str) -> str:
        return self.visit(node["children"][0], at)

    def flatten(self, node: Node, at: str) -> str:
        lists = self.visit(node["children"][0], at)
        with self.each(lists, "list") as (answer, item):
            self.write(f"{answer} += {item} if {item}.__class__ is list else ({item},)")
        return answer

    def projection(self, node: Node, at: str) -> str:
        with self.each(self.visit(node["children"][0], at), "list") as (answer, item):
            self.collect(node["children"][1], item, answer)
        return answer

    def value_projection(self, node: Node, at: str) -> str:
        with self.each(self.visit(node["children"][0], at), "dict") as (answer, item):
            self.collect(node["children"][1], item, answer)
        return answer

    def filter_projection(self, node: Node, at: str) -> str:
        left, right, condition = node["children"]
        with self.each(self.visit(left, at), "list") as (answer, item):
            fits = self.visit(condition, item)
            with self.block(f"if {_true(fits)}:"):
                self.collect(right, item, answer)
        return answer

    @contextmanager
    def each(self, values: str, kind: str) -> Iterator[tuple[str, str]]:
        """A loop over a list or the values of an object, by name; the answer is null where it is neither."""
        answer, item = self.let("None"), f"i{self.count}"
        with self.block(f"if {values}.__class__ is {kind}:"):
            self.write(f"{answer} = []")
            elements = f"{self.constant(in_order)}({values})" if kind == "dict" else values
            with self.block(f"for {item} in {elements}:"):
                yield answer, item

    def collect(self, node: Node, item: str, answer: str) -> None:
        found = self.visit(node, item)
        self.write(f"if {found} is not None: {answer}.append({found})")

    def function_expression(self, node: Node, at: str) -> str:
        args = [self.argument(child, at) for child in node["children"]]
        if node["value"] == "not_null":
            return self.let(" else ".join([*(f"{arg} if {arg} is not None" for arg in args), "None"]))
        return self.call(CALLS[node["value"]], *args)

    def argument(self, node: Node, at: str) -> str:
        return self.constant(_function(node["children"][0])) if node["type"] == "expref" else self.visit(node, at)

    def expref(self, node: Node, at: str) -> str:
        raise AssertionError("stands only in arguments, where `argument` takes it")


def _false(name: str) -> str:
    """What JMESPath takes for false: null, false and whatever is empty, but no number."""
    return f"not {name} and {name}.__class__ not in NUMBER"


def _true(name: str) -> str:
    return f"{name} or {name}.__class__ in NUMBER"
