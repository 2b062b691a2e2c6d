"""Which texts match some patterns and do not match others?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crmsync.core.compat.choices import Choices, Simplest, happens, one_of
from crmsync.core.compat.regular.graph import Graph, State, Wanted, graph


@dataclass(frozen=True)
class Language:
    """All texts that match each of `patterns`, none of `barred`, and have `least` to `most` characters."""

    patterns: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None

    def is_empty(self) -> bool:
        """Raises Unregular where that cannot be told."""
        return self._graph.start not in self._graph.far

    def shortest(self) -> str | None:
        """The shortest text, the simplest among those; None where there is none. Raises Unregular."""
        if self.is_empty():
            return None
        return self.drawn(Simplest())

    def drawn(self, choices: Choices) -> str | None:
        """Some text of this language, None where there is none. Raises Unregular."""
        start, steps_of, far = self._graph
        state, text = start, ""
        if start not in far:
            return None
        while far[state] > 0 or self._goes_on(choices, state, text):
            steps = steps_of[state]
            if len(text) > _WANDERS or not happens(choices, 3):
                steps = [step for step in steps if far[step[1]] < far[state]] or steps
            letters, state = one_of(choices, steps)
            text += chr(one_of(choices, letters))
        return text

    def _goes_on(self, choices: Choices, state: State, text: str) -> bool:
        return bool(self._graph.steps[state]) and len(text) < _WANDERS and happens(choices, 4, of=3)

    @property
    def _graph(self) -> Graph:
        return graph(Wanted(self.patterns, self.barred, self.least, self.most))


_WANDERS: Final = 24
