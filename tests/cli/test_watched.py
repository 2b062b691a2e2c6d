"""Who hears how a run ends: hooks, a webhook, files and logs around the real commands."""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from prometheus_client.parser import text_string_to_metric_families

from crmsync.ledger.lock import take_lock, this_process
from crmsync.ledger.store import Ledger
from crmsync.run.locking import NAME
from tests.cli.shop import Said, Shop
from tests.receiver import Post, Receiver, receiver

CANARY = "kanarik.zlty@example.com"
SECRET = "velmi-tajne-heslo"
HOOK = """\
#!/bin/sh
cat > "$1-$CRMSYNC_ALERT.json"
echo "$CRMSYNC_RUN $CRMSYNC_TRACE $CRMSYNC_EXIT $CRMSYNC_ALERT" >> "$1.log"
"""
SIGNALS = """
signals:
  prometheus: crmsync.prom
  on_failure: [./hook.sh, failure]
  on_degraded: [./hook.sh, degraded]
"""


def watched(shop: Shop, more: str = "", signals: str = SIGNALS) -> Shop:
    hook = shop.folder / "hook.sh"
    hook.write_text(HOOK, "utf-8")
    hook.chmod(0o755)
    with (shop.folder / "crmsync.yaml").open("a", encoding="utf-8") as file:
        file.write(signals + more)
    return shop


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def hooked(synced: Shop, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A project after its first run, with commands and a webhook; nothing was told yet."""
    monkeypatch.setenv("HOOK_URL", f"{server.url}/T0KEN")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return watched(synced, '  webhook: {url: "${HOOK_URL}", secret: "${HOOK_SECRET}"}\n')


def calls(shop: Shop, name: str) -> list[list[str]]:
    """What the hook was called with: run, trace, exit and alert."""
    log = shop.folder / f"{name}.log"
    return [line.split(" ") for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def told(shop: Shop, name: str, alert: str) -> Any:
    return json.loads((shop.folder / f"{name}-{alert}.json").read_text("utf-8"))


def kinds(posts: list[Post]) -> list[str]:
    return [json.loads(each.body)["alert"] for each in posts]


def metrics(shop: Shop) -> dict[str, float]:
    """The metrics that bear no label but the project's."""
    text = (shop.folder / "crmsync.prom").read_text("utf-8")
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: sample.value for sample in found if sample.labels == {"project": "shop"}}


def hold(shop: Shop) -> None:
    """Both sides change the notes of account 2, customer 9."""
    shop.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 2")
    shop.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 9")


def break_down(shop: Shop) -> None:
    shop.sql("crm", "ALTER TABLE accounts RENAME TO gone")


def mend(shop: Shop) -> None:
    shop.sql("crm", "ALTER TABLE gone RENAME TO accounts")


def lines(said: Said) -> list[Any]:
    return [json.loads(line) for line in said.err.splitlines()]


# Alerts


def test_a_failure_is_told_once_and_so_is_its_end(hooked: Shop, server: Receiver) -> None:
    break_down(hooked)
    assert [hooked.do("run").code for _ in range(3)] == [2, 2, 2]
    mend(hooked)
    assert [hooked.do("run").code for _ in range(2)] == [0, 0]
    assert [(code, alert) for _, _, code, alert in calls(hooked, "failure")] == [("2", "failure"), ("0", "recovered")]
    assert kinds(server.posts) == ["failure", "recovered"]
    assert calls(hooked, "degraded") == []


def test_a_webhook_is_signed_by_the_secret_of_the_project(hooked: Shop, server: Receiver) -> None:
    break_down(hooked)
    hooked.do("run")
    (post,) = server.posts
    assert post.path == "/T0KEN"
    is_ours = documented()
    assert is_ours(SECRET, post.headers, post.body)
    assert not is_ours("another secret", post.headers, post.body)
    assert not is_ours(SECRET, post.headers, post.body.replace(b'"exit":2', b'"exit":0'))
    before = {**post.headers, "x-crmsync-timestamp": str(int(post.headers["x-crmsync-timestamp"]) - 600)}
    assert not is_ours(SECRET, before, post.body)
    old = before["x-crmsync-timestamp"].encode() + b"." + post.body  # rightly signed, and sent again
    before["x-crmsync-signature"] = "sha256=" + hmac.digest(SECRET.encode(), old, "sha256").hex()
    assert not is_ours(SECRET, before, post.body)


