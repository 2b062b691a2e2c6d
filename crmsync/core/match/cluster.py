"""Which records of one system are the same thing, and which of them should live on?

Links make components; a component that hangs together by a thread is cut there, and the cut is told. Two records that
are known to be different and yet are linked by way of others are shown with the way: a person decides, never we.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

from crmsync.core.match.parts import Parts, unordered
from crmsync.core.model import Both, Key, key_text

COHESION: Final = 0.5  # a cluster whose pairs are less alike on average is cut; a chain of three links holds

Pair: TypeAlias = Both[Key]
Scores: TypeAlias = Mapping[Pair, float]
Tree: TypeAlias = Mapping[Key, Key]  # the next record towards the root, which has none


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two members that are not the same, and the shortest way by links from the first to the second."""

    pair: Pair
    path: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """`cohesion`: the mean score of all pairs of members, 0 for a pair that was not compared or is forbidden. `weakest`
    is the pair with the lowest. `cut`: links to records that were left outside for want of cohesion."""

    members: tuple[Key, ...]
    cohesion: float
    weakest: Pair
    contradictions: tuple[Contradiction, ...] = ()
    cut: tuple[Pair, ...] = ()

    @property
    def contradictory(self) -> bool:
        return bool(self.contradictions)


def clusters(
    pairs: Iterable[tuple[Key, Key, float]],
    forbidden: Collection[Pair],
    link_at: float,
    cohesion: float = COHESION,
) -> list[Cluster]:
    """Clusters of two members and more, sorted; no record is in two of them.

    `pairs`: scores, 0 to 1, of all pairs that were compared, either way round; a score from `link_at` up links.
    `forbidden`: pairs that a person judged different, or whose identifiers contradict; they never link, and where both
    are members the cluster is contradictory. A component whose mean score is below `cohesion` is cut in two where the
    parts are least alike on average, and so on.
    """
    barred = {unordered(pair) for pair in forbidden if pair[0] != pair[1]}
    scores = _scores(pairs, barred)
    links = [pair for pair, score in scores.items() if score >= link_at]
    groups = [
        group
        for group, inside in _sorted_out(_components(links), scores)
        for group in _cohesive(group, inside, link_at, cohesion)
    ]
    large = _paired([group for group in groups if len(group) > 1], links)
    home = {key: number for number, group in enumerate(large) for key in group}
    clashes = _by_home(barred, home)
    cut = _by_home(links, home, across=True)
    found = [
        _cluster(group, inside, link_at, clashes.get(number, ()), cut.get(number, ()))
        for number, (group, inside) in enumerate(_sorted_out(large, scores))
    ]
    return sorted(found, key=lambda each: [key_text(key) for key in each.members])


def _paired(groups: list[frozenset[Key]], links: Sequence[Pair]) -> list[frozenset[Key]]:
    """With the links between two records that were both left alone by a cut, the most alike first."""
    taken = {key for group in groups for key in group}
    found = list(groups)
    for pair in links:
        if taken.isdisjoint(pair):
            taken.update(pair)
            found.append(frozenset(pair))
    return found


def _scores(pairs: Iterable[tuple[Key, Key, float]], barred: Collection[Pair]) -> dict[Pair, float]:
    found: dict[Pair, float] = {}
    for first, second, score in pairs:
        pair = unordered((first, second))
        if first != second and pair not in barred:
            found[pair] = max(score, found.get(pair, 0.0))
    return dict(sorted(found.items(), key=lambda each: (-each[1], _texts(each[0]))))


def _neighbours(links: Iterable[Pair]) -> dict[Key, list[Key]]:
    """Sorted by key text."""
    found: defaultdict[Key, list[Key]] = defaultdict(list)
    for first, second in links:
        found[first].append(second)
        found[second].append(first)
    return {key: sorted(others, key=key_text) for key, others in found.items()}


def _components(links: Iterable[Pair]) -> list[frozenset[Key]]:
    near, seen, found = _neighbours(links), set[Key](), []
    for start in near:
        if start not in seen:
            component = frozenset(_towards(start, near))
            seen |= component
            found.append(component)
    return found


def _towards(start: Key, near: Mapping[Key, Sequence[Key]]) -> dict[Key, Key]:
    """For every record in reach the next one on the shortest way back to the start; the start's is itself."""
    back, waiting = {start: start}, [start]
    for key in waiting:
        fresh = [other for other in near.get(key, ()) if other not in back]
        back.update(dict.fromkeys(fresh, key))
        waiting.extend(fresh)
    return back


def _sorted_out(groups: Sequence[frozenset[Key]], scores: Scores) -> list[tuple[frozenset[Key], dict[Pair, float]]]:
    """Every group with the scores inside it. No record is in two groups."""
    home = {key: number for number, group in enumerate(groups) for key in group}
    inside: list[dict[Pair, float]] = [{} for _ in groups]
    for pair, score in scores.items():
        number = home.get(pair[0])
        if number is not None and number == home.get(pair[1]):
            inside[number][pair] = score
    return list(zip(groups, inside, strict=True))


# Cutting -------------------------------------------------------------------------------------------


