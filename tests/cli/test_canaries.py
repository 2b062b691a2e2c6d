"""What a contract marks as personal, and every secret, is in no output, and in no file that is not meant for it."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from crmsync import project
from crmsync.cli import crmsync
from crmsync.cli.ends import answer
from crmsync.project import load_project
from crmsync.project.load import Loaded
from tests.cli.persons import new_project, put_row
from tests.cli.shop import Said, Shop

PEOPLE = {
    "name": "Žofia Kanárová-Vtáčiková",
    "mail": "zofia.kanarova@canary-demo.sk",
    "born": "1971-03-19",
    "note": "kanárik spieva v noci",
    "phones": ["+421 905 777 123", "+421905777456"],
    "home": {"street": "Vtáčia brána 771", "code": "KNR-771"},
}
TWIN = {
    "name": "Zofia Kanarová Vtáčiková",
    "mail": "z.kanarova@canary-twin.sk",
    "born": "1971-03-19",
    "memo": "iný zápis o vtáčiku",
    "phones": ["+421905777123"],
    "street": "Vtáčia brana 771",
    "code": "KNR-772",
}
NEEDLES = (
    "kanarova", "vtacik", "canary", "1971-03-19", "19710319", "kanarik", "zapis", "905 777", "905777", "vtacia",
    "brana", "knr-77", "refused value",
)  # fmt: skip
SECRET = "s3cr3t/Kľúč&pass"
SECRETS = ("s3cr3t",)
MEANT = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "crm.db", "pm.db", "plan.jsonl", "full.jsonl")

LOOKS = (
    "check --output json", "doctor", "doctor --output json", "status",
    "status --output json", "plan", "plan --all", "plan --output json", "plan --redact -o redacted.jsonl",
    "plan --mode delta", "drift --all", "drift --output json", "explain crm.person/1", "explain crm.person/1 name",
    "explain crm.person/1 --output json", "explain pm.contact/70", "explain pm.contact/70 --output json",
    "explain crm.person/2 mail", "review list --state any", "review list --state any --output json", "dlq list",
    "dlq list --output json", "dlq list --state any", "link list --ended", "link list --output json", "link export",
    "link export -o links.csv", "link show crm.person/1", "link show crm.person/1 --output json",
    "link adopt -o differences.csv", "link adopt --output json", "match dedupe --side crm -s person-contact",
    "match dedupe --side pm -s person-contact", "match dedupe --side crm -s person-contact --output json",
    "history", "history --output json", "pii report", "forget --list",
    "audit export", "audit export -o audit.jsonl", "replay --run last", "revert --run last", "record redacted --redact",
)  # fmt: skip
ONCE = (
    "check", "check --output sarif", "match evaluate -s person-contact --truth truth.csv",
    "match sample -s person-contact --force -o sample.csv", "match tune -s person-contact --labels labels.csv",
    "match train -s person-contact --labels labels.csv", "contract list", "contract check", "contract diff",
    "test --examples 5", "test --examples 5 --output json", "diff --against . --records redacted",
    "schema mapping --project", "pii report --output csv", "anonymise sandbox", "prune --dry-run",
    "forget pm.contact/70 --yes",
)  # fmt: skip
RUNS = (
    "run --first-load", "run --output json --log-format json --first-load", "run --mode delta", "run --log-format json",
    "match propose -s person-contact", "review resolve --all --kind match --take same --yes", "run",
    "plan -o full.jsonl",
)  # fmt: skip
DRIVEN = (*(words.split() for words in ("run --first-load", RUNS[-3], "run", "plan -o full.jsonl")),)


def _haystack(text: str) -> str:
    """Escapes undone, marks and case folded: a name is found however it is spelled."""
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), unquote(text))
    folded = unicodedata.normalize("NFKD", f"{text}\n{plain}")
    return "".join(char for char in folded if not unicodedata.combining(char)).casefold()


def test_the_search_finds_a_name_however_it_is_spelled() -> None:
    spelled = ("Kanárová", unicodedata.normalize("NFD", "Kanárová"), "KAN\\u00c1ROV\\u00c1", "Kan%C3%A1rov%C3%A1")
    assert all("kanarova" in _haystack(text) for text in spelled)


WHAT = ("kind", "field", "rule", "path", "state")  # questions and letters that are alike in these are shown alike


class Watch:
    """A person at the keyboard, and somebody who looks for canaries in all that is said."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.leaks: list[str] = []
        self.codes: dict[str, int] = {}

    def do(self, *words: object) -> Said:
        said = self.shop.do(*words)
        command = " ".join(map(str, words))
        self.codes[command] = said.code
        self._search(f"stdout of {command}", said.out, (*NEEDLES, *SECRETS))
        self._search(f"stderr of {command}", said.err, (*NEEDLES, *SECRETS))
        return said

    def all(self) -> None:
        """Every command that looks, and the details of every question, letter and run that there is."""
        for words in LOOKS:
            self.do(*words.split())
        for kind, listed in (("review", "reviews"), ("dlq", "dead_letters")):
            found = self.shop.do(kind, "list", "--state", "any", "--output", "json").json.get(listed, ())
            for each in {tuple(map(each.get, WHAT)): each for each in found}.values():
                self.do(kind, "show", each["n"])
                self.do(kind, "show", each["n"], "--output", "json")
        for each in self.shop.do("history", "--output", "json").json.get("runs", ())[:3]:
            self.do("history", each["run"])
            self.do("history", each["run"], "--output", "json")

    def files(self) -> None:
        for path in sorted(self.shop.folder.rglob("*")):
            if path.is_file():
                text = path.read_bytes().decode("utf-8", "replace")
                meant = path.name in MEANT or "recorded" in path.parts
                self._search(
                    f"file {path.relative_to(self.shop.folder)}", text, SECRETS if meant else (*NEEDLES, *SECRETS)
                )

    def _search(self, where: str, text: str, needles: tuple[str, ...]) -> None:
        haystack = _haystack(text)
        for needle in needles:
            if needle in haystack:
                line = next(each for each in haystack.splitlines() if needle in each)
                self.leaks.append(f"{where}: {needle}: {line[:300]}")


