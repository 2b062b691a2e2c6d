"""Which things hang together, directly or by way of others?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from crmsync.core.model import Both, Key, key_text

T = TypeVar("T", bound=Hashable)


def unordered(pair: Both[Key]) -> Both[Key]:
    """The pair with the smaller key text first: of two records of one side neither is the first."""
    first, second = pair
    return pair if key_text(first) <= key_text(second) else (second, first)


@dataclass(slots=True)
class Parts(Generic[T]):
    """Disjoint sets: whatever nobody has joined is a part of its own. (Union-find with path halving; Tarjan, 1975.)"""

    parent: dict[T, T] = field(default_factory=dict)

    def root(self, node: T) -> T:
        """The one member that stands for all of its part, until it is joined with another."""
        parent = self.parent
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, first: T, second: T) -> bool:
        """Makes one part of two; False where they were one already."""
        ends = self.root(first), self.root(second)
        self.parent[ends[0]] = ends[1]
        return ends[0] != ends[1]
