"""contract list, check and diff: what is said, and with which exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import Said, Shop

ACCOUNT = "schemas/crm/account/1.0.0.json"
BACK = "crm.account@1.0.0"
NEXT = "crm.account@1.1.0"

Change = Callable[[dict[str, Any]], object]


def version(shop: Shop, name: str, *changes: Change, of: str = ACCOUNT) -> Path:
    """A contract's file beside the first one, with these changes."""
    schema = json.loads((shop.folder / of).read_text("utf-8"))
    for change in changes:
        change(schema)
    path = (shop.folder / of).with_name(f"{name}.json")
    path.write_text(json.dumps(schema, indent=2, ensure_ascii=False), "utf-8")
    return path


def demand(name: str) -> Change:
    return lambda schema: schema["required"].append(name)


def add(name: str, schema: Any) -> Change:
    return lambda contract: contract["properties"].update({name: schema})


def drop(name: str) -> Change:
    return lambda contract: contract["properties"].pop(name)


def say(**words: Any) -> Change:
    return lambda schema: schema.update({f"x-{word.replace('_', '-')}": value for word, value in words.items()})


def waive(rule: str, expires: str = "2999-12-31", pointer: str = "") -> Change:
    return say(waivers=[{"rule": rule, "reason": "agreed with sales", "expires": expires, "pointer": pointer}])


def rules(said: Said, severity: str = "error") -> list[str]:
    return [each["rule"] for each in said.json["findings"] if each["severity"] == severity]


def check(shop: Shop) -> Said:
    return shop.do("contract", "check", "--output", "json")


def compare(shop: Shop, *words: str) -> Said:
    return shop.do("contract", "diff", *words, "--output", "json")


# list -------------------------------------------------------------------------------------------------------------


def test_a_list_names_versions_owners_days_and_who_reads_what(shop: Shop) -> None:
    version(shop, "2.0.0", say(status="draft", compatibility="FULL"))
    version(
        shop, "1.0.0", say(owner="sales", status="deprecated", deprecated="2999-01-31", replaced_by="crm.account@2")
    )
    said = shop.do("contract", "list")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[1] == [BACK, "deprecated", "sales", "BACKWARD", "2999-01-31", "crm.account@2", "account-customer"]
    assert rows[2] == ["crm.account@2.0.0", "draft", "FULL"]
    assert "crm.account@1.0.0  crm of account-customer: delivery_status, description, email, name," in said.out


def test_a_list_as_json_tells_which_deprecated_fields_are_still_read(shop: Shop) -> None:
    version(shop, "1.0.0", lambda schema: schema["properties"]["website"].update({"deprecated": True}))
    found = {each["contract"]: each for each in shop.do("contract", "list", "--output", "json").json["contracts"]}
    (use,) = found[BACK]["read_by"]
    assert (use["mapping"], use["side"]) == ("account-customer", "crm")
    assert "registration.ico" in use["paths"]
    assert use["deprecated"] == [{"path": "website", "until": None, "replaced_by": None}]


def test_a_list_is_there_also_where_the_project_has_errors(shop: Shop) -> None:
    version(shop, "1.0.0", say(status="retired"))
    shop.edit("mappings/account-customer.yaml", "owner: shared", "owner: sharde")
    (shop.folder / "schemas/pm/customer/1.1.0.json").write_text("{")
    said = shop.do("contract", "list")
    assert said.code == 0
    assert "crm.account@1.0.0  retired" in said.out
    assert "crm of account-customer: " in said.out
    assert "not to be read: a version of pm.customer; next: crmsync contract check" in said.out


def test_a_folder_without_contracts_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Shop(tmp_path, capsys)
    for command in ("list", "check"):
        said = nowhere.do("contract", command)
        assert said.code == 2
        assert "there is no folder" in said.err


# check ------------------------------------------------------------------------------------------------------------


def test_what_init_writes_has_sound_contracts(shop: Shop) -> None:
    assert shop.do("contract", "check").out == "all is well\n"


def test_a_check_of_contracts_needs_no_sound_mappings(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "owner: shared", "owner: sharde")
    assert shop.do("contract", "check").code == 0


