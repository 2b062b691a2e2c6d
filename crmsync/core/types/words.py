"""How are kinds, values and choices put into words?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from crmsync.core.model import Json, to_json
from crmsync.core.types.notation import literal

SAID: Final = {
    "null": "null", "boolean": "a boolean", "number": "a number", "text": "text", "list": "a list",
    "object": "an object", "absent": "null or absent",
}  # fmt: skip


def said(kinds: Iterable[str]) -> str:
    """`text or null`, and for the words of `calls.fit`: `a list with null in it`."""
    words = [SAID.get(kind) or f"a list with {SAID[kind.removeprefix('list of ')]} in it" for kind in kinds]
    return " or ".join(words) or "nothing"


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
