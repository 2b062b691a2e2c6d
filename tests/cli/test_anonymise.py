"""A sandbox has the shape of the real thing, and nobody in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import from_json
from crmsync.core.values.company import is_ico
from crmsync.run.people.disguise import _AREAS, KINDS, Disguise, kind_named
from tests.cli import by_mail
from tests.cli.persons import new_persons, put
from tests.cli.shop import Shop, new_shop
from tests.cli.test_canaries import NEEDLES, PEOPLE, TWIN, _haystack
from tests.project.test_model_file import MODEL

SALT = b"for tests"


@pytest.fixture
def people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """Person 1 is contact 70, with an e-mail address in capitals; 2 is of the CRM alone; visit 9 is of person 1."""
    shop = new_persons(tmp_path / "people", capsys)
    put(shop, "persons", id=1, kind="customer", **PEOPLE, level=4711)
    put(shop, "persons", id=2, kind="customer", name="Canary Iva", mail="iva@canary-demo.sk", phones=[])
    put(shop, "contacts", id=70, **{**TWIN, "mail": "ZOFIA.KANAROVA@canary-demo.sk", "name": PEOPLE["name"]},
        greeting="Dear canary")  # fmt: skip
    put(shop, "visits", id=9, person=1, subject="visit")
    return shop


def copied(shop: Shop, *words: str) -> Shop:
    out = shop.folder.parent / "sandbox"
    said = shop.do("anonymise", out, *words)
    assert said.code == 0, said.err
    return Shop(out, shop.capsys)


def records(shop: Shop, name: str) -> list[Any]:
    return [json.loads(line) for line in (shop.folder / "data" / f"{name}.jsonl").read_text("utf-8").splitlines()]


def test_nobody_is_in_the_sandbox(people: Shop) -> None:
    sandbox = copied(people)
    for path in sorted(sandbox.folder.rglob("*")):
        if path.is_file():
            haystack = _haystack(path.read_text("utf-8"))
            assert [needle for needle in NEEDLES if needle in haystack] == [], path.name
            assert not path.name.endswith("jsonl") or path.stat().st_mode & 0o077 == 0


def test_the_sandbox_is_sound_and_runs(people: Shop) -> None:
    sandbox = copied(people)
    assert sandbox.do("check").code == 0
    said = sandbox.do("run", "--first-load", "--output", "json")
    assert said.code in (0, 3), said.err
    actions = said.json["mappings"]["person-contact"]
    assert actions["links"] == 1
    assert sandbox.do("plan", "--output", "json").code in (0, 3)
    assert len(records(sandbox, "pm.contact")) == 2


def test_the_same_value_is_stood_for_by_the_same_one_in_every_system(people: Shop) -> None:
    sandbox = copied(people, "--seed", "7")
    (one, two), (contact,) = records(sandbox, "crm.person"), records(sandbox, "pm.contact")
    assert one["mail"] == contact["who"]["mail"]
    assert one["name"] == contact["who"]["name"]
    assert one["phones"][0] == contact["phones"][0]
    assert one["born"] == contact["born"]
    assert one["mail"].partition("@")[2] == two["mail"].partition("@")[2]  # both were of one domain
    assert records(copied_again(people), "crm.person") == [one, two]


def copied_again(people: Shop) -> Shop:
    out = people.folder.parent / "again"
    assert people.do("anonymise", out, "--seed", "7").code == 0
    return Shop(out, people.capsys)


def test_every_copy_hides_behind_other_values(people: Shop) -> None:
    first = records(copied(people), "crm.person")
    out = people.folder.parent / "second"
    people.do("anonymise", out)
    assert records(Shop(out, people.capsys), "crm.person") != first


def test_what_is_not_about_people_stays_as_it_is(people: Shop) -> None:
    sandbox = copied(people)
    (visit,) = records(sandbox, "crm.visit")
    assert (visit["id"], visit["person"], visit["subject"]) == (9, 1, "visit")
    one = records(sandbox, "crm.person")[0]
    assert (one["id"], one["kind"]) == (1, "customer")
    assert len(str(one["level"])) == 4
    assert one["level"] != 4711


def test_what_no_contract_declares_is_not_copied(people: Shop) -> None:
    with closing(sqlite3.connect(people.folder / "crm.db")) as database:
        database.execute("ALTER TABLE visits ADD COLUMN secret TEXT DEFAULT 'canary'")
        database.commit()
    assert "secret" not in records(copied(people), "crm.visit")[0]


def test_a_value_that_its_contract_would_not_take_is_shortened_or_drawn_from_that(people: Shop) -> None:
    for name, change in {"crm/person": narrow_person, "pm/contact": narrow_contact}.items():
        file = people.folder / "schemas" / name / "1.0.0.json"
        schema = json.loads(file.read_text("utf-8"))
        change(schema["properties"])
        file.write_text(json.dumps(schema), "utf-8")
    people.sql("crm", "UPDATE persons SET name = 'Iva' WHERE id = 2")
    one, two = records(copied(people), "crm.person")
    assert one["home"]["code"].startswith("KNR-")
    assert len(two["name"]) == 4


def narrow_person(properties: Any) -> None:
    properties["home"]["properties"]["code"]["pattern"] = "^KNR-[0-9]{3}$"
    properties["name"]["maxLength"] = 4


def narrow_contact(properties: Any) -> None:
    properties["code"]["pattern"] = "^KNR-[0-9]{3}$"


def test_a_folder_that_is_there_is_left_alone(people: Shop, tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "mine").write_text("mine", "utf-8")
    said = people.do("anonymise", tmp_path / "sandbox")
    assert said.code == 2
    assert "is there already" in said.err
    assert [path.name for path in (tmp_path / "sandbox").iterdir()] == ["mine"]


def test_the_starter_becomes_a_sandbox_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = copied(new_shop(tmp_path / "shop", capsys))
    assert sandbox.do("check").code == 0
    assert sandbox.do("run", "--first-load").code == 0
    assert sandbox.do("run", "--output", "json").json["mappings"]["account-customer"]["actions"]["pm"]["update"] == 0


def test_what_people_have_written_down_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = new_shop(tmp_path / "shop", capsys)
    mapping = "mappings/account-customer.yaml"
    shop.edit(mapping, "  link_at: 0.93", "  labels: ../pairs.csv\n  model: a.match.yaml\n  link_at: 0.93")
    for weight in ("0.6", "0.4"):
        shop.edit(mapping, f", weight: {weight}", "")
    (shop.folder / "mappings" / "a.match.yaml").write_text(MODEL, "utf-8")
    (shop.folder / "pairs.csv").write_text("crm,pm,verdict,crm.name\n1,7,same,Kanárik s.r.o.\n", "utf-8")
    (shop.folder / "tests" / "account-customer" / "canary.yaml").write_text("cases: [] # Kanárik\n", "utf-8")
    out = tmp_path / "sandbox"
    said = shop.do("anonymise", out)
    left_out = ["pairs.csv", "tests/account-customer/canary.yaml", "tests/account-customer/golden.yaml"]
    assert f"left out: 3 files of values that somebody has written down: {', '.join(left_out)}" in said.out
    assert not (out / "tests").exists()
    assert (out / "pairs.csv").read_text("utf-8") == "crm,pm,verdict,crm.name\n"
    assert not [path for path in out.rglob("*") if path.is_file() and "Kanárik" in path.read_text("utf-8")]
    assert Shop(out, capsys).do("check").code == 0


# What stands for a value


PHRASES = ("Eva Nováková", "Kovo, spol. s r. o.", "eva@kovo.sk", "+421 905 777 123", "www.kovo.sk", "Dlhá 1, Žilina")


@given(st.sampled_from(KINDS), st.one_of(st.sampled_from(PHRASES), st.text(max_size=40)))
def test_a_text_is_stood_for_by_a_text_and_always_by_the_same(kind: str, value: str) -> None:
    made = Disguise(SALT)(kind, value)
    assert isinstance(made, str)
    assert made == Disguise(SALT)(kind, value)
    assert bool(made.strip()) == bool(value.strip())


@given(st.integers(-(10**12), 10**12))
def test_a_number_has_as_many_digits_as_before(value: int) -> None:
    made = Disguise(SALT)("text", value)
    assert len(str(abs(made))) == len(str(abs(value)))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_a_decimal_stays_one(value: Any) -> None:
    made = Disguise(SALT)("text", from_json(str(value)))
    assert abs(made) <= 10**10


@pytest.mark.parametrize(
    ("kind", "one", "two"),
    [
        ("person", "Eva Nováková", "NOVAKOVA EVA"),
        ("company", "Kovo s.r.o.", "KOVO, spol. s r. o."),
        ("email", "eva@kovo.sk", " EVA@kovo.sk"),
        ("phone", "0905 777 123", "+421905777123"),
        ("domain", "kovo.sk", "www.kovo.sk"),
    ],
)
def test_one_thing_in_two_spellings_is_stood_for_by_one(kind: str, one: str, two: str) -> None:
    said = [Disguise(SALT)(kind, each).casefold().removeprefix("www.") for each in (one, two)]
    assert said[0] == said[1]
    assert said[0] != Disguise(SALT)(kind, "somebody else").casefold()


def test_numbers_of_companies_have_valid_check_digits() -> None:
    from stdnum.cz import dic
    from stdnum.sk import dph

    disguise = Disguise(SALT)
    for number in range(300):
        assert is_ico(disguise("ico", f"{number:08}"))
        assert dph.is_valid(disguise("vat", f"SK{number}"))
        assert dic.is_valid(disguise("vat", f"CZ{number}"))
        assert disguise("vat", str(number)).isdecimal()


def test_telephone_numbers_are_valid_and_of_the_range_kept_for_fiction() -> None:
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(f"+1{area}5550100")) for area in _AREAS)
    made = {Disguise(SALT)("phone", f"+421905{number:06}") for number in range(200)}
    assert all(each[5:10] == "55501" for each in made)
    assert len(made) > 150


@pytest.mark.parametrize("value", ["1971-03-19", "2024-02-29T10:00:00+01:00", "0001-01-01", "9999-12-31"])
def test_a_date_is_moved_and_stays_a_date(value: str) -> None:
    made = Disguise(SALT)("date", value)
    assert len(made) == len(value)
    assert made[10:] == value[10:]
    assert made != value or value[:4] in ("0001", "9999")


def test_what_is_no_date_is_a_text() -> None:
    assert len(Disguise(SALT)("date", "2024-02-31")) == 10
    assert Disguise(SALT)("date", "about then") != "about then"


def test_a_kind_is_known_by_the_words_that_people_use() -> None:
    assert [kind_named(word) for word in ("Name", "E-mail", "phone", "birth date", "health")] == [
        "person", "email", "phone", "date", None,
    ]  # fmt: skip


def test_who_is_named_by_a_part_of_a_key_is_named_by_the_same_made_up_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A remark hangs on a visit, whose key holds the e-mail of a person: its own contract marks nobody."""
    folder = tmp_path / "people"
    by_mail.new_project(folder)
    by_mail.put(folder, "persons", mail="eva@canary.sk", kind="customer", name="Eva", phone="7", note="", seen="a")
    by_mail.put(folder, "visits", person="eva@canary.sk", no=1, subject="visit")
    for system, table, named in (("crm", "remarks", "person"), ("pm", "notes", "contact")):
        with closing(sqlite3.connect(folder / f"{system}.db")) as database:
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {named} TEXT, no INTEGER)")
            if system == "crm":
                database.execute("INSERT INTO remarks VALUES (1, 'eva@canary.sk', 1)")
            database.commit()
        said: Any = {"type": "object", "properties": {"id": {"type": "integer", "readOnly": True}}}
        said["properties"] |= {named: {"type": "string"}, "no": {"type": "integer"}}
        file = folder / f"schemas/{system}/{table.removesuffix('s')}/1.0.0.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(said))
    project = (folder / "crmsync.yaml").read_text("utf-8")
    for entity, more in (("visit", "remark: {table: remarks, key: id}"), ("task", "note: {table: notes, key: id}")):
        project = project.replace(f"      {entity}:\n", f"      {more}\n      {entity}:\n")
    (folder / "crmsync.yaml").write_text(project, "utf-8")
    (folder / "mappings/remark-note.yaml").write_text(REMARKS, "utf-8")
    sandbox = copied(Shop(folder, capsys))
    (remark,), (visit,) = records(sandbox, "crm.remark"), records(sandbox, "crm.visit")
    assert "canary" not in json.dumps([remark, visit])
    assert (remark["person"], remark["no"]) == (visit["person"], visit["no"])


REMARKS = """\
version: 1
mapping: remark-note
between:
  crm: {entity: remark, contract: crm.remark@1}
  pm: {entity: note, contract: pm.note@1}
create: {pm: always}
fields:
  visit: {crm: [person, no], pm: [contact, no], owner: crm, link: visit-task}
"""
