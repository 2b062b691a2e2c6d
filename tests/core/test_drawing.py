"""What of a mapping goes into the records that are drawn for it?"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crmsync.core.mapping import compile_mapping
from crmsync.core.model import Call, Field, Json, Project, Side, Table
from crmsync.core.trial.records import Records
from crmsync.project import load_project

STARTER = Path(__file__).parents[2] / "crmsync" / "cli" / "starter"
STATES = Table("states", ("crm", "pm", "ours", "theirs"), (("a", "b", "Won", "open"), ("c", "d", "Lost", "done")))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("drawing") / "shop"
    shutil.copytree(STARTER, folder)
    loaded = load_project(folder, environ={})
    assert loaded.project is not None, loaded.findings
    return replace(loaded.project, tables={**loaded.project.tables, "states": STATES})


def words(project: Project, side: Side, change: Callable[[Field], Field], scope: str | None = None) -> list[Json]:
    """What the mapping speaks of at `name`, once that field is changed."""
    (given,) = project.mappings
    fields = tuple(change(each) if each.name == "name" else each for each in given.fields)
    mapping = replace(given, fields=fields, scope=(scope, None))
    records = Records(compile_mapping(project, mapping, {}), side, project.tables)
    end = next(each.paths[side] for each in fields if each.name == "name")
    return [value for path, values in records.words for value in values if ".".join(path) == end]


@pytest.mark.parametrize(
    ("args", "taken", "given"),
    [("states", ["a", "c"], ["b", "d"]), ({"table": "states", "from": "ours", "to": "theirs"}, ["Won", "Lost"],
                                          ["open", "done"])],
)  # fmt: skip
def test_the_rows_of_a_table_are_tried_by_the_columns_that_the_lookup_names(
    project: Project, args: Json, taken: list[Json], given: list[Json]
) -> None:
    def looked_up(each: Field) -> Field:
        return replace(each, to=((), (Call("lookup", args),)))

    assert words(project, 0, looked_up)[:2] == taken
    assert words(project, 1, looked_up)[:2] == given


def test_the_constants_of_an_expression_are_tried_and_the_numbers_beside_them(project: Project) -> None:
    scope = "name == 'O\\'Brien' || name == `\"quoted\"` || name == `5` || name == `true`"
    found = words(project, 0, lambda each: each, scope)
    assert found[:6] == ["O'Brien", "quoted", 5, 4, 6, True]
