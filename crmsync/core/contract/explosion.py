"""May a backtracking validator need exponential time for a regular expression?

It does where one text can be matched in exponentially many ways by a loop, and the match can still fail behind it:
`^(a+)+$`. Ours does not backtrack; but a contract is read by others, too. The loops are looked at as an automaton whose
states are the characters of the expression (Glushkov): there are exponentially many ways exactly where two different
ways lead from a state back to it with one text (Weideman et al., "Analyzing matching time behavior of backtracking
regular expression matchers", 2016).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

from crmsync.core.contract.regex import (
    END,
    Chars,
    Edge,
    Either,
    Node,
    Opaque,
    Ranges,
    Repeat,
    Sequence,
    overlap,
    read_regex,
)

_STATES: Final = 400
_PAIRS: Final = 20_000
_MANY: Final = 10  # so many rounds of a loop over a loop are as good as endless ones

State: TypeAlias = int
Pair: TypeAlias = tuple[State, State]


def exploding_loop(pattern: str) -> str | None:
    """The text of the loop that makes it explode, or None. Silent where it cannot be sure."""
    tree = read_regex(pattern).tree
    if tree is None:
        return None
    try:
        automaton = _Automaton(tree)
    except _TooMuch:
        return None
    loops = [pattern[start:end] for start, end in automaton.guilty()]
    return min(loops, key=lambda loop: (len(loop), loop), default=None)


class _TooMuch(Exception):
    """Too large, or with something in a loop that depends on what stands elsewhere."""


class _Part(NamedTuple):
    """States that a part may begin and end with; whether it may be empty."""

    first: tuple[State, ...]
    last: tuple[State, ...]
    empty: bool


_NOTHING: Final = _Part((), (), True)


class _Automaton:
    def __init__(self, tree: Node) -> None:
        self.chars: list[Ranges] = []
        self.steps: Counter[Pair] = Counter()
        self.loops: list[tuple[tuple[int, int], frozenset[State]]] = []
        self._depth = 0
        self._overlaps: dict[Pair, bool] = {}
        self.last = frozenset(self._part(tree).last)

    # Made from the tree ---------------------------------------------------------------------------------------

    def _part(self, node: Node) -> _Part:
        match node:
            case Chars():
                return self._state(node.of)
            case Edge():
                return self._state(END) if node.of == "$" else _NOTHING
            case Sequence():
                return self._joined(map(self._part, node.parts))
            case Either():
                parts = [self._part(option) for option in node.options]
                first = tuple(state for part in parts for state in part.first)
                last = tuple(state for part in parts for state in part.last)
                return _Part(first, last, any(part.empty for part in parts))
            case Repeat():
                return self._repeated(node)
            case Opaque():
                if self._depth:
                    raise _TooMuch
        return _NOTHING

    def _state(self, chars: Ranges) -> _Part:
        if len(self.chars) == _STATES:
            raise _TooMuch
        self.chars.append(chars)
        made = (len(self.chars) - 1,)
        return _Part(made, made, False)

    def _joined(self, parts: Iterable[_Part]) -> _Part:
        whole = _NOTHING
        for part in parts:
            self.steps.update((one, two) for one in whole.last for two in part.first)
            first = whole.first + part.first if whole.empty else whole.first
            last = whole.last + part.last if part.empty else part.last
            whole = _Part(first, last, whole.empty and part.empty)
        return whole

    def _repeated(self, node: Repeat) -> _Part:
        endless = node.high is None or (node.high >= _MANY and _has_choice(node.body))
        if not endless:
            return self._counted(node.body, node.low, node.high or 0)
        before = self._counted(node.body, node.low - 1, node.low - 1) if node.low > 1 else _NOTHING
        self._depth += 1
        states = len(self.chars)
        loop = self._part(node.body)
        self._depth -= 1
        self.steps.update((one, two) for one in loop.last for two in loop.first)
        self.loops.append(((node.start, node.end), frozenset(range(states, len(self.chars)))))
        return self._joined((before, loop._replace(empty=loop.empty or not node.low)))

    def _counted(self, body: Node, low: int, high: int) -> _Part:
        """As `body body (body (body)?)?`."""
        if high > _STATES:
            raise _TooMuch
        rest = _NOTHING
        for _ in range(high - low):
            rest = self._joined((self._part(body), rest))._replace(empty=True)
        return self._joined((*(self._part(body) for _ in range(low)), rest))

    # Asked ----------------------------------------------------------------------------------------------------

    def guilty(self) -> Iterator[tuple[int, int]]:
        """Where the loops stand that can take one text in two ways, and behind which the match may still fail."""
        for one, two in self.steps:
            around = self._loops_around({one, two})
            if self.steps[one, two] > 1 and one not in self.last and around:
                yield around[min(1, len(around) - 1)]
        for _, states in self._outermost():
            for one, two in self._apart(states):
                if not self.last & {one, two}:
                    yield self._loops_around({one, two})[0]

    def _loops_around(self, states: set[State]) -> list[tuple[int, int]]:
        """Their places, the innermost first."""
        return sorted(
            (place for place, inside in self.loops if states <= inside), key=lambda place: place[1] - place[0]
        )

    def _outermost(self) -> Iterator[tuple[tuple[int, int], frozenset[State]]]:
        """From each state of such a loop there is a way to every other one."""
        for loop in self.loops:
            if not any(loop[1] < other[1] for other in self.loops):
                yield loop

    def _apart(self, states: frozenset[State]) -> set[Pair]:
        """The pairs of different states that one text may lead to, from one state of the loop and back to one."""
        after: dict[Pair, list[Pair]] = {}
        before: dict[Pair, list[Pair]] = {}
        same = [(state, state) for state in sorted(states)]
        todo = list(same)
        while todo:
            pair = todo.pop()
            if pair in after:
                continue
            if len(after) > _PAIRS:
                return set()
            after[pair] = [each for each in self._pairs_after(pair) if states.issuperset(each)]
            for each in after[pair]:
                before.setdefault(each, []).append(pair)
            todo += after[pair]
        back, todo = set(), list(same)
        while todo:
            pair = todo.pop()
            if pair not in back:
                back.add(pair)
                todo += before.get(pair, ())
        return {(one, two) for one, two in back if one != two}

    def _pairs_after(self, pair: Pair) -> Iterator[Pair]:
        for one in self._after.get(pair[0], ()):
            for two in self._after.get(pair[1], ()):
                if self._overlap(self._kind[one], self._kind[two]):
                    yield (one, two) if one <= two else (two, one)

    @cached_property
    def _after(self) -> Mapping[State, list[State]]:
        after: dict[State, list[State]] = {}
        for one, two in sorted(self.steps):
            after.setdefault(one, []).append(two)
        return after

    @cached_property
    def _kind(self) -> list[int]:
        """By state: a number for its set of characters."""
        numbers: dict[Ranges, int] = {}
        return [numbers.setdefault(chars, len(numbers)) for chars in self.chars]

    def _overlap(self, one: int, two: int) -> bool:
        if (one, two) not in self._overlaps:
            first, second = self.chars[self._kind.index(one)], self.chars[self._kind.index(two)]
            self._overlaps[one, two] = overlap(first, second)
        return self._overlaps[one, two]


def _has_choice(node: Node) -> bool:
    """May it take one text in more than one way, or texts of several lengths?"""
    match node:
        case Repeat():
            return node.low != node.high or _has_choice(node.body)
        case Sequence():
            return any(map(_has_choice, node.parts))
        case Either():
            return True
    return False
