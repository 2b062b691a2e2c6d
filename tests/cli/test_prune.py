"""What has ended is kept for as long as the project file says, and no longer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmsync.run.people.prune import cut_off
from tests.cli.persons import new_persons, put
from tests.cli.shop import Shop

ALL = "{journal: 90d, runs: 1y, reviews: 1y, dead_letters: 26w, links: 1y, audit: 3y, inputs: 30d}"


@pytest.fixture
def old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A project that has run thrice, four years ago: a question was answered and used, one is open, a dead letter was
    closed, one is open, and a link was superseded."""
    shop = new_persons(tmp_path / "people", capsys)
    for number in (1, 2, 3):
        put(
            shop,
            "persons",
            id=number,
            kind="customer",
            name=f"Eva {'ABC'[number - 1]}",
            mail=f"e{number}@x.sk",
            note="n",
        )
    assert shop.do("run", "--first-load").code == 0
    shop.sql("crm", "UPDATE persons SET note = 'a' WHERE id IN (1, 2)")
    shop.sql("pm", "UPDATE contacts SET memo = 'b' WHERE mail IN ('e1@x.sk', 'e2@x.sk')")
    said = shop.do("run")
    assert said.code == 3, said.err + said.out
    shop.do("review", "resolve", 1, "--take", "crm")
    shop.sql("crm", 'UPDATE persons SET home = \'{"code": "REFUSED"}\' WHERE id = 3')
    assert shop.do("run").code == 3
    shop.sql("crm", "UPDATE persons SET home = NULL WHERE id = 3")
    assert shop.do("run").code == 3
    shop.do("link", "split", "crm.person/3", "--yes")
    with closing(sqlite3.connect(shop.folder / ".crmsync" / "ledger.db")) as ledger:
        for table, columns in AGED.items():
            for column in columns:
                ledger.execute(f"UPDATE crmsync_{table} SET {column} = '2022' || substr({column}, 5)")
        ledger.commit()
    inputs = shop.folder / ".crmsync" / "inputs"
    inputs.mkdir()
    for name in ("20220131T000000-abcdef", "29990131T000000-abcdef"):
        (inputs / f"{name}.jsonl.gz").write_bytes(b"")
    return shop


AGED = {
    "run": ("started", "ended"),
    "review": ("opened", "closed"),
    "dead": ("opened", "closed"),
    "link": ("made", "ended"),
}


def keep(shop: Shop, retention: str) -> None:
    file = shop.folder / "crmsync.yaml"
    rest = [line for line in file.read_text("utf-8").splitlines() if not line.startswith(("version:", "retention:"))]
    file.write_text("\n".join(["version: 1", f"retention: {retention}", *rest]) + "\n", "utf-8")


def rows(shop: Shop, sql: str) -> list[Any]:
    with closing(sqlite3.connect(shop.folder / ".crmsync" / "ledger.db")) as ledger:
        return ledger.execute(sql).fetchall()


def counts(shop: Shop, *words: str) -> dict[str, int]:
    said = shop.do("prune", *words, "--output", "json")
    assert said.code == 0, said.err
    return {what: each["number"] for what, each in said.json["pruned"].items()}


def test_what_has_ended_long_ago_goes_and_what_is_open_stays(old: Shop) -> None:
    keep(old, ALL)
    foretold = counts(old, "--dry-run")
    assert counts(old, "--dry-run") == foretold
    assert foretold["journal"] > 0
    assert foretold["runs"] == 3
    assert counts(old) == foretold
    assert [state for (state,) in rows(old, "SELECT state FROM crmsync_review WHERE n = 2")] == ["open"]
    assert rows(old, "SELECT count(*) FROM crmsync_run") == [(1,)]
    assert rows(old, "SELECT count(*) FROM crmsync_link WHERE active = 1") == [(2,)]
    assert rows(old, "SELECT count(*) FROM crmsync_link WHERE active = 0") == [(0,)]
    assert [path.name[:4] for path in (old.folder / ".crmsync" / "inputs").iterdir()] == ["2999"]
    assert set(counts(old).values()) == {0}


def test_a_run_after_pruning_has_nothing_to_do(old: Shop) -> None:
    old.do("review", "resolve", "--all", "--take", "crm", "--yes")
    old.do("run")
    before = old.do("run", "--output", "json").json["mappings"]
    keep(old, ALL)
    counts(old)
    assert old.do("run", "--output", "json").json["mappings"] == before


def test_what_is_younger_than_its_period_stays(old: Shop) -> None:
    keep(old, "{journal: 99y, runs: 99y, reviews: 99y, dead_letters: 5199w, links: 99y, audit: 1d, inputs: 99y}")
    assert set(counts(old).values()) == {0}


def test_what_is_not_named_is_kept_for_good(old: Shop) -> None:
    keep(old, "{inputs: 30d}")
    assert counts(old) == {"inputs": 1}
    assert rows(old, "SELECT count(*) FROM crmsync_run") == [(4,)]


