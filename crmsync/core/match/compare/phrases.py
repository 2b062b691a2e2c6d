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
    """Codes by all that a spelling can end or start with, so that a walk stops at the first word that leads nowhere: ""
    by what is no whole spelling. Blanks do not matter: `s r o`, `s ro` and `sro` are one spelling."""

    ends: Mapping[str, str]
    starts: Mapping[str, str]

    @classmethod
    def of(cls, table: Mapping[str, str]) -> Phrases:
        """From a table of code -> folded spellings between commas. What is left of a long one that a column cut off is
        that phrase too; of two that begin alike, the first of the table."""
        spelled = [(text.split(), code) for code, spellings in table.items() for text in spellings.split(",")]
        whole = {"".join(words): code for words, code in spelled}
        parts = {cut: code for words, code in reversed(spelled) for cut in _cut_off(words)}
        codes = parts | whole
        ends = {spelling[at:] for spelling in whole for at in range(len(spelling))}
        ends |= {cut[at:] for words, _ in spelled for cut in _cut_off(words) for at in _starts(words)}
        starts = {spelling[:at] for spelling in whole for at in range(1, len(spelling) + 1)}
        return cls({end: codes.get(end, "") for end in ends}, {start: codes.get(start, "") for start in starts})


def _cut_off(words: Sequence[str]) -> Iterator[str]:
    spelling = "".join(words)
    return (spelling[:at] for at in range(SHORTEST, len(spelling)))


def _starts(words: Sequence[str]) -> Iterator[int]:
    """Where the words begin in a spelling without blanks."""
    return accumulate(map(len, words[:-1]), initial=0)


def at_end(words: Sequence[str], phrases: Phrases) -> tuple[str, int]:
    """Code of the longest phrase that ends the words, and how many words it takes; ("", 0) where there is none."""
    tail, code, taken = "", "", 0
    for count, word in enumerate(reversed(words), 1):
        tail = word + tail
        known = phrases.ends.get(tail)
        if known is None:
            break
        if known:
            code, taken = known, count
    return code, taken


def at_start(words: Sequence[str], phrases: Phrases, start: int = 0) -> tuple[str, int]:
    """The same for the longest phrase that begins with word number `start`."""
    head, code, taken = "", "", 0
    for count in range(1, len(words) - start + 1):
        head += words[start + count - 1]
        known = phrases.starts.get(head)
        if known is None:
            break
        if known:
            code, taken = known, count
    return code, taken
