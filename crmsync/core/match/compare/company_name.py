"""What names a company, once legal form, branch and notes are told apart?

A normal name is `core|form|rest`: `zeleznicna spolocnost|as|likvidacia`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from crmsync.core.match.compare.fold import LONGEST, fold
from crmsync.core.match.compare.forms import UNMISTAKABLE, form_at_end, form_at_start, form_inside, unglued
from crmsync.core.match.compare.phrases import Phrases, at_end

_NORMAL: Final = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*\|[a-z]*\|(?:[a-z0-9]+(?: [a-z0-9]+)*)?")
_ASIDE: Final = re.compile(r"[(\[{]([^)\]}]*)[)\]}]?|\s+[-–—/|]+\s+|\s+/|/\s+|;")
_MARKED: Final = re.compile(r"[(\[{/|;–—]| -")  # a cheap look for what may part a name
_TRADING: Final = re.compile(r"\b(?:t/a|d/b/a|f/k/a)(?=\s)", re.IGNORECASE)
_TITLE: Final = re.compile(r"\b[Ii]ng\.")
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
_LONG_CUT_HEADS: Final = frozenset(head for head, _ in _LONG_CUTS)

_STATES: Final = frozenset((("i", "l"), ("f", "a"), ("v", "a")))
"""Abbreviated states, in Liquidation and felszámolás alatt; told only behind a legal form."""

_LETTER_AND: Final = frozenset(("a", "i", "y"))
_WORD_AND: Final = frozenset(("and", "und", "et", "es", "the"))
_AND: Final = _LETTER_AND | _WORD_AND
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


def company_name(text: str) -> str | None:
    """`core|form|rest`. core: the words that name it, in order, without conjunctions. form: the code of its legal form
    or nothing. rest: sorted words that say nothing about who it is (state, branch, note, former name). None where
    nothing names a company. A normal text is itself."""
    if "|" in text and _NORMAL.fullmatch(text):
        return text
    words, rest = _told_apart(_spaced(text[:LONGEST]))
    words, form = _without_form(words, rest)
    core = " ".join(_named(words))
    return f"{core}|{form}|{' '.join(sorted(set(rest)))}" if core else None


def core_of(normal: str) -> str:
    return normal.partition("|")[0]


def form_of(normal: str) -> str:
    return normal.partition("|")[2].partition("|")[0]


# What stands aside ----------------------------------------------------------------------------------------


def _spaced(text: str) -> str:
    """Signs that folding would lose, as words; AT&T as one word; no academic title."""
    if "/" in text:
        text = _TRADING.sub(" dba ", text)
    if "&" in text:
        text = _INITIALS.sub(r"\1\2", text)
    if "ng." in text:
        text = _TITLE.sub(" ", text)
    return unglued(text)


def _told_apart(text: str) -> tuple[list[str], list[str]]:
    """Folded words of the name, and those in brackets and behind dashes that are not of it."""
    if not _MARKED.search(text):
        return fold(text).split(), []
    pieces = _ASIDE.split(text)
    words: list[str] = []
    rest: list[str] = []
    for number, piece in enumerate(pieces):
        found = fold(piece).split() if piece else []
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
    while words:
        note, taken = _note_at_end(words)
        if taken:
            rest.append(note)
        else:
            code, taken = form_at_end(words)
            if not taken or (form and not _is_minor(code, form)) or (taken == len(words) and code not in UNMISTAKABLE):
                break
            form = form or code
        words = words[:-taken]
        while len(words) > 1 and words[-1] in _AND:  # Novák a / spol. s r.o.
            words = words[:-1]
    return words, form


def _is_minor(code: str, form: str) -> bool:
    """Whether the other form stands before the one that ends the name: Company, Inc., Corporation, JSC."""
    return code == "co" or (code == "corp" and form in ("ao", "ltd"))


def _note_at_end(words: list[str]) -> tuple[str, int]:
    if len(words[-1]) == 1 and tuple(words[-2:]) in _STATES and form_at_end(words[:-2])[1]:
        return "likvidacia", 2
    return at_end(words, _NOTES) if words[-1] in _NOTES.ends else ("", 0)


def _cut(words: list[str]) -> int:
    """Where a branch, a former or a trade name begins; 0 where none does."""
    if _CUTS.isdisjoint(words) and _LONG_CUT_HEADS.isdisjoint(words):
        return 0
    for at in range(1, len(words)):
        if words[at] in _CUTS or tuple(words[at : at + 2]) in _LONG_CUTS:
            return at
    return 0


# What names it --------------------------------------------------------------------------------------------


def _named(words: list[str]) -> list[str]:
    words = _states([_WORDS.get(word, word) for word in words])
    if not _TENS.keys().isdisjoint(words):
        words = _with_tens(words)
    if len(words) > 1 and words[-1] in _NUMBERS:
        words[-1] = _NUMBERS[words[-1]]
    if not _WORD_AND.isdisjoint(words):
        words = _without(words, _WORD_AND) or words
    if [len(word) for word in words].count(1) > 1:
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
