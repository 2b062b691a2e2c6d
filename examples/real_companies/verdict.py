"""Which links are right, which are wrong, and which were missed?

The truth is OUT/world.json: two records of one IČO are one company, whether they show it or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Pair: TypeAlias = tuple[int, int]
"""The keys of an account and a customer."""

BY_NUMBER, BY_NAME, ASKED = "linked by number", "linked by name", "asked"
ASKED_ELSE, LEFT = "asked about others", "left alone"
MADE_ANEW, WRONG = "made anew", "linked wrongly"
FATES: Final = (BY_NUMBER, BY_NAME, ASKED, ASKED_ELSE, LEFT, MADE_ANEW, WRONG)
"""`made anew`: the project tool has the company twice now. `left alone`: the account is rejected or the like."""


@dataclass(frozen=True)
class Found:
    """What crmsync says of accounts and customers: the customer of each linked account with the reason, and the pairs
    that it asks a person about."""

    linked: Mapping[int, tuple[int, str]]
    asked: Collection[Pair]


@dataclass(frozen=True)
class Verdict:
    fates: Mapping[str, Counter[str]]
    """Of the companies in both systems, by what their records show."""
    strangers: int
    """Accounts that the project tool did not know, and that were linked to a customer that was there before."""
    questions: Pair
    """Pairs that a person is asked about: all, and those that really are one company."""

    @property
    def wrong(self) -> int:
        return self.strangers + sum(fates[WRONG] for fates in self.fates.values())

    @property
    def missed(self) -> int:
        return sum(fates[MADE_ANEW] for fates in self.fates.values())


def found(links: Sequence[Mapping[str, Any]], reviews: Sequence[Mapping[str, Any]]) -> Found:
    """From what `link list` and `review list --kind match` say in JSON."""
    linked = {one: (two, link["reason"]) for link in links for one, two in [keys_of(link["records"])]}
    return Found(linked, {keys_of(review["records"]) for review in reviews})


def keys_of(records: str | Sequence[str]) -> Pair:
    first, second = records.split() if isinstance(records, str) else records
    return key_of(first), key_of(second)


def key_of(ref: str) -> int:
    return int(ref.rpartition("/")[2])


def judge(truth: Mapping[str, Any], said: Found) -> Verdict:
    known = truth["rows"]["customers"]  # a customer of a later key was made by crmsync
    twins = {twin["account"]: twin for twin in truth["twins"]}
    fates: dict[str, Counter[str]] = {}
    for account, twin in twins.items():
        fates.setdefault(shows(twin), Counter())[fate(said, account, twin["customer"], known)] += 1
    strangers = sum(customer <= known for account, (customer, _) in said.linked.items() if account not in twins)
    true = sum((twin["account"], twin["customer"]) in said.asked for twin in twins.values())
    return Verdict(dict(sorted(fates.items())), strangers, (len(said.asked), true))


def shows(twin: Mapping[str, Any]) -> str:
    return f"{twin['spelled']}; number on {twin['number']}; domain on {twin['domain']}"


def fate(said: Found, account: int, customer: int, known: int) -> str:
    linked, reason = said.linked.get(account, (None, ""))
    if linked == customer:
        return BY_NUMBER if reason.startswith("ico") else BY_NAME
    if linked is not None:
        return WRONG if linked <= known else MADE_ANEW
    if (account, customer) in said.asked:
        return ASKED
    return ASKED_ELSE if any(account == one or customer == two for one, two in said.asked) else LEFT


def told(verdict: Verdict) -> Iterator[str]:
    total = sum(verdict.fates.values(), Counter())
    wide = max(map(len, verdict.fates), default=0)
    yield "  ".join((" " * wide, *FATES))
    for name, fates in (*verdict.fates.items(), ("all", total)):
        yield "  ".join((name.ljust(wide), *(str(fates[each]).rjust(len(each)) for each in FATES)))
    asked, true = verdict.questions
    yield f"wrong links {verdict.wrong} ({verdict.strangers} of them of accounts that only the CRM has)"
    yield f"missed {verdict.missed}: the project tool has them twice now"
    yield f"questions {asked}, of which {true} are about one company and {asked - true} are not"
