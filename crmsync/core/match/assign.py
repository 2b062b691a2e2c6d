"""Which pairs go together, when every record may have one counterpart at most? The heaviest set of pairs as a whole.

Exact, not greedy: shortest augmenting paths (Jonker and Volgenant, 1987) over the pairs there are, one connected
component at a time. Weights are whole numbers inside, so that equal is equal; between two sets of the same weight the
one with the first pair by key text wins, whatever the order of reading and whichever side is called the left one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, TypeAlias

from crmsync.core.model import Both, Key, key_text

BIGGEST: Final = 400  # records of one component; the time grows with its cube
PARTS: Final = 10**12  # weights are told apart to 12 decimals

Pair: TypeAlias = Both[Key]
Weights: TypeAlias = Mapping[Pair, int]


def assignment(edges: Sequence[tuple[Key, Key, float]]) -> set[Pair]:
    """The one-to-one pairs, (left, right), whose weights sum to the most; a pair of weight 0 or less is never one.

    Of a component of more than BIGGEST records, where an exact answer costs too much and so large a tangle is no
    evidence, only those pairs that outweigh every other pair of both their records.
    """
    weights: dict[Pair, int] = {}
    for left, right, weight in edges:
        weights[left, right] = max(weights.get((left, right), 0), round(weight * PARTS))
    found: set[Pair] = set()
    for component in _components({pair: weight for pair, weight in weights.items() if weight > 0}):
        records = len({pair[0] for pair in component}) + len({pair[1] for pair in component})
        found |= _clear_best(component) if records > BIGGEST else _heaviest(component)
    return found


def _components(weights: Weights) -> Iterator[Weights]:
    pairs_of: defaultdict[tuple[int, Key], list[Pair]] = defaultdict(list)
    for pair in weights:
        for side in (0, 1):
            pairs_of[side, pair[side]].append(pair)
    for start in list(pairs_of):
        component: dict[Pair, int] = {}
        waiting = [start]
        while waiting:
            for pair in pairs_of.pop(waiting.pop(), ()):
                component[pair] = weights[pair]
                waiting.extend(node for node in ((0, pair[0]), (1, pair[1])) if node in pairs_of)
        if component:
            yield component


def _clear_best(weights: Weights) -> set[Pair]:
    top: dict[tuple[int, Key], list[int]] = {}
    for pair, weight in weights.items():
        for node in ((0, pair[0]), (1, pair[1])):
            top[node] = sorted([*top.get(node, ()), weight])[-2:]
    return {
        pair
        for pair, weight in weights.items()
        if all(top[node] == [weight] or top[node][0] < weight == top[node][-1] for node in ((0, pair[0]), (1, pair[1])))
    }


# One component -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Board:
    """Who is paired with whom so far; left and right records are numbers. `costs[left][right]` is what a pair costs,
    below 0; every left record may stay alone, as if paired with a nobody of its own, at 0. A pair's cost less both its
    prices is never below 0, and is 0 where the pair is chosen."""

    costs: Sequence[Mapping[int, int]]
    chosen: dict[int, int]  # left by right
    left_price: list[int]
    right_price: defaultdict[int, int]


def _heaviest(weights: Weights) -> set[Pair]:
    if len(weights) == 1:
        return set(weights)
    lefts, rights = (sorted({pair[side] for pair in weights}, key=key_text) for side in (0, 1))
    costs = _costs(weights, lefts, rights)
    board = _Board(costs, {}, [min(row.values()) for row in costs], defaultdict(int))
    for left in range(len(lefts)):
        _augment(board, left)
    return {(lefts[left], rights[right]) for right, left in board.chosen.items() if right < len(rights)}


def _costs(weights: Weights, lefts: Sequence[Key], rights: Sequence[Key]) -> list[dict[int, int]]:
    """Right records come first, nobodies after them. A bonus breaks ties, for all pairs together less than one part:
    half of one for the first pair by key text, a quarter for the second, ..."""
    place = {key: number for number, key in enumerate(rights)}
    costs = {key: {len(rights) + number: 0} for number, key in enumerate(lefts)}
    for rank, pair in enumerate(sorted(weights, key=_by_text), 1):
        costs[pair[0]][place[pair[1]]] = -((weights[pair] << len(weights)) + (1 << (len(weights) - rank)))
    return [costs[key] for key in lefts]


def _by_text(pair: Pair) -> tuple[list[str], str]:
    texts = [key_text(key) for key in pair]
    return sorted(texts), texts[0]


def _augment(board: _Board, start: int) -> None:
    """Pair `start` by the cheapest path that re-pairs others on its way; then set the prices by how far they were."""
    reached, settled = {start: 0}, dict[int, int]()
    came: dict[int, int] = {}
    far: dict[int, int] = {}
    heap: list[tuple[int, int]] = []
    left = start
    while True:
        for right, cost in board.costs[left].items():
            there = reached[left] + cost - board.left_price[left] - board.right_price[right]
            if right not in far or there < far[right]:
                far[right], came[right] = there, left
                heappush(heap, (there, right))
        distance, end = _nearest(heap, settled)
        if end not in board.chosen:
            break
        settled[end] = distance
        left = board.chosen[end]
        reached[left] = distance
    for near, gone in reached.items():
        board.left_price[near] += distance - gone
    for right, gone in settled.items():
        board.right_price[right] += gone - distance
    _repair(board, start, end, came)


def _nearest(heap: list[tuple[int, int]], settled: Mapping[int, int]) -> tuple[int, int]:
    """Never empty: the nobody of the start is always there."""
    distance, right = heappop(heap)
    while right in settled:
        distance, right = heappop(heap)
    return distance, right


def _repair(board: _Board, start: int, end: int, came: Mapping[int, int]) -> None:
    right_of = {left: right for right, left in board.chosen.items()}
    while came[end] != start:
        board.chosen[end] = came[end]
        end = right_of[came[end]]
    board.chosen[end] = start
