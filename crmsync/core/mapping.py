"""What does a record say in the fields of its mapping, and what would it be after a change? (lift and lower)

A mapping is compiled once: all expressions of one side become one function, every chain another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from crmsync.core.contract import Checker, Violation
from crmsync.core.expression import EvaluationError, compile_many, get_path, plain_path, put_paths, reads
from crmsync.core.merge import Cross, Failed, agree
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Both,
    Chain,
    Change,
    Check,
    Entity,
    Field,
    Finding,
    Json,
    Project,
    Raw,
    Record,
    Ref,
    Side,
    Symbol,
    Table,
    Telling,
    fingerprint,
    other,
    to_json,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.values import Context, Unfit, compile_chain
from crmsync.core.values.lookup import loads

Path: TypeAlias = tuple[str, ...]
Entities: TypeAlias = Mapping[tuple[str, str, str], Mapping[Json, Json]]
"""What `{lookup: {entity:, by:, take:}}` looks up in: (entity, by, take) -> value of `by` -> value of `take`."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What one record says. `natives` and `gates` are in the order of the mapping's fields; `creates` tells whether
    a missing counterpart may be made from it; `print` is equal when all of this is."""

    natives: tuple[Json, ...]
    in_scope: bool
    gone: bool
    creates: bool
    gates: tuple[bool, ...]
    print: str
    failed: tuple[tuple[Check, Failed | None], ...] = ()
    picked: bool = False  # the selector of the rollout is true of it


@dataclass(frozen=True, slots=True)
class Seen:
    """One record, checked and lifted. `rejected` and `held` say why it may not be used; `warned` what else is wrong.
    `outside`: why it is out of scope whatever it says."""

    record: Record
    lifted: Lifted | None
    rejected: tuple[Finding, ...] = ()
    held: tuple[Finding, ...] = ()
    warned: tuple[Finding, ...] = ()
    outside: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a field is written on one side: the plain paths (several for a composite link), or () where it is not."""

    paths: tuple[Path, ...]
    text: str  # as findings and plans name it

    def parts(self, value: Json) -> Sequence[tuple[Path, Json]]:
        """Path and value of everything that has to be written for this field."""
        if len(self.paths) == 1:
            return ((self.paths[0], value),)
        parts = value if isinstance(value, list | tuple) else [value] * len(self.paths)
        return tuple(zip(self.paths, parts, strict=True))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mapping, ready to run."""

    mapping: Declared
    entities: Both[Entity]
    checkers: Both[Checker]
    lift: Both[Callable[[Json], Lifted]]
    cross: Both[tuple[Cross, ...]]  # cross[side][i] takes field i *to* that side; links are crossed by the plan
    targets: Both[Mapping[str, Target]]  # by field
    mapped: Both[frozenset[Path]]
    index: Mapping[str, int]  # the place of each field in `natives`
    tellings: Both[Telling | None] = (None, None)  # how keys are told that are about people

    def ref(self, side: Side, key: tuple[str | int, ...]) -> Ref:
        end = self.mapping.ends[side]
        return Ref(end.system, end.entity, key, self.tellings[side])


def compile_mapping(
    project: Project, mapping: Declared, entities: Entities, tellings: Both[Telling | None] = (None, None)
) -> Compiled:
    """`mapping` has passed the check: what cannot be compiled here is an error of ours, not of the user."""
    mapping = replace(mapping, fields=tuple(map(_owned_constant, mapping.fields)))
    found = (project.entity(mapping.ends[0]), project.entity(mapping.ends[1]))
    private = private_paths(project, mapping)
    return Compiled(
        mapping,
        found,
        (Checker(mapping.ends[0].contract, private[0]), Checker(mapping.ends[1].contract, private[1])),
        (_lift(mapping, found[0], project.tables, entities, 0), _lift(mapping, found[1], project.tables, entities, 1)),
        (_crossings(mapping, project.tables, entities, 0), _crossings(mapping, project.tables, entities, 1)),
        (_targets(mapping, 0), _targets(mapping, 1)),
        (_mapped(mapping, found[0], 0), _mapped(mapping, found[1], 1)),
        {field.name: place for place, field in enumerate(mapping.fields)},
        tellings,
    )


def _owned_constant(field: Field) -> Field:
    """A constant is owned by the side that has no place for it."""
    if field.value is ABSENT:
        return field
    return replace(field, owner=0 if field.paths[0] is None else 1)


def context(mapping: Declared, tables: Mapping[str, Table], entities: Entities, to: Side) -> Context:
    return Context(tables, mapping.ends[other(to)].name, mapping.ends[to].name, entities)


def _crossings(mapping: Declared, tables: Mapping[str, Table], entities: Entities, to: Side) -> tuple[Cross, ...]:
    here = context(mapping, tables, entities, to)
    return tuple(_crossing(field.to[to], here, other(to)) for field in mapping.fields)


def _crossing(chain: Chain, context: Context, source: Side) -> Cross:
    if not chain:
        return _as_it_is
    call = compile_chain(chain, context)

    def cross(value: Json) -> Json | Failed:
        try:
            return call(value)
        except Unfit as error:
            return Failed("held" if error.hold else "rejected", "transform/unfit", str(error), source)

    return cross


def _as_it_is(value: Json) -> Json:
    return value


def _targets(mapping: Declared, side: Side) -> dict[str, Target]:
    return {field.name: _target(expressions(field, side)) for field in mapping.fields}


def _target(texts: Sequence[str]) -> Target:
    paths = tuple(filter(None, map(plain_path, texts)))
    return Target(paths, ",".join(".".join(path) for path in paths))


def private_paths(project: Project, mapping: Declared) -> Both[frozenset[Path]]:
    """The plain paths of each side that hold what a contract marks as about people, though that of the side does not
    say so: it flows there, is looked up for it, or is the key of the record that is linked to."""
    found = (set(_private_values(project, mapping)[0]), set(_private_values(project, mapping)[1]))
    for field in mapping.fields:
        if field.link is not None and has_personal_key(project, field.link):
            for side in SIDES:
                found[side].update(filter(None, map(plain_path, expressions(field, side))))
    return frozenset(found[0]), frozenset(found[1])


def _private_values(project: Project, mapping: Declared) -> Both[frozenset[Path]]:
    found: Both[set[Path]] = (set(), set())
    for field in mapping.fields:
        for side in SIDES:
            if field.link is None and _brings_private(project, mapping, field, side):
                found[side].update(filter(None, map(plain_path, expressions(field, side))))
    return frozenset(found[0]), frozenset(found[1])


def _brings_private(project: Project, mapping: Declared, field: Field, side: Side) -> bool:
    taken = loads(field.to[side])
    if taken:  # what is looked up in a system is another value, such as an id
        return any(is_personal(project.mappings, name, take) for name, _, take in taken)
    checker = Checker(mapping.ends[other(side)].contract)
    return any(checker.touches_pii(path) for text in expressions(field, other(side)) for path in reads(text))


def is_personal(mappings: Iterable[Declared], entity: str, text: str) -> bool:
    """Does a contract of an entity (`crm.person`) mark what stands at a plain path?"""
    contracts = [end.contract for each in mappings for end in each.ends if f"{end.system}.{end.entity}" == entity]
    return any(Checker(contract).touches_pii(plain_path(text) or (text,)) for contract in contracts)


def has_personal_key(project: Project, mapping: str) -> bool:
    """Does the key of a record of this mapping say whom it is about?"""
    ends = project.mapping(mapping).ends
    return any(any(marked_parts(project, end.system, end.entity)) for end in ends)


def marked_parts(project: Project, system: str, entity: str) -> tuple[bool, ...]:
    """Of each part of the keys of an entity: does a contract mark it as about people, or a mapping take it from what
    is? What a link brings is the key of another record."""
    checkers = [
        Checker(end.contract, _private_values(project, mapping)[side])
        for mapping in project.mappings
        for side, end in zip(SIDES, mapping.ends, strict=True)
        if (end.system, end.entity) == (system, entity)
    ]
    paths = [plain_path(text) or () for text in project.systems[system].entities[entity].key]
    return tuple(any(checker.touches_pii(path) for checker in checkers) for path in paths)


def expressions(field: Field, side: Side) -> tuple[str, ...]:
    """The expressions of a field on one side: none, one, or several for a composite link."""
    place = field.paths[side]
    if place is None:
        return ()
    return place if isinstance(place, tuple) else (place,)


def _mapped(mapping: Declared, entity: Entity, side: Side) -> frozenset[Path]:
    """The paths whose violations make a record unusable: what is read of it, and what is written to it."""
    texts = [text for field in mapping.fields for text in (*expressions(field, side), field.when[side] or "")]
    texts += [check.expr for check in mapping.checks if check.side == side]
    texts += [check.equals for check in mapping.checks if check.side == side]
    texts += [mapping.scope[side] or "", _selector(mapping, side) or "", *entity.key]
    return frozenset(path for text in texts if text for path in reads(text))


def names_to_read(mapping: Declared, entity: Entity, side: Side) -> frozenset[str] | None:
    """The top-level names that are worth reading: what the contract declares, and whatever else the mapping looks at.
    None where the contract is open-ended: everything."""
    schema = mapping.ends[side].contract.schema
    declared = schema.get("properties") if isinstance(schema, dict) else None
    if not declared:
        return None
    policy = mapping.create[other(side)]
    texts = [entity.deleted or "", policy if isinstance(policy, str) else ""]
    looked_at = {path for text in texts if text for path in reads(text)} | _mapped(mapping, entity, side)
    looked_at |= {plain_path(path) or (path,) for path in entity.archive or ()}  # did an archive take effect?
    return frozenset(declared) | {path[0] for path in looked_at if path}


# Lift ------------------------------------------------------------------------------------------------


def _lift(
    mapping: Declared, entity: Entity, tables: Mapping[str, Table], entities: Entities, side: Side
) -> Callable[[Json], Lifted]:
    """One function from a native record to what it says; raises `EvaluationError`."""
    texts: list[str] = []

    def at(text: str | None) -> int:
        if text is None:
            return -1
        texts.append(text)
        return len(texts) - 1

    places = [tuple(map(at, expressions(field, side))) for field in mapping.fields]
    constants = [field.value if not place else ABSENT for field, place in zip(mapping.fields, places, strict=True)]
    gates = [at(field.when[side]) for field in mapping.fields]
    scope, gone = at(mapping.scope[side]), at(entity.deleted)
    picks = at(_selector(mapping, side))
    policy = mapping.create[other(side)]
    creates = at(policy if isinstance(policy, str) else None)
    checks = [(check, at(check.expr), at(check.equals)) for check in mapping.checks if check.side == side]
    run_checks = _checks(mapping, tables, entities, side)
    read = compile_many(texts)
    straight = all(len(place) == 1 and place[0] == i for i, place in enumerate(places))
    gated = any(gate >= 0 for gate in gates)
    open_gates = (True,) * len(gates)

    def lift(data: Json) -> Lifted:
        out = read(data)
        natives = out[: len(places)] if straight else tuple(map(_pick, places, constants, (out,) * len(places)))
        judged = (
            scope < 0 or truthy(out[scope]),
            gone >= 0 and truthy(out[gone]),
            policy is True or (creates >= 0 and truthy(out[creates])),
            tuple(gate < 0 or truthy(out[gate]) for gate in gates) if gated else open_gates,
        )
        failed = tuple((check, run_checks(check, out[value], out[equals])) for check, value, equals in checks)
        picked = picks >= 0 and truthy(out[picks])
        return Lifted(natives, *judged, fingerprint(to_json((natives, judged))), failed, picked)

    return lift


def _selector(mapping: Declared, side: Side) -> str | None:
    return mapping.rollout.select[side] if mapping.rollout else None


def _pick(place: tuple[int, ...], constant: Json, out: tuple[Json, ...]) -> Json:
    if len(place) == 1:
        return out[place[0]]
    if not place:
        return constant
    parts = [out[i] for i in place]
    return None if all(part is None or part is ABSENT for part in parts) else parts


def truthy(value: Json) -> bool:
    """JMESPath's truth: null, false, "", [] and {} are false; 0 is true."""
    return value is True or not (value is ABSENT or value is None or value is False or value in ("", [], {}))


