"""Does what is said to become of a recorded record become of it in a run?"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from crmsync.core.mapping import compile_mapping, examine
from crmsync.core.model import ABSENT, Create, Json, Project, Raw, from_json, to_json
from crmsync.core.plan import Pair, decide
from crmsync.core.trial import CREATES, outcome_of
from crmsync.project import load_project

STARTER = Path(__file__).parents[2] / "crmsync" / "cli" / "starter"
ACCOUNT = {"id": 1, "type": "customer", "name": "Novák", "description": None}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("outcome") / "shop"
    shutil.copytree(STARTER, folder)
    loaded = load_project(folder, environ={})
    assert loaded.project is not None, loaded.findings
    return loaded.project


@pytest.mark.parametrize("default", [ABSENT, "none"], ids=["no default", "a default"])
@pytest.mark.parametrize("gate", [None, "type == 'prospect'"], ids=["open", "closed"])
@pytest.mark.parametrize("on_null", ["propagate", "keep"])
@pytest.mark.parametrize("description", [None, "said", ABSENT], ids=["null", "said", "absent"])
def test_a_new_counterpart_gets_what_a_run_would_give_it(
    project: Project, default: Json, gate: str | None, on_null: Literal["propagate", "keep"], description: Json
) -> None:
    (given,) = project.mappings
    fields = tuple(
        replace(each, default=(ABSENT, default), when=(gate, None), on_null=on_null) if each.name == "notes" else each
        for each in given.fields
    )
    compiled = compile_mapping(project, replace(given, fields=fields), {})
    record = {**ACCOUNT, "description": description}
    raw = Raw((1,), to_json({name: value for name, value in record.items() if value is not ABSENT}))
    seen = examine(compiled, 0, raw, from_json)
    (create,) = decide(compiled, Pair((seen, None)), lambda link, side, key: ABSENT).actions
    assert isinstance(create, Create)
    told = dict(outcome_of(compiled, 0, raw).fields)
    assert told.pop(CREATES) is True
    assert told == {change.field: change.after for change in create.changes}
