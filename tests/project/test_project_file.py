"""crmsync.yaml and its overlays. ‹ marks the place where the finding is expected."""

import pytest

from crmsync.core.model import Embed, Modified, Retry, Sentinel
from crmsync.project.systems import seconds, sqlite_in


def test_a_missing_project_file_is_a_finding(folder):
    (folder.root / "crmsync.yaml").unlink()
    found = folder.finding("project/not-found")
    assert (found.at.file, "crmsync init" in found.mend) == ((folder.root / "crmsync.yaml").as_posix(), True)


def test_entities_are_read_with_all_their_settings(folder):
    project = folder.load().project
    account = project.systems["crm"].entities["account"]
    assert account.key == ("id",)
    assert account.modified == Modified("updated_at", "UTC", 1.0, 300.0)
    assert (account.deleted, account.archive) == ("is_deleted", {"active": False})
    assert account.options == {"table": "accounts", "columns": {"registration.ico": "ico"}}
    assert project.systems["pm"].entities["project"].assigned_by == "caller"
    assert str(account.at).endswith("crmsync.yaml:10:7")


def test_modified_may_be_a_name_and_has_the_time_zone_of_its_system(folder):
    assert folder.load().project.systems["crm"].entities["opportunity"].modified == Modified(
        "updated_at", "Europe/Bratislava"
    )


def test_an_element_is_called_like_its_array_without_the_s(folder):
    line = folder.load().project.systems["crm"].entities["line"]
    assert (line.each, line.each_as, line.key) == ("lines", "line", ("quote_id", "line.no"))


def test_entities_may_be_embedded(folder):
    folder.replace(
        "crmsync.yaml", "each: lines}", "each: lines, as: row, embed: {acc: {entity: account, by: account_id}}}"
    )
    line = folder.load().project.systems["crm"].entities["line"]
    assert (line.each_as, line.embed) == ("row", (Embed("acc", "account", "account_id"),))


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("2s", 2), ("5m", 300), ("1.5h", 5400), ("1d", 86400)])
def test_durations_become_seconds(text, value):
    assert seconds(text) == value


def test_a_system_is_asked_again_with_patience_unless_it_says_how_much(folder):
    folder.replace("crmsync.yaml", "instance: crm-prod", "retry: {attempts: 8, wait: 250ms, longest: 1m, budget: 1h}")
    systems = folder.load().project.systems
    assert systems["crm"].retry == Retry(attempts=8, wait=0.25, longest=60.0, budget=3600.0)
    assert systems["pm"].retry == Retry() == Retry(attempts=5, wait=0.5, longest=30.0, budget=300.0)
    folder.replace("crmsync.yaml", "attempts: 8, wait: 250ms, longest: 1m, ", "")
    assert folder.load().project.systems["crm"].retry == Retry(budget=3600.0)


@pytest.mark.parametrize(("text", "value"), [("10/s", 10.0), ("600/m", 10.0), ("30/m", 0.5), ("7200/h", 2.0)])
def test_a_rate_becomes_calls_a_second(folder, text, value):
    folder.replace("crmsync.yaml", "instance: crm-prod", f"rate: {text}")
    systems = folder.load().project.systems
    assert (systems["crm"].rate, systems["pm"].rate) == (value, None)


def test_how_a_system_is_asked_is_no_option_of_its_connector(folder):
    folder.replace("crmsync.yaml", "instance: crm-prod", "rate: 10/s\n    retry: {attempts: 2}")
    assert set(folder.load().project.systems["crm"].options) == {"url"}


@pytest.mark.parametrize(("key", "value"), [("1", (1,)), ("A-1", ("A-1",)), ("[7, A]", (7, "A"))])
def test_a_sentinel_is_read_with_its_key(folder, key, value):
    entity = "line" if len(value) == 2 else "account"
    folder.replace("crmsync.yaml", "instance: crm-prod", f"sentinel: {{entity: {entity}, key: {key}, expect: name}}")
    crm = folder.load().project.systems["crm"]
    assert crm.sentinel == Sentinel(entity, value, "name")
    assert set(crm.options) == {"url"}


