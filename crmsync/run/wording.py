"""How does a line of the plan become a write that a door understands?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from crmsync.connectors.base import Insert, Patch, Remove, Write
from crmsync.core.expression import plain_path, put_paths
from crmsync.core.mapping import Compiled, lower, written_values
from crmsync.core.model import (
    Archive,
    Both,
    Change,
    Create,
    Delete,
    Key,
    Restore,
    Side,
    Symbol,
    Update,
    key_text,
    other,
)
from crmsync.core.plan import encode
from crmsync.run.parents import scalar
from crmsync.run.world import World

Writing: TypeAlias = Create | Update | Archive | Delete | Restore


@dataclass(frozen=True, slots=True)
class Try:
    """A line of the plan on its way to a door: its place there, with its parents' keys put in, and what the door is
    told."""

    seq: int
    line: Writing
    write: Write
    told: bool = False  # its parents' keys were not known when it was planned

    @property
    def token(self) -> str | None:
        return self.write.token if isinstance(self.write, Insert) else None

    @property
    def sent(self) -> bytes | None:
        """The line with the keys of its parents, where the plan had none."""
        return encode(self.line) if self.told else None


@dataclass
class Wording:
    """Puts lines of one mapping into a door's words."""

    world: World
    compiled: Compiled

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def resolved(self, lines: Sequence[Writing]) -> list[Writing | None]:
        """The lines with their parents' keys put in; None for one whose parent has none yet."""
        keys = self._parents(lines)
        return [_known(line, keys) for line in lines]

    def _parents(self, lines: Iterable[Writing]) -> dict[Symbol, Key]:
        """The keys of parents that were made before, by the symbols that stand for them."""
        changes = (change for line in lines if isinstance(line, Create | Update) for change in line.changes)
        symbols = {change.after for change in changes if isinstance(change.after, Symbol)}
        found = {}
        for mapping, side in sorted({(symbol.mapping, symbol.side) for symbol in symbols}):
            wanted = {symbol.source: symbol for symbol in symbols if (symbol.mapping, symbol.side) == (mapping, side)}
            links = self.world.ledger.links(mapping, side, list(wanted))
            found.update({wanted[key]: link.keys[other(side)] for key, link in links.items() if link.state != "gone"})
        return found

    def write(self, side: Side, line: Writing, token: str | None, expect: Mapping[Key, str]) -> Write:
        """What the door of `side` is told. `token`: that of a create that was sent before; `expect`: the versions of
        records that an earlier write of this run has replaced."""
        match line:
            case Create():
                traced = [(plain_path(path) or (path,), trace) for path, trace in self._named_trace(side)]
                data = put_paths(lower(self.compiled, side, {}, line.changes), traced)
                return Insert(data, token or self._token(side, line))
            case Update():
                values = written_values(self.compiled, side, line.changes)
                named = tuple((".".join(path), value) for path, value in values)
                return Patch(line.key, (*named, *self._named_trace(side)), expect.get(line.key, line.expect))
            case Archive():
                archive = self.compiled.entities[side].archive or {}
                return Patch(line.key, (*archive.items(), *self._named_trace(side)), expect.get(line.key, line.expect))
            case Restore():
                return Patch(line.key, (*line.values, *self._named_trace(side)), expect.get(line.key, line.expect))
            case Delete():
                return Remove(line.key, expect.get(line.key, line.expect))

    def _named_trace(self, side: Side) -> tuple[tuple[str, str], ...]:
        """Where the entity keeps the trace of who wrote it, with ours; nothing where it keeps none."""
        path = self.compiled.entities[side].trace
        return ((path, self.world.trace),) if path else ()

    def _token(self, side: Side, line: Create) -> str:
        """The same for every try of one create; another one once a person has said that what it made is not it."""
        end = self.compiled.mapping.ends[other(side)]
        ref = f"{end.system}.{end.entity}{key_text(line.source)} {self.name}"
        told = self._refusals[other(side)][line.source]
        return f"{ref}#{told}" if told else ref

    @cached_property
    def _refusals(self) -> Both[Counter[Key]]:
        return self.world.ledger.refusals(self.name, 0), self.world.ledger.refusals(self.name, 1)


def _known(line: Writing, keys: Mapping[Symbol, Key]) -> Writing | None:
    if isinstance(line, Archive | Delete | Restore) or not any(isinstance(each.after, Symbol) for each in line.changes):
        return line
    changes = [_put_key(change, keys) for change in line.changes]
    known = tuple(change for change in changes if change)
    return replace(line, changes=known) if len(known) == len(changes) else None


def _put_key(change: Change, keys: Mapping[Symbol, Key]) -> Change | None:
    if not isinstance(change.after, Symbol):
        return change
    key = keys.get(change.after)
    if key is None:
        return None
    value = scalar(key)
    sent = value if isinstance(change.agreed.sent, Symbol) else change.agreed.sent
    return change._replace(after=value, agreed=change.agreed._replace(sent=sent))
