"""What is wrong with real records, how often, and what should become of each?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from examples.demo.companies import Row, cents, company_number, respell, slug, typo


@dataclass(frozen=True)
class Dirt:
    """`share` is of all rows of the table; `spoil` returns the columns that it ruins."""

    kind: str
    share: float
    expect: str
    spoil: Callable[[Random, Row], Row]
    fits: Callable[[Row], bool] = lambda _: True  # which rows can be ruined so


def numbered(row: Row) -> bool:
    return row["ico"] is not None


def always(**columns: object) -> Callable[[Random, Row], Row]:
    return lambda *_: columns


def one_of(column: str, *values: str) -> Callable[[Random, Row], Row]:
    return lambda rng, _: {column: rng.choice(values)}


def bad_check_digit(_: Random, row: Row) -> Row:
    return {"ico": row["ico"][:-1] + str((int(row["ico"][-1]) + 5) % 10)}


def spaced_number(_: Random, row: Row) -> Row:
    return {"ico": f"{row['ico'][:2]} {row['ico'][2:5]} {row['ico'][5:]}"}


def prefixed_number(_: Random, row: Row) -> Row:
    return {"ico": f"IČO: {row['ico']}"}


def long_account_name(_: Random, row: Row) -> Row:
    return {"name": row["name"] + " - branch, plant and warehouse" * 4}


def untidy_name(_: Random, row: Row) -> Row:
    return {"name": f" {row['name'].replace(' ', '  ')} "}


ACCOUNTS: Final = (
    Dirt("ico-with-spaces", 0.04, "applied: the number arrives without blanks", spaced_number, numbered),
    Dirt("ico-with-prefix", 0.004, "applied: the number arrives alone", prefixed_number, numbered),
    Dirt("ico-missing", 0.05, "applied: null is no error", always(ico=None), numbered),
    Dirt("ico-bad-check-digit", 0.01, "rejected by company_id", bad_check_digit, numbered),
    Dirt("ico-placeholder", 0.004, "rejected by company_id", one_of("ico", "-", "nemá", "99999999", "12345678")),
    Dirt("email-invalid", 0.01, "rejected by the CRM's contract, the address not shown",
         one_of("email", "info(at)firma.example", "none", "obchod@", "a b@firma.example")),
    Dirt("phone-nonsense", 0.01, "rejected by phone, the number not shown",
         one_of("phone", "see e-mail", "+421 000", "123", "after 4 p.m.")),
    Dirt("name-empty", 0.002, "rejected by the CRM's contract", always(name="")),
    Dirt("name-blank", 0.002, "rejected by the project tool's contract, once trimmed", always(name="   ")),
    Dirt("name-too-long", 0.003, "applied: cut at 120", long_account_name),
    Dirt("name-untidy", 0.03, "applied: trimmed, single blanks", untidy_name),
    Dirt("description-too-long", 0.002, "rejected by the CRM's contract: 4000 at most",
         always(description="Call again. " * 400)),
    Dirt("country-unmapped", 0.005, "applied, with country ZZ", one_of("country", "N/A", "Európa", "?")),
    Dirt("lead-unknown", 0.005, "rejected: the lead is no user of the project tool",
         always(delivery_lead="lead99@delivery.example")),
    Dirt("website-nonsense", 0.005, "rejected by domain", one_of("website", "none yet", "???", "http://")),
    Dirt("employees-negative", 0.004, "applied, with a warning: the path is not mapped", always(employees=-1)),
    Dirt("deleted", 0.01, "out of scope: gone before it was ever linked", always(is_deleted=1)),
)  # fmt: skip


def swapped_dates(_: Random, row: Row) -> Row:
    return {"start_date": row["close_date"], "close_date": row["start_date"]}


def unknown_account(_: Random, row: Row) -> Row:
    return {"account_id": row["account_id"] + 900_000}


def three_places(_: Random, row: Row) -> Row:
    return {"amount": f"{row['amount'][:-1]}15"}


def long_deal_name(_: Random, row: Row) -> Row:
    return {"name": row["name"] + ", stage one and stage two" * 5}


OPPORTUNITIES: Final = (
    Dirt("no-account", 0.004, "rejected: an initiation needs a customer", always(account_id=None)),
    Dirt("account-unknown", 0.003, "waiting: its account does not exist", unknown_account),
    Dirt("dates-in-wrong-order", 0.01, "held by a check", swapped_dates),
    Dirt("currency-null", 0.007, "rejected by the CRM's contract: an amount needs a currency",
         always(currency=None)),
    Dirt("amount-with-three-places", 0.002, "rejected by the CRM's contract", three_places),
    Dirt("probability-over-100", 0.002, "rejected by the CRM's contract", always(probability=150)),
    Dirt("service-line-unmapped", 0.01, "held by the lookup", one_of("service_line", "Misc", "IT", "Sonstiges")),
    Dirt("name-too-long", 0.005, "applied: cut at 120", long_deal_name),
)  # fmt: skip


def total_off_by(amount: str) -> Callable[[Random, Row], Row]:
    return lambda _, row: {"line_total": cents(Decimal(row["line_total"]) + Decimal(amount))}


def negative_quantity(_: Random, row: Row) -> Row:
    return {"quantity": str(-Decimal(row["quantity"])), "line_total": str(-Decimal(row["line_total"]))}


def unknown_quote(_: Random, row: Row) -> Row:
    return {"quote_id": row["quote_id"] + 900_000}


LINES: Final = (
    Dirt("total-does-not-fit", 0.006, "rejected by the check", total_off_by("100")),
    Dirt("total-a-cent-off", 0.006, "applied: within a cent", total_off_by("-0.01")),
    Dirt("cost-type-unmapped", 0.004, "rejected by the lookup", one_of("cost_type", "Other", "Diverse", "práca")),
    Dirt("quantity-negative", 0.002, "rejected by the CRM's contract", negative_quantity),
    Dirt("quantity-zero", 0.01, "nothing: a line of nothing makes no budget", always(quantity="0", line_total="0")),
    Dirt("quote-unknown", 0.003, "rejected by the CRM's contract: there is no quote to embed", unknown_quote),
    Dirt("number-taken-twice", 0.0005, "failed, or its twin: one line of a number", always(line_no=1)),
    Dirt("optional", 0.01, "out of scope: not part of the deal", always(optional=1)),
)  # fmt: skip


# The same company in the project tool, or one that only seems to be the same ---------------------------------


@dataclass(frozen=True)
class Twin:
    """How a customer relates to an account. `share` is of all accounts; `twist` returns the columns in which the
    customer differs from a faithful copy, given the account and that copy."""

    kind: str
    share: float
    expect: str
    twist: Callable[[Random, Row, Row], Row] = lambda *_: {}
    source: Callable[[Row], Row] = lambda _: {}  # what the account needs for this to be the case
    fits: Callable[[Row], bool] = lambda _: True  # which accounts can have such a twin


def without(*columns: str) -> Callable[[Random, Row, Row], Row]:
    return lambda *_: dict.fromkeys(columns)


def number_as_typed(rng: Random, source: Row, _: Row) -> Row:
    """As a spreadsheet left it: a lost zero in front, or blanks between."""
    number = source["ico"]
    return {"ico": rng.choice((number, number, number.lstrip("0"), f"{number[:3]} {number[3:6]} {number[6:]}"))}


def sister(rng: Random, source: Row, _: Row) -> Row:
    """Another company of the same group: it shares the domain, not the number."""
    name = f"{source['_core']} {rng.choice(('Holding', 'Invest', 'Servis', 'Energo', 'Reality'))} {source['_legal']}"
    return {"customer_name": name, "ico": company_number(rng), "vat_id": None}


def namesake(rng: Random, source: Row, _: Row) -> Row:
    domain = f"{slug(source['_core'])}-{rng.randrange(2, 99)}.example"
    return {"ico": company_number(rng), "vat_id": None, "web_domain": domain, "contact_email": None}


def mistyped(rng: Random, source: Row, _: Row) -> Row:
    return {"customer_name": respell(rng, typo(rng, typo(rng, source["_core"])), source["_legal"]), "ico": None}


def with_website(source: Row) -> Row:
    return {"website": source["website"] or f"www.{source['_domain']}"}


TWINS: Final = (
    Twin("same-number", 0.12, "linked: the number decides", number_as_typed, fits=numbered),
    Twin("no-number-same-domain", 0.06, "linked by name and domain", without("ico"), with_website),
    Twin("no-number-typo", 0.01, "linked or in review: a mistyped name, the same domain", mistyped, with_website),
    Twin("name-only", 0.025, "in review: nothing but a similar name",
         without("ico", "vat_id", "web_domain", "contact_email")),
    Twin("sister-with-number", 0.01, "not linked: another number forbids; the account is created",
         sister, with_website, numbered),
    Twin("sister-without-number", 0.005, "in review, or created where the names are too unlike",
         lambda *given: {**sister(*given), "ico": None}, with_website),
    Twin("namesake", 0.005, "not linked: another number forbids; the account is created", namesake, fits=numbered),
    Twin("notes-differ", 0.006, "linked; the notes are held", lambda *_: {"notes": "Deliveries only before noon."},
         lambda _: {"description": "Prefers fixed price."}, numbered),
    Twin("pm-knows-more", 0.006, "linked; the field that its owner has empty is held",
         lambda _, source, __: {"web_domain": source["_domain"]}, lambda _: {"website": None}, numbered),
    Twin("twice-in-pm", 0.004, "in review: one number, two customers", fits=numbered),
    Twin("twice-in-crm", 0.003, "in review: one number, two accounts", fits=numbered),
)  # fmt: skip


@dataclass(frozen=True)
class Typed:
    """How an initiation that somebody typed in differs from its deal. `share` is of all opportunities."""

    kind: str
    share: float
    expect: str
    twist: Row


INITIATIONS: Final = (
    Typed("with-code", 0.045, "linked: the deal's number decides", {}),
    Typed("same-title", 0.015, "linked by title and start, within the customer", {"code": None}),
    Typed("similar-title", 0.005, "in review: the title, but another start",
          {"code": None, "planned_start": "2024-12-01"}),
    Typed("log-differs", 0.002, "linked; the log is held", {"log": "2024-12-24 somebody began another log\n"}),
)  # fmt: skip

OTHERS: Final = {
    "account/has-parent": "applied: the parent first",
    "account/parents-in-a-loop": "held: two accounts that own each other",
    "account/twice-in-crm": "in review: one number, two accounts",
    "customer/pm-only": "nothing: the CRM is never given new accounts",
    "customer/internal": "out of scope",
    "initiation/pm-only": "nothing: the CRM is never given new deals",
    "budget_line/typed-in-before": "linked by initiation and number; the hours go to the CRM",
}

EXPECT: Final[dict[str, str]] = {
    **OTHERS,
    **{f"account/{each.kind}": each.expect for each in ACCOUNTS},
    **{f"opportunity/{each.kind}": each.expect for each in OPPORTUNITIES},
    **{f"quote_line/{each.kind}": each.expect for each in LINES},
    **{f"customer/{each.kind}": each.expect for each in TWINS},
    **{f"initiation/{each.kind}": each.expect for each in INITIATIONS},
}
"""What should become of every kind of dirt, by entity and kind."""