def test_sqlite_paths_are_relative_to_the_project_folder(folder):
    project = folder.load().project
    assert project.ledger == f"sqlite:///{folder.root.resolve()}/.crmsync/ledger.db"
    assert project.systems["crm"].options["url"] == f"sqlite:///{folder.root.resolve()}/crm.db"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:////var/crm.db", "postgresql://host/db", "sqlite:///file:x?uri=true"],
)
def test_other_urls_stay_as_they_are(tmp_path, url):
    assert sqlite_in(tmp_path, url) == url


def test_a_driver_and_options_of_an_sqlite_url_are_kept(tmp_path):
    expected = f"sqlite+pysqlite:///{tmp_path.resolve()}/a/b.db?timeout=5"
    assert sqlite_in(tmp_path, "sqlite+pysqlite:///a/b.db?timeout=5") == expected


WRONG = [
    ("version: 1\n", "version: ‹3\n", "bad-value", "version must be 1", "crmsync schema project"),
    ("version: 1\n", "version: 1\n‹ledgr: x\n", "unknown-key", "unknown key 'ledgr'", "did you mean 'ledger'?"),
    ("connector: memory", "connector: ‹memry", "unknown-connector", "there is no connector 'memry'",
     "did you mean 'memory'? there are: memory, sql, table"),
    ("timezone: Europe/Bratislava", "timezone: ‹Europe/Bratislaba", "unknown-timezone",
     "there is no time zone 'Europe/Bratislaba'", "did you mean 'Europe/Bratislava'?"),
    ("timezone: UTC", "timezone: ‹Mars/Base", "unknown-timezone", "there is no time zone 'Mars/Base'", ""),
    ("overlap: 5m", "overlap: ‹5 minutes", "bad-value",
     "systems.crm.entities.account.modified.overlap must be a duration such as 500ms, 2s", "crmsync schema project"),
    ("instance: crm-prod", "rate: ‹0/s", "bad-value", "systems.crm.rate must be a number of calls", "crmsync schema"),
    ("instance: crm-prod", "rate: ‹10", "wrong-type", "systems.crm.rate must be a number of calls", "crmsync schema"),
    ("instance: crm-prod", "retry: {attempts: ‹0}", "bad-value", "attempts must be a whole number above 0", "schema"),
    ("instance: crm-prod", "retry: {wait: ‹1}", "wrong-type", "systems.crm.retry.wait must be a duration", "schema"),
    ("instance: crm-prod", "retry: {‹atempts: 3}", "unknown-key", "unknown key 'atempts'", "did you mean 'attempts'?"),
    ("instance: crm-prod", "sentinel: {entity: ‹acount, key: 1}", "unknown-entity",
     "system crm has no entity 'acount'", "did you mean 'account'?"),
    ("instance: crm-prod", "sentinel: {entity: account, key: ‹[1, 2]}", "sentinel-key",
     "the key of crm.account has 1 parts, not 2", "write the value of each part: id"),
    ("instance: crm-prod", "sentinel: {entity: account, key: ‹1.5}", "wrong-type",
     "systems.crm.sentinel.key must be a key such as 1, or a list of its parts", "crmsync schema project"),
    ("instance: crm-prod", "sentinel: {entity: account, key: 1, expect: \"name ‹= 'x'\"}", "expression", "expect: ",
     "jmespath"),
    ("instance: crm-prod", "‹sentinel: {entity: account}", "missing-key", "systems.crm.sentinel lacks 'key'",
     "write key: a key such as 1"),
    ("instance: crm-prod", "retry: ‹5", "wrong-type", "systems.crm.retry must be an object such as", "schema"),
    ("granularity: 1s", "‹granularty: 1s", "unknown-key", "unknown key 'granularty'", "did you mean 'granularity'?"),
    ('deleted: "is_deleted"', 'deleted: "is_deleted &&‹ "', "expression", "deleted: ", "jmespath"),
    ("archive: {set: {active: false}}\n        modified: updated_at", "archive: ‹yes\n        modified: updated_at",
     "wrong-type", "pm.entities.customer.archive must be an object such as", "crmsync schema project"),
    ("key: id\n        archive: {set", "key: ‹id[0]\n        archive: {set", "not-a-plain-path",
     "'id[0]' is not a plain path", "write names joined by dots"),
    ("key: [id, region]", "key: [id, ‹'lower(x)']", "not-a-plain-path", "'lower(x)' is not a plain path", "names"),
    ("key: [id, region], assigned_by: caller", "key: [id, region], assigned_by: ‹callr", "bad-value",
     "assigned_by must be system or caller, not 'callr'", "did you mean 'caller'?"),
    ("key: [id, region],", "key: [id, region], recover_by: ‹origin field,", "recover-by",
     "recover_by: origin field needs origin", "write origin:, or recover_by: none"),
    ("key: [id, region],", "key: [id, region], recover_by: ‹natural key,", "recover-by",
     "recover_by: natural key needs natural_key", "write natural_key:"),
    ("each: lines}", "each: lines, embed: {acc: {entity: ‹acount, by: a}}}", "unknown-entity",
     "system crm has no entity 'acount'", "did you mean 'account'?"),
    ("each: lines}", "each: lines, max_bytes: ‹0}", "bad-value", "max_bytes must be a whole number above 0", "schema"),
    ("{key: [id], modified: updated_at}", "{modified: updated_at}", "missing-key", "opportunity lacks 'key'",
     "write key:"),
    ("url: ${CRM_URL:-sqlite:///crm.db}", "url: pre‹${CRM_URL}", "unset-variable",
     "environment variable CRM_URL is not set", "export CRM_URL=..., or give it a default: ${CRM_URL:-...}"),
    ("url: ${CRM_URL:-sqlite:///crm.db}", "url: ‹${CRM-URL}", "bad-variable", "systems.crm.url holds a broken ${",
     "write ${VAR} or ${VAR:-default}"),
    ("ledger: sqlite:///.crmsync/ledger.db", "ledger: ‹${LEDGER}", "unset-variable", "variable LEDGER", "export"),
    ("ledger: sqlite:///.crmsync/ledger.db", "mappings: ‹maps", "no-folder", "there is no folder 'maps'", "mappings:"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rule", "message", "mend"), WRONG)
def test_a_mistake_is_named_with_its_place_and_how_to_mend_it(folder, old, new, rule, message, mend):
    folder.replace("crmsync.yaml", old, new)
    found = next(each for each in folder.load().findings if each.rule.startswith("project/"))
    assert (found.rule, found.severity) == (f"project/{rule}", "error")
    assert message in found.message
    assert mend in found.mend
    assert folder.expected is None or found.at == folder.expected
    assert folder.load().project is None


def test_a_damaged_entity_is_not_called_unknown_as_well(folder):
    folder.replace("crmsync.yaml", "connector: memory", "connector: 5")
    assert [each.rule for each in folder.load().findings] == ["project/wrong-type"]


def test_an_option_that_is_nearly_a_key_is_a_warning(folder):
    folder.replace("crmsync.yaml", "        modified: updated_at", "        ‹modifed: updated_at")
    found = folder.finding("project/likely-slip")
    assert (found.severity, found.mend) == ("warning", "did you mean 'modified'?")


def test_variables_are_filled_in_and_kept_secret(folder):
    url = "postgresql://crm:p%40ss@db/crm"
    project = folder.load(CRM_URL=url).project
    assert project.systems["crm"].options["url"] == url
    assert project.secrets == {url, "p%40ss", "p@ss"}


def test_a_default_takes_the_place_of_an_empty_variable(folder):
    project = folder.load(CRM_URL="").project
    assert project.systems["crm"].options["url"].endswith("/crm.db")
    assert project.secrets == frozenset()


def test_the_value_of_a_variable_is_not_read_for_variables(folder):
    project = folder.load(CRM_URL="${HOME}").project
    assert project.systems["crm"].options["url"] == "${HOME}"


def test_a_variable_elsewhere_is_plain_text(folder):
    folder.replace("crmsync.yaml", "ledger:", "schemas: ‹${HOME}\nledger:")
    assert "project/no-folder" in {each.rule for each in folder.load(HOME="/x").findings}


@pytest.mark.parametrize(
    ("old", "new", "secret"),
    [
        ("url: ${CRM_URL:-sqlite:///crm.db}", "url: ‹postgresql://crm:h%20m@db/crm", "h m"),
        ("url: ${CRM_URL:-sqlite:///crm.db}", "url: ‹postgresql://crm:hm@${HOST:-db}/crm", "hm"),
        ("instance: crm-prod", "api_token: ‹hm", "hm"),
    ],
)
def test_a_secret_in_plain_text_is_a_warning_and_still_a_secret(folder, old, new, secret):
    folder.replace("crmsync.yaml", old, new)
    found = folder.finding("project/plain-secret")
    assert (found.severity, found.mend) == ("warning", "put it into an environment variable and write ${VAR}")
    assert secret not in found.message
    assert secret in folder.load().project.secrets


def test_no_mappings_is_a_warning(folder):
    for name in ("account-customer", "opportunity-project"):
        (folder.root / f"mappings/{name}.yaml").unlink()
    found = folder.finding("project/no-mappings")
    assert (found.severity, "crmsync init" in found.mend) == ("warning", True)


# Overlays --------------------------------------------------------------------------------------------------------


def test_an_environment_is_laid_over_the_project_file(folder):
    folder.write("crmsync.prod.yaml", "systems: {crm: {instance: other, url: 'sqlite:////x.db', timezone: null}}\n")
    crm, prod = folder.load().project.systems["crm"], folder.load("prod").project.systems["crm"]
    assert (prod.instance, prod.options["url"], prod.timezone) == ("other", "sqlite:////x.db", "UTC")
    assert (crm.instance, crm.timezone) == ("crm-prod", "Europe/Bratislava")
    assert prod.entities.keys() == crm.entities.keys()


def test_a_mistake_in_an_overlay_has_its_place_there(folder):
    folder.write("crmsync.prod.yaml", "systems:\n  crm: {connector: ‹sqll}\n")
    found = folder.finding("project/unknown-connector", env="prod")
    assert found.mend.startswith("did you mean 'sql'?")


def test_an_environment_without_a_file_is_a_finding(folder):
    folder.write("crmsync.prod.yaml", "{}\n")
    found = folder.finding("project/unknown-env", env="prd")
    assert found.mend == "did you mean 'prod'? there are: prod"
    assert "there is no crmsync.prd.yaml" in found.message


@pytest.mark.parametrize("name", ["crmsync.yaml", "mappings/account-customer.yaml", "mappings/reference/status.yaml"])
def test_bad_yaml_is_found_in_every_file(folder, name):
    folder.write(name, "a: ‹'x\n")
    loaded = folder.load()
    assert (loaded.project, "yaml/syntax" in {each.rule for each in loaded.findings}) == (None, True)


@pytest.mark.parametrize("name", ["crmsync.yaml", "mappings/account-customer.yaml", "mappings/reference/status.yaml"])
@pytest.mark.parametrize("text", ["[]\n", "text\n", "5\n"])
def test_a_file_that_is_no_object_is_a_finding(folder, name, text):
    folder.write(name, text)
    loaded = folder.load()
    assert loaded.project is None
    assert any(each.rule.endswith("/wrong-type") and each.at.file.endswith(name) for each in loaded.findings)


def test_files_lie_in_the_project_folder_unless_it_says_otherwise(folder):
    """Wherever the command was typed: `crmsync -C shop run`."""
    folder.replace("crmsync.yaml", "connector: memory", "connector: table")
    assert folder.load().project.systems["pm"].options == {"folder": str(folder.root)}
    folder.replace("crmsync.yaml", "connector: table", "connector: table\n    folder: data")
    assert folder.load().project.systems["pm"].options == {"folder": str(folder.root / "data")}
