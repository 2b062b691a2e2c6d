"""What do a CRM and a project tool hold before anybody has brought them in step?

`build(sizes, seed)` makes it up: rows by table, and which record holds which dirt. The same
arguments make the same world.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from examples.demo.companies import (
    COUNTRIES,
    WORDS,
    Row,
    cents,
    core_name,
    day,
    domain_of,
    identifiers,
    maybe,
    phone,
    plain,
    respell,
    slug,
    stamp,
    stamps,
    website,
)
from examples.demo.dirt import ACCOUNTS, INITIATIONS, LINES, OPPORTUNITIES, TWINS, Dirt, Twin

USERS: Final = 25
PORTFOLIOS: Final = dict(zip(WORDS["service_lines"], ("ADV", "DEV", "OPS", "INF"), strict=True))
COST_TYPES: Final = {
    **dict.fromkeys(("Consulting", "Development", "Testing", "Training"), "labour"),
    "Licence": "licence",
    "Hardware": "material",
    "Travel": "travel",
    "Subcontractor": "external",
    "Discount": "discount",
}


@dataclass(frozen=True)
class Sizes:
    accounts: int = 2000
    opportunities: int = 3000
    quotes: int = 3500
    lines: int = 10000


LEAST: Final = Sizes(200, 300, 350, 1000)
"""A smaller world has no room for every kind of dirt."""


@dataclass
class World:
    """Rows by table of each database. Columns that begin with `_` reach no table."""

    crm: dict[str, list[Row]] = field(default_factory=dict)
    pm: dict[str, list[Row]] = field(default_factory=dict)
    dirt: dict[str, list[str]] = field(default_factory=dict)  # entity/kind -> refs
    story: dict[str, str] = field(default_factory=dict)  # what edit.py edits

    def note(self, system: str, entity: str, kind: str, row: Row) -> None:
        self.dirt.setdefault(f"{entity}/{kind}", []).append(f"{system}.{entity}/{row['id']}")


def build(sizes: Sizes, seed: int) -> World:
    world = World()
    clients, sound = populate(world, Random(f"{seed}/companies"), sizes.accounts)
    deals, started = sell(world, Random(f"{seed}/deals"), sizes.opportunities, clients, sound)
    detail(world, Random(f"{seed}/lines"), sizes, deals, started)
    return world


def share_of(count: int, share: float) -> int:
    """At least one, so that even a small world has every kind of dirt."""
    return max(1, round(count * share))


def anyone(_: Row) -> bool:
    return True


def take(rows: list[Row], count: int, fits: Callable[[Row], bool] = anyone) -> list[Row]:
    """Remove from `rows` the first `count` that fit."""
    taken = [row for row in rows if fits(row)][:count]
    gone = {id(row) for row in taken}
    rows[:] = [row for row in rows if id(row) not in gone]
    return taken


def spoil(world: World, rng: Random, entity: str, dirts: Sequence[Dirt], clean: list[Row], of: int) -> None:
    """Ruin rows of `clean`, each in one way; those left in `clean` still are."""
    for dirt in dirts:
        for row in take(clean, share_of(of, dirt.share), dirt.fits):
            row.update(dirt.spoil(rng, row))
            world.note("crm", entity, dirt.kind, row)


# Accounts and customers ------------------------------------------------------------------------------------


def populate(world: World, rng: Random, count: int) -> tuple[dict[int, Row], list[Row]]:
    """Returns the customers that surely link, by account id, and the accounts that nothing is wrong with."""
    fresh = newcomers(rng)
    accounts = [next(fresh) for _ in range(count)]
    clean = [row for row in accounts if row["type"] == "customer"]
    rng.shuffle(clean)
    pairs = [pair for twin in TWINS for pair in twins(rng, twin, take(clean, share_of(count, twin.share), twin.fits))]
    copy_in_crm(world, [source for kind, source, _ in pairs if kind == "twice-in-crm"], clean)
    customers = [customer for _, _, customer in pairs]
    customers += copy_in_pm(rng, [source for kind, source, _ in pairs if kind == "twice-in-pm"])
    customers += only_in_pm(rng, fresh, share_of(count, 0.04))
    for number, row in enumerate(customers, start=1):
        row["id"] = number
    spoil(world, rng, "account", ACCOUNTS, clean, count)
    families(world, rng, clean)
    world.crm["accounts"] = accounts
    world.pm |= {"users": users(), "customers": customers}
    world.dirt |= whereabouts(customers)
    clients = {source["id"]: row for kind, source, row in pairs if kind == "same-number"}
    return clients, [source for kind, source, _ in pairs if kind == "same-number"] + clean


def users() -> list[Row]:
    names = [f"lead{number:02d}" for number in range(1, USERS + 1)]
    return [
        {"id": number, "login": name, "email": f"{name}@delivery.example", "active": 1}
        for number, name in enumerate(names, start=1)
    ]


def newcomers(rng: Random) -> Iterator[Row]:
    """Tidy accounts, numbered from 1, no two of one name."""
    taken = set[str]()
    while True:
        country = rng.choices(list(COUNTRIES), [each["weight"] for each in COUNTRIES.values()])[0]
        core = core_name(rng, country)
        if slug(core) not in taken:
            taken.add(slug(core))
            yield {"id": len(taken), **account(rng, country, core)}


def account(rng: Random, country: str, core: str) -> Row:
    words, domain = COUNTRIES[country], domain_of(core, country)
    legal, (ico, vat) = rng.choice(words["legal"]), identifiers(rng, country)
    return {
        "type": rng.choices(("customer", "prospect", "partner", "supplier"), (70, 18, 8, 4))[0],
        "name": f"{core}{rng.choice((', ', ' '))}{legal}",
        "ico": ico,
        "vat_id": maybe(rng, 0.7, vat),
        "website": maybe(rng, 0.85, website(rng, domain)),
        "country": rng.choice(words["called"]),
        "email": maybe(rng, 0.8, f"{rng.choice(('info', 'office', 'obchod'))}@{domain}"),
        "phone": maybe(rng, 0.75, phone(rng, country)),
        "contact_person": maybe(rng, 0.7, f"{rng.choice(words['given'])} {rng.choice(words['surnames'])}"),
        "parent_id": None,
        **address(rng, words),
        "delivery_status": maybe(rng, 0.3, rng.choice(("Onboarding", "In delivery", "Former", "Lost"))),
        "delivery_lead": maybe(rng, 0.6, f"lead{rng.randrange(1, USERS + 1):02d}@delivery.example"),
        "tags": some_tags(rng, 4),
        "description": maybe(rng, 0.3, rng.choice(WORDS["remarks"])),
        "employees": maybe(rng, 0.6, rng.randrange(1, 2000)),
        "is_deleted": 0,
        **stamps(rng),
        "_core": core,
        "_legal": legal,
        "_country": country,
        "_domain": domain,
    }


def address(rng: Random, words: Any) -> Row:
    city, prefix = rng.choice(words["towns"])
    digits = (prefix + f"{rng.randrange(1000):03d}")[: 4 if words["dial"] == "+43" else 5]
    spaced = f"{digits[:2]}-{digits[2:]}" if words["dial"] == "+48" else f"{digits[:3]} {digits[3:]}"
    return {
        "street": f"{rng.choice(words['streets'])} {rng.randrange(1, 180)}",
        "city": city,
        "postal_code": rng.choice((digits, spaced)) if words["dial"] in ("+421", "+420", "+48") else digits,
    }


def some_tags(rng: Random, most: int) -> str:
    return json.dumps(rng.sample(WORDS["tags"], rng.randrange(most)), ensure_ascii=False)


def twins(rng: Random, twin: Twin, sources: Sequence[Row]) -> Iterator[tuple[str, Row, Row]]:
    """Kind, account and customer, whose id comes later."""
    for source in sources:
        source.update(twin.source(source))
        row = customer(rng, source)
        row.update(twin.twist(rng, source, row))
        yield twin.kind, source, {**row, "_kind": twin.kind}


def customer(rng: Random, source: Row) -> Row:
    """What the project tool would hold of `source`, if only some spellings were other ones."""
    return {
        "customer_name": respell(rng, source["_core"], source["_legal"]),
        "ico": source["ico"],
        "vat_id": source["vat_id"],
        "web_domain": source["_domain"] if source["website"] else None,
        "street": source["street"],
        "city": plain(source["city"]) if rng.random() < 0.3 else source["city"],
        "zip": source["postal_code"],
        "country_code": source["_country"],
        "contact_name": source["contact_person"],
        "contact_email": source["email"],
        "contact_phone": None,
        "parent_id": None,
        "status": rng.choices(("onboarding", "active", "on_hold", "closed"), (10, 60, 10, 20))[0],
        "kind": "external",
        "manager": int(source["delivery_lead"][4:6]) if source["delivery_lead"] else None,
        "labels": some_tags(rng, 3),
        "notes": None,
        "active": 1,
        "origin": None,
        **stamps(rng),
    }


def copy_in_crm(world: World, sources: Sequence[Row], clean: list[Row]) -> None:
    """A colleague made the account once more; both are in the CRM."""
    for source, second in zip(sources, take(clean, len(sources)), strict=True):
        kept = {"id": second["id"], "email": None, "description": None}
        second.update({**source, **kept})
        for row in (source, second):
            world.note("crm", "account", "twice-in-crm", row)


def copy_in_pm(rng: Random, sources: Sequence[Row]) -> Iterator[Row]:
    for source in sources:
        yield {**customer(rng, source), "_kind": "twice-in-pm"}


def only_in_pm(rng: Random, fresh: Iterator[Row], count: int) -> Iterator[Row]:
    for _ in range(count):
        yield {**customer(rng, next(fresh)), "_kind": "pm-only"}
    for name in WORDS["departments"]:
        inside = {"customer_name": name, "kind": "internal", "ico": None, "vat_id": None, "web_domain": None}
        yield {**customer(rng, next(fresh)), **inside, "_kind": "internal"}


def whereabouts(customers: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in customers:
        found.setdefault(f"customer/{row['_kind']}", []).append(f"pm.customer/{row['id']}")
    return found


def families(world: World, rng: Random, clean: list[Row]) -> None:
    """Some accounts belong to another one; two belong to each other, and leave `clean`."""
    first, second = take(clean, 2)
    for row, owner in ((first, second), (second, first)):
        row["parent_id"] = owner["id"]
        world.note("crm", "account", "parents-in-a-loop", row)
    for _ in range(share_of(len(clean), 0.05)):
        parent, child = sorted(rng.sample(clean, 2), key=lambda row: int(row["id"]))
        if child["parent_id"] is None:
            child["parent_id"] = parent["id"]  # the older one owns: never a loop
            world.note("crm", "account", "has-parent", child)


# Opportunities and initiations -----------------------------------------------------------------------------


def sell(
    world: World, rng: Random, count: int, clients: dict[int, Row], sound: Sequence[Row]
) -> tuple[list[Row], dict[int, Row]]:
    """Returns the deals that nothing is wrong with, and the initiations that surely link, by opportunity id."""
    buyers = [row for row in world.crm["accounts"] if not row["is_deleted"]]
    weights = [9 if row["id"] in clients else 4 if row["type"] == "customer" else 1 for row in buyers]
    buys = rng.choices(buyers, weights, k=count)
    deals = [{"id": number, **opportunity(rng, number, buyer)} for number, buyer in enumerate(buys, start=1)]
    fine = {row["id"] for row in sound}
    clean = [deal for deal in deals if deal["account_id"] in fine and in_scope(deal)]
    rng.shuffle(clean)
    known = [deal for deal in clean if deal["account_id"] in clients]
    typed = list(initiations(world, rng, known, clients, count))
    gone = {row["_deal"] for row in typed}
    clean = [deal for deal in clean if deal["id"] not in gone]
    spoil(world, rng, "opportunity", OPPORTUNITIES, clean, count)
    world.crm["opportunities"], world.pm["initiations"] = deals, typed
    tell(world, clients, clean)
    return clean, {row["_deal"]: row for row in typed if row["_kind"] == "with-code"}


def opportunity(rng: Random, number: int, buyer: Row) -> Row:
    stage = rng.choices(("qualification", "proposal", "negotiation", "won", "lost"), (14, 14, 20, 38, 14))[0]
    odds = {"qualification": (5, 30), "proposal": (30, 65), "negotiation": (50, 95), "won": (100, 101), "lost": (0, 1)}
    start, kind = day(rng, date(2025, 2, 1), 300), rng.choice(WORDS["project_kinds"])
    won = datetime.combine(start, datetime.min.time()) - timedelta(minutes=rng.randrange(1, 30 * 24 * 60))
    return {
        "number": f"OPP-{number:06d}",
        "account_id": buyer["id"],
        "name": f"{kind} - {buyer['_core']} {number}",
        "stage": stage,
        "probability": rng.randrange(*odds[stage]),
        "amount": cents(Decimal(rng.randrange(200_000, 30_000_000)) / 100),
        "currency": {"CZ": "CZK", "PL": "PLN"}.get(buyer["_country"], "EUR"),
        "start_date": start.isoformat(),
        "close_date": day(rng, start + timedelta(days=20), 300).isoformat(),
        "won_at": stamp(won) if stage == "won" else None,
        "service_line": maybe(rng, 0.9, rng.choice(WORDS["service_lines"])),
        "effort_days": maybe(rng, 0.8, str(Decimal(rng.randrange(4, 800)) / 4)),
        "delivery_status": None,
        "actual_cost": None,
        "delivery_log": maybe(rng, 0.3, f"{start.isoformat()} offer discussed with the client\n"),
        "change_requests": rng.choice((0, 0, 0, 1, 2)),
        "next_step": maybe(rng, 0.4, "Call back"),
        "is_deleted": 0,
        **stamps(rng),
    }


def in_scope(deal: Row) -> bool:
    return bool(deal["stage"] == "won" or deal["probability"] >= 70)


def initiations(world: World, rng: Random, known: list[Row], clients: dict[int, Row], of: int) -> Iterator[Row]:
    """What somebody had typed into the project tool by hand; `clients` are the linked customers by account id."""
    number = 0
    for typed in INITIATIONS:
        for deal in take(known, share_of(of, typed.share)):
            number += 1
            if typed.kind == "log-differs":
                deal["delivery_log"] = "2025-01-15 offer discussed with the client\n"
            made = {"id": number, **initiation(rng, deal, clients[deal["account_id"]]["id"]), **typed.twist}
            world.note("pm", "initiation", typed.kind, made)
            yield {**made, "_deal": deal["id"], "_kind": typed.kind}
    for deal in take(known, share_of(of, 0.005)):  # work that no deal stands behind
        number += 1
        alone = {"code": None, "title": f"Maintenance {number}", "planned_start": "2024-01-08", "log": None}
        made = {"id": number, **initiation(rng, deal, clients[deal["account_id"]]["id"]), **alone}
        world.note("pm", "initiation", "pm-only", made)
        yield {**made, "_deal": None, "_kind": "pm-only"}


def initiation(rng: Random, deal: Row, customer_id: int) -> Row:
    amount = Decimal(deal["amount"])
    return {
        "code": deal["number"],
        "title": deal["name"][:120],
        "customer_id": customer_id,
        "phase": "delivery" if deal["stage"] == "won" else "preparation",
        "likelihood": None,
        "budget_amount": cents(amount if rng.random() < 0.8 else amount * 9 / 10),
        "budget_currency": deal["currency"],
        "planned_start": deal["start_date"],
        "planned_end": deal["close_date"],
        "approved_on": None,
        "portfolio": PORTFOLIOS.get(deal["service_line"]),
        "planned_hours": None,
        "status": rng.choice(("planned", "running", "running", "paused", "done")),
        "priority": rng.choice(("low", "normal", "high")),
        "actual_cost": maybe(rng, 0.7, cents(amount * rng.randrange(5, 90) / 100)),
        "log": deal["delivery_log"],
        "change_requests": deal["change_requests"],
        "archived": 0,
        "origin": None,
        **stamps(rng),
    }


def tell(world: World, clients: dict[int, Row], clean: Sequence[Row]) -> None:
    """Choose what edit.py will edit: two companies that surely link, and a deal that makes an initiation, of a company
    that surely links where there is one."""
    (renamed, _), (_, advanced) = list(clients.items())[:2]
    won = [deal for deal in clean if deal["stage"] == "won" and deal["account_id"] not in (None, renamed)]
    revalued = min(won, key=lambda deal: deal["account_id"] not in clients)
    world.story = {
        "renamed": f"crm.account/{renamed}",
        "revalued": f"crm.opportunity/{revalued['id']}",
        "advanced": f"pm.customer/{advanced['id']}",
    }


# Quote lines and budget lines ------------------------------------------------------------------------------


def detail(world: World, rng: Random, sizes: Sizes, clean: Sequence[Row], started: dict[int, Row]) -> None:
    offers = list(quotes(rng, world.crm["opportunities"], sizes.quotes))
    lines = list(quote_lines(rng, offers, sizes.lines))
    accepted = {offer["id"]: offer["opportunity_id"] for offer in offers if offer["status"] == "accepted"}
    world.pm["budget_lines"] = list(budget_lines(world, rng, lines, accepted, started))
    fine = {deal["id"] for deal in clean}
    untouched = [line for line in lines if accepted.get(line["quote_id"]) in fine and line["line_no"] > 1]
    rng.shuffle(untouched)
    spoil(world, rng, "quote_line", LINES, untouched, sizes.lines)
    world.crm |= {"quotes": offers, "quote_lines": lines}


def quotes(rng: Random, deals: Sequence[Row], count: int) -> Iterator[Row]:
    """Won deals first, with the quote that won them; then drafts and refusals of any deal."""
    won = [deal for deal in deals if deal["stage"] == "won"]
    for number in range(1, count + 1):
        accepted = number <= len(won)
        deal = won[number - 1] if accepted else rng.choice(deals)
        yield {
            "id": number,
            "number": f"Q-{number:06d}",
            "opportunity_id": deal["id"],
            "status": "accepted" if accepted else rng.choice(("draft", "sent", "rejected")),
            "currency": deal["currency"],
            "valid_until": deal["close_date"],
            "updated_at": deal["updated_at"],
        }


def quote_lines(rng: Random, offers: Sequence[Row], count: int) -> Iterator[Row]:
    """A line for every quote, the rest by chance; numbered within the quote."""
    lots = [*range(len(offers)), *(rng.randrange(len(offers)) for _ in range(count - len(offers)))][:count]
    last: dict[int, int] = {}
    for number, at in enumerate(sorted(lots), start=1):
        last[at] = last.get(at, 0) + 1
        yield {"id": number, "quote_id": offers[at]["id"], "line_no": last[at], **quote_line(rng, last[at], offers[at])}


def quote_line(rng: Random, number: int, offer: Row) -> Row:
    discount = number > 1 and rng.random() < 0.03
    quantity = Decimal(1) if discount else Decimal(rng.randrange(2, 240)) / rng.choice((1, 2, 4, 8))
    rate = Decimal(rng.randrange(500, 90_000)) / (-100 if discount else 100)
    return {
        "description": "Discount" if discount else rng.choice(WORDS["works"]),
        "cost_type": "Discount" if discount else rng.choice(WORDS["cost_types"]),
        "quantity": str(quantity),
        "unit": rng.choice(WORDS["units"]),
        "unit_rate": cents(rate),
        "line_total": cents(quantity * rate),
        "optional": 0,
        "planned_hours": None,
        "actual_hours": None,
        "updated_at": offer["updated_at"],
    }


def budget_lines(
    world: World, rng: Random, lines: Sequence[Row], accepted: dict[int, int], started: dict[int, Row]
) -> Iterator[Row]:
    """The lines of deals under way, with the hours that only the project tool knows. `accepted`: opportunity id by
    quote id; `started`: initiation by opportunity id."""
    under_way = [line for line in lines if accepted.get(line["quote_id"]) in started]
    for number, line in enumerate(under_way, start=1):
        hours = Decimal(rng.randrange(8, 400)) / 2
        made = {
            "id": number,
            "initiation_id": started[accepted[line["quote_id"]]]["id"],
            "line_no": line["line_no"],
            "description": line["description"],
            "cost_type": COST_TYPES[line["cost_type"]],
            "quantity": line["quantity"],
            "unit": line["unit"],
            "unit_rate": line["unit_rate"],
            "planned_hours": str(hours),
            "actual_hours": maybe(rng, 0.7, cents(hours * rng.randrange(1, 120) / 100)),
            "origin": None,
            **stamps(rng),
        }
        world.note("pm", "budget_line", "typed-in-before", made)
        yield made