def documented() -> Any:
    """What the documentation tells a receiver to do."""
    page = (Path(__file__).parents[2] / "docs" / "signals.md").read_text("utf-8")
    scene: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], scene)
    return scene["is_ours"]


def test_the_summary_names_the_run_the_trace_and_the_reasons(hooked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-b7ad6b7169203331-01")
    hold(hooked)
    said = hooked.do("run", "--output", "json")
    assert said.code == 3
    summary = told(hooked, "degraded", "degraded")
    assert (summary["run"], summary["trace"], summary["exit"]) == (said.json["run"], trace, 3)
    assert summary["reasons"] == ["account-customer: open reviews", "account-customer: records held"]
    assert (summary["project"], summary["scope"]) == ("shop", "run batch")
    assert summary["signals"]["mappings"]["account-customer"]["open_reviews"] == 1
    assert calls(hooked, "degraded") == [[said.json["run"], trace, "3", "degraded"]]


def test_exit_3_is_degraded_until_all_is_answered(hooked: Shop, server: Receiver) -> None:
    hold(hooked)
    assert [hooked.do("run").code for _ in range(2)] == [3, 3]
    hooked.do("review", "resolve", 1, "--take", "crm")
    assert [hooked.do("run").code for _ in range(2)] == [0, 0]
    assert [alert for *_, alert in calls(hooked, "degraded")] == ["degraded", "recovered"]
    assert kinds(server.posts) == ["degraded", "recovered"]
    assert calls(hooked, "failure") == []


def test_a_run_that_is_only_degraded_ends_a_failure_for_who_asked_for_failures(hooked: Shop, server: Receiver) -> None:
    break_down(hooked)
    hooked.do("run")
    mend(hooked)
    hold(hooked)
    assert hooked.do("run").code == 3
    assert [alert for *_, alert in calls(hooked, "failure")] == ["failure", "recovered"]
    assert [alert for *_, alert in calls(hooked, "degraded")] == ["degraded"]
    assert kinds(server.posts) == ["failure", "degraded"]


def test_a_dead_letter_that_is_old_degrades_a_run_that_went_well(hooked: Shop) -> None:
    hooked.sql("crm", "UPDATE accounts SET email = 'no address' WHERE id = 2")
    assert hooked.do("run").code == 3
    age_by(hooked, "dead", days=2)
    hooked.do("run")
    assert told(hooked, "degraded", "degraded")["reasons"] == [
        "account-customer: old dead letters", "account-customer: records rejected",
    ]  # fmt: skip


def age_by(shop: Shop, table: str, days: int) -> None:
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    shop.sql(".crmsync/ledger", f"UPDATE crmsync_{table} SET opened = ?", then)


def test_a_convergence_that_fell_is_told_until_it_is_back(hooked: Shop) -> None:
    hooked.do("run")  # what later ones are compared with
    hooked.sql("crm", "UPDATE accounts SET email = 'no address' WHERE id = 2")
    for _ in range(2):
        hooked.do("run")
    assert "account-customer: convergence fell" in told(hooked, "degraded", "degraded")["reasons"]
    hooked.sql("crm", "UPDATE accounts SET email = 'a@example.com' WHERE id = 2")
    assert hooked.do("run").code == 0
    assert [alert for *_, alert in calls(hooked, "degraded")] == ["degraded", "recovered"]


def test_a_stale_plan_and_a_tripped_limit_are_failures(hooked: Shop) -> None:
    plan = hooked.folder / "plan.jsonl"
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    hooked.do("plan", "-o", plan)
    assert [hooked.do("apply", plan).code for _ in range(2)] == [0, 5]
    assert told(hooked, "failure", "failure")["reasons"] == ["plan/drift"]
    hooked.edit("mappings/account-customer.yaml", "update: 30%", "update: 0")
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    assert hooked.do("run").code == 4
    assert told(hooked, "failure", "failure")["reasons"] == ["limits/update"]


def test_apply_is_watched_and_plan_is_not(hooked: Shop) -> None:
    plan = hooked.folder / "plan.jsonl"
    break_down(hooked)
    assert hooked.do("plan").code == 2
    assert calls(hooked, "failure") == []
    plan.write_text("no plan\n", "utf-8")
    assert hooked.do("apply", plan).code == 2
    assert told(hooked, "failure", "failure")["scope"] == "apply"


def test_runs_of_another_kind_do_not_end_a_failure(hooked: Shop, server: Receiver) -> None:
    hooked.edit("mappings/account-customer.yaml", "to_pm: [trim, collapse_spaces]", "to_pm: [trim]")
    assert hooked.do("run", "--mode", "delta").code == 2
    assert hooked.do("run").code == 0
    assert kinds(server.posts) == ["failure"]
    assert hooked.do("run", "--mode", "delta").code == 0
    assert kinds(server.posts) == ["failure", "recovered"]


def test_a_run_of_everything_ends_the_failure_of_a_run_of_a_part(hooked: Shop, server: Receiver) -> None:
    break_down(hooked)
    assert hooked.do("run", "--only", "crm.account/1").code == 2
    mend(hooked)
    assert hooked.do("run", "--select", "account-customer").code == 0
    assert "failing" in hooked.do("status").out
    assert hooked.do("run").code == 0
    assert "failing" not in hooked.do("status").out
    assert kinds(server.posts) == ["failure", "recovered"]
    assert hooked.do("run").code == 0
    assert kinds(server.posts) == ["failure", "recovered"]


def test_a_mapping_that_is_halted_is_a_failure_until_somebody_resumes_it(hooked: Shop, server: Receiver) -> None:
    hooked.edit("mappings/account-customer.yaml", "limits: {", "limits: {errors: 0, ")
    assert hooked.do("run").code == 0
    hooked.sql("pm", "CREATE TRIGGER closed BEFORE UPDATE ON customers BEGIN SELECT raise(ABORT, 'closed'); END")
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    assert [hooked.do("run").code for _ in range(3)] == [1, 3, 3]
    assert kinds(server.posts) == ["failure"]
    assert told(hooked, "failure", "failure")["reasons"] == ["account-customer: halted"]
    hooked.sql("pm", "DROP TRIGGER closed")
    assert hooked.do("resume").code == 0
    assert hooked.do("run").code == 3  # the dead letter waits for a change, or for a person
    assert [alert for *_, alert in calls(hooked, "failure")] == ["failure", "recovered"]


# When there is nothing to go by


def test_a_project_with_errors_can_still_tell(hooked: Shop, server: Receiver) -> None:
    hooked.edit("mappings/account-customer.yaml", "owner: pm", "owner: pmm")
    assert [hooked.do("run").code for _ in range(2)] == [2, 2]
    assert kinds(server.posts) == ["failure"]
    summary = told(hooked, "failure", "failure")
    assert (summary["run"], summary["reasons"]) == (None, ["mapping/bad-value"])
    assert summary["findings"][0]["at"].partition(":")[0].endswith("mappings/account-customer.yaml")
    assert metrics(hooked)["crmsync_last_run_exit_code"] == 2


def test_without_a_ledger_it_is_told_every_time(hooked: Shop, server: Receiver) -> None:
    hooked.edit("crmsync.yaml", "ledger: sqlite:///.crmsync/ledger.db", "ledger: sqlite:///crmsync.yaml/ledger.db")
    assert [hooked.do("run").code for _ in range(2)] == [1, 1]
    assert kinds(server.posts) == ["failure", "failure"]


def test_a_lock_that_is_held_is_no_failure_until_it_is_held_for_too_long(hooked: Shop, server: Receiver) -> None:
    ledger = Ledger.open(f"sqlite:///{hooked.folder / '.crmsync/ledger.db'}")
    take_lock(ledger, NAME, this_process("another run"))
    ledger.close()
    assert hooked.do("run", "--if-locked", "skip").code == 0
    assert hooked.do("run").code == 6
    assert server.posts == []
    then = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
    hooked.sql(".crmsync/ledger", "UPDATE crmsync_lock SET taken = ?", then)
    assert hooked.do("run", "--if-locked", "skip").code == 0
    assert hooked.do("run").code == 6
    assert kinds(server.posts) == ["failure"]
    assert told(hooked, "failure", "failure")["reasons"] == ["ledger/locked"]


def test_a_mistake_of_ours_is_a_failure_too(hooked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.run.session.prepare", lambda *_: 1 / 0)
    assert hooked.do("run").code == 1
    summary = told(hooked, "failure", "failure")
    assert summary["reasons"] == ["crmsync/mistake"]
    assert "ZeroDivisionError" in summary["findings"][0]["message"]


def test_a_run_that_somebody_stopped_has_not_failed(hooked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crmsync.run.session.prepare", stopped)
    assert hooked.do("run").code == 130
    assert calls(hooked, "failure") == []
    assert metrics(hooked)["crmsync_last_run_exit_code"] == 130


# What cannot be told


@pytest.mark.parametrize(
    ("signals", "why"),
    [
        ("  on_failure: [sh, -c, exit 3]", "signals.on_failure was not told of a failed run: sh ended with 3"),
        ("  on_failure: [./nobody]", "signals.on_failure was not told of a failed run: nobody cannot be started"),
        ("  prometheus: no/where.prom", "signals.prometheus could not be written: No such file or directory"),
        ("  webhook: {url: 'http://127.0.0.1:9', secret: '${S:-s}'}", "it did not answer: ConnectionRefusedError"),
        ("  otel: {endpoint: 'http://127.0.0.1:9'}\n  timeout: 500ms", "signals.otel did not take the spans"),
    ],
)
def test_what_could_not_be_told_is_a_warning_and_the_exit_code_stays(synced: Shop, signals: str, why: str) -> None:
    watched(synced, signals=f"\nsignals:\n{signals}\n")
    break_down(synced)
    said = synced.do("run")
    assert said.code == 2
    (warning,) = [line for line in said.err.splitlines() if line.startswith("warning: ")]
    assert why in warning
    mend(synced)
    assert synced.do("run").code == 0


def test_an_alert_that_did_not_arrive_is_sent_by_the_next_run(hooked: Shop, server: Receiver) -> None:
    server.answers += [400]
    break_down(hooked)
    assert "it answered with 400" in hooked.do("run").err
    assert "it answered" not in hooked.do("run").err
    assert kinds(server.posts) == ["failure", "failure"]
    assert len(calls(hooked, "failure")) == 1


def test_an_alert_is_tried_again_when_the_receiver_stumbles(hooked: Shop, server: Receiver) -> None:
    server.answers += [500]
    break_down(hooked)
    assert "it answered" not in hooked.do("run").err
    assert kinds(server.posts) == ["failure", "failure"]
    hooked.do("run")
    assert len(server.posts) == 2


def test_nobody_looks_on_where_nobody_asked(synced: Shop) -> None:
    before = sorted(each.name for each in synced.folder.iterdir())
    assert synced.do("run").code == 0
    assert sorted(each.name for each in synced.folder.iterdir()) == before


# Files, logs, status


def test_the_metrics_are_written_by_every_run_whatever_its_end(hooked: Shop) -> None:
    assert hooked.do("run").code == 0
    found = metrics(hooked)
    assert (found["crmsync_last_run_exit_code"], found["crmsync_last_success_age_seconds"] < 60) == (0, True)
    break_down(hooked)
    hooked.do("run")
    found = metrics(hooked)
    assert found["crmsync_last_run_exit_code"] == 2
    assert "crmsync_last_success_age_seconds" in found


def test_the_metrics_of_a_run_tell_of_its_own_failure_and_of_its_own_recovery(hooked: Shop) -> None:
    break_down(hooked)
    hooked.do("run")
    assert "crmsync_failing_seconds" in metrics(hooked)
    assert "crmsync_time_to_recover_seconds" not in metrics(hooked)
    mend(hooked)
    hooked.do("run")
    assert "crmsync_failing_seconds" not in metrics(hooked)
    assert metrics(hooked)["crmsync_time_to_recover_seconds"] > 0


def runs(shop: Shop) -> dict[str, float]:
    """How many runs have ended, by exit code."""
    text = (shop.folder / "crmsync.prom").read_text("utf-8")
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.labels["exit"]: sample.value for sample in found if sample.name == "crmsync_runs_total"}


def test_a_run_is_counted_also_where_it_ends_before_it_has_a_plan(hooked: Shop) -> None:
    hooked.do("run")
    before = runs(hooked)
    break_down(hooked)
    hooked.do("run")
    mend(hooked)
    plan = hooked.folder / "plan.jsonl"
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    hooked.do("plan", "-o", plan)
    assert [hooked.do("apply", plan).code for _ in range(2)] == [0, 5]
    hooked.edit("mappings/account-customer.yaml", "owner: pm", "owner: pmm")
    assert hooked.do("run").code == 2
    assert runs(hooked) == {"0": before["0"] + 1, "2": 2, "5": 1}
    assert hooked.do("status").code == 2  # the project is still wrong
    hooked.edit("mappings/account-customer.yaml", "owner: pmm", "owner: pm")
    counted = hooked.do("status", "--output", "json").json["signals"]["runs"]
    assert counted == {"0": before["0"] + 1, "2": 2, "5": 1}


@pytest.mark.parametrize("skips", [True, False])
def test_a_run_that_finds_another_one_at_work_is_a_try_and_leaves_the_last_run_as_it_was(
    hooked: Shop, *, skips: bool
) -> None:
    hooked.do("run")
    before, counted = metrics(hooked), runs(hooked)
    ledger = Ledger.open(f"sqlite:///{hooked.folder / '.crmsync/ledger.db'}")
    take_lock(ledger, NAME, this_process("another run"))
    ledger.close()
    hooked.do("run", *(("--if-locked", "skip") if skips else ()))
    after = metrics(hooked)
    assert after["crmsync_last_try_timestamp_seconds"] > before["crmsync_last_try_timestamp_seconds"]
    assert after["crmsync_last_run_exit_code"] == 0
    ended = "crmsync_last_run_end_timestamp_seconds"
    assert after[ended] == pytest.approx(before[ended], abs=2)
    assert after[ended] < after["crmsync_last_try_timestamp_seconds"]
    assert runs(hooked) == {**counted, "6": 1}


def test_the_signals_that_are_told_are_those_after_the_run(hooked: Shop, server: Receiver) -> None:
    hooked.do("run")
    break_down(hooked)
    hooked.do("run")
    mend(hooked)
    hooked.do("run")
    failed, well = (json.loads(post.body)["signals"] for post in server.posts)
    assert (failed["runs"]["2"], failed["failing_seconds"], failed["time_to_recover_seconds"]) == (1, 0, None)
    assert (well["runs"]["2"], well["failing_seconds"], well["time_to_recover_seconds"] > 0) == (1, None, True)
    assert well["runs"]["0"] == failed["runs"]["0"] + 1
    assert well == {**hooked.do("status", "--output", "json").json["signals"], **aged(well)}


def aged(signals: Any) -> Any:
    """What grows older by itself."""
    return {name: signals[name] for name in ("at", "last_success_age_seconds", "mappings")}


def test_every_line_of_a_json_log_is_an_object_with_run_and_trace(hooked: Shop) -> None:
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    said = hooked.do("run", "--log-format", "json")
    found = lines(said)
    assert [line["message"] for line in found] == ["run started", "batch written", "mapping ended", "run ended"]
    assert len({(line["run"], line["trace"]) for line in found}) == 1
    assert (found[1]["side"], found[1]["writes"], found[1]["done"]) == ("pm", 1, 1)
    assert found[2]["buckets"]["pm"]["applied"] == 1
    assert found[3]["summary"]["account-customer"]["actions"]["pm"]["update"] == 1


def test_a_run_that_fails_says_so_in_a_json_log_too(hooked: Shop) -> None:
    break_down(hooked)
    found = lines(hooked.do("run", "--log-format", "json"))
    (ended,) = [line for line in found if line["message"] == "run ended"]
    assert (ended["exit"], bool(ended["run"])) == (2, True)


def test_every_line_about_what_went_wrong_in_a_run_bears_the_run_too(hooked: Shop) -> None:
    hooked.edit("crmsync.yaml", "on_failure: [./hook.sh, failure]", "on_failure: [./nobody]")
    break_down(hooked)
    found = lines(hooked.do("run", "--log-format", "json"))
    assert {line["level"] for line in found} == {"info", "warning", "error"}
    assert len({(line["run"], line["trace"]) for line in found}) == 1
    mend(hooked)
    hooked.edit("mappings/account-customer.yaml", "owner: pm", "owner: pmm")
    assert all("run" not in line for line in lines(hooked.do("run", "--log-format", "json")) if line.get("rule"))


def test_a_halt_that_is_told_at_the_end_of_a_run_bears_the_run_too(hooked: Shop) -> None:
    hooked.edit("mappings/account-customer.yaml", "limits: {", "limits: {errors: 0, ")
    hooked.do("run")
    hooked.sql("pm", "CREATE TRIGGER closed BEFORE UPDATE ON customers BEGIN SELECT raise(ABORT, 'closed'); END")
    hooked.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    found = lines(hooked.do("run", "--log-format", "json"))
    assert "rule" in found[-1]
    assert len({(line["run"], line["trace"]) for line in found}) == 1


def test_a_retry_is_a_line_of_a_json_log_and_counted(hooked: Shop) -> None:
    hooked.edit(
        "crmsync.yaml", "    connector: sql # two", "    retry: {attempts: 2, wait: 1ms}\n    connector: sql # two"
    )
    hooked.edit("crmsync.yaml", "sqlite:///crm.db", "sqlite:///crm.db?timeout=0.05")
    with closing(sqlite3.connect(hooked.folder / "crm.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = hooked.do("run", "--log-format", "json")
        other.rollback()
    assert said.code == 1
    retries = [line for line in lines(said) if line["message"] == "retry"]
    assert retries
    assert {line["system"] for line in retries} == {"crm"}
    assert {line["error"] for line in retries} == {"Transient"}


def test_status_shows_the_signals_on_one_screen(hooked: Shop) -> None:
    hold(hooked)
    hooked.do("run")
    head, row, *_ = hooked.do("status").out.splitlines()
    assert head.split("  ")[0] == "mapping"
    name, _, code, links, converge, reviews, *_ = row.split()
    assert (name, code, links, converge, reviews) == ("account-customer", "3", "3", "66.6%", "1")
    signals = hooked.do("status", "--output", "json").json["signals"]["mappings"]["account-customer"]
    assert (signals["last_exit"], signals["open_reviews"]) == (3, 1)
    assert signals["sides"]["crm"]["calls"]["list"]["records"] == 4
    assert signals["sides"]["crm"]["completeness"]["name"] == 1


def test_status_says_that_runs_fail_and_how_long_the_last_time_took(hooked: Shop) -> None:
    break_down(hooked)
    hooked.do("run")
    assert "runs have been failing for" in hooked.do("status").out
    mend(hooked)
    hooked.do("run")
    assert "failing" not in hooked.do("status").out
    assert hooked.do("status", "--output", "json").json["signals"]["time_to_recover_seconds"] > 0


def test_a_span_collector_gets_the_run_where_it_is_asked_for(
    synced: Shop, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{caller}-01")
    watched(synced, signals=f"\nsignals: {{otel: {{endpoint: '{server.url}'}}}}\n")
    synced.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    assert synced.do("run").code == 0
    (post,) = server.posts
    assert (post.path, post.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    (resource,) = ExportTraceServiceRequest.FromString(post.body).resource_spans
    about = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (about["service.name"], about["crmsync.project"]) == ("crmsync", "shop")
    spans = {span.span_id: span for scope in resource.scope_spans for span in scope.spans}
    assert {span.trace_id.hex() for span in spans.values()} == {trace}
    (root,) = [span for span in spans.values() if span.parent_span_id.hex() == caller]
    within = {(span.name, spans[span.parent_span_id].name) for span in spans.values() if span is not root}
    assert root.name == "crmsync run"
    assert {("plan", "crmsync run"), ("write", "crmsync run"), ("list", "plan"), ("write", "write")} <= within
    assert all(
        root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values()
    )
    assert {span.status.code for span in spans.values()} == {Status.STATUS_CODE_OK}


def test_a_span_collector_is_told_that_a_run_failed(hooked: Shop, server: Receiver) -> None:
    with (hooked.folder / "crmsync.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  otel: {{endpoint: '{server.url}'}}\n")
    break_down(hooked)
    said = hooked.do("run", "--log-format", "json")
    (post,) = [post for post in server.posts if post.path == "/v1/traces"]
    (resource,) = ExportTraceServiceRequest.FromString(post.body).resource_spans
    (root,) = [span for scope in resource.scope_spans for span in scope.spans if not span.parent_span_id]
    facts = {each.key: each.value for each in root.attributes}
    assert (root.status.code, facts["crmsync.exit"].int_value) == (Status.STATUS_CODE_ERROR, 2)
    assert {facts["crmsync.run"].string_value} == {line["run"] for line in lines(said)}


# Silence about people


def test_no_value_of_a_person_and_no_secret_is_in_anything_that_is_told(
    hooked: Shop, server: Receiver, tmp_path: Path
) -> None:
    with (hooked.folder / "crmsync.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  otel: {{endpoint: '{server.url}'}}\n")
    outputs = []
    hooked.sql("crm", "UPDATE accounts SET email = ? WHERE id = 1", CANARY)
    outputs.append(hooked.do("run", "--log-format", "json"))
    hooked.sql("crm", "UPDATE accounts SET email = ? WHERE id = 2", f"{CANARY} is no address")
    hold(hooked)
    outputs.append(hooked.do("run", "--log-format", "json"))
    outputs.append(hooked.do("status", "--output", "json"))
    hooked.sql("pm", "CREATE TRIGGER no BEFORE UPDATE ON customers BEGIN SELECT RAISE(ABORT, 'kanarik.zlty'); END")
    hooked.sql("crm", "UPDATE accounts SET email = ? WHERE id = 1", f"x{CANARY}")
    outputs.append(hooked.do("run", "--log-format", "json"))
    break_down(hooked)
    outputs.append(hooked.do("run", "--log-format", "json"))
    written = [each.read_bytes() for each in hooked.folder.glob("*") if each.suffix in (".json", ".log", ".prom")]
    texts = [*written, *(post.body for post in server.posts), *(f"{each.out}{each.err}".encode() for each in outputs)]
    assert len(written) >= 4
    assert len(server.posts) >= 5
    for text in texts:
        assert b"kanarik" not in text
        assert SECRET.encode() not in text
        assert b"T0KEN" not in text
