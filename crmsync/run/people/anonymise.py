"""How does a project become one that anybody may play with?

Its systems become files, with values that stand for those about people, the same for the same everywhere: what was
linked can be linked again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.compat.draw import Undrawable, drawing_of
from crmsync.core.contract import Checker
from crmsync.core.expression import Path as PlainPath
from crmsync.core.expression import plain_path, reads
from crmsync.core.mapping import expressions, private_paths
from crmsync.core.model import SIDES, Contract, Entity, Field, Finding, Json, Modified, Project, Side, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.values.lookup import loads
from crmsync.project.yaml import load_yaml
from crmsync.project.yaml_text import yaml_lines
from crmsync.run.people.disguise import Disguise, kind_named
from crmsync.run.rehearse.recorded import write_lines
from crmsync.run.world import Stopped, World

DATA: Final = "data"
Spot: TypeAlias = tuple[str, PlainPath]  # an entity's full name, and a plain path in its records
FORMATS: Final = {
    "email": "email", "idn-email": "email", "date": "date", "date-time": "date", "uri": "domain", "hostname": "domain",
}  # fmt: skip
TRANSFORMS: Final = {"email": "email", "phone": "phone", "domain": "domain", "company_id": "ico", "vat_id": "vat"}
COMPARED: Final = {
    "person": "person", "company": "company", "email": "email", "phone": "phone", "domain": "domain",
    "address": "address", "company_id": "ico",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copied:
    """How many records of each entity were copied, how many could not be read, and how many values another stands
    for, by kind. `left_out`: files in which people have written down values, below the project's folder."""

    records: Mapping[str, int]
    unreadable: int
    values: Mapping[str, int]
    left_out: tuple[str, ...]


@dataclass
class _Copying:
    """What is known of the project's places, and what was counted."""

    project: Project
    disguise: Disguise
    kinds: dict[Spot, str] = field(default_factory=dict)
    private: set[Spot] = field(default_factory=set)
    values: Counter[str] = field(default_factory=Counter)
    leaves: dict[tuple[str, tuple[str | int, ...]], _Leaf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _View:
    """What a contract says of an entity: its own, or that of one which embeds it below a name."""

    checker: Checker
    below: PlainPath = ()


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One place of one entity, as its contract declares it. `kind` "": it is not about people."""

    kind: str
    checker: Checker | None = None


def anonymise(world: World, out: Path, salt: bytes) -> Copied:
    """Write the copy, for its owner only. Raises `Stopped` (exit 2) where `out` is not empty, or a contract takes no
    value that could stand for another; `Transient` or `Refused` from a system."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Stopped(2, Finding("anonymise/not-empty", f"{out} is there already", "name a new folder"))
    copying = _Copying(world.project, Disguise(salt))
    copying.private = _private_spots(world.project)
    copying.kinds = _kinds(world.project)
    records, unreadable = Counter[str](), 0
    (out / DATA).mkdir(0o700, parents=True)
    for entity in _entities(world.project):
        views, names = _views(world.project, entity), _names(world.project, entity)
        counted = Counter[str]()
        write_lines(out / DATA / f"{entity.full_name}.jsonl", _lines(world, copying, (entity, views, names), counted))
        records[entity.full_name], unreadable = counted["records"], unreadable + counted["unreadable"]
    left_out = tuple(_copy_files(world.project, out))
    (out / "crmsync.yaml").write_text("\n".join(yaml_lines(_project_file(world.project))) + "\n", "utf-8")
    return Copied(records, unreadable, dict(sorted(copying.values.items())), left_out)


# Which places are about people, and of what kind --------------------------------------------------------------------


def _private_spots(project: Project) -> set[Spot]:
    """Where the contract does not say so, but what it marks elsewhere arrives; and keys of other records."""
    found = set[Spot]()
    for mapping in project.mappings:
        for side, paths in zip(SIDES, private_paths(project, mapping), strict=True):
            found |= {(_name(mapping, side), path) for path in paths}
    joined = [group for group in _groups(project) if any(_is_marked(project, spot) or spot in found for spot in group)]
    return found.union(*joined)


def _is_marked(project: Project, spot: Spot) -> bool:
    system, _, name = spot[0].partition(".")
    entity = project.systems[system].entities[name]
    return any(view.checker.touches_pii((*view.below, *spot[1])) for view in _views(project, entity))


def _kinds(project: Project) -> dict[Spot, str]:
    """One kind for all places that one value passes: what a contract names, else its format, else what a mapping
    compares or makes of it."""
    found: dict[Spot, str] = {}
    for group in _groups(project):
        told = [kind for spot in sorted(group) for kind in _said_by_contract(project, spot)]
        told += [kind for spot in sorted(group) for kind in _said_by_mappings(project, spot)]
        found.update(dict.fromkeys(group, told[0] if told else "text"))
    return found


def _groups(project: Project) -> list[set[Spot]]:
    """Places that hold the same values: both sides of a field, a link and the key that it leads to, a lookup and what
    it is looked up by."""
    groups: dict[Spot, set[Spot]] = {}
    for one in _joints(project):
        merged = set[Spot](one).union(*(groups.get(spot, set()) for spot in one))
        groups.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in groups.values()}.values())


