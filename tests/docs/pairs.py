"""What becomes of one field of one pair of records? Asked of the engine itself, with two systems in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from crmsync.core.model import ABSENT, Json, from_json, to_json
from crmsync.project.yaml import load_yaml
from tests.run.bench import Bench, mapping

SIDES: Final = ("crm", "pm")
DAY: Final = "2026-01-31T"
_VALUE: Final = re.compile(r"`([^`]*)`(?: at (\d\d:\d\d:\d\d))?")

Said = tuple[Json, str]
"""A value and the time at which it was written ("" where nobody says)."""


def first_link(field: str, values: str, tables: Mapping[str, Any]) -> str:
    """Two records that were never linked say these values."""
    with bench(field, tables) as systems:
        put(systems, said(values))
        return outcome(systems)


def later(field: str, agreed: str, values: str, tables: Mapping[str, Any]) -> str:
    """Two linked records agreed on the former values, and say the latter now."""
    with bench(field, tables) as systems:
        put(systems, said(agreed))
        assert systems.run().exit == 0, systems.reviews()
        put(systems, said(values))
        return outcome(systems)


def created(field: str, value: str, tables: Mapping[str, Any]) -> str:
    """A record of the CRM gets its counterpart: what of the field?"""
    with bench(field, tables, create={"pm": "always"}) as systems:
        ((first, _),) = said(value)
        systems.put("crm", record(1, first))
        report, lines = systems.plan()
        changes = [each for line in lines for each in line.get("changes", ()) if each["field"] == "x"]
        told = [f"{text(each['after'])}, {each['why']}" for each in changes]
        return told[0] if told else bad_end(report) or "nothing"


def bench(field: str, tables: Mapping[str, Any], **more: Any) -> Bench:
    document, findings = load_yaml("cell", f"{{{field}}}".encode())
    assert document is not None, findings
    places = {} if document.data.keys() & {*SIDES} else {"crm": "x", "pm": "x"}
    fields = {"ico": {"crm": "ico", "pm": "ico", "owner": "crm"}, "x": floats({**places, **document.data})}
    return Bench(
        mapping(fields, match={"decide": ["ico"]}, **more), files={"mappings/reference/tables.yaml": floats(tables)}
    )


def floats(value: Any) -> Any:
    """For `json.dumps`, which knows no decimals."""
    return from_floats(to_json(value))


def from_floats(body: bytes) -> Any:
    import json

    return json.loads(body)


def said(cell: str) -> list[Said]:
    return [(ABSENT if value == "absent" else from_json(value), at) for value, at in _VALUE.findall(cell)]


def record(number: int, value: Json, at: str = "") -> dict[str, Any]:
    found = {"id": number, "ico": "31333532"}
    if at:
        found["updated"] = f"{DAY}{at}+00:00"
    return found if value is ABSENT else {**found, "x": value}


def put(systems: Bench, values: Iterable[Said]) -> None:
    for side, (value, at) in zip(SIDES, values, strict=True):
        systems.put(side, record(1, value, at))


def outcome(systems: Bench) -> str:
    """What a plan would do with the field x."""
    report, lines = systems.plan()
    told = []
    for line in lines:
        for change in line.get("changes", ()):
            if change["field"] == "x":
                told.append(f"{SIDES[line['side']]} gets {text(change['after'])}, {change['why']}")
        if line["do"] == "hold" and line["field"] == "x":
            told.append(f"held: {line['kind']}")
    return "; ".join(told) or bad_end(report) or "nothing"


def bad_end(report: Any) -> str:
    why = report.mappings["things"].why
    return "; ".join(f"{each.bucket}: {each.rule.split()[0]}" for each in why)


def text(value: Json) -> str:
    return to_json(value).decode()