def test_a_version_that_adds_what_is_optional_is_a_minor_step(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}))
    assert check(shop).code == 0
    (shop.folder / "schemas/crm/account/1.1.0.json").rename(shop.folder / "schemas/crm/account/1.0.1.json")
    said = check(shop)
    assert (said.code, rules(said)) == (2, ["contract/small-step"])
    (found,) = said.json["findings"]
    assert found["message"] == "crm.account@1.0.0 -> 1.0.1 is a patch step, but a minor one is needed"
    assert found["mend"] == "name the file 1.1.0.json"


def test_a_version_that_breaks_is_a_major_step(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"))
    said = check(shop)
    assert (said.code, rules(said)) == (2, ["contract/small-step", "contract/required-added"])
    (shop.folder / "schemas/crm/account/1.1.0.json").rename(shop.folder / "schemas/crm/account/2.0.0.json")
    assert check(shop).json["findings"] == []


def test_before_the_first_major_version_a_break_is_a_minor_step(shop: Shop) -> None:
    version(shop, "0.9.0")
    version(shop, "0.10.0", demand("email"))
    (shop.folder / ACCOUNT).unlink()
    assert check(shop).json["findings"] == []


@pytest.mark.parametrize(
    ("names", "message", "mend"),
    [
        (["1.2.0"], "crm.account@1.0.0 is followed by 1.2.0: a version was skipped", "name it 1.1.0.json, or"),
        (["1.0.2"], "crm.account@1.0.0 is followed by 1.0.2", "name it 1.0.1.json, or"),
        (["3.0.0"], "crm.account@1.0.0 is followed by 3.0.0", "name it 2.0.0.json, or"),
        (["2.1.0"], "crm.account@1.0.0 is followed by 2.1.0", "name it 2.0.0.json, or"),
        (["1.1.3"], "crm.account@1.0.0 is followed by 1.1.3", "name it 1.1.0.json, or"),
    ],
)
def test_a_version_that_was_skipped_is_a_warning(shop: Shop, names: list[str], message: str, mend: str) -> None:
    for name in names:
        version(shop, name)
    said = check(shop)
    assert (said.code, rules(said, "warning")) == (0, ["contract/version-skipped"])
    (found,) = said.json["findings"]
    assert message in found["message"]
    assert mend in found["mend"]
    assert found["file"].endswith(f"{names[0]}.json")


def test_every_version_is_looked_at_beside_the_one_before(shop: Shop) -> None:
    for name in ("1.0.1", "1.1.0", "1.1.1", "1.10.0", "2.0.0", "2.1.0"):
        version(shop, name)
    assert rules(check(shop), "warning") == ["contract/version-skipped"]  # 1.1.1 -> 1.10.0


def test_patterns_that_are_found_anywhere_are_told_for_information(shop: Shop) -> None:
    version(shop, "1.0.0", add("fax", {"type": "string", "pattern": "[0-9]+"}))
    said = check(shop)
    assert (said.code, rules(said, "info")) == (0, ["contract/pattern-unanchored"])


# diff -------------------------------------------------------------------------------------------------------------


def test_a_break_comes_with_a_record_that_shows_it_and_places_on_both_sides(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"))
    said = compare(shop, BACK, NEXT)
    assert said.code == 2
    told = said.json
    assert {mode: told["verdicts"][mode] for mode in ("BACKWARD", "FORWARD", "FULL")} == {
        "BACKWARD": "breaking", "FORWARD": "compatible", "FULL": "breaking",
    }  # fmt: skip
    assert "email" not in told["counterexamples"]["BACKWARD"]
    assert told["step"] == {"required": "major", "taken": "minor"}
    (change,) = told["changes"]
    assert (change["rule"], change["direction"], change["severity"]) == ("contract/required-added", "narrows", "error")
    assert (change["old"]["pointer"], change["new"]["pointer"]) == ("/required", "/required/3")
    assert change["old"]["file"].endswith("account/1.0.0.json")
    assert change["new"]["line"] == 11
    assert rules(said) == ["contract/required-added", "contract/small-step"]
    assert told["exit"] == 2


def test_a_record_that_shows_a_break_is_told_of_the_change_that_refuses_it(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"), add("name", {"type": "string", "minLength": 1, "maxLength": 3}))
    longer, email, _ = [each["message"] for each in compare(shop, BACK, NEXT).json["findings"]]
    assert longer == 'name: maxLength 3, before 255: BACKWARD breaks, with "0000"'
    assert email.startswith(f"email is required now: BACKWARD breaks; {BACK} takes ")


def test_the_text_shows_verdicts_changes_counterexample_and_step(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"))
    out = shop.do("contract", "diff", BACK, NEXT).out
    assert "  strict         breaking  compatible  breaking\n" in out
    assert "  asked: BACKWARD, strict; step taken: minor, needed: major\n" in out
    assert "  error  contract/required-added  narrows  email is required now\n" in out
    assert "  BACKWARD breaks with {" in out


def test_what_is_compatible_ends_with_0(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}))
    said = compare(shop, BACK, NEXT)
    assert (said.code, said.json["verdicts"]["BACKWARD"], rules(said)) == (0, "compatible", [])
    assert shop.do("contract", "diff", BACK, NEXT).out.endswith(
        "nothing breaks that must hold, 1 info (--infos shows it)\n"
    )


def test_the_mode_that_is_asked_decides(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}))
    assert compare(shop, BACK, NEXT, "--mode", "FORWARD").code == 2
    assert compare(shop, BACK, NEXT, "--mode", "NONE").code == 0


