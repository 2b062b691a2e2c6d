"""`signals:` of crmsync.yaml: who looks on. ‹ marks the place where the finding is expected."""

import json

import pytest

from crmsync.core.signals import Thresholds
from crmsync.project import load_project, schema_text
from crmsync.project.signals import Watch, Webhook
from tests.project.conftest import PROJECT

WHOLE = """\
signals:
  prometheus: metrics/crmsync.prom
  otel: {endpoint: "http://localhost:4318"}
  on_failure: [./alert.sh, "${ALERT_ROOM:-ops}"]
  on_degraded: [mail, -s, look]
  webhook: {url: "${HOOK_URL}", secret: "${HOOK_SECRET}"}
  coalesce: 2h
  timeout: 5s
  lock_age: 30m
  degraded: {dead_letter_age: 2d, review_age: 12h, convergence_drop: 2.5%}
"""
ENVIRON = {"HOOK_URL": "https://hooks.example.com/T0KEN", "HOOK_SECRET": "tajomstvo"}


def watch(folder, text, environ=ENVIRON):
    (folder.root / "crmsync.yaml").write_text(PROJECT + text, "utf-8")
    return load_project(folder.root, environ=environ)


def of_project(loaded):
    """Its findings, without those about contracts and mappings."""
    return [found for found in loaded.findings if found.rule.startswith("project/")]


def test_all_that_may_be_said_is_read(folder):
    loaded = watch(folder, WHOLE)
    assert of_project(loaded) == []
    found = loaded.watch
    assert (found.prometheus, found.otel) == (folder.root / "metrics/crmsync.prom", "http://localhost:4318/v1/traces")
    assert (found.on_failure, found.on_degraded) == (("./alert.sh", "ops"), ("mail", "-s", "look"))
    assert found.webhook == Webhook("https://hooks.example.com/T0KEN", "tajomstvo")
    assert (found.coalesce, found.timeout, found.lock_age) == (7200.0, 5.0, 1800.0)
    assert found.thresholds == Thresholds(172_800.0, 43_200.0, 0.025)
    assert (found.project, found.root, found.is_asked) == (folder.root.name, folder.root, True)


def test_a_project_that_says_nothing_has_nobody_looking_on(folder):
    found = watch(folder, "").watch
    assert (found.is_asked, found.coalesce, found.timeout, found.lock_age) == (False, 3600.0, 30.0, 21_600.0)
    assert found.thresholds == Thresholds() == Thresholds(86_400.0, 604_800.0, 0.05)


def test_urls_and_secrets_are_secret_and_shown_nowhere(folder):
    loaded = watch(folder, WHOLE)
    assert {"tajomstvo", "https://hooks.example.com/T0KEN"} <= loaded.project.secrets
    assert "tajomstvo" not in repr(loaded.watch)
    assert "T0KEN" not in repr(loaded.watch)


@pytest.mark.parametrize(
    ("text", "rule", "message", "mend"),
    [
        ("on_failur: [x]", "project/unknown-key", "unknown key 'on_failur' in signals", "did you mean 'on_failure'?"),
        ("on_failure: ./alert.sh", "project/wrong-type", "signals.on_failure must be a list of a command and its", ""),
        ("on_failure: []", "project/bad-value", "signals.on_failure must be a list of a command and its arguments", ""),
        ("webhook: {url: 'https://x.sk'}", "project/missing-key", "signals.webhook lacks 'secret'", "write secret:"),
        ("coalesce: 1 hour", "project/bad-value", "signals.coalesce must be a duration such as", ""),
        ("degraded: {convergence_drop: 5}", "project/wrong-type", "must be a share such as 5%, not 5", ""),
        ("otel: {endpoint: localhost}", "project/bad-url", "signals.otel.endpoint is no URL of the web", "https://"),
        ("webhook: {url: 'ftp://x', secret: '${S:-x}'}", "project/bad-url", "signals.webhook.url is no URL", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder, text, rule, message, mend):
    (found,) = of_project(watch(folder, f"signals:\n  {text}\n"))
    assert (found.rule, found.severity) == (rule, "error")
    assert message in found.message
    assert mend in found.mend
    assert found.at.line == PROJECT.count("\n") + 2


def test_a_secret_in_plain_text_is_a_warning_that_does_not_repeat_it(folder):
    (found,) = of_project(watch(folder, "signals:\n  webhook: {url: 'https://x.sk', secret: tajomstvo}\n"))
    assert (found.rule, found.severity) == ("project/plain-secret", "warning")
    assert "tajomstvo" not in found.message + found.mend


def test_what_is_sound_still_tells_where_something_else_is_wrong(folder):
    loaded = watch(folder, WHOLE.replace("coalesce: 2h", "coalesce: soon"))
    assert loaded.project is None
    assert loaded.watch.on_failure == ("./alert.sh", "ops")
    assert loaded.watch.coalesce == 3600.0


def test_of_a_project_with_errors_elsewhere_it_is_known_who_is_told_and_where_the_ledger_is(folder):
    loaded = watch(folder, WHOLE + "mapings: [a]\n")
    assert loaded.project is None
    assert loaded.watch.webhook == Webhook("https://hooks.example.com/T0KEN", "tajomstvo")
    assert loaded.watch.ledger == f"sqlite:///{folder.root.resolve() / '.crmsync/ledger.db'}"


def test_a_webhook_whose_variables_are_not_set_is_none(folder):
    loaded = watch(folder, WHOLE, {})
    assert [found.rule for found in of_project(loaded)] == ["project/unset-variable"] * 2
    assert loaded.watch.webhook is None
    assert loaded.watch.on_failure


def test_an_environment_has_its_own(folder):
    (folder.root / "crmsync.prod.yaml").write_text("signals: {webhook: null, on_failure: [page, eva]}\n", "utf-8")
    (folder.root / "crmsync.yaml").write_text(PROJECT + WHOLE, "utf-8")
    found = load_project(folder.root, "prod", environ={}).watch
    assert (found.webhook, found.on_failure) == (None, ("page", "eva"))
    assert found.prometheus is not None


def test_the_schema_for_editors_has_every_key():
    schema = json.loads(schema_text("project"))["properties"]["signals"]
    written = {line.split(":")[0].strip() for line in WHOLE.splitlines()[1:]}
    assert set(schema["properties"]) == written


def test_a_folder_without_a_project_file_has_nobody_looking_on(tmp_path):
    assert load_project(tmp_path).watch == Watch()
