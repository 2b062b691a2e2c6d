"""What names a company, once legal form, branch and notes are told apart?

A normal name is `core|form|rest`: `zeleznicna spolocnost|as|likvidacia`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from crmsync.core.match.compare.company_words import AND, named
from crmsync.core.match.compare.fold import LONGEST, folded
from crmsync.core.match.compare.forms import (
    FORM_ENDINGS,
    UNMISTAKABLE,
    form_at_end,
    form_at_start,
    form_inside,
    unglued,
)
from crmsync.core.match.compare.phrases import Phrases, at_end

_NORMAL: Final = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*\|[a-z]*\|(?:[a-z0-9]+(?: [a-z0-9]+)*)?")
_ASIDE: Final = re.compile(r"[(\[{]([^)\]}]*)[)\]}]?|\s+[-–—/|]+\s+|\s+/|/\s+|;")
_MARKED: Final = re.compile(r"[(\[{/|;–—]")  # a cheap look for what may part a name
_TRADING: Final = re.compile(r"\b(?:t/a|d/b/a|f/k/a)(?=\s)", re.IGNORECASE)
_TITLE: Final = re.compile(r"\b[Ii]ng\.")
_AND_LETTER: Final = re.compile("&[A-Z]")
_INITIALS: Final = re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b")

NOTES: Final = {
    # what is written behind a name and says nothing about who it is
    "likvidacia": (
        "v likvidacii, v likvidaci, likvidace, likvidacia, w likwidacji, likwidacja, in liquidation, in liqu, in "
        "liquidazione, in abwicklung, felszamolas alatt, vegelszamolas alatt, en liquidation, v likvidacii "
        "od, in liq"
    ),
    "konkurz": (
        "v konkurze, v konkurzu, v konkursu, v upadku, v insolvenci, w upadlosci, in insolvenz, in administration, in "
        "receivership, w upadlosci likwidacyjnej, konkurz, insolvence"
    ),
    "restrukturalizacia": "v restrukturalizacii, v restrukturalizaci, w restrukturyzacji, v reorganizaci",
    "klient": (
        "klient, klienti, zakaznik, customer, client, kunde, kontrahent, odberatel, dodavatel, supplier, vendor, "
        "stary klient, novy klient, ugyfel"
    ),
    "test": "test, testovaci, testovacia, testovacie, testowy, testfirma, demo zaznam",
    "neplatit": (
        "neplatit, neplatic, nepouzivat, nie uzywac, do not use, dont use, nicht verwenden, neaktivny, neaktivni, "
        "neaktivna, nieaktywny, inactive, zruseny, zrusena, zruseno, zaniknuta, archiv, vymazat, "
        "smazat, usunac, neplatny, neplatne, neplatna"
    ),
    "duplicita": "duplicita, duplicitni, duplicitny, duplikat, duplicate, duplicitne, dupl",
    "fakturacia": (
        "fakturacia, fakturace, fakturacna adresa, fakturacni adresa, faktury, faktura, faktury na, billing, "
        "invoicing, rechnungsadresse, dane do faktury, dorucovacia adresa, dorucovaci adresa"
    ),
    "vip": "vip",
}
_NOTES: Final = Phrases.of(NOTES)

_PLACES: Final = """
prevadzka prevadzkaren provozovna provozovny pobocka oddzial niederlassung zweigniederlassung betriebsstatte
zweigstelle fioktelep telephelye filia filialka filiale predtym formerly fka dawniej vormals vorm korabban dba
predchadzajuci predosly
"""
_CUTS: Final = frozenset(_PLACES.split())
"""From such a word on, behind a name, it is the name of a place or a former or trade name."""
_MORE_PLACES: Final = """
zavod zaklad stredisko centrala sidlo sklad predajna prodejna branch plant drive byvala byvaly byvale puvodne povodne
former previously ehem ehemals fruher predt byv alias werk
"""
_OPENINGS: Final = _CUTS | frozenset(_MORE_PLACES.split())
"""The same, in brackets or behind a dash."""
_LONG_CUTS: Final = (
    ("organizacna", "zlozka"), ("organizacni", "slozka"), ("odstepny", "zavod"), ("trading", "as"),
    ("doing", "business"), ("org", "zlozka"), ("org", "slozka"), ("branch", "office"), ("formerly", "known"),
)  # fmt: skip
_CUT_HEADS: Final = _CUTS | {head for head, _ in _LONG_CUTS}

_STATES: Final = frozenset((("i", "l"), ("f", "a"), ("v", "a")))
"""Abbreviated states, in Liquidation and felszámolás alatt; told only behind a legal form."""
_ENDINGS: Final = FORM_ENDINGS | _NOTES.ends.keys() | {last for _, last in _STATES}
"""What is taken off ends with one of these words: most words are none of them."""


def company_name(text: str) -> str | None:
    """`core|form|rest`. core: the words that name it, in order, without conjunctions. form: the code of its legal form
    or nothing. rest: sorted words that say nothing about who it is (state, branch, note, former name). None where
    nothing names a company. A normal text is itself."""
    if "|" in text and _NORMAL.fullmatch(text):
        return text
    words, rest = _told_apart(_spaced(text[:LONGEST]))
    words, form = _without_form(words, rest)
    core = " ".join(named(words))
    return f"{core}|{form}|{' '.join(sorted(set(rest))) if rest else ''}" if core else None


def core_of(normal: str) -> str:
    return normal.partition("|")[0]


def form_of(normal: str) -> str:
    return normal.partition("|")[2].partition("|")[0]


# What stands aside ----------------------------------------------------------------------------------------


def _spaced(text: str) -> str:
    """Signs that folding would lose, as words; AT&T as one word; no academic title."""
    if "/" in text:
        text = _TRADING.sub(" dba ", text)
    if _AND_LETTER.search(text):
        text = _INITIALS.sub(r"\1\2", text)
    if "ng." in text:
        text = _TITLE.sub(" ", text)
    return unglued(text)


def _told_apart(text: str) -> tuple[list[str], list[str]]:
    """Folded words of the name, and those in brackets and behind dashes that are not of it."""
    if not (" -" in text or _MARKED.search(text)):
        return folded(text), []
    pieces = _ASIDE.split(text)
    words: list[str] = []
    rest: list[str] = []
    for number, piece in enumerate(pieces):
        found = folded(piece) if piece else []
        if notes := _only_notes(found):
            rest += notes
        elif words and found and _is_aside(words, found, bracketed=number % 2 == 1, dashed=_is_dashed(pieces, number)):
            rest += found
        else:
            words += found
    return words, rest


def _only_notes(words: list[str]) -> list[str]:
    """Their codes, where the words are nothing but notes."""
    notes = []
    while words:
        code, taken = at_end(words, _NOTES)
        if not taken:
            return []
        notes.append(code)
        words = words[:-taken]
    return notes


def _is_dashed(pieces: Sequence[str | None], number: int) -> bool:
    return number % 2 == 0 and pieces[number - 1] is None


def _is_aside(words: list[str], found: list[str], *, bracketed: bool, dashed: bool) -> bool:
    """A branch or a former name; and a trade name, behind a dash where the name is complete with its legal form."""
    if bracketed:
        return found[0] in _OPENINGS
    return dashed and not form_at_end(found)[1] and (found[0] in _OPENINGS or _is_complete(words))


def _is_complete(words: list[str]) -> bool:
    """Whether a legal form ends the name; what follows an association is often one of its members, with its own id."""
    code, taken = form_at_end(words)
    return 0 < taken < len(words) and code not in ("zs", "oz")


def _without_form(words: list[str], rest: list[str]) -> tuple[list[str], str]:
    """The words without legal form, state and branch, and the code of the form. Adds to `rest`."""
    words, form = _without_end(words, rest, "")
    cut = _cut(words)
    if cut:
        rest += words[cut:]
        words, form = _without_end(words[:cut], rest, form)
    lead, taken = form_at_start(words)
    if 0 < taken < len(words):
        return words[taken:], lead if form in ("", "co", "corp") else form
    if form:
        return words, form
    form, start, taken = form_inside(words)
    return words[:start] + words[start + taken :], form


def _without_end(words: list[str], rest: list[str], form: str) -> tuple[list[str], str]:
    """Takes off what ends the name, as often as it does; a name is never taken off wholly unless it is a note."""
    while words and words[-1] in _ENDINGS:
        note, taken = _note_at_end(words)
        if taken:
            rest.append(note)
        else:
            code, taken = form_at_end(words)
            if not taken or (form and not _is_minor(code, form)) or (taken == len(words) and code not in UNMISTAKABLE):
                break
            form = form or code
        words = words[:-taken]
        while len(words) > 1 and words[-1] in AND:  # Novák a / spol. s r.o.
            words = words[:-1]
    return words, form


def _is_minor(code: str, form: str) -> bool:
    """Whether the other form stands before the one that ends the name: Company, Inc., Corporation, JSC."""
    return code == "co" or (code == "corp" and form in ("ao", "ltd"))


def _note_at_end(words: list[str]) -> tuple[str, int]:
    if len(words[-1]) == 1 and tuple(words[-2:]) in _STATES and form_at_end(words[:-2])[1]:
        return "likvidacia", 2
    return at_end(words, _NOTES)


def _cut(words: list[str]) -> int:
    """Where a branch, a former or a trade name begins; 0 where none does."""
    if _CUT_HEADS.isdisjoint(words):
        return 0
    for at in range(1, len(words)):
        if words[at] in _CUTS or tuple(words[at : at + 2]) in _LONG_CUTS:
            return at
    return 0
