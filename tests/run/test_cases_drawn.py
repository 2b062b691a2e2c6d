"""Do drawn records find what is wrong with a mapping, and nothing where nothing is wrong?"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crmsync.core.contract import Checker
from crmsync.core.model import ABSENT, At, Both, Call, Check, Field, Json, Project
from crmsync.core.model import Mapping as Declared
from crmsync.core.trial import Asked, Direction, Failure, Rule, try_drawn
from crmsync.core.trial.drawn import REDRAWN
from crmsync.project import load_project
from crmsync.project.cases import NOW, Case
from crmsync.run.rehearse.rehearsal import play

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "crmsync" / "cli" / "starter"
BLANK = frozenset({Rule("contract/minLength", "customer_name")})  # the starter's golden case declares it
ASKED = Asked(declared=BLANK)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("drawn") / "shop"
    shutil.copytree(STARTER, folder)
    loaded = load_project(folder, environ={})
    assert loaded.project is not None, loaded.findings
    return loaded.project


def mapping(project: Project, **fields: Callable[[Field], Field]) -> Declared:
    """The starter's mapping with some fields changed, as no check would let it pass."""
    (given,) = project.mappings
    return replace(given, fields=tuple(fields.get(each.name, lambda it: it)(each) for each in given.fields))


def narrowed(given: Declared, side: int, **properties: Json) -> Declared:
    """With other schemas for these properties of a side."""
    ends = list(given.ends)
    schema = {**ends[side].contract.schema}
    schema["properties"] = {**schema["properties"], **properties}
    ends[side] = replace(ends[side], contract=replace(ends[side].contract, schema=schema))
    return replace(given, ends=(ends[0], ends[1]))


def requiring(given: Declared, side: int, names: list[str]) -> Declared:
    """With these properties required on a side."""
    ends = list(given.ends)
    contract = ends[side].contract
    ends[side] = replace(ends[side], contract=replace(contract, schema={**contract.schema, "required": names}))
    return replace(given, ends=(ends[0], ends[1]))


def chains(to_crm: tuple[Call, ...], to_pm: tuple[Call, ...]) -> Callable[[Field], Field]:
    return lambda each: replace(each, to=(to_crm, to_pm))


def failures(project: Project, given: Declared, asked: Asked = ASKED) -> list[Failure]:
    return [failure for each in try_drawn(project, given, asked) for failure in each.failures]


def failure(project: Project, given: Declared) -> Failure:
    (found,) = failures(project, given)
    return found


# Nothing wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_good_mapping_passes(project: Project, seed: int) -> None:
    directions = try_drawn(project, mapping(project), replace(ASKED, seed=seed))
    assert [each.drawn for each in directions] == [100, 100]
    assert [each.failures for each in directions] == [(), ()]
    assert [each.idle for each in directions] == [(), ()]


def test_the_same_seed_gives_the_same_answer_and_another_one_another(project: Project) -> None:
    first, again = (try_drawn(project, mapping(project), Asked()) for _ in range(2))
    assert told(first) == told(again)
    assert told(first) != told(try_drawn(project, mapping(project), Asked(seed=1)))


def told(directions: tuple[Direction, ...]) -> list[Any]:
    return [list(each.findings()) for each in directions]


def test_what_a_rule_would_refuse_is_counted_and_no_failure(project: Project) -> None:
    there, back = try_drawn(project, mapping(project), ASKED)
    infos = [each for each in there.findings() if each.severity == "info"]
    assert any("drawn records would be rejected: ico: company_id: expected an IČO" in each.message for each in infos)
    assert sum(there.refused.values()) >= there.rejected > 0
    assert back.rejected == 0


def test_what_is_refused_is_told_at_the_line_that_refuses_it(project: Project) -> None:
    given, line = mapping(project), At("mappings/account-customer.yaml", 99, 3)
    checked = replace(given, checks=(Check(0, "type", (), "name", Decimal(0), "reject", line),))
    there, _ = try_drawn(project, checked, ASKED)
    assert line in {each.at for each in there.findings() if each.rule == "test/would-reject"}
    (ico,) = (each for each in given.fields if each.name == "ico")
    there, _ = try_drawn(project, given, ASKED)
    assert {each.at for each in there.findings() if "rejected: ico: company_id" in each.message} == {ico.at}


def test_records_that_a_check_stops_are_drawn_anew_some_times(project: Project) -> None:
    nobody = Check(0, "type", (), "name", Decimal(0), "reject", At("mappings/account-customer.yaml", 99, 3))
    there, _ = try_drawn(project, replace(mapping(project), checks=(nobody,)), replace(ASKED, examples=20))
    assert (there.drawn, there.rejected) == (REDRAWN * 20, REDRAWN * 20)


