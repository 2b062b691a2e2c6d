"""Which machine accepts the texts in which a pattern is found?"""

from __future__ import annotations

import re._constants as code  # type: ignore[import-not-found]  # typeshed leaves both out; 3.11 on has them
import re._parser as parser  # type: ignore[import-not-found]  # likewise
import warnings
from functools import lru_cache
from typing import Any, Final

from crmsync.core.compat.regular.points import ALL, ANY, DIGITS, SPACES, WORDS, Ranges, joined, others

_NODES: Final = 3000


class Unregular(ValueError):
    """This pattern cannot be told apart here: it is not regular, not portable, or too large."""


_CLASSES: Final[dict[Any, Ranges]] = {
    code.CATEGORY_DIGIT: DIGITS, code.CATEGORY_NOT_DIGIT: others(DIGITS),
    code.CATEGORY_WORD: WORDS, code.CATEGORY_NOT_WORD: others(WORDS),
    code.CATEGORY_SPACE: SPACES, code.CATEGORY_NOT_SPACE: others(SPACES),
}  # fmt: skip

_FOREIGN: Final = (r"\A", r"\Z", r"\b", r"\B", r"\0", r"\p", r"\P", "[]", "[^]", "(?P", "&&", "[[", "--", "~~", "||")


class Machine:
    """A nondeterministic machine: steps by code points, and steps that need nothing, the beginning or the end."""

    def __init__(self) -> None:
        self.steps: list[list[tuple[Ranges, int]]] = []
        self.free: list[list[tuple[str, int]]] = []

    def node(self) -> int:
        if len(self.steps) >= _NODES:
            raise Unregular("too many states")
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1

    def skip(self, start: int, end: int, needs: str = "") -> None:
        self.free[start].append((needs, end))

    def step(self, start: int, ranges: Ranges) -> int:
        end = self.node()
        self.steps[start].append((ranges, end))
        return end

    def closed(self, nodes: frozenset[int], allowed: str) -> frozenset[int]:
        """These nodes and all that are reached from them for free."""
        found, todo = set(nodes), list(nodes)
        while todo:
            for needs, end in self.free[todo.pop()]:
                if needs in allowed and end not in found:
                    found.add(end)
                    todo.append(end)
        return frozenset(found)


def machine_of(pattern: str) -> tuple[Machine, int]:
    """The machine of all texts in which `pattern` is found; node 0 begins, the other one accepts. Raises Unregular."""
    found = _machine_or_why_not(pattern)
    if isinstance(found, str):
        raise Unregular(found)
    return found


@lru_cache(maxsize=512)
def _machine_or_why_not(pattern: str) -> tuple[Machine, int] | str:
    """As `machine_of`; that there is none is remembered, too."""
    try:
        return _machine(pattern)
    except Unregular as error:
        return str(error)


def _machine(pattern: str) -> tuple[Machine, int]:
    machine = Machine()
    start = machine.node()
    machine.steps[start].append((ALL, start))
    begun = machine.node()
    machine.skip(start, begun)
    end = _sequence(machine, begun, _parsed(pattern))
    machine.steps[end].append((ALL, end))
    return machine, end


def _parsed(pattern: str) -> Any:
    if any(each in pattern for each in _FOREIGN) or _is_special(pattern):
        raise Unregular(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return parser.parse(pattern)
        except (parser.error, OverflowError, RecursionError, FutureWarning, DeprecationWarning) as error:
            raise Unregular(pattern) from error


def _is_special(pattern: str) -> bool:
    """Whether a group of it is anything but plain: `(?:` alone means the same everywhere."""
    return "(?" in pattern.replace("(?:", "")


def _sequence(machine: Machine, start: int, parsed: Any) -> int:
    for kind, value in parsed:
        start = _part(machine, start, kind, value)
    return start


def _part(machine: Machine, start: int, kind: Any, value: Any) -> int:
    ranges = _ranges(kind, value)
    if ranges is not None:
        return machine.step(start, ranges)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        return _repeat(machine, start, value)
    if kind is code.SUBPATTERN and not value[1] and not value[2]:
        return _sequence(machine, start, value[3])
    if kind is code.BRANCH:
        return _branch(machine, start, value[1])
    if kind is code.AT and value in _ANCHORS:
        end = machine.node()
        machine.skip(start, end, _ANCHORS[value])
        return end
    raise Unregular(str(kind))


_ANCHORS: Final[dict[Any, str]] = {code.AT_BEGINNING: "^", code.AT_END: "$"}


def _repeat(machine: Machine, start: int, value: Any) -> int:
    least, most, body = value
    for _ in range(least):
        start = _sequence(machine, start, body)
    end = machine.node()
    machine.skip(start, end)
    if most is code.MAXREPEAT:
        machine.skip(_sequence(machine, end, body), end)
        return end
    for _ in range(most - least):
        start = _sequence(machine, start, body)
        machine.skip(start, end)
    return end


def _branch(machine: Machine, start: int, branches: Any) -> int:
    end = machine.node()
    for branch in branches:
        begun = machine.node()
        machine.skip(start, begun)
        machine.skip(_sequence(machine, begun, branch), end)
    return end


def _ranges(kind: Any, value: Any) -> Ranges | None:
    if kind is code.LITERAL:
        return ((value, value),)
    if kind is code.NOT_LITERAL:
        return others(((value, value),))
    if kind is code.ANY:
        return ANY
    if kind is not code.IN:
        return None
    negated = bool(value) and value[0][0] is code.NEGATE
    found = joined([each for item in value[negated:] for each in _set_part(*item)])
    return others(found) if negated else found


def _set_part(kind: Any, value: Any) -> Ranges:
    if kind is code.LITERAL:
        return ((value, value),)
    if kind is code.RANGE:
        return (value,)
    if kind is code.CATEGORY and value in _CLASSES:
        return _CLASSES[value]
    raise Unregular(str(kind))
