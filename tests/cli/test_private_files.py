"""What holds values of records can be read by nobody but its owner, whatever the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmsync.ledger.store import Ledger
from tests.cli.persons import new_persons, put
from tests.cli.shop import Shop


@pytest.fixture
def open_to_all(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A project on a machine whose people make everything readable by all."""
    before = os.umask(0)
    shop = new_persons(tmp_path / "people", capsys)
    monkeypatch.chdir(shop.folder)
    put(shop, "persons", id=1, kind="customer", name="Eva", note="private")
    yield shop
    os.umask(before)


def others_read(folder: Path, theirs: frozenset[str]) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in theirs)
    return [f"{path.name} {path.stat().st_mode & 0o777:o}" for path in files if path.stat().st_mode & 0o077]


def test_everything_that_crmsync_writes_is_its_owners_alone(open_to_all: Shop) -> None:
    theirs = frozenset(path.name for path in open_to_all.folder.rglob("*") if path.is_file())
    ledger = Ledger.open(f"sqlite:///{open_to_all.folder}/.crmsync/ledger.db")
    try:  # a second reader keeps the files beside the ledger alive
        for words in (
            "plan -o plan.jsonl", "plan --redact -o redacted.jsonl", "run --first-load", "record recorded",
            "link export -o links.csv", "link adopt -o differences.csv", "match sample -s person-contact -o sample.csv",
            "audit export -o audit.jsonl",
        ):  # fmt: skip
            said = open_to_all.do(*words.split())
            assert said.code == 0, said.err
        open_to_all.edit("mappings/person-contact.yaml", "update: 100%", "update: 0")
        put(open_to_all, "persons", id=1, note="news")
        assert open_to_all.do("run").code == 4
        ledger.runs(1)
        names = {path.name for path in open_to_all.folder.rglob("*") if path.is_file()}
        assert names >= {"ledger.db", "ledger.db-wal", "ledger.db-shm", "plan.jsonl", "links.csv"}
        assert others_read(open_to_all.folder, theirs) == []
    finally:
        ledger.close()


def test_a_file_that_was_there_and_open_to_all_is_closed_when_values_go_into_it(open_to_all: Shop) -> None:
    assert open_to_all.do("run", "--first-load").code == 0
    there = {
        "plan.jsonl": "plan -o plan.jsonl", "links.csv": "link export -o links.csv",
        "differences.csv": "link adopt -o differences.csv", "audit.jsonl": "audit export --show-pii -o audit.jsonl",
        "erase.jsonl": "forget crm.person/1 --carry archive -o erase.jsonl",
    }  # fmt: skip
    for name, words in there.items():
        (open_to_all.folder / name).touch()
        assert open_to_all.do(*words.split()).code == 0
    assert [name for name in there if (open_to_all.folder / name).stat().st_mode & 0o077] == []
    assert open_to_all.do("audit", "export", "-o", "/dev/null").code == 0
    assert Path("/dev/null").stat().st_mode & 0o777 == 0o666


def test_the_doctor_warns_of_a_ledger_that_others_can_read(open_to_all: Shop) -> None:
    assert open_to_all.do("run", "--first-load").code == 0
    assert "can be read by others" not in open_to_all.do("doctor").out
    (open_to_all.folder / ".crmsync" / "ledger.db").chmod(0o644)
    said = open_to_all.do("doctor")
    assert said.code == 0
    assert "can be read by others (mode 0644)" in said.out
    assert "chmod 600" in said.out


def test_a_ledger_made_anew_is_its_owners_alone(open_to_all: Shop) -> None:
    file = open_to_all.folder / "other" / "ledger.db"
    Ledger.open(f"sqlite:///{file}").close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_ledger_that_is_not_there_yet_is_open_to_nobody(shop: Shop) -> None:
    said = shop.do("doctor")
    assert said.code == 0
    assert "can be read by others" not in said.out + said.err
