"""A key that is about a person is told to nobody who did not ask: its handle is, and every command takes that."""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer
from crmsync.core.handle import is_handle
from tests.cli.by_mail import mail, new_project, put
from tests.cli.shop import Said, Shop
from tests.cli.test_canaries import MEANT, WHAT, _haystack, read_once

__all__ = ["read_once"]  # a fixture
NEEDLE = "canary-key"  # in every key of both sides, and nowhere else
HANDLE = re.compile(r"~[0-9a-hj-km-np-tv-z]{10}\b")
NAMES = {
    "eva": "Eva Malá", "iva": "Iva Veľká", "jan": "Ján Kováč", "ian": "Ian Kovac", "ola": "Oľga Nová",
    "una": "Una Stará", "zoe": "Zoe Horná", "leo": "Leo Dolný", "lia": "Lia Krátka",
}  # fmt: skip

LOOKS = (
    "check --output json", "doctor", "doctor --output json", "status", "status --output json", "plan --all",
    "plan --output json", "plan --redact -o redacted.jsonl", "plan --mode delta", "drift --all",
    "drift --output json", "review list --state any", "review list --state any --output json",
    "dlq list --state any", "dlq list --state any --output json", "link list --ended", "link list --output json",
    "link list --excluded", "link list --excluded --output json", "link adopt -o differences.csv",
    "link adopt --output json", "match dedupe --side crm", "match dedupe --side pm --output json", "history",
    "history --output json", "history last --limit 100", "history last --output json", "forget --list",
    "audit export", "audit export -o audit.jsonl", "replay --run last", "replay --run last --output json",
    "revert --run last", "shadow", "shadow --output json", "record redacted --redact", "prune --dry-run",
)  # fmt: skip


