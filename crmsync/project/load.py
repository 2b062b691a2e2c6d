"""What does the project folder say, and what is wrong with it?"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from crmsync.core.change import Definition
from crmsync.core.model import SIDES, At, End, Field, Finding, Project, System, Table, other
from crmsync.core.near import choose
from crmsync.core.values import invert
from crmsync.project.check import World, check_mappings, running_order
from crmsync.project.contracts import Contracts, SchemaFile, read_contracts
from crmsync.project.definition import Files, definition_of
from crmsync.project.flags import flagged
from crmsync.project.mappings import Draft, read_mapping
from crmsync.project.model_file import read_model
from crmsync.project.retention import check_retention, read_retention
from crmsync.project.shapes import misfits
from crmsync.project.signals import Watch, check_watch, read_watch, sound
from crmsync.project.systems import check_systems, read_systems, sqlite_in
from crmsync.project.tables import read_tables
from crmsync.project.variables import fill_variables
from crmsync.project.yaml import Document, load_yaml, yaml_files

PROJECT_FILE: Final = "crmsync.yaml"
LEDGER: Final = "sqlite:///.crmsync/ledger.db"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project folder as read. `project` is None when there is an error among the findings, which are sorted by
    place. `definitions`: by mapping, what decides what becomes of its records; of every one that is whole."""

    project: Project | None
    findings: tuple[Finding, ...] = ()
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    tests: Path = Path("tests")  # where its golden cases are
    watch: Watch = field(default_factory=Watch)  # who looks on; of a project with errors, too

    @property
    def hashes(self) -> dict[str, str]:
        """By mapping, changes when its records must be looked at again."""
        return {name: each.hash for name, each in self.definitions.items()}


def load_project(
    root: Path, env: str | None = None, environ: Mapping[str, str] = os.environ, today: date | None = None
) -> Loaded:
    """Read the folder `root`, with `crmsync.ENV.yaml` laid over its project file, and check all of it offline. Without
    `today` no day is over: what is deprecated is a warning still."""
    with _no_garbage():
        return _load(Path(root), env, environ, today)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """All that is read is kept: to look for garbage on the way finds none, and takes a quarter of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _load(root: Path, env: str | None, environ: Mapping[str, str], today: date | None) -> Loaded:
    reading = _Reading(root)
    document = reading.project_file(env)
    if document is None:
        return Loaded(None, _sorted(reading.findings))
    top = _top(reading, document, environ)
    contracts = read_contracts(reading.folder(document, "schemas"))
    reading.findings += contracts.findings
    tables, written, lost_tables = _tables(reading, document)
    drafts, names = _drafts(reading, document, contracts)
    drafts, wrong = flagged(document, environ, drafts, names)
    reading.findings += wrong
    world = World(top.systems, tables, contracts.found, drafts, names, top.lost, contracts.lost, lost_tables)
    order, loops = running_order(drafts)
    reading.findings += [*check_mappings(world, today), *loops]
    tests = reading.folder(document, "tests")
    findings = _sorted(reading.findings)
    definitions = _definitions(world, Files(document, top.systems, tables, written, _files(contracts)))
    if any(finding.severity == "error" for finding in findings):
        return Loaded(None, findings, definitions, watch=top.watch)
    loaded = _loaded(reading.root, definitions, top, world, order, findings)
    return replace(loaded, tests=tests, watch=top.watch)


@dataclass(frozen=True, slots=True)
class _Top:
    """What the project file itself says. `lost` are systems that are written but damaged."""

    systems: Mapping[str, System]
    lost: frozenset[str]
    ledger: str
    secrets: frozenset[str]
    record_inputs: int
    watch: Watch
    retention: Mapping[str, str]


class _Reading:
    """The files of one folder, read one after the other; collects what is wrong with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings: list[Finding] = []

    def yaml(self, path: Path) -> Document | None:
        try:
            document, findings = load_yaml(path.as_posix(), path.read_bytes())
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            document, findings = None, [Finding("project/unreadable", message, at=At(path.as_posix()))]
        self.findings += findings
        return document

    def project_file(self, env: str | None) -> Document | None:
        path = self.root / PROJECT_FILE
        if not path.is_file():
            message = f"there is no {PROJECT_FILE}"
            mend = "run crmsync init, or name the project folder: --project DIR"
            self.findings.append(Finding("project/not-found", message, mend, at=At(path.as_posix())))
            return None
        document = self.yaml(path)
        if env is None:
            return document
        over = self.overlay(env)
        return document.overlaid(over) if document is not None and over is not None else None

    def overlay(self, env: str) -> Document | None:
        path = self.root / f"crmsync.{env}.yaml"
        if path.is_file():
            return self.yaml(path)
        known = {each.name.split(".")[1] for each in self.root.glob("crmsync.*.yaml")}
        message = f"there is no {path.name} for --env {env}"
        finding = Finding("project/unknown-env", message, choose(env, known), at=At(path.as_posix()))
        self.findings.append(finding)
        return None

    def folder(self, document: Document, key: str) -> Path:
        """The folder that the project file names under `key`; its absence is a finding where it is named."""
        written = document.look((key,))
        folder = self.root / (written if isinstance(written, str) else key)
        if isinstance(written, str) and not folder.is_dir():
            message = f"there is no folder {written!r}"
            self.findings.append(Finding("project/no-folder", message, f"mend {key}:", at=document.at(key)))
        return folder


