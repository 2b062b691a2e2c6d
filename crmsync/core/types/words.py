"""How are kinds, values and choices put into words?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from crmsync.core.model import Json, to_json
from crmsync.core.types.notation import literal

SAID: Final = {
    "null": "null", "boolean": "a boolean", "number": "a number", "text": "text", "list": "a list",
    "object": "an object", "absent": "null or absent",
}  # fmt: skip
_FEW: Final = 30
_NEAR: Final = 5
_ALIKE: Final = 0.6


def said(kinds: Iterable[str]) -> str:
    """`text or null`, and for the words of `calls.fit`: `a list with null in it`."""
    words = [SAID.get(kind) or f"a list with {SAID[kind.removeprefix('list of ')]} in it" for kind in kinds]
    return " or ".join(words) or "nothing"


def closest(word: str, names: Sequence[str]) -> str | None:
    """The one of `names`, which are sorted, that somebody may have meant; None where none is like it."""
    near = names if len(names) <= _FEW else _nearest(word, names)
    found = get_close_matches(word, near, 1, _ALIKE)
    return found[0] if found else None


def _nearest(word: str, names: Sequence[str]) -> list[str]:
    """Those with the longest common subsequences: `get_close_matches`, which never finds more in common, is slow."""
    from rapidfuzz.distance.Indel import normalized_similarity
    from rapidfuzz.process import extract  # only a mistake among many names needs it

    return [name for name, _, _ in extract(word, names, scorer=normalized_similarity, limit=_NEAR, score_cutoff=_ALIKE)]


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


def brief(value: Json) -> str:
    """`shown`, or how long it is."""
    if isinstance(value, str) and len(value) > 40:
        return f"a text of {len(value)} characters"
    if isinstance(value, list) and len(to_json(value)) > 60:
        return f"a list of {len(value)}"
    return shown(value)
