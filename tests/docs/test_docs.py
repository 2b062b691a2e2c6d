"""Does everything work that the README and the pages under docs/ show?

Console examples are typed and compared, YAML is loaded, systems are opened, and the connector of the page is put under
the laws of connectors. Tables and lists are in test_tables.py.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.match.one import HOMES
from crmsync.core.match.rule import scorecard_of
from crmsync.core.model import Compare, Match, to_json
from crmsync.project import load_project
from crmsync.project.model_file import model_text
from crmsync.run.doctor import examine_project
from tests.docs import spoilt, stories
from tests.docs.keyboard import Keyboard, commands, plain, same
from tests.docs.pages import PAGES, ROOT, Block, all_blocks, blocks, heads, read
from tests.docs.truths import TRUTHS, data

BLOCKS = {"console", "yaml", "csv", "jsonl", "cron", "toml", "python", "sh", "text"}
LISTS = {
    ("key", "default", "meaning"), ("option", "of", "default", "meaning"), ("exit", "means", "do"), ("command", "does"),
    ("key", "is"), ("bucket", "the record"), ("kind", "asks", "answers"), ("capability", "the door can"),
    ("rule", "means"), ("rule", "level", "means"), ("level", "is", "in `diff`", "the next runs"),
    ("rule", "such as", "it says", "mend"), ("fault", "what happens"), ("entity", "paths"),
    ("as", "taken away", "compared", "absent"), ("key", "by points", "with weights by hand"), ("step", "command"),
    ("set", *HOMES), ("format", "is for", "an error, a warning, an info"), ("metric", "is"),
}  # fmt: skip


# Nothing on the pages goes by untested ------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_block_and_every_table_of_a_page_is_of_a_kind_that_is_tested(page: str) -> None:
    assert {block.info[0] for block in blocks(page) if block.info} <= BLOCKS
    assert all(block.info for block in blocks(page))
    assert heads(page) <= LISTS | TRUTHS.keys()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_are_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", read(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in set(anchors(file.read_text("utf-8"))), target


def anchors(text: str) -> Iterator[str]:
    """As GitHub makes them from headings."""
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# What is typed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", [story for page in PAGES for story in stories.stories(page)], ids=lambda s: str(s[0]))
def test_commands_say_what_the_page_shows(keyboard: Keyboard, story: list[Block]) -> None:
    stories.begin(keyboard, story)
    for block in story:
        for command in commands(block.text):
            code, said = keyboard.type(command.line)
            where = f"{block}: $ {command.line}"
            assert code == command.exit, f"{where}\n{said}"
            assert same(command.shown, said), "\n".join([where, *plain(said)])


@pytest.mark.parametrize("block", all_blocks("cron"), ids=str)
def test_lines_of_cron_run_as_they_stand(keyboard: Keyboard, block: Block) -> None:
    for line in ("crmsync init shop", "crmsync -C shop run --first-load"):
        assert keyboard.type(line)[0] == 0
    for line in block.text.splitlines():
        command = re.split(r" \d?>", line.split(maxsplit=5)[5])[0].strip()
        assert re.fullmatch(r"[\d*/]+( +[\d*/,-]+){4}", " ".join(line.split()[:5]))
        assert keyboard.type(command.replace("/srv/shop", "shop"))[0] == 0


def test_the_ledger_may_live_in_postgresql(keyboard: Keyboard, postgres: Callable[[], str]) -> None:
    keyboard.type("crmsync init shop && cd shop")
    project = Path("crmsync.yaml")
    text, ledger = project.read_text("utf-8"), "sqlite:///.crmsync/ledger.db"
    assert ledger in text
    project.write_text(text.replace(ledger, "${LEDGER_URL}"), "utf-8")
    keyboard.monkeypatch.setenv("LEDGER_URL", postgres())
    assert keyboard.type("crmsync run --first-load")[0] == 0
    assert "nothing was written" in keyboard.type("crmsync run")[1]
    assert not Path(".crmsync/ledger.db").exists()


@pytest.mark.parametrize("block", all_blocks("sh"), ids=str)
def test_targets_of_make_are_in_the_makefile(block: Block) -> None:
    targets = re.findall(r"^make ([\w-]+)", block.text, re.MULTILINE)
    assert targets
    assert set(targets) <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


# What is written in YAML --------------------------------------------------------------------------------------

LOOSE = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
ENVIRON = {"LEDGER_PASSWORD": "hush", "ALERT_SECRET": "hush", "ALERT_URL": "https://alerts.example.com"}
ENTITY = {"key": "id", "modified": "updated", "archive": {"set": {"active": False}}}
CRM = ("account", "opportunity", "quote")
PM = ("customer", "initiation", "budget_line", "user")
SYSTEMS = {
    "crm": {
        "connector": "memory",
        "entities": {**dict.fromkeys(CRM, ENTITY), "quote_line": {**ENTITY, "key": ["quote_id", "line_no"]}},
    },
    "pm": {"connector": "memory", "entities": dict.fromkeys(PM, ENTITY)},
}


@pytest.mark.parametrize("block", [*all_blocks("yaml", "mapping"), *all_blocks("yaml", "fields")], ids=str)
def test_a_mapping_of_a_page_has_nothing_wrong_with_it(tmp_path: Path, block: Block) -> None:
    written = data(block.text)
    parts = {"fields": written} if block.info[1] == "fields" else written
    snippet = {**spoilt.MAPPING, **parts}
    files = {
        "crmsync.yaml": {"version": 1, "systems": SYSTEMS},
        "mappings/account-customer.yaml": spoilt.MAPPING,
        f"mappings/{snippet['mapping']}.yaml": snippet,
        "mappings/reference/tables.yaml": tables_of(block.page),
        **{f"schemas/crm/{name}/1.0.0.json": LOOSE for name in (*CRM, "quote_line")},
        **{f"schemas/pm/{name}/1.0.0.json": LOOSE for name in PM},
        **beside(snippet.get("match", {})),
    }
    write(tmp_path, files)
    assert load_project(tmp_path, environ={}).findings == ()


def beside(match: Any) -> dict[str, str]:
    """The files that a mapping names: a model with the shipped points, labels of nobody."""
    compare = tuple(Compare(name, each["as"]) for name, each in match.get("compare", {}).items())
    model = model_text("shown", match.get("model", ""), scorecard_of(Match(compare=compare)), "As shipped.")
    files = {"model": model, "labels": "crm,pm,verdict\n"}
    return {f"mappings/{match[key]}": text for key, text in files.items() if key in match}


def tables_of(page: str) -> dict[str, Any]:
    return {name: table for block in blocks(page, "yaml", "reference") for name, table in data(block.text).items()}


def write(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else to_json(content))


@pytest.mark.parametrize("block", [*all_blocks("yaml", "project"), *all_blocks("yaml", "part")], ids=str)
def test_a_project_file_of_a_page_has_nothing_wrong_with_it(tmp_path: Path, block: Block) -> None:
    whole = (
        block.text if block.info[1] == "project" else to_json({"version": 1, "systems": SYSTEMS, **data(block.text)})
    )
    (tmp_path / "crmsync.yaml").write_bytes(whole.encode() if isinstance(whole, str) else whole)
    for folder in ("mappings", "schemas", "cases"):
        (tmp_path / folder).mkdir()
    loaded = load_project(tmp_path, environ=ENVIRON)
    assert [each.rule for each in loaded.findings] == ["project/no-mappings"]


@pytest.mark.parametrize("block", all_blocks("yaml", "flags"), ids=str)
def test_flags_of_a_page_are_those_of_a_mapping(tmp_path: Path, block: Block) -> None:
    write(tmp_path, {
        "crmsync.yaml": {"version": 1, "systems": SYSTEMS, **data(block.text)},
        "mappings/account-customer.yaml": spoilt.MAPPING,
        **{f"schemas/{name}/1.0.0.json": LOOSE for name in ("crm/account", "pm/customer")},
    })  # fmt: skip
    loaded = load_project(tmp_path, environ={})
    assert (loaded.findings, loaded.project is not None) == ((), True)


@pytest.mark.parametrize("block", all_blocks("yaml", "system"), ids=str)
def test_systems_of_a_page_can_be_opened(keyboard: Keyboard, block: Block) -> None:
    """With the sample databases, and the files that the page shows."""
    keyboard.type("crmsync init shop && cd shop && rm -r mappings schemas")
    for file in (*blocks(block.page, "csv"), *blocks(block.page, "jsonl")):
        Path(file.info[1]).write_text(file.text, "utf-8")
    write(Path(), {"crmsync.yaml": {"version": 1, "systems": data(block.text)}})
    loaded = load_project(Path(), environ={})
    assert loaded.project is not None, loaded.findings
    assert {
        (each.name, each.state, each.detail) for each in examine_project(loaded.project) if each.state != "ok"
    } == set()


@pytest.mark.parametrize("block", all_blocks("yaml", "case"), ids=str)
def test_golden_cases_of_a_page_hold(keyboard: Keyboard, block: Block) -> None:
    keyboard.type("crmsync init shop && cd shop")
    Path("tests/account-customer/golden.yaml").write_text(block.text, "utf-8")
    code, said = keyboard.type("crmsync test --examples 0")
    assert code == 0, said


def test_every_yaml_block_is_tested() -> None:
    assert {block.info[1:] for block in all_blocks("yaml")} == {
        (), ("mapping",), ("fields",), ("reference",), ("project",), ("part",), ("system",), ("case",),
        ("github",), ("gitlab",), ("pre-commit",), ("line",), ("prometheus",), ("flags",),
    }  # fmt: skip
    assert [block.page for block in all_blocks("yaml") if not block.info[1:]] == ["README.md"]  # typed in its story


# Code ---------------------------------------------------------------------------------------------------------

MADE: dict[str, Any] = {}
for _block in (*blocks("docs/connectors.md", "python"), *blocks("docs/matching.md", "python")):
    exec(compile(_block.text, str(_block), "exec"), MADE)

TestTheConnectorOfThePage = MADE["TestFolder"]  # the laws of connectors, over the one that the page writes
test_under_faults = MADE["test_a_connector_keeps_the_promises_under_faults"]
test_the_comparator_of_the_page_keeps_the_laws = MADE["test_bank_accounts_keep_the_laws"]


def test_a_comparator_of_an_installed_package_matches(keyboard: Keyboard) -> None:
    """In a process of its own: which packages are installed is found out once."""
    package, shop = Path("site"), Path("shop")
    (entry_point,) = blocks("docs/matching.md", "toml")
    ((group, names),) = tomllib.loads(entry_point.text)["project"]["entry-points"].items()
    ((name, value),) = names.items()
    (code,) = blocks("docs/matching.md", "python", name)
    write(package, {
        f"{value.partition(':')[0]}.py": code.text,
        "shop-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n",
        "shop-1.0.dist-info/entry_points.txt": f"[{group}]\n{name} = {value}\n",
    })  # fmt: skip
    keyboard.type("crmsync init shop")
    mapping = shop / "mappings/account-customer.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("{as: company,", f"{{as: {name},"), "utf-8")
    assert keyboard.type("crmsync -C shop check")[0] == 2
    keyboard.monkeypatch.setenv("PYTHONPATH", f"{package.resolve()}:{ROOT}")
    done = keyboard.type(f"{sys.executable} -m crmsync -C shop check")
    assert done == (0, "all is well\n")


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_entry_points_are_of_the_group_that_is_asked(block: Block) -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    assert tomllib.loads(block.text)["project"]["entry-points"].keys() <= ours.keys() | {"crmsync.comparators"}


@pytest.mark.parametrize("block", all_blocks("text"), ids=str)
def test_the_rooms_of_the_house_are_there(block: Block) -> None:
    places = [line.split()[0] for line in block.text.splitlines() if line.strip()]
    assert [place for place in places if not (ROOT / place).exists()] == []
