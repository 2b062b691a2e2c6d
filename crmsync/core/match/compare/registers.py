"""In whose register is this number? Each reader takes a number without blanks and gives `scheme:number` of what it is
there, once its check digits are right; of nothing where they are not.

Source of the check digits: python-stdnum; the relations between VAT and register numbers are those of each country's
law (a Czech DIČ of a company is its IČO, a Polish VAT number its NIP, a Slovak DIČ is no IČO).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from operator import mul
from typing import Final, TypeAlias

from crmsync.core.values.company import is_ico

Reader: TypeAlias = Callable[[str], tuple[str, ...]]

_FAKES: Final = frozenset(
    {"01234567", "12345678", "12345679", "87654321", "00000001", "123456789", "1234567890", "0123456789", "987654321"}
)
FIRMENBUCH: Final = 5
"""Characters that a number of the Firmenbuch with nothing around it has more than: 12a is a house."""
_AREA: Final = re.compile("[1-5](?:0[2-9]|1[0-9]|20|2[2-9]|3[0-9]|4[0-4]|51)")
"""How a Hungarian company is taxed, and in which county."""
_NIP_WEIGHTS: Final = (6, 5, 7, 2, 3, 4, 5, 6, 7, -1)


def is_told(number: str) -> bool:
    """Whether it is no stopgap: one digit over and over, or made up."""
    return bool(number.strip(number[:1])) and number not in _FAKES


def unmarked(number: str) -> tuple[str, ...]:
    """Of a number without country or label, by what it looks like: where several countries write such numbers, by the
    check digits of the one that uses them most, and by those of others where no more than one of them fits. Eight
    digits are an IČO or nothing: a mistyped one would be too many others."""
    if not number.isdigit():
        return _firmenbuch(number) if len(number) > FIRMENBUCH else ()
    match len(number):
        case 4 | 5 | 6 | 7 | 8:
            return _ico(number)
        case 9:
            return _regon(number) or _only(_german(number), _british(number))
        case 10:
            return _krs(number) if number.startswith("0000") else _nip(number) + _slovak_tax(number)
        case 11:
            return hungarian(number) if _AREA.fullmatch(number[8:]) else ()
        case 14:
            return _regon(number)
    return ()


def _only(*readings: tuple[str, ...]) -> tuple[str, ...]:
    """What it is, where there is no other thing that it may be."""
    found = [each for each in readings if each]
    return found[0] if len(found) == 1 else ()


def _abroad(country: str, number: str) -> tuple[str, ...]:
    return of_the_union(f"{country}{number}")


def of_the_union(joined: str) -> tuple[str, ...]:
    """Of a VAT number that begins with its country."""
    from stdnum.eu import vat  # one module for each country

    country, number = joined[:2], joined[2:]
    valid = is_told(number) and vat.is_valid(joined.replace("gr", "el", 1).upper())
    return (f"{country.replace('gr', 'el')}.vat:{number}",) if valid else ()


def american(number: str) -> tuple[str, ...]:
    return _valid("us.ein", "us.ein", number)


def hungarian(number: str) -> tuple[str, ...]:
    """The register number is the first eight digits of the tax number; what follows tells how it is taxed."""
    return _valid("hu.anum", "hu", number[:8]) if len(number) in (8, 11) and is_told(number[:8]) else ()


def _ico(number: str) -> tuple[str, ...]:
    digits = number.zfill(8)
    return (f"ico:{digits}",) if digits.isdigit() and is_ico(digits) and is_told(digits) else ()


def _nip(number: str) -> tuple[str, ...]:
    """The sum of python-stdnum's pl.nip, over ASCII: 48 times the sum of the weights is a multiple of 11."""
    valid = len(number) == 10 and number.isdigit() and sum(map(mul, _NIP_WEIGHTS, number.encode())) % 11 == 0
    return (f"nip:{number}",) if valid else ()


def _regon(number: str) -> tuple[str, ...]:
    """The longer one names a branch: its first nine digits are the company."""
    return (f"regon:{number[:9]}",) if _is_valid("pl.regon", number) else ()


def _krs(number: str) -> tuple[str, ...]:
    """Ten digits without a check digit."""
    return (f"krs:{number}",) if len(number) == 10 and number.isdigit() and number.strip("0") else ()


