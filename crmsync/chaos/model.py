"""What must be true of the two systems? The harness's own memory: it asks neither the ledger nor the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from crmsync.core.model import SIDES, Both, Json, Key, Side, other

Rule: TypeAlias = Literal["crm", "pm", "shared", "counter", "set"]
Values: TypeAlias = dict[str, Json]
Kind: TypeAlias = Literal["customers", "initiations"]

RULES: Final[Mapping[Kind, Mapping[str, Rule]]] = {
    "customers": {
        "code": "crm", "name": "crm", "status": "pm", "notes": "shared", "visits": "counter", "tags": "set",
    },
    "initiations": {"code": "shared", "title": "shared", "state": "pm"},
}  # fmt: skip
"""Each mapping's fields, called the same on both sides, and whose they are."""

ENTITIES: Final[Mapping[Kind, Both[str]]] = {
    "customers": ("account", "customer"),
    "initiations": ("deal", "initiation"),
}
OWNED: Final[Mapping[str, Side]] = {"crm": 0, "pm": 1}


@dataclass
class Thing:
    """A customer or an initiation as people left it on both sides, and as both sides last agreed about it. A side
    that does not have it yet is None. `gone`: people deleted it in the CRM. `moved`: somebody has edited it while a
    write was on its way, so that of a counter nobody may know any more whether that write took effect."""

    kind: Kind
    code: str
    values: list[Values | None]
    keys: list[Key | None] = field(default_factory=lambda: [None, None])
    base: Values | None = None
    parent: str | None = None
    gone: bool = False
    moved: bool = False
    memos: list[Json] = field(default_factory=lambda: [None, None])  # of a field that no mapping has

    @property
    def broken(self) -> bool:
        """It breaks the contract of the CRM: an account has a name."""
        here = self.values[0]
        return here is not None and here.get("name") == ""

    def edit(self, side: Side, values: Values) -> None:
        here = self.values[side]
        assert here is not None
        here.update(values)

    def conflicts(self) -> list[str]:
        """Shared fields that both sides have changed, each in its own way."""
        if self.base is None or self.broken or self.gone:
            return []
        return [name for name, rule in RULES[self.kind].items() if rule == "shared" and self._differ(name)]

    def _differ(self, name: str) -> bool:
        first, second, base = self._three(name)
        return first != second and base not in (first, second)

    def _three(self, name: str) -> tuple[Json, Json, Json]:
        first, second = self.values
        assert first is not None
        assert second is not None
        return first[name], second[name], (self.base or {}).get(name)

    def agreed(self, take: Side = 0) -> Values | None:
        """What both sides say when all is done, of a conflict what `take` says. None: each stays as it is."""
        if self.gone or self.broken:
            return None
        alone = [side for side in SIDES if self.values[other(side)] is None]
        if alone:
            return dict(self.values[alone[0]] or {})
        merged = _merged if self.base is not None else _first
        return {name: merged(rule, take, *self._three(name)) for name, rule in RULES[self.kind].items()}

    def agree(self, take: Side = 0) -> None:
        """It is done: from now on this is what they agreed on."""
        agreed = self.agreed(take)
        if agreed is not None:
            self.base, self.moved = agreed, False
            self.values = [dict(agreed), dict(agreed)]


def _merged(rule: Rule, take: Side, first: Any, second: Any, base: Any) -> Json:
    match rule:
        case "counter":
            return first + second - base
        case "set":
            added, removed = {*first, *second} - {*base}, {*base} - ({*first} & {*second})
            return sorted(({*base} | added) - removed)
        case "shared" if base in (first, second):
            return second if first == base else first
    return (first, second)[OWNED.get(rule, take)]


def _first(rule: Rule, take: Side, first: Any, second: Any, _: Any) -> Json:
    """Nothing was agreed on yet: what is empty takes what is not."""
    match rule:
        case "counter":
            return first
        case "set":
            return sorted({*first, *second})
        case "shared" if first is None or second is None:
            return second if first is None else first
    return (first, second)[OWNED.get(rule, take)]