def _new_people(folder: Path) -> None:
    """Person 1 of the CRM may be contact 70; 2 and 3 are of the CRM alone, 4 and 5 are one and the same."""
    new_project(folder)
    file = folder / "crmsync.yaml"
    text = file.read_text("utf-8").replace("version: 1", "version: 1\nrecord_inputs: 3\nretention: {runs: 1y}", 1)
    once = "connector: sql\n    retry: {attempts: 1}"  # nobody waits for a system that does not answer
    file.write_text(text.replace("connector: sql", once), "utf-8")
    (folder / "truth.csv").write_text("crm,pm\n1,70\n", "utf-8")
    (folder / "labels.csv").write_text("crm,pm,verdict\n1,70,same\n2,70,different\n", "utf-8")
    iva = {**PEOPLE, "name": "Iva Canary", "mail": "iva@canary-demo.sk", "phones": []}
    jan = {**PEOPLE, "name": "Ján Kanárik", "mail": "jan@canary-demo.sk", "phones": ["+421905777999"]}
    put_row(folder, "persons", id=1, kind="customer", **PEOPLE)
    put_row(folder, "persons", id=2, kind="customer", **iva)
    put_row(folder, "persons", id=3, kind="lead", **{**PEOPLE, "mail": "lead@canary-demo.sk"})
    for number in (4, 5):
        put_row(folder, "persons", id=number, kind="customer", **jan)
    put_row(folder, "contacts", id=70, **TWIN)
    put_row(folder, "visits", id=9, person=1, subject="visit")


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The people after two runs, and what was asked about them answered."""
    folder = tmp_path_factory.mktemp("driven") / "people"
    _new_people(folder)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        codes = [answer(crmsync, ["-C", str(folder), *words]) for words in DRIVEN]
    assert codes[0] == 3
    return folder


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """A project whose files are the same as before is not read and proven again: most of what a command costs here."""
    known: dict[object, Loaded] = {}

    def load(root: Path, env: str | None = None, **more: Any) -> Loaded:
        files = [file for part in ("crmsync.yaml", "mappings/*", "schemas/*/*/*") for file in sorted(root.glob(part))]
        state = (root, env, os.environ.get("CRM_URL"), *((file, file.read_bytes()) for file in files))
        if state not in known:
            known[state] = load_project(root, env, **more)
        return known[state]

    with pytest.MonkeyPatch.context() as here:
        here.setattr(project, "load_project", load)
        yield


@pytest.fixture
def people(tmp_path: Path) -> Path:
    _new_people(tmp_path / "people")
    return tmp_path / "people"


@pytest.fixture
def at_work(driven: Path, tmp_path: Path) -> Path:
    shutil.copytree(driven, tmp_path / "people")
    return tmp_path / "people"


@pytest.fixture
def watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, read_once: None
) -> Iterator[Callable[[Path], Watch]]:
    """Nothing that is said about the people of a folder, or stands in a file of it at the end, may hold a canary."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
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
def watch(people: Path, watched: Callable[[Path], Watch]) -> Watch:
    return watched(people)


@pytest.fixture
def working(at_work: Path, watched: Callable[[Path], Watch]) -> Watch:
    return watched(at_work)


def test_nothing_is_said_about_people_from_the_first_look_to_the_second_run(watch: Watch) -> None:
    watch.all()
    for words in RUNS:
        watch.do(*words.split())
    watch.all()
    for words in ONCE:
        watch.do(*words.split())
    assert watch.codes["run --first-load"] == 3
    assert watch.codes["match propose -s person-contact"] in (0, 3)


