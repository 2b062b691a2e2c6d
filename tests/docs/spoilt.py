"""A small project that has nothing wrong with it, and what the loader says once something has.

The table of findings in docs/mapping.md spoils it row by row: its cell says what is put where.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from crmsync.core.model import Finding, to_json
from crmsync.project import load_project, schema_text
from crmsync.project.shapes import Kind
from crmsync.project.yaml import load_yaml
from tests.docs.pages import ROOT

KINDS: Final[tuple[Kind, ...]] = ("mapping", "project", "reference", "model", "case")
SHAPE: Final = ("unknown-key", "missing-key", "wrong-type", "bad-value")
WORD: Final = {"systems.py": "project", "tables.py": "reference"}  # whose `wrong` puts which word before a rule
CELL: Final = re.compile(r"(\w+) `+(.*?)`+")

THING: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "tags": {"type": "array"},
        "points": {"type": "integer"},
        "created": {"type": "string", "readOnly": True},
        **{name: {} for name in ("code", "note", "parent_id", "parent_no", "lines", "type")},
    },
}
ENTITY: Final = {"key": "id"}
PROJECT: Final = {
    "version": 1,
    "systems": {
        "crm": {"connector": "memory", "entities": {"account": ENTITY, "line": {"key": "id", "each": "lines"}}},
        "pm": {"connector": "memory", "entities": {"customer": ENTITY}},
    },
}
NAME: Final = {"name": {"crm": "name", "pm": "name", "owner": "crm"}}
MAPPING: Final = {
    "version": 1,
    "mapping": "account-customer",
    "between": {
        "crm": {"entity": "account", "contract": "crm.account@1"},
        "pm": {"entity": "customer", "contract": "pm.customer@1"},
    },
    "fields": NAME,
}
SECOND: Final = {**MAPPING, "mapping": "second", "fields": {"code": {"crm": "code", "pm": "code", "owner": "crm"}}}
MODEL: Final = {"version": 1, "base": -4, "curves": {}}
TABLE: Final = {"columns": ["crm", "pm"], "rows": [["Won", "open"], ["Signed", "open"], ["Closed", "done"]]}


def findings(folder: Path, cell: str) -> Iterable[Finding]:
    """All that is wrong once the project is spoilt as the cell says: `field {crm: code, pm: code}`."""
    files: dict[str, Any] = {
        "crmsync.yaml": PROJECT,
        TEXTS["yaml"]: MAPPING,
        "mappings/reference/tables.yaml": {"status": TABLE},
        TEXTS["contract"]: THING,
        "schemas/pm/customer/1.0.0.json": THING,
    }
    for what, text in CELL.findall(cell):
        _spoil(files, what, text)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else to_json(content))
    return load_project(folder, environ={}).findings


def _spoil(files: dict[str, Any], what: str, text: str) -> None:
    """Put this where the word says: the whole text of a file, keys of a file, or something inside of one."""
    if what in TEXTS:
        files[TEXTS[what]] = text
        return
    written = _read(text)
    if what in LAID_OVER:
        name, below = LAID_OVER[what]
        files[name] = _without_nulls({**below, **written})
        return
    match what:
        case "field":
            mapping = files[TEXTS["yaml"]]
            files[TEXTS["yaml"]] = {**mapping, "fields": {**mapping["fields"], "x": written}}
        case "table":
            files["mappings/reference/tables.yaml"] = {"status": _without_nulls({**TABLE, **written})}
        case "entity":
            files["crmsync.yaml"] = _system(files["crmsync.yaml"], entities={"account": {**ENTITY, **written}})
        case "system":
            files["crmsync.yaml"] = _system(files["crmsync.yaml"], **written)
        case _:
            raise AssertionError(f"{what} is no place to spoil")


TEXTS: Final = {"contract": "schemas/crm/account/1.0.0.json", "yaml": "mappings/account-customer.yaml"}
LAID_OVER: Final[Mapping[str, tuple[str, Any]]] = {
    "mapping": (TEXTS["yaml"], MAPPING),
    "second": ("mappings/second.yaml", SECOND),
    "tables": ("mappings/reference/more.yaml", {}),
    "project": ("crmsync.yaml", PROJECT),
    "model": ("mappings/model.match.yaml", MODEL),
}


def _read(text: str) -> Any:
    document, wrong = load_yaml("cell", (text if text.startswith("{") else f"{{{text}}}").encode())
    assert document is not None, wrong
    assert wrong == []
    return document.data


def _system(project: Any, **more: Any) -> Any:
    crm = _without_nulls({**project["systems"]["crm"], **more})
    return {**project, "systems": {**project["systems"], "crm": crm}}


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    """A null takes a key away."""
    return {key: value for key, value in data.items() if value is not None}


# Which rules are there? ---------------------------------------------------------------------------------------


def rules() -> set[str]:
    """Every rule that the source of the loader names, and those of transforms and types."""
    shapes = {f"{kind}/{rule}" for kind in KINDS for rule in SHAPE}
    shapes |= {f"{kind}/bad-name" for kind in KINDS if "propertyNames" in schema_text(kind)}
    files = [*(ROOT / "crmsync/project").rglob("*.py"), *(ROOT / "crmsync/core/values").glob("*.py")]
    files += (ROOT / "crmsync/core/types").glob("*.py")
    told_as_another = {"type/unknown-path"}  # of a mapping
    return shapes.union(*(_rules_in(file) for file in files)) - told_as_another


def _rules_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z]+/[a-z]+(-[a-z0-9]+)*", text):
                yield text
            case ast.Call(func=ast.Attribute(attr="wrong" | "wrong_key"), args=[ast.Constant(value=str(rule)), *_]):
                yield f"{WORD.get(file.name, 'mapping')}/{rule}"
            case ast.Call(func=ast.Name(id="find") | ast.IfExp(), args=[ast.Constant(value=str(rule)), *_]):
                yield f"mapping/{rule}"
            case ast.Return(value=ast.Tuple(elts=[ast.Constant(value=str(rule)), _, _])):
                yield f"mapping/{rule}"
