"""Which words of this project could an editor offer while somebody writes a mapping?

The schema of mapping files with suggestions laid beside what it allows. Each suggestion is something that the schema
allows anyway, so a file fits the one exactly when it fits the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from crmsync.core.contract.shape import declared, facets
from crmsync.core.match import comparators
from crmsync.core.model import ABSENT, Contract, Json
from crmsync.core.values import Transform, registry
from crmsync.project.contracts import read_contracts
from crmsync.project.load import PROJECT_FILE
from crmsync.project.mappings import side_names
from crmsync.project.shapes import known_keys, schema_text
from crmsync.project.yaml import Document, load_yaml, yaml_files

Way: TypeAlias = tuple[str, ...]

DEPTH: Final = 6  # names in a path
MOST: Final = 2_000  # paths of one contract
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIDE: Final = re.compile(r"[a-z][a-z0-9_]*")
_CONTRACT: Final = re.compile(r"[^@\s]+@[0-9]+")


@dataclass(frozen=True, slots=True)
class Words:
    """The names of a project, also of one with mistakes: what can be read of it counts. `systems` with their entities;
    `sides`: what mappings call their sides, and systems, with the contracts behind them."""

    systems: Mapping[str, tuple[str, ...]]
    sides: Mapping[str, tuple[Contract, ...]]
    tables: tuple[str, ...]
    mappings: tuple[str, ...]


def project_schema(root: Path) -> str:
    """The JSON Schema (draft-07) of mapping files, with the words of the project in the folder `root`."""
    schema = json.loads(schema_text("mapping"))
    schema["$id"] += ":project"
    return json.dumps(_completed(schema, words_of(root)), indent=2, ensure_ascii=False) + "\n"


# The words ------------------------------------------------------------------------------------------------------


def words_of(root: Path) -> Words:
    project = _data(root / PROJECT_FILE)
    systems = {name: tuple(_object(body, "entities")) for name, body in _object(project, "systems").items()}
    contracts = tuple(read_contracts(root / _text(project, "schemas")).found.values())
    folder = root / _text(project, "mappings")
    mappings = [data for data in map(_data, yaml_files(folder)) if isinstance(data.get("mapping"), str)]
    return Words(
        systems=systems,
        sides={side: _behind(side, mappings, contracts) for side in _sides(systems, mappings)},
        tables=tuple(sorted(name for file in yaml_files(folder / "reference") for name in _data(file))),
        mappings=tuple(sorted(data["mapping"] for data in mappings)),
    )


def _data(file: Path) -> dict[str, Json]:
    document: Document | None = load_yaml(file.as_posix(), file.read_bytes())[0] if file.is_file() else None
    return document.data if document is not None and isinstance(document.data, dict) else {}


def _object(data: Json, key: str) -> dict[str, Json]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _text(data: Mapping[str, Json], key: str) -> str:
    """What the project file says under this key, which is also its default."""
    return data[key] if isinstance(data.get(key), str) else key


def _sides(systems: Iterable[str], mappings: Iterable[Json]) -> list[str]:
    named = {name for data in mappings for name in side_names(data)} | set(systems)
    taken = {*known_keys("mapping", "field"), *known_keys("mapping", "check")}
    return sorted(name for name in named - taken if _SIDE.fullmatch(name) and not name.startswith("to_"))


def _behind(side: str, mappings: Iterable[Json], contracts: Iterable[Contract]) -> tuple[Contract, ...]:
    """The contracts of a side: those that mappings name under it, and those of the system that is called so."""
    named = {str(_object(_object(data, "between"), side).get("contract")).partition("@")[0] for data in mappings}
    return tuple(each for each in contracts if each.name in named or each.name.startswith(f"{side}."))


def paths(contract: Contract) -> list[str]:
    """The plain paths that a contract declares, through `$ref` and alternatives, short ones first; a recursive contract
    has no end of them, so some are left out."""
    found: list[Way] = [()]
    for way in found:
        if len(found) > MOST or len(way) == DEPTH:
            break
        found += [(*way, name) for name in _below(way, contract.schema)]
    return [".".join(map(_quoted, way)) for way in found[1 : MOST + 1]]


def _below(way: Way, root: Json) -> list[str]:
    known = [facet for schema in declared(way, root) for facet in facets(schema, root)]
    return sorted({name for facet in known for name in _object(facet, "properties")})


def _quoted(name: str) -> str:
    """As an expression spells it."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


