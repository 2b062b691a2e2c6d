"""What a link and a lookup bring from other records may be about people, too: it is hidden, and `check` asks for its
mark. One who mistypes a reference does not read it again."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.by_mail import MAPPINGS, new_project, put
from tests.cli.shop import Shop

CANARY = "canary"
BADGE = "owner: crm, to_pm: [{lookup: {entity: crm.person, by: phone, take: name}}]"


@pytest.fixture
def people(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Two visits of a person: their contract marks nobody, and one of them breaks a rule of its system."""
    folder = tmp_path / "people"
    new_project(folder)
    for place, key in (("crm/visit", "person"), ("pm/task", "contact")):
        file = folder / f"schemas/{place}/1.0.0.json"
        schema = json.loads(file.read_text("utf-8"))
        schema["properties"] |= {key: {"type": "string"}, "key": {"type": ["string", "null"]}}
        file.write_text(json.dumps(schema, indent=1))
    for table, system in (("visits", "crm"), ("tasks", "pm")):
        with closing(sqlite3.connect(folder / f"{system}.db")) as database:
            database.execute(f"ALTER TABLE {table} ADD COLUMN key TEXT")
    project = (folder / "crmsync.yaml").read_text("utf-8")
    project = project.replace("key: [person, no]", "key: [key]").replace("key: [contact, no]", "key: [key]")
    project = project.replace("{person: person,", "{key: key, person: person,")
    project = project.replace("{contact: contact,", "{key: key, contact: contact,")
    (folder / "crmsync.yaml").write_text(project)
    visits = MAPPINGS["visit-task"].replace("no: {crm: no, pm: no,", "no: {crm: key, pm: key,")
    (folder / "mappings/visit-task.yaml").write_text(visits.replace("pm: subject, owner: crm", f"pm: subject, {BADGE}"))
    put(folder, "persons", mail="eva@canary.sk", kind="customer", name="Eva Canary", phone="7", note="", seen="a")
    put(folder, "visits", person="eva@canary.sk", no=1, key="one", subject="7")
    put(folder, "visits", person="eva@canary.sk", no=2, key="two", subject="nobody's")
    monkeypatch.chdir(folder)
    return Shop(folder, capsys)


def test_what_a_link_or_a_lookup_brings_from_a_person_is_told_nowhere(people: Shop) -> None:
    assert people.do("run", "--first-load").code == 3
    assert people.sql("pm", "SELECT contact, subject FROM tasks") == [("eva@canary.sk", "Eva Canary")]
    for words in (
        "explain pm.task/one", "explain crm.visit/one --output json", "dlq show 1", "dlq show 1 --output json",
        "audit export", "history last", "drift --all", "record redacted --redact",
    ):  # fmt: skip
        said = people.do(*words.split())
        assert CANARY not in (said.out + said.err).casefold(), words
    told = [file.read_text("utf-8") for file in (people.folder / "redacted").glob("*.jsonl")]
    assert told
    assert CANARY not in "".join(told).casefold()
    people.sql("crm", "UPDATE persons SET name = 'Eva Canary II'")
    assert people.do("plan", "--redact", "-o", "redacted.jsonl").code in (0, 3)
    assert CANARY not in (people.folder / "redacted.jsonl").read_text("utf-8").casefold()
    assert CANARY in people.do("explain", "pm.task/one", "--show-pii").out.casefold()


def test_a_place_that_gets_a_personal_key_or_what_is_looked_up_of_a_person_is_to_be_marked(people: Shop) -> None:
    said = people.do("check")
    assert said.code == 0
    for told in (
        "person takes mail, the key of crm.person, which is about people, to person of crm.visit",
        "person takes mail, the key of pm.contact, which is about people, to contact of pm.task",
        "subject takes name of crm.person, which is about people, to subject of pm.task",
    ):
        assert told in said.out
    for place, name in (("crm/visit", "person"), ("pm/task", "contact")):
        people.edit(f"schemas/{place}/1.0.0.json", f'"{name}": {{', f'"{name}": {{"x-pii": true, ')
    people.edit("schemas/pm/task/1.0.0.json", '"subject": {', '"subject": {"x-pii": true, ')
    assert "pii/unmarked" not in people.do("check").out


@pytest.mark.parametrize(
    "written", ["eva@canary.sk", "eva@canary.sk/1", "crm.person/~eva@canary.sk", "crm.persons/eva@canary.sk"]
)
def test_a_reference_that_is_none_is_not_repeated(people: Shop, written: str) -> None:
    people.do("run", "--first-load")
    for words in ("explain", "plan --only", "link show", "forget --yes"):
        said = people.do(*words.split(), written)
        assert said.code == 2
        assert CANARY not in (said.out + said.err).casefold()
