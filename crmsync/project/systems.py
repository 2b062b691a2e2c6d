"""Which systems and entities does the project file name?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from crmsync.core.expression import plain_path, problems
from crmsync.core.model import Embed, Entity, Finding, Json, Modified, Retry, Sentinel, System
from crmsync.core.near import choose, closest, meant
from crmsync.project.shapes import dotted, known_keys
from crmsync.project.yaml import Document, Where

SHIPPED: Final = ("memory", "sql", "table")  # known without the metadata of an installed package
_OWN: Final = (
    "instance",
    "timezone",
    "retry",
    "rate",
    "sentinel",
)  # keys of a system that are no options of its connector
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SQLITE: Final = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?P<path>[^/:?][^?]*)(?P<query>\?.*)?")


def connectors() -> frozenset[str]:
    """Names of the connectors that are installed; none of them is imported."""
    return frozenset(SHIPPED) | {each.name for each in entry_points(group="crmsync.connectors")}


def sqlite_in(root: Path, url: str) -> str:
    """A URL whose relative SQLite path is taken from the project folder; any other URL as it is."""
    found = _SQLITE.fullmatch(url)
    if not found or found["path"].startswith("file:"):
        return url
    return f"{found['scheme']}{(root.resolve() / found['path']).as_posix()}{found['query'] or ''}"


def read_systems(root: Path, document: Document, systems: Json) -> dict[str, System]:
    """The systems of a project file that has the right shape; `systems` are its own, variables filled in."""
    return {name: _system(root, document, name, written) for name, written in systems.items()}


def _system(root: Path, document: Document, name: str, written: Json) -> System:
    timezone = written.get("timezone", "UTC")
    entities = {entity: _entity(document, name, entity, body, timezone) for entity, body in written["entities"].items()}
    options = _without(written, ("connector", "entities", *_OWN))
    if "url" in options:
        options["url"] = sqlite_in(root, options["url"])
    folder = options.get("folder", "." if written["connector"] == "table" else None)
    if isinstance(folder, str):  # of files, relative to the project folder as SQLite files are
        options["folder"] = str(root / folder)
    at = document.key_at("systems", name)
    retry = _retry(written.get("retry", {}))
    rate = _rate(written.get("rate"))
    sentinel = _sentinel(written.get("sentinel"))
    return System(
        name, written["connector"], entities, options, written.get("instance"), timezone, at, retry, rate, sentinel
    )


def _sentinel(written: Json) -> Sentinel | None:
    if written is None:
        return None
    parts = written["key"] if isinstance(written["key"], list) else [written["key"]]
    key = tuple(part if isinstance(part, str) else int(part) for part in parts)
    return Sentinel(written["entity"], key, written.get("expect"))


def _retry(written: Json) -> Retry:
    times = {key: seconds(written[key]) for key in ("wait", "longest", "budget") if key in written}
    return Retry(int(written.get("attempts", Retry().attempts)), **times)


def _rate(written: str | None) -> float | None:
    """Calls a second: `600/m` is 10."""
    if written is None:
        return None
    calls, _, unit = written.partition("/")
    return int(calls) / _SECONDS[unit.strip()]


def _entity(document: Document, system: str, name: str, written: Json, timezone: str) -> Entity:
    each = written.get("each")
    embed = written.get("embed", {})
    return Entity(
        system,
        name,
        _tuple(written["key"]),
        _modified(written.get("modified"), timezone),
        written.get("deleted"),
        written["archive"]["set"] if "archive" in written else None,
        written.get("assigned_by", "system"),
        written.get("recover_by", "none"),
        written.get("origin"),
        _tuple(written.get("natural_key", ())),
        tuple(Embed(each_name, body["entity"], body["by"]) for each_name, body in embed.items()),
        each,
        written.get("as", _singular(each)) if each else "",
        int(written.get("max_bytes", 10_000_000)),
        _without(written, known_keys("project", "entity")),
        document.key_at("systems", system, "entities", name),
        written.get("trace"),
    )


def _singular(path: str) -> str:
    return path.rpartition(".")[2].strip('"').removesuffix("s")


def _modified(written: Json, timezone: str) -> Modified | None:
    if written is None:
        return None
    if isinstance(written, str):
        return Modified(written, timezone)
    return Modified(
        written["field"],
        written.get("timezone", timezone),
        seconds(written.get("granularity", "0s")),
        seconds(written.get("overlap", "0s")),
    )


def seconds(duration: str) -> float:
    number = duration.rstrip("mshd")
    return float(number) * _SECONDS[duration.removeprefix(number)]


def _tuple(written: Json) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _without(written: Mapping[str, Json], known: Iterable[str]) -> dict[str, Json]:
    return {key: value for key, value in written.items() if key not in known}


# What is wrong with them ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One entity and the way to it in the project file."""

    system: System
    entity: Entity
    where: Where
    document: Document

    def wrong(self, rule: str, message: str, mend: str, *where: str | int) -> Finding:
        return Finding(f"project/{rule}", message, mend, at=self.document.at(*self.where, *where))


