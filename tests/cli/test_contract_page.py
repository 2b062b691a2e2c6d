"""Does docs/contracts.md show what the commands say, and does it list every rule?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmsync.core.compat.changes import keywords
from tests.docs import spoilt, stories
from tests.docs.keyboard import Keyboard, commands, plain, same
from tests.docs.pages import ROOT, Block, Row, code, rows

PAGE = "docs/contracts.md"
FINDINGS = ("rule", "such as", "it says", "mend")
SOURCES = ("crmsync/core/compat", "crmsync/run/registry")
RULE = re.compile(r'"(contract/[a-z]+(?:-[a-z]+)*)"')


@pytest.fixture
def keyboard(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    return Keyboard(tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize("story", list(stories.stories(PAGE)), ids=lambda story: str(story[0]))
def test_commands_say_what_the_page_shows(keyboard: Keyboard, story: list[Block]) -> None:
    stories.begin(keyboard, story)
    for block in story:
        for command in commands(block.text):
            exit, said = keyboard.type(command.line)
            where = f"{block}: $ {command.line}"
            assert exit == command.exit, f"{where}\n{said}"
            assert same(command.shown, said), "\n".join([where, *plain(said)])


@pytest.mark.parametrize("row", [row for row in rows(PAGE, *FINDINGS) if row.cells[1]], ids=str)
def test_a_finding_says_what_the_page_says(tmp_path: Path, row: Row) -> None:
    rule, example, message, mend = row.cells
    found = [each for each in spoilt.findings(tmp_path, example) if each.rule == code(rule)]
    assert found
    assert (found[0].message, found[0].mend) == (message, mend)


def test_every_rule_of_a_contract_or_of_git_is_listed_once() -> None:
    room = ROOT / "crmsync/project"
    files = [*(room / "contracts").glob("*.py"), room / "check/deprecation.py", room / "git.py"]
    ours = {rule for file in files for rule in spoilt._rules_in(file)}
    listed = [code(row.cells[0]) for page in ("docs/mapping.md", PAGE) for row in rows(page, *FINDINGS)]
    assert sorted(rule for rule in listed if rule in ours) == sorted(ours)
    assert {code(row.cells[0]) for row in rows(PAGE, *FINDINGS)} <= ours


def test_every_rule_of_a_change_is_listed() -> None:
    listed = {code(row.cells[0]) for row in rows(PAGE, "rule", "means")}
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    named = {rule for file in files for rule in RULE.findall(file.read_text("utf-8"))}
    bounds = {f"contract/{family}-{end}" for family, _ in keywords._BOUNDS.values() for end in ("narrowed", "widened")}
    ends = ("added", "removed", "narrowed", "widened", "changed")
    asserted = {f"contract/{family}-{end}" for family in keywords._ASSERTED.values() for end in ends}
    noted = {f"contract/{rule}" for rule in keywords._NOTED.values()}
    assert named | bounds | asserted | noted <= listed | {"contract/not-a-schema"}
