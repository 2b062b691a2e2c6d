"""What does the program say to each row of the tables in docs/mapping.md and docs/matching.md?

`TRUTHS` has a function for the columns of each such table: from a row to what its last cells must say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from crmsync.core.expression import EvaluationError, compile_many, problems
from crmsync.core.match import Census, comparators, normalise
from crmsync.core.model import ABSENT, Json, Kind, from_json, to_json
from crmsync.core.plan import Counts, refuse
from crmsync.project.yaml import load_yaml
from tests.docs import pairs
from tests.docs.pages import Row, blocks, code
from tests.docs.pairs import text
from tests.run.bench import Bench, mapping

PAGE: Final = "docs/mapping.md"
Truth = Callable[[Row], tuple[str, ...]]


def data(yaml: str) -> Any:
    document, findings = load_yaml("page", yaml.encode())
    assert document is not None, findings
    assert findings == []
    return document.data


@cache
def tables() -> Mapping[str, Any]:
    """The reference tables of the page."""
    return {name: table for block in blocks(PAGE, "yaml", "reference") for name, table in data(block.text).items()}


def whole() -> Any:
    """The mapping at the top of the page."""
    return data(blocks(PAGE, "yaml", "mapping")[0].text)


def later(row: Row) -> tuple[str]:
    field, agreed, now, _ = row.cells
    return (pairs.later(code(field), agreed, now, tables()),)


def first_link(row: Row) -> tuple[str]:
    field, values, _ = row.cells
    return (pairs.first_link(code(field), values, tables()),)


def created(row: Row) -> tuple[str]:
    field, value, _ = row.cells
    return (pairs.created(code(field), value, tables()),)


def matched(row: Row) -> tuple[str]:
    """Two records with these values, under the `match:` at the top of the page."""
    fields = {name: {"crm": name, "pm": name, "owner": "crm"} for name in ("name", "ico", "domain")}
    with Bench(mapping(fields, match=pairs.floats(whole()["match"]), create={"pm": "always"})) as systems:
        for system, cell in zip(("crm", "pm"), row.cells, strict=False):
            systems.put(system, {"id": 1, **data(code(cell))})
        _, lines = systems.plan()
    for line in lines:
        if "judged" in line:
            return (f"linked, {line['judged'][0]:.2f}: {line['judged'][1]}",)
        if line["do"] == "hold":
            return (f"asked: {line['why']}",)
    return ("kept apart",)


def limited(row: Row) -> tuple[str, str]:
    """The greatest number that passes, and the one above it."""
    limit, live, *_ = row.cells
    ((kind, written),) = data(code(limit)).items()
    most = next(number for number in range(10_000) if trips(kind, written, int(live), number + 1))
    return str(most), str(most + 1)


def trips(kind: Kind, written: Json, live: int, number: int) -> bool:
    with_limit = _limited(kind, text(written))
    return bool(refuse(with_limit, Counts(({}, {kind: number}), live)))


@cache
def _limited(kind: Kind, written: str) -> Any:
    fields = {"x": {"crm": "x", "pm": "x", "owner": "crm"}}
    with Bench(mapping(fields, limits={kind: from_json(written)})) as systems:
        return systems.world.project.mapping("things")


def expressed(row: Row) -> tuple[str]:
    expression, record, _ = map(code, row.cells)
    wrong = problems(expression)
    if wrong:
        return (f"refused: {wrong[0][1]}",)
    try:
        (value,) = compile_many([expression])(from_json(record))
    except EvaluationError as error:
        return (f"error: {error}",)
    return ("absent" if value is ABSENT else text(value),)


def read(row: Row) -> tuple[str]:
    document, findings = load_yaml("page", f"x: {code(row.cells[0])}".encode())
    if findings:
        return (f"refused: {findings[0].rule}",)
    assert document is not None
    return (to_json(document.data["x"]).decode(),)


def normal(row: Row) -> tuple[str]:
    kind, written, _ = map(code, row.cells)
    return (normalise(kind, written) or "nothing",)


def alike(row: Row) -> tuple[str, str]:
    """The first feature, and the reason, where nothing is known of what is common."""
    kind, one, other, *_ = map(code, row.cells)
    comparator = comparators()[kind]
    texts = [comparator.normal(one), comparator.normal(other)]
    values = sorted({text for text in texts if text is not None})
    here, there = (np.array([values.index(text or "")], dtype=np.int64) for text in texts)
    features = [float(each[0]) for each in comparator.gauge(values, Census().rarity(kind))(here, there)]
    likeness = "absent" if np.isnan(features[0]) else f"{features[0]:.2f}"
    return likeness, comparator.reason(texts[0] or "", texts[1] or "", features)


TRUTHS: Final[Mapping[tuple[str, ...], Truth]] = {
    ("field", "they agreed on", "now they say", "so"): later,
    ("field", "they say", "so"): first_link,
    ("field", "the CRM says", "the new customer gets"): created,
    ("the CRM has", "the project tool has", "so"): matched,
    ("limit", "live links", "passes", "trips"): limited,
    ("expression", "of the record", "gives"): expressed,
    ("written", "is"): read,
    ("as", "written", "compared as"): normal,
    ("as", "one", "the other", "likeness", "because"): alike,
}
