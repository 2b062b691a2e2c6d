"""Flags: what the project file and the environment say of a mapping, in place of its own file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crmsync.core.model import Rollout
from crmsync.project import Loaded, load_project

THING = {"type": "object"}


def project(folder: Path, flags: Any = None, **more: Any) -> Path:
    entity = {"thing": {"key": "id"}}
    systems = {name: {"connector": "memory", "entities": entity} for name in ("crm", "pm")}
    told = {"version": 1, "systems": systems, **({"flags": flags} if flags is not None else {}), **more}
    put(folder / "crmsync.yaml", told)
    for name in ("crm", "pm"):
        put(folder / f"schemas/{name}/thing/1.0.0.json", THING)
    between = {name: {"entity": "thing", "contract": f"{name}.thing@1"} for name in ("crm", "pm")}
    fields = {"x": {"crm": "x", "pm": "x", "owner": "crm"}}
    mapping = {"version": 1, "mapping": "things", "between": between, "rollout": {"percent": 50}, "fields": fields}
    put(folder / "mappings/things.yaml", mapping)
    return folder


def put(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), "utf-8")


def things(loaded: Loaded) -> Any:
    assert loaded.project is not None, loaded.findings
    return loaded.project.mapping("things")


def told(loaded: Loaded) -> list[str]:
    return [f"{each.rule}: {each.message}; {each.mend}" for each in loaded.findings if each.severity == "error"]


def test_without_flags_a_mapping_is_as_its_own_file_says(tmp_path: Path) -> None:
    found = things(load_project(project(tmp_path), environ={}))
    assert (found.enabled, found.shadow, found.rollout) == (True, False, Rollout(Decimal(50)))


def test_the_project_file_says_otherwise_than_the_mapping_and_an_environment_otherwise_than_both(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path, {"things": {"shadow": True, "rollout": {"percent": 2.5, "crm": "x == 'pilot'"}}})
    found = things(load_project(folder, environ={}))
    assert (found.shadow, found.rollout) == (True, Rollout(Decimal("2.5"), ("x == 'pilot'", None)))
    put(folder / "crmsync.prod.yaml", {"flags": {"things": {"shadow": False}}})
    found = things(load_project(folder, "prod", {}))
    assert (found.shadow, found.rollout.percent) == (False, Decimal("2.5"))
    by_variable = {"CRMSYNC_FLAGS": "things.shadow=true, things.rollout=20.5%,things.enabled=false"}
    found = things(load_project(folder, "prod", by_variable))
    assert (found.shadow, found.enabled, found.rollout) == (True, False, Rollout(Decimal("20.5")))


@pytest.mark.parametrize(
    ("flags", "rule", "said"),
    [
        ({"thing": {"shadow": True}}, "project/unknown-mapping", "did you mean 'things'?"),
        ({"things": {"shadwo": True}}, "project/unknown-key", "did you mean 'shadow'?"),
        ({"things": {"shadow": "yes"}}, "project/wrong-type", "flags.things.shadow must be true or false"),
        ({"things": {"rollout": {"percent": 101}}}, "project/bad-value", "a number from 0 to 100"),
        ({"things": {"rollout": {}}}, "project/bad-value", "an object such as"),
        ({"things": {"rollout": {"crn": "x"}}}, "project/unknown-side", "did you mean 'crm'?"),
        ({"things": {"rollout": {"crm": "x =="}}}, "project/expression", "rollout: "),
        ([], "project/wrong-type", "flags must be an object"),
    ],
)
def test_a_wrong_flag_is_a_finding_where_it_is_written(tmp_path: Path, flags: Any, rule: str, said: str) -> None:
    loaded = load_project(project(tmp_path, flags), environ={})
    (finding,) = [each for each in loaded.findings if each.severity == "error"]
    assert finding.rule == rule
    assert said in f"{finding.message}; {finding.mend}"
    assert finding.at is not None
    assert finding.at.file.endswith("crmsync.yaml")
    assert finding.at.line > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("things.shadow", "'things.shadow' is not MAPPING.FLAG=VALUE"),
        ("shadow=true", "'shadow=true' is not MAPPING.FLAG=VALUE"),
        ("thigns.shadow=true", "did you mean 'things'?"),
        ("things.shaddow=true", "did you mean 'shadow'?"),
        ("things.shadow=yes", "must be true or false, not 'yes'"),
        ("things.rollout=20", "must be a percentage such as 20%, not '20'"),
        ("things.rollout=101%", "must be a percentage such as 20%, not '101%'"),
        ("things.rollout=100.5%", "must be a percentage such as 20%, not '100.5%'"),
    ],
)
def test_a_wrong_flag_of_the_environment_is_an_error_that_names_the_variable(
    tmp_path: Path, text: str, said: str
) -> None:
    loaded = load_project(project(tmp_path), environ={"CRMSYNC_FLAGS": text})
    (found,) = told(loaded)
    assert found.startswith("project/bad-flag: CRMSYNC_FLAGS: ")
    assert said in found


def test_all_wrong_flags_are_told_at_once(tmp_path: Path) -> None:
    loaded = load_project(project(tmp_path, {"x": {}}), environ={"CRMSYNC_FLAGS": "a.shadow=true,b=1"})
    assert len(told(loaded)) == 3


@pytest.mark.parametrize(
    ("rollout", "rule"),
    [
        ({"percent": -1}, "mapping/bad-value"), ({"percent": "5%"}, "mapping/wrong-type"), ({}, "mapping/bad-value"),
        ({"crm": "x =="}, "mapping/expression"), ({"erp": "x"}, "mapping/unknown-key"), (5, "mapping/wrong-type"),
    ],
)  # fmt: skip
def test_a_wrong_rollout_of_a_mapping_is_a_finding(tmp_path: Path, rollout: Any, rule: str) -> None:
    folder = project(tmp_path)
    file = folder / "mappings/things.yaml"
    put(file, {**json.loads(file.read_text("utf-8")), "rollout": rollout})
    assert [each.rule for each in load_project(folder, environ={}).findings if each.severity == "error"] == [rule]


def test_the_rollout_is_part_of_what_a_mapping_means_and_the_shadow_is_not(tmp_path: Path) -> None:
    folder = project(tmp_path)
    whole = load_project(folder, environ={}).hashes["things"]
    assert load_project(folder, environ={"CRMSYNC_FLAGS": "things.shadow=true"}).hashes["things"] == whole
    assert load_project(folder, environ={"CRMSYNC_FLAGS": "things.rollout=51%"}).hashes["things"] != whole