def _joints(project: Project) -> Iterator[list[Spot]]:
    for mapping in project.mappings:
        for each in mapping.fields:
            spots = [
                (_name(mapping, side), path) for side in SIDES for text in expressions(each, side)
                if (path := plain_path(text))
            ]  # fmt: skip
            looked_up = [(side, load) for side in SIDES for load in loads(each.to[side])]
            for side, (name, by, take) in looked_up:
                theirs = [spot for spot in spots if spot[0] != _name(mapping, side)]
                ours = [spot for spot in spots if spot[0] == _name(mapping, side)]
                yield from ([*theirs, (name, _path(by))], [*ours, (name, _path(take))])
            if each.link is not None:
                yield from ([spot] for spot in spots)
                yield from (list(pair) for side in SIDES for pair in _named(project, mapping, each, side))
            elif not looked_up:
                yield spots


def _named(project: Project, mapping: Declared, each: Field, side: Side) -> Iterator[tuple[Spot, Spot]]:
    """Each part of the key that a link writes, and the part of the parent's key that it is."""
    system = mapping.ends[side].system
    ends = [end for end in project.mapping(each.link or "").ends if end.system == system]
    if ends:
        entity = project.entity(ends[0])
        for text, part in zip(expressions(each, side), entity.key, strict=False):
            if path := plain_path(text):
                yield (_name(mapping, side), path), (entity.full_name, _path(part))


def _said_by_contract(project: Project, spot: Spot) -> Iterator[str]:
    system, _, name = spot[0].partition(".")
    for view in _views(project, project.systems[system].entities[name]):
        schema = view.checker.at_path((*view.below, *spot[1]))
        inner = schema.get("items") if isinstance(schema, dict) else None
        for each in (schema, inner):
            if isinstance(each, dict):
                named = kind_named(each["x-pii"]) if isinstance(each.get("x-pii"), str) else None
                yield from filter(None, (named, FORMATS.get(str(each.get("format")))))


def _said_by_mappings(project: Project, spot: Spot) -> Iterator[str]:
    for mapping in project.mappings:
        compared = {each.field: each.kind for each in mapping.match.compare} if mapping.match else {}
        for each in mapping.fields:
            spots = [(_name(mapping, side), plain_path(text)) for side in SIDES for text in expressions(each, side)]
            if spot in spots:
                calls = [call.name for chain in each.to for call in chain]
                told = [COMPARED.get(compared.get(each.name, "")), *(TRANSFORMS.get(call) for call in calls)]
                yield from filter(None, told)


def _name(mapping: Declared, side: Side) -> str:
    return f"{mapping.ends[side].system}.{mapping.ends[side].entity}"


def _path(text: str) -> PlainPath:
    return plain_path(text) or (text,)


# Which records, and what of them -------------------------------------------------------------------------------------


def _entities(project: Project) -> list[Entity]:
    """What mappings speak of, what that embeds, and what values are looked up in; sorted."""
    found = {project.entity(end).full_name: project.entity(end) for mapping in project.mappings for end in mapping.ends}
    for each in list(found.values()):
        inner = [project.systems[each.system].entities[embed.entity] for embed in each.embed]
        found.update({entity.full_name: entity for entity in inner})
    for mapping in project.mappings:
        for name, _, _ in [load for each in mapping.fields for chain in each.to for load in loads(chain)]:
            system, _, entity = name.partition(".")
            found[name] = project.systems[system].entities[entity]
    return [found[name] for name in sorted(found)]


