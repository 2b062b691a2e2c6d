"""init, check, doctor, schema and help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click
import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer
from tests.cli.shop import Shop


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield " ".join((*words, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


@pytest.mark.parametrize(("words", "command"), sorted(commands(crmsync)), ids=lambda each: str(each))
def test_the_help_of_every_command_teaches_with_an_example(words: str, command: click.Command) -> None:
    assert f"\n  crmsync {words}" in cleandoc(command.help or "")


def test_help_imports_nothing_slow() -> None:
    script = (
        "import sys; from crmsync.cli import crmsync; from crmsync.cli.ends import answer; answer(crmsync, ['--help']);"
        "slow = {'sqlalchemy', 'pandas', 'jsonschema', 'jsonschema_rs', 'rich', 'yaml', 'phonenumbers'};"
        "sys.exit(', '.join(slow & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_python_m_crmsync_is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "crmsync", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("crmsync, version ")


def test_what_init_writes_passes_the_check_and_every_system_is_well(shop: Shop) -> None:
    assert shop.do("check").out == "all is well\n"
    assert shop.do("doctor").code == 0


def test_the_first_run_of_a_new_project_does_what_its_sample_says(shop: Shop) -> None:
    said = shop.do("run", "--first-load")
    assert said.code == 0
    assert "created 2, updated 1 in pm; linked 1" in said.out
    assert shop.customers()[7][0] == "Kovotrans Žilina, spol. s r. o."


def test_init_overwrites_nothing(shop: Shop) -> None:
    before = {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}
    said = shop.do("init", shop.folder)
    assert said.code == 2
    assert "crmsync.yaml" in said.err
    assert {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()} == before


def test_init_leaves_a_gitignore_that_is_there_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    assert answer(crmsync, ["init", str(tmp_path)]) == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_a_check_names_file_line_column_and_how_to_mend(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "owner: shared", "owner: sharde")
    said = shop.do("check")
    assert said.code == 2
    assert "mappings/account-customer.yaml:45:" in said.out
    assert "\n    did you mean 'shared'?" in said.out
    assert said.out.endswith("1 error, 0 warnings\n")


def test_a_check_as_json_is_one_object(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "owner: shared", "owner: sharde")
    said = shop.do("check", "--output", "json")
    (finding,) = said.json["findings"]
    assert (said.code, said.json["exit"], finding["line"], finding["severity"]) == (2, 2, 45, "error")


def test_the_project_folder_may_be_named_before_or_behind_the_command(shop: Shop, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    assert answer(crmsync, ["-C", elsewhere, "check"]) == 2
    assert answer(crmsync, ["-C", elsewhere, "check", "-C", str(shop.folder)]) == 0


def test_the_doctor_names_the_table_that_is_missing(shop: Shop) -> None:
    shop.sql("pm", "ALTER TABLE customers RENAME TO clients")
    said = shop.do("doctor", "--output", "json")
    assert said.code == 2
    states = {checkup["name"]: checkup["state"] for checkup in said.json["checkups"]}
    assert states == {"ledger": "ok", "crm.account": "ok", "pm.customer": "wrong"}
    assert "customers" in said.out


def test_the_doctor_exits_with_1_when_a_system_cannot_be_reached(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PM_URL", "postgresql+psycopg://nobody:hush@127.0.0.1:1/pm?connect_timeout=2")
    said = shop.do("doctor")
    assert said.code == 1
    assert "hush" not in said.out + said.err


def watch(shop: Shop, expect: str) -> None:
    (shop.folder / "crmsync.prod.yaml").write_text(
        f'systems: {{crm: {{sentinel: {{entity: account, key: 1, expect: "{expect}"}}}}}}\n'
    )


def test_the_doctor_looks_at_the_sentinels(shop: Shop) -> None:
    watch(shop, "type == 'customer'")
    said = shop.do("doctor", "--env", "prod")
    assert (said.code, "crm sentinel  ok     crm.account/1 is as expected\n" in said.out) == (0, True)
    shop.sql("crm", "DELETE FROM accounts WHERE id = 1")
    said = shop.do("doctor", "--env", "prod")
    assert said.code == 2
    assert "crm sentinel  wrong  crm.account/1\n" in said.out
    assert "crm.account/1: the sentinel of crm cannot be seen\n    an access problem, most likely" in said.out


def test_the_doctor_tells_a_sentinel_that_is_not_what_is_expected(shop: Shop) -> None:
    watch(shop, "type == 'canary'")
    said = shop.do("doctor", "--env", "prod", "--output", "json")
    (wrong,) = [each for each in said.json["checkups"] if each["state"] == "wrong"]
    assert (said.code, wrong["name"]) == (2, "crm sentinel")
    assert [each["rule"] for each in wrong["findings"]] == ["sentinel/unexpected"]


@pytest.mark.parametrize("command", ["plan", "drift", "explain crm.account/2", "run"])
def test_a_sentinel_that_is_not_seen_says_nothing_of_writes(synced: Shop, command: str) -> None:
    watch(synced, "type == 'canary'")
    said = synced.do(*command.split(), "--env", "prod")
    assert said.code == 4
    assert "crm.account/1: the sentinel of crm is not what is expected\n" in said.err
    assert "nothing was written" not in said.err


def test_the_doctor_tells_a_sentinel_that_cannot_be_looked_at(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(shop, "type == 'customer'")
    shop.sql("crm", "ALTER TABLE accounts RENAME TO clients")
    states = {
        each["name"]: each["state"] for each in shop.do("doctor", "--env", "prod", "--output", "json").json["checkups"]
    }
    assert states["crm sentinel"] == "wrong"


def test_the_doctor_makes_no_ledger(shop: Shop) -> None:
    shop.do("doctor")
    assert not (shop.folder / ".crmsync" / "ledger.db").exists()


def test_a_project_with_errors_has_no_doctor(shop: Shop) -> None:
    shop.edit("crmsync.yaml", "connector: sql", "connector: sqll")
    said = shop.do("doctor")
    assert said.code == 2
    assert "crmsync.yaml" in said.err


@pytest.mark.parametrize("kind", ["mapping", "project", "reference"])
def test_the_schema_of_every_kind_of_file_can_be_printed(shop: Shop, kind: str) -> None:
    assert "draft-07" in json.loads(shop.do("schema", kind).out)["$schema"]


def test_an_overlay_is_laid_over_the_project(shop: Shop) -> None:
    (shop.folder / "crmsync.prod.yaml").write_text("systems: {pm: {instance: pm-prod}}\n")
    assert shop.do("run", "--first-load", "--env", "prod").code == 0
    shop.edit("crmsync.prod.yaml", "pm-prod", "pm-test")
    said = shop.do("doctor", "--env", "prod")
    assert said.code == 2
    assert "this ledger belongs to pm-prod" in said.out


def test_tables_have_colours_and_lines_on_a_terminal_only(synced: Shop) -> None:
    words = [sys.executable, "-m", "crmsync", "-C", str(synced.folder), "status"]
    piped = subprocess.run(words, capture_output=True, check=True).stdout
    first, second = os.openpty()
    subprocess.run(words, stdout=second, stderr=subprocess.DEVNULL, check=True, env={**os.environ, "TERM": "xterm"})
    os.close(second)
    with os.fdopen(first, "rb") as terminal:
        shown = terminal.read1()
    assert b"\x1b[" in shown
    assert "─".encode() in shown
    assert b"\x1b" not in piped
    assert "─".encode() not in piped
