"""At which line and column of a JSON file does a value stand?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from crmsync.core.model import At
from crmsync.project.yaml import Where, at_index

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^\s{}\[\],:"]+')
_HALF: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.S
)
_CHARACTER: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\?.", re.S
)


class Places(NamedTuple):
    """Where values and keys begin in a text that is JSON, in characters. `twice` are the keys that an object has
    already, each with the place of the first."""

    file: str
    text: str
    values: dict[Where, int]
    keys: dict[Where, int]
    twice: tuple[tuple[str, At, At], ...]

    def at(self, *where: str | int) -> At:
        """The place of a value, or of the nearest thing around it that is there."""
        return self._near(where, self.values)

    def key_at(self, *where: str | int) -> At:
        """The place of the key that leads to a value; of the value itself inside a list."""
        return self._near(where, self.keys)

    def inside(self, where: Where, offset: int, on_key: bool = False) -> At:
        """The place of the character `offset` (from 0) of the text that stands at `where`."""
        start = (self.keys if on_key else self.values).get(where)
        if start is None or self.text[start : start + 1] != '"':
            return self.at(*where)
        at = start + 1
        for _ in range(offset):
            found = _CHARACTER.match(self.text, at)
            at = found.end() if found else at
        return at_index(self.file, self.text, at)

    def _near(self, where: Where, first: dict[Where, int]) -> At:
        for size in range(len(where), -1, -1):
            start = first.get(where[:size], self.values.get(where[:size]))
            if start is not None:
                return at_index(self.file, self.text, start)
        return At(self.file)


def half_character(file: str, text: str) -> tuple[str, At] | None:
    """The first escape of a surrogate without its other half, which no text can hold, and its place."""
    found = next((each for each in _HALF.finditer(text) if each["half"]), None)
    return (found["half"], at_index(file, text, found.start())) if found else None


def places_of(file: str, text: str) -> Places:
    """Of a text that `json.loads` takes."""
    values: dict[Where, int] = {}
    keys: dict[Where, int] = {}
    twice: list[tuple[str, At, At]] = []
    for where, start, is_key in _walk(text):
        known = keys if is_key else values
        if is_key and where in known:
            twice.append((str(where[-1]), at_index(file, text, start), at_index(file, text, known[where])))
        known.setdefault(where, start)
    return Places(file, text, values, keys, tuple(twice))


def _walk(text: str) -> Iterator[tuple[Where, int, bool]]:
    """Every key and every value: the way to it, where it begins, and whether it is a key."""
    around: list[Where] = []  # the objects and lists that are open
    steps: list[str | int | None] = []  # of each: the key or the index whose value comes next, None before a key
    for found in _TOKEN.finditer(text):
        token, start = found[0], found.start()
        if token in "}]":
            around.pop()
            steps.pop()
        elif token == ",":
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else None
        elif steps and steps[-1] is None:
            key: str = json.loads(token)
            steps[-1] = key
            yield (*around[-1], key), start, True
        else:
            step = steps[-1] if steps else None
            where: Where = () if step is None else (*around[-1], step)
            yield where, start, False
            if token in "{[":
                around.append(where)
                steps.append(None if token == "{" else 0)
