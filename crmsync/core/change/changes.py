"""What does a change to a mapping do to the records that it has kept in step so far?

*Breaking*: what was agreed would be taken for something else, or the next run would overwrite, delete, refuse or link
where nobody has changed a record. *Additive*: all that was agreed holds, and a batch run does the rest. *Cosmetic*: no
record becomes anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from crmsync.core.change.definition import Definition
from crmsync.core.compat import compare
from crmsync.core.model import ABSENT, SIDES, At, Json, Side, to_json

Level: TypeAlias = Literal["breaking", "additive", "cosmetic"]
Where: TypeAlias = tuple[Json, ...]
"""The way to a place in the mapping's file. Outside of it lie `("#contract", SIDE, POINTER)`,
`("#system", SIDE, ...)`, `("#entity", SIDE, ...)`, `("#table", NAME, ...)` and `("#row", NAME, ROW)`."""

LONGEST: Final = 80  # characters of a value in a message
NAMED: Final = 3  # changes of a contract in a message

CHANGES: Final[Mapping[str, Level]] = MappingProxyType({
    "change/entity": "breaking",
    "change/key": "breaking",
    "change/connector": "breaking",
    "change/embed": "breaking",
    "change/deleted": "breaking",
    "change/contract-narrower": "breaking",
    "change/scope": "breaking",
    "change/leave-scope": "breaking",
    "change/delete": "breaking",
    "change/match": "breaking",
    "change/owner": "breaking",
    "change/path": "breaking",
    "change/link": "breaking",
    "change/merge": "breaking",
    "change/both-ways": "breaking",
    "change/overwrites": "breaking",
    "change/field-removed": "breaking",
    "change/field-renamed": "breaking",
    "change/lookup-changed": "breaking",
    "change/check-added": "breaking",
    "change/mapping-removed": "breaking",
    "change/mapping-renamed": "breaking",
    "change/mapping-added": "additive",
    "change/field-added": "additive",
    "change/transform": "additive",
    "change/value": "additive",
    "change/on-create": "additive",
    "change/create": "additive",
    "change/gate": "additive",
    "change/group": "additive",
    "change/tolerance": "additive",
    "change/asks-more": "additive",
    "change/lookup-row-added": "additive",
    "change/check-removed": "additive",
    "change/contract-wider": "additive",
    "change/reading": "additive",
    "change/run-order": "additive",
    "change/enabled": "additive",
    "change/rollout": "additive",
    "change/limits": "cosmetic",
    "change/labels": "cosmetic",
    "change/golden": "cosmetic",
    "change/field-order": "cosmetic",
    "change/names": "cosmetic",
    "change/notes": "cosmetic",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions of a mapping, in words. `field` is "" where it is about no single one; `at`
    is where the new version says it; `old` and `new` are plain JSON, ABSENT where there is nothing."""

    rule: str
    field: str
    message: str
    at: At
    old: Json = ABSENT
    new: Json = ABSENT

    @property
    def level(self) -> Level:
        return CHANGES[self.rule]


def changes(old: Definition, new: Definition) -> tuple[Change, ...]:
    """All differences, the grave ones first, then by place. Empty where nothing differs."""
    both = _Both(old, new)
    found = [change for part in _PARTS for change in part(both)]
    if old.hash != new.hash and all(change.level == "cosmetic" for change in found):
        found.append(both.change("change/reading", (), "what is said of it is spelt otherwise"))
    rank = {"breaking": 0, "additive": 1, "cosmetic": 2}
    return tuple(sorted(found, key=lambda each: (rank[each.level], each.at, each.rule, each.message)))


def renamed(old: Definition, new: Definition) -> dict[str, str]:
    """The fields that are what they were but for their name: old name -> new name."""
    before, after = old.told["fields"], new.told["fields"]
    come = {_text(each): name for name, each in sorted(after.items(), reverse=True) if name not in before}
    gone = {_text(each): name for name, each in sorted(before.items(), reverse=True) if name not in after}
    return {name: come[text] for text, name in gone.items() if text in come}