def test_what_is_refused_is_not_blamed_for_being_missing_too(project: Project) -> None:
    """A record without the number that the other side requires is refused by the transform, and by nothing else."""
    registered: Json = {"type": "object", "properties": {"ico": {"type": "string"}}, "required": ["ico"]}
    given = narrowed(mapping(project), 0, registration=registered)
    for side, name in ((0, "registration"), (1, "ico")):
        given = requiring(given, side, [*given.ends[side].contract.schema["required"], name])
    there, _ = try_drawn(project, given, ASKED)
    assert there.failures == ()
    assert any(why.words.startswith("ico: company_id") for why in there.refused)


def test_what_a_new_record_was_not_told_is_no_news_of_its(project: Project) -> None:
    """The notes of the CRM are the name in the project tool, which owns them and has just got it."""
    given = mapping(project, notes=lambda each: replace(each, paths=("description", "customer_name"), owner=1))
    assert failures(project, given) == []


def test_sets_of_both_sides_are_not_united_to_more_than_a_contract_takes(project: Project) -> None:
    few: Json = {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 1}
    given = narrowed(narrowed(mapping(project), 0, tags=few), 1, tags=few)
    tags = Field("tags", ("tags", "tags"), owner="shared", merge="set")
    assert failures(project, replace(given, fields=(*given.fields, tags))) == []


# Broken mappings ----------------------------------------------------------------------------------------------------


def test_a_text_that_is_longer_than_the_target_takes_is_found(project: Project) -> None:
    given = narrowed(mapping(project), 1, customer_name={"type": "string", "minLength": 1, "maxLength": 60})
    found = failure(project, given)
    assert (found.rule, found.path, found.broken) == ("test/breaks-contract", "customer_name", "maxLength")
    assert len(found.record["name"]) == 61
    assert found.record.keys() == {"id", "type", "name"}
    assert found.beside is ABSENT  # whatever it is linked with
    assert "{truncate: N}" in found.mend
    truncated = replace(given, fields=tuple(
        replace(each, to=((), (*each.to[1], Call("truncate", 60)))) if each.name == "name" else each
        for each in given.fields
    ))  # fmt: skip
    assert failures(project, truncated) == []


def test_a_blank_text_is_found_unless_a_golden_case_declares_it(project: Project) -> None:
    (found,) = failures(project, mapping(project), Asked())
    assert (found.path, found.broken, found.record["name"].strip()) == ("customer_name", "minLength", "")


def test_null_that_reaches_a_required_field_is_found(project: Project) -> None:
    given = narrowed(mapping(project), 1, web_domain={"type": "string", "maxLength": 253})
    found = failure(project, given)
    assert (found.path, found.broken, found.record["website"]) == ("web_domain", "type", None)


def test_a_required_field_that_nobody_fills_is_found(project: Project) -> None:
    given = mapping(project)
    without = replace(given, fields=tuple(each for each in given.fields if each.name != "kind"))
    found = failure(project, replace(without, scope=(given.scope[0], None)))
    assert (found.path, found.broken) == ("kind", "required")
    assert found.mend.startswith("give it a default:")


def test_a_lookup_without_a_row_is_refused_and_one_that_answers_wrongly_is_found(project: Project) -> None:
    owned = mapping(project, status=lambda each: replace(each, owner=0, on_null="keep"))
    there = chains((), (Call("lookup", "delivery_status"),))
    wrong = chains((), (Call("lookup", {"table": "delivery_status", "unmapped": {"value": "?"}}),))
    lost = {"enum": ["Onboarding", "In delivery", "On hold", "Former", "Lost", None]}
    refusing = narrowed(_with(owned, "status", there), 0, delivery_status=lost)
    assert failures(project, refusing) == []
    assert any(why.words.startswith("status: lookup") for why in try_drawn(project, refusing, ASKED)[0].refused)
    found = failure(project, narrowed(_with(owned, "status", wrong), 0, delivery_status=lost))
    assert (found.path, found.broken, found.record["delivery_status"]) == ("status", "enum", "Lost")


def _with(given: Declared, name: str, change: Callable[[Field], Field]) -> Declared:
    return replace(given, fields=tuple(change(each) if each.name == name else each for each in given.fields))


def test_chains_of_a_shared_field_that_do_not_undo_each_other_are_found(project: Project) -> None:
    grows = chains((), (Call("replace", {"find": "a", "with": "aa"}),))
    found = failures(project, mapping(project, notes=grows))
    assert "test/round-trip" in {each.rule for each in found}
    texts = [each.record.get("description", each.record.get("notes")) for each in found]
    assert [len(text) for text, each in zip(texts, found, strict=True) if each.rule == "test/round-trip"] == [1, 1]


def test_chains_of_a_field_that_flows_there_once_and_back_ever_after_are_tried_both_ways(project: Project) -> None:
    grows = chains((), (Call("replace", {"find": "a", "with": "aa"}),))
    seeded = mapping(project, notes=lambda each: replace(grows(each), owner=1, seed=0))
    assert "test/round-trip" in {each.rule for each in failures(project, seeded)}