def _cohesive(group: frozenset[Key], inside: Scores, link_at: float, cohesion: float) -> Iterator[frozenset[Key]]:
    waiting = [(group, inside)]
    while waiting:
        group, inside = waiting.pop()
        if sum(inside.values()) >= cohesion * _pairs(group):
            yield group
        else:
            waiting.extend(_sorted_out(_cut(inside, link_at), inside))


def _pairs(group: Collection[Key]) -> int:
    return len(group) * (len(group) - 1) // 2


def _cut(inside: Scores, link_at: float) -> Both[frozenset[Key]]:
    """The two parts, at both ends of one link of the strongest tree, whose pairs across have the lowest mean score."""
    near = _neighbours(_strongest_tree(pair for pair, score in inside.items() if score >= link_at))
    back = _towards(min(near, key=key_text), near)
    across, size = _across(inside, back), _sizes(back)
    lower = min(
        (key for key, above in back.items() if key != above),
        key=lambda key: (across[key] / (size[key] * (len(back) - size[key])), key_text(key)),
    )
    below = {lower}
    for key, above in back.items():  # nearer ones come first
        if above in below:
            below.add(key)
    return frozenset(below), frozenset(back) - below


def _strongest_tree(links: Iterable[Pair]) -> Iterator[Pair]:
    """Kruskal's: of links in falling order, those that join two parts."""
    parts: Parts[Key] = Parts()
    return (pair for pair in links if parts.join(*pair))


def _across(inside: Scores, back: Tree) -> dict[Key, float]:
    """For the link from every record towards the root: the sum of the scores of the pairs that it keeps together."""
    depth: dict[Key, int] = {}
    for key, above in back.items():
        depth[key] = depth.get(above, -1) + 1
    found = dict.fromkeys(back, 0.0)
    for (first, second), score in inside.items():
        while first != second:
            if depth[first] < depth[second]:
                first, second = second, first
            found[first] += score
            first = back[first]
    return found


def _sizes(back: Tree) -> dict[Key, int]:
    """How many records each one keeps with itself when its link towards the root is cut."""
    found = dict.fromkeys(back, 1)
    for key, above in reversed(list(back.items())):
        if key != above:
            found[above] += found[key]
    return found


# Telling -------------------------------------------------------------------------------------------


def _by_home(pairs: Iterable[Pair], home: Mapping[Key, int], across: bool = False) -> dict[int, list[Pair]]:
    """The pairs inside every group, or those that lead out of it."""
    found: defaultdict[int, list[Pair]] = defaultdict(list)
    for pair in sorted(pairs, key=_texts):
        first, second = (home.get(key) for key in pair)
        if (first != second) == across:
            for number in {number for number in (first, second) if number is not None}:
                found[number].append(pair)
    return found


def _texts(pair: Pair) -> Both[str]:
    return key_text(pair[0]), key_text(pair[1])


def _cluster(
    group: frozenset[Key], inside: Scores, link_at: float, clashes: Sequence[Pair], cut: Sequence[Pair]
) -> Cluster:
    members = tuple(sorted(group, key=key_text))
    near = _neighbours(pair for pair, score in inside.items() if score >= link_at)
    return Cluster(
        members,
        round(sum(inside.values()) / _pairs(group), 4),
        _weakest(members, inside),
        tuple(Contradiction(pair, _path(pair, near)) for pair in clashes),
        tuple(cut),
    )


def _weakest(members: Sequence[Key], inside: Scores) -> Pair:
    if len(inside) < _pairs(members):
        return next(pair for pair in combinations(members, 2) if pair not in inside)
    return min(inside, key=lambda pair: (inside[pair], _texts(pair)))


def _path(pair: Pair, near: Mapping[Key, Sequence[Key]]) -> tuple[Key, ...]:
    back, path = _towards(pair[1], near), [pair[0]]
    while path[-1] != pair[1]:
        path.append(back[path[-1]])
    return tuple(path)


# Survival ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """What decides which record of a cluster lives on. `filled`: how many of its fields are not empty; `modified`:
    seconds since the epoch, None where unknown."""

    key: Key
    linked: bool
    filled: int
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Survivor:
    key: Key
    reason: str


def survivor(members: Sequence[Member]) -> Survivor:
    """Which of the members should live on, and what decided it: a linked one before others, then the one with most
    fields filled, then the one modified last, then the one with the lowest key (numbers count as numbers): it is most
    likely the oldest. Raises ValueError where there are none."""
    if not members:
        raise ValueError("a cluster without members has no survivor")
    first, *others = sorted(members, key=_rank)
    if not others:
        return Survivor(first.key, "the only record")
    return Survivor(first.key, _why(first, others[0]))


def _rank(member: Member) -> tuple[bool, int, bool, float, tuple[tuple[bool, int, str], ...]]:
    parts = tuple(
        (isinstance(part, str), 0, part) if isinstance(part, str) else (False, part, "") for part in member.key
    )
    return not member.linked, -member.filled, member.modified is None, -(member.modified or 0.0), parts


def _why(first: Member, second: Member) -> str:
    if first.linked != second.linked:
        return "the only linked record"
    among = "of the linked records " if first.linked else ""
    if first.filled != second.filled:
        return f"{among}the most complete: {first.filled} fields filled, the next one {second.filled}"
    if first.modified != second.modified:
        return f"{among}as complete as the next one, and modified later"
    return f"{among}as complete as the next one and no older; the lower key"
