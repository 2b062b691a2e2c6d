"""How is a company called, numbered and spelled, in five countries and by careless people?

Nobody in here is real: names are put together from syllables and common surnames, and every domain has `-demo` in it.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

WORDS: Final = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
COUNTRIES: Final = WORDS["countries"]
FIRST_DAY: Final = datetime(2025, 1, 1, 6, 0, tzinfo=UTC)  # everything happened in 2025: later than no reader's clock

Row = dict[str, Any]


# Identifiers with honest check digits ------------------------------------------------------------------


def company_number(rng: Random) -> str:
    """A Slovak or Czech IČO: eight digits, the last from weights 8..2 modulo 11; one in six begins with zero."""
    digits = [rng.choice((0, 1, 2, 3, 4, 5)), *(rng.randrange(10) for _ in range(6))]
    total = sum(digit * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True))
    return "".join(map(str, digits)) + str((11 - total % 11) % 10)


def polish_number(rng: Random) -> str:
    """A NIP: ten digits, the last from weights modulo 11; a remainder of ten is never issued."""
    while True:
        digits = [rng.randrange(1, 10) for _ in range(9)]
        total = sum(digit * weight for digit, weight in zip(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7), strict=True)) % 11
        if total < 10:
            return "".join(map(str, digits)) + str(total)


def austrian_vat(rng: Random) -> str:
    digits = [rng.randrange(10) for _ in range(7)]
    total = sum(sum(divmod(digit * (1 + at % 2), 10)) for at, digit in enumerate(digits))
    return "ATU" + "".join(map(str, digits)) + str((6 - total) % 10)


def german_vat(rng: Random) -> str:
    digits = [rng.randrange(1, 10), *(rng.randrange(10) for _ in range(7))]
    check = 10
    for digit in digits:
        check = (check + digit) % 10 or 10
        check = check * 2 % 11
    return "DE" + "".join(map(str, digits)) + str((11 - check) % 10)


def slovak_vat(rng: Random) -> str:
    """Ten digits, a multiple of eleven."""
    return f"SK{rng.randrange(183_636_364, 184_545_454) * 11}"


def identifiers(rng: Random, country: str) -> tuple[str | None, str]:
    """IČO (None beyond Slovakia and Czechia) and VAT number."""
    number = company_number(rng)
    match country:
        case "SK":
            return number, slovak_vat(rng)
        case "CZ":
            return number, f"CZ{number}"
        case "PL":
            return None, f"PL{polish_number(rng)}"
        case "AT":
            return None, austrian_vat(rng)
        case _:
            return None, german_vat(rng)


# Names and how people spell them -----------------------------------------------------------------------


def plain(text: str) -> str:
    """Without diacritics, as old systems kept it."""
    spread = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L").replace("ß", "ss"))
    return "".join(char for char in spread if not unicodedata.combining(char))


def slug(text: str) -> str:
    return "-".join("".join(char if char.isalnum() else " " for char in plain(text).lower()).split())


def brand(rng: Random) -> str:
    parts = WORDS["brand"]
    return "".join(
        (rng.choice(parts["onset"]), rng.choice(parts["middle"]), rng.choice("bdkmnprstv"), rng.choice(parts["end"]))
    )


def core_name(rng: Random, country: str) -> str:
    words = COUNTRIES[country]
    shape = rng.random()
    if shape < 0.5:
        return brand(rng)
    if shape < 0.75:
        return f"{brand(rng)} {rng.choice(words['activities'])}"
    if shape < 0.9:
        return f"{rng.choice(words['activities'])} {brand(rng)} {rng.choice(words['towns'])[0]}"
    return f"{rng.choice(words['surnames'])} & {brand(rng)}"


def typo(rng: Random, text: str) -> str:
    """Two neighbours swapped, a letter lost or doubled."""
    at = rng.randrange(1, len(text) - 2)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return rng.choice((swapped, text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]))


def respell(rng: Random, core: str, legal: str) -> str:
    """The same company as a colleague would have typed it: legal form, diacritics, case, comma."""
    name = plain(core) if rng.random() < 0.4 else core
    form = rng.choice(WORDS["legal_spellings"][legal])
    joined = f"{name}{', ' if rng.random() < 0.35 else ' '}{form}"
    return joined.upper() if rng.random() < 0.3 else joined


def domain_of(core: str, country: str) -> str:
    return f"{slug(core)}-demo.{country.lower()}"


def website(rng: Random, domain: str) -> str:
    return rng.choice(
        (domain, f"www.{domain}", f"https://www.{domain}/", f"http://{domain}/kontakt", f"HTTPS://{domain.upper()}")
    )


def phone(rng: Random, country: str) -> str:
    """Blanks and double zeros as people type them; Slovak numbers often without the country."""
    digits = f"90{rng.randrange(1, 9)}{rng.randrange(10**6):06d}"
    if country == "SK" and rng.random() < 0.5:
        return f"0{digits[:3]} {digits[3:6]} {digits[6:]}"
    dial, local = COUNTRIES[country]["dial"], digits
    match country:
        case "CZ":
            local = f"60{digits[2:]}"
        case "PL":
            local = f"60{digits[2:]}"
        case "AT":
            local = f"664{digits[3:]}1"
        case "DE":
            local = f"151{digits[2:]}1"
    return f"{rng.choice((dial, '00' + dial[1:]))} {local[:3]} {local[3:6]} {local[6:]}"


# Moments -------------------------------------------------------------------------------------------------


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.000")


def stamps(rng: Random) -> Row:
    made = FIRST_DAY + timedelta(minutes=rng.randrange(300 * 24 * 60))
    return {"created_at": stamp(made), "updated_at": stamp(made + timedelta(minutes=rng.randrange(60 * 24 * 60)))}


def day(rng: Random, first: date, within: int) -> date:
    return first + timedelta(days=rng.randrange(within))


def maybe(rng: Random, share: float, value: Any) -> Any:
    return value if rng.random() < share else None


def cents(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.01"), ROUND_HALF_UP))