# The schema -----------------------------------------------------------------------------------------------------


def _completed(schema: Json, words: Words) -> Json:
    top, definitions = schema["properties"], schema["definitions"]
    field, compare = definitions["field"], top["match"]["properties"]["compare"]["additionalProperties"]
    for side, contracts in words.sides.items():
        definitions[f"{side}_end"] = _end(definitions["end"], words, side, contracts)
        definitions[f"{side}_place"] = _place(definitions["place"], contracts)
        field["properties"] |= {side: _refer(f"{side}_place"), f"to_{side}": _refer("chain")}
    top["between"]["properties"] = {side: _refer(f"{side}_end") for side in words.sides}
    for keys, key, offered in (
        (field["properties"], "owner", [*words.sides, "shared"]),
        (field["properties"], "on_conflict", ["review", "newest", *words.sides]),
        (field["properties"], "link", words.mappings),
        (definitions, "side", words.sides),
        (top, "after", words.mappings),
        (top["after"]["anyOf"][1], "items", words.mappings),
        (compare["properties"], "as", comparators()),
    ):
        keys[key] = _offering(keys[key], offered)
    definitions["chain"]["items"] = _step(definitions["chain"]["items"], words)
    return schema


def _refer(definition: str) -> Json:
    return {"$ref": f"#/definitions/{definition}"}


def _offering(schema: Json, words: Iterable[str]) -> Json:
    """The same schema, which an editor completes with these words."""
    offered = sorted(words)
    if not offered:
        return schema
    told = {key: schema[key] for key in ("description", "title") if key in schema}
    return {**told, "anyOf": [{"enum": offered}, {key: schema[key] for key in schema if key != "description"}]}


def _end(end: Json, words: Words, side: str, contracts: Iterable[Contract]) -> Json:
    entities = words.systems.get(side) or sorted({name for names in words.systems.values() for name in names})
    majors = {f"{each.name}@{each.version.partition('.')[0]}" for each in contracts}
    offered = {"system": words.systems, "entity": entities, "contract": filter(_CONTRACT.fullmatch, majors)}
    keys = {name: _offering(body, offered.get(name, ())) for name, body in end["properties"].items()}
    return {**end, "properties": keys}


def _place(place: Json, contracts: Iterable[Contract]) -> Json:
    offered = {path for contract in contracts for path in paths(contract)}
    alone, listed = place["anyOf"]
    return {**place, "anyOf": [_offering(alone, offered), {**listed, "items": _offering(listed["items"], offered)}]}


# Transforms -----------------------------------------------------------------------------------------------------


def _step(items: Json, words: Words) -> Json:
    """A transform by its name alone, where it needs no arguments, or with them."""
    alone, with_arguments = items["anyOf"]
    bare = [
        {"const": name, "description": each.doc}
        for name, each in registry().items()
        if all(param.default is not ABSENT for param in each.params.values())
    ]
    named = {name: _arguments(each, words) for name, each in registry().items() if each.params}
    return {**items, "anyOf": [*bare, alone, {**with_arguments, "properties": named}]}


def _arguments(transform: Transform, words: Words) -> Json:
    """What may stand behind the name: the main argument, or several by name. Whether they fit, the check says."""
    offered = {name: _values(transform, name, words) for name in transform.params}
    keys = {name: _offering({"description": param.doc}, offered[name]) for name, param in transform.params.items()}
    named = {"description": transform.doc, "properties": keys}
    main = offered[transform.main] if transform.main is not None else ()
    return {"description": transform.doc, "anyOf": [{"enum": sorted(main)}, named]} if main else named


def _values(transform: Transform, name: str, words: Words) -> Sequence[str]:
    match transform.name, name:
        case "lookup", "table":
            return words.tables
        case "lookup", "entity":
            return [f"{system}.{entity}" for system, names in words.systems.items() for entity in names]
    return transform.params[name].choices
