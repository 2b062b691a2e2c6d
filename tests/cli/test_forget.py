"""A person is forgotten: everything about them goes, the others stay, and nothing brings them back."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer
from crmsync.core.audit import Fault
from crmsync.core.model import Agreed, key_text
from crmsync.ledger.nouns import NewAudit
from crmsync.ledger.store import Ledger
from tests.cli.persons import new_persons, new_project, put, put_row
from tests.cli.shop import Said, Shop

EVA = {
    "name": "Eva Kanáriková",
    "mail": "eva@canary-demo.sk",
    "born": "1971-03-19",
    "note": "kanárik v klietke",
    "phones": ["+421905777123"],
    "home": {"street": "Vtáčia 771", "code": "KNR-771"},
}
NEEDLES = ("Kanárik", "kanárik", "canary-demo", "1971-03-19", "905777123", "Vtáčia", "KNR-77")
JANO = {
    "name": "Ján Iný",
    "mail": "jan@elsewhere.sk",
    "born": "1980-01-02",
    "note": "n",
    "phones": [],
    "home": {"code": "X"},
}


def typed(folder: Path, *words: str) -> int:
    return answer(crmsync, ["-C", str(folder), *words])


def change(folder: Path, system: str, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(folder / f"{system}.db")) as database:
        database.execute(statement, values)
        database.commit()


def limited(folder: Path, old: str, new: str) -> None:
    file = folder / "mappings" / "person-contact.yaml"
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eva is person 1 and contact 1; Ján person 2 and contact 2. Of Eva there is all that a ledger may hold: bases,
    journals, questions that were answered, a dead letter, a kept plan, and a visit of hers."""
    folder = tmp_path_factory.mktemp("grown") / "people"
    new_project(folder)
    project = folder / "crmsync.yaml"
    project.write_text(project.read_text("utf-8").replace("version: 1", "version: 1\nrecord_inputs: 100", 1), "utf-8")
    put_row(folder, "persons", id=1, kind="customer", **EVA)
    put_row(folder, "visits", id=9, person=1, subject="visit")
    assert typed(folder, "run", "--first-load") == 0
    put_row(folder, "persons", id=2, kind="customer", **JANO)
    put_row(folder, "visits", id=8, person=2, subject="visit")
    assert typed(folder, "run", "--first-load") == 0
    for note in ("kanárik A", "kanárik C"):
        change(folder, "crm", "UPDATE persons SET note = ? WHERE id = 1", note)
        change(folder, "pm", "UPDATE contacts SET memo = 'kanárik B' WHERE id = 1")
        typed(folder, "run")
        typed(folder, "review", "resolve", "--all", "--field", "note", "--take", "value=kanárik D", "--yes")
        typed(folder, "run")
    home = "UPDATE persons SET home = ?, note = ? WHERE id = 1"
    change(folder, "crm", home, '{"street": "Vtáčia 772", "code": "REFUSED"}', "kanárik D")
    assert typed(folder, "run") == 3
    limited(folder, "update: 100%", "update: 0")
    change(folder, "crm", home, '{"street": "Vtáčia 773", "code": "KNR-772"}', "kanárik E")
    assert typed(folder, "run") == 4
    limited(folder, "update: 0", "update: 100%")
    return folder