@dataclass(frozen=True, slots=True)
class _Both:
    old: Definition
    new: Definition

    def told(self, *way: Json) -> tuple[Json, Json]:
        return _look(self.old.told, way), _look(self.new.told, way)

    def beside(self, *way: str | int) -> tuple[Json, Json]:
        return _look(self.old.beside, way), _look(self.new.beside, way)

    def side(self, side: Side) -> str:
        """Its name, as the new version calls it."""
        return str(self.new.beside["sides"][side])

    def change(
        self, rule: str, where: Where, message: str, old: Json = ABSENT, new: Json = ABSENT, field: str = ""
    ) -> Change:
        return Change(rule, field, message, self.new.place(*where), old, new)

    def differs(self, rule: str, where: Where, what: str, *way: str | int) -> Iterator[Change]:
        old, new = self.told(*way)
        if not _same(old, new):
            words = ("nothing" if each is None else _said(each) for each in (old, new))
            yield self.change(rule, where, f"{what}: {' -> '.join(words)}", old, new)


def _look(told: Json, way: Where) -> Json:
    for step in way:
        try:
            told = told[step]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return told


def _text(value: Json) -> bytes:
    return to_json(value)


def _same(old: Json, new: Json) -> bool:
    if old is ABSENT or new is ABSENT:
        return old is new
    return _text(old) == _text(new)


