"""Which numbers does a company bear in registers, and do two companies bear the same?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from rapidfuzz.distance import OSA

from crmsync.core.match.compare.column import Slips, numbered, shared, slots
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold
from crmsync.core.match.compare.registers import (
    BY_LABEL,
    BY_PREFIX,
    UNION,
    american,
    hungarian,
    is_told,
    of_the_union,
    unmarked,
)

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

SLIP: Final = 0.5
"""Likeness of two numbers of one register that are one slip of the pen apart."""
DIFFERS: Final = "a valid identifier differs"
MOST: Final = 4
"""Numbers of one value that are looked at."""
LONGEST: Final = 20
"""Characters of a number with nothing around it, blanks among them."""
EIN: Final = 9
"""Digits."""
SECRET: Final = frozenset({"cz.dic"})
"""Registers whose numbers hold a birth number: they are compared, never shown."""

_NORMAL: Final = re.compile(r"(?:[a-z.]+:[0-9a-z]+)(?:,[a-z.]+:[0-9a-z]+)*")
_PARTS: Final = re.compile(r"[,;|/\n]")
_STEUERNUMMER: Final = re.compile(r"\b\d{2,3}/\d{3,4}/\d{4,5}\b")
"""One number of a German tax office, no three of others."""
_LABELS: Final = "|".join(sorted(BY_LABEL, key=len, reverse=True))
_NUMBER: Final = re.compile(
    rf"\b(?:(?P<label>{_LABELS})(?: ?(?:id|nr|no|reg|ue|eu|cislo|number|nummer|identifikationsnummer)\b)*\s*)?"
    r"(?:(?P<prefix>at ?u|che|u|[a-z]{2})\s*)?(?P<number>\d+(?: \d+)*[a-z]?)\b"
)
_EIN: Final = re.compile(r"\s*(?:(?:federal |us )?(?:tax id|tin|f?ein)(?: no| number)?[\s.:#]*)?\d\d-\d{7}\s*", re.I)


def company_id(text: str) -> str | None:
    """`scheme:number` of every valid number that the text names, sorted, between commas: `ico:31333532,nip:85...`.
    None where there is none: a wrong check digit and a made-up number are evidence of nothing. A normal text is
    itself."""
    if ":" in text and _NORMAL.fullmatch(text):
        return text
    found = _bare(text)
    if found is None:
        parts = _PARTS.split(_STEUERNUMMER.sub(" ", text[:200]) if "/" in text else text[:200])
        found = tuple({number for part in parts for number in _numbers(part)})
    return found[0] if len(found) == 1 else ",".join(sorted(found)) or None


def _bare(text: str) -> tuple[str, ...] | None:
    """What a number with nothing around it is, or with the prefix of its country; None for a text of more than that."""
    if not text.isascii() or len(text) > LONGEST:
        return None
    number = text.replace(" ", "")
    if number.isdigit():
        return unmarked(number) if is_told(number) else ()
    reader, number = BY_PREFIX.get(text[:2].lower()), number[2:]
    if reader is None or not number.isdigit():
        return None
    return reader(number) if is_told(number) else ()


def _numbers(part: str) -> Iterator[str]:
    folded = fold(part)
    joined = folded.replace(" ", "")
    if joined[:2] in UNION and (whole := of_the_union(joined)):
        yield from whole
    elif _EIN.fullmatch(part):
        yield from american(joined[-EIN:])
    elif re.fullmatch(r"\s*\d{8}-\d-\d\d\s*", part):
        yield from hungarian(joined)
    else:
        for match in _NUMBER.finditer(folded):
            number = match["number"].replace(" ", "")
            if is_told(number):
                yield from _read(match["label"] or "", match["prefix"] or "", number)


def _read(label: str, prefix: str, number: str) -> tuple[str, ...]:
    """By the prefix of its country, else by its label, else by what it looks like."""
    reader = BY_PREFIX.get(prefix.replace(" ", "")) or BY_LABEL.get(label) or unmarked
    return reader(number)


# Compared -------------------------------------------------------------------------------------------------


def _by_scheme(normal: str) -> list[tuple[str, str]]:
    return [(scheme, number) for scheme, _, number in (each.partition(":") for each in normal.split(","))]


def gauge(values: Sequence[str], _rarity: Rarity) -> Gauge:
    """1 a number of one register is the same, SLIP one slip apart, 0 another one, NaN no register in common."""
    held = [value.split(",")[:MOST] if "," in value else (value,) for value in values]
    numbers = slots(held, max(map(len, held), default=1))
    bearers = [number.partition(":")[0] for number in dict.fromkeys(chain.from_iterable(held))]
    registers = np.concatenate([[0], numbered(bearers)])[numbers]
    texts = Slips.of(values)
    single = np.array([len(each) == 1 for each in held], dtype=np.bool_)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        same, comparable = shared(numbers[first], numbers[second]), shared(registers[first], registers[second])
        likeness = np.where(same, 1.0, np.where(comparable, 0.0, np.nan))
        rows = np.flatnonzero(comparable & ~same)
        alone = single[first[rows]] & single[second[rows]]
        plain = rows[alone]
        likeness[plain[texts.apart(first[plain], second[plain])]] = SLIP
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
