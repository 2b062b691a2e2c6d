"""An entity that declares a field for it keeps the trace of the run that wrote it last; the audit tells it of all."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.core.audit import Fault, fields_told
from crmsync.core.model import from_json
from crmsync.run.doctor import examine_project
from tests.run.bench import ENTITY, Bench, mapping, plain

TRACED: Any = {"crm": {"thing": ENTITY}, "pm": {"thing": {**ENTITY, "trace": "trace", "archive": {"set": {"gone": 1}}}}}
RULES = {"create": {"pm": "always"}, "delete": {"pm": "archive"}, "limits": {"delete": 5}}


@pytest.fixture(params=[None, "name TEXT, gone INTEGER, trace TEXT"], ids=["memory", "sql"])
def bench(request: pytest.FixtureRequest) -> Any:
    with Bench(mapping(plain("name"), **RULES), entities=TRACED, columns=request.param) as opened:
        yield opened


def trace(bench: Bench) -> Any:
    (record,) = bench.records("pm").values()
    return record["trace"]


def test_every_write_brings_the_trace_of_its_run(bench):
    bench.put("crm", {"id": 1, "name": "Žofia"})
    bench.world.trace = "a" * 32
    bench.run()
    assert trace(bench) == "a" * 32

    bench.world.trace = "b" * 32
    bench.edit("crm", 1, name="Zuzana")
    bench.run()
    assert trace(bench) == "b" * 32

    bench.world.trace = "c" * 32
    bench.remove("crm", 1)
    bench.put("crm", {"id": 2, "name": "Ľubica"})
    bench.run()
    bench.run()
    assert [record["trace"] for record in bench.records("pm").values() if record.get("gone")] == ["c" * 32]


def test_a_trace_is_no_reason_to_write(bench):
    bench.put("crm", {"id": 1, "name": "Žofia"})
    bench.run()
    before = trace(bench)

    bench.world.trace = "c" * 32
    assert bench.run().writes == 0
    bench.edit("pm", 1, trace="mine")
    assert bench.run().writes == 0

    assert (trace(bench), len(before)) == ("mine", 32)


def test_a_field_for_traces_that_is_not_there_is_found_by_doctor():
    fields: Any = {"crm": {"thing": ENTITY}, "pm": {"thing": {**ENTITY, "trace": "trase"}}}
    with Bench(mapping(plain("name")), entities=fields, columns="name TEXT, trace TEXT") as bench:
        bench.put("pm", {"id": 1, "name": "Žofia"})
        found = [finding for checkup in examine_project(bench.world.project) for finding in checkup.findings]

    (wrong,) = [finding for finding in found if finding.rule == "system/no-trace"]
    assert wrong.message == "pm.thing has no trase, where the trace of a run is to be kept"


def test_a_table_is_no_slip_of_trace():
    with Bench(mapping(plain("name")), columns="name TEXT") as bench:
        assert "project/likely-slip" not in {finding.rule for finding in bench.load().findings}


def test_a_mapping_that_writes_to_the_field_for_traces_is_refused():
    with Bench(mapping(plain("name")), entities=TRACED) as bench:
        bench._put(bench.root / "mappings" / "things.yaml", mapping({**plain("name"), **plain("trace")}))
        found = bench.load().findings

    (wrong,) = [finding for finding in found if finding.rule == "mapping/trace-is-written"]
    assert wrong.message == "trace keeps the trace of the run that wrote a pm.thing: crmsync writes it"
    assert wrong.severity == "error"


# What the audit tells of a run -----------------------------------------------------------------------------------


def told(bench: Bench) -> list[tuple[str, str | None, str]]:
    return [(row.event, row.run, row.trace) for page in bench.ledger.audit() for row in page]


def test_all_that_took_effect_is_told_once_and_nothing_else(bench):
    bench.put("crm", {"id": 1, "name": "Žofia"}, {"id": 2, "name": "Ľubica"})
    first = bench.run().run
    bench.edit("crm", 1, name="Zuzana")
    second = bench.run().run
    bench.run()

    trace = bench.world.trace
    assert told(bench) == [("create", first, trace), ("create", first, trace), ("update", second, trace)]
    assert not isinstance(bench.ledger.verify_audit(), Fault)


def test_what_is_told_is_what_the_target_says_after_the_write(bench):
    bench.put("crm", {"id": 1, "name": "Žofia"})
    bench.run()
    bench.edit("crm", 1, name="Zuzana")
    bench.run()

    *_, row = [row for page in bench.ledger.audit() for row in page]
    (field,) = fields_told(from_json(row.told))
    assert (field.name, field.owner, field.why, field.before, field.after) == (
        "name", "crm", "owner-changed", "Žofia", "Zuzana"
    )  # fmt: skip
