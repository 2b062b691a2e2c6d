"""How commands end: exit codes, words, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import Terminated, answer
from crmsync.cli.flags import Settings, global_flags
from crmsync.connectors.base import Refused, Transient
from crmsync.core.model import At, Finding
from crmsync.ledger.nouns import Holder, LedgerTooNew, LedgerUnreachable, Locked, LockLost, ReviewNotOpen
from crmsync.ledger.spool import SpoolError
from crmsync.run.world import Stopped
from tests.cli.shop import Shop

ENDS: list[tuple[BaseException, int]] = [
    (Stopped(4, Finding("limits/update", "too many", "look at the plan", at=At("a.yaml", 3, 5))), 4),
    (Stopped(5, Finding("plan/stale", "too old")), 5),
    (Locked("run X holds it", Holder("here", 1, "then", "X")), 6),
    (LockLost("run"), 1),
    (LedgerUnreachable("nobody there"), 1),
    (LedgerTooNew("from the future"), 2),
    (ReviewNotOpen("nobody asked"), 2),
    (SpoolError("the disk is full"), 1),
    (MemoryError(), 1),
    (OSError(28, "No space left on device", "/tmp/x"), 1),
    (Transient("timed out"), 1),
    (Refused("no such table"), 2),
    (KeyboardInterrupt(), 130),
    (Terminated(), 143),
    (ValueError("Jana Vzorová"), 1),
]


def failing(error: BaseException) -> click.Group:
    @click.group()
    @global_flags
    def group() -> None:
        pass

    @group.command()
    @global_flags
    def run(settings: Settings) -> None:
        raise error

    return group


@pytest.mark.parametrize(("error", "code"), ENDS, ids=lambda each: type(each).__name__)
def test_every_end_has_its_exit_code_and_words(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(failing(error), ["run"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err != ""
    assert "Traceback" not in said.err


def test_a_finding_says_place_message_and_mend(capsys: pytest.CaptureFixture[str]) -> None:
    answer(failing(ENDS[0][0]), ["run"])
    assert capsys.readouterr().err == "a.yaml:3:5: too many\n    look at the plan\n"


def test_with_json_output_an_end_is_one_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    answer(failing(ENDS[0][0]), ["run", "--output", "json"])
    assert '"exit": 4' in capsys.readouterr().out


def test_with_json_logs_a_finding_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    answer(failing(ENDS[0][0]), ["run", "--log-format", "json"])
    (line,) = capsys.readouterr().err.splitlines()
    assert '"line": 3' in line


@pytest.mark.parametrize("words", ["run --log-format json --nope", "--log-format=json run --nope", "run --nope"])
def test_words_that_cannot_be_understood_are_one_line_too_where_json_logs_are_asked_for(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(failing(ValueError()), words.split()) == 2
    said = capsys.readouterr()
    if "json" in words:
        (line,) = said.err.splitlines()
        told = json.loads(line)
        assert (told["level"], told["rule"], told["message"]) == ("error", "usage", "No such option '--nope'.")
        assert told["mend"].endswith("run --help")
        assert told["trace"]
    else:
        assert said.err.startswith("Usage: ")


def test_results_that_cannot_be_written_end_with_words_and_no_traceback() -> None:
    words = [sys.executable, "-m", "crmsync", "-C", "/nowhere", "run", "--output", "json", "--log-format", "json"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    assert all(json.loads(line)["trace"] for line in ended.stderr.splitlines())


def test_a_mistake_of_ours_shows_no_value_and_no_traceback_unless_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = failing(ValueError("Jana Vzorová"))
    answer(group, ["run"])
    assert "Jana" not in capsys.readouterr().err
    monkeypatch.setenv("CRMSYNC_DEBUG", "1")
    answer(group, ["run"])
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "ValueError (its text is not shown" in said
    assert "Jana" not in said


@pytest.mark.parametrize("words", [["nothing"], ["run", "--mode", "sideways"], ["run", "--limit", "0"], ["explain"]])
def test_words_that_are_no_command_exit_with_2(shop: Shop, words: list[str]) -> None:
    assert shop.do(*words).code == 2


def test_a_reader_that_goes_away_is_no_failure_of_ours() -> None:
    command = f"{sys.executable} -m crmsync schema mapping | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)
    assert "Traceback" not in done.stderr


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(crmsync, []) == 2
    said = capsys.readouterr()
    assert "crmsync init" in said.out + said.err