def test_without_one_the_newer_contract_says_what_must_hold(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}), say(compatibility="FULL"))
    said = compare(shop, BACK, NEXT)
    assert (said.code, said.json["mode"]) == (2, "FULL")


def test_the_policy_decides_what_is_compared(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}))
    words = (BACK, NEXT, "--mode", "FORWARD", "--policy", "reader-writer")
    assert compare(shop, *words).code == 0  # the older reader passes over what it does not know


def test_a_major_step_may_break_unless_a_mode_is_asked_outright(shop: Shop) -> None:
    version(shop, "2.0.0", demand("email"))
    said = compare(shop, BACK, "crm.account@2")
    assert (said.code, said.json["verdicts"]["BACKWARD"]) == (0, "breaking")
    assert compare(shop, BACK, "crm.account@2", "--mode", "BACKWARD").code == 2


def test_from_a_newer_version_to_an_older_one_there_is_no_step(shop: Shop) -> None:
    version(shop, "1.1.0", add("fax", {"type": "string"}))
    said = compare(shop, NEXT, BACK)
    assert said.json["step"]["taken"] is None
    assert rules(said) == ["contract/property-removed"]


@pytest.mark.parametrize("waiver", [
    waive("contract/required-added"), waive("contract/breaking"), waive("contract/required-added", pointer="/required"),
])  # fmt: skip
def test_a_waiver_lets_a_break_pass_and_is_shown_with_its_reason(shop: Shop, waiver: Change) -> None:
    version(shop, "1.1.0", demand("email"), waiver)
    said = compare(shop, BACK, NEXT)
    assert (said.code, said.json["verdicts"]["BACKWARD"]) == (0, "breaking")
    waived = [each["waiver"] for each in said.json["changes"] if each["waiver"]]
    assert [(each["reason"], each["expires"]) for each in waived] == [("agreed with sales", "2999-12-31")]
    assert "waived until 2999-12-31: agreed with sales" in shop.do("contract", "diff", BACK, NEXT).out
    assert check(shop).code == 0


@pytest.mark.parametrize("waiver", [
    waive("contract/required-removed"), waive("contract/required-added", pointer="/properties/email"),
    waive("contract/required-added", pointer="/req"),
])  # fmt: skip
def test_a_waiver_of_something_else_lets_nothing_pass(shop: Shop, waiver: Change) -> None:
    version(shop, "1.1.0", demand("email"), waiver)
    assert compare(shop, BACK, NEXT).code == 2


