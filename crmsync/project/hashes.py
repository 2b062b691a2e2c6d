"""Is this still the mapping that the last run knew?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from crmsync.core.model import Entity, Json, Match, System, Table, fingerprint, to_json
from crmsync.core.model import Mapping as MappingNoun
from crmsync.project.yaml import Document

_NOT_HASHED = ("at", "options", "max_bytes", "system", "name")
_PLACES = ("url",)  # where a system is may differ from one environment to the next


def mapping_hash(
    mapping: MappingNoun, written: Json, project: Document, systems: Mapping[str, System], tables: Mapping[str, Table]
) -> str:
    """Over all that decides what a record means: the mapping as data (not its comments or formatting), the points of
    its model, both contracts, the reference tables it uses, and how its entities are read. Options count as written:
    `${TOKEN}`, not its value."""
    entities = [_entity(project, systems[end.system], end.entity) for end in mapping.ends]
    contracts = [(str(end.contract), end.contract.schema) for end in mapping.ends]
    told = {**written, "match": _judging(written["match"], mapping.match)} if mapping.match else written
    used = {name: _table(tables[name]) for name in sorted(_tables_of(mapping)) if name in tables}
    return fingerprint(to_json([told, list(written["between"]), contracts, used, entities]))


def _judging(written: Json, match: Match) -> Json:
    """What decides which is which: the points of the model, not the name of its file, nor what proves it."""
    card = match.scorecard
    curves = {name: [curve.at, curve.points] for name, curve in card.curves.items()} if card else {}
    rest = {key: value for key, value in written.items() if key not in ("model", "labels", "min_precision", "golden")}
    return {**rest, "points": [card.base, curves] if card else None}


def _tables_of(mapping: MappingNoun) -> Iterator[str]:
    chains = [chain for each in mapping.fields for chain in each.to] + [check.apply for check in mapping.checks]
    for call in (call for chain in chains for call in chain if call.name == "lookup"):
        name = call.args.get("table") if isinstance(call.args, dict) else call.args
        if isinstance(name, str):
            yield name


def _table(table: Table) -> Json:
    preferred = {column: sorted(map(to_json, chosen.items())) for column, chosen in table.prefer.items()}
    return [
        table.columns,
        table.rows,
        {column: [each.decode() for each in pairs] for column, pairs in preferred.items()},
        table.unmapped,
    ]


def _entity(project: Document, system: System, name: str) -> Json:
    entity = system.entities[name]
    embedded = [_definition(project, system, system.entities[embed.entity]) for embed in entity.embed]
    return [system.connector, system.timezone, _definition(project, system, entity), embedded]


def _definition(project: Document, system: System, entity: Entity) -> Json:
    written = project.data["systems"][system.name]["entities"][entity.name]
    known = {each.name: getattr(entity, each.name) for each in fields(entity) if each.name not in _NOT_HASHED}
    return [known, {key: written[key] for key in entity.options if key not in _PLACES}]
