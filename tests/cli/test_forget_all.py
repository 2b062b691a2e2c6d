"""Everything that crmsync may hold of one person, all at once: and then not a byte of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmsync.ledger.store import Ledger
from tests.cli.persons import new_persons, put
from tests.cli.shop import Shop
from tests.cli.test_forget import EVA, JANO, found, rows

MAPPING = "mappings/person-contact.yaml"


@pytest.fixture
def kin(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """People who have a boss, which is a link of the mapping to itself, and runs that are recorded."""
    shop = new_persons(tmp_path / "people", capsys)
    monkeypatch.chdir(shop.folder)
    shop.edit("crmsync.yaml", "version: 1", "version: 1\nrecord_inputs: 100")
    shop.edit("crmsync.yaml", "name: name, mail: mail,", "name: name, boss: boss, mail: mail,")
    shop.edit("crmsync.yaml", "id: id, who.name: name,", "id: id, boss: boss, who.name: name,")
    shop.edit(MAPPING, "fields:\n", "fields:\n  boss: {crm: boss, pm: boss, owner: crm, link: person-contact}\n")
    for name in ("crm/person", "pm/contact"):
        file = shop.folder / "schemas" / name / "1.0.0.json"
        contract = json.loads(file.read_text("utf-8"))
        contract["properties"]["boss"] = {"type": ["integer", "null"]}
        file.write_text(json.dumps(contract, indent=2), "utf-8")
    shop.sql("crm", "ALTER TABLE persons ADD COLUMN boss INTEGER")
    shop.sql("pm", "ALTER TABLE contacts ADD COLUMN boss INTEGER")
    return shop


def everything(shop: Shop) -> None:
    """Eva is person 1, merged with person 3, boss of Ján and of Iva; a question about her is open, a write of hers was
    refused and has halted the mapping, and a plan with her was kept over a limit."""
    put(shop, "persons", id=1, kind="customer", **EVA)
    assert shop.do("run", "--first-load").code == 0
    put(shop, "persons", id=2, kind="customer", **JANO, boss=1)
    put(shop, "persons", id=4, kind="customer", name="Iva Tretia", mail="iva@elsewhere.sk", boss=1, phones=[])
    put(shop, "persons", id=3, kind="customer", **{**EVA, "mail": "eva2@canary-demo.sk"})
    assert shop.do("run").code == 3
    shop.do("review", "resolve", "--all", "--take", "same", "--yes")
    shop.do("match", "merge", "crm.person/1", "crm.person/3", "--yes")
    shop.do("run")
    shop.sql("crm", "UPDATE persons SET note = 'kanárik A' WHERE id = 1")
    shop.sql("pm", "UPDATE contacts SET memo = 'kanárik B' WHERE id = 1")
    shop.do("run")
    shop.edit(MAPPING, "update: 100%", "update: 0")
    shop.sql("crm", "UPDATE persons SET name = 'Eva Kanáriková ml.' WHERE id = 1")
    assert shop.do("run").code == 4
    shop.edit(MAPPING, "update: 0", "errors: 0, update: 100%")
    shop.sql("crm", """UPDATE persons SET home = '{"street": "Vtáčia 772", "code": "REFUSED"}' WHERE id = 1""")
    assert shop.do("run").code == 1


def test_who_is_in_everything_at_once_is_gone_from_every_byte(kin: Shop) -> None:
    everything(kin)
    held = {
        "open questions": "SELECT count(*) FROM crmsync_review WHERE state = 'open' AND left_key = '[1]'",
        "open letters": "SELECT count(*) FROM crmsync_dead WHERE state = 'open' AND key = '[1]'",
        "merges": "SELECT count(*) FROM crmsync_merge WHERE survivor = '[1]' AND key = '[3]'",
        "halts": "SELECT count(*) FROM crmsync_halt",
    }
    for what, sql in held.items():
        assert rows(kin, sql)[0][0], what
    kinds = {Path(name).suffix for name, _ in found(kin)}
    assert {".db", ".jsonl", ".gz"} <= kinds  # ledger, kept plan, recordings
    said = kin.do("forget", "crm.person/1", "--yes")
    assert said.code == 0, said.err
    assert "crm.person/3" in said.out
    assert found(kin) == []
    assert "its key stays in: " in said.out
    assert "of person-contact, by boss" in said.out
    assert kin.do("audit", "verify").code == 0
    assert kin.do("resume").code == 0
    for mode in ("batch", "delta", "batch"):
        assert kin.do("run", "--mode", mode).code in (0, 3)
    assert found(kin) == []
    assert dict(kin.sql("crm", "SELECT id, name FROM persons"))[1] == "Eva Kanáriková ml."


def test_the_loser_of_a_merge_takes_everything_along_too(kin: Shop) -> None:
    everything(kin)
    said = kin.do("forget", "crm.person/3", "--yes")
    assert said.code == 0, said.err
    assert {"crm.person/1", "pm.contact/1"} <= set(said.out.replace(",", " ").replace(":", " ").split())
    assert found(kin) == []


def test_who_is_said_nothing_more_of_costs_no_rewriting_of_the_ledger(kin: Shop) -> None:
    """Its file may be of gigabytes."""
    everything(kin)
    kin.do("forget", "crm.person/1", "--yes")
    with_room(kin)
    kin.do("forget", "crm.person/1", "--yes")
    kin.edit("crmsync.yaml", "version: 1\n", "version: 1\nretention: {journal: 90d, audit: 90d, inputs: 90d}\n")
    assert kin.do("prune").code == 0
    assert rows(kin, "PRAGMA freelist_count")[0][0] > 0
    kin.do("forget", "crm.person/2", "--yes")
    assert rows(kin, "PRAGMA freelist_count")[0][0] == 0


def with_room(shop: Shop) -> None:
    """Pages of the file that nothing stands on."""
    ledger = Ledger.open(f"sqlite:///{shop.folder}/.crmsync/ledger.db")
    try:
        with ledger.database.writing() as access:
            access.run("CREATE TABLE room AS SELECT randomblob(200000) AS filled")
        with ledger.database.writing() as access:
            access.run("DROP TABLE room")
    finally:
        ledger.close()
    assert rows(shop, "PRAGMA freelist_count")[0][0] > 0
