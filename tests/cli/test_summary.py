"""How does a run end on the screen?"""

from __future__ import annotations

import signal

import pytest

from crmsync.cli.summary import show_report
from crmsync.run.report import Report


def test_a_run_that_a_signal_stopped_says_so_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(Report("r1", {}, stopped=signal.SIGTERM))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "stopped by a signal before it was through; run again to go on"


def test_a_run_that_came_through_says_nothing_of_signals(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(Report("r1", {}))
    assert "signal" not in capsys.readouterr().out