def _said(value: Json) -> str:
    if value is ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else _text(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


# Records, and how they are read ----------------------------------------------------------------------------------


def _ends(both: _Both) -> Iterator[Change]:
    for side in SIDES:
        name = both.side(side)
        where: Where = ("between", name)
        old, new = ([*each[:2]] for each in both.told("ends", side))
        if old != new:
            said = f"{name} is {'.'.join(new)} now, and was {'.'.join(old)}"
            yield both.change("change/entity", where, said, old, new)
        strict = both.told("ends", side, 2)
        if strict[0] != strict[1]:
            rule = "change/contract-narrower" if strict[1] else "change/contract-wider"
            said = "rejects a record" if strict[1] else "only warns"
            yield both.change(
                rule, (*where, "strict"), f"{name} {said} that breaks its contract where nothing is mapped", *strict
            )


_IDENTITY: Final = ("key", "each", "each_as")


def _entities(both: _Both) -> Iterator[Change]:
    for side in SIDES:
        name, where = both.side(side), ("#entity", side)
        if not _same(*([*each[:2]] for each in both.told("ends", side))):  # another one altogether
            continue
        for part in _IDENTITY:
            said = f"{part} of {name}"
            yield from both.differs("change/key", (*where, part), said, "entities", side, "entity", part)
        at = ("#system", side, "connector")
        yield from both.differs("change/connector", at, f"connector of {name}", "entities", side, "connector")
        said = f"what counts as deleted in {name}"
        yield from both.differs("change/deleted", (*where, "deleted"), said, "entities", side, "entity", "deleted")
        for part in ("embed", "embedded"):
            way = ("entity", part) if part == "embed" else (part,)
            old, new = both.told("entities", side, *way)
            if not _same(old, new):
                said = f"what is embedded into a record of {name} has changed"
                yield both.change("change/embed", (*where, "embed"), said, old, new)
                break
        yield from _reading(both, side)


def _reading(both: _Both, side: Side) -> Iterator[Change]:
    """All the rest of how a side is read."""
    told = [each if isinstance(each, dict) else {} for each in both.told("entities", side, "entity")]
    known = {*_IDENTITY, "deleted", "embed"}
    parts = sorted({*told[0], *told[1]} - known)
    for part in parts:
        what = f"{part} of {both.side(side)}"
        yield from both.differs("change/reading", ("#entity", side, part), what, "entities", side, "entity", part)
    what = f"timezone of {both.side(side)}"
    yield from both.differs("change/reading", ("#system", side, "timezone"), what, "entities", side, "timezone")
    old, new = both.told("entities", side, "options")
    for part in sorted({*old, *new}):  # by their fingerprints: they may hold a secret
        if old.get(part) != new.get(part):
            said = f"{part} of {both.side(side)} has changed"
            yield both.change("change/reading", ("#entity", side, part), said)


def _contracts(both: _Both) -> Iterator[Change]:
    for side in SIDES:
        old, new = both.told("contracts", side)
        if _same(old, new):
            continue
        compared = compare(old, new)
        verdict = compared.verdicts["strict"]["BACKWARD"]
        names = [str(each) for each in both.beside("contracts", side)]
        said = names[1] if names[0] == names[1] else f"{names[0]} -> {names[1]}"
        rule = "change/contract-wider" if verdict == "compatible" else "change/contract-narrower"
        tells = {
            "compatible": "every record that kept it keeps it still",
            "breaking": "records that kept it do not keep it any more",
            "unproven": "it is not proved that every record that kept it keeps it still",
        }
        blamed = [each for each in compared.changes if each.direction in _BLAMED[rule]] or list(compared.changes)
        where: Where = ("#contract", side, *(each.new_pointer for each in blamed[:1]))
        told = _first([each.message for each in blamed])
        yield both.change(rule, where, f"contract {said}: {tells[verdict]}{told}", *names)


_BLAMED: Final = {"change/contract-narrower": ("narrows", "changes"), "change/contract-wider": ("widens", "changes")}


def _first(messages: Sequence[str]) -> str:
    """` (a; b; c; and 2 more)`; "" of none."""
    more = [f"and {len(messages) - NAMED} more"] if len(messages) > NAMED else []
    return f" ({'; '.join([*messages[:NAMED], *more])})" if messages else ""


# The mapping as a whole ------------------------------------------------------------------------------------------


def _scope(both: _Both) -> Iterator[Change]:
    for side in SIDES:
        name = both.side(side)
        yield from both.differs("change/scope", ("scope", name), f"scope of {name}", "scope", side)
        yield from both.differs("change/delete", ("delete", name), f"delete in {name}", "delete", side)
        old, new = both.told("create", side)
        if not _same(old, new):
            said = f"create in {name}: {_when(old)} -> {_when(new)}"
            yield both.change("change/create", ("create", name), said, old, new)
    yield from both.differs("change/leave-scope", ("on_leave_scope",), "on_leave_scope", "on_leave_scope")


def _when(policy: Json) -> str:
    return f"when {policy}" if isinstance(policy, str) else "always" if policy else "never"


def _match(both: _Both) -> Iterator[Change]:
    old, new = both.told("match")
    if _same(old, new):
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        said = "records are matched now" if new else "records are not matched any more"
        yield both.change("change/match", ("match",), said)
        return
    for part in new:
        if part == "points" and not _same(old[part], new[part]):
            yield both.change("change/match", ("match", "model"), "the points that decide which is which have changed")
        else:
            yield from both.differs("change/match", ("match", part), f"match.{part}", "match", part)


def _checks(both: _Both) -> Iterator[Change]:
    old, new = both.told("checks")
    before, after = [_text(each) for each in old], [_text(each) for each in new]
    for index, each in enumerate(new):
        if after[index] not in before:
            rule = "change/check-removed" if each["else"] == "warn" else "change/check-added"
            said = f"a check that may {each['else']}: {each['expr']} must give {each['equals']}"
            yield both.change(rule, ("checks", index), said, ABSENT, each)
    for index, each in enumerate(old):
        if before[index] not in after:
            said = f"no check any more that {each['expr']} gives {each['equals']}, or another one"
            yield both.change("change/check-removed", ("checks",), said, each)
    if before != after and sorted(before) == sorted(after):
        yield both.change("change/check-removed", ("checks",), "the checks are made in another order")


def _running(both: _Both) -> Iterator[Change]:
    yield from both.differs("change/run-order", ("after",), "after", "after")
    yield from both.differs("change/run-order", ("together",), "together", "together")
    yield from both.differs("change/enabled", ("enabled",), "enabled", "enabled")
    old, new = both.told("rollout")
    if not _same(old, new):
        said = f"rollout: {_who_is_in(both, old)} -> {_who_is_in(both, new)}"
        yield both.change("change/rollout", ("rollout",), said, old, new)


def _who_is_in(both: _Both, told: Json) -> str:
    if not told:
        return "every pair"
    percent, *select = told
    share = [] if percent is None else [f"{percent} %"]
    picked = [f"{both.side(side)}: {text}" for side, text in zip(SIDES, select, strict=True) if text]
    return ", ".join([*share, *picked])


def _tables(both: _Both) -> Iterator[Change]:
    old, new = both.told("tables")
    for name in sorted(old.keys() & new.keys()):  # one that comes or goes comes or goes with a transform
        yield from _table(both, name, old[name], new[name])


def _table(both: _Both, name: str, old: Json, new: Json) -> Iterator[Change]:
    where = ("#table", name)
    if not _same(old["columns"], new["columns"]):
        said = f"table {name} has other columns"
        yield both.change("change/lookup-changed", (*where, "columns"), said, old["columns"], new["columns"])
        return
    for row in _only_in(old, new):
        said = f"table {name} has no row {_said(row)} any more"
        yield both.change("change/lookup-changed", (*where, "rows"), said, row)
    for row in _only_in(new, old):
        said = f"table {name} has a new row {_said(row)}"
        yield both.change("change/lookup-row-added", ("#row", name, row), said, ABSENT, row)
    if not _same(old["prefer"], new["prefer"]):
        said = f"table {name} prefers other values"
        yield both.change("change/lookup-changed", (*where, "prefer"), said, old["prefer"], new["prefer"])
    was, now = old["unmapped"], new["unmapped"]
    if not _same(was, now):
        rule = "change/lookup-changed" if isinstance(was, dict) else "change/lookup-row-added"
        said = f"unmapped of table {name}: {_said(was)} -> {_said(now)}"
        yield both.change(rule, (*where, "unmapped"), said, was, now)


def _only_in(one: Json, other: Json) -> list[Json]:
    rows = {_text(row): row for row in one["rows"]}
    return [rows[text] for text in sorted(rows.keys() - set(map(_text, other["rows"])))]


# Fields --------------------------------------------------------------------------------------------------------


def _fields(both: _Both) -> Iterator[Change]:
    old, new = both.told("fields")
    moved = renamed(both.old, both.new)
    for name in sorted(old.keys() - new.keys()):
        if name in moved:
            said = f"{name} is called {moved[name]} now"
            yield both.change("change/field-renamed", ("fields", moved[name]), said, name, moved[name], moved[name])
        else:
            yield both.change(
                "change/field-removed", ("fields",), f"{name} is not kept in step any more", name, field=name
            )
    for name in sorted(new.keys() - old.keys() - set(moved.values())):
        yield both.change("change/field-added", ("fields", name), f"{name} is new", new=name, field=name)
    for name in sorted(old.keys() & new.keys()):
        if not _same(old[name], new[name]):
            yield from _field(both, name, old[name], new[name])


def _field(both: _Both, name: str, old: Json, new: Json) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        was, now = old.get(key, ABSENT), new.get(key, ABSENT)
        if _same(was, now):
            continue
        if key == "paths":
            yield from _paths(both, name, was, now)
            continue
        rule, what = _RULES[key] if key in _RULES else _policy(key, now)
        if key in ("to_0", "to_1"):
            rule = "change/both-ways" if "shared" in (old["owner"], new["owner"]) else rule
        what = what.format(both.side(0), both.side(1))
        where = ("fields", name, what.partition(".")[0])
        yield both.change(
            rule, where, f"{name}: {what} {_word(both, key, was)} -> {_word(both, key, now)}", was, now, name
        )


def _word(both: _Both, key: str, value: Json) -> str:
    """A setting as the file spells it, also where it says nothing."""
    if key in ("owner", "seed", "on_conflict") and value in SIDES:
        return both.side(value)
    if key == "owner" and value is None:
        return "nobody"
    if key in ("to_0", "to_1") and value is not ABSENT:
        return f"[{', '.join(name if args is None else f'{name}: {_said(args)}' for name, args in value)}]"
    return _UNSAID.get(key, "nothing") if value is ABSENT else _said(value)


def _paths(both: _Both, name: str, was: Json, now: Json) -> Iterator[Change]:
    for side in SIDES:
        if not _same(was[side], now[side]):
            said = f"{name}: {both.side(side)} {_said(was[side])} -> {_said(now[side])}"
            yield both.change("change/path", ("fields", name, both.side(side)), said, was[side], now[side], name)


_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "owner": ("change/owner", "owner"),
    "link": ("change/link", "link"),
    "merge": ("change/merge", "merge"),
    "to_0": ("change/transform", "to_{0}"),
    "to_1": ("change/transform", "to_{1}"),
    "value": ("change/value", "value"),
    "seed": ("change/on-create", "seed"),
    "default_0": ("change/on-create", "default.{0}"),
    "default_1": ("change/on-create", "default.{1}"),
    "when_0": ("change/gate", "when.{0}"),
    "when_1": ("change/gate", "when.{1}"),
    "group": ("change/group", "group"),
    "equal_within": ("change/tolerance", "equal_within"),
}
_DECIDES_ALONE: Final[Mapping[str, Callable[[Json], bool]]] = {
    "on_conflict": lambda now: now not in (ABSENT, "review"),
    "on_foreign_edit": lambda now: now in (ABSENT, "revert"),
    "on_first_link": lambda now: now == "owner",
    "on_null": lambda now: now in (ABSENT, "propagate"),
}  # fmt: skip
_UNSAID: Final = {"on_conflict": "review", "on_foreign_edit": "revert", "on_first_link": "hold", "on_null": "propagate"}


