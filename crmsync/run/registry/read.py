"""Where do the contracts of a project lie, and which one is meant?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import jsonschema_rs

from crmsync.core.compat.dialect import DIALECTS, LATEST, draft_of
from crmsync.core.compat.edition import Edition
from crmsync.core.model import Contract, Finding
from crmsync.project.contracts import (
    Contracts,
    SchemaFile,
    missing_contract,
    pick_contract,
    read_contracts,
    read_schema_file,
)
from crmsync.project.load import PROJECT_FILE
from crmsync.project.yaml import load_yaml
from crmsync.run.world import Stopped

_NAME: Final = re.compile(r"[^@\s]+@[0-9]+(\.[0-9]+){0,2}")
_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}")


def folder_of(root: Path, key: str) -> Path:
    """The folder that the project file names under `key`, or else the one that is called so."""
    file = root / PROJECT_FILE
    document, _ = load_yaml(file.as_posix(), file.read_bytes()) if file.is_file() else (None, [])
    written = document.look((key,)) if document is not None else None
    return root / (written if isinstance(written, str) else key)


def open_registry(root: Path) -> Contracts:
    """The contracts of a project, also where nothing else of it can be read. Raises `Stopped` where there are none."""
    folder = folder_of(root, "schemas")
    if not folder.is_dir():
        message = f"there is no folder {folder.as_posix()}"
        raise Stopped(2, Finding("usage", message, "name the project folder: --project DIR"))
    return read_contracts(folder)


def edition_of(root: Path, asked: str, draft: int = LATEST) -> Edition:
    """By the name of a contract (`crm.account@1`: the newest 1.x.y) or of a file. Raises `Stopped`."""
    path = Path(asked)
    if _NAME.fullmatch(asked) and not path.exists():
        return _named(open_registry(root), asked)
    if not path.is_file():
        mend = "name a file, or a contract of the project like crm.account@1.0.0: crmsync contract list"
        raise Stopped(2, Finding("usage", f"there is no contract and no file {asked!r}", mend))
    file, wrong = read_schema_file(path)
    if file is None:
        raise Stopped(2, *wrong)
    wrong = _no_schema(file, draft)
    if wrong:
        raise Stopped(2, *wrong)
    return Edition(asked, file, path.stem if _VERSION.fullmatch(path.stem) else "", file.envelope)


def _named(contracts: Contracts, asked: str) -> Edition:
    nouns: dict[str, Contract] = {key: contract for key, (contract, _) in contracts.sound.items()}
    found = pick_contract(asked, nouns)
    if found is not None:
        return Edition.of(*contracts.sound[str(found)])
    wrong = [each for each in contracts.findings if each.severity == "error"]
    if asked.partition("@")[0] in contracts.lost and wrong:
        raise Stopped(2, *wrong)
    _, message, mend = missing_contract(asked, nouns)
    raise Stopped(2, Finding("usage", message, mend))


def _no_schema(file: SchemaFile, draft: int) -> list[Finding]:
    """What the meta-schema of its draft, which `$schema` may name, has against a file. Nothing is fetched."""
    meta = DIALECTS[draft_of(file.schema, draft)]
    schema = {**file.schema, "$schema": meta} if isinstance(file.schema, dict) else file.schema
    try:
        jsonschema_rs.meta.validate(schema)
    except ValueError as error:
        where = tuple(getattr(error, "instance_path", ()))
        message = f"{'/'.join(map(str, where)) or 'the file'} is no JSON Schema: {str(error).splitlines()[0]}"
        return [Finding("contract/not-a-schema", message, f"see {meta}", at=file.places.at(*where))]
    return []
