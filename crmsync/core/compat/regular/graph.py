"""Where do several machines get to at once, and how far is it from there to the end?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from crmsync.core.compat.regular.machine import Machine, Unregular, machine_of
from crmsync.core.contract.regex import Ranges

_STATES: Final = 3000
_LENGTH: Final = 300  # a bound beyond it is for the validator to judge, not for states to count
_SCALARS: Final = ((0, 0xD7FF), (0xE000, 0x10FFFF))  # no text of JSON holds half of a pair

Step: TypeAlias = tuple[tuple[int, ...], "State"]
"""Letters to choose from, simplest first, and where they lead."""


class Wanted(NamedTuple):
    """Texts that match each of `patterns`, none of `barred`, and have `least` to `most` characters."""

    patterns: tuple[str, ...]
    barred: tuple[str, ...]
    least: int
    most: int | None


class State(NamedTuple):
    begun: bool
    length: int
    nodes: tuple[frozenset[int], ...]


class Graph(NamedTuple):
    start: State
    steps: dict[State, list[Step]]
    far: dict[State, int]  # how many letters still needed; nothing for a state that leads nowhere


def graph(wanted: Wanted) -> Graph:
    """Raises Unregular."""
    found = _graph_or_why_not(wanted)
    if isinstance(found, str):
        raise Unregular(found)
    return found


@lru_cache(maxsize=256)
def _graph_or_why_not(wanted: Wanted) -> Graph | str:
    """As `graph`; that there is none is remembered, too."""
    try:
        return _graph(wanted)
    except Unregular as error:
        return str(error)


def _graph(wanted: Wanted) -> Graph:
    machines = [machine_of(pattern) for pattern in (*wanted.patterns, *wanted.barred)]
    atoms = _atoms([machine for machine, _ in machines])
    first = tuple(machine.closed(frozenset({0}), "^") for machine, _ in machines)
    start = State(False, 0, first)
    steps: dict[State, list[Step]] = {start: []}
    accepting: list[State] = []
    todo = [start]
    while todo:
        state = todo.pop()
        if _accepts(wanted, machines, state):
            accepting.append(state)
        for letters, after in _after(wanted, machines, atoms, state):
            steps[state].append((letters, after))
            if after not in steps:
                steps[after] = []
                todo.append(after)
        if len(steps) > _STATES:
            raise Unregular("too many states")
    far = _distances(steps, accepting)
    leading = {state: [step for step in after if step[1] in far] for state, after in steps.items()}
    return Graph(start, {state: sorted(after, key=lambda s: far[s[1]]) for state, after in leading.items()}, far)


def _accepts(wanted: Wanted, machines: list[tuple[Machine, int]], state: State) -> bool:
    if state.length < min(wanted.least, _LENGTH):
        return False
    allowed = "$" if state.begun else "^$"
    found = [end in machine.closed(nodes, allowed) for (machine, end), nodes in zip(machines, state.nodes, strict=True)]
    count = len(wanted.patterns)
    return all(found[:count]) and not any(found[count:])


def _after(wanted: Wanted, machines: list[tuple[Machine, int]], atoms: list[Ranges], state: State) -> Iterator[Step]:
    top = _counted(wanted)
    if wanted.most is not None and state.length >= wanted.most:
        return
    for atom in atoms:
        nodes = tuple(_moved(machine, at, atom[0][0]) for (machine, _), at in zip(machines, state.nodes, strict=True))
        if all(nodes[: len(wanted.patterns)]):
            yield _letters(atom), State(True, min(state.length + 1, top), nodes)


def _counted(wanted: Wanted) -> int:
    """How far lengths need to be counted."""
    bounds = [wanted.least, wanted.most or 0]
    if max(bounds) > _LENGTH:
        raise Unregular("too long")
    return max(bounds)


def _moved(machine: Machine, nodes: frozenset[int], point: int) -> frozenset[int]:
    found = {
        end
        for node in nodes
        for ranges, end in machine.steps[node]
        if any(low <= point <= high for low, high in ranges)
    }
    return machine.closed(frozenset(found), "")


def _atoms(machines: list[Machine]) -> list[Ranges]:
    """The code points, sorted into classes that no machine tells apart; what is easily read comes first."""
    edges = {low for low, _ in _SCALARS} | {high + 1 for _, high in _SCALARS}
    sets = {ranges for machine in machines for steps in machine.steps for ranges, _ in steps}
    edges |= {edge for ranges in sets for low, high in ranges for edge in (low, high + 1)}
    groups: dict[tuple[bool, ...], list[tuple[int, int]]] = {}
    ordered = sorted(sets)
    for low, after in pairwise(sorted(edges)):
        if any(first <= low <= last for first, last in _SCALARS):
            sign = tuple(any(first <= low <= last for first, last in ranges) for ranges in ordered)
            groups.setdefault(sign, []).append((low, after - 1))
    atoms = [tuple(parts) for parts in groups.values()]
    return sorted(atoms, key=lambda atom: _plainness(_letters(atom)[0]))


_PLAIN: Final = "aAb0z9Z -_.@/áž"
_STRANGE: Final = "ľŁщ\u05d0\u0645漢😀\u0301\n\t\u00a0"


@lru_cache(maxsize=4096)
def _letters(atom: Ranges) -> tuple[int, ...]:
    """Some of its code points, the plainest first: familiar ones, the edges, and letters of other scripts."""
    edges = [edge for low, high in (*atom[:4], *atom[-2:]) for edge in (low, high)]
    printable = [low + offset for low, high in atom[:6] for offset in (1, 2) if low + offset <= high]
    familiar = [ord(each) for each in _PLAIN + _STRANGE]
    inside = [point for point in familiar if any(low <= point <= high for low, high in atom)]
    return tuple(sorted(dict.fromkeys([*inside, *edges, *printable]), key=_plainness)[:24])


def _plainness(point: int) -> tuple[int, int]:
    letter = chr(point)
    at = _PLAIN.find(letter)
    return (0, at) if at >= 0 else (1 if 0x20 < point < 0x7F else 2, point)


def _distances(steps: dict[State, list[Step]], accepting: list[State]) -> dict[State, int]:
    before: dict[State, list[State]] = {}
    for state, after in steps.items():
        for _, end in after:
            before.setdefault(end, []).append(state)
    far, todo = dict.fromkeys(accepting, 0), list(accepting)
    for state in todo:
        for earlier in before.get(state, ()):
            if earlier not in far:
                far[earlier] = far[state] + 1
                todo.append(earlier)
    return far