def check_systems(document: Document, systems: Mapping[str, System]) -> Iterator[Finding]:
    known = connectors() if systems else frozenset()
    for system in systems.values():
        where = ("systems", system.name)
        if system.connector not in known:
            message = f"there is no connector {system.connector!r}"
            at = document.at(*where, "connector")
            yield Finding("project/unknown-connector", message, choose(system.connector, known), at=at)
        yield from _check_timezone(document, system.timezone, (*where, "timezone"))
        yield from _check_options(document, where, system.options, _OWN)
        yield from _check_sentinel(document, where, system)
        for entity in system.entities.values():
            spoken = _Spoken(system, entity, (*where, "entities", entity.name), document)
            for check in (_paths, _tombstone, _recovery, _embedded, _zone, _likely_slips):
                yield from check(spoken)


def _check_timezone(document: Document, name: str, where: Where) -> Iterator[Finding]:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        mend = _near_zone(name)
        yield Finding("project/unknown-timezone", f"there is no time zone {name!r}", mend, at=document.at(*where))


def _check_sentinel(document: Document, where: Where, system: System) -> Iterator[Finding]:
    sentinel = system.sentinel
    if sentinel is None:
        return
    entity, where = system.entities.get(sentinel.entity), (*where, "sentinel")
    if entity is None:
        message = f"system {system.name} has no entity {sentinel.entity!r}"
        at = document.at(*where, "entity")
        yield Finding("project/unknown-entity", message, choose(sentinel.entity, system.entities), at=at)
    elif len(entity.key) != len(sentinel.key):
        message = f"the key of {entity.full_name} has {len(entity.key)} parts, not {len(sentinel.key)}"
        mend = f"write the value of each part: {', '.join(entity.key)}"
        yield Finding("project/sentinel-key", message, mend, at=document.at(*where, "key"))
    for offset, message in problems(sentinel.expect) if sentinel.expect else ():
        at = document.inside((*where, "expect"), offset)
        yield Finding("project/expression", f"expect: {message}", "see https://jmespath.org", at=at)


def _near_zone(name: str) -> str:
    return meant(closest(name, available_timezones()), "write a name such as UTC or Europe/Bratislava")


def _check_options(
    document: Document, where: Where, options: Mapping[str, Json], known: Iterable[str]
) -> Iterator[Finding]:
    """Any key may be an option of the connector, but one that is nearly a key of ours is rather a slip."""
    for key in options:
        near = closest(key, known)
        if near is not None and near != key and _alike(key, near):
            message = f"{key!r} in {dotted(where)} is taken for an option of the connector"
            at = document.key_at(*where, key)
            yield Finding("project/likely-slip", message, meant(near), "warning", at=at)


def _alike(one: str, two: str) -> bool:
    return closest(one, (two,), SLIP) is not None and abs(len(one) - len(two)) <= 2 and one[:1] == two[:1]


SLIP: Final = 0.65  # so much of a word is left in a slip of the pen: `kye` of key, but `table` is no slip of trace


def _likely_slips(spoken: _Spoken) -> Iterator[Finding]:
    known = known_keys("project", "entity")
    yield from _check_options(spoken.document, spoken.where, spoken.entity.options, known)


def _paths(spoken: _Spoken) -> Iterator[Finding]:
    """Paths that are read and written must be plain."""
    entity = spoken.entity
    places: list[tuple[str | None, Where]] = [
        *_listed(entity.key, "key", spoken),
        *_listed(entity.natural_key, "natural_key", spoken),
        (entity.origin, ("origin",)),
        (entity.trace, ("trace",)),
        (entity.each, ("each",)),
        *((path, ("archive", "set", path)) for path in entity.archive or ()),
        *((embed.by, ("embed", embed.name, "by")) for embed in entity.embed),
    ]
    for path, where in places:
        if path is not None and plain_path(path) is None:
            message = f"{path!r} is not a plain path"
            yield spoken.wrong("not-a-plain-path", message, "write names joined by dots: address.city", *where)


def _listed(paths: tuple[str, ...], key: str, spoken: _Spoken) -> Iterator[tuple[str, Where]]:
    is_list = isinstance(spoken.document.look((*spoken.where, key)), list)
    for index, path in enumerate(paths):
        yield path, (key, index) if is_list else (key,)


def _tombstone(spoken: _Spoken) -> Iterator[Finding]:
    for offset, message in problems(spoken.entity.deleted) if spoken.entity.deleted else ():
        at = spoken.document.inside((*spoken.where, "deleted"), offset)
        yield Finding("project/expression", f"deleted: {message}", "see https://jmespath.org", at=at)


def _recovery(spoken: _Spoken) -> Iterator[Finding]:
    entity = spoken.entity
    needs = {"origin field": ("origin", entity.origin), "natural key": ("natural_key", entity.natural_key)}
    key, value = needs.get(entity.recover_by, ("", True))
    if not value:
        message = f"recover_by: {entity.recover_by} needs {key}"
        yield spoken.wrong("recover-by", message, f"write {key}:, or recover_by: none", "recover_by")


def _embedded(spoken: _Spoken) -> Iterator[Finding]:
    for embed in spoken.entity.embed:
        if embed.entity not in spoken.system.entities:
            message = f"system {spoken.system.name} has no entity {embed.entity!r}"
            mend = choose(embed.entity, spoken.system.entities)
            yield spoken.wrong("unknown-entity", message, mend, "embed", embed.name, "entity")


def _zone(spoken: _Spoken) -> Iterator[Finding]:
    if spoken.entity.modified is not None:
        where = (*spoken.where, "modified", "timezone")
        if spoken.document.look(where) is not None:
            yield from _check_timezone(spoken.document, spoken.entity.modified.timezone, where)