def _top(reading: _Reading, document: Document, environ: Mapping[str, str]) -> _Top:
    """Systems that do not have the right shape are left out; the others are read and checked."""
    wrong = misfits("project", document)
    reading.findings += [finding for _, finding in wrong]
    written = document.data if isinstance(document.data, dict) else {}
    systems = written.get("systems")
    names = set(systems) if isinstance(systems, dict) else set()
    damaged = [where for where in [*(where for where, _ in wrong), *document.broken] if where[:1] == ("systems",)]
    lost = names if ("systems",) in damaged else {str(where[1]) for where in damaged if len(where) > 1}
    filled = fill_variables(document, environ)
    reading.findings += filled.findings
    usable = {name: body for name, body in filled.data.get("systems", {}).items() if name not in lost} if names else {}
    read = read_systems(reading.root, document, usable)
    reading.findings += check_systems(document, read)
    ledger = sqlite_in(reading.root, str(filled.data.get("ledger", LEDGER)))
    signals = sound(filled.data.get("signals", {}), [*(where for where, _ in wrong), *document.broken])
    reading.findings += check_watch(document, signals)
    watch = read_watch(reading.root, signals, ledger, filled.secrets)
    kept = filled.data.get("record_inputs", 0)
    kept = kept if isinstance(kept, int) else 0  # else it is a finding
    retention = read_retention(document)
    if not [where for where in (*(where for where, _ in wrong), *document.broken) if where[:1] == ("retention",)]:
        reading.findings += check_retention(document, retention)
    return _Top(read, frozenset(lost), ledger, filled.secrets, kept, watch, retention)


def _files(contracts: Contracts) -> dict[str, SchemaFile]:
    return {key: file for key, (_, file) in contracts.sound.items()}


def _tables(reading: _Reading, document: Document) -> tuple[dict[str, Table], dict[str, Document], bool]:
    """The reference tables by name, what each is written in, and whether some could not be read."""
    tables: dict[str, Table] = {}
    written: dict[str, Document] = {}
    before = len(reading.findings)
    for path in yaml_files(reading.root / str(document.look(("mappings",)) or "mappings") / "reference"):
        file = reading.yaml(path)
        if file is None:
            continue
        found, findings = read_tables(file)
        reading.findings += findings
        for name, table in found.items():
            if name in tables:
                message = f"table {name} is already written at {tables[name].at}"
                reading.findings.append(
                    Finding("reference/duplicate-table", message, "rename one of the two", at=table.at)
                )
            tables.setdefault(name, table)
            written.setdefault(name, file)
    return tables, written, len(reading.findings) > before


