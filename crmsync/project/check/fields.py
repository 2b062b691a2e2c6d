"""Do the keys of a field go together?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from crmsync.core.model import ABSENT, SIDES, Call, Chain, Field, Finding, Side, other
from crmsync.core.near import choose
from crmsync.core.values import Context, check_chain, invert, registry
from crmsync.project.check.world import World, chains, checks, written_sides
from crmsync.project.mappings import Draft
from crmsync.project.shapes import dotted
from crmsync.project.yaml import Where

FieldCheck: TypeAlias = Callable[[Draft, World, Field], Iterator[Finding]]


def fields_make_sense(draft: Draft, world: World) -> Iterator[Finding]:
    for each in draft.mapping.fields:
        for check in _FIELD_CHECKS:
            yield from check(draft, world, each)


def _has(draft: Draft, each: Field, key: str) -> bool:
    return key in draft.document.data["fields"][each.name]


def _value_comes_from_somewhere(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    there = [side for side in SIDES if each.paths[side] is not None]
    if not there:
        mend = f"write {draft.sides[0]}: and {draft.sides[1]}: with the paths"
        yield draft.wrong_key("no-path", f"field {each.name} has no place on any side", mend, "fields", each.name)
    elif each.value is not ABSENT and len(there) == 2:
        message = f"field {each.name} is a constant, which has a place on one side only"
        yield draft.wrong_key("constant-two-sided", message, "delete the other path", "fields", each.name, "value")
    elif len(there) == 1 and each.value is ABSENT and each.default[there[0]] is ABSENT:
        lacking = draft.sides[other(there[0])]
        message = f"field {each.name} has no place on {lacking}, and no value of its own"
        yield draft.wrong_key("one-sided", message, f"write {lacking}:, value: or default:", "fields", each.name)


def _defaults_have_a_place(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    for side in SIDES:
        if each.default[side] is not ABSENT and each.paths[side] is None:
            name = draft.sides[side]
            message = f"field {each.name} has a default for {name}, but no place there"
            yield draft.wrong_key(
                "default-without-path", message, f"write {name}:", "fields", each.name, "default", name
            )


def _has_an_owner(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    two_sided = None not in each.paths
    first, second = draft.sides
    if two_sided and each.value is ABSENT and each.owner is None:
        message = f"field {each.name} has no owner"
        mend = f"write owner: {first}, owner: {second} or owner: shared"
        yield draft.wrong_key("no-owner", message, mend, "fields", each.name)
    elif each.owner is not None and each.paths != (None, None) and not (two_sided and each.value is ABSENT):
        message = f"field {each.name} has nothing to own: it has a place on one side only"
        yield draft.wrong_key("needless-owner", message, "delete owner:", "fields", each.name, "owner")


def _seeds_the_owner(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    if each.seed is None:
        return
    name = draft.sides[each.seed]
    if each.seed == each.owner:
        message = f"{name} owns field {each.name}, so it cannot seed it"
        mend = f"write seed: {draft.sides[other(each.seed)]}, or delete it"
        yield draft.wrong("seed-is-owner", message, mend, "fields", each.name, "seed")
    elif each.owner is None or each.owner == "shared":
        message = f"field {each.name} is not owned by one side, so there is nothing to seed"
        yield draft.wrong("needless-seed", message, "delete seed:", "fields", each.name, "seed")


_NEEDS: Final[Mapping[str, tuple[str, Callable[[Field], bool]]]] = {
    "on_conflict": ("is for shared fields", lambda each: each.owner == "shared"),
    "on_foreign_edit": ("is for fields that one side owns", lambda each: each.owner in SIDES),
    "on_first_link": ("is for fields that one side owns", lambda each: each.owner in SIDES),
    "on_null": ("is for fields with an owner", lambda each: each.owner is not None),
    "equal_within": ("is for fields with an owner", lambda each: each.owner is not None),
}


def _settings_have_an_effect(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    for key, (reason, fits) in _NEEDS.items():
        if _has(draft, each, key) and not fits(each):
            message, mend = f"{key} of field {each.name} has no effect: it {reason}", f"delete {key}:"
            yield draft.wrong_key("no-effect", message, mend, "fields", each.name, key, severity="warning")
    for side in SIDES:
        key = f"to_{draft.sides[side]}"
        if each.to[side] and side not in written_sides(each) and not each.link:
            message = f"{key} of field {each.name} has no effect: {draft.sides[side]} is never written"
            yield draft.wrong_key("no-effect", message, f"delete {key}:", "fields", each.name, key, severity="warning")


def _merges_what_is_shared(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    if each.merge is None:
        return
    if each.owner != "shared":
        message = f"field {each.name} combines the values of both sides, so both must own it"
        yield draft.wrong("merge-not-shared", message, "write owner: shared", "fields", each.name, "merge")


def _newest_can_be_known(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    if each.on_conflict != "newest":
        return
    for end in draft.mapping.ends:
        entity = world.entity(end)
        if entity is not None and entity.modified is None:
            message = f"{entity.full_name} does not say when a record was changed, so no value is the newest"
            mend = f"write modified: under {entity.full_name} in crmsync.yaml, or another on_conflict"
            yield draft.wrong("newest-unknown", message, mend, "fields", each.name, "on_conflict")


def _leads_back(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    """A value that flows both ways needs a chain for each way, or one that can be turned round."""
    if each.link or not (each.owner == "shared" or each.seed is not None):
        return
    given = [side for side in SIDES if _has(draft, each, f"to_{draft.sides[side]}")]
    for side in given if each.owner == "shared" or len(given) == 1 else ():
        step = _one_way_step(each.to[side], draft, world, side)
        if step is None:
            continue
        there, back = f"to_{draft.sides[side]}", f"to_{draft.sides[other(side)]}"
        index, name = step
        where = ("fields", each.name, there, index)
        if name == "lookup":
            told = _collisions(each.to[side][index], world, world.context(draft, side))
            message = f"field {each.name} goes both ways, but its table is not one to one{told}"
            mend = "where rows share an answer, name the one to take under prefer:; let unmapped: be reject or hold"
            yield draft.wrong("no-inverse", message, mend, *where)
        elif len(given) == 1:
            message = f"field {each.name} goes both ways, but there is no way back from {name}"
            yield draft.wrong("no-inverse", message, f"write {back}: too", *where)
        elif each.equal_within is None and registry()[name].gives == "number":
            message = f"field {each.name} goes both ways, and {name} loses digits"
            yield draft.wrong("lossy", message, "write equal_within:, the difference that does not count", *where)


def _collisions(call: Call, world: World, context: Context) -> str:
    """The keys of a table that share an answer: `: A and B are both one`."""
    args = call.args if isinstance(call.args, dict) else {"table": call.args}
    table = world.tables.get(str(args.get("table")))
    if table is None:
        return ""
    source, target = (table.columns.index(args.get(key) or getattr(context, side)) for key, side in _COLUMNS)
    keys: dict[str, list[str]] = {}
    for row in table.rows:
        keys.setdefault(str(row[target]), []).append(str(row[source]))
    preferred = {str(answer) for answer in table.prefer.get(table.columns[target], {})}
    shared = {answer: names for answer, names in keys.items() if len(names) > 1 and answer not in preferred}
    told = [
        f"{' and '.join(names)} are {'both' if len(names) == 2 else 'all'} {name}" for name, names in shared.items()
    ]
    return f": {'; '.join(told)}" if told else ""


_COLUMNS: Final = (("from", "source"), ("to", "target"))


def _one_way_step(chain: Chain, draft: Draft, world: World, to: Side) -> tuple[int, str] | None:
    """The first step that cannot be turned round, if any; nothing is said of a chain that is wrong in itself."""
    context = world.context(draft, to)
    if check_chain(chain, context):
        return None
    steps = ((index, call.name) for index, call in enumerate(chain) if invert((call,), context) is None)
    return next(steps, None)


def _links_lead_somewhere(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    where = ("fields", each.name)
    if each.link is None:
        for side in SIDES:
            if isinstance(each.paths[side], tuple):
                message = f"field {each.name} has a list of paths, which only a link has"
                yield draft.wrong("paths-without-link", message, "write one path, or link:", *where, draft.sides[side])
        return
    if each.link not in world.names:
        message = f"there is no mapping {each.link!r}"
        yield draft.wrong("unknown-mapping", message, choose(each.link, world.names), *where, "link")
    for side in SIDES:
        if each.to[side]:
            key = f"to_{draft.sides[side]}"
            message = f"field {each.name} is a link: its value is a key, which no transform may change"
            yield draft.wrong_key("link-with-chain", message, f"delete {key}:", *where, key)
    yield from _link_fits(draft, world, each)


def _link_fits(draft: Draft, world: World, each: Field) -> Iterator[Finding]:
    """A foreign key has as many parts as the key that it is of."""
    linked = world.drafts.get(each.link or "")
    if linked is None:
        return
    systems = [end.system for end in linked.mapping.ends]
    for side in SIDES:
        end, written = draft.mapping.ends[side], each.paths[side]
        if end.system not in systems and all(each in world.systems for each in (end.system, *systems)):
            message = f"mapping {each.link} does not have a side in the system {end.system}"
            mend = f"link to a mapping between {draft.mapping.ends[0].system} and {draft.mapping.ends[1].system}"
            yield draft.wrong("link-elsewhere", message, mend, "fields", each.name, "link")
        if end.system not in systems:
            continue
        twin = side if systems[side] == end.system else other(side)
        target = world.entity(linked.mapping.ends[twin])
        count = len(written) if isinstance(written, tuple) else 1
        if written is not None and target is not None and len(target.key) != count:
            message = f"the key of {target.full_name} has {len(target.key)} parts, not {count}"
            mend = f"write as many paths as its key has: {', '.join(target.key)}"
            yield draft.wrong("link-parts", message, mend, "fields", each.name, draft.sides[side])


_FIELD_CHECKS: Final[tuple[FieldCheck, ...]] = (
    _value_comes_from_somewhere,
    _defaults_have_a_place,
    _has_an_owner,
    _seeds_the_owner,
    _settings_have_an_effect,
    _merges_what_is_shared,
    _newest_can_be_known,
    _leads_back,
    _links_lead_somewhere,
)


def chains_are_known(draft: Draft, world: World) -> Iterator[Finding]:
    for chain, side, where in chains(draft):
        yield from _chain(chain, world.context(draft, side), world, where)
    for index, check in checks(draft):
        context = replace(world.context(draft, check.side), source=draft.sides[check.side])
        yield from _chain(check.apply, context, world, ("checks", index, "apply"))


def _chain(chain: Chain, context: Context, world: World, where: Where) -> Iterator[Finding]:
    for found in check_chain(chain, context):
        if found.rule != "lookup/unknown-table" or not world.lost_tables:
            yield replace(found, message=f"{dotted(where)}: {found.message}")
    for call in chain:
        entity = call.args.get("entity") if call.name == "lookup" and isinstance(call.args, dict) else None
        known = {each.full_name for system in world.systems.values() for each in system.entities.values()}
        if isinstance(entity, str) and entity not in known and entity.partition(".")[0] not in world.lost_systems:
            message = f"{dotted(where)}: there is no entity {entity!r}"
            yield Finding("mapping/unknown-entity", message, choose(entity, known), at=call.at)


def groups_move_together(draft: Draft, world: World) -> Iterator[Finding]:
    groups: dict[str, list[Field]] = {}
    for each in draft.mapping.fields:
        if each.group is not None:
            groups.setdefault(each.group, []).append(each)
    for name, members in groups.items():
        first = members[0]
        for each in members[1:]:
            if each.owner != first.owner:
                message = f"group {name}: {each.name} and {first.name} have different owners"
                mend = "give all fields of a group one owner"
                yield draft.wrong("group-owners", message, mend, "fields", each.name, "group")
        if len(members) == 1 and not draft.damaged:
            others = groups.keys() - {name}
            mend = choose(name, others, "other groups") if others else "name the group at the fields that move with it"
            message = f"group {name} has one field only"
            yield draft.wrong("lonely-group", message, mend, "fields", first.name, "group", severity="warning")


def together_has_parents(draft: Draft, world: World) -> Iterator[Finding]:
    if draft.mapping.together and not any(each.link for each in draft.mapping.fields):
        message = "together: true, but no field links to another mapping"
        yield draft.wrong("together-alone", message, "add a field with link:, or leave together out", "together")


def limits_speak_of_fields(draft: Draft, world: World) -> Iterator[Finding]:
    fields = {each.name for each in draft.mapping.fields} | draft.damaged
    for name in draft.mapping.limits.fields:
        if name not in fields:
            message = f"there is no field {name!r}"
            yield draft.wrong_key("unknown-field", message, choose(name, fields), "limits", "fields", name)
