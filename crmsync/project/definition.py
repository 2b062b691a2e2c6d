"""What decides a mapping's meaning, as its files say it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from crmsync.core.change import Definition, define
from crmsync.core.model import At, Chain, Entity, Json, System, Table, fingerprint, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.values.lookup import table_of
from crmsync.project.contracts import SchemaFile
from crmsync.project.yaml import Document

_NOT_TOLD = ("at", "options", "max_bytes", "system", "name")
_PLACES = ("url",)  # where a system is may differ from one environment to the next


@dataclass(frozen=True, slots=True)
class Files:
    """What a mapping is written in, besides its own file. `written`: by the name of a table, the file it stands in;
    `contracts`: by name and version."""

    project: Document
    systems: Mapping[str, System]
    tables: Mapping[str, Table]
    written: Mapping[str, Document]
    contracts: Mapping[str, SchemaFile]

    def row(self, name: str, row: Json) -> At:
        """Where a row of a table stands."""
        rows = [to_json(each) for each in self.tables[name].rows]
        return self.written[name].at(name, "rows", rows.index(to_json(row)))


def definition_of(mapping: Declared, written: Document, files: Files) -> Definition:
    """The mapping as data (not its comments or formatting), the points of its model, both contracts, the reference
    tables that it uses, and how its entities are read. Options count as written (`${TOKEN}`, not its value), and only
    by their fingerprints: they may hold a secret all the same."""
    first, second = (_entity(files, files.systems[end.system], end.entity) for end in mapping.ends)
    used = {name: files.tables[name] for name in _tables_of(mapping) if name in files.tables}

    def place(*where: Json) -> At:
        return _place(mapping, written, files, *where)

    return define(mapping, (first, second), used, written.data["fields"], place)


def _tables_of(mapping: Declared) -> Iterator[str]:
    chains: list[Chain] = [chain for each in mapping.fields for chain in each.to]
    chains += [check.apply for check in mapping.checks]
    yield from filter(None, (table_of(call) for chain in chains for call in chain))


def _entity(files: Files, system: System, name: str) -> Json:
    entity = system.entities[name]
    known, options = _read_as(files.project, system, entity)
    hops = [each.entity for each in entity.embed if each.entity in system.entities]
    embedded = [_read_as(files.project, system, system.entities[each]) for each in hops]
    return {
        "connector": system.connector,
        "timezone": system.timezone,
        "entity": known,
        "options": options,
        "embedded": embedded,
    }


def _read_as(project: Document, system: System, entity: Entity) -> tuple[Json, Json]:
    written = project.data["systems"][system.name]["entities"][entity.name]
    known = {each.name: getattr(entity, each.name) for each in fields(entity) if each.name not in _NOT_TOLD}
    return known, {key: fingerprint(to_json(written[key])) for key in entity.options if key not in _PLACES}


def _place(mapping: Declared, written: Document, files: Files, *where: Json) -> At:
    match where:
        case ("#contract", 0 | 1 as side, *pointer):
            return files.contracts[str(mapping.ends[side].contract)].pointed(*pointer or ("",))
        case ("#system", 0 | 1 as side, *rest):
            return files.project.key_at("systems", mapping.ends[side].system, *rest)
        case ("#entity", 0 | 1 as side, *rest):
            end = mapping.ends[side]
            return files.project.key_at("systems", end.system, "entities", end.entity, *rest)
        case ("#table", str(name), *rest):
            return files.written[name].key_at(name, *rest)
        case ("#row", str(name), row):
            return files.row(name, row)
        case ():
            return written.key_at("mapping")
    return written.key_at(*where)