class Watch:
    """A person at the keyboard, and somebody who looks for keys in all that is said."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.leaks: list[str] = []
        self.handles: set[str] = set()

    def do(self, *words: object) -> Said:
        said = self.shop.do(*words)
        command = " ".join(map(str, words)).replace(NEEDLE, "...")
        self.search(f"stdout of {command}", said.out)
        self.search(f"stderr of {command}", said.err)
        self.handles |= set(re.findall(rf"\w+\.\w+/{HANDLE.pattern}", said.out + said.err))
        return said

    def all(self) -> None:
        for words in LOOKS:
            self.do(*words.split())
        for kind, listed in (("review", "reviews"), ("dlq", "dead_letters")):
            found = self.shop.do(kind, "list", "--state", "any", "--output", "json").json.get(listed, ())
            for each in {tuple(map(each.get, WHAT)): each for each in found}.values():
                self.do(kind, "show", each["n"])
                self.do(kind, "show", each["n"], "--output", "json")
        for number, ref in enumerate(
            f"{place}/{mail(name)}" for name in NAMES for place in ("crm.person", "pm.contact")
        ):
            words = ("explain", "link show", "explain --output json", "link show --output json")[number % 4]
            self.do(*words.split(), ref)
        for each in self.shop.do("history", "--output", "json").json.get("runs", ())[:3]:
            self.do("history", each["run"])

    def files(self) -> None:
        for path in sorted(self.shop.folder.rglob("*")):
            if path.is_file() and path.name not in (*MEANT, "crmsync.yaml") and path.parent.name != "inputs":
                self.search(path.name, path.read_bytes().decode("utf-8", "replace"))

    def search(self, where: str, text: str) -> None:
        self.leaks += [f"{where}: {line[:300]}" for line in _haystack(text).splitlines() if NEEDLE in line]


def change(folder: Path, system: str, statement: str) -> None:
    with closing(sqlite3.connect(folder / f"{system}.db")) as database:
        database.execute(statement)
        database.commit()


def _people(folder: Path) -> None:
    """Eva, Iva and Ola are in both systems by their own names there; lia is a lead; a visit is of somebody unknown."""
    new_project(folder)
    for number, (name, full) in enumerate(NAMES.items()):
        kind = "lead" if name == "lia" else "customer"
        put(folder, "persons", mail=mail(name), kind=kind, name=full, note="", phone=f"+42190577{number:04}", seen="a")
        put(folder, "visits", person=mail(name), no=1, subject="visit")
    for name in ("eva", "ola"):
        place = list(NAMES).index(name)
        put(folder, "contacts", mail=mail(f"pm-{name}"), name=NAMES[name], memo="", phone=f"+42190577{place:04}")
    put(folder, "visits", person=mail("nobody"), no=7, subject="visit")
    put(folder, "visits", person=mail("iva"), no=2, subject="REFUSED")


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driven") / "people"
    _people(folder)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        assert answer(crmsync, ["-C", str(folder), "run", "--first-load"]) == 3
        change(folder, "crm", "UPDATE persons SET seen = 'b'")
        assert answer(crmsync, ["-C", str(folder), "plan", "-o", "full.jsonl"]) == 3
    return folder


@pytest.fixture
def watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, read_once: None
) -> Iterator[Callable[[Path], Watch]]:
    watches: list[Watch] = []

    def watch(folder: Path) -> Watch:
        monkeypatch.chdir(folder)
        watches.append(Watch(Shop(folder, capsys)))
        return watches[-1]

    yield watch
    for each in watches:
        each.files()
        assert each.leaks == []


@pytest.fixture
def fresh(tmp_path: Path, watched: Callable[[Path], Watch]) -> Watch:
    """Before the first run."""
    _people(tmp_path / "people")
    return watched(tmp_path / "people")


@pytest.fixture
def synced(tmp_path: Path, driven: Path, watched: Callable[[Path], Watch]) -> Watch:
    shutil.copytree(driven, tmp_path / "people")
    return watched(tmp_path / "people")


def _handle(watch: Watch, ref: str) -> str:
    """How a record is told, as `explain` tells it to who names it by its key."""
    told = watch.do("explain", ref, "--output", "json").json["ref"]
    assert is_handle(str(told).partition("/")[2])
    return str(told)


def test_no_key_is_told_from_the_first_look_to_the_second_run(fresh: Watch) -> None:
    said = fresh.do("plan", "--all")
    assert "crm.person/***" in said.out
    assert not fresh.handles  # there is no ledger to keep their secret
    fresh.all()
    assert fresh.do("run", "--first-load").code == 3
    fresh.all()
    fresh.do("run", "--log-format", "json", "--output", "json")
    assert fresh.handles


# What may happen to them ----------------------------------------------------------------------------------


def _held(watch: Watch) -> None:
    watch.shop.sql("crm", "UPDATE persons SET note = 'a'")
    watch.shop.sql("pm", "UPDATE contacts SET memo = 'b'")


def _rejected(watch: Watch) -> None:
    watch.shop.sql("crm", "UPDATE persons SET name = 'x'")
    watch.shop.sql("pm", "UPDATE contacts SET name = 'y'")


def _failed(watch: Watch) -> None:
    watch.shop.sql("pm", "CREATE TRIGGER no BEFORE UPDATE ON contacts BEGIN SELECT RAISE(ABORT, 'no'); END")
    watch.shop.sql("crm", "UPDATE persons SET name = name || 'x'")


def _waiting(watch: Watch) -> None:
    put(watch.shop.folder, "persons", mail=mail("new"), kind="customer", name="x", phone=None)
    put(watch.shop.folder, "visits", person=mail("new"), no=1, subject="visit")


def _gone(watch: Watch) -> None:
    watch.shop.sql("crm", "DELETE FROM persons WHERE mail LIKE 'z%' OR mail LIKE 'leo%'")
    watch.shop.sql("pm", "DELETE FROM contacts WHERE mail LIKE 'i%'")


def _drifted(watch: Watch) -> None:
    watch.shop.sql("pm", "UPDATE contacts SET name = 'Somebody Else'")
    watch.shop.sql("crm", "UPDATE persons SET kind = 'lead' WHERE mail LIKE 'o%'")


def _merged(watch: Watch) -> None:
    said = watch.do("match", "merge", f"crm.person/{mail('jan')}", f"crm.person/{mail('ian')}", "--yes")
    assert said.code == 2  # both are linked
    assert watch.do("match", "merge", *(f"crm.person/{mail(n)}" for n in ("jan", "ian")), "--counterparts",
                    "--yes").code == 0  # fmt: skip
    assert watch.do("match", "merge", *(f"crm.person/{mail(n)}" for n in ("una", "lia")), "--yes").code == 0
    assert watch.do("link", "split", f"crm.person/{mail('lia')}", "--yes").code == 0


def _apart(watch: Watch) -> None:
    assert watch.do("link", "exclude", f"crm.person/{mail('zoe')}").code == 0
    assert watch.do("link", "split", f"crm.person/{mail('leo')}", "--yes").code == 0
    assert watch.do("link", "split", f"crm.person/{mail('lia')}", "--yes").code == 2


def _twins(watch: Watch) -> None:
    put(watch.shop.folder, "persons", mail=mail("eva2"), kind="customer", name="Eva Malá", phone="+421905770000")
    watch.do("run")
    assert re.search(r"may be crm.person/~\w{10}, which has a counterpart", watch.do("review", "list").out)
    assert watch.do("match", "dedupe", "--side", "crm", "--ask").code in (0, 3)


def _reverted(watch: Watch) -> None:
    watch.shop.sql("crm", "UPDATE persons SET name = name || 'x'")
    watch.do("run")
    watch.shop.sql("pm", "UPDATE contacts SET name = 'Moved On' WHERE mail LIKE 'i%'")
    watch.do("revert", "--run", "last", "--all")
    assert watch.do("revert", "--run", "last", "--yes").code in (0, 3)


def _first_reverted(watch: Watch) -> None:
    first = watch.shop.do("history", "--output", "json").json["runs"][-1]["run"]
    watch.do("revert", "--run", first, "--delete-created", "--yes")


def _oscillating(watch: Watch) -> None:
    for number in range(5):
        watch.shop.sql("pm", "UPDATE contacts SET seen = ?", f"b{number}")
        watch.do("run")
    assert "oscillation" in watch.do("review", "list").out


def _in_the_shadow(watch: Watch) -> None:
    watch.shop.edit("mappings/person-contact.yaml", "mapping: person-contact", "mapping: person-contact\nshadow: true")
    watch.shop.sql("crm", "UPDATE persons SET name = name || 'x'")
    watch.do("rebase", "--yes")


def _forgotten(watch: Watch) -> None:
    handle = _handle(watch, f"crm.person/{mail('eva')}")
    assert handle in watch.do("forget", handle, "--yes").out
    put(watch.shop.folder, "visits", person=mail("eva"), no=5, subject="visit")
    watch.do("forget", f"crm.person/{mail('una')}", "--carry", "archive", "-o", "plan.jsonl")
    watch.do("apply", "plan.jsonl")


def _unseen(watch: Watch) -> None:
    """The sentinel is not there."""
    sentinel = f"  pm:\n    sentinel: {{entity: contact, key: {mail('who')}}}\n    connector"
    watch.shop.edit("crmsync.yaml", "  pm:\n    connector", sentinel)


SCENES = (
    _held, _rejected, _failed, _waiting, _gone, _drifted, _merged, _apart, _twins, _reverted, _first_reverted,
    _oscillating, _in_the_shadow, _forgotten, _unseen,
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__.strip("_"))
def test_no_key_is_told_whatever_becomes_of_a_record(synced: Watch, scene: Callable[[Watch], None]) -> None:
    scene(synced)
    for words in ("apply full.jsonl", "run", "run --log-format json --output json", "run --mode delta"):
        synced.do(*words.split())
    synced.all()
    assert len(synced.handles) > 5


# What a person can do with one ------------------------------------------------------------------------------


def test_every_command_that_takes_a_record_takes_its_handle(synced: Watch) -> None:
    jan, ian, zoe = (_handle(synced, f"crm.person/{mail(name)}") for name in ("jan", "ian", "zoe"))
    contact = _handle(synced, f"pm.contact/{mail('jan')}")
    for words in (
        f"explain {contact}", f"explain {jan} seen", f"link show {jan}", f"plan --only {contact}",
        f"run --only {jan}", f"revert --run last --only {contact} --yes", f"link exclude {zoe}", f"link include {zoe}",
        f"match merge {jan} {ian} --counterparts --dry-run", f"match merge {jan} {ian} --counterparts --yes",
        f"link split {ian} --yes", f"review list --ref {jan} --state any", f"forget {zoe} --yes",
    ):  # fmt: skip
        said = synced.do(*words.split())
        assert said.code in (0, 3), said.err
    assert jan in synced.do("link", "show", jan).out
    assert "was forgotten" in synced.do("explain", f"crm.person/{mail('zoe')}").out


def test_a_handle_leads_back_to_its_key_and_to_no_other(synced: Watch) -> None:
    """Of keys with one part and with two, on both sides; and two records share none."""
    refs = [f"{place}/{mail(name)}" for name in NAMES for place in ("crm.person", "pm.contact")]
    refs = [ref for ref in refs if synced.shop.do("link", "show", ref).out != "no link\n"]
    refs += [f"crm.visit/{mail(name)},1" for name in NAMES]
    handles = [_handle(synced, ref) for ref in refs]
    assert len(set(handles)) == len(refs) > 20
    assert [_handle(synced, handle) for handle in handles] == handles
    shown = [synced.shop.do("explain", each, "--show-pii", "--output", "json").json["ref"] for each in handles]
    assert shown == [ref.replace("@", "%40") for ref in refs]


def test_a_record_that_no_run_has_seen_yet_is_found_by_its_handle(synced: Watch) -> None:
    put(synced.shop.folder, "persons", mail=mail("new"), kind="customer", name="Nová", phone=None)
    (new,) = set(re.findall(r"from (crm.person/~\w+)", synced.do("plan", "--all").out))
    assert synced.do("run", "--only", new).code == 0
    assert synced.shop.sql("pm", "SELECT name FROM contacts WHERE mail = ?", mail("new")) == [("Nová",)]


def test_a_handle_that_nobody_has_is_told_what_it_is(synced: Watch) -> None:
    for handle, fact in (
        ("~0000000000", "no record has the handle"), ("~abc", "that is not the handle of a record of crm.person"),
        ("~", "that is not the handle of a record of crm.person"),
    ):  # fmt: skip
        said = synced.do("explain", f"crm.person/{handle}")
        assert said.code == 2
        assert fact in said.err
        assert "a handle stands for a key that is about a person" in said.err


def test_two_records_with_one_handle_are_told_apart_by_their_keys(
    synced: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmsync.core.handle._written", lambda number: "~" + "0" * 10)
    said = synced.do("explain", "crm.person/~0000000000")
    assert said.code == 2
    assert re.search(r"9 records have the handle crm.person/~0000000000\n +name the one by its key", said.err)


def test_the_keys_are_shown_to_who_asks_for_them(synced: Watch) -> None:
    for words in ("plan --all", "drift --all", "link list", "history last", "dlq list", "audit export",
                  f"explain crm.person/{mail('jan')}", f"link show crm.person/{mail('jan')}"):  # fmt: skip
        said = synced.shop.do(*words.split(), "--show-pii")
        assert "%40canary-key.sk" in said.out, words
        assert not HANDLE.search(re.sub(r"(its parent|such as) \S+", "", said.out)), words


def test_nobody_waits_for_a_personal_key_by_its_name(synced: Watch) -> None:
    """What waits for a parent remembers it by its handle, and goes on when it is there."""
    waits = "SELECT waits_for FROM crmsync_record WHERE waits_for IS NOT NULL"
    with closing(sqlite3.connect(synced.shop.folder / ".crmsync" / "ledger.db")) as database:
        told = {text for (text,) in database.execute(waits)}
    assert len(told) == 2  # of somebody unknown, and of a lead
    assert all(re.fullmatch(r"person-contact 0 ~\w{10}", text) for text in told)
    put(synced.shop.folder, "persons", mail=mail("nobody"), kind="customer", name="Nobody", phone=None)
    assert synced.do("run", "--mode", "delta").code == 3
    assert synced.shop.sql("pm", "SELECT no FROM tasks WHERE contact = ?", mail("nobody")) == [(7,)]


def test_a_new_child_that_names_a_forgotten_person_brings_the_key_back_into_nothing(fresh: Watch) -> None:
    """The child has a key of its own: what is remembered of it names its parent by the handle."""
    for key in ("[person, no]", "[contact, no]"):
        fresh.shop.edit("crmsync.yaml", f"key: {key}", "key: no")
    fresh.shop.edit("crmsync.yaml", "record_inputs: 100\n", "")
    change(fresh.shop.folder, "crm", "UPDATE visits SET no = rowid + 10")
    assert fresh.do("run", "--first-load").code == 3
    eva = _handle(fresh, f"crm.person/{mail('eva')}")
    assert fresh.do("forget", eva, "--yes").code == 0
    put(fresh.shop.folder, "visits", person=mail("eva"), no=77, subject="visit")
    for mode in ("delta", "batch"):
        assert fresh.do("run", "--mode", mode).code == 3
    again = fresh.do("forget", eva, "--yes")
    assert again.code == 0
    assert "its key stays" not in again.out
    told = fresh.do("explain", "crm.visit/77").out
    assert f"its parent {eva.partition('/')[2]} is out of scope" in told
    with closing(sqlite3.connect(fresh.shop.folder / ".crmsync" / "ledger.db")) as database:
        dump = list(database.iterdump())
    assert [line for line in dump if mail("eva") in line and mail("pm-eva") not in line] == []


def test_a_link_to_a_person_is_hidden_though_nothing_marks_the_field(fresh: Watch) -> None:
    """Not even a child of a person who is made in the same plan tells of whom it is one."""
    for side, name in (("crm", "visit"), ("pm", "task")):
        file = fresh.shop.folder / "schemas" / side / name / "1.0.0.json"
        file.write_text(file.read_text("utf-8").replace('"x-pii": "email",', ""), "utf-8")
    for key in ("[person, no]", "[contact, no]"):
        fresh.shop.edit("crmsync.yaml", f"key: {key}", "key: no")
    change(fresh.shop.folder, "crm", "UPDATE visits SET no = rowid + 10")
    assert re.search(r'from crm.visit/11\n +person: "\*\*\*"  \(created\)', fresh.do("plan", "--all").out)
    assert fresh.do("run", "--first-load").code == 3
    assert fresh.do("history", "last").code == 0


def test_a_file_of_judgements_is_refused_without_telling_its_keys(synced: Watch) -> None:
    jan, una, nobody = (mail(name) for name in ("jan", "una", "nobody"))
    told = f"crm,pm,verdict\n{jan},{una},same\n{una},{una},different\n{una},{una},same\n{nobody},{jan},same\n"
    (synced.shop.folder / "links.csv").write_text(told, "utf-8")
    said = synced.do("link", "import", "links.csv", "-s", "person-contact")
    assert said.code == 2
    assert "crm.person has no record of this key" in said.err
    assert re.search(r"crm.person/~\w{10} is linked with pm.contact/~\w{10}", said.err)
    for words in ("evaluate --truth", "train --labels", "tune --labels"):
        synced.do("match", *words.split(), "links.csv", "-s", "person-contact")
    (synced.shop.folder / "links.csv").unlink()  # it is meant to hold them


def test_who_works_through_questions_sees_no_key(synced: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    _twins(synced)
    monkeypatch.setattr("sys.stdin", io.StringIO("ovdus"))
    said = synced.do("review", "work")
    assert said.code == 0
    assert "different" in said.out
    assert len(set(re.findall(rf"crm.person/{HANDLE.pattern}", said.out))) == 2