def test_a_waiver_that_waives_nothing_is_said_so_louder_where_its_rule_breaks_elsewhere(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"), waive("contract/required-added", pointer="/properties/email"))
    said = compare(shop, BACK, NEXT)
    (found,) = [each for each in said.json["findings"] if each["rule"] == "contract/waiver-idle"]
    assert found["severity"] == "warning"
    assert found["message"] == "the waiver of contract/required-added waives nothing at /properties/email"
    assert found["mend"] == "what breaks is at /required/3"
    version(shop, "1.1.0", demand("email"), waive("contract/required-added"))
    version(shop, "1.2.0", say(title="x"), of=f"{ACCOUNT.rpartition('/')[0]}/1.1.0.json")
    assert rules(compare(shop, NEXT, "crm.account@1.2.0"), "info").count("contract/waiver-idle") == 1
    assert check(shop).json["findings"] == []


def test_a_waiver_whose_day_is_over_is_a_finding_and_lets_nothing_pass(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"), waive("contract/required-added", "2020-02-29"))
    said = compare(shop, BACK, NEXT)
    assert said.code == 2
    assert "contract/required-added" in rules(said)
    assert rules(said, "warning") == ["contract/waiver-expired"]
    (found,) = [each for each in said.json["findings"] if each["rule"] == "contract/waiver-expired"]
    assert found["message"] == "the waiver of contract/required-added was good until 2020-02-29: agreed with sales"
    assert found["line"] > 60


def test_a_waiver_is_good_on_its_last_day(shop: Shop) -> None:
    version(shop, "1.1.0", demand("email"), waive("contract/required-added", datetime.now(UTC).date().isoformat()))
    assert compare(shop, BACK, NEXT).code == 0


def test_transitive_modes_ask_of_every_earlier_version_of_the_major(shop: Shop) -> None:
    version(shop, "1.1.0", drop("website"), say(compatibility="NONE"))
    version(shop, "1.2.0", add("website", {"type": "integer"}), say(compatibility="BACKWARD_TRANSITIVE"))
    said = compare(shop, NEXT, "crm.account@1.2.0")
    verdicts = said.json["verdicts"]
    assert (verdicts["BACKWARD"], verdicts["BACKWARD_TRANSITIVE"]) == ("compatible", "breaking")
    assert said.code == 2
    assert "contract/breaking" in rules(said)
    assert compare(shop, NEXT, "crm.account@1.2.0", "--mode", "BACKWARD").code == 0


def test_files_of_older_drafts_can_be_compared(shop: Shop, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    draft = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "number", "minimum": 1}
    old.write_text(json.dumps(draft))
    new.write_text(json.dumps({**draft, "exclusiveMinimum": True}))
    said = compare(shop, str(old), str(new))
    assert (said.code, said.json["verdicts"]["BACKWARD"], said.json["counterexamples"]["BACKWARD"]) == (
        2,
        "breaking",
        1,
    )
    assert said.json["step"]["taken"] is None
    for file in (old, new):
        body = json.loads(file.read_text())
        del body["$schema"]
        file.write_text(json.dumps(body))
    assert compare(shop, str(old), str(new), "--draft", "4").json["verdicts"]["BACKWARD"] == "breaking"
    new.write_text("true")
    assert compare(shop, str(old), str(new), "--draft", "4").code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ('{"type": "strng"}', "type is no JSON Schema"),
        ("[]", "the file is no JSON Schema"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#", "exclusiveMinimum": true}', "exclusiveMinimum is no"),
    ],
)
def test_a_file_that_is_no_schema_is_not_compared(shop: Shop, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "new.json"
    path.write_text(text)
    said = shop.do("contract", "diff", BACK, path)
    assert said.code == 2
    assert message in said.err


@pytest.mark.parametrize(
    "text", ['{"$ref": "https://x.invalid/a.json"}', '{"$schema": "https://x.invalid/meta", "$ref": "#/nowhere"}',
             '{"pattern": "("}', '{"properties": {"n": {"$ref": "#"}}}'],
)  # fmt: skip
def test_a_schema_with_holes_is_compared_as_far_as_it_goes(shop: Shop, tmp_path: Path, text: str) -> None:
    path = tmp_path / "new.json"
    path.write_text(text)
    said = compare(shop, BACK, str(path))
    assert said.code in (0, 2)
    assert "mistake in crmsync" not in said.err


@pytest.mark.parametrize(
    ("schema", "rule", "message", "mend"),
    [
        ({"$ref": "https://x.invalid/money.json"}, "contract/reference",
         "properties/name/$ref https://x.invalid/money.json lies outside this contract and is never fetched; "
         "copy it into $defs", '"$ref": "#/$defs/money"'),
        ({"$ref": "#/$defs/money"}, "contract/reference", "#/$defs/money leads nowhere in this contract", "$defs"),
        ({"$ref": "#/properties/name"}, "contract/reference", "leads back here, to the same value", "delete it"),
        ({"pattern": "("}, "contract/bad-pattern", "( is no regular expression (ECMA-262)", "escape what is meant"),
    ],
)  # fmt: skip
def test_what_is_not_proved_because_of_a_hole_is_told_with_its_place_and_mend(
    shop: Shop, tmp_path: Path, schema: Any, rule: str, message: str, mend: str
) -> None:
    path = tmp_path / "new.json"
    path.write_text(
        json.dumps({"type": "object", "properties": {"name": schema, "fax": {"type": "integer"}}}, indent=1)
    )
    said = compare(shop, BACK, str(path))
    assert (said.code, said.json["verdicts"]["BACKWARD"]) == (2, "unproven")
    (hole,) = [each for each in said.json["findings"] if each["rule"] == rule]
    assert (hole["severity"], hole["line"], message in hole["message"], mend in hole["mend"]) == (
        "warning",
        5,
        True,
        True,
    )
    wrong = [each for each in said.json["findings"] if each["severity"] == "error"]
    place = f"{hole['file']}:5:{hole['column']}"
    assert wrong
    for each in wrong:
        assert f"BACKWARD is not proved to hold, as nothing can be judged by what stands at {place}" in each["message"]
        assert each["mend"] == f"mend {place} first: {hole['mend']}"
    assert compare(shop, BACK, str(path), "--mode", "NONE").code == 0


def test_a_hole_in_a_schema_of_an_older_draft_is_told_too(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    draft = "http://json-schema.org/draft-04/schema#"
    path.write_text(
        json.dumps({"$schema": draft, "minimum": 1, "exclusiveMinimum": True, "not": {"$ref": "x.json#/a"}})
    )
    said = compare(shop, str(path), str(path))
    assert rules(said) == ["contract/unproven"]
    assert rules(said, "warning") == ["contract/reference"]


@pytest.mark.parametrize(
    ("words", "message", "mend"),
    [
        (["crm.acount@1", BACK], "there is no contract 'crm.acount'", "did you mean 'crm.account'?"),
        ([BACK, "crm.account@7"], "contract crm.account has no version 7", "there are: 1.0.0"),
        ([BACK, "nowhere.json"], "there is no contract and no file 'nowhere.json'", "crmsync contract list"),
        ([BACK], "two contracts are compared", "crmsync contract diff OLD NEW, or --against GITREF"),
        ([BACK, BACK, "--against", "main"], "--against compares all contracts", "leave"),
    ],
)
def test_what_cannot_be_compared_is_said_with_what_can(shop: Shop, words: list[str], message: str, mend: str) -> None:
    said = shop.do("contract", "diff", *words)
    assert said.code == 2
    assert message in said.err
    assert mend in said.err


# diff --against ---------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(shop: Shop) -> Shop:
    """The project in a repository, with all of it committed to main."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git(shop, "init", "--quiet", "--initial-branch=main")
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "-m", "x")
    return shop


def git(shop: Shop, *words: str) -> None:
    who = ("-c", "user.name=eva", "-c", "user.email=eva@crmsync.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(shop.folder), *who, *words], check=True)


def since(shop: Shop, *words: str) -> Said:
    return compare(shop, "--against", "main", *words)


def test_nothing_has_changed_where_nothing_has(committed: Shop) -> None:
    assert since(committed).json["contracts"] == {}
    assert "no contract has changed since main\n" in committed.do("contract", "diff", "--against", "main").out


def test_a_new_version_is_compared_with_the_one_before(committed: Shop) -> None:
    version(committed, "1.1.0", demand("email"))
    said = since(committed)
    assert said.code == 2
    (told,) = said.json["contracts"].values()
    assert list(said.json["contracts"]) == [NEXT]
    assert (told["how"], told["old"], told["verdicts"]["BACKWARD"]) == ("added", BACK, "breaking")
    assert told["step"] == {"required": "major", "taken": "minor"}


def test_a_new_version_that_skips_one_is_a_warning_here_as_in_check(committed: Shop) -> None:
    version(committed, "1.2.0", add("fax", {"type": "string"}))
    said = since(committed)
    assert (said.code, rules(said, "warning")) == (0, ["contract/version-skipped"])
    assert [each for each in said.json["findings"] if each["severity"] == "warning"] == check(committed).json[
        "findings"
    ]
    version(committed, "1.1.0", add("fax", {"type": "string"}))
    assert rules(since(committed), "warning") == []


def test_a_step_smaller_than_what_changed_asks_for_is_an_error_against_a_ref(committed: Shop) -> None:
    version(committed, "1.0.1", add("fax", {"type": "string"}))
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/small-step"])
    (found,) = [each for each in said.json["findings"] if each["severity"] == "error"]
    assert found["message"] == "crm.account@1.0.0 -> 1.0.1 is a patch step, but a minor one is needed"
    assert found["mend"] == "name the file 1.1.0.json"


def test_a_contract_of_something_new_has_nothing_to_break(committed: Shop) -> None:
    path = committed.folder / "schemas/crm/contact/1.0.0.json"
    path.parent.mkdir()
    path.write_text('{"type": "object"}')
    said = since(committed)
    assert (said.code, rules(said, "info")) == (0, ["contract/added"])
    assert said.json["contracts"] == {"crm.contact@1.0.0": {"how": "added", "verdicts": None}}


def test_a_version_that_was_changed_in_place_asks_for_a_step(committed: Shop) -> None:
    version(committed, "1.0.0", add("fax", {"type": "string"}))
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/changed-in-place"])
    (change,) = said.json["contracts"][BACK]["changes"]
    assert change["old"]["file"].startswith("main:")
    (found,) = [each for each in said.json["findings"] if each["severity"] == "error"]
    assert found["mend"] == "leave it as it was, and name the file 1.1.0.json"


def test_words_about_a_contract_may_change_in_place(committed: Shop) -> None:
    version(committed, "1.0.0", say(owner="sales", status="deprecated", deprecated="2999-01-31"))
    said = since(committed)
    assert (said.code, rules(said)) == (0, [])


def test_what_a_new_record_is_given_does_not_change_in_place(committed: Shop) -> None:
    version(committed, "1.0.0", add("description", {"type": ["string", "null"], "maxLength": 4000, "default": "new"}))
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/changed-in-place"])


def test_a_draft_may_change_in_place(committed: Shop) -> None:
    version(committed, "1.1.0", say(status="draft"))
    git(committed, "add", "--all")
    git(committed, "commit", "--quiet", "-m", "x")
    version(committed, "1.1.0", demand("email"), of="schemas/crm/account/1.1.0.json")
    assert since(committed).code == 0


def test_a_file_that_is_gone_or_renamed_breaks_whoever_reads_it(committed: Shop) -> None:
    (committed.folder / ACCOUNT).rename(committed.folder / "schemas/crm/account/1.0.1.json")
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/renamed"])
    (found,) = said.json["findings"]
    assert found["message"].startswith("crm.account@1.0.0 was renamed to crm.account@1.0.1")
    (committed.folder / "schemas/crm/account/1.0.1.json").unlink()
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/removed"])
    assert said.json["contracts"][BACK]["how"] == "removed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (say(status="retired"), 0), (say(status="draft"), 0), (say(status="deprecated", deprecated="2020-01-31"), 0),
        (say(status="deprecated", deprecated="2999-01-31"), 2),
    ],
)  # fmt: skip
def test_a_version_may_go_once_nobody_may_read_it(committed: Shop, words: Change, code: int) -> None:
    version(committed, "1.0.0", words)
    git(committed, "commit", "--quiet", "-a", "-m", "x")
    (committed.folder / ACCOUNT).unlink()
    assert since(committed).code == code


def test_a_file_that_cannot_be_read_any_more_is_a_finding_and_not_gone(committed: Shop) -> None:
    (committed.folder / ACCOUNT).write_text("{")
    said = since(committed)
    assert (said.code, rules(said)) == (2, ["contract/not-json"])
    assert "no contract has changed" not in committed.do("contract", "diff", "--against", "main").out


def test_a_file_under_a_name_that_is_no_version_is_a_finding(committed: Shop) -> None:
    (committed.folder / ACCOUNT).rename(committed.folder / "schemas/crm/account/v1.json")
    assert sorted(rules(since(committed))) == ["contract/file-name", "contract/removed"]


def test_a_ref_that_is_not_there_is_said_with_what_is_near(committed: Shop) -> None:
    said = committed.do("contract", "diff", "--against", "mian")
    assert said.code == 2
    assert "there is no git ref 'mian'\n    did you mean 'main'?" in said.err


def test_contracts_may_lie_beside_the_project(shop: Shop, tmp_path: Path) -> None:
    shutil.move(shop.folder / "schemas", tmp_path / "schemas")
    with (shop.folder / "crmsync.yaml").open("a") as project:
        project.write("schemas: ../schemas\n")
    beside = Shop(tmp_path, shop.capsys)
    git(beside, "init", "--quiet", "--initial-branch=main")
    git(beside, "add", "--all")
    git(beside, "commit", "--quiet", "-m", "x")
    version(beside, "1.1.0", demand("email"))
    assert list(since(shop).json["contracts"]) == [NEXT]
