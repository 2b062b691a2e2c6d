"""What would a CRM and a project tool hold of companies that really exist?

Names, numbers and towns are the register's; everything else is made up around them. The numbers are the truth: two
records of one number are one company, whether they show the number or not. The same records and seed make the same
world.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias

from examples.demo.companies import WORDS, Row, maybe, plain, slug, typo, website
from examples.demo.dirt import ACCOUNTS, number_as_typed, spaced_number
from examples.demo.world import LEAST, Sizes, World, account, customer, detail, sell, spoil, users

Spelling: TypeAlias = Mapping[str, str]
"""One row of records.csv: ico, name and city at least."""

CUT: Final = 40  # the register's list cuts names here: what branches of one association are told apart by is lost
FEWEST: Final = 60
ROOM: Final = (LEAST.opportunities, LEAST.quotes, LEAST.lines)
"""However few companies there are, they have so many deals, quotes and lines."""
ONCE, TWICE, NAMESAKE = "one spelling", "two spellings", "namesake"


@dataclass(frozen=True)
class Company:
    """One legal entity: how the CRM spells it, how the project tool does, and what is told of it."""

    ico: str
    crm: Spelling
    pm: Spelling
    spelled: str
    domain: str


@dataclass(frozen=True)
class Twins:
    """One company that stands in both systems, and what both records show of it."""

    account: int
    customer: int
    spelled: str
    number: str  # both | one
    domain: str  # both | not both


@dataclass
class Made:
    world: World = field(default_factory=World)
    twins: list[Twins] = field(default_factory=list)
    sizes: Sizes = field(default_factory=Sizes)


def build(records: Sequence[Spelling], seed: int) -> Made:
    rng = Random(f"{seed}/real")
    made, clients, sound = populate(rng, companies(rng, records))
    count = len(made.world.crm["accounts"])
    made.sizes = Sizes(count, *(max(each) for each in zip((count, count + count // 6, 3 * count), ROOM, strict=True)))
    deals, started = sell(made.world, rng, made.sizes.opportunities, clients, sound)
    detail(made.world, rng, made.sizes, deals, started)
    return made


# Who there is ----------------------------------------------------------------------------------------------


def companies(rng: Random, records: Sequence[Spelling]) -> Iterator[Company]:
    """In the order of the records; of two spellings either may be the CRM's."""
    by_number: dict[str, list[Spelling]] = {}
    for record in records:
        by_number.setdefault(record["ico"], []).append(record)
    bearers = Counter(name for rows in by_number.values() for name in {row["name"] for row in rows})
    taken: set[str] = set()
    for ico, rows in by_number.items():
        first, last = rng.choice(((rows[0], rows[-1]), (rows[-1], rows[0])))
        namesake = bearers[first["name"]] > 1 or bearers[last["name"]] > 1
        spelled = NAMESAKE if namesake else TWICE if len(rows) > 1 else ONCE
        yield Company(ico, first, last, spelled, domain(first, namesake, taken))


def domain(row: Spelling, namesake: bool, taken: set[str]) -> str:
    """Invented. Companies of one name have one each; branches of an association, whose cut names are equal, have the
    association's."""
    name = slug(row["name"])[:CUT]
    if namesake and len(row["name"]) >= CUT:
        return f"{name}-demo.cz"
    tries = (name, f"{name}-{slug(row['city'])[:12]}".rstrip("-"), *(f"{name}-{n}" for n in range(2, 1000)))
    free = next(each for each in tries if each not in taken)
    taken.add(free)
    return f"{free}-demo.cz"


# Where they stand ------------------------------------------------------------------------------------------


def populate(rng: Random, found: Iterator[Company]) -> tuple[Made, dict[int, Row], list[Row]]:
    """Returns the customers that surely link, by account id, and the accounts that nothing is wrong with."""
    made, clients, clean = Made(), dict[int, Row](), list[Row]()
    accounts, customers = list[Row](), list[Row]()
    for company in found:
        place = "both" if company.spelled == TWICE else rng.choices(("both", "crm", "pm"), (45, 35, 20))[0]
        left = {"id": len(accounts) + 1, **in_crm(rng, company)}
        right = {"id": len(customers) + 1, **in_pm(rng, company, left)}
        if place != "pm":
            accounts.append(left)
        if place != "crm":
            customers.append(right)
        if place == "both":
            made.twins.append(meet(rng, company, left, right))
            if company.spelled == ONCE and made.twins[-1].number == "both":
                clients[left["id"]] = right
        elif place == "crm" and left["type"] == "customer":
            clean.append(left)
    spoil(made.world, rng, "account", ACCOUNTS, clean, len(clean))
    made.world.crm["accounts"] = accounts
    made.world.pm |= {"users": users(), "customers": customers}
    return made, clients, [row for row in accounts if row["id"] in clients] + clean


def in_crm(rng: Random, company: Company) -> Row:
    shows_website = rng.random() < 0.85
    return {
        **account(rng, "CZ", company.crm["name"]),
        "name": company.crm["name"],
        "ico": company.ico,
        "vat_id": maybe(rng, 0.5, f"CZ{company.ico}"),
        "website": website(rng, company.domain) if shows_website else None,
        "city": company.crm["city"],
        "email": f"info@{company.domain}",
        "_domain": company.domain,
    }


def in_pm(rng: Random, company: Company, left: Row) -> Row:
    return {
        **customer(rng, left),
        "customer_name": respelled(rng, company.pm["name"]),
        "ico": maybe(rng, 0.9, company.ico),
        "web_domain": maybe(rng, 0.75, company.domain),
        "city": company.pm["city"],
    }


def meet(rng: Random, company: Company, left: Row, right: Row) -> Twins:
    """Both systems have it: sales deliver to it, and the number may be missing on one side."""
    left["type"] = "customer"
    right["ico"] = company.ico
    number = rng.choices(("both", "pm has none", "crm has none"), (60, 30, 10))[0]
    match number:
        case "pm has none":
            right.update(ico=None, vat_id=None)
        case "crm has none":
            left.update(ico=None, vat_id=None)
        case _:
            left.update(spaced_number(rng, left) if rng.random() < 0.2 else {})
            right.update(number_as_typed(rng, {"ico": company.ico}, right))
    named = left["website"] is not None and right["web_domain"] is not None
    return Twins(
        left["id"], right["id"], company.spelled, "both" if number == "both" else "one", "both" if named else "not both"
    )


LEGAL: Final = re.compile(r",? *(?:spol\. *)?s\. *r\. *o\.$|,? *a\. *s\.$", re.IGNORECASE)


def respelled(rng: Random, name: str) -> str:
    """As a colleague would have typed it: half of the time as it is, else without diacritics, in capitals, with another
    legal form or mistyped."""
    how = rng.choices((str, plain, str.upper, formed, lambda text: typo(rng, text)), (50, 15, 10, 17, 8))[0]
    return how(name) if len(name) > 3 else name


def formed(name: str) -> str:
    """With the legal form in its other spelling; a name without one stays."""
    form = "a. s." if re.search(r"a\. *s\.$", name, re.IGNORECASE) else WORDS["legal_spellings"]["s.r.o."][2]
    return LEGAL.sub(f", {form}", name)


def truth(made: Made) -> str:
    """What demo/build.py would write, and which records are one company. No name, no number."""
    world = made.world
    told = {
        "rows": {table: len(rows) for tables in (world.crm, world.pm) for table, rows in sorted(tables.items())},
        "dirt": {kind: len(refs) for kind, refs in sorted(world.dirt.items())},
        "twins": [vars(each) for each in made.twins],
    }
    return json.dumps(told, indent=1) + "\n"