def _czech(number: str) -> tuple[str, ...]:
    if len(number) == 8:
        return _ico(number)
    return _valid("cz.dic", "cz.dic", number) if len(number) in (9, 10) else ()


def _slovak(number: str) -> tuple[str, ...]:
    if len(number) == 8:
        return _ico(number)
    valid = len(number) == 10 and number.isdigit() and int(number) % 11 == 0
    return (f"sk.dic:{number}",) if valid else ()


def _tax(number: str) -> tuple[str, ...]:
    """A DIČ without its country: Slovak ones are told by their third digit, no month of birth begins with it."""
    return _slovak_tax(number) or _czech(number)


def _slovak_tax(number: str) -> tuple[str, ...]:
    """A remainder of 1 is that of a birth number of old, whose check digit cannot be 10."""
    return _valid("sk.dph", "sk.dic", number) if number.isdigit() and int(number) % 11 < 2 else ()


def _austrian(number: str) -> tuple[str, ...]:
    return _valid("at.uid", "at.uid", f"u{number}")


def _swiss(number: str) -> tuple[str, ...]:
    return (f"ch.uid:{number}",) if _is_valid("ch.uid", f"che{number}") else ()


def _firmenbuch(number: str) -> tuple[str, ...]:
    return _valid("at.businessid", "at.fn", number)


def _german(number: str) -> tuple[str, ...]:
    return _abroad("de", number)


def _british(number: str) -> tuple[str, ...]:
    return _valid("gb.vat", "gb.vat", number)


def _vat(number: str) -> tuple[str, ...]:
    """A VAT number without its country; a REGON is none."""
    match len(number):
        case 8:
            return _ico(number) or _only(hungarian(number), _austrian(number))
        case 9:
            return _only(_german(number), _british(number))
    return unmarked(number)


def _ust(number: str) -> tuple[str, ...]:
    """In words of German: a German or an Austrian one, by its length."""
    return _austrian(number) if len(number) == 8 else _german(number) if len(number) == 9 else ()


def _tax_id(number: str) -> tuple[str, ...]:
    """Nine digits may be an EIN, which has no check digit."""
    return () if len(number) == 9 else unmarked(number)


def _none(_number: str) -> tuple[str, ...]:
    return ()


BY_LABEL: Final[dict[str, Reader]] = {
    "ico": _ico, "ic": _ico, "dic": _tax, "ic dph": _tax, "icdph": _tax,
    "nip": _nip, "regon": _regon, "krs": _krs, "ein": american, "fn": _firmenbuch,
    "fein": american, "vat": _vat, "vatin": _vat, "dph": _vat, "uid": _ust, "ust": _ust, "umsatzsteuer": _ust,
    "tax id": _tax_id, "tin": _tax_id, "adoszam": hungarian, "hra": _none, "hrb": _none, "steuernummer": _none,
    "st nr": _none, "steuer nr": _none, "cegjegyzekszam": _none, "tel": _none, "mobil": _none,
}  # fmt: skip
"""By the words before the number, folded. EIN of nine digits, Steuernummer, HRB and Cégjegyzékszám have no check digits
to go by."""
UNION: Final = frozenset(
    ["be", "bg", "cy", "de", "dk", "ee", "el", "es", "fi", "fr", "gr", "hr", "ie", "it", "lt", "lu", "lv", "mt", "nl",
     "pt", "ro", "se", "si", "xi"]
)  # fmt: skip
"""Countries whose VAT numbers are read as a whole; the others have registers of their own."""
BY_PREFIX: Final[dict[str, Reader]] = {
    "cz": _czech, "sk": _slovak, "pl": _nip, "hu": hungarian, "atu": _austrian, "at": _austrian, "u": _austrian,
    "gb": _british, "che": _swiss,
    **{country: partial(_abroad, country) for country in UNION},
}  # fmt: skip


def _valid(module: str, scheme: str, number: str) -> tuple[str, ...]:
    return (f"{scheme}:{number.removeprefix('u')}",) if _is_valid(module, number) else ()


def _is_valid(module: str, number: str) -> bool:
    return bool(_validator(module)(number.upper() if module != "at.businessid" else number))


@cache
def _validator(module: str) -> Callable[[str], bool]:
    from importlib import import_module  # one module a country: only those that are met

    valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return valid