def _views(project: Project, entity: Entity) -> list[_View]:
    """The contracts that say something of its records."""
    ends = [end for mapping in project.mappings for end in mapping.ends]
    own = {str(e.contract): e.contract for e in ends if (e.system, e.entity) == (entity.system, entity.name)}
    found = [_View(Checker(contract)) for _, contract in sorted(own.items())]
    for end in ends:
        for embed in project.entity(end).embed:
            if (end.system, embed.entity) == (entity.system, entity.name):
                found.append(_View(Checker(end.contract), (embed.name,)))
    return found


def _names(project: Project, entity: Entity) -> frozenset[str]:
    """The top-level names that are copied: what a contract declares, and what the project looks at. Of anything else
    nobody knows what it is."""
    looked_at = [*entity.key, *(entity.archive or ()), *entity.natural_key, *(each.by for each in entity.embed)]
    looked_at += [each for each in (entity.origin, entity.trace) if each]
    looked_at += [entity.modified.field] if entity.modified else []
    names = {_path(text)[0] for text in looked_at}
    for view in _views(project, entity):
        names |= set(view.checker.names(view.below))
    for mapping in project.mappings:
        for each in mapping.fields:
            for _, by, take in (load for chain in each.to for load in loads(chain) if load[0] == entity.full_name):
                names |= {_path(by)[0], _path(take)[0]}
    if entity.deleted:
        names |= {path[0] for path in reads(entity.deleted) if path}
    return frozenset(names - {each.name for each in entity.embed})


def _lines(
    world: World, copying: _Copying, what: tuple[Entity, list[_View], frozenset[str]], counted: Counter[str]
) -> Iterator[bytes]:
    entity, views, names = what
    door = world.connection(entity.system).door(entity, names)
    for page in door.list():
        for raw in page:
            counted["unreadable" if raw.fault else "records"] += 1
            if not raw.fault:
                record = {name: value for name, value in door.decode(raw.body).items() if name in names}
                yield to_json(_masked(copying, entity, views, record, ()))


