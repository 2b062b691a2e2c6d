"""Which machine accepts the texts in which a pattern is found?"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from crmsync.core.contract.regex import ALL, Chars, Edge, Either, Node, Opaque, Ranges, Repeat, Sequence, read_regex

_NODES: Final = 3000
_SHORTHANDS: Final = (r"\d", r"\D", r"\w", r"\W", r"\s", r"\S")  # not portable, but we know how ours reads them


class Unregular(ValueError):
    """This pattern cannot be told apart here: it is not regular, not portable, or too large."""


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
    end = _part(machine, begun, _tree(pattern))
    machine.steps[end].append((ALL, end))
    return machine, end


def _tree(pattern: str) -> Node:
    regex = read_regex(pattern)
    if regex.tree is None or any(each.text not in _SHORTHANDS for each in regex.unportable):
        raise Unregular(pattern)
    return regex.tree


def _part(machine: Machine, start: int, node: Node) -> int:
    match node:
        case Chars():
            return machine.step(start, node.of)
        case Edge():
            end = machine.node()
            machine.skip(start, end, node.of)
            return end
        case Sequence():
            for part in node.parts:
                start = _part(machine, start, part)
            return start
        case Either():
            return _either(machine, start, node)
        case Repeat():
            return _repeat(machine, start, node)
        case Opaque():
            raise Unregular("it depends on what stands elsewhere")


def _repeat(machine: Machine, start: int, node: Repeat) -> int:
    if max(node.low, node.high or 0) > _NODES:
        raise Unregular("too many states")
    for _ in range(node.low):
        start = _part(machine, start, node.body)
    end = machine.node()
    machine.skip(start, end)
    if node.high is None:
        machine.skip(_part(machine, end, node.body), end)
        return end
    for _ in range(node.high - node.low):
        start = _part(machine, start, node.body)
        machine.skip(start, end)
    return end


def _either(machine: Machine, start: int, node: Either) -> int:
    end = machine.node()
    for option in node.options:
        begun = machine.node()
        machine.skip(start, begun)
        machine.skip(_part(machine, begun, option), end)
    return end
