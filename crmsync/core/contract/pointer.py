"""Which way does a JSON pointer go (RFC 6901), and which pointer goes this way?"""

from __future__ import annotations

from collections.abc import Iterable


def pointer_to(place: Iterable[str | int]) -> str:
    """`/properties/a~1b/0`; "" leads to the whole document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


def steps_of(pointer: str) -> list[str]:
    """Its names and indexes, all as text: which of them is an index, only the document tells."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
