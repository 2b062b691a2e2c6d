"""Careful rollout from the keyboard: shadow, rollout, flags, halts and replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import Said, Shop

NAME = "account-customer"
RECORDED = "version: 1\nrecord_inputs: 5"


def flags(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CRMSYNC_FLAGS", text)


def run(shop: Shop, *words: str) -> Any:
    return shop.do("run", *words, "--output", "json").json


def test_a_shadow_run_says_what_it_would_do_and_writes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.customers()
    real = shop.do("plan", "--first-load", "--output", "json").json["mappings"][NAME]
    flags(monkeypatch, f"{NAME}.shadow=true")
    told = run(shop)["mappings"][NAME]
    assert told["shadow"] == real["actions"]
    assert set(told["actions"]["pm"].values()) == {0}
    assert shop.customers() == before
    said = shop.do("run")
    assert "shadow: would create 2, update 1 in pm" in said.out
    assert "waiting: shadow, " in said.out
    assert "0 changes written" in said.out


def test_explain_promises_nothing_that_the_shadow_keeps_back(synced: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Druhá' WHERE id = 2")
    flags(monkeypatch, f"{NAME}.shadow=true")
    synced.do("run")
    said = synced.do("explain", "crm.account/2", "name").out
    assert f"{NAME} is in the shadow: no run writes anything" in said
    assert 'Out of the shadow the next run would write "Druhá" to pm' in said
    assert "The next run would" not in said


def test_what_people_did_since_is_compared_with_what_would_have_been_done(
    synced: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags(monkeypatch, f"{NAME}.shadow=true")
    assert synced.do("shadow").out.startswith("nothing was recorded in the shadow")
    synced.sql(
        "crm", "UPDATE accounts SET name = 'Šípková, s. r. o.', website = 'sipkova.sk', email = 'a@b.sk' WHERE id = 1"
    )
    synced.sql("crm", "UPDATE accounts SET name = 'Druhá' WHERE id = 2")
    synced.sql(
        "crm",
        "INSERT INTO accounts (id, type, name, ico, website) VALUES (8, 'customer', 'Nová', '36396567', 'nova.sk')",
    )
    synced.sql("crm", "INSERT INTO accounts (id, type, name, website) VALUES (9, 'customer', 'Iná', 'ina.sk')")
    assert synced.do("run").code in (0, 3)
    synced.sql("pm", "UPDATE customers SET customer_name = 'Šípková, s. r. o.', contact_email = 'x@y.sk' WHERE id = 7")
    synced.sql(
        "pm",
        "INSERT INTO customers (customer_name, ico, web_domain, status, kind, active) "
        "VALUES ('Nová', '36396567', 'nova.sk', 'onboarding', 'external', 1)",
    )
    told = synced.do("shadow", "--output", "json").json["mappings"][NAME]
    assert told["would"] == {
        "crm": {},
        "pm": {
            "create": {"same": 1, "otherwise": 0, "not_yet": 1},
            "update": {"same": 1, "otherwise": 1, "not_yet": 2},
        },
    }
    answers = {(each["record"], each["field"]): each["answer"] for each in told["shown"]}
    assert answers[("pm.customer/7", "email")] == "otherwise"
    assert answers[("crm.account/9", None)] == "not_yet"
    hidden = next(each for each in told["shown"] if each["field"] == "email")
    assert (hidden["would"], hidden["now"]) == ("***", "***")
    shown = synced.do("shadow", "--show", "1")
    assert 'otherwise: pm.customer/7  email: would be "***", is "***"' in shown.out
    assert "a@b.sk" not in shown.out
    assert '"a@b.sk"' in synced.do("shadow", "--show-pii").out


def test_an_archiving_that_people_have_done_is_the_same(synced: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    flags(monkeypatch, f"{NAME}.shadow=true")
    synced.sql("crm", "DELETE FROM accounts WHERE id = 3")
    for _ in range(2):
        synced.do("run")
    first = synced.do("shadow", "--output", "json").json["mappings"][NAME]
    assert first["would"]["pm"]["archive"] == {"same": 0, "otherwise": 0, "not_yet": 1}
    synced.sql("pm", "UPDATE customers SET active = 0 WHERE id = 10")
    then = synced.do("shadow", "--run", first["runs"][0], "--output", "json").json["mappings"][NAME]
    assert synced.do("shadow", "--run", "last", "--output", "json").json["mappings"][NAME] == then
    assert then["would"]["pm"]["archive"] == {"same": 1, "otherwise": 0, "not_yet": 0}


def test_a_run_that_is_not_there_is_named(synced: Shop) -> None:
    for words in (("shadow", "--run", "x"), ("replay", "--run", "x")):
        said = synced.do(*words)
        assert said.code == 2
        assert "run x" in said.err


def test_wrong_flags_stop_every_command(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    flags(monkeypatch, f"{NAME}.shadow=maybe")
    for command in ("check", "plan", "run", "status"):
        said = shop.do(command)
        assert said.code == 2
        assert "must be true or false, not 'maybe'" in said.out + said.err


def test_status_shows_which_flags_are_set(synced: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    flags(monkeypatch, f"{NAME}.shadow=true,{NAME}.rollout=20%")
    said = synced.do("status").out
    assert "in the shadow: nothing is written" in said
    assert "rollout: 20 %" in said
    told = synced.do("status", "--output", "json").json["mappings"][NAME]
    assert (told["shadow"], told["rollout"], told["halted"]) == (True, {"percent": 20}, None)
    flags(monkeypatch, f"{NAME}.enabled=false")
    assert f"switched off: {NAME}" in synced.do("status").out


def picky(shop: Shop) -> Said:
    shop.edit(f"mappings/{NAME}.yaml", "limits: {", "limits: {errors: 0, ")
    shop.sql(
        "pm",
        "CREATE TRIGGER picky BEFORE UPDATE ON customers WHEN new.customer_name = 'bad' "
        "BEGIN SELECT raise(ABORT, 'not this one'); END",
    )
    shop.sql("crm", "UPDATE accounts SET name = 'bad' WHERE id = 1")
    return shop.do("run")


def test_a_halted_mapping_is_left_out_loudly_until_somebody_resumes_it(synced: Shop) -> None:
    said = picky(synced)
    assert said.code == 1
    assert f"{NAME} is halted since run" in said.err
    again = synced.do("run", "--output", "json")
    assert (again.code, again.json["mappings"], list(again.json["halted"])) == (3, {}, [NAME])
    assert f"crmsync resume -s {NAME}" in again.err
    story = synced.do("explain", "crm.account/2", "name").out
    assert f"No run takes it up yet: {NAME} is halted" in story
    assert "The next run would" not in story
    assert f"crmsync resume -s {NAME}" in synced.do("status").out
    synced.sql("crm", "UPDATE accounts SET name = 'mended' WHERE id = 1")
    assert "is taken up again" in synced.do("resume", "-s", NAME).out
    assert synced.do("resume").out == "nothing to resume: no mapping is halted\n"
    assert synced.do("resume", "-s", NAME).out == f"nothing to resume: {NAME} is not halted\n"
    assert synced.do("run").code == 0
    assert synced.customers()[7][0] == "mended"


def test_errors_and_conflicts_can_be_allowed_by_name(synced: Shop) -> None:
    synced.edit(f"mappings/{NAME}.yaml", "limits: {", "limits: {conflicts: 0, ")
    synced.sql("crm", "UPDATE accounts SET description = 'crm' WHERE id = 1")
    synced.sql("pm", "UPDATE customers SET notes = 'pm' WHERE id = 7")
    plan = synced.folder / "plan.jsonl"
    said = synced.do("plan", "-o", plan)
    assert (said.code, "--allow conflicts=1" in said.err) == (4, True)
    assert synced.do("apply", plan).code == 4
    assert synced.do("apply", plan, "--allow", "conflicts=1").code == 3


def test_a_replay_shows_todays_plan_beside_what_the_run_planned(synced: Shop) -> None:
    synced.edit("crmsync.yaml", "version: 1", RECORDED)
    synced.sql("crm", "UPDATE accounts SET name = 'Žofia a syn' WHERE id = 1")
    done = run(synced)["run"]
    same = synced.do("replay", "--run", "last")
    assert same.code == 0
    assert f"beside what run {done} planned: 1 same" in same.out
    synced.edit(f"mappings/{NAME}.yaml", "to_pm: [trim, collapse_spaces]", "to_pm: [trim, upper]")
    before = synced.customers()
    other = synced.do("replay", "--run", done)
    assert "1 different" in other.out
    assert "then ~ pm.customer/7  name:" in other.out
    assert '"ŽOFIA A SYN"' in other.out
    told = synced.do("replay", "--run", done, "--output", "json").json
    assert told["compared"] == {"same": 0, "different": 1, "only_then": 0, "only_now": 0}
    assert '"Žofia a syn"' in told["shown"][0]["then"][0]
    assert synced.customers() == before


def test_recorded_inputs_lie_beside_the_ledger_for_their_owner(synced: Shop) -> None:
    synced.edit("crmsync.yaml", "version: 1", RECORDED)
    done = run(synced)["run"]
    (file,) = (synced.folder / ".crmsync/inputs").iterdir()
    assert file == Path(synced.folder / f".crmsync/inputs/{done}.jsonl.gz")


def test_golden_cases_hold_whomever_a_mapping_is_tried_on_first(shop: Shop) -> None:
    shop.edit(f"mappings/{NAME}.yaml", "version: 1", "version: 1\nrollout: {percent: 0}\nshadow: true")
    assert shop.do("test", "--examples", "5").code == 0
