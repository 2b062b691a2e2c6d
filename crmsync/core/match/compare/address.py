"""Do two addresses name the same place?

A normal address is `words|numbers`: `hlavna bratislava 82105|12 5`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import BEARERS, borne, common, letters, shared, slots
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import LONGEST, fold

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

MOST: Final = 4
"""House numbers of an address that are looked at."""
OTHER_DOOR: Final = 0.5
"""How alike 12a and 12 are, or 12a and 12b."""

_NORMAL: Final = re.compile(r"(?:[a-z0-9]+(?: [a-z0-9]+)*)?\|(?:\d[a-z0-9]*(?: \d[a-z0-9]*)*)?")
_POLISH: Final = re.compile(r"\b(\d\d)-(\d{3})\b")
_POSTCODE: Final = re.compile(
    r"\b(\d{3}) (\d{2})\b(?! \d)"  # 821 05
    r"|(?<=[a-z0-9] )(\d{5})(?: \d{4})?\b"  # 10117, 60302-1234; the first word is a house number, 12224 Ventura Blvd
    r"|(?<=\d )(\d{4})(?= [a-z])"  # 1010 Wien
)
_DOOR: Final = re.compile(r"\b(\d+) ([a-d])(?= |$)")
_KINDS: Final = """
ulica ulice ulici ul u ulitsa ut utca utja str st street strasse road rd avenue ave av blvd boulevard blv bulvar
bulwar lane ln drive dr way wy court ct place pl plac platz gasse nam namesti namestie ter tere square sq trida tr
aleja al aleje alej allee osiedle os sidlisko sidl parkway pkwy highway hwy weg c cp cislo nr no num number hausnr
suite ste apt apartment unit floor fl poschodie patro lok lokal m byt dom room rm po box psc zip via rue calle of the
p o
"""
_DROPPED: Final = frozenset(_KINDS.split())
"""Kinds of streets and words that come and go."""
_WORDS: Final = {
    "north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se",
    "southwest": "sw", "svateho": "sv", "svate": "sv", "saint": "sv", "sankt": "sv", "swietego": "sv", "sw": "sv",
    "generala": "gen", "marsala": "mars", "marszalka": "mars", "doktora": "dr", "profesora": "prof", "mount": "mt",
    "fort": "ft", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
    "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th", "horni": "horna", "dolni": "dolna",
}  # fmt: skip


def address(text: str) -> str | None:
    """`words|numbers`: folded words without kinds of streets, a postcode among them; house numbers in order, 12a as
    one. None where neither is left. A normal text is itself."""
    if "|" in text and _NORMAL.fullmatch(text):
        return text if len(text) > 1 else None
    folded = fold(_POLISH.sub(r"zip\1\2", text[:LONGEST]))
    marked = _POSTCODE.sub(lambda match: "zip" + "".join(part or "" for part in match.groups()), folded)
    tokens = _DOOR.sub(r"\1\2", marked).split()
    numbers = [token for token in tokens if token[0].isdigit() and not token.endswith(("st", "nd", "rd", "th"))]
    words = [_word(token) for token in tokens if token not in numbers and token not in _DROPPED]
    return f"{' '.join(words)}|{' '.join(numbers)}" if words or numbers else None


def _word(token: str) -> str:
    if len(token) > 5 and token.endswith(("str", "strasse")):  # Hauptstr., Hauptstraße
        return token.removesuffix("strasse").removesuffix("str") + "strasse"
    if token.startswith("zip") and token[3:].isdigit():
        return token[3:]
    return _WORDS.get(token, token)


# Compared -------------------------------------------------------------------------------------------------


def _parts(normal: str) -> tuple[list[str], list[str]]:
    words, _, numbers = normal.partition("|")
    return words.split(), numbers.split()


def gauge(values: Sequence[str], rarity: Rarity) -> Gauge:
    parts = [_parts(value) for value in values]
    whole = [_whole(words, numbers) for words, numbers in parts]
    nats = common(whole, rarity)
    doors = slots([numbers for _, numbers in parts], MOST)
    houses = slots([[_house(number) for number in numbers] for _, numbers in parts], MOST)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        likeness = np.where(first == second, 1.0, letters(whole, first, second))
        told = (doors[first, 0] > 0) & (doors[second, 0] > 0)
        same_house = np.where(shared(houses[first], houses[second]), OTHER_DOOR, 0.0)
        number = np.where(shared(doors[first], doors[second]), 1.0, same_house)
        bearers = np.where(likeness == 1.0, np.minimum(nats[first], nats[second]), np.nan)
        return likeness, np.where(told, number, np.nan), bearers

    return measure


def _whole(words: Sequence[str], numbers: Sequence[str]) -> str:
    return " ".join([*sorted(words), *sorted(numbers)])


def _house(number: str) -> str:
    return number.rstrip("abcdefghijklmnopqrstuvwxyz")


def reason(first: str, second: str, features: Sequence[float]) -> str:
    if first == second:
        return f"both {_spoken(first)}{borne(features[2])}"
    (ours, our_numbers), (theirs, their_numbers) = _parts(first), _parts(second)
    if sorted(ours) != sorted(theirs) or not (our_numbers and their_numbers):
        return f"{_spoken(first)} against {_spoken(second)}"
    return f"{' '.join(ours)}: {' '.join(our_numbers)} against {' '.join(their_numbers)}"


def _spoken(normal: str) -> str:
    return normal.replace("|", " ").strip()


def keys(normal: str, rarity: Rarity) -> Iterable[str]:
    """The two rarest words with the first number."""
    words, numbers = _parts(normal)
    rare = sorted(sorted(set(words), key=lambda word: (-rarity(word), word))[:2])
    return ("+".join([*rare, *numbers[:1]]),)


def words(normal: str) -> Sequence[str]:
    words, numbers = _parts(normal)
    return [*words, f"={_whole(words, numbers)}"]


COMPARATORS: Final = (
    Comparator(
        "address", "Street, number, town and postcode in one text: the letters of its words, and the house number.",
        address,
        (Feature("likeness", (0.0, 0.4, 0.6, 0.75, 0.9, 1.0), (-4.0, -3.5, -0.8, 0.2, 2.0, 2.4)),
         Feature("number", (0.0, OTHER_DOOR, 1.0), (-2.2, 0.3, 2.2)), BEARERS), gauge, reason, keys, words,
    ),
)  # fmt: skip
