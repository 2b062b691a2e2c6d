"""What may a check of one mapping look at?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from crmsync.core.contract import Checker
from crmsync.core.model import ABSENT, SIDES, Chain, Check, Contract, End, Entity, Field, Side, System, Table, other
from crmsync.core.values import Context
from crmsync.project.mappings import Draft
from crmsync.project.yaml import Where


@dataclass(frozen=True, slots=True)
class World:
    """Everything the project has. `names` are those of all mappings, also of the ones that could not be read."""

    systems: Mapping[str, System]
    tables: Mapping[str, Table]
    contracts: Mapping[str, Contract]
    drafts: Mapping[str, Draft]
    names: frozenset[str]
    lost_systems: frozenset[str] = frozenset()  # what could not be read is not called unknown as well
    lost_contracts: frozenset[str] = frozenset()  # names without version
    lost_tables: bool = False
    _checkers: dict[tuple[str, str], Checker] = field(default_factory=dict)
    _declared: dict[tuple[str, str, tuple[str, ...]], tuple[str, ...]] = field(default_factory=dict)
    _expressions: dict[str, tuple[tuple[str, Side, Where], ...]] = field(default_factory=dict)

    def entity(self, end: End) -> Entity | None:
        system = self.systems.get(end.system)
        return system.entities.get(end.entity) if system else None

    def checker(self, contract: Contract) -> Checker:
        key = contract.name, contract.version
        if key not in self._checkers:
            self._checkers[key] = Checker(contract)
        return self._checkers[key]

    def declared(self, contract: Contract, path: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The names that a contract declares at a path, sorted."""
        key = contract.name, contract.version, path
        if key not in self._declared:
            self._declared[key] = tuple(self.checker(contract).names(path))
        return self._declared[key]

    def expressions(self, draft: Draft) -> tuple[tuple[str, Side, Where], ...]:
        """`expressions`, found once."""
        name = draft.mapping.name
        if name not in self._expressions:
            self._expressions[name] = tuple(expressions(draft))
        return self._expressions[name]

    def context(self, draft: Draft, to: Side) -> Context:
        """In which a chain towards the side `to` runs."""
        return Context(tables=self.tables, source=draft.sides[other(to)], target=draft.sides[to])


def places(draft: Draft, each: Field, side: Side) -> Iterator[tuple[str, Where]]:
    """The expressions of a field on one side, and where they are written: none, one, or several of a composite."""
    written = each.paths[side]
    if written is not None:
        where: Where = ("fields", each.name, draft.sides[side])
        if isinstance(written, tuple):
            yield from ((text, (*where, index)) for index, text in enumerate(written))
        else:
            yield written, where


def written_sides(each: Field) -> frozenset[Side]:
    """The sides on which a field may be written, be it only on create."""
    return _SIDES[_is_written(each, 0), _is_written(each, 1)]


_SIDES: Final[Mapping[tuple[bool, bool], frozenset[Side]]] = {
    (False, False): frozenset(),
    (True, False): frozenset({0}),
    (False, True): frozenset({1}),
    (True, True): frozenset({0, 1}),
}


def _is_written(each: Field, side: Side) -> bool:
    if each.paths[side] is None:
        return False
    if each.default[side] is not ABSENT or each.value is not ABSENT or each.owner == "shared":
        return True
    return each.owner is not None and (each.owner != side or each.seed is not None)


def chains(draft: Draft) -> Iterator[tuple[Chain, Side, Where]]:
    """Every chain of a mapping, the side that it leads to, and where it is written."""
    for each in draft.mapping.fields:
        for side in SIDES:
            if each.to[side]:
                yield each.to[side], side, ("fields", each.name, f"to_{draft.sides[side]}")


def expressions(draft: Draft) -> Iterator[tuple[str, Side, Where]]:
    """Every expression and path of a mapping, the side whose record it reads, and where it is written."""
    mapping, sides = draft.mapping, draft.sides
    for side in SIDES:
        scope, creates = mapping.scope[side], mapping.create[other(side)]
        if scope is not None:
            yield scope, side, ("scope", sides[side])
        gated: Where = ("create", sides[other(side)], "when", sides[side])
        if isinstance(creates, str) and draft.document.look(gated) is not None:
            yield creates, side, gated
        picks = mapping.rollout.select[side] if mapping.rollout else None
        if picks is not None and draft.document.look(("rollout", sides[side])) == picks:  # else a flag says so
            yield picks, side, ("rollout", sides[side])
        for each in mapping.fields:
            for text, where in places(draft, each, side):
                yield text, side, where
            gate = each.when[side]
            if gate is not None:
                yield gate, side, ("fields", each.name, "when", sides[side])
    for index, check in checks(draft):
        yield check.expr, check.side, ("checks", index, sides[check.side])
        yield check.equals, check.side, ("checks", index, "equals")


def checks(draft: Draft) -> Iterator[tuple[int, Check]]:
    """The checks of a mapping, with their index in the file."""
    written = draft.document.data["checks"] if draft.mapping.checks else ()
    index_of = {draft.document.at("checks", index): index for index in range(len(written))}
    for check in draft.mapping.checks:
        if check.at is not None:
            yield index_of[check.at], check
