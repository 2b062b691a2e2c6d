"""Are the tables and lists of the pages true and complete?

Rows of examples are asked of the engine; lists of keys, rules, commands and options are compared with those that there
are.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from crmsync import __version__
from crmsync.cli import crmsync
from crmsync.connectors.base import Capabilities
from crmsync.core.compat.changes import RULES, WHOLE
from crmsync.core.match import comparators
from crmsync.core.model import BUCKETS, LIKELY, LINK_AT, REVIEW_AT
from crmsync.run.signals.prometheus import MAPPING, PROJECT, RUNS, SIDE
from tests.docs import keys, spoilt
from tests.docs.keyboard import Keyboard, commands
from tests.docs.pages import ROOT, Row, all_blocks, all_rows, code, read, rows
from tests.docs.truths import TRUTHS, data

FINDINGS = ("rule", "such as", "it says", "mend")


# Examples in rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for head in TRUTHS for row in all_rows(*head)], ids=str)
def test_a_row_says_what_the_program_does(row: Row) -> None:
    says = TRUTHS[row.head](row)
    assert tuple(cell.replace("`", "") for cell in row.cells[-len(says) :]) == tuple(
        cell.replace("`", "") for cell in says
    )


def test_every_rule_of_the_loader_is_listed() -> None:
    assert sorted(code(row.cells[0]) for row in all_rows(*FINDINGS)) == sorted(spoilt.rules())


@pytest.mark.parametrize("row", [row for row in all_rows(*FINDINGS) if row.cells[1]], ids=str)
def test_a_finding_says_what_the_page_says(tmp_path: Path, row: Row) -> None:
    rule, example, message, mend = row.cells
    found = [each for each in spoilt.findings(tmp_path, example) if each.rule == code(rule)]
    assert found
    says = re.sub(r"\b\d+:\d+\b", "LINE:COLUMN", found[0].message.replace(f"{tmp_path.as_posix()}/", ""))
    assert (says, found[0].mend) == (message, mend)


# Keys of the files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", keys.SECTIONS.values())
def test_every_key_is_described_once_and_no_other(kind: Any) -> None:
    assert sorted(key for key, _ in keys.described(kind)) == sorted(keys.allowed(kind))


@pytest.mark.parametrize("kind", keys.SECTIONS.values())
def test_defaults_are_those_of_the_schema(kind: Any) -> None:
    allowed = keys.allowed(kind)
    for key, row in keys.described(kind):
        default = re.search(r"Default: (.*?)\.?$", allowed[key])
        if default and "`" in row.cells[1]:
            assert default[1].startswith(code(row.cells[1])), key


@pytest.mark.parametrize("kind", keys.SECTIONS.values())
def test_every_key_stands_in_an_example(kind: Any) -> None:
    shown = {key for block in all_blocks("yaml") for key in names_in(data(block.text))}
    last = {key.rpartition(".")[2] for key in keys.allowed(kind)}
    assert last - {"SIDE", "to_SIDE"} - shown == set()


def names_in(value: Any) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key
        yield from names_in(inner)
    for inner in value if isinstance(value, list) else ():
        yield from names_in(inner)


# Lists of operations.md ---------------------------------------------------------------------------------------


def test_every_exit_code_is_listed_and_shown() -> None:
    listed = {
        int(number) for row in rows("docs/operations.md", "exit", "means", "do") for number in row.cells[0].split(",")
    }
    shown = {command.exit for block in all_blocks("console") for command in commands(block.text)}
    assert shown == listed - {130, 143}  # those take a signal: tests/run/test_signals.py


def test_every_command_is_listed() -> None:
    listed = set()
    for row in rows("docs/operations.md", "command", "does"):
        first, *others = re.findall(r"`([^`]+)`", row.cells[0])
        group = first.removeprefix("crmsync ").rpartition(" ")[0]
        listed |= {first.removeprefix("crmsync "), *(f"{group} {name}" for name in others)}
    assert listed == set(leaves(crmsync))


def leaves(group: click.Group, words: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{words}{name} ")
        else:
            yield f"{words}{name}"


def test_the_json_of_a_plan_has_the_keys_that_the_page_lists(keyboard: Keyboard) -> None:
    keyboard.type("crmsync init shop && cd shop")
    said = json.loads(keyboard.type("crmsync plan --output json")[1])
    (tally,) = said["mappings"].values()
    listed = {code(row.cells[0]) for row in rows("docs/operations.md", "key", "is")}
    assert listed == said.keys() | tally.keys()


def test_every_metric_is_listed_and_alerts_ask_for_no_other() -> None:
    listed = [code(row.cells[0]) for row in rows("docs/signals.md", "metric", "is")]
    assert listed == [f"crmsync_{name}" for name in (*PROJECT, RUNS, *MAPPING, *SIDE)]
    (alerts,) = all_blocks("yaml", "prometheus")
    assert set(re.findall(r"crmsync_\w+", alerts.text)) <= set(listed)


def test_every_bucket_is_listed() -> None:
    assert [code(row.cells[0]) for row in rows("docs/operations.md", "bucket", "the record")] == list(BUCKETS)


def test_every_rule_of_run_time_is_listed() -> None:
    listed = {code(row.cells[0]) for row in (*all_rows("rule", "means"), *all_rows("rule", "level", "means"))}
    assert listed == {*rules_of_run_time(), *RULES, *WHOLE.values()} - spoilt.rules() - NEVER_SHOWN - ONE_OF_MANY
    assert {rule for rule in rules_of_run_time(CHANGES) if rule.islower()} <= {*RULES, *WHOLE.values()}


ROOMS = """anonymise audit change check contract crmsync expression forget ledger limits link listing machine merge
pii plan rebase record recorded replay run sentinel sheet signals sql system test transform usage write"""
RULE = re.compile(rf'"((?:{"|".join(ROOMS.split())})/[a-z]+(?:-[a-z]+)*)"')
VARYING = re.compile(r'f"(contract|limits)/{(?:\w+\.)?(\w+)}"')
ONE_OF_MANY = {"contract/required"}  # listed as contract/RULE
NEVER_SHOWN = {"link/waiting", "link/undecided", "link/out-of-scope"}  # their records wait, or are out of scope


CHANGES = ROOT / "crmsync/core/compat/changes"  # which has a list of its rules, as it puts most of them together


def rules_of_run_time(room: Path = ROOT / "crmsync") -> Iterator[str]:
    """Every text in the source that is spelled like a rule; a part that varies in capitals."""
    elsewhere = room != CHANGES
    for file in room.rglob("*.py"):
        if "project" not in file.relative_to(ROOT / "crmsync").parts and not (elsewhere and CHANGES in file.parents):
            text = file.read_text("utf-8")
            yield from RULE.findall(text)
            yield from (f"{room}/{name.upper()}" for room, name in VARYING.findall(text))


# Lists of matching.md -----------------------------------------------------------------------------------------


def test_every_comparator_is_listed() -> None:
    listed = [code(row.cells[0]) for row in rows("docs/matching.md", "as", "taken away", "compared", "absent")]
    assert sorted(listed) == sorted(comparators())


def test_thresholds_are_those_of_a_mapping_that_names_none() -> None:
    listed = {code(row.cells[0]): row.cells[1:] for row in rows("docs/matching.md", *THRESHOLDS)}
    assert listed == {
        "link_at": (str(LIKELY[0]), str(LINK_AT)),
        "review_at": (str(LIKELY[1]), str(REVIEW_AT)),
    }


THRESHOLDS = ("key", "by points", "with weights by hand")


@pytest.mark.parametrize("row", rows("docs/matching.md", "step", "command"), ids=str)
def test_commands_of_a_table_are_there_with_their_options(row: Row) -> None:
    _, *words = code(row.cells[1]).split()
    group: click.Command = crmsync
    while words and isinstance(group, click.Group):
        group = group.commands[words.pop(0)]
    known = {option for param in group.params for option in param.opts}
    assert {word for word in words if word.startswith("-")} <= known


# Other lists --------------------------------------------------------------------------------------------------


def test_capabilities_are_those_that_a_door_may_have() -> None:
    assert [code(row.cells[0]) for row in all_rows("capability", "the door can")] == list(Capabilities.__slots__)


def test_options_of_a_connector_are_those_that_its_source_reads() -> None:
    for row in rows("docs/connectors.md", "option", "of", "default", "meaning"):
        room = ROOT / "crmsync/connectors" / row.heading.partition("`")[2].partition("`")[0]
        files = room.rglob("*.py") if room.is_dir() else [room.with_suffix(".py")]
        name = code(row.cells[0]).rpartition(".")[2]
        assert any(f'"{name}"' in file.read_text("utf-8") for file in files), row


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[0] == __version__


def test_the_licence_is_the_one_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert read("LICENSE").startswith(f"{project['license']} License")
