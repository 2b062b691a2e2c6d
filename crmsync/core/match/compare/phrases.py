"""Which known phrase do these words begin or end with?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

SHORTEST: Final = 13
"""Letters of a phrase that tell it when the rest is cut off: spolecnost s ru."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Codes by spelling. Blanks do not matter: `s r o`, `s ro` and `sro` are one spelling. `ends` and `starts` hold
    all that a spelling can end or start with, so that a walk stops at the first word that leads nowhere."""

    codes: Mapping[str, str]
    ends: frozenset[str]
    starts: frozenset[str]

    @classmethod
    def of(cls, table: Mapping[str, str]) -> Phrases:
        """From a table of code -> folded spellings between commas. What is left of a long one that a column cut off is
        that phrase too; of two that begin alike, the first of the table."""
        spelled = [(text.split(), code) for code, spellings in table.items() for text in spellings.split(",")]
        whole = {"".join(words): code for words, code in spelled}
        parts = {cut: code for words, code in reversed(spelled) for cut in _cut_off(words)}
        return cls(
            parts | whole,
            frozenset(spelling[at:] for spelling in whole for at in range(len(spelling)))
            | frozenset(cut[at:] for words, _ in spelled for cut in _cut_off(words) for at in _starts(words)),
            frozenset(spelling[:at] for spelling in whole for at in range(1, len(spelling) + 1)),
        )


def _cut_off(words: Sequence[str]) -> Iterator[str]:
    spelling = "".join(words)
    return (spelling[:at] for at in range(SHORTEST, len(spelling)))


def _starts(words: Sequence[str]) -> Iterator[int]:
    """Where the words begin in a spelling without blanks."""
    return accumulate(map(len, words[:-1]), initial=0)


def at_end(words: Sequence[str], phrases: Phrases) -> tuple[str, int]:
    """Code of the longest phrase that ends the words, and how many words it takes; ("", 0) where there is none."""
    tail, code, taken = "", "", 0
    if not words or words[-1] not in phrases.ends:
        return code, taken
    for count in range(1, len(words) + 1):
        tail = words[-count] + tail
        if tail not in phrases.ends:
            break
        if tail in phrases.codes:
            code, taken = phrases.codes[tail], count
    return code, taken


def at_start(words: Sequence[str], phrases: Phrases, start: int = 0) -> tuple[str, int]:
    """The same for the longest phrase that begins with word number `start`."""
    head, code, taken = "", "", 0
    for count in range(1, len(words) - start + 1):
        head += words[start + count - 1]
        if head not in phrases.starts:
            break
        if head in phrases.codes:
            code, taken = phrases.codes[head], count
    return code, taken
