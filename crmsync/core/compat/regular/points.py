"""Which code points?"""

from __future__ import annotations

from typing import Final, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Code points, as sorted ranges that do not touch; both ends included."""


def joined(ranges: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def others(ranges: Ranges) -> Ranges:
    edges = [-1, *(edge for low, high in ranges for edge in (low - 1, high + 1)), 0x110000]
    pairs = ((edges[0] + 1 if at == 0 else edges[at], edges[at + 1]) for at in range(0, len(edges), 2))
    gaps = [(low, high if high != 0x110000 else 0x10FFFF) for low, high in pairs]
    return _without_surrogates([(low, high) for low, high in gaps if low <= high])


def _without_surrogates(ranges: list[tuple[int, int]]) -> Ranges:
    """No text of JSON holds half of a pair."""
    parts = [(max(low, edge_low), min(high, edge_high)) for low, high in ranges for edge_low, edge_high in SCALARS]
    return joined([(low, high) for low, high in parts if low <= high])


SCALARS: Final = ((0, 0xD7FF), (0xE000, 0x10FFFF))
DIGITS: Final = ((0x30, 0x39),)
WORDS: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACES: Final = joined([
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
])  # fmt: skip
ANY: Final = others(((0x0A, 0x0A),))
ALL: Final = others(())