def _conflict(shop: Shop) -> None:
    shop.sql("crm", 'UPDATE persons SET note = \'kanárik a\', home = \'{"street": "Vtáčia 1", "code": "KNR-779"}\'')
    shop.sql("pm", "UPDATE contacts SET memo = 'kanárik b', code = 'KNR-778', born = '1971-03-19'")


def _invalid_here(shop: Shop) -> None:
    shop.sql(
        "crm",
        "UPDATE persons SET mail = 'kanarova canary', born = 'kanarik', phones = '[\"kanarik 905777 no phone\"]'",
    )


def _invalid_there(shop: Shop) -> None:
    """What flows from a marked field into one that is not marked breaks the contract there."""
    shop.sql("crm", "UPDATE persons SET name = 'Kanárová <b>' || id")


def _unreadable(shop: Shop) -> None:
    shop.sql("crm", "UPDATE persons SET home = 'kanarik {', level = 'canary'")


def _misfit(shop: Shop) -> None:
    shop.sql("crm", "UPDATE persons SET home = '[\"kanarik\"]', phones = '\"canary 905777\"'")


def _refused(shop: Shop) -> None:
    shop.sql(
        "crm", 'UPDATE persons SET home = \'{"code": "REFUSED", "street": "Vtáčia"}\', mail = \'a@canary-demo.sk\''
    )


def _refused_by_trigger(shop: Shop) -> None:
    """A database that quotes the value in its own words."""
    shop.sql(
        "pm", "CREATE TRIGGER no BEFORE UPDATE ON contacts BEGIN SELECT RAISE(ABORT, 'refused value kanarik'); END"
    )
    shop.sql(
        "pm", "CREATE TRIGGER never BEFORE INSERT ON contacts BEGIN SELECT RAISE(ABORT, 'refused value canary'); END"
    )
    shop.sql("crm", "UPDATE persons SET note = 'kanarik'")


def _foreign_edit(shop: Shop) -> None:
    shop.sql(
        "pm", "UPDATE contacts SET name = 'Vtáčik', street = 'Brána', born = '1971-03-19', greeting = 'Dear canary'"
    )


def _gone(shop: Shop) -> None:
    shop.sql("crm", "DELETE FROM persons WHERE id = 2")
    shop.sql("pm", "UPDATE contacts SET memo = 'kanárik'")


def _no_mapping(shop: Shop) -> None:
    shop.edit("mappings/person-contact.yaml", "mapping: person-contact", "mapping: person-contact\nenabled: false")


def _other_rules(shop: Shop) -> None:
    shop.edit("mappings/person-contact.yaml", "owner: crm, to_pm: [email], on_null: keep", "owner: pm")


def _bad_expression(shop: Shop) -> None:
    shop.edit("mappings/person-contact.yaml", "join(' ', ['Dear', name])", "join(' ', ['Dear', mail, to_string(born)])")
    shop.sql("crm", "UPDATE persons SET mail = NULL")


SCENES = (
    _conflict, _invalid_here, _invalid_there, _unreadable, _misfit, _refused, _refused_by_trigger, _foreign_edit, _gone,
    _no_mapping, _other_rules, _bad_expression,
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__.strip("_"))
def test_nothing_is_said_about_people_when_something_goes_wrong(working: Watch, scene: Callable[[Shop], None]) -> None:
    watch = working
    scene(watch.shop)
    for words in ("run", "run --log-format json --output json", "rebase --yes", "apply full.jsonl", "run --mode delta"):
        watch.do(*words.split())
    watch.do("match", "dedupe", "--side", "crm", "-s", "person-contact", "--ask")
    watch.all()


def test_nothing_is_said_about_people_when_crmsync_itself_is_wrong(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours is raised with the value in its text."""
    from crmsync.run import session

    def wrong(*_: object, **__: object) -> None:
        try:
            raise KeyError(PEOPLE["mail"])
        except KeyError as error:
            raise ValueError(PEOPLE["name"]) from error

    monkeypatch.setattr(session, "prepare", wrong)
    for debugging in ("0", "1"):
        monkeypatch.setenv("CRMSYNC_DEBUG", debugging)
        for words in ("run", "run --log-format json", "run --output json"):
            assert watch.do(*words.split()).code == 1


def test_a_secret_is_nowhere(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the address is wrong, nobody answers, or the password is refused."""
    for url in (
        f"sqlite:///{watch.shop.folder}/crm.db?password={SECRET}",
        f"postgresql://user:{SECRET}@127.0.0.1:1/crm?connect_timeout=1",
        f"mysql+nothing://user:{SECRET}@127.0.0.1/crm",
        f"postgresql://user:{SECRET}@[half/crm",
        SECRET,
    ):
        monkeypatch.setenv("CRM_URL", url)
        for words in (
            "check",
            "doctor",
            "plan -o plan.jsonl",
            "run",
            "status",
            "explain crm.person/1",
            "record recorded",
        ):
            watch.do(*words.split())
    assert os.environ["CRM_URL"] == SECRET
