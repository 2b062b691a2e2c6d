"""What does a side say at an expression, in the records that count?

A plain path may lead nowhere, and says nothing then; any other expression says null. Conditions (a scope, a gate)
narrow the records down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import jsonschema_rs

from crmsync.core.expression import EvaluationError, compile_expression, get_path, plain_path, put_path, reads
from crmsync.core.expression.functions import kind_of
from crmsync.core.expression.problems import sound_tree
from crmsync.core.model import Absent, Json
from crmsync.core.types.infer import Inference
from crmsync.core.types.narrow import refine, truthy
from crmsync.core.types.notation import name as name_text
from crmsync.core.types.paths import Path
from crmsync.core.types.proof import is_blank, values_of
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, union
from crmsync.core.types.witness import Witnesses
from crmsync.core.types.written import Writer


@dataclass(frozen=True, slots=True)
class Said:
    """`schema`: what every value keeps, where there is one; False: there is none. `is_exact`: the contract itself says
    so, so that each such value may come; else there may be less."""

    schema: Json
    may_be_absent: bool = False
    is_exact: bool = True


@dataclass(frozen=True, eq=False)
class Source:
    """One contract, as the other side of a mapping reads it. What is worked out is kept."""

    schema: Json
    _said: dict[tuple[str, tuple[str, ...]], Said] = field(default_factory=dict)
    _records: dict[tuple[str, ...], Type] = field(default_factory=dict)

    @cached_property
    def root(self) -> Root:
        return Root(self.schema)

    @cached_property
    def writer(self) -> Writer:
        return Writer(self.root)

    @cached_property
    def samples(self) -> tuple[Json, ...]:
        """Records that keep the contract: its examples, and drawn ones."""
        return Witnesses(self.root, self.writer).samples

    def record(self, conditions: tuple[str, ...]) -> Type:
        """The records in which all conditions are met."""
        if conditions not in self._records:
            found = self.root.record
            for each in conditions:
                found = refine(found, sound_tree(each), True)
            self._records[conditions] = found
        return self._records[conditions]

    def said(self, text: str, conditions: tuple[str, ...] = ()) -> Said:
        key = text, conditions
        if key not in self._said:
            path = plain_path(text)
            self._said[key] = self._at(path, conditions) if path is not None else self._computed(text, conditions)
        return self._said[key]

    def _at(self, path: Path, conditions: tuple[str, ...]) -> Said:
        at, may_be_absent = self.record(conditions), False
        for name in path:
            may_be_absent = may_be_absent or any(
                view.kind != "object" or name not in view.required for view in at.alternatives
            )
            objects = [view for view in at.alternatives if view.kind == "object"]
            if not objects:
                return Said(False, True)
            at = union(self.root, *(view.property(name) for view in objects))
        return Said(self.writer.written(at), may_be_absent)

    def _computed(self, text: str, conditions: tuple[str, ...]) -> Said:
        tree = sound_tree(text)
        found = Inference(self.root, tree, "").visit(tree, self.record(conditions))
        return Said(self.writer.written(found), False, False)

    def values(self, text: str, conditions: tuple[str, ...]) -> list[Json]:
        """What the sample records that count say."""
        evaluate = compile_expression(text)
        found = []
        for record in self.samples:
            if _counts(record, conditions):
                with suppress(EvaluationError):
                    found.append(evaluate(record))
        return found

    def values_around(self, text: str, conditions: tuple[str, ...], lengths: Sequence[int]) -> Iterator[Json]:
        """What an expression says of records in which all that it reads is short, or long, or low, or high."""
        evaluate = compile_expression(text)
        paths = [path for path in sorted(reads(text)) if path]
        choices = {path: self._extremes(".".join(map(name_text, path)), lengths) for path in paths}
        for record in self.samples[:_AROUND]:
            for at in range(max(map(len, choices.values()), default=0)):
                changed = record
                for path, values in choices.items():
                    if values and _leads(record, path):
                        changed = put_path(changed, path, values[min(at, len(values) - 1)])
                if self.takes(changed) and _counts(changed, conditions):
                    with suppress(EvaluationError):
                        yield evaluate(changed)

    def _extremes(self, text: str, lengths: Sequence[int]) -> list[Json]:
        """From one end of what stands at a path to the other."""
        found = [value for value in values_of(self.said(text).schema, lengths) if not is_blank(value)]
        return sorted(found, key=_extent)

    def may_say(self, text: str, value: Json, conditions: tuple[str, ...]) -> bool:
        """Whether a record that counts may have the value at a plain path, as far as samples can tell: what a contract
        says of several properties together may stand against it."""
        path = plain_path(text)
        if path is None or not isinstance(self.schema, dict) or not self.schema.keys() & _TOGETHER:
            return True
        counting = [record for record in self.samples if _counts(record, conditions)]
        changed = (put_path(record, path, value) for record in self.samples if _leads(record, path))
        return not counting or any(self.takes(each) and _counts(each, conditions) for each in changed)

    @cached_property
    def takes(self) -> Callable[[Json], bool]:
        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True, offline=True).is_valid


_AROUND: Final = 3
_TOGETHER: Final = frozenset({"if", "anyOf", "oneOf", "allOf", "not", "dependentSchemas", "dependentRequired", "$ref"})


def _counts(record: Json, conditions: tuple[str, ...]) -> bool:
    try:
        return all(truthy(compile_expression(each)(record)) for each in conditions)
    except EvaluationError:
        return False


def _extent(value: Json) -> tuple[str, Json]:
    match value:
        case str() | list() | dict():
            return kind_of(value), len(value)
        case bool() | None:
            return kind_of(value), bool(value)
    return kind_of(value), value


def _leads(record: Json, path: Path) -> bool:
    """Whether there are but objects on the way."""
    return all(isinstance(get_path(record, path[:size]), dict | Absent) for size in range(1, len(path)))