def _checks(
    mapping: Declared, tables: Mapping[str, Table], entities: Entities, side: Side
) -> Callable[[Check, Json, Json], Failed | None]:
    here = context(mapping, tables, entities, other(side))
    chains = {id(check): _crossing(check.apply, here, side) for check in mapping.checks}

    def run(check: Check, value: Json, expected: Json) -> Failed | None:
        if value is None or expected is None or expected is ABSENT:
            return None  # what is not there is the contract's business
        if isinstance(value, list) and any(part is None for part in value):
            return None
        result = chains[id(check)](value)
        if isinstance(result, Failed):
            return result
        tolerant = Field(check.equals, (None, None), equal_within=check.within)
        if agree(tolerant, result, expected):
            return None
        return Failed("rejected", "check/differs", f"{check.expr} does not give {check.equals} within {check.within}")

    return run


def examine(compiled: Compiled, side: Side, raw: Raw, decode: Callable[[bytes], Json]) -> Seen:
    """Check one raw record against its contract and lift it. Wrong data is a finding, never an exception."""
    ref = compiled.ref(side, raw.key)
    if raw.fault:
        return _unusable(Record(ref, None, raw.version), "record/unreadable", raw.fault)
    data = decode(raw.body)
    record = Record(ref, data, raw.version, raw.modified)
    if not isinstance(data, dict):
        return _unusable(record, "record/no-object", "the record is not an object")
    violations = () if compiled.checkers[side].valid(data) else compiled.checkers[side].violations(data)
    grave, light = _sort_violations(compiled, side, ref, violations)
    if grave:
        return Seen(record, None, rejected=tuple(grave), warned=tuple(light))
    try:
        lifted = compiled.lift[side](data)
    except EvaluationError as error:
        return _unusable(record, "expression/fails", str(error))
    return _with_checks(Seen(record, lifted, warned=tuple(light)))


