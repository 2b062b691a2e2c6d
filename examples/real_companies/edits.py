"""What do people change in both systems, and what should a delta make of it?"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg

from examples.real_companies.verdict import key_of

MOST: Final = 40
Expected: TypeAlias = Counter[tuple[str, str, str]]
"""How many actions by mapping, side and kind."""


@dataclass(frozen=True)
class Edit:
    """`share` of the links of `mapping`, at least one and at most `MOST`; `side` is who edits, `leads_to` the action
    that a delta should take, and on which side."""

    what: str
    mapping: str
    side: str
    sql: str
    leads_to: tuple[str, str]
    share: float = 0.01


ACCOUNTS, DEALS, LINES = "account-customer", "opportunity-initiation", "quote-line-budget-line"

EDITS: Final = (
    Edit("sales rename an account", ACCOUNTS, "crm", "UPDATE accounts SET name = 'Nova ' || name", ("pm", "update")),
    Edit("delivery move a customer on", ACCOUNTS, "pm",
         "UPDATE customers SET status = CASE status WHEN 'on_hold' THEN 'active' ELSE 'on_hold' END",
         ("crm", "update")),
    Edit("delivery rename a customer, which is not theirs to do", ACCOUNTS, "pm",
         "UPDATE customers SET customer_name = customer_name || ' (old)'", ("pm", "revert")),
    Edit("sales raise a deal", DEALS, "crm", "UPDATE opportunities SET amount = amount + 1000", ("pm", "update")),
    Edit("sales lose a deal after all", DEALS, "crm",
         "UPDATE opportunities SET stage = 'lost', probability = 0", ("pm", "archive")),
    Edit("delivery book hours", LINES, "pm",
         "UPDATE budget_lines SET actual_hours = coalesce(actual_hours, 0) + 1", ("crm", "update")),
)  # fmt: skip

FOR_GOOD: Final = Edit("sales delete a quote line", LINES, "crm", "DELETE FROM quote_lines", ("pm", "delete"), 0.005)
"""No delta sees it, and one complete listing without it is not yet a proof: the second batch run deletes."""

NEWCOMERS: Final = """
WITH made AS (INSERT INTO accounts (type, name, country)
              SELECT 'customer', 'Vrznoplast ' || chr(64 + n), 'CZ' FROM generate_series(1, 5) AS n RETURNING id),
     sold AS (INSERT INTO opportunities (number, account_id, name, stage, probability, amount, currency, close_date)
              SELECT 'OPP-9' || lpad(id::text, 5, '0'), id, 'The first deal', 'won', 100, 1000, 'CZK', '2026-12-31'
              FROM made RETURNING id),
     sent AS (INSERT INTO quotes (number, opportunity_id, status, currency)
              SELECT 'Q-9' || lpad(id::text, 5, '0'), id, 'accepted', 'CZK' FROM sold RETURNING id)
INSERT INTO quote_lines (quote_id, line_no, description, cost_type, quantity, unit, unit_rate, line_total)
SELECT id, 1, 'Setting up', 'Consulting', 1, 'day', 1000, 1000 FROM sent
"""
"""Five new accounts, each with its first deal, quote and line."""


def edit(
    crm_url: str, pm: Path, links: Mapping[str, Sequence[Mapping[str, Any]]]
) -> tuple[Expected, Expected, list[str]]:
    """Edits linked records, no record twice. Returns what a delta should do, what the second batch run should, and what
    people did."""
    gone, expected = Expected(), Expected({(mapping, "pm", "create"): 5 for mapping in (ACCOUNTS, DEALS, LINES)})
    rest = {mapping: iter(rows) for mapping, rows in links.items()}
    done = ["sales win a new account with deal, quote and line: 5"]
    with psycopg.connect(crm_url.replace("+psycopg", "")) as crm, closing(sqlite3.connect(pm)) as tool, tool:
        crm.execute(NEWCOMERS)
        for each in (*EDITS, FOR_GOOD):
            keys = take(rest[each.mapping], each, len(links[each.mapping]))
            text = f"{each.sql} WHERE id IN ({', '.join(map(str, keys))})"
            crm.execute(text.encode()) if each.side == "crm" else tool.execute(text)
            (gone if each is FOR_GOOD else expected)[each.mapping, *each.leads_to] += len(keys)
            done.append(f"{each.what}: {len(keys)}")
    return expected, gone, done


def take(links: Iterator[Mapping[str, Any]], each: Edit, of: int) -> list[int]:
    """The keys on the side that edits."""
    number = max(1, min(MOST, int(of * each.share)))
    return [key_of(link["records"][0 if each.side == "crm" else 1]) for link in islice(links, number)]