def _masked(copying: _Copying, entity: Entity, views: list[_View], value: Json, path: tuple[str | int, ...]) -> Json:
    if isinstance(value, dict):
        return {name: _masked(copying, entity, views, each, (*path, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(copying, entity, views, each, (*path, 0)) for each in value]
    place = (entity.full_name, path)
    if place not in copying.leaves:
        copying.leaves[place] = _leaf(copying, entity, views, path)
    leaf = copying.leaves[place]
    if not leaf.kind or value is None or value == "":
        return value
    copying.values[leaf.kind] += 1
    return _fitting(copying.disguise, leaf, value, f"{entity.full_name} {'.'.join(map(str, path))}")


def _leaf(copying: _Copying, entity: Entity, views: list[_View], path: tuple[str | int, ...]) -> _Leaf:
    plain = tuple(part for part in path if isinstance(part, str))
    spots = [(entity.full_name, plain[:length]) for length in range(len(plain), 0, -1)]
    declaring = [view for view in views if view.checker.declares((*view.below, *path))]
    marked = any(view.checker.pii((*view.below, *path)) for view in views)
    unknown = not declaring and any(
        view.checker.touches_pii((*view.below, *path[:length])) for view in views for length in range(1, len(path))
    )
    if not (marked or unknown or any(spot in copying.private for spot in spots)):
        return _Leaf("")
    kind = next((copying.kinds[spot] for spot in spots if spot in copying.kinds), None)
    kind = kind or next(iter(_said_by_contract(copying.project, (entity.full_name, plain))), "text")
    if not declaring:
        return _Leaf(kind)
    view = declaring[0]
    contract = view.checker.contract
    schema = view.checker.at_path((*view.below, *path))
    root = {name: each for name, each in contract.schema.items() if name in ("$defs", "definitions")}
    alone = {**root, **schema} if isinstance(schema, dict) else schema
    return _Leaf(kind, Checker(Contract(contract.name, contract.version, alone)))


def _fitting(disguise: Disguise, leaf: _Leaf, value: Json, where: str) -> Json:
    """What stands for the value and keeps its contract: else one that is drawn from that. A value that broke it may be
    stood for by one that does."""
    made = disguise(leaf.kind, value)
    if leaf.checker is None or leaf.checker.valid(made) or not leaf.checker.valid(value):
        return made
    for other in _shorter(made, leaf.checker.schema):
        if leaf.checker.valid(other):
            return other
    words = disguise("text", value)
    if leaf.checker.valid(words):
        return words
    try:
        return drawing_of(_as_full(leaf.checker.schema, value))(disguise.choices(value))
    except (Undrawable, Uncanonical) as error:
        message = f"no value could be made that {where} takes: {error}"
        raise Stopped(2, Finding("anonymise/no-value", message, "say it plainer in its contract")) from None


def _as_full(schema: Json, value: Json) -> Json:
    """The schema with values of this type alone: null would hide that something is there."""
    given = schema if isinstance(schema, dict) else {}
    types = {bool: "boolean", int: "number", Decimal: "number", str: "string"}
    return {**given, "allOf": [*given.get("allOf", ()), {"type": types[type(value)]}]}


def _shorter(made: Json, schema: Json) -> Iterator[Json]:
    longest = schema.get("maxLength") if isinstance(schema, dict) else None
    if isinstance(made, str) and isinstance(longest, int) and len(made) > longest:
        yield made[:longest].strip()


# The project itself --------------------------------------------------------------------------------------------------


def _copy_files(project: Project, out: Path) -> Iterator[str]:
    """Mappings and contracts as they are, and the models that mappings name; of labelled pairs the head alone. What is
    left out."""
    root = Path(project.root).resolve()
    for mapping in project.mappings:
        if mapping.at:
            source = Path(mapping.at.file)
            _copy(source, out / "mappings" / source.name)
            for name in _model_of(source):
                _copy(source.parent / name, out / "mappings" / name)
            if mapping.match and mapping.match.labels:
                labels = source.parent / mapping.match.labels
                _copy(labels, out / "mappings" / mapping.match.labels, lines=1)
                yield os.path.relpath(labels, root)
    yield from (each.relative_to(root).as_posix() for each in sorted(root.glob("tests/*/*.y*ml")))  # golden cases
    for table in project.tables.values():
        if table.at:
            _copy(Path(table.at.file), out / "mappings" / "reference" / Path(table.at.file).name)
    for contract in project.contracts.values():
        file = Path(contract.file)
        _copy(file, out / "schemas" / Path(*file.parts[-3:]))


def _model_of(mapping: Path) -> Iterator[str]:
    document, _ = load_yaml(str(mapping), mapping.read_bytes())
    name = document.look(("match", "model")) if document else None
    if isinstance(name, str):
        yield name


def _copy(source: Path, target: Path, lines: int | None = None) -> None:
    target.parent.mkdir(0o700, parents=True, exist_ok=True)
    with source.open("rb") as found, target.open("wb") as made:
        made.writelines(islice(found, lines))


def _project_file(project: Project) -> Json:
    systems: dict[str, Json] = {}
    for entity in _entities(project):
        system = project.systems[entity.system]
        zone = {} if system.timezone == "UTC" else {"timezone": system.timezone}
        body = systems.setdefault(entity.system, {"connector": "table", "folder": DATA, **zone, "entities": {}})
        body["entities"][entity.name] = _entity_yaml(entity)
    return {"version": 1, "ledger": "sqlite:///.crmsync/ledger.db", "systems": systems}


def _entity_yaml(entity: Entity) -> Json:
    """As it is, but for what a file does not need. Elements of a list are records of their own there."""
    said: dict[str, Json] = {
        "file": f"{entity.full_name}.jsonl",
        "key": list(entity.key) if len(entity.key) > 1 else entity.key[0],
        "modified": _modified(entity.modified) if entity.modified else None,
        "deleted": entity.deleted,
        "archive": {"set": dict(entity.archive)} if entity.archive else None,
        "assigned_by": entity.assigned_by,
        "recover_by": entity.recover_by if entity.recover_by in ("origin field", "natural key") else None,
        "origin": entity.origin,
        "natural_key": list(entity.natural_key) or None,
        "embed": {each.name: {"entity": each.entity, "by": each.by} for each in entity.embed} or None,
        "trace": entity.trace,
    }
    return {name: value for name, value in said.items() if value is not None}


def _modified(modified: Modified) -> Json:
    times = {"granularity": modified.granularity, "overlap": modified.overlap}
    told = {name: f"{round(seconds * 1000)}ms" for name, seconds in times.items() if seconds}
    zone = {} if modified.timezone == "UTC" else {"timezone": modified.timezone}
    return {"field": modified.field, **zone, **told}