def test_the_audit_holds_after_its_words_have_gone(old: Shop) -> None:
    with closing(sqlite3.connect(old.folder / ".crmsync" / "ledger.db")) as ledger:
        told = ledger.execute("SELECT count(*) FROM crmsync_audit WHERE told IS NOT NULL").fetchone()[0]
    assert told > 0
    keep(old, "{audit: 1d, runs: 1d}")
    assert counts(old)["audit"] == 0  # all of it is of today
    assert old.do("audit", "verify").code == 0
    assert "retention" in [event for (event,) in rows(old, "SELECT event FROM crmsync_audit")]


def test_a_write_that_was_never_answered_keeps_its_run(old: Shop) -> None:
    with closing(sqlite3.connect(old.folder / ".crmsync" / "ledger.db")) as ledger:
        ledger.execute("UPDATE crmsync_journal SET status = 'sent' WHERE run = (SELECT min(run) FROM crmsync_journal)")
        ledger.commit()
    keep(old, "{runs: 1y}")
    assert counts(old) == {"runs": 2}


def test_what_went_is_told_in_words(old: Shop) -> None:
    keep(old, "{runs: 1y, dead_letters: 26w}")
    out = old.do("prune", "--dry-run").out
    assert "would go" in out
    assert "closed dead letters  26w" in out
    assert old.do("prune").out.splitlines()[0].endswith("gone")


def test_a_run_without_its_journal_is_not_undone_and_its_history_says_why(old: Shop) -> None:
    first = old.do("history", "--output", "json").json["runs"][-1]["run"]
    keep(old, "{journal: 1d}")
    counts(old)
    said = old.do("revert", "--run", first)
    assert said.code == 2
    assert f"nothing is known any more of what run {first} wrote" in said.err
    assert "what it wrote is not known any more" in old.do("history", first).out


def test_pruning_waits_for_its_turn(old: Shop) -> None:
    from crmsync.ledger.lock import take_lock, this_process
    from crmsync.ledger.store import Ledger

    keep(old, "{runs: 1y}")
    ledger = Ledger.open(f"sqlite:///{old.folder}/.crmsync/ledger.db")
    try:
        take_lock(ledger, "run", this_process("another"))
        assert old.do("prune").code == 6
    finally:
        ledger.close()


def test_without_a_retention_nothing_is_pruned(old: Shop) -> None:
    said = old.do("prune")
    assert said.code == 2
    assert "the project file has no retention:" in said.err


@pytest.mark.parametrize(
    "written",
    [
        "{journal: 90}", "{journal: 0d}", "{journal: 3 months}", "{logs: 3d}", "{runs: 1.5y}", "{runs: 99999d}",
        "{runs: 1000y}", "{runs: 007d}", "{runs: 3M}", "{runs: -3d}", "{runs: }", "{runs: 1y, runs: 12m}", "90d",
    ],
)  # fmt: skip
def test_a_period_that_nobody_can_read_is_a_finding(old: Shop, written: str) -> None:
    keep(old, written)
    said = old.do("check")
    assert said.code == 2
    assert "crmsync.yaml:2" in said.out


def test_what_is_meant_by_an_unknown_name_or_an_endless_period_is_said(old: Shop) -> None:
    keep(old, "{journals: 9d}")
    assert "did you mean 'journal'?" in old.do("check").out
    keep(old, "{journal: 5000y}")
    assert "at most 9999 (999y), not '5000y'" in old.do("check").out


def test_journals_that_would_go_with_their_runs_before_their_time_are_a_warning(old: Shop) -> None:
    keep(old, "{journal: 1y, runs: 30d}")
    said = old.do("check")
    assert said.code == 0
    assert "runs go after 30d, and take their journals with them, which are to stay for 1y" in said.out
    for periods in ("{journal: 1y, runs: 12m}", "{journal: 30d, runs: 1m}", "{journal: 1y}", "{runs: 1d}"):
        keep(old, periods)
        assert "take their journals" not in old.do("check").out


def test_a_year_before_the_29th_of_february_is_the_28th() -> None:
    leap = datetime(2024, 2, 29, tzinfo=UTC)
    assert [cut_off(period, leap).date().isoformat() for period in ("1y", "4y", "12m")] == [
        "2023-02-28", "2020-02-29", "2023-02-28",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "before"),
    [
        ("1d", "2024-03-30"),
        ("2w", "2024-03-17"),
        ("1m", "2024-02-29"),
        ("13m", "2023-02-28"),
        ("1y", "2023-03-31"),
        ("25m", "2022-02-28"),
        ("999y", "1025-03-31"),
        ("9999m", "1190-12-31"),
    ],
)
def test_a_month_before_the_31st_is_the_last_of_that_month(period: str, before: str) -> None:
    assert cut_off(period, datetime(2024, 3, 31, tzinfo=UTC)).date().isoformat() == before
