"""What may happen in two systems between two runs: random edits, which any number of worlds can live through alike."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.run.small import Record, Small

Deed: TypeAlias = tuple[str, int, Record]
"""Who (company 1..4, its client, deal 1..3, its task), and the values that change. `{}`: the record goes."""

TEXTS = st.sampled_from([None, "", "a", "b", "Dlhší text"])
TAGS = st.one_of(st.none(), st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3))
COUNTS = st.one_of(st.none(), st.integers(0, 5))
LOGS = st.sampled_from([None, "", "log", "log one", "log two", "other"])
AMOUNTS = st.sampled_from([None, 0, 1, Decimal("2.50")])
CURRENCIES = st.sampled_from(["EUR", "CZK", None])

COMPANY = {
    "name": st.sampled_from(["Alfa", " Beta  s.r.o. ", "Žltý kôň", "", "  ", "x" * 50]),
    "type": st.sampled_from(["customer", "customer", "prospect"]),
    "delivery": st.sampled_from(["Running", "Won", "Closed", "Nonsense"]),
    "web": TEXTS, "notes": TEXTS, "nick": TEXTS, "tags": TAGS,
    "visits": COUNTS, "log": LOGS, "lead": TEXTS, "amount": AMOUNTS, "currency": CURRENCIES,
}  # fmt: skip
CLIENT = {
    "title": st.sampled_from(["Alfa", "Somebody's"]), "web": TEXTS,
    "status": st.sampled_from(["open", "won", "done", None]),
    "notes": TEXTS, "nick": TEXTS, "labels": TAGS, "visits": COUNTS, "log": LOGS, "lead": TEXTS,
    "kind": st.sampled_from(["external", "internal"]), "phase": st.sampled_from(["planned", "running"]),
    "amount": AMOUNTS, "currency": CURRENCIES,
}  # fmt: skip
DEAL = {"company": st.integers(1, 5), "title": TEXTS, "done": st.sampled_from([None, True, False])}
TASK = {"title": TEXTS, "done": st.sampled_from([True, False])}


def _some(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Record]:
    """One to three of the values."""
    names = st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


crm_deeds = st.one_of(
    st.tuples(st.just("company"), st.integers(1, 4), _some(COMPANY)),
    st.tuples(st.just("deal"), st.integers(1, 3), _some(DEAL)),
)
pm_deeds = st.one_of(
    st.tuples(st.just("client"), st.integers(1, 5), _some(CLIENT)),
    st.tuples(st.just("task"), st.integers(1, 3), _some(TASK)),
)
edits = st.one_of(crm_deeds, crm_deeds, pm_deeds)
tombstones = st.tuples(st.just("company"), st.integers(1, 4), st.just({"gone": True}))
losses: st.SearchStrategy[Deed] = st.tuples(
    st.sampled_from(["company", "client", "deal", "task"]), st.integers(1, 4), st.just({})
)


# Edits whose way does not matter, only their end: nothing is refused, nothing adds up, the scope is never left.
SMOOTH = {name: COMPANY[name] for name in ("web", "notes", "nick", "lead", "amount", "currency")}
SMOOTH["name"] = st.sampled_from(["Alfa", " Beta  s.r.o. ", "Žltý kôň"])
SMOOTH["delivery"] = st.sampled_from(["Running", "Won"])

smooth_deeds = st.one_of(
    st.tuples(st.just("company"), st.integers(1, 4), _some(SMOOTH)),
    st.tuples(st.just("deal"), st.integers(1, 3), _some({"title": TEXTS})),
)


def days(deeds: st.SearchStrategy[Deed], most: int = 4) -> st.SearchStrategy[list[list[Deed]]]:
    """What happens before each of some runs; the first day begins with a company that is a customer."""
    later = st.lists(st.lists(deeds, max_size=6), min_size=1, max_size=most)
    return later.map(lambda found: [[("company", 1, {"name": "Alfa"}), *found[0]], *found[1:]])


def live(small: Small, deeds: list[Deed]) -> None:
    for who, number, values in deeds:
        _DO[who](small, number, values)


def _company(small: Small, number: int, values: Record) -> None:
    fresh = {"id": number, "name": f"Firm {number}", "type": "customer", "ids": {"code": f"C{number}"}}
    _put(small.crm, "company", (number,), fresh, values)


def _client(small: Small, number: int, values: Record) -> None:
    """The client of company `number`, whatever its key."""
    key = next(
        (key for key, record in small.pm.records("client").items() if record["code"] == f"C{number}"), (100 + number,)
    )
    fresh = {"id": key[0], "title": f"Client {number}", "code": f"C{number}", "phase": "running"}
    _put(small.pm, "client", key, fresh, values)


def _deal(small: Small, number: int, values: Record) -> None:
    _put(small.crm, "deal", (number,), {"id": number, "company": 1, "number": number, "title": None}, values)


def _task(small: Small, number: int, values: Record) -> None:
    """A task that is there: nobody makes one in the PM tool."""
    for key, record in small.pm.records("task").items():
        if key[1] == number:
            _put(small.pm, "task", key, record, values)


def _put(system: Any, entity: str, key: Any, fresh: Record, values: Record) -> None:
    old = system.records(entity).get(key)
    if values:
        system.put(entity, {**(old or fresh), **values})
    elif old:
        system.remove(entity, key)


_DO = {"company": _company, "client": _client, "deal": _deal, "task": _task}


def people_see(small: Small) -> Record:
    """Both systems without what differs between worlds for no reason: assigned keys and clocks, and how it is said that
    there is nothing."""
    seen = small.everything()
    codes = {key[0]: record["code"] for key, record in seen["client"].items()}
    return {
        "company": {key: _told(record) for key, record in seen["company"].items()},
        "deal": {key: _told(record) for key, record in seen["deal"].items()},
        "client": {record["code"]: _told(record) for record in seen["client"].values()},
        "task": {(codes.get(key[0]), key[1]): _told(record) for key, record in seen["task"].items()},
    }


def _told(record: Record) -> Record:
    return {n: v for n, v in record.items() if n not in ("id", "client_id", "updated") and v is not None and v != ""}
