"""Does the target take what each field gives it? An error has a value to show for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from crmsync.core.expression import plain_path
from crmsync.core.merge import leads_back
from crmsync.core.model import ABSENT, At, Call, Check, Finding, Json, Severity, other, to_json
from crmsync.core.types import infer
from crmsync.core.types.chain import Refusal, Through, through
from crmsync.core.types.edges import GROWING
from crmsync.core.types.proof import Proof, crossed, is_blank, values_of
from crmsync.core.types.root import Root
from crmsync.core.types.words import brief, listed, said
from crmsync.core.values import check_chain, invert, registry, respells
from crmsync.project.check.flow import Flow, Types, is_sound, lengths_of, without_null
from crmsync.project.check.world import World, checks
from crmsync.project.mappings import Draft


def expressions_are_typed(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """What the contract speaks against in an expression. Plain paths are looked at elsewhere."""
    for text, side, where in world.expressions(draft):
        is_told = world.checker(draft.mapping.ends[side].contract).schema is True  # there is no sound contract
        if plain_path(text) is None and is_sound(text) and not is_told:
            source = types.source(draft, side)
            for each in infer(text, source.schema, str(draft.mapping.ends[side].contract)).problems:
                rule = "mapping/unknown-path" if each.rule.endswith("/unknown-path") else each.rule
                said = "" if each.witness is ABSENT else f", as for the record {brief(each.witness)}"
                at = draft.document.inside(where, each.offset)
                yield Finding(rule, each.message + said, each.mend, each.severity, at)


def targets_take_what_is_given(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    for flow in types.flows(draft):
        if flow.said.schema is False:
            continue
        verdict = types.verdict(flow)
        yield from _refusals(flow, verdict.through.refusals, flow.said.is_exact)
        for proof in verdict.proven:
            is_told = flow.each.merge is not None and proof.misfit.rule == "type/kind"  # by `merge-type`
            if not is_told and not is_blank(proof.value):  # who types only blanks is refused, and that is as well
                yield _misfit(flow, proof)
        for misfit in verdict.suspected:
            if misfit.rule != "type/value" and not flow.said.is_exact:
                message = f"{flow.text} may give {flow.name} {misfit.what}"
                yield Finding(misfit.rule, message, misfit.mend, "info", flow.at())


def _misfit(flow: Flow, proof: Proof) -> Finding:
    misfit, key = proof.misfit, f"to_{flow.draft.sides[flow.to]}"
    mend = misfit.mend.replace("the chain", key)
    severity: Severity = "error"
    if misfit.rule == "type/null" and flow.each.default[flow.to] is not ABSENT:
        severity, mend = "warning", f"default: fills it on create only; {mend}"
    if misfit.rule == "type/length" and not GROWING.isdisjoint(to_json(proof.value).decode()):
        severity = "warning"  # few texts hold such letters
    message = f"{flow.text} gives {flow.name} {misfit.what}{_example(proof)}"
    return Finding(misfit.rule, message, mend, severity, flow.at())


def _example(proof: Proof) -> str:
    if proof.value is None or proof.misfit.values:
        return ""
    made = "" if proof.result == proof.value else f", which becomes {brief(proof.result)}"
    return f": such as {brief(proof.value)}{made}"


def _refusals(flow: Flow, refusals: tuple[Refusal, ...], is_exact: bool) -> Iterator[Finding]:
    for refusal in refusals:
        call = flow.chain[refusal.index]
        yield _refused(call, refusal, call.at or flow.at(), flow.types.world, refusal.index == 0 and is_exact)


def _refused(call: Call, refusal: Refusal, at: At, world: World, is_certain: bool) -> Finding:
    severity: Severity = "error" if is_certain else "warning"
    if call.name == "lookup" and refusal.values:
        args = call.args if isinstance(call.args, dict) else {"table": call.args}
        table = world.tables.get(str(args.get("table")))
        unmapped = args.get("unmapped") or (table.unmapped if table else "reject")
        message = f"enum values without a target: {listed(refusal.values)} (unmapped: {unmapped})"
        name = table.name if table else "the table"
        mend = f"add a row for each to {name}, or write unmapped: {{value: ...}}"
        return Finding("type/unmapped", message, mend, "warning" if unmapped == "hold" else severity, at)
    what = listed(refusal.values) if refusal.values else " or ".join(refusal.kinds)
    message = f"{call.name} never takes {what}"
    return Finding("type/unfit", message, "put a transform before it that gives what it takes", severity, at)


def checks_can_be_made(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """Values that the chain of a check never takes, and sides of it that are never equal."""
    for index, check in checks(draft):
        context = replace(world.context(draft, check.side), source=draft.sides[check.side])
        if not is_sound(check.expr) or not is_sound(check.equals) or check_chain(check.apply, context):
            continue
        source = types.source(draft, check.side)
        schema = source.said(check.expr).schema
        found = through(without_null(schema), check.apply, context) if schema is not True else Through(True)
        for refusal in found.refusals:
            call = check.apply[refusal.index]
            if call.at is not None and refusal.kinds and not refusal.values:
                yield _refused(call, refusal, call.at, world, False)
        yield from _never_equal(draft, index, check, found.schema, source.said(check.equals).schema)


def _never_equal(draft: Draft, index: int, check: Check, given: Json, wanted: Json) -> Iterator[Finding]:
    """A check of values of different kinds stops every record that has both; text may spell the number."""
    kinds = [Root(schema).record.kinds - {"null"} for schema in (given, wanted)]
    if not all(kinds) or kinds[0] & kinds[1]:
        return
    first, second = (said(sorted(each)) for each in kinds)
    is_spelled = {*kinds[0], *kinds[1]} == {"number", "text"}
    fact = "equal only where the text spells the number" if is_spelled else "never equal"
    message = f"{check.expr} gives {first}, and {check.equals} is {second}: {fact}"
    mend = "compare with a path of the same kind, or convert with apply:" + (" [to_number]" if is_spelled else "")
    where = ("checks", index, draft.sides[check.side])
    yield Finding("type/check", message, mend, "warning" if is_spelled else "error", draft.document.at(*where))


def both_ways_lead_back(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """There, back and there again gives what going there gave."""
    ways: dict[str, list[Flow]] = {}
    for flow in types.flows(draft):
        ways.setdefault(flow.each.name, []).append(flow)
    for both in ways.values():
        if len(both) == 2 and any(flow.chain for flow in both) and not any(map(_is_lossy, both)):
            found = filter(None, (_lost(flow, back) for flow, back in (both[::-1], both) if flow.said.is_exact))
            yield from islice(found, 1)


def _is_lossy(flow: Flow) -> bool:
    """Whether `mapping/lossy` tells of it."""
    if flow.each.equal_within is not None:
        return False
    steps = [call for call in flow.chain if registry()[call.name].gives == "number"]
    return any(invert((call,), flow.context) is None for call in steps)


_TRIED: Final = 40


def _lost(flow: Flow, back: Flow) -> Finding | None:
    for value in values_of(without_null(flow.said.schema), lengths_of(flow))[:_TRIED]:
        there = crossed(value, flow.cross)
        if there is ABSENT or not flow.target.takes(there):
            continue
        source = crossed(there, back.cross)
        again = ABSENT if source is ABSENT else crossed(source, flow.cross)
        way = value, there, source, again
        if again is not ABSENT and not leads_back(flow.each, way, respells=respells(flow.chain, flow.context)):
            return _round_trip(flow, way)
    return None


def _round_trip(flow: Flow, way: tuple[Json, ...]) -> Finding:
    first, second = flow.draft.sides[other(flow.to)], flow.draft.sides[flow.to]
    value, there, source, again = map(brief, way)
    message = (
        f"field {flow.each.name} does not lead back: {first} {value} is {second} {there}, "
        f"which is {first} {source}, and that is {second} {again}"
    )
    mend = f"let to_{first} undo to_{second}, or write equal_within:, the difference that does not count"
    at = flow.chain[0].at if flow.chain and flow.chain[0].at else flow.at()
    return Finding("type/round-trip", message, mend, "error" if flow.each.owner == "shared" else "info", at)
