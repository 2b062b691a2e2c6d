"""Do two records bear the same phone number?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import BEARERS, Slips, borne, common, numbered
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

NATIONAL: Final = 9
"""Digits from the right that are compared: a number without country code has at least these in SK, CZ, PL, HU."""
LOCAL: Final = 7
"""Where one of the numbers is shorter than NATIONAL: it lacks the code of its area."""
LONGEST: Final = 15
"""Digits of a number, by E.164."""
SLIP: Final = 0.5

_PLAIN: Final = re.compile(r"(\+|00)?[\d .()–-]*(?:/[\d .()–-]+)?")
_MORE: Final = re.compile(
    r"[,;|\n]| / |(?<![^\W\d_])(?:alebo|nebo|lub|oder|or|fax|ext(?:ension|n)?|linka|klapka|kl|wew(?:n(?:[eę]trzny)?)?"
    r"|dw|durchwahl|mell[eé]k)(?![^\W\d_])|(?<=\d)\s*[x#]",
    re.IGNORECASE,
)
_DIRECT: Final = re.compile(r"(.*\d) ?[/–-] ?(\d{1,4})")
"""A number, and what may be the extension behind it."""
_BLOCK: Final = re.compile(r"\d+$")
BLOCK: Final = 5
"""Digits in one piece that are the number of a company by themselves: +43 1 2223334-12."""
_FULL: Final = {"421": 9, "420": 9, "48": 9, "36": 9, "44": 10, "1": 10}
"""Digits of a number behind the code of its country, where all have so many or one less."""
_OPEN: Final = {"43": re.compile("6(?:50|6[013-9]|[789])"), "49": re.compile("1[567]")}
"""Countries whose numbers have any length, and what their mobile numbers, which have no extension, begin with."""
_MOBILE: Final = re.compile(r"01[567]\d\d?\b|06(?:50|6[013-9]|[789]\d)|06\W*(?:[237]0|31)")
"""How those of Germany, Austria and Hungary begin at home."""
_LABEL: Final = re.compile(r"^[^\d+(]+")
_FAKES: Final = ("123456789", "987654321", "1234567", "7654321")


def phone(text: str) -> str | None:
    """`+` and the digits of E.164 where the country is told, else the digits without a national 0. The first number of
    several, without extension. None for what has fewer than 7 digits, one digit over and over, or more than one number
    can have. A normal text is itself."""
    text = text[:200].strip()
    digits = text.removeprefix("+")
    if not (digits.isdigit() and digits.isascii()):  # with blanks and signs
        text = text if _PLAIN.fullmatch(text) else _first(text)
        digits = _joined(_without_extension(text))
    return _told(digits, international=text.startswith(("+", "00")))


def _first(text: str) -> str:
    """The first number of a text with labels, extensions or more numbers; in free text as phonenumbers finds it."""
    for part in _MORE.split(text):
        bare = _LABEL.sub("", part.strip())
        if len(_digits(bare)) >= LOCAL:
            return bare if _PLAIN.fullmatch(bare) else _found(bare)
    return ""


def _found(text: str) -> str:
    from phonenumbers import Leniency, PhoneNumberMatcher  # metadata of every country

    matches = PhoneNumberMatcher(text, "SK", leniency=Leniency.POSSIBLE)
    return next((match.raw_string for match in matches), "") if matches.has_next() else ""


def _without_extension(text: str) -> str:
    """A number of a switchboard that a hyphen or slash divides from the extension; else as it is."""
    direct = _DIRECT.fullmatch(text)
    if direct is None:
        return text
    head, more = direct.groups()
    international = text.startswith(("+", "00"))
    whole = _is_whole_abroad if international else _is_whole_at_home
    return head if whole(head, len(more)) else text


def _is_whole_abroad(head: str, more: int) -> bool:
    """Whether the digits before the last hyphen are a number, so that the `more` behind it are none of its digits."""
    digits = _digits(head.replace("(0)", "")).lstrip("0")
    code = next((each for each in (*_FULL, *_OPEN) if digits.startswith(each)), "")
    size = len(digits) - len(code)
    if code in _OPEN:
        return size >= LOCAL and not _OPEN[code].match(digits, len(code))
    if code in _FULL:
        return size + more > _FULL[code] and size >= _FULL[code] - 1
    return size >= NATIONAL and _block(head) >= BLOCK


def _is_whole_at_home(head: str, more: int) -> bool:
    """The same without code of a country: up to NATIONAL digits, ten in the USA, may be one number."""
    size = len(_digits(head).lstrip("0"))
    if head.startswith("0") and _block(head) >= BLOCK and not _MOBILE.match(head):
        return size >= LOCAL and size + more > NATIONAL
    return size >= NATIONAL and size + more > NATIONAL + 1


def _block(head: str) -> int:
    """Digits in one piece at its end."""
    return len(_BLOCK.findall(head)[0])


def _joined(text: str) -> str:
    digits = _digits(text.replace("(0)", "") if text.startswith(("+", "00")) else text)
    if len(digits) > LONGEST and "/" in text:  # 0905 123 456/0905 654 321
        return _digits(text.partition("/")[0])
    return digits


def _told(digits: str, *, international: bool) -> str | None:
    bare = digits.lstrip("0")
    if not LOCAL <= len(bare) <= LONGEST or bare.endswith(LOCAL * bare[-1]) or bare in _FAKES:
        return None
    return f"+{bare}" if international else bare


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")


# Compared -------------------------------------------------------------------------------------------------


def gauge(values: Sequence[str], rarity: Rarity) -> Gauge:
    digits = [value.removeprefix("+") for value in values]
    national = [each[-NATIONAL:] for each in digits]
    by_nine, by_seven = numbered(national), numbered([each[-LOCAL:] for each in digits])
    nats, texts = common(national, rarity), Slips.of(national)
    short = np.array([len(each) < NATIONAL for each in digits], dtype=np.bool_)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        local = short[first] | short[second]
        same = np.where(local, by_seven[first] == by_seven[second], by_nine[first] == by_nine[second])
        likeness = same.astype(float)
        other = np.flatnonzero(~same & ~local)
        likeness[other[texts.apart(first[other], second[other])]] = SLIP
        return likeness, np.where(same, np.minimum(nats[first], nats[second]), np.nan)

    return measure


def reason(first: str, second: str, features: Sequence[float]) -> str:
    match features[0] if features else 0.0:
        case 1.0:
            many = borne(features[1])
            return f"both {first}{many}" if first == second else f"{first} is {second}{many}"
        case 0.5:
            return f"{first} against {second}, one slip apart"
        case _:
            return f"{first} against {second}"


def words(normal: str) -> Sequence[str]:
    return (f"={normal.removeprefix('+')[-NATIONAL:]}",)


def keys(normal: str, _rarity: Rarity) -> Iterable[str]:
    return (normal[-LOCAL:],)


COMPARATORS: Final = (
    Comparator(
        "phone", "The first phone number of a text, by its last nine digits, or seven where the area is not told.",
        phone,
        (Feature("likeness", (0.0, SLIP, 1.0), (-2.0, 0.3, 4.2)), BEARERS), gauge, reason, keys, words,
    ),
)  # fmt: skip
