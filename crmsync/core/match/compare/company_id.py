"""Which numbers does a company bear in registers, and do two companies bear the same?

Source of the check digits: python-stdnum; the relations between VAT and register numbers are those of each country's
law (a Czech DIČ of a company is its IČO, a Polish VAT number its NIP, a Slovak DIČ is no IČO).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from rapidfuzz.distance import OSA

from crmsync.core.match.compare.column import shared, slips, slots
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold
from crmsync.core.values.company import is_ico

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

SLIP: Final = 0.5
"""Likeness of two numbers of one register that are one slip of the pen apart."""
DIFFERS: Final = "a valid identifier differs"
MOST: Final = 4
"""Numbers of one value that are looked at."""
LONGEST: Final = 20
"""Characters of a number with nothing around it, blanks among them."""
SECRET: Final = frozenset({"cz.dic"})
"""Registers whose numbers hold a birth number: they are compared, never shown."""

_NORMAL: Final = re.compile(r"(?:[a-z.]+:[0-9a-z]+)(?:,[a-z.]+:[0-9a-z]+)*")
_PARTS: Final = re.compile(r"[,;|/\n]")
_NUMBER: Final = re.compile(
    r"\b(?:(?P<label>ic dph|icdph|dic|ico|ic|nip|regon|krs|ein|fn|adoszam|hr[ab]|steuernummer|st nr|tel|mobil)\s*)?"
    r"(?:(?P<prefix>at ?u|[a-z]{2})\s*)?(?P<number>\d+(?: \d+)*[a-z]?)\b"
)
_FAKES: Final = frozenset(
    {"01234567", "12345678", "12345679", "87654321", "00000001", "123456789", "1234567890", "0123456789", "987654321"}
)
_UNION: Final = frozenset(
    ["be", "bg", "cy", "de", "dk", "ee", "el", "es", "fi", "fr", "gr", "hr", "ie", "it", "lt", "lu", "lv", "mt", "nl",
     "pt", "ro", "se", "si", "xi"]
)  # fmt: skip


def company_id(text: str) -> str | None:
    """`scheme:number` of every valid number that the text names, sorted, between commas: `ico:31333532,nip:85...`.
    None where there is none: a wrong check digit and a made-up number are evidence of nothing. A normal text is
    itself."""
    if ":" in text and _NORMAL.fullmatch(text):
        return text
    found = _bare(text)
    if found is None:
        found = {number for part in _PARTS.split(text[:200]) for number in _numbers(part)}
    return ",".join(sorted(found)) or None


def _bare(text: str) -> Iterable[str] | None:
    """What a number with nothing around it is, or with the prefix of its country; None for a text of more than that."""
    if not text.isascii() or len(text) > LONGEST:
        return None
    number = text.replace(" ", "")
    if number.isdigit():
        return _unmarked(number) if _is_told(number) else ()
    reader, number = _BY_PREFIX.get(text[:2].lower()), number[2:]
    if reader is None or not number.isdigit():
        return None
    return reader(number) if _is_told(number) else ()


def _is_told(number: str) -> bool:
    return len(set(number)) > 1 and number not in _FAKES


def _numbers(part: str) -> Iterator[str]:
    folded = fold(part)
    joined = folded.replace(" ", "")
    if joined[:2] in _UNION and any(char.isdigit() for char in joined):
        yield from _of_the_union(joined)
    elif re.fullmatch(r"\s*\d\d-\d{7}\s*", part):
        yield from _ein(joined)
    elif re.fullmatch(r"\s*\d{8}-\d-\d\d\s*", part):
        yield from _hungarian(joined)
    else:
        for match in _NUMBER.finditer(folded):
            number = match["number"].replace(" ", "")
            if _is_told(number):
                yield from _read(match["label"] or "", match["prefix"] or "", number)


def _read(label: str, prefix: str, number: str) -> Iterator[str]:
    """By the prefix of its country, else by its label, else by what it looks like."""
    reader = _BY_PREFIX.get(prefix.replace(" ", "")) or _BY_LABEL.get(label)
    yield from (reader(number) if reader else _unmarked(number))


def _unmarked(number: str) -> Iterator[str]:
    if not number.isdigit():
        return
    if 4 <= len(number) <= 8:
        yield from _ico(number)
    elif len(number) in (9, 14):
        yield from _regon(number)
    elif number.startswith("0000"):
        yield from _krs(number)
    elif len(number) == 10:
        yield from _nip(number)
        yield from _slovak_tax(number)


# One register each ----------------------------------------------------------------------------------------


def _ico(number: str) -> Iterator[str]:
    digits = number.zfill(8)
    if digits.isdigit() and is_ico(digits) and _is_told(digits):
        yield f"ico:{digits}"


def _nip(number: str) -> Iterator[str]:
    if len(number) == 10 and number.isdigit() and _checksum("pl.nip")(number) == 0:
        yield f"nip:{number}"


def _regon(number: str) -> Iterator[str]:
    """The longer one names a branch: its first nine digits are the company."""
    if _is_valid("pl.regon", number):
        yield f"regon:{number[:9]}"


def _krs(number: str) -> Iterator[str]:
    """Ten digits without a check digit."""
    if len(number) == 10 and number.isdigit() and number.strip("0"):
        yield f"krs:{number}"


def _ein(number: str) -> Iterator[str]:
    return _valid("us.ein", "us.ein", number)


def _hungarian(number: str) -> Iterator[str]:
    """The register number is the first eight digits of the tax number; what follows tells how it is taxed."""
    if len(number) in (8, 11):
        yield from _valid("hu.anum", "hu", number[:8])


def _czech(number: str) -> Iterator[str]:
    if len(number) == 8:
        yield from _ico(number)
    elif len(number) in (9, 10):
        yield from _valid("cz.dic", "cz.dic", number)


def _slovak(number: str) -> Iterator[str]:
    if len(number) == 8:
        yield from _ico(number)
    elif len(number) == 10 and number.isdigit() and int(number) % 11 == 0:
        yield f"sk.dic:{number}"


def _tax(number: str) -> Iterator[str]:
    """A DIČ without its country: Slovak ones are told by their third digit, no month of birth begins with it."""
    slovak = tuple(_slovak_tax(number))
    yield from slovak or _czech(number)


def _slovak_tax(number: str) -> Iterator[str]:
    """A remainder of 1 is that of a birth number of old, whose check digit cannot be 10."""
    if number.isdigit() and int(number) % 11 < 2:
        yield from _valid("sk.dph", "sk.dic", number)


def _austrian(number: str) -> Iterator[str]:
    return _valid("at.uid", "at.uid", f"u{number}")


def _firmenbuch(number: str) -> Iterator[str]:
    return _valid("at.businessid", "at.fn", number)


def _british(number: str) -> Iterator[str]:
    return _valid("gb.vat", "gb.vat", number)


def _of_the_union(joined: str) -> Iterator[str]:
    from stdnum.eu import vat  # one module for each country

    country, number = joined[:2], joined[2:]
    if _is_told(number) and vat.is_valid(joined.replace("gr", "el", 1).upper()):
        yield f"{country.replace('gr', 'el')}.vat:{number}"


def _none(_number: str) -> Iterator[str]:
    yield from ()


_BY_LABEL: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "ico": _ico, "ic": _ico, "dic": _tax, "ic dph": _tax, "icdph": _tax,
    "nip": _nip, "regon": _regon, "krs": _krs, "ein": _ein, "fn": _firmenbuch,
    "adoszam": _hungarian, "hra": _none, "hrb": _none, "steuernummer": _none, "st nr": _none, "tel": _none,
    "mobil": _none,
}  # fmt: skip
_BY_PREFIX: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "cz": _czech, "sk": _slovak, "pl": _nip, "hu": _hungarian, "atu": _austrian, "gb": _british,
}  # fmt: skip


def _valid(module: str, scheme: str, number: str) -> Iterator[str]:
    if _is_valid(module, number):
        yield f"{scheme}:{number.removeprefix('u')}"


def _is_valid(module: str, number: str) -> bool:
    return bool(_validator(module)(number.upper() if module != "at.businessid" else number))


@cache
def _validator(module: str) -> Callable[[str], bool]:
    from importlib import import_module  # one module a country: only those that are met

    valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return valid


@cache
def _checksum(module: str) -> Callable[[str], int]:
    from importlib import import_module

    checksum: Callable[[str], int] = import_module(f"stdnum.{module}").checksum
    return checksum


# Compared -------------------------------------------------------------------------------------------------


def _by_scheme(normal: str) -> list[tuple[str, str]]:
    return [(scheme, number) for scheme, _, number in (each.partition(":") for each in normal.split(","))]


def gauge(values: Sequence[str], _rarity: Rarity) -> Gauge:
    """1 a number of one register is the same, SLIP one slip apart, 0 another one, NaN no register in common."""
    held = [value.split(",")[:MOST] if "," in value else (value,) for value in values]
    most = max(map(len, held), default=1)
    registers = slots([[each.partition(":")[0] for each in row] for row in held], most)
    numbers = slots(held, most)
    single = np.array([len(each) == 1 for each in held], dtype=np.bool_)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        same, comparable = shared(numbers[first], numbers[second]), shared(registers[first], registers[second])
        likeness = np.where(same, 1.0, np.where(comparable, 0.0, np.nan))
        rows = np.flatnonzero(comparable & ~same)
        alone = single[first[rows]] & single[second[rows]]
        plain = rows[alone]
        likeness[plain[slips(values, first[plain], second[plain])]] = SLIP
        for row in rows[~alone].tolist():
            likeness[row] = _nearest(_by_scheme(values[first[row]])[:MOST], _by_scheme(values[second[row]])[:MOST])
        return (likeness,)

    return measure


def _nearest(ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]]) -> float:
    apart = (OSA.distance(one, two, score_cutoff=1) for mine, one in ours for its, two in theirs if mine == its)
    return SLIP if min(apart) < 2 else 0.0


def reason(first: str, second: str, features: Sequence[float]) -> str:
    ours, theirs = _by_scheme(first), _by_scheme(second)
    common = [scheme for scheme, _ in ours if any(scheme == other for other, _ in theirs)]
    if not common:
        return "no register in common"
    equal = sorted(set(ours) & set(theirs))
    if equal:
        return f"the same {' and '.join(_shown(scheme, number) for scheme, number in equal)}"
    told = f"{_all(common[0], ours)} against {_all(common[0], theirs)}"
    return f"{told}, one slip apart" if features and features[0] >= SLIP else told


def _all(scheme: str, held: Sequence[tuple[str, str]]) -> str:
    return " and ".join(_shown(scheme, number) for own, number in held if own == scheme)


def _shown(scheme: str, number: str) -> str:
    return scheme if scheme in SECRET else f"{scheme} {number}"


def keys(normal: str, _rarity: Rarity) -> Iterable[str]:
    return normal.split(",")


COMPARATORS: Final = (
    Comparator(
        "company_id",
        "Register and VAT numbers with their check digits: IČO, DIČ, NIP, REGON, KRS, adószám, UID, EU VAT, EIN.",
        company_id,
        (Feature("likeness", (0.0, SLIP, 1.0), (-6.5, 1.0, 8.0)),),
        gauge,
        reason,
        keys,
        pool="company_id",
        vetoes={"likeness": DIFFERS},
    ),
)