def _drafts(reading: _Reading, document: Document, contracts: Contracts) -> tuple[dict[str, Draft], frozenset[str]]:
    """The mappings by name, and the names of all, also of those that are too damaged."""
    drafts: dict[str, Draft] = {}
    named: dict[str, At] = {}
    files = [path for path in yaml_files(reading.folder(document, "mappings")) if not path.stem.endswith(".match")]
    for path in files:
        file = reading.yaml(path)
        if file is None:
            continue
        draft, findings = read_mapping(file, contracts.found)
        reading.findings += findings
        draft = _with_files(reading, draft) if draft is not None else None
        name, at = file.look(("mapping",)), file.at("mapping")
        if isinstance(name, str) and name in named:
            message = f"mapping {name} is already written at {named[name]}"
            reading.findings.append(Finding("mapping/duplicate-name", message, "rename one of the two", at=at))
        elif isinstance(name, str):
            named[name] = at
            drafts |= {name: draft} if draft is not None else {}
    if not files:
        message, mend = "there are no mappings", "write one into mappings/, or run crmsync init"
        reading.findings.append(Finding("project/no-mappings", message, mend, "warning", document.at("mappings")))
    return drafts, frozenset(named)


def _with_files(reading: _Reading, draft: Draft) -> Draft:
    """The draft with what the model file says that it names; what is not there is a finding where it is named."""
    match, folder = draft.mapping.match, Path(draft.file).parent
    if match is None:
        return draft
    for key in ("model", "labels"):
        name = draft.document.look(("match", key))
        if isinstance(name, str) and not (folder / name).is_file():
            mend = "crmsync match train writes one" if key == "model" else "crmsync match sample writes one"
            reading.findings.append(draft.wrong("no-file", f"there is no file {name!r} beside it", mend, "match", key))
            return draft
    model = draft.document.look(("match", "model"))
    document = reading.yaml(folder / model) if model is not None else None
    if document is None:
        return draft
    card, findings = read_model(document)
    reading.findings += findings
    return replace(draft, mapping=replace(draft.mapping, match=replace(match, scorecard=card)))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By place; what two checks found alike is said once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.at or At(""), each.rule, each.message)))


# The nouns --------------------------------------------------------------------------------------------------------


def _loaded(
    root: Path,
    definitions: Mapping[str, Definition],
    top: _Top,
    world: World,
    order: Iterable[str],
    findings: tuple[Finding, ...],
) -> Loaded:
    drafts = [world.drafts[name] for name in order]
    mappings = tuple(replace(draft.mapping, fields=_both_ways(draft, world)) for draft in drafts)
    project = Project(
        root.as_posix(),
        MappingProxyType(dict(top.systems)),
        mappings,
        MappingProxyType(dict(world.tables)),
        MappingProxyType(dict(world.contracts)),
        top.ledger,
        top.secrets,
        top.record_inputs,
        top.retention,
    )
    return Loaded(project, findings, definitions)


def _definitions(world: World, files: Files) -> Mapping[str, Definition]:
    """Of the mappings that are whole, whatever the checks say of them."""
    return MappingProxyType({
        name: definition_of(draft.mapping, draft.document, files)
        for name, draft in world.drafts.items()
        if not draft.damaged and all(_is_there(end, world) for end in draft.mapping.ends)
    })  # fmt: skip


def _is_there(end: End, world: World) -> bool:
    return world.entity(end) is not None and str(end.contract) in world.contracts


def _both_ways(draft: Draft, world: World) -> tuple[Field, ...]:
    """The fields, with the way back worked out where only one way is written and the value flows both ways."""
    return tuple(_with_way_back(each, draft, world) for each in draft.mapping.fields)


def _with_way_back(each: Field, draft: Draft, world: World) -> Field:
    written = draft.document.data["fields"][each.name]
    given = [side for side in SIDES if f"to_{draft.sides[side]}" in written]
    if len(given) != 1 or not (each.owner == "shared" or each.seed is not None):
        return each
    there, back = given[0], other(given[0])
    chain = invert(each.to[there], world.context(draft, there)) or ()
    return replace(each, to=(chain, each.to[1]) if back == 0 else (each.to[0], chain))
