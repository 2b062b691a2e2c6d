"""How does a record carry another one, a read-only hop away?

A wrapper around doors: the record of another entity is put into each record under a name. A change of the embedded
record counts as a change of the record that embeds it, in a delta too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crmsync.connectors.base import Capabilities, Cursor, Door, Findings, Insert, Page, Write, fetch
from crmsync.core.expression import get_path, plain_path
from crmsync.core.model import Embed, Entity, Json, Key, Outcome, Raw, from_json, key_text, to_json


def embedding(door: Door, entity: Entity, hops: Mapping[Embed, Door]) -> Door:
    """`door` with the record of each hop in its records."""
    return Embedding(door, {each: plain_path(each.by) or (each.by,) for each in entity.embed}, dict(hops))


@dataclass
class Embedding:
    inner: Door
    by: Mapping[Embed, tuple[str, ...]]
    hops: Mapping[Embed, Door]

    def __post_init__(self) -> None:
        delta = self.inner.can.delta and self.inner.can.find and all(door.can.delta for door in self.hops.values())
        self.can: Capabilities = replace(self.inner.can, delta=delta)

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        if since is None:
            yield from map(self._fill, self.inner.list())
            return
        given: set[Key] = set()
        for page in self._changed(since.modified):
            fresh = [raw for raw in page if raw.key not in given]
            given.update(raw.key for raw in fresh)
            yield self._fill(fresh)

    def _changed(self, cursors: Json) -> Iterator[Page]:
        """Pages of the records that changed themselves, then of those whose embedded record changed."""
        yield from self.inner.list(_cursor(cursors[""]))
        for embed, door in self.hops.items():
            for page in door.list(_cursor(cursors[embed.name])):
                yield from self.inner.find(embed.by, [raw.key[0] for raw in page])

    def newest(self) -> Cursor | None:
        if not self.can.delta:
            return None
        found = {"": self.inner.newest(), **{embed.name: door.newest() for embed, door in self.hops.items()}}
        return Cursor({name: cursor and [cursor.modified] for name, cursor in found.items()})

    def get(self, keys: Sequence[Key]) -> Page:
        return self._fill(self.inner.get(keys))

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        yield from map(self._fill, self.inner.find(path, values))

    def _fill(self, page: Page) -> Page:
        """The same records with everything that they embed; the body is an array of the inner bodies."""
        records = [None if raw.fault else self.inner.decode(raw.body) for raw in page]
        columns = [self._embedded(embed, path, records) for embed, path in self.by.items()]
        return [raw if raw.fault else _whole(raw, [column[i] for column in columns]) for i, raw in enumerate(page)]

    def _embedded(self, embed: Embed, path: tuple[str, ...], records: Sequence[Json]) -> Sequence[Raw | None]:
        values = [get_path(record, path) for record in records]
        keys: set[Key] = {(value,) for value in values if isinstance(value, str | int) and not isinstance(value, bool)}
        found = {raw.key: raw for raw in fetch(self.hops[embed], sorted(keys, key=key_text))}
        return [found.get((value,)) if isinstance(value, str | int) else None for value in values]

    def decode(self, body: bytes) -> Json:
        own, *embedded = from_json(body)
        record = self.inner.decode(own.encode())
        if not isinstance(record, dict):
            return record
        parts = zip(self.by, embedded, strict=True)
        return {**record, **{embed.name: text and self.hops[embed].decode(text.encode()) for embed, text in parts}}

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """The versions expected are those of whole records; the inner door is told its own."""
        now = fetch(self.inner, [write.key for write in writes if not isinstance(write, Insert)])
        versions = {(raw.key, whole.version): raw.version for raw, whole in zip(now, self._fill(now), strict=True)}
        told = [_expecting(write, versions) for write in writes]
        outcomes = self.inner.write(told)
        whole = iter(self._fill([outcome.record for outcome in outcomes if outcome.record]))
        return [replace(outcome, record=next(whole)) if outcome.record else outcome for outcome in outcomes]

    def probe(self) -> Findings:
        return [*self.inner.probe(), *(finding for door in self.hops.values() for finding in door.probe())]


def _whole(raw: Raw, embedded: Sequence[Raw | None]) -> Raw:
    """A record whose embedded record cannot be read cannot be read itself."""
    fault = next((each.fault for each in embedded if each and each.fault), None)
    if fault:
        return replace(raw, fault=f"what it embeds: {fault}")
    return replace(raw, body=to_json([raw.body.decode(), *(each and each.body.decode() for each in embedded)]))


def _expecting(write: Write, versions: Mapping[tuple[Key, str], str]) -> Write:
    """The same write for the inner door; a version that is not there any more is left as it is, and so is stale."""
    if isinstance(write, Insert):
        return write
    return replace(write, expect=versions.get((write.key, write.expect), write.expect))


def _cursor(told: Json) -> Cursor | None:
    return Cursor(told[0]) if told else None
