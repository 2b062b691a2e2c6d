"""Which words name a company, each in one spelling?"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase, digits
from typing import Final

_LETTER_AND: Final = frozenset(("a", "i", "y"))
_WORD_AND: Final = frozenset(("and", "und", "et", "es", "the"))
AND: Final = _LETTER_AND | _WORD_AND
_ORDINALS: Final = {
    "1": "first 1st prvy prva prve prvni pierwszy pierwsza pierwsze erste erster erstes elso",
    "2": "second 2nd druhy druha druhe drugi druga zweite zweiter masodik",
    "3": "third 3rd treti tretia tretie trzeci trzecia dritte dritter harmadik",
}
_SPELLED_OUT: Final = {
    "international": "intl internat", "brothers": "bros", "manufacturing": "mfg", "national": "natl",
    "association": "assn assoc", "university": "univ", "center": "centre ctr", "st": "saint", "mt": "mount",
    "hospital": "hosp", "institute": "inst", "department": "dept", "service": "svc", "services": "svcs",
    "government": "govt", "group": "grp", "management": "mgmt", "organization": "organisation",
    "labor": "labour", "program": "programme", "theater": "theatre", "1": "one", "2": "two", "3": "three", "4": "four",
    "5": "five",
}  # fmt: skip
_CARDINALS: Final = {
    "1": "jeden jedna", "2": "ii dva dwa zwei", "3": "iii tri trzy drei", "4": "iv styri ctyri",
    "6": "vi six", "7": "vii seven", "8": "viii eight", "9": "ix nine", "10": "ten", "11": "xi",
    "12": "xii", "13": "xiii", "14": "xiv", "15": "xv", "16": "xvi", "17": "xvii", "18": "xviii", "19": "xix",
    "20": "xx",
}  # fmt: skip


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: meant for meant, words in table.items() for word in words.split()}


_TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_UNITED: Final = {
    ("united", "states", "of", "america"): "us",
    ("united", "states"): "us",
    ("united", "kingdom"): "uk",
}
_WORDS: Final = _by_word(_ORDINALS) | _by_word(_SPELLED_OUT)
_NUMBERS: Final = _by_word(_CARDINALS)
"""Numbers that end a name."""
_SPECIAL: Final = (
    frozenset(ascii_lowercase + digits) | AND | _WORDS.keys() | _NUMBERS.keys() | _TENS.keys() | {"united"}
)
"""Words that may not stand as they are: a name with none of them, most names, is ready."""


def named(words: list[str]) -> list[str]:
    """The words without conjunctions; numbers and abbreviations as they are written most, lone letters together."""
    if _SPECIAL.isdisjoint(words):
        return words
    words = _states([_WORDS.get(word, word) for word in words])
    if not _TENS.keys().isdisjoint(words):
        words = _with_tens(words)
    if len(words) > 1 and words[-1] in _NUMBERS:
        words[-1] = _NUMBERS[words[-1]]
    if not _WORD_AND.isdisjoint(words):
        words = _without(words, _WORD_AND) or words
    if list(map(len, words)).count(1) > 1:
        words = _joined(words)
    if _LETTER_AND.isdisjoint(words):
        return words
    return [*words[:1], *_without(words[1:-1], _LETTER_AND), *words[1:][-1:]]


def _states(words: list[str]) -> list[str]:
    """United States (of America) as US, United Kingdom as UK."""
    if "united" not in words:
        return words
    at = words.index("united")
    for said, meant in _UNITED.items():
        if words[at : at + len(said)] == list(said):
            return [*words[:at], meant, *words[at + len(said) :]]
    return words


def _with_tens(words: list[str]) -> list[str]:
    """Forty Four and Forty 4 as 44."""
    found: list[str] = []
    for word in words:
        ten = _TENS.get(found[-1]) if found else None
        if ten and len(word) == 1 and word in "123456789":
            found[-1] = str(ten + int(word))
        else:
            found.append(word)
    return [str(_TENS[word]) if word in _TENS and len(found) > 1 else word for word in found]


def _without(words: list[str], dropped: frozenset[str]) -> list[str]:
    return [word for word in words if word not in dropped]


def _joined(words: list[str]) -> list[str]:
    """Letters that stand alone, two or more in a row, as one word: I. B. M., J & T."""
    found: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        found += [run, word] if run else [word]
        run = ""
    return found[:-1]
