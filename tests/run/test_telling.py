"""What people and their tools are told: files for Prometheus, spans, commands, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import stat
import sys
import time
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from crmsync.connectors.base import Transient
from crmsync.core.model import Outcome
from crmsync.core.signals import Calls, Facts, Measured, SideFacts, Signals, mapping_signals
from crmsync.project.signals import Webhook
from crmsync.run.signals.alerts import Undelivered, post, run_command, signature
from crmsync.run.signals.meter import SPANS, Meter, Place
from crmsync.run.signals.prometheus import Ended, exposition, write_exposition
from crmsync.run.signals.spans import Trace, otlp, send_spans, spans_of
from tests.receiver import dripping, receiver

NOW = "2026-02-01T00:00:00+00:00"
ODD = 'a "quoted" \\ shop\nof two lines'
PLACE = Place("things", 1, "pm", "pm", "pm.customer")


def signals(project: str = "shop") -> Signals:
    measured = (Measured({"list": Calls(2, 0, 4, 0.25, 0.2)}, {}, 1), Measured())
    buckets = {"unchanged": 3, "held": 1}
    tally = {"read": {"crm": 4, "pm": 0}, "buckets": {"crm": buckets}, "actions": {"crm": {"update": 2}}}
    sides = (SideFacts(buckets, {"name": (3, 4)}, duplicates=1), SideFacts())
    since = "2026-01-31T00:00:00+00:00"
    facts = Facts(sides, links=3, open_reviews=1, oldest_review=since, tally=tally, measured=measured)
    ends = (("crm", "crm.account"), ("pm", "pm.customer"))
    return Signals(project, NOW, (mapping_signals("things", ends, facts, NOW),), {0: 7, 3: 2}, time_to_recover=90.0)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    assert all(family.documentation and family.type in ("gauge", "counter") for family in families)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


# Prometheus


def test_prometheus_reads_what_we_write() -> None:
    found = samples(exposition(signals(), Ended(3, 1_800_000_000.5, 2.5, 1_800_000_000.5)))
    shop = (("project", "shop"),)
    crm = (("entity", "crm.account"), ("mapping", "things"), ("project", "shop"), ("side", "crm"))
    assert found["crmsync_last_run_exit_code", shop] == 3
    assert found["crmsync_last_run_end_timestamp_seconds", shop] == 1_800_000_000.5
    assert found["crmsync_time_to_recover_seconds", shop] == 90
    assert found["crmsync_runs_total", (("exit", "3"), *shop)] == 2
    assert found["crmsync_convergence_ratio", (("mapping", "things"), *shop)] == 0.75
    assert found["crmsync_oldest_review_age_seconds", (("mapping", "things"), *shop)] == 86_400
    assert found["crmsync_last_run_records_read", crm] == 4
    assert found["crmsync_records", (("bucket", "held"), *crm)] == 1
    assert found["crmsync_last_run_actions", (("action", "update"), *crm)] == 2
    assert found["crmsync_last_run_call_duration_seconds", (("call", "list"), *crm)] == 0.25
    assert found["crmsync_last_run_call_duration_max_seconds", (("call", "list"), *crm)] == 0.2
    assert found["crmsync_last_run_retries", crm] == 1
    assert found["crmsync_completeness_ratio", (*crm[:1], ("field", "name"), *crm[1:])] == 0.75
    assert found["crmsync_duplicate_ratio", crm] == 0.25


def test_what_cannot_be_known_is_no_sample() -> None:
    found = samples(exposition(Signals("shop", NOW), Ended(2, 5.0, 0.1, 5.0)))
    assert {name for name, _ in found} == {
        "crmsync_last_run_exit_code", "crmsync_last_run_end_timestamp_seconds", "crmsync_last_run_duration_seconds",
        "crmsync_last_try_timestamp_seconds",
    }  # fmt: skip
    found = samples(exposition(Signals("shop", NOW), Ended(None, None, None, 5.0)))
    assert {name for name, _ in found} == {"crmsync_last_try_timestamp_seconds"}


def test_labels_are_escaped() -> None:
    found = samples(exposition(signals(ODD), Ended(0, 1.0, 1.0, 1.0)))
    assert found["crmsync_last_run_exit_code", (("project", ODD),)] == 0


def test_every_metric_ends_with_its_unit_and_no_value_is_not_a_number() -> None:
    found = samples(exposition(signals(), Ended(0, 1.0, 1.0, 1.0)))
    assert all(math.isfinite(value) for value in found.values())
    assert all(name.endswith("_ratio") for name, _ in found if "completeness" in name or "convergence" in name)
    assert [name for name, _ in found if name.endswith("_total")] == ["crmsync_runs_total"] * 2


def test_the_file_is_replaced_whole_and_a_collector_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "crmsync.prom"
    write_exposition(file, "old\n")
    held = file.open()
    write_exposition(file, "new\n")
    assert held.read() == "old\n"
    held.close()
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["crmsync.prom"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "crmsync.prom").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_exposition(tmp_path / "crmsync.prom", "new\n")
    assert [each.name for each in tmp_path.iterdir()] == ["crmsync.prom"]


# The meter and spans


def meter() -> Meter:
    """Its clock ticks once a look."""
    ticks = iter(range(1000))
    return Meter(clock=lambda: float(next(ticks)), now=lambda: 100.0)


def test_a_call_counts_whether_it_failed_or_not() -> None:
    taken = meter()
    with taken.call(PLACE, "get") as counted:
        counted["records"] = 3
    with pytest.raises(Transient), taken.call(PLACE, "get"):
        raise Transient("gone")
    assert taken.measured("things", 1).calls == {"get": Calls(2, 1, 3, 2.0, 1.0)}
    assert taken.measured("things", 0) == Measured()


def test_a_retry_is_told_without_the_words_of_the_system() -> None:
    told = []
    taken = meter()
    taken.tell = lambda message, **facts: told.append((message, facts))
    with taken.call(PLACE, "write"):
        pass
    taken.retried("pm", Transient("jana@example.com is locked"), 1, 0.5)
    taken.written(PLACE, [Outcome("done"), Outcome("done"), Outcome("stale")], 0.25)
    assert told == [
        ("retry", {"system": "pm", "mapping": "things", "side": "pm", "attempt": 1, "wait": 0.5, "error": "Transient"}),
        ("batch written", {"mapping": "things", "side": "pm", "writes": 3, "done": 2, "stale": 1, "seconds": 0.25}),
    ]
    assert taken.measured("things", 1).retries == 1
    assert taken.measured("things", 1).outcomes == {"done": 2, "stale": 1}


def test_spans_are_not_kept_without_end() -> None:
    taken = meter()
    taken.clock = lambda: 0.0
    with taken.span("plan"):
        for _ in range(SPANS + 5):
            with taken.call(PLACE, "list"):
                pass
    assert (len(taken.spans), taken.dropped) == (SPANS, 6)
    assert taken.measured("things", 1).calls["list"].count == SPANS + 5


TRACE = Trace("0af7651916cd43dd8448eb211c80319c", None, "crmsync run", 90.0, 30.0, True, {"crmsync.exit": 1})


def measured_run() -> Meter:
    taken = meter()
    with taken.span("plan"), taken.call(PLACE, "list") as counted:
        counted["records"] = 2
    with pytest.raises(Transient), taken.span("write"), taken.call(PLACE, "write"):
        raise Transient("gone")
    return taken


def test_a_run_is_one_trace_and_its_parts_lie_in_it() -> None:
    exporter = InMemorySpanExporter()
    assert send_spans(exporter, spans_of(TRACE, measured_run().spans, "shop"), 5.0)
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    assert sorted((span.name, names[span.parent.span_id] if span.parent else "") for span in spans) == [
        ("crmsync run", ""), ("list", "plan"), ("plan", "crmsync run"), ("write", "crmsync run"), ("write", "write"),
    ]  # fmt: skip
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE.id}


def test_spans_say_when_how_long_and_how_it_ended() -> None:
    spans = spans_of(TRACE, measured_run().spans, "shop")
    (run,) = [span for span in spans if span.name == "crmsync run"]
    (read,) = [span for span in spans if span.name == "list"]
    writes = [span for span in spans if span.name == "write"]
    assert (run.start_time, run.end_time) == (90 * 10**9, 120 * 10**9)
    assert (read.start_time, read.end_time) == (100 * 10**9, 101 * 10**9)
    assert dict(read.attributes or {}) == {
        "crmsync.mapping": "things", "crmsync.side": "pm", "crmsync.entity": "pm.customer", "crmsync.records": 2,
    }  # fmt: skip
    assert {span.status.status_code for span in (run, *writes)} == {StatusCode.ERROR}
    assert read.status.status_code is StatusCode.OK
    assert run.resource.attributes["service.name"] == "crmsync"
    assert run.resource.attributes["crmsync.project"] == "shop"


def test_a_run_that_was_started_inside_of_a_span_lies_in_it() -> None:
    inside = Trace(TRACE.id, "b7ad6b7169203331", "crmsync run", 1.0, 1.0, False, {})
    (span,) = spans_of(inside, (), "shop")
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"


def test_spans_reach_a_collector_over_http() -> None:
    with receiver() as server:
        assert send_spans(otlp(f"{server.url}/v1/traces", 5.0), spans_of(TRACE, measured_run().spans, "shop"), 5.0)
    (arrived,) = server.posts
    assert arrived.path == "/v1/traces"
    assert arrived.headers["content-type"] == "application/x-protobuf"


def test_a_collector_that_refuses_is_said_once_and_by_us(capfd: pytest.CaptureFixture[str]) -> None:
    with receiver([400]) as server:
        assert not send_spans(otlp(f"{server.url}/v1/traces", 5.0), spans_of(TRACE, (), "shop"), 5.0)
    assert capfd.readouterr() == ("", "")


# Commands


def test_a_command_gets_the_summary_and_its_surroundings(tmp_path: Path) -> None:
    script = "import json, os, sys; open('told', 'w').write(os.environ['CRMSYNC_EXIT'] + sys.stdin.read())"
    run_command((sys.executable, "-c", script), b'{"exit": 4}', tmp_path, 30.0, {"CRMSYNC_EXIT": "4"})
    assert (tmp_path / "told").read_text() == '4{"exit": 4}'


def test_a_command_is_not_read_by_a_shell(tmp_path: Path) -> None:
    run_command(("touch", "a; touch b", "$HOME"), b"", tmp_path, 30.0, {})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["$HOME", "a; touch b"]


def test_a_command_that_does_not_read_is_no_failure(tmp_path: Path) -> None:
    run_command(("true",), b"x" * 1_000_000, tmp_path, 30.0, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", "exit 7"), "sh ended with 7"),
        (("./nowhere",), "nowhere cannot be started: No such file or directory"),
        (("sleep", "30"), "sleep took longer than 0.2 s"),
        ((".",), r"\. cannot be started: Permission denied"),
        (("true", "a\0b"), "true cannot be started: embedded null byte"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    with pytest.raises(Undelivered, match=why):
        run_command(command, b"", tmp_path, 0.2 if command[0] == "sleep" else 30.0, {})


def test_what_a_slow_command_has_started_ends_with_it(tmp_path: Path) -> None:
    with pytest.raises(Undelivered):
        run_command(("sh", "-c", "(sleep 1; touch late) & sleep 30"), b"", tmp_path, 0.2, {})
    time.sleep(1.2)
    assert list(tmp_path.iterdir()) == []


# Webhooks

SECRET = "tajomstvo"


def send(url: str) -> None:
    post(Webhook(f"{url}/hook", SECRET), b'{"exit":4}', lambda: 1_700_000_000.9, 5.0, first_wait=0.01)


def test_a_message_is_signed_with_its_time() -> None:
    with receiver() as server:
        send(server.url)
    (arrived,) = server.posts
    assert json.loads(arrived.body) == {"exit": 4}
    assert arrived.headers["x-crmsync-timestamp"] == "1700000000"
    proof = hmac.new(SECRET.encode(), b"1700000000." + arrived.body, hashlib.sha256).hexdigest()
    assert arrived.headers["x-crmsync-signature"] == f"sha256={proof}"
    assert signature("another", "1700000000", arrived.body) != arrived.headers["x-crmsync-signature"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_error_that_may_pass_is_tried_again(status: int) -> None:
    with receiver([status]) as server:
        send(server.url)
    assert len(server.posts) == 2


def test_it_is_not_tried_without_end() -> None:
    with receiver([500] * 9) as server, pytest.raises(Undelivered, match="it answered with 500"):
        send(server.url)
    assert len(server.posts) == 3


@pytest.mark.parametrize("status", [400, 404, 302, 308])
def test_a_refusal_is_final_and_no_redirect_is_followed(status: int) -> None:
    with receiver([status]) as server, pytest.raises(Undelivered, match=f"it answered with {status}"):
        send(server.url)
    assert [each.path for each in server.posts] == ["/hook"]


def test_nobody_there_is_said_without_the_url() -> None:
    with receiver() as server:
        pass
    with pytest.raises(Undelivered) as failure:
        send(server.url)
    assert str(failure.value) == "it did not answer: ConnectionRefusedError"


def test_who_answers_byte_by_byte_is_not_waited_for_longer_than_anybody_else() -> None:
    with dripping(every=0.05) as url:
        began = time.monotonic()
        with pytest.raises(Undelivered, match="it did not answer: TimeoutError"):
            post(Webhook(f"{url}/hook", SECRET), b"{}", time.time, 0.3, first_wait=0.01)
        assert not send_spans(otlp(f"{url}/v1/traces", 0.3), spans_of(TRACE, (), "shop"), 0.3)
        assert time.monotonic() - began < 3


def test_a_url_that_cannot_be_written_into_a_request_is_named_by_its_mistake() -> None:
    with pytest.raises(Undelivered, match="it did not answer: UnicodeEncodeError"):
        send("http://127.0.0.1:9/čísla")