def unread(compiled: Compiled, side: Side, raw: Raw, why: str) -> Seen:
    """A record that is out of scope whatever it says: merged into another one, or left alone by a person's word."""
    return Seen(Record(compiled.ref(side, raw.key), None, raw.version, raw.modified), None, outside=why)


def _unusable(record: Record, rule: str, message: str) -> Seen:
    return Seen(record, None, rejected=(Finding(rule, message, "mend the record at its source", ref=record.ref),))


def _sort_violations(
    compiled: Compiled, side: Side, ref: Ref, violations: Iterable[Violation]
) -> tuple[list[Finding], list[Finding]]:
    """Those that make the record unusable, and those that only warn."""
    grave: list[Finding] = []
    light: list[Finding] = []
    for violation in violations:
        heavy = compiled.mapping.ends[side].strict or touches(violation.path, compiled.mapped[side])
        (grave if heavy else light).append(as_finding(violation, ref, "error" if heavy else "warning"))
    return grave, light


def as_finding(violation: Violation, ref: Ref, severity: str = "error") -> Finding:
    path = ".".join(map(str, violation.path))
    return Finding(
        f"contract/{violation.rule}",
        violation.message,
        "mend the record at its source, or the contract",
        "error" if severity == "error" else "warning",
        ref=ref,
        path=path,
    )


