"""What does the ledger know of how well it goes? Counts, ages, and what people were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from crmsync.core.model import ABSENT, SIDES, Both, Json, Side, from_json, to_json
from crmsync.core.signals import Memory, memory_json, memory_of
from crmsync.ledger import endings
from crmsync.ledger.codec import decode_base
from crmsync.ledger.database import Access, Shape
from crmsync.ledger.decode import ALIVE
from crmsync.ledger.endings import Ending
from crmsync.ledger.nouns import DUPLICATE
from crmsync.ledger.store import Ledger

SAMPLE: Final = 1000  # links whose bases tell how complete the records are
CONVERGENCE: Final = "convergence"  # stands for a channel where the value is kept that later ones are compared with

_ALERT: Final = Shape("crmsync_alert", ("scope", "channel", "state"), ("scope", "channel"))


def oldest(ledger: Ledger) -> Mapping[str, tuple[str | None, str | None]]:
    """By mapping, when its oldest open review and its oldest open dead letter were opened."""
    sql = "SELECT mapping, min(opened) FROM crmsync_{} WHERE state = 'open' GROUP BY mapping"
    with ledger.database.reading() as access:
        reviews, letters = (dict(_pairs(access, sql.format(table))) for table in ("review", "dead"))
    return {name: (reviews.get(name), letters.get(name)) for name in reviews.keys() | letters.keys()}


def duplicates(ledger: Ledger) -> Mapping[tuple[str, Side], tuple[int, int]]:
    """By mapping and side, the open questions whether two records are one, and the records that are another one now."""
    with ledger.database.reading() as access:
        asked = access.rows(
            "SELECT mapping, side, count(*) FROM crmsync_review WHERE state = 'open' AND kind = :kind "
            "GROUP BY mapping, side",
            kind=DUPLICATE,
        )  # fmt: skip
        merged = access.rows(
            "SELECT mapping, side, count(*) FROM crmsync_merge WHERE active = 1 GROUP BY mapping, side"
        )
    found = ({(name, side): int(n) for name, side, n in rows} for rows in (asked, merged))
    first, second = found
    return {place: (first.get(place, 0), second.get(place, 0)) for place in first.keys() | second.keys()}


def endings_of(ledger: Ledger) -> Mapping[int, Ending]:
    """How many runs have ended with each exit code, also before they had a plan, and when the last one did."""
    with ledger.database.reading() as access:
        return endings.endings(access)


def count_end(ledger: Ledger, run: str, code: int, began: str, ended: str) -> None:
    """A run has ended; where it came as far as to be remembered, its end was counted then, or will be."""
    with ledger.database.writing() as access:
        if access.one("SELECT 1 FROM crmsync_run WHERE id = :run", run=run) is None:
            endings.count(access, code, began, ended)


def last_good(ledger: Ledger) -> Mapping[str, str]:
    """By mapping, when its last run ended that came to its end (exit 0 or 3)."""
    with ledger.database.reading() as access:
        rows = access.rows("SELECT selected, max(ended) FROM crmsync_run WHERE exit IN (0, 3) GROUP BY selected")
    found: dict[str, str] = {}
    for names, ended in rows:
        for name in from_json(names) or ():
            found[name] = max(ended, found.get(name, ""))
    return found


def filled(ledger: Ledger, mapping: str, links: int) -> Both[Mapping[str, tuple[int, int]]]:
    """By side and field, in how many links that field has a value there, and of how many that is known: what both sides
    said when they last agreed. Of more than `SAMPLE` links a sample is read, spread over all of them."""
    with ledger.database.reading() as access:
        bases = [decode_base(row[0]) for row in _sampled(access, mapping, links)]
    known: Counter[str] = Counter(name for base in bases for name in base)
    full = [Counter(n for base in bases for n, each in base.items() if _is_full(each.values[side])) for side in SIDES]
    first, second = ({name: (full[side][name], known[name]) for name in sorted(known)} for side in SIDES)
    return first, second


def _sampled(access: Access, mapping: str, links: int) -> list[tuple[Any, ...]]:
    bases = f"SELECT base FROM crmsync_link WHERE mapping = :mapping AND {ALIVE}"
    if links <= SAMPLE:
        return access.rows(bases, mapping=mapping)
    ends = "SELECT min(id), max(id) FROM crmsync_link WHERE mapping = :mapping AND active = 1"  # an index has them
    ((first, last),) = access.rows(ends, mapping=mapping)
    ids = sorted({first + (last - first) * i // (SAMPLE - 1) for i in range(SAMPLE)})
    return access.rows(bases + " AND id {any:ids}", mapping=mapping, ids=ids)


def _is_full(value: Json) -> bool:
    return value is not ABSENT and value not in (None, "", [], {})


def _pairs(access: Access, sql: str) -> Iterable[tuple[str, str]]:
    return ((row[0], row[1]) for row in access.rows(sql))


# What people were told --------------------------------------------------------------------------------------------


def memories(ledger: Ledger, channel: str | None = None) -> Mapping[tuple[str, str], Memory]:
    """By scope and channel, what it was told; of one channel, or of all."""
    where = "channel <> :convergence" if channel is None else "channel = :channel AND channel <> :convergence"
    given = {} if channel is None else {"channel": channel}
    with ledger.database.reading() as access:
        rows = access.rows(
            f"SELECT scope, channel, state FROM crmsync_alert WHERE {where} ORDER BY scope, channel",
            convergence=CONVERGENCE, **given,
        )  # fmt: skip
    return {(scope, each): memory_of(from_json(state)) for scope, each, state in rows}


def references(ledger: Ledger) -> Mapping[str, float]:
    """By mapping, the convergence that the next one is compared with."""
    with ledger.database.reading() as access:
        rows = access.rows("SELECT scope, state FROM crmsync_alert WHERE channel = :channel", channel=CONVERGENCE)
    return {mapping: float(from_json(state)) for mapping, state in rows}


def save_alerts(
    ledger: Ledger, told: Mapping[tuple[str, str], Memory], convergence: Mapping[str, float] | None = None
) -> None:
    """By scope and channel, what it was told; by mapping, the convergence that counts from now on."""
    rows = [(*place, to_json(memory_json(told[place])).decode()) for place in sorted(told)]
    rows += [(name, CONVERGENCE, repr(value)) for name, value in sorted((convergence or {}).items())]
    with ledger.database.writing() as access:
        access.upsert(_ALERT, rows)