def test_spelling_may_be_lost_and_what_a_table_calls_the_same(project: Project) -> None:
    trimmed = chains((Call("trim"), Call("collapse_spaces")), (Call("trim"), Call("collapse_spaces")))
    assert failures(project, mapping(project, notes=trimmed)) == []


def test_chains_that_take_one_value_for_another_are_found(project: Project) -> None:
    """An a that comes from the CRM comes back as b."""
    one = chains((Call("replace", {"find": "a", "with": "b"}),), (Call("replace", {"find": "b", "with": "a"}),))
    assert {each.rule for each in failures(project, mapping(project, notes=one))} == {"test/round-trip"}


def test_a_rounding_without_tolerance_is_found_and_with_one_it_is_not(project: Project) -> None:
    hours = {"type": "number", "minimum": 0, "maximum": 100000, "multipleOf": 0.01}
    given = narrowed(narrowed(mapping(project), 0, description=hours), 1, notes={**hours, "maximum": 800000})
    days = chains((Call("multiply", {"by": Decimal("0.125"), "places": 2}),), (Call("multiply", {"by": 8}),))
    rounded = _with(given, "notes", days)
    assert {each.rule for each in failures(project, rounded)} == {"test/round-trip"}
    tolerant = _with(rounded, "notes", lambda each: replace(each, equal_within=Decimal("0.05")))
    assert failures(project, tolerant) == []


def test_two_fields_that_write_one_place_are_never_at_rest(project: Project) -> None:
    def here(each: Field) -> Field:
        return replace(each, paths=(each.paths[0], "notes"), to=((), ()))

    rules = {each.rule for each in failures(project, mapping(project, domain=here))}
    assert "test/not-stable" in rules


def test_an_expression_that_fails_on_what_the_contract_allows_is_found(project: Project) -> None:
    def joined(each: Field) -> Field:
        return replace(each, paths=("join('-', [name, website])", each.paths[1]))

    found = [each for each in failures(project, mapping(project, name=joined)) if each.rule == "test/expression"]
    assert [("join" in each.message, "website" in each.record) for each in found] == [(True, False)]


# The real engine says the same --------------------------------------------------------------------------------------


def test_the_real_engine_refuses_the_smallest_record_by_the_same_rule(project: Project) -> None:
    given = narrowed(mapping(project), 1, customer_name={"type": "string", "minLength": 1, "maxLength": 60})
    found = failures(project, given, Asked())
    assert len(found) == 2
    for each in found:
        records: Both[tuple[Json, ...]] = ((each.record,), ())
        case = Case("", given, NOW, records, (), (), {}, {}, ABSENT, given.at or _nowhere())
        refused = play(replace(project, mappings=(given,)), {}, case).refused
        assert [(rule, path) for _, _, rule, path in refused] == [(f"contract/{each.broken}", each.path)]


def _nowhere() -> Any:
    raise AssertionError("a mapping of a file has a place")


def test_the_smallest_record_keeps_its_contract(project: Project) -> None:
    given = narrowed(mapping(project), 1, notes={"type": "string", "maxLength": 20})
    found = failures(project, given)
    assert {each.broken for each in found} == {"type", "maxLength"}
    assert all(Checker(given.ends[0].contract).valid(each.record) for each in found)


# Nothing to draw ----------------------------------------------------------------------------------------------------


def test_a_mapping_that_nothing_is_in_scope_of_says_so(project: Project) -> None:
    given = replace(mapping(project), scope=("name == 'nobody' && name == 'somebody'", None))
    there, _ = try_drawn(project, given, ASKED)
    (finding,) = there.findings()
    assert (finding.rule, finding.severity) == ("test/not-drawn", "warning")
    assert "not one drawn record is in scope" in finding.message


def test_words_of_the_scope_are_drawn(project: Project) -> None:
    given = replace(mapping(project), scope=("name == 'Only this one'", None))
    there, _ = try_drawn(project, given, ASKED)
    assert there.drawn > 50


def test_a_contract_that_no_record_keeps_says_so(project: Project) -> None:
    given = narrowed(mapping(project), 0, name={"type": "string", "minLength": 3, "maxLength": 2})
    there, back = try_drawn(project, given, ASKED)
    assert ["nothing could be drawn" in each.message for each in (*there.findings(), *back.findings())] == [True, True]


def test_a_way_that_takes_too_long_is_cut_short_with_a_warning(project: Project) -> None:
    asked = replace(ASKED, in_time=lambda: False)
    there, _ = try_drawn(project, mapping(project), asked)
    (finding,) = there.findings()
    assert (finding.severity, "there was time for 0 records only" in finding.message) == ("warning", True)
