"""Who did what, and does it still stand as it was told? audit head, verify, export; and explain, which reads it."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from typing import Any

import pytest

from tests.cli.shop import Shop

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def head(shop: Shop) -> str:
    return shop.do("audit", "head").out.strip()


def exported(shop: Shop, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shop.do("audit", "export", *words).out.splitlines()]


def tamper(shop: Shop, statement: str) -> None:
    with closing(sqlite3.connect(shop.folder / ".crmsync" / "ledger.db")) as ledger:
        ledger.execute(statement)
        ledger.commit()


# The chain -------------------------------------------------------------------------------------------------------


def test_every_run_says_at_its_end_where_the_audit_stands(synced: Shop) -> None:
    said = synced.do("run")
    assert f"audit={head(synced)}" in said.err.splitlines()[-1]


def test_every_run_as_json_says_trace_and_head(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-00f067aa0ba902b7-01")
    told = shop.do("run", "--first-load", "--output", "json").json
    assert told["trace"] == TRACE
    assert f"{told['audit']['n']}:{told['audit']['head']}" == head(shop)
    assert told["audit"]["n"] == len(exported(shop)) == 4


@pytest.mark.parametrize("words", [(), ("--output", "json")])
def test_an_audit_that_nobody_touched_is_whole(synced: Shop, words: tuple[str, ...]) -> None:
    noted = head(synced)
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    synced.do("run")
    for more in ((), ("--head", noted), ("--head", head(synced))):
        said = synced.do("audit", "verify", *more, *words)
        assert (said.code, said.err) == (0, "")
    assert "5" in said.out


def test_a_plan_leaves_the_audit_as_it_is(synced: Shop) -> None:
    noted = head(synced)
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    assert "audit" not in synced.do("plan", "--output", "json").json
    assert head(synced) == noted


def test_who_tampers_with_the_ledger_is_found(synced: Shop) -> None:
    tamper(synced, "UPDATE crmsync_audit SET actor = 'nobody' WHERE n = 2")
    said = synced.do("audit", "verify")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("row 2 is not what was sealed: one of its columns was changed, or it was moved or put")
    told = synced.do("audit", "verify", "--output", "json").json
    assert (told["exit"], told["n"], told["findings"][0]["rule"]) == (2, 2, "audit/changed")


@pytest.mark.parametrize("told", ["'not json'", "'[1]'", "replace(told, 'Mlyn Nitra', 'Somebody')"])
@pytest.mark.parametrize("words", [("explain", "crm.account/2", "name"), ("audit", "export")])
def test_what_somebody_has_put_into_a_row_is_not_told_as_ours(synced: Shop, told: str, words: tuple[str, ...]) -> None:
    tamper(synced, f"UPDATE crmsync_audit SET told = {told} WHERE n = 2")
    said = synced.do(*words)
    assert said.code == 2
    assert "Somebody" not in said.out
    assert said.err.startswith("what row 2 of the audit tells is not what it told when it was sealed")


def test_who_rewrites_the_head_of_the_ledger_is_found(synced: Shop) -> None:
    tamper(synced, "UPDATE crmsync_meta SET value = 'forged' WHERE name = 'audit_head'")
    said = synced.do("audit", "verify")
    assert said.code == 2
    assert said.err.startswith("somebody has changed where the ledger says that its audit ends")


def test_what_is_no_head_is_a_usage_error(synced: Shop) -> None:
    said = synced.do("audit", "verify", "--head", "38")
    assert said.code == 2
    assert "'38' is no head of an audit; write it as a run printed it, like 38:9f2c…" in said.err


def test_before_the_first_run_there_is_nothing_to_tell(shop: Shop) -> None:
    assert shop.do("audit", "head").out == "nothing was done yet\n"
    assert shop.do("audit", "head", "--output", "json").json == {"n": 0, "head": "", "exit": 0}
    assert shop.do("audit", "verify").out == "the audit is whole: 0 rows\n"


# Export ----------------------------------------------------------------------------------------------------------


def test_every_write_is_told_with_its_line_owner_values_and_why(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    run = synced.do("run", "--output", "json").json
    (row,) = exported(synced, "--run", run["run"])
    assert (row["event"], row["actor"], row["run"], row["trace"]) == ("update", "crmsync", run["run"], run["trace"])
    assert (row["records"], row["side"]) == (["crm.account/2", "pm.customer/9"], "pm")
    assert row["fields"] == [
        {
            "field": "name", "at": "mappings/account-customer.yaml:31", "owner": "crm", "why": "owner-changed",
            "before": "Mlyn Nitra a.s.", "after": "Mlyn Nitra SE",
        }
    ]  # fmt: skip


def test_people_are_masked_in_an_export_unless_asked_for(synced: Shop) -> None:
    assert "info@mlyn-nitra-demo.sk" not in synced.do("audit", "export").out
    assert "info@mlyn-nitra-demo.sk" in synced.do("audit", "export", "--show-pii").out


def test_an_export_to_a_file_is_for_its_owner_only(synced: Shop) -> None:
    file = synced.folder / "audit.jsonl"
    assert synced.do("audit", "export", "-o", file).out == f"wrote 4 rows to {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text("utf-8").splitlines()) == 4
    assert synced.do("audit", "export", "-o", file, "--output", "json").json["rows"] == 4


def test_an_export_begins_where_it_is_told(synced: Shop) -> None:
    assert [row["n"] for row in exported(synced, "--since", "3")] == [3, 4]
    assert len(exported(synced, "--since", "2026-01-01")) == 4
    assert exported(synced, "--since", "2099-01-01T02:00") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "soon"], "--since soon is neither a row nor a date"),
        (["--run", "none"], "there is no run none"),
        (["-o", "no/such/folder/audit.jsonl"], "no/such/folder/audit.jsonl cannot be written: No such file"),
    ],
)
def test_what_cannot_be_exported_is_said(synced: Shop, words: list[str], message: str) -> None:
    said = synced.do("audit", "export", *words)
    assert said.code == 2
    assert message in said.err


# What people do --------------------------------------------------------------------------------------------------


@pytest.fixture
def conflict(synced: Shop) -> Shop:
    synced.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 2")
    synced.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 9")
    assert synced.do("run").code == 3
    return synced


def test_an_answer_is_told_and_so_is_the_write_that_follows_with_who_decided(
    conflict: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "žofia")
    conflict.do("review", "resolve", 1, "--take", "crm")
    monkeypatch.setenv("LOGNAME", "cron")
    conflict.do("run")

    decided, written = exported(conflict)[-2:]
    assert (decided["event"], decided["actor"], decided["run"]) == ("decide", "žofia", None)
    assert (decided["field"], decided["values"], decided["take"]) == ("notes", ["ours", "theirs"], 0)
    assert (written["actor"], written["fields"][0]["why"], written["fields"][0]["who"]) == (
        "crmsync", "decided", "žofia"
    )  # fmt: skip


def test_every_command_that_judges_is_told(conflict: Shop) -> None:
    conflict.do("review", "resolve", 1, "--take", "crm")
    conflict.do("review", "reopen", 1)
    conflict.do("link", "split", "crm.account/1", "--yes")
    links = conflict.folder / "links.csv"
    assert conflict.do("link", "export", "-o", links).code == 0
    links.write_text(links.read_text("utf-8").replace("different", "same"), "utf-8")
    assert conflict.do("link", "import", links, "--supersede").code == 0
    assert [row["event"] for row in exported(conflict)[4:]] == ["decide", "reopen", "split", "link"]
    assert conflict.do("audit", "verify").code == 0


def test_a_dead_letter_that_is_retried_or_dropped_is_told(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET email = 'nobody' WHERE id = 2")
    synced.do("run")
    synced.do("dlq", "retry", 1)
    synced.do("dlq", "drop", 1)
    told = [(row["event"], row["records"], row["letter"]) for row in exported(synced)[4:]]
    assert told == [("retry", ["crm.account/2"], 1), ("drop", ["crm.account/2"], 1)]


def test_a_mapping_that_is_confirmed_is_told(synced: Shop) -> None:
    synced.edit("mappings/account-customer.yaml", "owner: crm, to_pm: [domain]", "owner: pm")
    assert synced.do("rebase", "--yes").code == 0
    row = exported(synced)[-1]
    assert (row["event"], row["mapping"], row["changes"][0]["rule"]) == (
        "rebase", "account-customer", "change/owner"
    )  # fmt: skip


# Explain ---------------------------------------------------------------------------------------------------------


def test_explain_tells_the_story_of_a_field_newest_last(conflict: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "žofia")
    conflict.do("review", "resolve", 1, "--take", "crm")
    conflict.do("run")
    conflict.sql("crm", "UPDATE accounts SET description = 'later' WHERE id = 2")
    conflict.do("run")

    lines = [line.partition(" UTC: ")[2] for line in conflict.do("explain", "crm.account/2", "notes").out.splitlines()]
    told = [line.partition(" (run ")[0] for line in lines if line]

    assert told == [
        "crmsync wrote null to pm, because the record was created from the other one",
        'žofia decided that crm is right: "ours" (review 1).',
        'crmsync changed it in pm from "theirs" to "ours", because žofia decided so',
        'crmsync changed it in pm from "ours" to "later", because the other side changed it',
    ]


def test_explain_needs_no_journal(synced: Shop) -> None:
    tamper(synced, "DELETE FROM crmsync_journal")
    tamper(synced, "DELETE FROM crmsync_run")
    assert 'crmsync wrote "Mlyn Nitra a.s." to pm' in synced.do("explain", "crm.account/2", "name").out


def test_explain_masks_people_in_what_was_written(synced: Shop) -> None:
    assert 'crmsync wrote "***" to pm' in synced.do("explain", "crm.account/2", "email").out
    assert 'crmsync wrote "info@mlyn-nitra-demo.sk"' in synced.do("explain", "crm.account/2", "email", "--show-pii").out


def test_explain_tells_what_became_of_the_pair_as_such(synced: Shop) -> None:
    synced.do("link", "split", "crm.account/1", "--yes")
    out = synced.do("explain", "crm.account/1").out
    assert "UTC: crmsync linked crm.account/1 and pm.customer/7: ico equal (score 1.00) (run " in out
    assert "said that crm.account/1 and pm.customer/7 are two things." in out


def test_of_many_fields_explain_tells_the_last_changes_and_where_the_others_are(synced: Shop) -> None:
    for name in ("A", "B", "C", "D"):
        synced.sql("crm", "UPDATE accounts SET name = ? WHERE id = 2", name)
        synced.do("run")
    assert "2 earlier changes: crmsync explain crm.account/2 name" in synced.do("explain", "pm.customer/9").out
    assert "earlier" not in synced.do("explain", "pm.customer/9", "name").out


def test_explain_as_json_tells_the_story_too(conflict: Shop) -> None:
    conflict.do("review", "resolve", 1, "--take", "crm")
    (story,) = conflict.do("explain", "crm.account/2", "notes", "--output", "json").json["mappings"]
    first, second = story["fields"]["notes"]["history"]
    assert (first["event"], first["why"], first["before"], first["after"]) == ("create", "created", None, None)
    assert (second["event"], second["why"], second["run"]) == ("decide", "decide", None)


# Trace -----------------------------------------------------------------------------------------------------------


def test_every_line_of_the_log_bears_the_trace(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-00f067aa0ba902b7-01")
    lines = [json.loads(line) for line in shop.do("--log-format", "json", "run", "--first-load").err.splitlines()]
    failed = json.loads(shop.do("--log-format", "json", "audit", "verify", "--head", "x").err)
    assert {line["trace"] for line in (*lines, failed)} == {TRACE}
    assert all(line.endswith(f" trace={TRACE}") for line in shop.do("run").err.splitlines())


@pytest.mark.parametrize(
    "given",
    [
        "", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
    ],
)  # fmt: skip
def test_without_a_valid_traceparent_a_run_begins_a_trace_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("TRACEPARENT", given)
    first, second = (shop.do("run", "--first-load", "--output", "json").json["trace"] for _ in range(2))
    assert len({first, second, TRACE, "0" * 32}) == 4
    assert len(first) == 32
    assert int(first, 16)


def test_explain_says_in_plain_words_what_the_last_run_made_of_a_pair(synced: Shop) -> None:
    told = synced.do("explain", "crm.account/2", "name").out
    assert ": one was created from the other.\n" in told
    synced.do("run")
    assert "The last run that found something to do brought crm.account/2 and pm.customer/9 into" in explained(synced)
    synced.do("link", "exclude", "crm.account/2")
    assert "The next run looks at crm.account/2 and pm.customer/9 again: excluded by" in explained(synced)
    synced.do("run")
    assert "The last run left crm.account/2 and pm.customer/9 alone: excluded by a person." in explained(synced)


def test_explain_says_in_plain_words_that_a_record_is_gone_and_why_the_other_one_was_archived(synced: Shop) -> None:
    synced.sql("crm", "DELETE FROM accounts WHERE id = 2")
    synced.do("run")
    assert "One of them was not there when it was last listed" in explained(synced)
    assert 'Now pm says "Mlyn Nitra a.s.".' in explained(synced)
    synced.do("run")
    assert "One of them is gone, and their link with it." in explained(synced)
    assert "crmsync archived pm.customer/9, because the other one is there no more (run" in explained(synced)


def explained(shop: Shop) -> str:
    return shop.do("explain", "pm.customer/9", "name").out
