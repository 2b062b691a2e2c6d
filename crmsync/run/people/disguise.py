"""What stands for a value about a person, so that the same value is always stood for by the same?

A value is told by its kind and its normal text (`Eva Nováková` and `NOVÁKOVÁ EVA` are one), keyed by a salt that nobody
keeps: who has not the salt cannot find out who stood there. Names are made up of syllables; telephone numbers are of
the range that is kept free for films; domains are not anybody's that we know of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from crmsync.core.compat.choices import Choices, Seeded, one_of
from crmsync.core.match.compare import normalise
from crmsync.core.model import Json, to_json

KINDS: Final = ("person", "company", "email", "phone", "domain", "address", "ico", "vat", "date", "text")
ALIASES: Final[Mapping[str, str]] = {
    "name": "person", "person name": "person", "first name": "person", "last name": "person", "organisation": "company",
    "organization": "company", "e-mail": "email", "mail": "email", "telephone": "phone", "mobile": "phone",
    "website": "domain", "url": "domain", "street": "address", "company_id": "ico", "vat_id": "vat", "birth": "date",
    "birthday": "date", "birth date": "date",
}  # fmt: skip
_COMPARED: Final = frozenset({"person", "company", "email", "domain", "address"})  # by comparators of the same name
_HIS: Final = (
    "Adam", "Bohuš", "Ctibor", "Dalibor", "Emil", "Filip", "Gustáv", "Hynek", "Igor", "Jerguš", "Kazimír", "Leoš",
    "Miloš", "Norbert", "Oldřich", "Przemysław", "Radovan", "Slavomír", "Tibor", "Zbigniew",
)  # fmt: skip
_HER: Final = (
    "Alžbeta", "Božena", "Cecília", "Drahomíra", "Edita", "Františka", "Grażyna", "Hedviga", "Iveta", "Jolana", "Květa",
    "Ľubica", "Małgorzata", "Naďa", "Oľga", "Regína", "Šárka", "Tamara", "Věra", "Žaneta",
)  # fmt: skip
_HEADS: Final = ("Ba", "Bre", "Čer", "Dra", "Hra", "Ja", "Kla", "Kol", "Lo", "Me", "Ne", "Ol", "Pa", "Pří", "Ro", "Sko",
                 "Ště", "Tře", "Va", "Wój", "Za", "Žem")  # fmt: skip
_HEARTS: Final = ("bo", "ča", "da", "chá", "ho", "je", "ku", "le", "me", "ni", "po", "ra", "se", "ti", "ve", "zá")
_ENDS: Final = ("bek", "cký", "ček", "ch", "dek", "k", "mar", "ník", "ň", "r", "ský", "š", "tka", "val")
_FORMS: Final = ("s.r.o.", "a.s.", "spol. s r.o.", "sp. z o.o.")
_STREETS: Final = ("Lipová", "Javorová", "Brezová", "Poľná", "Zahradní", "Krátka", "Květná", "Słoneczna", "Nová")
_TOWNS: Final = ("Lipovany", "Horná Bukovina", "Dolní Javorov", "Stare Brzozowo", "Kamenica", "Podlesie")
_TLDS: Final = ("sk", "cz", "pl")
_AREAS: Final = (  # North American ones; of each, 555-0100 to 555-0199 are kept free for fiction
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234,
    239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309,
    310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 334, 336, 337, 339, 347, 351, 352, 360, 361,
)  # fmt: skip
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(.*)", re.DOTALL)
SHIFT: Final = 180  # days, to either side


@dataclass(frozen=True, slots=True)
class Disguise:
    """`salt`: 16 random bytes or more."""

    salt: bytes

    def __call__(self, kind: str, value: Json) -> Json:
        """A value of the same JSON type, and what stands for null and empty text is that."""
        match value:
            case bool():
                return bool(self._choices(kind, value).integer(0, 1))
            case int():
                return _number(value, self._choices(kind, value))
            case Decimal():
                return _number(int(value), self._choices(kind, value)) + value % 1
            case str() if value.strip():
                return self._text(kind, value)
        return value

    def choices(self, value: Json) -> Choices:
        """Chance that is always the same for the value."""
        return self._choices("drawn", value)

    def _text(self, kind: str, value: str) -> str:
        made = _MAKERS.get(kind, _words)(value, self)
        return made.upper() if value.isupper() and kind in ("person", "company") else made

    def _choices(self, kind: str, value: Json) -> Seeded:
        said = value if isinstance(value, str) else to_json(value).decode()
        normal = _normal(kind, said)
        digest = hashlib.blake2b(f"{kind}\0{normal}".encode(), key=self.salt, digest_size=8).digest()
        return Seeded(int.from_bytes(digest))


def _normal(kind: str, said: str) -> str:
    """One text for all ways to write a value: names in any order, telephone numbers with and without their country."""
    if kind == "phone":
        return "".join(filter(str.isdecimal, said))[-LOCAL:] or said.strip()
    text = (normalise(kind, said) if kind in _COMPARED else None) or said.strip()
    return " ".join(sorted(text.split())) if kind == "person" else text


LOCAL: Final = 9  # digits of a Slovak, Czech or Polish number without its country


def _number(value: int, choices: Choices) -> int:
    """As many digits, and the same sign."""
    digits = len(str(abs(value)))
    low = 0 if digits == 1 else 10 ** (digits - 1)
    found = choices.integer(low, 10**digits - 1)
    return -found if value < 0 else found


def _person(value: str, disguise: Disguise) -> str:
    choices = disguise._choices("person", value)
    hers = bool(choices.integer(0, 1))
    first, last = one_of(choices, _HER if hers else _HIS), _surname(choices)
    her_last = f"{last[:-1]}á" if last.endswith("ý") else f"{last.removesuffix('a')}ová"
    return f"{first} {her_last if hers else last}"


def _surname(choices: Choices) -> str:
    return one_of(choices, _HEADS) + one_of(choices, _HEARTS) + one_of(choices, _HEARTS) + one_of(choices, _ENDS)


def _company(value: str, disguise: Disguise) -> str:
    choices = disguise._choices("company", value)
    return f"{_surname(choices)}{one_of(choices, _HEARTS)} {one_of(choices, _FORMS)}"


def _host(value: str, disguise: Disguise) -> str:
    choices = disguise._choices("domain", value)
    return f"demo-{choices.integer(0, 16**8 - 1):08x}.{one_of(choices, _TLDS)}"


def _domain(value: str, disguise: Disguise) -> str:
    """A URL stays one, without its path."""
    scheme, slashes, rest = value.strip().partition("://")
    www = "www." if (rest or scheme).startswith("www.") else ""
    return f"{scheme}://{www}{_host(value, disguise)}" if slashes else f"{www}{_host(value, disguise)}"


def _email(value: str, disguise: Disguise) -> str:
    """At the domain that stands for its domain; the address names nobody."""
    domain = value.rpartition("@")[2]
    return f"u{disguise._choices('email', value).integer(0, 16**8 - 1):08x}@{_host(domain or value, disguise)}"


def _phone(value: str, disguise: Disguise) -> str:
    choices = disguise._choices("phone", value)
    return f"+1{one_of(choices, _AREAS)}55501{choices.integer(0, 99):02}"


def _address(value: str, disguise: Disguise) -> str:
    choices = disguise._choices("address", value)
    street = f"{one_of(choices, _STREETS)} {choices.integer(1, 199)}"
    return f"{street}, {one_of(choices, _TOWNS)}" if "," in value or "\n" in value else street


def _ico(value: str, disguise: Disguise) -> str:
    """Eight digits with a valid check digit, such as Czech and Slovak registers give."""
    return _with_check(disguise._choices("ico", value).integer(10**6, 9 * 10**6 - 1))


def _with_check(seven: int) -> str:
    weighed = sum(int(digit) * weight for digit, weight in zip(str(seven), range(8, 1, -1), strict=True))
    return f"{seven}{(11 - weighed % 11) % 10}"


def _vat(value: str, disguise: Disguise) -> str:
    """Slovak, or Czech where it was Czech."""
    choices = disguise._choices("vat", value)
    if value.strip().upper().startswith("CZ"):
        return f"CZ{_with_check(choices.integer(10**6, 9 * 10**6 - 1))}"
    number = choices.integer(2_020_000_000, 2_029_999_999)
    prefix = "SK" if value.strip()[:2].isalpha() else ""
    return f"{prefix}{number - number % 11 if (number - number % 11) // 10**7 == 202 else number + 11 - number % 11}"


def _date(value: str, disguise: Disguise) -> str:
    """Moved by up to half a year; the time of day stays. What is no date is a text."""
    found = _DATE.fullmatch(value.strip())
    try:
        day = date(*map(int, found.groups()[:3])) if found else None
    except ValueError:
        day = None
    if found is None or day is None:
        return _words(value, disguise)
    choices = disguise._choices("date", day.isoformat())
    days = choices.integer(1, SHIFT) * (1 if choices.integer(0, 1) else -1)
    return f"{(day + timedelta(days)).isoformat() if 1 < day.year < 9999 else day.isoformat()}{found[4]}"


def _words(value: str, disguise: Disguise) -> str:
    """Made-up words, as long as the text; its line breaks are kept, and digits stay digits."""
    choices = disguise._choices("text", value)
    return "".join(_shaped(char, choices) for char in value)


def _shaped(char: str, choices: Choices) -> str:
    if char.isdecimal():
        return str(choices.integer(0, 9))
    if not char.isalpha():
        return char
    letter = "aeiouáyrstlnmkvpdz"[choices.integer(0, 17)]
    return letter.upper() if char.isupper() else letter


_MAKERS: Final[Mapping[str, Callable[[str, Disguise], str]]] = {
    "person": _person, "company": _company, "email": _email, "phone": _phone, "domain": _domain, "address": _address,
    "ico": _ico, "vat": _vat, "date": _date, "text": _words,
}  # fmt: skip


def kind_named(mark: str) -> str | None:
    """The kind that a category in a contract means; None where it means none of ours."""
    word = mark.strip().lower()
    return word if word in KINDS else ALIASES.get(word)