@pytest.fixture
def people(grown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    folder = tmp_path / "people"
    shutil.copytree(grown, folder)
    monkeypatch.chdir(folder)
    return Shop(folder, capsys)


def raw_files(shop: Shop) -> dict[str, bytes]:
    """All files of the project but the systems themselves."""
    return {
        str(path.relative_to(shop.folder)): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in sorted(shop.folder.rglob("*"))
        if path.is_file() and path.name not in ("crm.db", "pm.db")
    }


def found(shop: Shop) -> list[tuple[str, str]]:
    """Where a canary is, in the bytes of any file."""
    said = raw_files(shop).items()
    return [(name, needle) for name, body in said for needle in NEEDLES if needle.encode() in body]


def forget(shop: Shop, *words: str) -> Said:
    return shop.do("forget", "crm.person/1", "--yes", *words)


def rows(shop: Shop, sql: str) -> list[Any]:
    with closing(sqlite3.connect(shop.folder / ".crmsync" / "ledger.db")) as ledger:
        return ledger.execute(sql).fetchall()


def test_nothing_of_a_forgotten_person_is_left_in_any_byte_of_any_file(people: Shop) -> None:
    assert {name for name, _ in found(people)} >= {".crmsync/ledger.db"}
    assert {name.split("/")[1] for name, _ in found(people)} == {"ledger.db", "plans", "inputs"}
    said = forget(people, "--reason", "request 2026-17")
    assert said.code == 0, said.err
    assert said.out.startswith("forgot crm.person/1, pm.contact/1: ")
    assert "1 link, " in said.out
    assert found(people) == []


def test_what_can_not_be_reached_is_listed(people: Shop) -> None:
    said = forget(people)
    assert "backups and snapshots of the ledger" in said.out
    assert "CSV exports" in said.out


def test_the_next_ten_runs_leave_a_forgotten_person_alone_and_go_on_with_the_others(people: Shop) -> None:
    forget(people)
    before = people.sql("pm", "SELECT name, mail, memo, street FROM contacts WHERE id = 1")
    for number in range(10):
        people.sql(
            "crm",
            "UPDATE persons SET note = ? WHERE id IN (1, 2)",
            f"kanárik {number}" if number < 3 else f"n {number}",
        )
        people.sql("crm", "UPDATE visits SET subject = ?", f"visit {number}")
        if number == 5:
            people.sql("pm", "DELETE FROM contacts WHERE id = 1")
        if number == 7:
            people.sql("crm", "DELETE FROM persons WHERE id = 1")
            put(people, "persons", id=1, kind="customer", **EVA)
        said = people.do("run", "--mode", "delta" if number % 2 else "batch")
        assert said.code == 0, said.out + said.err
        assert not any(needle in said.out + said.err for needle in NEEDLES)
        if number < 5:
            assert people.sql("pm", "SELECT name, mail, memo, street FROM contacts WHERE id = 1") == before
    assert people.sql("pm", "SELECT memo FROM contacts ORDER BY id") == [("n 9",)]
    assert sorted(people.sql("pm", "SELECT subject FROM tasks")) == [("visit",), ("visit 9",)]
    assert [name for name, needle in found(people) if needle != "kanárik"] == []  # Ján had such a note, for a while


def test_a_record_with_a_new_key_is_a_newcomer_though_it_is_the_same_person(people: Shop) -> None:
    forget(people)
    people.sql("pm", "UPDATE contacts SET mail = NULL WHERE id = 1")
    put(people, "persons", id=11, kind="customer", **EVA)
    assert people.do("run").code == 0
    assert people.sql("pm", "SELECT name FROM contacts WHERE id > 2") == [("Eva Kanáriková",)]


def test_a_child_of_a_forgotten_parent_is_out_of_scope(people: Shop) -> None:
    forget(people)
    people.sql("crm", "UPDATE visits SET subject = 'moved' WHERE id = 9")
    put(people, "visits", id=10, person=1, subject="another")
    for mode in ("delta", "batch"):
        said = people.do("run", "--mode", mode, "-s", "visit-task", "--output", "json")
        assert said.code == 0
    assert said.json["mappings"]["visit-task"]["buckets"]["crm"]["out_of_scope"] == 2
    assert people.sql("pm", "SELECT count(*) FROM tasks") == [(2,)]


def test_explain_says_only_that_it_was_forgotten_when_and_by_whom(
    people: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "dana")
    forget(people, "--reason", "request 2026-17")
    for ref in ("crm.person/1", "pm.contact/1"):
        out = people.do("explain", ref).out
        assert out.startswith(f"{ref} was forgotten 20")
        assert "by dana (request 2026-17)." in out
        assert len(out.splitlines()) == 2
    told = people.do("explain", "crm.person/1", "name", "--output", "json").json
    assert (told["forgotten"]["by"], told["mappings"]) == ("dana", [])


def test_the_list_of_the_forgotten_names_nobody(people: Shop) -> None:
    assert people.do("forget", "--list").out == "nothing was forgotten\n"
    forget(people, "--reason", "request 2026-17")
    listed = people.do("forget", "--list", "--output", "json").json["forgotten"]
    assert sorted(each["place"] for each in listed) == ["crm.person", "pm.contact"]
    assert {each["reason"] for each in listed} == {"request 2026-17"}
    assert "request 2026-17" in people.do("forget", "--list").out
    assert "/1" not in people.do("forget", "--list").out


def test_the_audit_still_holds_and_tells_of_the_erasure_without_a_key(people: Shop) -> None:
    forget(people)
    assert people.do("audit", "verify").code == 0
    told = rows(people, "SELECT source, target, told FROM crmsync_audit WHERE event = 'forget'")
    assert len(told) == 2
    assert all(key_text((1,)) not in str(each) for each in told)


def test_forgetting_twice_is_no_mistake(people: Shop) -> None:
    forget(people, "--reason", "request 17")
    told = people.do("audit", "head").out
    said = forget(people, "--reason", "request 18")
    assert said.code == 0
    assert re.search(r"^crm.person/1 was forgotten already, .* by .*: nothing more was known of it$", said.out, re.M)
    assert people.do("audit", "head").out == told
    assert people.do("audit", "verify").code == 0
    assert "request 17" in people.do("explain", "crm.person/1").out


def test_what_came_to_be_known_of_the_forgotten_since_is_erased_too(people: Shop) -> None:
    forget(people)
    told = people.do("audit", "head").out
    kept = people.folder / ".crmsync" / "plans" / "kept.jsonl"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text('{"do":"delete","key":[1],"mapping":"person-contact","side":0,"source":[1]}\n', "utf-8")
    said = forget(people)
    assert "forgot crm.person/1: nothing was known of it" in said.out
    assert "it had been forgotten before" in said.out
    assert f"deleted {kept}" in said.out
    assert people.do("audit", "head").out == told


def test_a_person_who_was_merged_is_forgotten_with_the_records_merged_into_them(people: Shop) -> None:
    put(people, "persons", id=3, kind="customer", **{**EVA, "mail": "eva2@canary-demo.sk"})
    people.do("run")
    people.do("review", "resolve", "--all", "--take", "same", "--yes")
    people.do("match", "merge", "crm.person/1", "crm.person/3", "--yes")
    said = forget(people)
    assert "crm.person/3" in said.out
    assert found(people) == []


def test_an_erasure_is_carried_as_a_plan_and_applying_it_forgets_both(people: Shop) -> None:
    said = people.do("forget", "crm.person/1", "--carry", "delete", "-o", "erase.jsonl")
    assert said.code == 0, said.err
    assert "1 record to delete, written to erase.jsonl; nothing was done yet" in said.out
    assert found(people) != []
    assert people.sql("pm", "SELECT count(*) FROM contacts") == [(2,)]
    said = people.do("apply", "erase.jsonl")
    assert said.code in (0, 3), said.err
    assert people.sql("pm", "SELECT id FROM contacts") == [(2,)]
    assert "was forgotten" in people.do("explain", "crm.person/1").out
    assert found(people) == []
    assert people.do("run").code == 0
    assert people.sql("pm", "SELECT id FROM contacts") == [(2,)]


def test_an_erasure_that_could_not_be_done_forgets_nothing(people: Shop) -> None:
    people.do("forget", "crm.person/1", "--carry", "delete", "-o", "erase.jsonl")
    people.sql("pm", "CREATE TRIGGER no BEFORE DELETE ON contacts BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert people.do("apply", "erase.jsonl").code == 3
    assert "was forgotten" not in people.do("explain", "crm.person/1").out


def test_an_erasure_is_not_carried_by_a_mapping_that_writes_nothing(
    people: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.do("forget", "crm.person/1", "--carry", "delete", "-o", "erase.jsonl")
    monkeypatch.setenv("CRMSYNC_FLAGS", "person-contact.shadow=true")
    for words in ("apply erase.jsonl", "forget crm.person/1 --carry delete -o again.jsonl"):
        said = people.do(*words.split())
        assert (said.code, "person-contact is in the shadow: nothing would be carried" in said.err) == (2, True)
    assert "was forgotten" not in people.do("explain", "crm.person/1").out
    monkeypatch.delenv("CRMSYNC_FLAGS")
    assert people.do("apply", "erase.jsonl").code in (0, 3)
    assert found(people) == []


def test_a_plan_that_carries_an_erasure_is_stale_for_who_was_forgotten_without_it(people: Shop) -> None:
    people.do("forget", "crm.person/1", "--carry", "delete", "-o", "erase.jsonl")
    forget(people)
    assert people.do("apply", "erase.jsonl").code == 5
    assert people.sql("pm", "SELECT id FROM contacts") == [(1,), (2,)]


def test_a_plan_that_carried_an_erasure_is_applied_again_to_no_effect(people: Shop) -> None:
    people.do("forget", "crm.person/1", "--carry", "delete", "-o", "erase.jsonl")
    assert people.do("apply", "erase.jsonl").code in (0, 3)
    said = people.do("apply", "erase.jsonl")
    assert said.code in (0, 3), said.err
    assert "nothing was written" in said.out
    assert people.sql("pm", "SELECT id FROM contacts") == [(2,)]
    assert people.do("audit", "verify").code == 0


def test_an_erasure_can_be_carried_as_an_archiving(people: Shop) -> None:
    people.do("forget", "crm.person/1", "--carry", "archive", "-o", "erase.jsonl")
    assert people.do("apply", "erase.jsonl").code in (0, 3)
    assert people.sql("pm", "SELECT active FROM contacts WHERE id = 1") == [(0,)]
    assert "was forgotten" in people.do("explain", "pm.contact/1").out


@pytest.fixture
def keyed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The key of a person is her e-mail: visits name her by it, and notes have it as a part of their own key."""
    shop = new_persons(tmp_path / "people", capsys)
    monkeypatch.chdir(shop.folder)
    shop.edit("crmsync.yaml", "table: persons\n        key: id", "table: persons\n        key: mail")
    shop.edit("crmsync.yaml", "table: visits\n        key: id", "table: visits\n        key: [person, id]")
    shop.edit(
        "schemas/crm/visit/1.0.0.json", '"integer",\n        "null"\n      ]', '"string"\n      ],\n      "x-pii": true'
    )
    shop.edit("crmsync.yaml", "version: 1", "version: 1\nrecord_inputs: 100")
    for table, key in {"persons": "mail", "visits": "person, id"}.items():
        ((made,),) = shop.sql("crm", "SELECT sql FROM sqlite_master WHERE name = ?", table)
        wanted = made.replace("id INTEGER PRIMARY KEY", "id INTEGER").replace("person INTEGER", "person TEXT")
        shop.sql("crm", f"DROP TABLE {table}")
        shop.sql("crm", f"{wanted.removesuffix(')')}, PRIMARY KEY ({key}))")
    for person in (EVA, JANO):
        insert(shop, "persons", id=1, kind="customer", updated="2026-01-01", **person)
        insert(shop, "visits", id=9, person=person["mail"], subject="visit", updated="2026-01-01")
    assert shop.do("run", "--first-load").code == 0
    return shop


def insert(shop: Shop, table: str, **row: Any) -> None:
    wire = {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}
    marks = ", ".join("?" * len(wire))
    shop.sql("crm", f"INSERT INTO {table} ({', '.join(wire)}) VALUES ({marks})", *wire.values())


EVA_BY_KEY = "crm.person/eva@canary-demo.sk"


def test_a_key_that_is_personal_leaves_every_byte_too(keyed: Shop) -> None:
    """Of cursors, of what hangs on her, and of what the audit told of that."""
    keyed.sql("crm", "UPDATE persons SET note = 'kanárik', updated = '2026-02-01' WHERE mail LIKE 'eva@%'")
    keyed.sql("crm", "UPDATE visits SET subject = 'moved', updated = '2026-02-01' WHERE person LIKE 'eva@%'")
    assert keyed.do("run", "--mode", "delta").code == 0
    said = keyed.do("forget", EVA_BY_KEY, "--yes")
    assert said.code == 0, said.err
    assert re.search(r"forgot crm.person/~\w{10}, crm.visit/~\w{10}, pm.contact/", said.out)
    assert found(keyed) == []
    assert keyed.do("audit", "verify").code == 0
    told = rows(keyed, "SELECT count(*) FROM crmsync_audit WHERE told LIKE '%jan@elsewhere%'")
    assert told[0][0] > 0


def test_who_was_forgotten_by_a_personal_key_stays_so(keyed: Shop) -> None:
    keyed.do("forget", EVA_BY_KEY, "--yes")
    before = keyed.sql("pm", "SELECT name, subject FROM contacts JOIN tasks ON contact = contacts.id")
    for number in range(10):
        keyed.sql("crm", "UPDATE persons SET born = '1980-01-02', updated = ?", f"2026-03-0{number}")
        keyed.sql("crm", "UPDATE visits SET updated = ?", f"2026-03-0{number}")
        said = keyed.do("run", "--mode", "delta" if number % 2 else "batch")
        assert said.code == 0, said.out + said.err
        assert found(keyed) == []
    assert keyed.sql("pm", "SELECT name, subject FROM contacts JOIN tasks ON contact = contacts.id") == before
    assert "read" in keyed.do("replay", "--run", "last").out


def test_a_value_that_is_a_personal_key_leaves_what_was_told_of_others(people: Shop) -> None:
    """A visit that has a key of its own, and holds the key of a person as a value."""
    ledger = Ledger.open(f"sqlite:///{people.folder}/.crmsync/ledger.db")
    value = "it's_100%!eva@canary-demo.sk"
    agreed = {"person": Agreed((value, 2)), "subject": Agreed(("visit", "visit"))}
    audit = NewAudit("update", "visit-task", 1, ((0, (8,)), (1, (2,))), {"was": value}, "dana", None, "2026-01-01")
    other = audit._replace(told={"was": "it's_100%!other"})
    try:
        with ledger.writing() as writer:
            writer.save_bases("visit-task", [(ledger.links("visit-task", 0, [(8,)])[8,].keys, agreed)])
            writer.audit([audit, other])
        with ledger.writing() as writer:
            writer.forget_value(value, "eva", "2026-01-02")
        ledger.compact()
        kept = ledger.links("visit-task", 0, [(8,)])[8,].base
        told = [row.told for page in ledger.audit(since="2026-01-01") for row in page if row.at == "2026-01-01"]
        assert not isinstance(ledger.verify_audit(), Fault)
    finally:
        ledger.close()
    assert "person" not in kept
    assert kept["subject"].values == ("visit", "visit")
    assert [each is None for each in told] == [True, False]


def test_a_number_that_is_a_personal_key_leaves_what_was_told_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A telephone number is nobody else's by chance; 7 would be."""
    shop = new_persons(tmp_path / "people", capsys)
    monkeypatch.chdir(shop.folder)
    for place in ("crm/person", "pm/contact"):
        shop.edit(f"schemas/{place}/1.0.0.json", '"readOnly": true', '"readOnly": true, "x-pii": "phone"')
    for number, (key, person) in enumerate({421905777123: {**EVA, "phones": []}, 7: JANO}.items()):
        put(shop, "persons", id=key, kind="customer", **person)
        put(shop, "visits", id=number, person=key, subject="visit")
    assert shop.do("run", "--first-load").code == 0
    assert found_of(shop, "421905777123")
    said = shop.do("forget", "crm.person/421905777123", "--yes")
    assert said.code == 0
    assert "its key stays in" not in said.out
    assert not found_of(shop, "421905777123")
    assert "crm.visit/1" in shop.do("audit", "export").out
    assert shop.do("audit", "verify").code == 0
    assert shop.do("run").code == 0
    assert shop.sql("pm", "SELECT count(*) FROM contacts") == [(2,)]


def found_of(shop: Shop, needle: str) -> list[str]:
    return [name for name, body in raw_files(shop).items() if needle.encode() in body]


def test_the_key_of_the_linked_record_is_no_value_of_the_person(keyed: Shop) -> None:
    """`person` of a visit is an e-mail; what arrives is the number of a contact."""
    said = keyed.do("check")
    assert "pii/unmarked" in said.out + said.err
    assert "person takes" not in said.out + said.err


def test_a_personal_key_is_told_to_nobody_who_did_not_ask(keyed: Shop) -> None:
    keyed.sql("crm", "UPDATE persons SET born = 'never', updated = '2026-02-01'")
    insert(keyed, "visits", id=1, person="nobody@canary-demo.sk", subject="visit", updated="2026-02-01")
    for words in ("plan", "run", "run --output json", "run --log-format json", "history --output json", "status"):
        said = keyed.do(*words.split())
        assert "canary-demo" not in said.out + said.err
    assert re.search(r"such as crm.person/~\w{10}: ", keyed.do("run").out)


WRONG = {
    "forget": "name the record",
    "forget crm.person/1": "this needs a yes",
    "forget crm.nobody/1 --yes": "no mapping has an entity crm.nobody",
    "forget crm.person/1 --carry delete": "--carry and -o FILE go together",
    "forget crm.person/1 --carry delete -o x.jsonl --reason why": "--reason is told when it is forgotten",
    "forget crm.person/77 --carry delete -o x.jsonl": "crm.person/77 has no counterpart that is there",
    "forget pm.contact/1 --carry archive -o x.jsonl": "nothing says how a record of crm.person is archived",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_forgotten_so_is_refused(people: Shop, words: str) -> None:
    said = people.do(*words.split())
    assert said.code == 2
    assert WRONG[words] in said.err


def test_a_write_that_was_never_answered_is_found_out_about_first(people: Shop) -> None:
    with closing(sqlite3.connect(people.folder / ".crmsync" / "ledger.db")) as ledger:
        ledger.execute("UPDATE crmsync_journal SET status = 'sent' WHERE kind = 'update' AND key = '[1]'")
        ledger.commit()
    said = forget(people)
    assert said.code == 2
    assert "were sent, and never answered" in said.err
    assert found(people) != []


def test_bytes_that_a_reader_kept_in_the_ledger_are_told_of_and_go_the_next_time(
    people: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmsync.ledger.database.PATIENCE", 1)
    with closing(sqlite3.connect(people.folder / ".crmsync" / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM crmsync_link").fetchall()
        said = forget(people)
        reader.execute("COMMIT")
    assert said.code == 1
    assert "another process was reading the ledger" in said.out
    assert forget(people).code == 0
    assert found(people) == []


def test_a_tombstone_knows_its_record_alone(people: Shop) -> None:
    forget(people)
    ledger = Ledger.open(f"sqlite:///{people.folder}/.crmsync/ledger.db")
    try:
        known = [ledger.tombstone("person-contact", side, (key,)) for side in (0, 1) for key in (1, 2)]
    finally:
        ledger.close()
    assert [stone is not None for stone in known] == [True, False, True, False]


def test_who_still_names_a_forgotten_record_by_a_key_that_is_not_marked_is_told(people: Shop) -> None:
    said = forget(people)
    assert "its key stays in: 2 records of visit-task, by person; the contract does not mark it" in said.out
    for number in (6, 7):  # who comes later is out of scope, and waits for it
        put(people, "visits", id=number, person=1, subject="one more")
    people.do("run")
    said = forget(people, "--output", "json")  # of its counterpart nothing is known any more
    assert said.json["stays_in"] == [{"mapping": "visit-task", "field": "person", "records": 3}]
    assert "stays in" not in people.do("forget", "crm.person/77", "--yes").out


def test_a_ledger_in_postgresql_forgets_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres: Callable[[], str]
) -> None:
    shop, url = new_persons(tmp_path / "people", capsys), postgres()
    shop.edit("crmsync.yaml", "sqlite:///.crmsync/ledger.db", url)
    put(shop, "persons", id=1, kind="customer", **EVA)
    put(shop, "visits", id=9, person=1, subject="visit")
    assert shop.do("run", "--first-load").code == 0
    assert told_by(url) != []
    assert forget(shop).code == 0
    assert told_by(url) == []
    assert "was forgotten" in shop.do("explain", "crm.person/1").out
    assert shop.do("audit", "verify").code == 0
    assert shop.do("run").code == 0


def told_by(url: str) -> list[str]:
    """The tables of a ledger in PostgreSQL in which a canary stands."""
    ledger = Ledger.open(url)
    try:
        with ledger.database.reading() as access:
            names = access.rows("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'crmsync_%'")
            bodies = {name: str(access.rows(f"SELECT t::text FROM {name} t")) for (name,) in names}
    finally:
        ledger.close()
    return sorted(name for name, body in bodies.items() if any(needle in body for needle in NEEDLES))
