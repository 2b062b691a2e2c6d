"""What would this change do? diff, record, rebase."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.shop import Shop

MAPPING = "mappings/account-customer.yaml"
FLIP = ("pm: web_domain, owner: crm, to_pm: [domain]}", "pm: web_domain, owner: pm}")
UPPER = ("[trim, collapse_spaces]", "[trim, collapse_spaces, upper]")
LIMIT = ("create: 500", "create: 600")


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=eva", "-c", "user.email=eva@here.sk", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "so far")


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """A project in a git repository."""
    git(shop.folder, "init", "-q")
    commit(shop.folder)
    return shop


@pytest.fixture
def recorded(kept: Shop) -> Shop:
    """With its records in the folder `recorded`."""
    assert kept.do("record", kept.folder / "recorded").code == 0
    return kept


def records(shop: Shop) -> tuple[str, Path]:
    return "--records", shop.folder / "recorded"


def place_of(said: dict[str, Any], rule: str, text: str) -> tuple[str, int, int]:
    """Where the one finding of a rule points to; and the text really stands there."""
    (found,) = [each for each in said["findings"] if each["rule"] == rule]
    line = Path(found["file"]).read_text("utf-8").splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 :].startswith(text)
    return found["file"], found["line"], found["column"]


# Mappings -------------------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_told_so(kept: Shop) -> None:
    said = kept.do("diff", "--against", "HEAD")
    assert (said.code, said.out) == (0, "no mapping has changed since HEAD\n")


def test_a_breaking_change_fails_and_names_its_line_and_what_to_do(kept: Shop) -> None:
    kept.edit(MAPPING, *FLIP)
    said = kept.do("diff", "--against", "main")
    assert said.code == 2
    assert "account-customer (changed since main): 1 breaking, 1 additive" in said.out
    assert f"{MAPPING}:33:42: account-customer: domain: owner crm -> pm [change/owner]" in said.out
    assert "crmsync rebase -s account-customer" in said.out


def test_an_additive_change_warns_and_fails_only_where_that_is_asked(kept: Shop) -> None:
    kept.edit(MAPPING, *UPPER)
    assert kept.do("diff", "--against", "HEAD").code == 0
    said = kept.do("diff", "--against", "HEAD", "--fail-on", "warning")
    assert said.code == 2
    assert "name: to_pm [trim, collapse_spaces] -> [trim, collapse_spaces, upper] [change/transform]" in said.out


def test_a_cosmetic_change_is_for_information_only(kept: Shop) -> None:
    kept.edit(MAPPING, *LIMIT)
    said = kept.do("diff", "--against", "HEAD", "--fail-on", "warning", "--infos")
    assert said.code == 0
    assert "info: account-customer: the limits have changed [change/limits]" in said.out


def test_json_tells_the_changes_of_every_mapping(kept: Shop) -> None:
    kept.edit(MAPPING, *FLIP)
    said = kept.do("diff", "--against", "HEAD", "--output", "json").json
    assert (said["against"], said["exit"]) == ("HEAD", 2)
    (found,) = said["mappings"].values()
    assert (found["how"], found["was"]) == ("changed", "account-customer")
    assert [(each["rule"], each["level"], each["field"]) for each in found["changes"]] == [
        ("change/owner", "breaking", "domain"), ("change/transform", "additive", "domain"),
    ]  # fmt: skip
    assert [each["line"] for each in found["changes"]] == [33, 33]
    assert found["changes"][0]["file"].endswith(MAPPING)


def test_mappings_that_come_go_or_are_called_otherwise_are_told(kept: Shop) -> None:
    kept.edit(MAPPING, "mapping: account-customer", "mapping: clients")
    said = kept.do("diff", "--against", "HEAD", "--output", "json")
    assert said.code == 2
    assert {name: (each["how"], each["was"]) for name, each in said.json["mappings"].items()} == {
        "clients": ("renamed", "account-customer")
    }
    kept.edit(MAPPING, "pm: always", "pm: never")
    found = kept.do("diff", "--against", "HEAD", "--output", "json").json["mappings"]
    assert {name: each["how"] for name, each in found.items()} == {"account-customer": "removed", "clients": "added"}
    assert kept.do("diff", "--against", "HEAD", "-s", "cli*").code == 0


def test_a_mapping_that_never_was_is_told(kept: Shop) -> None:
    said = kept.do("diff", "--against", "HEAD", "-s", "acount-*")
    assert said.code == 2
    assert "no mapping is named acount-*" in said.err


def test_the_findings_come_in_the_formats_of_ci(kept: Shop) -> None:
    kept.edit(MAPPING, *FLIP)
    report = kept.folder / "change.sarif"
    said = kept.do("diff", "--against", "HEAD", "--output", "github", "--report", f"sarif={report}")
    assert said.code == 2
    assert f"{MAPPING},line=33,col=42,title=change/owner::account-customer: domain: owner crm -> pm" in said.out
    (run,) = json.loads(report.read_text("utf-8"))["runs"]
    assert {each["ruleId"] for each in run["results"]} == {"change/owner", "change/transform"}
    helped = {each["id"]: each["help"]["text"] for each in run["tool"]["driver"]["rules"]}
    assert "another value wins" in helped["change/owner"]


def test_a_contract_that_changed_is_named_with_the_command_that_tells_more(kept: Shop) -> None:
    kept.edit("schemas/crm/account/1.0.0.json", '"minLength": 1, "maxLength": 255', '"minLength": 1, "maxLength": 200')
    said = kept.do("diff", "--against", "HEAD")
    assert said.code == 2
    assert "[change/contract-narrower]" in said.out
    assert "records that kept it do not keep it any more (name: maxLength 200, before 255)" in said.out
    assert "see crmsync contract diff --against HEAD" in said.out


def test_another_key_is_told_with_what_a_rebase_would_refuse(kept: Shop) -> None:
    kept.edit("crmsync.yaml", "table: customers\n        key: id", "table: customers\n        key: customer_name")
    said = kept.do("diff", "--against", "HEAD", "--output", "json").json
    (found,) = [each for each in said["findings"] if each["rule"] == "change/key"]
    assert "no rebase confirms it while there are links" in found["mend"]
    assert "crmsync rebase" not in found["mend"]
    assert place_of(said, "change/key", "key:")[0].endswith("crmsync.yaml")


TABLE = "mappings/reference/status.yaml"
ROW = "    - [On hold, on_hold]\n"


def test_a_change_of_a_contract_points_to_the_keyword_that_changed(kept: Shop) -> None:
    contract = "schemas/crm/account/1.0.0.json"
    kept.edit(contract, '"minLength": 1, "maxLength": 255', '"minLength": 1, "maxLength": 200')
    said = kept.do("diff", "--against", "HEAD", "--output", "json").json
    assert place_of(said, "change/contract-narrower", '"maxLength": 200')[0].endswith(contract)
    kept.edit(contract, '"maxLength": 200', '"maxLength": 300')
    said = kept.do("diff", "--against", "HEAD", "--output", "json").json
    assert place_of(said, "change/contract-wider", '"maxLength": 300')[0].endswith(contract)


@pytest.mark.parametrize(("old", "new", "rule", "points_to"), [
    (ROW, "", "change/lookup-changed", "rows:"),
    (ROW, f"{ROW}    - [Paused, on_hold]\n", "change/lookup-row-added", "[Paused, on_hold]"),
    ("unmapped: reject", "unmapped: hold", "change/lookup-row-added", "unmapped:"),
])  # fmt: skip
def test_a_change_of_a_table_points_to_its_row_or_key(
    kept: Shop, old: str, new: str, rule: str, points_to: str
) -> None:
    kept.edit(TABLE, old, new)
    said = kept.do("diff", "--against", "HEAD", "--output", "json").json
    assert place_of(said, rule, points_to)[0].endswith(TABLE)


def test_what_is_wrong_with_the_new_version_does_not_hide_what_it_changes(recorded: Shop) -> None:
    recorded.edit(TABLE, ROW, "")
    said = recorded.do("diff", "--against", "HEAD", *records(recorded))
    assert said.code == 2
    assert "enum values without a target: on_hold" in said.out
    assert "[change/lookup-changed]" in said.out
    assert "change/untried" not in said.out


def test_a_mapping_that_cannot_be_read_is_not_taken_for_one_that_is_gone(kept: Shop) -> None:
    text = (kept.folder / MAPPING).read_text("utf-8")
    (kept.folder / "mappings/other.yaml").write_text(text.replace("mapping: account-c", "mapping: other-c"), "utf-8")
    commit(kept.folder)
    kept.edit(MAPPING, "owner: crm, to_pm: [domain]", "ovner: crm, to_pm: [domain]")
    rules = {each["rule"] for each in kept.do("diff", "--against", "HEAD", "--output", "json").json["findings"]}
    assert "mapping/unknown-key" in rules
    assert "change/mapping-removed" not in rules


def test_no_variable_needs_to_be_set(kept: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.edit("crmsync.yaml", "${CRM_URL:-sqlite:///crm.db}", "${CRM_URL}")
    commit(kept.folder)
    monkeypatch.delenv("CRM_URL", raising=False)
    assert kept.do("check").code == 2
    assert kept.do("diff", "--against", "HEAD~1").code == 0


def test_an_older_version_with_findings_is_compared_all_the_same(kept: Shop) -> None:
    kept.edit(MAPPING, "decide: [ico]", "decide: [icco]")
    commit(kept.folder)
    kept.edit(MAPPING, "decide: [icco]", "decide: [ico]")
    said = kept.do("diff", "--against", "HEAD")
    assert (said.code, "[change/match]" in said.out) == (2, True)


def test_an_older_version_that_cannot_be_read_is_told(kept: Shop) -> None:
    text = (kept.folder / "crmsync.yaml").read_text("utf-8")
    (kept.folder / "crmsync.yaml").write_text("a: [", "utf-8")
    commit(kept.folder)
    (kept.folder / "crmsync.yaml").write_text(text, "utf-8")
    said = kept.do("diff", "--against", "HEAD")
    assert said.code == 2
    assert "the project cannot be read as it was at HEAD: crmsync.yaml:" in said.err


def test_what_is_wrong_now_is_told_first(kept: Shop) -> None:
    kept.edit(MAPPING, "owner: shared", "owner: sharde")
    said = kept.do("diff", "--against", "HEAD")
    assert said.code == 2
    assert "sharde" in said.out


def test_a_ref_that_is_not_there_is_told(kept: Shop) -> None:
    said = kept.do("diff", "--against", "mian")
    assert said.code == 2
    assert "there is no git ref 'mian'" in said.err


# Records --------------------------------------------------------------------------------------------------------


def test_records_are_recorded_for_their_owner_only(recorded: Shop) -> None:
    files = sorted((recorded.folder / "recorded").iterdir())
    assert [file.name for file in files] == ["crm.account.jsonl", "pm.customer.jsonl"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    first = json.loads(files[0].read_text("utf-8").splitlines()[0])
    assert (first["id"], first["email"]) == (1, "obchod@kovotrans-demo.sk")


def test_people_are_left_out_of_a_redacted_recording(kept: Shop) -> None:
    said = kept.do("record", kept.folder / "r", "--redact", "--limit", "2", "--output", "json")
    assert sorted(said.json["written"].values()) == [2, 2]
    text = (kept.folder / "r/crm.account.jsonl").read_text("utf-8")
    assert "obchod@" not in text
    assert '"email":"***"' in text


def test_the_same_becomes_of_all_records_where_nothing_changed(recorded: Shop) -> None:
    said = recorded.do("diff", "--against", "HEAD", *records(recorded))
    assert said.code == 0
    assert "account-customer: 4 records of crm.account, the same becomes of all" in said.out


def test_records_that_become_something_else_are_shown_field_by_field(recorded: Shop) -> None:
    recorded.edit(MAPPING, *UPPER)
    said = recorded.do("diff", "--against", "HEAD", *records(recorded))
    assert said.code == 0
    assert "account-customer: 4 records of crm.account, something else becomes of 3" in said.out
    assert '  crm.account/2\n      name: "Mlyn Nitra a.s." -> "MLYN NITRA A.S."\n' in said.out
    assert "account-customer: 2 records of pm.customer, the same becomes of all" in said.out
    assert "[change/outcome]" in said.out


def test_a_record_that_is_refused_now_says_why(recorded: Shop) -> None:
    recorded.edit(
        "schemas/crm/account/1.0.0.json", '"minLength": 1, "maxLength": 255', '"minLength": 1, "maxLength": 25'
    )
    said = recorded.do("diff", "--against", "HEAD", *records(recorded), "--output", "json").json
    (tally,) = [each for each in said["records"] if each["differ"]]
    assert tally["verdicts"] == [{"old": "mapped", "new": "rejected", "count": 1}]
    (found,) = tally["shown"]
    assert found["record"] == "crm.account/1"
    assert found["why"] == {"old": [], "new": ["name: must have at most 25 characters, has 31"]}


def test_scope_checks_and_creates_are_outcomes_too(recorded: Shop) -> None:
    recorded.edit(MAPPING, "create: {pm: always}", 'create: {pm: {when: {crm: "website"}}}')
    recorded.edit(MAPPING, "crm: \"type == 'customer'\"", 'crm: "id != `3`"')
    said = recorded.do("diff", "--against", "HEAD", *records(recorded), "--output", "json").json
    tally = said["records"][0]
    assert tally["verdicts"] == [
        {"old": "mapped", "new": "out of scope", "count": 1}, {"old": "out of scope", "new": "mapped", "count": 1},
    ]  # fmt: skip


def test_people_are_masked_and_only_so_many_records_are_shown(recorded: Shop) -> None:
    recorded.edit(MAPPING, "to_pm: [email], on_null: keep}", "to_pm: [email, upper], on_null: keep}")
    said = recorded.do("diff", "--against", "HEAD", *records(recorded), "--show", "1")
    assert "OBCHOD" not in said.out + said.err
    assert 'email: "***" -> "***"' in said.out
    assert "... and 1 more: --show 2" in said.out or "... and 2 more: --show 3" in said.out
    shown = recorded.do("diff", "--against", "HEAD", *records(recorded), "--show-pii").out
    assert "OBCHOD@" in shown


def test_lines_that_are_no_records_are_named(recorded: Shop) -> None:
    file = recorded.folder / "recorded/crm.account.jsonl"
    file.write_text('{"name": "x"}\nno\n[1]\n' + file.read_text("utf-8"), "utf-8")
    said = recorded.do("diff", "--against", "HEAD", *records(recorded))
    assert said.code == 0
    places = [line.split(": ")[0].rpartition("/")[2] for line in said.out.splitlines() if "recorded/no-record" in line]
    assert places == ["crm.account.jsonl:1:1", "crm.account.jsonl:2:1", "crm.account.jsonl:3:1"]


def test_a_list_of_records_will_do(kept: Shop) -> None:
    (kept.folder / "r").mkdir()
    (kept.folder / "r/crm.account.json").write_text('[{"id": 7, "type": "customer", "name": " a "}]', "utf-8")
    kept.edit(MAPPING, *UPPER)
    said = kept.do("diff", "--against", "HEAD", "--records", kept.folder / "r")
    assert 'name: "a" -> "A"' in said.out


def test_a_folder_without_records_is_refused(kept: Shop) -> None:
    said = kept.do("diff", "--against", "HEAD", "--records", kept.folder / "none")
    assert said.code == 2
    assert "crmsync record FOLDER" in said.err


# rebase ---------------------------------------------------------------------------------------------------------


def test_a_change_that_breaks_nothing_needs_no_rebase(synced: Shop) -> None:
    synced.edit(MAPPING, *UPPER)
    said = synced.do("rebase")
    assert (said.code, said.out) == (0, "nothing to confirm: no mapping has changed in a breaking way\n")
    assert synced.do("run").code == 0


def test_an_owner_flip_is_refused_shown_and_confirmed(synced: Shop) -> None:
    synced.edit(MAPPING, *FLIP)
    refused = synced.do("run")
    assert refused.code == 2
    assert f"{MAPPING}:33:42: account-customer: domain: owner crm -> pm" in refused.err
    assert "crmsync rebase -s account-customer" in refused.err
    assert synced.do("run", "--mode", "delta").code == 2
    said = synced.do("rebase", "-s", "account-customer")
    assert said.code == 2  # nobody can be asked here
    assert f"{MAPPING}:33:42: breaking: domain: owner crm -> pm  (change/owner)" in said.out
    assert "the next batch run would then do:" in said.out
    assert "say --yes" in said.err
    assert synced.do("run").code == 2
    said = synced.do("rebase", "--yes")
    assert said.code == 0
    assert said.out.endswith("confirmed; next: crmsync run --mode batch -s account-customer\n")
    before = synced.customers()
    assert synced.do("run").code == 0
    assert synced.customers() == before
    assert "nothing was written" in synced.do("run", "--mode", "delta").out


def test_the_plan_of_a_rebase_can_be_read_by_a_program(synced: Shop) -> None:
    synced.edit(MAPPING, *FLIP)
    said = synced.do("rebase", "--output", "json")
    assert (said.code, said.json["confirmed"], said.json["exit"]) == (2, False, 2)
    told = said.json["mappings"]["account-customer"]
    assert [each["rule"] for each in told["changes"]] == ["change/owner", "change/transform"]
    assert told["fields"]["domain"] == {"kept": 3, "new": 0, "none": 0, "next": {}}
    assert "actions" in said.json["next"]["account-customer"]
    done = synced.do("rebase", "--yes", "--output", "json")
    assert (done.code, done.json["confirmed"]) == (0, True)
    assert done.json["run"]


def at_the_keyboard(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", answer)


def test_who_says_no_has_changed_nothing(synced: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.edit(MAPPING, *FLIP)
    at_the_keyboard(monkeypatch, lambda *_, **__: False)
    assert synced.do("rebase").code == 0
    assert synced.do("run").code == 2


def test_a_mapping_that_changes_while_the_question_is_open_is_not_confirmed(
    synced: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.edit(MAPPING, *FLIP)

    def meanwhile(*_: object, **__: object) -> bool:
        synced.edit(MAPPING, "delete: {pm: archive}", "delete: {pm: ignore}")
        return True

    at_the_keyboard(monkeypatch, meanwhile)
    said = synced.do("rebase")
    assert said.code == 2
    assert "account-customer has changed since this was shown" in said.err
    assert synced.do("run").code == 2


def test_a_rebase_waits_for_its_turn(synced: Shop) -> None:
    from crmsync.project import load_project
    from crmsync.run.locking import our_turn
    from crmsync.run.session import open_world

    synced.edit(MAPPING, *FLIP)
    with open_world(load_project(synced.folder)) as world, our_turn(world, "another"):
        assert synced.do("rebase", "--yes").code == 6
    assert synced.do("rebase", "--yes").code == 0
