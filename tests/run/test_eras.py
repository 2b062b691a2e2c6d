"""What may still run when a mapping has changed since the last run?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.model import to_json
from crmsync.run.prepared import Order
from crmsync.run.session import Asked, new_run_id, run
from tests.run.bench import ENTITY, OPEN, Bench, Spec, mapping, plain

FIELDS: Spec = {**plain("code"), **plain("name"), **plain("notes", "shared"), **plain("lead", "pm", seed="crm")}
MORE: Spec = {"match": {"decide": ["code"]}, "create": {"pm": "always"}, "limits": {"create": 50}}


def things(fields: Spec = FIELDS, **more: Any) -> Spec:
    return mapping(fields, **{**MORE, **more})


@pytest.fixture
def synced() -> Iterator[Bench]:
    """Two linked pairs, after a batch run that has finished."""
    with Bench(things()) as bench:
        for key, code in ((1, "A"), (2, "B")):
            bench.put("crm", {"id": key, "code": code, "name": f"n{key}", "notes": "", "lead": "eva"})
            bench.put("pm", {"id": 10 + key, "code": code, "name": f"n{key}", "notes": "", "lead": "jan"})
        assert bench.run().exit == 0
        yield bench


def without(name: str) -> Spec:
    return {each: field for each, field in FIELDS.items() if each != name}


BREAKING: dict[str, tuple[str, Spec]] = {
    "owner": ("change/owner", things({**FIELDS, **plain("name", "pm")})),
    "path": ("change/path", things({**FIELDS, "name": {"crm": "name", "pm": "title", "owner": "crm"}})),
    "scope": ("change/scope", things(scope={"crm": "code == 'A'"})),
    "delete": ("change/delete", things(delete={"pm": "delete"})),
    "match": ("change/match", things(match={"decide": ["name"]})),
    "field": ("change/field-removed", things(without("notes"))),
}
ADDITIVE: dict[str, Spec] = {
    "field": things({**FIELDS, **plain("more")}),
    "create": things(create={"pm": "never"}),
    "asks more": things({**FIELDS, **plain("name", on_foreign_edit="review")}),
}
COSMETIC: dict[str, Spec] = {
    "limits": things(limits={"create": 7, "update": "50%"}),
    "order": things(dict(reversed(list(FIELDS.items())))),
    "golden": things(match={"decide": ["code"], "golden": {"name": "newest"}}),
    "a default, written out": things({**FIELDS, **plain("name", on_null="propagate")}),
}


@pytest.mark.parametrize("change", BREAKING)
def test_after_a_breaking_change_nothing_runs_until_it_is_confirmed(synced: Bench, change: str) -> None:
    saved = synced.save()
    synced.edit("crm", 1, name="new")
    before = synced.everything()
    rule, spec = BREAKING[change]
    synced.change(spec)
    deeds: list[Callable[[], object]] = [
        synced.plan, synced.run, lambda: synced.run("delta"), lambda: synced.run(only="crm.thing/1"),
        lambda: synced.apply(saved),
    ]  # fmt: skip
    for deed in deeds:
        code, findings = synced.stopped(deed)
        assert code == 2
        assert {each.rule for each in findings} == {rule, "run/needs-rebase"}
        assert all(each.at and each.at.file.endswith("things.yaml") and each.at.line for each in findings)
        assert "crmsync rebase -s things" in findings[-1].mend
    assert synced.everything() == before
    synced.confirm()
    synced.run()
    assert synced.run().writes == 0
    assert synced.run("delta").writes == 0


@pytest.mark.parametrize("change", ADDITIVE)
def test_after_an_additive_change_a_batch_runs_and_a_delta_waits_for_it(synced: Bench, change: str) -> None:
    synced.change(ADDITIVE[change])
    code, findings = synced.stopped(lambda: synced.run("delta"))
    assert (code, [each.rule for each in findings]) == (2, ["run/needs-batch"])
    assert synced.run().exit == 0
    assert synced.run("delta").exit == 0


@pytest.mark.parametrize("change", COSMETIC)
def test_after_a_cosmetic_change_the_era_goes_on(synced: Bench, change: str) -> None:
    era = synced.ledger.era("things")
    synced.change(COSMETIC[change])
    assert synced.run("delta").writes == 0
    assert synced.ledger.era("things") == era


def test_where_nothing_was_ever_kept_in_step_nothing_breaks() -> None:
    def spec(owner: str) -> Spec:
        return mapping(plain("name", owner))

    with Bench(spec("crm")) as bench:
        bench.put("crm", {"id": 1, "name": "n"})
        bench.run(only="crm.thing/1")
        era = bench.ledger.era("things")
        assert era is not None
        assert not era.complete
        bench.change(spec("pm"))
        assert bench.run().exit == 0


def test_a_breaking_change_that_is_taken_back_needs_nothing(synced: Bench) -> None:
    synced.change(BREAKING["owner"][1])
    assert synced.stopped(synced.run)[0] == 2
    synced.change(things())
    assert synced.run("delta").writes == 0


def test_an_era_that_began_before_definitions_were_remembered_asks_for_a_batch(synced: Bench) -> None:
    with synced.world.writing() as ledger:
        ledger.begin_era("things", "of an older crmsync", "2026-01-01T00:00:00+00:00")
        ledger.complete_era("things")
    assert synced.ledger.definition("things") is None
    assert [each.rule for each in synced.stopped(lambda: synced.run("delta"))[1]] == ["run/needs-batch"]
    assert synced.run().exit == 0
    assert synced.ledger.definition("things") is not None


def test_a_mapping_that_did_not_change_runs_beside_one_that_did() -> None:
    entities = {name: {"thing": ENTITY, "other": ENTITY} for name in ("crm", "pm")}
    ends = {name: {"entity": "other", "contract": f"{name}.other@1"} for name in ("crm", "pm")}
    others = {**things(), "mapping": "others", "between": ends}
    schemas = {"crm.other": OPEN, "pm.other": OPEN}
    with Bench(things(), others, entities=entities, schemas=schemas) as bench:
        bench.put("crm", {"id": 1, "code": "A", "name": "n"})
        bench.run()
        bench.change(BREAKING["owner"][1])
        _, findings = bench.stopped(bench.run)
        assert {each.message.split()[0].rstrip(":") for each in findings} == {"things"}
        report = run(bench.world, Asked(("others",), Order("delta")), new_run_id())
        assert (report.exit, list(report.mappings)) == (0, ["others"])


# A cosmetic change changes no record ----------------------------------------------------------------------------

TEXT = st.sampled_from(["", "a", "b", " a ", "Žltý kôň"])
VALUE = st.one_of(st.none(), TEXT)
RECORD = st.fixed_dictionaries({"code": st.sampled_from("ABC"), "name": VALUE, "notes": VALUE, "lead": VALUE})


@settings(max_examples=12, deadline=None)
@given(
    first=st.lists(RECORD, max_size=3, unique_by=lambda each: each["code"]),
    second=st.lists(RECORD, max_size=3, unique_by=lambda each: each["code"]),
    edits=st.lists(
        st.tuples(st.sampled_from(["crm", "pm"]), st.sampled_from(["name", "notes", "lead"]), VALUE), max_size=3
    ),
    change=st.sampled_from(sorted(COSMETIC)),
)
def test_a_cosmetic_change_gives_the_same_plan(first: Any, second: Any, edits: Any, change: str) -> None:
    with ExitStack() as stack:
        bench = stack.enter_context(Bench(things()))
        for system, records in (("crm", first), ("pm", second)):
            bench.put(system, *({"id": n, **record} for n, record in enumerate(records, 1)))
        plans = [told(bench)]
        bench.change(COSMETIC[change])
        plans.append(told(bench))
        bench.run()
        for system, name, value in edits:
            if bench.records(system):
                bench.edit(system, 1, **{name: value})
        plans.append(told(bench))
        bench.change(things())
        plans.append(told(bench))
    assert plans[0] == plans[1]
    assert plans[2] == plans[3]


def told(bench: Bench) -> list[Any]:
    """The lines of the plan, the fields of each in no order."""
    lines = [
        {**line, "changes": sorted(line.get("changes", ()), key=lambda each: str(each["field"]))}
        for line in bench.plan()[1]
    ]
    return sorted(lines, key=lambda line: to_json(line))