def touches(place: Sequence[str | int], mapped: Iterable[Path]) -> bool:
    """Does a violation at `place` lie on, under or above one of the mapped paths?"""
    names = tuple(part for part in place if isinstance(part, str))
    return any(all(a == b for a, b in zip(names, path, strict=False)) for path in mapped)


def _with_checks(seen: Seen) -> Seen:
    if seen.lifted is None or not seen.lifted.failed:
        return seen
    sorted_out: dict[str, list[Finding]] = {"reject": [], "hold": [], "warn": []}
    for check, failed in seen.lifted.failed:
        if failed is not None:
            mend = f"mend {check.equals} or what it is computed from at the source"
            sorted_out[check.otherwise].append(
                Finding(failed.rule, failed.message, mend, at=check.at, ref=seen.record.ref, path=check.equals)
            )
    return Seen(
        seen.record,
        seen.lifted,
        rejected=(*seen.rejected, *sorted_out["reject"]),
        held=tuple(sorted_out["hold"]),
        warned=(*seen.warned, *sorted_out["warn"]),
    )


# Lower -----------------------------------------------------------------------------------------------


def lower(compiled: Compiled, side: Side, data: Json, changes: Iterable[Change]) -> Json:
    """The record of `side` as it would be after these changes; keys still to be made are left out."""
    told = (change for change in changes if not isinstance(change.after, Symbol))
    return put_paths(data, written_values(compiled, side, told))


def breaks(
    compiled: Compiled, side: Side, before: Json | None, changes: Sequence[Change], ref: Ref
) -> tuple[Finding, ...]:
    """What the target contract says against the record after these changes (`before` None: a new record).

    A create must be valid; a patch may not add a violation, nor leave one on a path that it writes.
    """
    checker = compiled.checkers[side]
    after = lower(compiled, side, {} if before is None else before, changes)
    if checker.valid(after):
        return ()
    pending = _paths(compiled, side, (change for change in changes if isinstance(change.after, Symbol)))
    if before is None:
        found = [each for each in checker.violations_on_create(after) if tuple(each.path) not in pending]
    else:
        old = {(tuple(each.path), each.rule) for each in checker.violations(before)}
        written = _paths(compiled, side, changes)
        new = (each for each in checker.violations(after) if tuple(each.path) not in pending)
        found = [each for each in new if (tuple(each.path), each.rule) not in old or touches(each.path, written)]
    return tuple(as_finding(each, ref) for each in found)


def _paths(compiled: Compiled, side: Side, changes: Iterable[Change]) -> frozenset[Path]:
    return frozenset(path for change in changes for path in compiled.targets[side][change.field].paths)


def written_values(compiled: Compiled, side: Side, changes: Iterable[Change]) -> list[tuple[Path, Json]]:
    """Every plain path that these changes write, with its value, in the order of the mapping."""
    return [part for change in changes for part in compiled.targets[side][change.field].parts(change.after)]


def native(target: Target, data: Json) -> Json:
    """What a record says at a field's target."""
    if len(target.paths) == 1:
        return get_path(data, target.paths[0])
    parts = [get_path(data, path) for path in target.paths]
    return None if all(part is None or part is ABSENT for part in parts) else parts