def _policy(key: str, now: Json) -> tuple[str, str]:
    """Does the new word overwrite where the old one asked a person, or let be?"""
    return ("change/overwrites" if _DECIDES_ALONE[key](now) else "change/asks-more"), key


# What changes no record ------------------------------------------------------------------------------------------


def _beside(both: _Both) -> Iterator[Change]:
    told: tuple[tuple[str, Where, str, Where], ...] = (
        ("change/limits", ("limits",), "the limits have changed", ("limits",)),
        ("change/names", ("between",), "the sides are called otherwise", ("sides",)),
    )
    for rule, where, said, way in told:
        old, new = both.beside(*way)
        if not _same(old, new):
            yield both.change(rule, where, said, old, new)
    yield from _contract_names(both)
    yield from _match_beside(both)
    old, new = both.beside("order")
    if old != new and sorted(old) == sorted(new):
        yield both.change("change/field-order", ("fields",), "the fields stand in another order")


def _contract_names(both: _Both) -> Iterator[Change]:
    for side in SIDES:
        if not _same(*both.told("contracts", side)):
            continue
        old, new = both.beside("contracts", side)
        if old != new:
            said = f"contract {old} -> {new}: they say the same"
            yield both.change("change/names", ("between", both.side(side)), said, old, new)
        elif not _same(*both.beside("notes", side)):
            yield both.change("change/notes", ("#contract", side), f"what {new} says of itself has changed")


def _match_beside(both: _Both) -> Iterator[Change]:
    old, new = both.beside("match")
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return
    if not _same(old["golden"], new["golden"]):
        yield both.change("change/golden", ("match", "golden"), "what stands for merged records has changed")
    for part in ("labels", "min_precision"):
        if not _same(old[part], new[part]):
            said = f"{part}: {_said(old[part])} -> {_said(new[part])}"
            yield both.change("change/labels", ("match", part), said, old[part], new[part])


_PARTS: Final[tuple[Callable[[_Both], Iterator[Change]], ...]] = (
    _ends, _entities, _contracts, _scope, _match, _checks, _running, _tables, _fields, _beside,
)  # fmt: skip
