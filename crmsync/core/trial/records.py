"""Which records, of all that a contract allows, are tried on a mapping?

Half of them are drawn from the contract alone: null and absent, all of Unicode, extreme lengths, boundary dates. The
others begin with an example of the contract and are changed here and there. Into both goes what the mapping itself
speaks of: the words of its expressions, the rows of its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Final

from crmsync.core.compat.choices import Choices, Seeded, happens, one_of
from crmsync.core.compat.draw import drawing_of
from crmsync.core.compat.judge import Judge
from crmsync.core.compat.smaller import smallest
from crmsync.core.contract import Checker
from crmsync.core.expression import EvaluationError, get_path, plain_path, put_path, reads
from crmsync.core.expression.tree import in_text_order, tree_of
from crmsync.core.mapping import Compiled, Path, Seen, examine, expressions
from crmsync.core.model import ABSENT, SIDES, Json, Key, Raw, Side, Table, from_json, other, to_json
from crmsync.core.values import Context
from crmsync.core.values.chain import find
from crmsync.core.values.lookup import rows_of

TRIES: Final = 30  # until a record is in scope


@dataclass(frozen=True, slots=True)
class Stream:
    """Choices for the one that is number `number` of `way`: the same for the same seed, whatever was drawn before."""

    way: int
    seed: int

    def of(self, number: int) -> Choices:
        return Seeded((self.seed * 1_000_003 + self.way) * 1_000_003 + number)


@dataclass(frozen=True)
class Records:
    """The records of one side of a mapping that are drawn. Raises `Uncanonical` (a contract that nothing can be drawn
    for) and `Undrawable`."""

    compiled: Compiled
    side: Side
    tables: Mapping[str, Table]

    @property
    def checker(self) -> Checker:
        return self.compiled.checkers[self.side]

    @cached_property
    def draw_any(self) -> Callable[[Choices], Json]:
        return drawing_of(self.checker.schema)

    @cached_property
    def judge(self) -> Judge:
        return Judge(self.checker.schema)

    @cached_property
    def examples(self) -> tuple[Json, ...]:
        found = self.checker.schema.get("examples", ()) if isinstance(self.checker.schema, dict) else ()
        return tuple(each for each in found if isinstance(each, dict) and self.checker.valid(each))

    @cached_property
    def words(self) -> tuple[tuple[Path, tuple[Json, ...]], ...]:
        """By path, values that the mapping speaks of there."""
        found: dict[Path, dict[bytes, Json]] = {}
        for path, value in (*self._spoken(), *self._rows(), *self._known()):
            found.setdefault(path, {})[to_json(value)] = value
        return tuple((path, tuple(values.values())) for path, values in sorted(found.items()) if path)

    def _spoken(self) -> Iterator[tuple[Path, Json]]:
        mapping, side = self.compiled.mapping, self.side
        policy = mapping.create[1 - side]
        texts = [mapping.scope[side], policy if isinstance(policy, str) else None, self.compiled.entities[side].deleted]
        texts += [field.when[side] for field in mapping.fields]
        for text in filter(None, texts):
            for path in sorted(reads(text)):
                yield from ((path, value) for value in _literals(text))

    def _rows(self) -> Iterator[tuple[Path, Json]]:
        """What tables take of this side, and give to it."""
        names = [end.name for end in self.compiled.mapping.ends]
        for field in self.compiled.mapping.fields:
            paths = [*filter(None, map(plain_path, expressions(field, self.side)))]
            for to in SIDES:
                context = Context(self.tables, names[other(to)], names[to])
                rows = (row for call in field.to[to] for row in rows_of(call, context))
                yield from ((path, row[to == self.side]) for row in rows for path in paths)

    def _known(self) -> Iterator[tuple[Path, Json]]:
        """What the transforms that a value passes are known to take, and to refuse."""
        for field in self.compiled.mapping.fields:
            for path in filter(None, map(plain_path, expressions(field, self.side))):
                for call in field.to[other(self.side)]:
                    yield from ((path, each.value) for each in find(call.name).examples if each.args == call.args)

    def draw(self, choices: Choices) -> Json:
        """A record that keeps the contract."""
        drawn = self.draw_any(choices)
        if self.examples and happens(choices, 2):
            return self._spoken_in(choices, self._changed(choices, one_of(choices, self.examples), drawn))
        return self._spoken_in(choices, drawn)

    def _changed(self, choices: Choices, record: Json, drawn: Json) -> Json:
        """An example with some values of the drawn record."""
        places = _leaves(drawn)
        for _ in range(choices.integer(0, 3) if places else 0):
            path = one_of(choices, places)
            record = self._with(record, path, get_path(drawn, path))
        return record

    def _spoken_in(self, choices: Choices, record: Json) -> Json:
        for path, values in self.words:
            if happens(choices, 3):
                record = self._with(record, path, one_of(choices, values))
        return record

    def _with(self, record: Json, path: Path, value: Json) -> Json:
        """With this value, where the contract allows it."""
        try:
            changed = put_path(record, path, value)
        except EvaluationError:
            return record
        return changed if self.checker.valid(changed) else record

    def seen(self, record: Json, key: Key = (1,)) -> Seen:
        return examine(self.compiled, self.side, Raw(key, to_json(record)), from_json)

    def in_scope(self, choices: Choices) -> Json:
        """A record in scope, or ABSENT where none was drawn in some tries."""
        for _ in range(TRIES):
            record = self.draw(choices)
            lifted = self.seen(record).lifted
            if lifted is None or (lifted.in_scope and not lifted.gone):
                return record
        return ABSENT

    def smallest(self, record: Json, holds: Callable[[Json], bool]) -> Json:
        """As small as it can be made while it keeps the contract and `holds`."""
        return smallest(record, lambda each: isinstance(each, dict) and self.judge.accepts(each) and holds(each))


def settled(seen: Seen) -> bool:
    """A record that nothing speaks against."""
    lifted = seen.lifted
    return lifted is not None and not (seen.rejected or seen.held) and lifted.in_scope and not lifted.gone


def _literals(text: str) -> Iterator[Json]:
    """The constants of an expression, and the numbers beside them."""
    for node in in_text_order(tree_of(text)):
        match node:
            case {"type": "literal", "value": bool() | str() as value}:
                yield value
            case {"type": "literal", "value": int() | Decimal() as number}:
                yield from (number, number - 1, number + 1)


def _leaves(record: Json, path: Path = ()) -> list[Path]:
    if isinstance(record, dict) and record and len(path) < 4:
        return [leaf for name in sorted(record) for leaf in _leaves(record[name], (*path, name))]
    return [path] if path else []


class Everybody(Mapping[Json, Json]):
    """What `{lookup: {entity: ...}}` looks in where there is no system: whoever is asked for is there."""

    def __init__(self, answer: Json) -> None:
        self._answer = answer

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: Json) -> Json:
        return self._answer

    def __iter__(self) -> Iterator[Json]:
        return iter(())

    def __len__(self) -> int:
        return 0


def without(seen: Seen, places: frozenset[int]) -> Seen:
    """The record as if it said nothing in these fields."""
    if seen.lifted is None or not places:
        return seen
    natives = tuple(ABSENT if at in places else value for at, value in enumerate(seen.lifted.natives))
    return replace(seen, lifted=replace(seen.lifted, natives=natives))
