"""How are kinds, values and choices put into words?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from crmsync.core.model import Json
from crmsync.core.types.notation import literal

SAID: Final = {
    "null": "null", "boolean": "a boolean", "number": "a number", "text": "text", "list": "a list",
    "object": "an object", "absent": "null or absent",
}  # fmt: skip
_MANY: Final = 300
_NEAR: Final = 10


def said(kinds: Iterable[str]) -> str:
    """`text or null`, and for the words of `calls.fit`: `a list with null in it`."""
    words = [SAID.get(kind) or f"a list with {SAID[kind.removeprefix('list of ')]} in it" for kind in kinds]
    return " or ".join(words) or "nothing"


def closest(word: str, names: Sequence[str]) -> str | None:
    """`names` are sorted."""
    if len(names) > _MANY:  # too many to measure each: those that begin alike
        near = bisect_left(names, word)
        names = names[max(near - _NEAR, 0) : near + _NEAR]
    found = get_close_matches(word, names, 1, 0.6)
    return found[0] if found else None


def choose(word: str, names: Sequence[str], what: str = "there are") -> str:
    """The mend for a name that is not among `names`, which are sorted."""
    near = closest(word, names)
    question = f"did you mean {near!r}? " if near is not None else ""
    more = ", ..." if len(names) > 20 else ""
    return question + (f"{what}: {', '.join(names[:20])}{more}" if names else f"{what} none")


def shown(value: Json) -> str:
    """A value for a message, as an expression would write it."""
    text = literal(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(values: Sequence[Json], most: int = 20) -> str:
    more = ", ..." if len(values) > most else ""
    return ", ".join(str(value) if isinstance(value, str) else shown(value) for value in values[:most]) + more
