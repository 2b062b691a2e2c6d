"""A breaker trips: what a person at the keyboard is told, and what they may type then."""

from __future__ import annotations

import shlex

import pytest

from tests.cli.shop import Shop


def test_a_run_that_trips_names_the_command_that_carries_out_its_plan(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "create: 500", "create: 1")
    before = shop.customers()
    said = shop.do("run")
    assert said.code == 4
    assert shop.customers() == before
    line = next(line for line in said.err.splitlines() if "crmsync apply" in line)
    command = shlex.split(line.rpartition("crmsync ")[2])
    assert command[0] == "apply"
    assert command[1].startswith(f"{shop.folder}/.crmsync/plans/")
    assert command[2:] == ["--allow", "create=2"]
    assert shop.do(*command).code == 0
    assert len(shop.customers()) > len(before)
    assert shop.do(*command).code == 5


def test_what_lets_a_plan_pass_that_is_too_big_in_many_ways_is_said_once(synced: Shop) -> None:
    synced.edit("mappings/account-customer.yaml", "update: 30%", "update: 0, fields: {name: 0, email: 0}, missing: 0")
    assert synced.do("run").code == 0
    synced.sql("crm", "UPDATE accounts SET name = name || ' II', email = 'a@example.com' WHERE id = 2")
    synced.sql("crm", "DELETE FROM accounts WHERE id = 3")
    for command in ("run", "plan"):
        said = synced.do(command)
        assert said.code == 4
        assert [line for line in said.err.splitlines() if "nothing was written" in line and "more than" in line]
        (mend,) = [line for line in said.err.splitlines() if "--allow" in line]
        names = [word.partition("=")[0] for word in mend.split() if "=" in word]
        assert names == ["field:email", "field:name", "missing", "update"]


def test_a_field_and_a_listing_may_be_allowed(synced: Shop) -> None:
    synced.edit("mappings/account-customer.yaml", "limits: {", "limits: {fields: {name: 0}, missing: 0, ")
    assert synced.do("run").code == 0  # a changed mapping is looked at in a batch
    synced.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id = 2")
    synced.sql("crm", "DELETE FROM accounts WHERE id = 3")
    said = synced.do("run", "--output", "json")
    assert said.code == 4
    assert {finding["rule"] for finding in said.json["findings"]} == {"limits/fields", "limits/missing"}
    words = said.json["findings"][0]["mend"].partition("crmsync apply ")[2]
    file, *allow = shlex.split(words)
    assert allow == ["--allow", "field:name=1", "--allow", "missing=1"]
    assert synced.do("apply", file, "--allow", "missing=1").code == 4
    assert synced.do("apply", file, *allow).code == 0


@pytest.mark.parametrize("allow", ["field:=3", "field:name", "fields=3", "missing=x", "=3"])
def test_an_allowance_is_a_known_name_and_a_number(shop: Shop, allow: str) -> None:
    said = shop.do("apply", shop.folder / "none.jsonl", "--allow", allow)
    assert said.code == 2
    assert "write for example --allow update=120" in said.err


def test_an_allowance_for_a_field_may_hold_any_name(shop: Shop) -> None:
    said = shop.do("apply", shop.folder / "none.jsonl", "--allow", "field:a = b=3")
    assert "cannot be read" in said.err


def test_plans_that_are_kept_stay_out_of_version_control(shop: Shop) -> None:
    assert ".crmsync/" in (shop.folder / ".gitignore").read_text("utf-8").splitlines()


def test_a_plan_file_that_trips_names_itself_in_the_command_that_applies_it(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "create: 500", "create: 1")
    file = shop.folder / "my plan.jsonl"
    said = shop.do("plan", "-o", file)
    assert said.code == 4
    assert "-o plan.json" not in said.err
    command = shlex.split(said.err.rpartition("crmsync ")[2])
    assert command == ["apply", str(file), "--allow", "create=2"]
    assert shop.do(*command).code == 0


def test_a_plan_without_a_file_and_one_that_cannot_be_applied_say_how_to_make_one(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "create: 500", "create: 1")
    for words in ((), ("-o", shop.folder / "shown.jsonl", "--redact")):
        said = shop.do("plan", *words)
        assert said.code == 4
        assert "look at the plan (crmsync plan -o plan.json), then: " in said.err
