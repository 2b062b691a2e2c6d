"""What is there to know of each name of a column, before any two are compared?"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crmsync.core.match.compare.column import numbered, numbered_texts
from crmsync.core.match.compare.company_name import core_of, form_of
from crmsync.core.match.compare.comparator import Floats, Ints, Rarity

Bools: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.int32]
Texts: TypeAlias = NDArray[np.object_]

LEAST: Final = 0.05  # nats: the commonest word tells at least a little
GENERIC_NATS: Final = 2.5  # what a word tells at most that half of all companies could bear
_GENERIC: Final = """
    company group holding holdings international global services service solutions systems trade trading invest
    investment investments management consulting partners corporation industries bank trust fund foundation association
    society university institute hospital museum school center centre office department national general united the of
    for and city state europe european american english
    stavby stavebna stavebni obchod obchodna obchodni vyroba servis sluzby reality doprava autodoprava technika energia
    energie poradenstvi poradenstvo projekt spolecnost spolocnost podnik firma centrum slovensko slovakia cesko czech
    ceska bohemia morava polska polskie przedsiebiorstwo uslugi handel firma budownictwo transport biuro zaklad
    handels verwaltung gesellschaft technik bau dienst immobilien beteiligungs hungary magyar austria deutschland
    obec mesto zemedelske zemedelska druzstvo polnohospodarske agro farma skola zakladni nemocnica nemocnice muzeum
"""
GENERIC: Final = frozenset(_GENERIC.split())
_SIBLINGS: Final = """
    holding holdings group gruppe grupa skupina invest investment investments finance financial capital trade trading
    servis service services sluzby real reality estate estates development logistik logistic logistics logistika energo
    energy export import plus east west north south vychod zapad sever juh jih slovakia slovensko cz czech cesko cechy
    bohemia morava moravia polska poland austria osterreich deutschland germany hungary hungaria magyarorszag europe
    international global consulting engineering production marketing media agro bau park tech digital leasing rent
"""
SIBLINGS: Final = frozenset(_SIBLINGS.split())
"""Words that tell one company of a family from another: left over in a name, they speak of two."""
_TRADES: Final = """
    immobilien beteiligungs beteiligung verwaltungs vermogens vertriebs vertrieb produktions produktion handels handel
    transport transporte transporty spedition spedice spedicia personal catering gastro hotel hotels bau hochbau tiefbau
    elektro metall holz werkzeug umwelt recycling security ingatlan szerviz szolgaltato logisztikai logisztika
    vagyonkezelo kereskedelmi kereskedo gyarto gepgyarto epito szallitmanyozo vendeglato nieruchomosci uslugi handlowe
    produkcja produkcyjne transportowe budowlane ochrona inwestycje projekty nemovitosti nehnutelnosti stavby stavebni
    stavebna obchod obchodni obchodna sprava majetkova majetkovy vyroba vyrobni vyrobna pekaren mlyn statek farma
    software hardware web print studio design consult audit tax legal reklama marketing cleaning facility printing
"""
TRADES: Final = frozenset((_TRADES + _GENERIC + _SIBLINGS).split())
"""What a company does, or is within its family: where each of two names has another such word, they speak of two."""
_NUMBER: Final = re.compile(r"\d+|[ivx]{1,5}")


def told(word: str, rarity: Rarity) -> float:
    """What a shared word tells, in nats."""
    nats = rarity(word)
    if nats > GENERIC_NATS:
        return GENERIC_NATS if word in GENERIC else nats
    return nats if nats > LEAST else LEAST


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names, each prepared once: its words as numbers ([names, words], -1 for none) and what they tell."""

    cores: Texts
    joined: Texts  # without blanks
    codes: Ints  # of the names without blanks
    initials: Ints  # of the first letters of their words, in the same numbers; -1 for a single word
    several: Bools  # of more words than one
    sizes: Ints  # how many words are looked at
    vocabulary: Texts  # the words by number
    told: Floats  # what each of them tells
    table: Codes
    weight: Floats
    total: Floats
    forms: Ints
    numbers: Ints
    siblings: Bools
    trades: Bools
    common: Floats  # how much less a name tells than one that nobody else bears, in nats; 0 or below
    most: float  # what a word tells that no census lists

    @classmethod
    def of(cls, values: Sequence[str], rarity: Rarity, tells: Rarity, most: int) -> Names:
        """`tells`: what a single word tells; `most`: so many words of each are looked at, the first ones."""
        cores = [core_of(each) for each in values]
        joined = [each.replace(" ", "") for each in cores]
        flat, sizes, initials = _words(cores, most)
        words, (_, *vocabulary) = numbered_texts(flat)
        table = _table(sizes, words - 1)
        nats = np.array([*(max(tells(word), LEAST) for word in vocabulary), 0.0])
        weight = nats[table]
        codes, known = numbered_texts(joined)
        common = np.array([rarity(f"={each}") for each in known]) - rarity("")
        return cls(
            np.array(cores, dtype=object), np.array(joined, dtype=object), codes,
            np.array([known.get(each, -1) if len(each) > 1 else -1 for each in initials], dtype=np.int64),
            np.array([" " in each for each in cores], dtype=bool), sizes, np.array(vocabulary, dtype=object), nats,
            table, weight, weight.sum(axis=1), numbered([form_of(each) for each in values]),
            _numbers(vocabulary, table), _among(SIBLINGS, vocabulary)[table], _among(TRADES, vocabulary)[table],
            common[codes], max(rarity(""), 0.1),
        )  # fmt: skip


def _among(known: Collection[str], vocabulary: Sequence[str]) -> Bools:
    """Which words are; the last is that of no word."""
    return np.array([*(word in known for word in vocabulary), False])


def _words(cores: Sequence[str], most: int) -> tuple[list[str], Ints, list[str]]:
    """The words of all names one after the other, how many each has, and their first letters."""
    flat: list[str] = []
    sizes, initials = [], []
    for core in cores:
        words = list(dict.fromkeys(core.split()))[:most]
        flat += words
        sizes.append(len(words))
        initials.append("".join(map(_FIRST, words)))
    return flat, np.array(sizes, dtype=np.int64), initials


_FIRST: Final = itemgetter(0)


def _table(sizes: Ints, flat: Ints) -> Codes:
    """[rows, most]: the numbers of each row one after the other, -1 behind them."""
    found = np.full((len(sizes), int(sizes.max(initial=1)) or 1), -1, dtype=np.int32)
    row = np.repeat(np.arange(len(sizes)), sizes)
    found[row, np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)] = flat
    return found


def _numbers(vocabulary: Sequence[str], table: Codes) -> Ints:
    """A number for each set of numbers that a name bears, 0 for none."""
    numeral = np.array([*(_NUMBER.fullmatch(word) is not None for word in vocabulary), False])[table]
    found = [""] * len(table)
    for row in np.flatnonzero(numeral.any(axis=1)).tolist():
        found[row] = " ".join(sorted(vocabulary[code] for code in table[row, numeral[row]].tolist()))
    return numbered(found)
