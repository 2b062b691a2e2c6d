"""plan, apply and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.core.model import BUCKETS, KINDS
from crmsync.ledger.lock import take_lock, this_process
from crmsync.ledger.store import Ledger
from tests.cli.shop import Shop

PEOPLE = ("obchod@kovotrans-demo.sk", "info@mlyn-nitra-demo.sk")


def everything(shop: Shop) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}


def plan_file(shop: Shop, *words: str) -> Path:
    path = shop.folder / "plan.jsonl"
    assert shop.do("plan", "-o", path, *words).code in (0, 3, 4)
    return path


# plan and run


def test_a_plan_changes_nothing_anywhere(shop: Shop) -> None:
    before = everything(shop)
    assert shop.do("plan").code == 0
    assert everything(shop) == before


def test_a_plan_after_a_run_changes_nothing_either(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    status, customers = synced.do("status").out, synced.customers()
    synced.do("plan")
    assert synced.do("status").out == status
    assert synced.customers() == customers


def test_a_plan_shows_every_field_with_its_reason(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2")
    out = synced.do("plan").out
    assert '~ pm.customer/9  name: "Mlyn Nitra a.s." -> "Mlyn Nitra SE"  (owner-changed)' in out


def test_a_plan_counts_what_the_run_then_does(shop: Shop) -> None:
    planned, done = shop.do("plan", "--output", "json").json, shop.do("run", "--output", "json").json
    assert planned["mappings"]["account-customer"]["actions"] == done["mappings"]["account-customer"]["actions"]


def test_a_second_run_has_nothing_to_do(synced: Shop) -> None:
    customers = synced.customers()
    said = synced.do("run")
    assert said.code == 0
    assert "nothing was written" in said.out
    assert synced.customers() == customers


def test_exit_code_tells_whether_there_is_something_to_do(shop: Shop) -> None:
    assert shop.do("plan", "--exit-code").code == 10
    shop.do("run", "--first-load")
    assert shop.do("plan", "--exit-code").code == 0


def test_long_plans_are_cut_unless_all_is_asked_for(shop: Shop) -> None:
    for number in range(30):
        shop.sql("crm", "INSERT INTO accounts (type, name) VALUES ('customer', ?)", f"Number {number}")
    assert "more: crmsync plan --all" in shop.do("plan").out
    assert "Number 29" in shop.do("plan", "--all").out


@pytest.mark.parametrize("command", ["plan", "run"])
def test_json_output_is_one_object_of_the_promised_shape(shop: Shop, command: str) -> None:
    said = shop.do(command, "--output", "json")
    tally = said.json["mappings"]["account-customer"]
    assert (said.json["exit"], said.code) == (0, 0)
    assert isinstance(said.json["run"], str)
    assert tally["read"] == {"crm": 4, "pm": 2}
    assert set(tally["buckets"]["crm"]) == set(BUCKETS)
    assert set(tally["actions"]["pm"]) == set(KINDS)
    assert tally["open_holds"] == 0


def test_the_buckets_add_up_to_what_was_read(synced: Shop) -> None:
    synced.sql("crm", "DELETE FROM accounts WHERE id = 3")
    for _ in range(3):
        tally = synced.do("run", "--output", "json").json["mappings"]["account-customer"]
        assert tally["read"] == {"crm": 3, "pm": 4}
        assert {side: sum(buckets.values()) for side, buckets in tally["buckets"].items()} == tally["read"]


def test_only_looks_at_one_record_and_its_counterpart(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET name = name || ' II' WHERE id IN (2, 3)")
    assert synced.do("run", "--only", "crm.account/2").code == 0
    assert synced.customers()[9][0] == "Mlyn Nitra a.s. II"
    assert synced.customers()[10][0] == "Stavby Dunaj s.r.o."


@pytest.mark.parametrize(
    "words", [["--only", "crm.acount/2"], ["--only", "42"], ["--only", "crm.account/1,2"], ["-s", "x"]]
)
def test_what_is_not_there_is_a_usage_error_that_names_the_choices(shop: Shop, words: list[str]) -> None:
    said = shop.do("run", *words)
    assert said.code == 2
    assert said.err.count("\n    ") == 1


@pytest.mark.parametrize("command", ["run", "plan"])
def test_one_record_that_nobody_has_heard_of_is_a_usage_error(synced: Shop, command: str) -> None:
    said = synced.do(command, "--only", "crm.account/77")
    assert (said.code, said.err.splitlines()[-2:]) == (
        2, ["there is no crm.account/77, and there never was", "    look at the key"],
    )  # fmt: skip
    synced.sql("crm", "INSERT INTO accounts (id, type, name) VALUES (77, 'customer', 'Omega')")
    assert synced.do(command, "--only", "crm.account/77").code == 0


@pytest.mark.parametrize("command", ["run", "plan"])
def test_one_record_that_was_there_once_may_be_looked_at(synced: Shop, command: str) -> None:
    synced.sql("crm", "DELETE FROM accounts WHERE id = 2")
    assert synced.do(command, "--only", "crm.account/2").code == 0


def test_two_records_at_once_are_a_usage_error(synced: Shop) -> None:
    said = synced.do("run", "--only", "crm.account/1", "--only", "crm.account/2")
    assert said.code == 2
    assert "names one record, and is said once" in said.err


def test_a_delta_before_the_first_batch_is_refused(shop: Shop) -> None:
    said = shop.do("run", "--mode", "delta")
    assert said.code == 2
    assert "crmsync run --mode batch" in said.err


def test_a_project_with_errors_does_not_run(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "owner: shared", "owner: sharde")
    said = shop.do("run")
    assert said.code == 2
    assert "mappings/account-customer.yaml:45:" in said.err


def test_held_records_make_exit_code_3_and_name_the_next_step(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 2")
    synced.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 9")
    said = synced.do("run")
    assert said.code == 3
    assert "held: conflict notes, once, such as crm.account/2" in said.out
    assert "next: crmsync review list" in said.out


def test_rejected_records_make_exit_code_3_and_name_the_next_step(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET ico = 'nonsense' WHERE id = 2")
    said = synced.do("run")
    assert said.code == 3
    assert "next: crmsync dlq list" in said.out


# limits


def limited(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "create: 500", "create: 1")


def test_a_limit_stops_the_run_before_the_first_write(shop: Shop) -> None:
    limited(shop)
    before = shop.customers()
    said = shop.do("run")
    assert said.code == 4
    assert "2 creates in pm.customer, more than the 1 that limits.create allows" in said.err
    assert shop.customers() == before


def test_a_plan_over_a_limit_says_so_and_is_written_all_the_same(shop: Shop) -> None:
    limited(shop)
    said = shop.do("plan", "-o", shop.folder / "plan.jsonl")
    assert said.code == 4
    assert (shop.folder / "plan.jsonl").exists()


def test_a_person_may_allow_what_a_limit_forbids(shop: Shop) -> None:
    limited(shop)
    path = plan_file(shop)
    assert shop.do("apply", path).code == 4
    assert shop.do("apply", path, "--allow", "create=1").code == 4
    assert shop.do("apply", path, "--allow", "create=2").code == 0


def test_the_first_load_may_pass_the_limit_of_creates(shop: Shop) -> None:
    limited(shop)
    assert shop.do("run", "--first-load").code == 0


@pytest.mark.parametrize("allow", ["create", "create=", "create=-1", "birth=3", "create=1.5"])
def test_an_allowance_is_a_kind_and_a_number(shop: Shop, allow: str) -> None:
    said = shop.do("apply", plan_file(shop), "--allow", allow)
    assert said.code == 2
    assert "--allow update=120" in said.err


# apply


def test_apply_does_exactly_what_the_plan_says(shop: Shop) -> None:
    path = plan_file(shop)
    assert shop.do("apply", path).code == 0
    assert [customer[0] for customer in shop.customers().values()] == [
        "Kovotrans Žilina, spol. s r. o.", "Internal IT", "Mlyn Nitra a.s.", "Stavby Dunaj s.r.o.",
    ]  # fmt: skip
    assert "0 changes to write" in shop.do("plan").out


def test_a_plan_file_is_for_its_owner_only(shop: Shop) -> None:
    path = shop.folder / "plan.jsonl"
    path.write_text("")
    path.chmod(0o644)
    plan_file(shop)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_plan_cannot_be_applied_twice(shop: Shop) -> None:
    path = plan_file(shop)
    shop.do("apply", path)
    customers = shop.customers()
    assert shop.do("apply", path).code == 5
    assert shop.customers() == customers


def test_a_plan_is_stale_when_the_mapping_has_changed(shop: Shop) -> None:
    path, before = plan_file(shop), shop.customers()
    shop.edit("mappings/account-customer.yaml", "[trim, collapse_spaces]", "[trim]")
    said = shop.do("apply", path)
    assert said.code == 5
    assert "mapping account-customer, its contracts or its lookups have changed" in said.err
    assert shop.customers() == before


def test_a_plan_is_stale_in_another_installation(shop: Shop) -> None:
    path = plan_file(shop)
    (shop.folder / "crmsync.prod.yaml").write_text("systems: {pm: {instance: pm-prod}}\n")
    said = shop.do("apply", path, "--env", "prod")
    assert said.code == 5
    assert "system pm is pm-prod" in said.err


MOVES = {
    "the owner's record": ("crm", "UPDATE accounts SET name = 'Moved' WHERE id = 1", "crm.account/1: changed in name"),
    "the target": ("pm", "UPDATE customers SET customer_name = 'Moved' WHERE id = 7", "pm.customer/7: changed in name"),
    "a field beside": ("pm", "UPDATE customers SET notes = 'Moved' WHERE id = 7", "pm.customer/7: changed in notes"),
    "a new record": (
        "crm",
        "UPDATE accounts SET website = 'moved-demo.sk' WHERE id = 2",
        "crm.account/2: changed in domain",
    ),
    "a record that went": ("crm", "DELETE FROM accounts WHERE id = 2", "crm.account/2: is gone"),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_record_that_moved_since_stops_an_apply_and_is_named_with_its_field(shop: Shop, move: str) -> None:
    path = plan_file(shop)
    system, statement, words = MOVES[move]
    shop.sql(system, statement)
    before = shop.customers()
    said = shop.do("apply", path)
    assert said.code == 5
    assert words in said.err
    assert "Moved" not in said.err
    assert shop.customers() == before


@pytest.mark.parametrize("move", MOVES)
def test_with_skip_all_but_the_moved_record_is_done(shop: Shop, move: str) -> None:
    path = plan_file(shop)
    system, statement, _ = MOVES[move]
    shop.sql(system, statement)
    said = shop.do("apply", path, "--on-drift", "skip")
    assert said.code == 3
    assert "warned: plan/drift" in said.out
    assert "Stavby Dunaj s.r.o." in [customer[0] for customer in shop.customers().values()]
    shop.do("run")
    assert "nothing to do" in shop.do("plan").out


def test_holds_of_an_applied_plan_become_reviews(synced: Shop) -> None:
    synced.sql("crm", "UPDATE accounts SET description = 'ours' WHERE id = 2")
    synced.sql("pm", "UPDATE customers SET notes = 'theirs' WHERE id = 9")
    path = plan_file(synced)
    assert synced.do("review", "list").out == "no open review\n"
    assert synced.do("apply", path).code == 3
    assert "notes: both sides changed it" in synced.do("review", "list").out


def test_apply_moves_no_cursor(shop: Shop) -> None:
    shop.do("apply", plan_file(shop))
    assert shop.do("run", "--mode", "delta").code == 2


def tampered(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"Mlyn Nitra a.s.", b"Mlyn Nitra x.y."))


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


SPOILT = {
    "changed by hand": tampered,
    "cut": cut,
    "empty": lambda path: path.write_bytes(b""),
    "no plan": lambda path: path.write_bytes(b'{"name": "x"}\n'),
    "another format": lambda path: path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":99')),
    "a line that is none": lambda path: path.write_bytes(path.read_bytes() + b"{}\n"),
    "not there": lambda path: path.unlink(),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_is_no_whole_plan_is_refused(shop: Shop, how: str) -> None:
    path, before = plan_file(shop), shop.customers()
    SPOILT[how](path)
    said = shop.do("apply", path)
    assert said.code == 2
    assert "cannot be applied" in said.err
    assert shop.customers() == before


def test_a_redacted_plan_shows_no_people_and_cannot_be_applied(shop: Shop) -> None:
    path = plan_file(shop, "--redact")
    text = path.read_text("utf-8")
    assert not any(address in text for address in PEOPLE)
    assert "Mlyn Nitra a.s." in text
    said = shop.do("apply", path)
    assert said.code == 2
    assert "redacted" in said.err


def test_redact_is_about_a_file(shop: Shop) -> None:
    assert shop.do("plan", "--redact").code == 2


def test_a_plan_that_cannot_be_written_says_why(shop: Shop) -> None:
    said = shop.do("plan", "-o", shop.folder / "no" / "folder" / "plan.jsonl")
    assert said.code == 2
    assert "No such file or directory" in said.err


# the lock


@pytest.mark.parametrize("words", [["run"], ["apply", "plan.jsonl"]])
def test_while_another_run_holds_the_lock_nothing_is_done(shop: Shop, words: list[str]) -> None:
    path = plan_file(shop)
    words = [str(path) if word == path.name else word for word in words]
    ledger = Ledger.open(f"sqlite:///{shop.folder}/.crmsync/ledger.db")
    lock = take_lock(ledger, "run", this_process("the-other-run"))
    refused = shop.do(*words)
    skipped = shop.do(*words, "--if-locked", "skip")
    as_json = shop.do(*words, "--if-locked", "skip", "--output", "json")
    lock.release()
    ledger.close()
    assert (refused.code, skipped.code, as_json.code) == (6, 0, 0)
    assert "the-other-run" in refused.err
    assert as_json.json == {"run": None, "mappings": {}, "exit": 0}
    assert len(shop.customers()) == 2
    assert shop.do(*words).code == 0


# people


def test_people_appear_in_no_output_unless_asked_for(shop: Shop) -> None:
    shop.do("run", "--first-load")
    shop.sql("crm", "UPDATE accounts SET email = 'new@mlyn-nitra-demo.sk' WHERE id = 2")
    shop.sql("crm", "UPDATE accounts SET email = 'secret nonsense' WHERE id = 1")
    run = shop.do("history", "--output", "json").json["runs"][0]["run"]
    words = (
        "plan", "plan --output json", "run --log-format json", "explain crm.account/1", "dlq list", "dlq show 1",
        "explain crm.account/2 --output json", "dlq show 1 --output json", "history", f"history {run}", "status",
        f"history {run} --output json", "review list --output json", "link list",
    )  # fmt: skip
    for each in words:
        said = shop.do(*each.split())
        for secret in (*PEOPLE, "new@mlyn", "secret nonsense"):
            assert secret not in said.out + said.err, each
    assert "new@mlyn-nitra-demo.sk" in shop.do("explain", "crm.account/2", "--show-pii").out
    assert "secret nonsense" in shop.do("dlq", "show", "1", "--show-pii").out
