"""Does the target take what each field gives it? An error has a value to show for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from crmsync.core.expression import plain_path
from crmsync.core.merge import agree
from crmsync.core.model import ABSENT, At, Call, Finding, Json, Severity, other, to_json
from crmsync.core.types import infer
from crmsync.core.types.chain import Refusal, through
from crmsync.core.types.proof import Proof, crossed, is_blank, values_of
from crmsync.core.types.words import listed, shown
from crmsync.core.values import check_chain, invert, registry
from crmsync.project.check.flow import Flow, Path, Types, is_sound, without_null
from crmsync.project.check.world import World, checks, expressions
from crmsync.project.mappings import Draft


def expressions_are_typed(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """What the contract speaks against in an expression. Plain paths are looked at elsewhere."""
    for text, side, where in expressions(draft):
        if plain_path(text) is None and is_sound(text):
            source = types.source(draft, side)
            for each in infer(text, source.schema, str(draft.mapping.ends[side].contract)).problems:
                rule = "mapping/unknown-path" if each.rule.endswith("/unknown-path") else each.rule
                said = "" if each.witness is ABSENT else f", as for the record {_brief(each.witness)}"
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
    message = f"{flow.text} gives {flow.name} {misfit.what}{_example(proof)}"
    return Finding(misfit.rule, message, mend, severity, flow.at())


def _example(proof: Proof) -> str:
    if proof.value is None or proof.misfit.values:
        return ""
    made = "" if proof.result == proof.value else f", which becomes {_brief(proof.result)}"
    return f": such as {_brief(proof.value)}{made}"


def _brief(value: Json) -> str:
    if isinstance(value, str) and len(value) > 40:
        return f"a text of {len(value)} characters"
    if isinstance(value, list) and len(to_json(value)) > 60:
        return f"a list of {len(value)}"
    return shown(value)


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
    """Values that the chain of a check never takes."""
    for _, check in checks(draft):
        context = replace(world.context(draft, check.side), source=draft.sides[check.side])
        if check.apply and is_sound(check.expr) and not check_chain(check.apply, context):
            schema = types.source(draft, check.side).said(check.expr).schema
            for refusal in through(without_null(schema), check.apply, context).refusals if schema is not True else ():
                call = check.apply[refusal.index]
                if call.at is not None and refusal.kinds and not refusal.values:
                    yield _refused(call, refusal, call.at, world, False)


def required_fields_are_filled(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """What a contract requires, and a field writes, must be there when a record is created."""
    for flow in types.flows(draft):
        path, create = plain_path(flow.path), draft.mapping.create[flow.to]
        if create is False or path is None or flow.each.default[flow.to] is not ABSENT or not _required(flow, path):
            continue
        source = types.source(draft, other(flow.to))
        policy = (create,) if isinstance(create, str) and is_sound(create) else ()
        said = source.said(flow.text, (*flow.conditions, *policy))
        if said.schema is False:  # no record is in scope, which is told
            continue
        contract, name = draft.mapping.ends[other(flow.to)].contract, draft.sides[flow.to]
        mend = f"write default: {{{name}: ...}}, or require it in {contract}"
        if flow.each.when[other(flow.to)] is not None:
            message = f"when: may keep {flow.path} from being written, which {flow.name.split(' ')[0]} requires"
            yield Finding("type/required", message, f"write default: {{{name}: ...}}", "warning", flow.at())
        elif said.may_be_absent:
            message = f"{contract} may lack {flow.text}, and {flow.name.split(' ')[0]} requires {flow.path}"
            yield Finding("type/required", message, mend, "error", flow.at())
        elif flow.keeps_null and _may_be_null(said.schema, flow):
            message = f"null of {flow.text} is not sent, and {flow.name.split(' ')[0]} requires {flow.path}"
            yield Finding("type/required", message, mend, "error", flow.at())


def _required(flow: Flow, path: Path) -> bool:
    record = flow.types.source(flow.draft, flow.to).root.record
    objects = [view for view in record.alternatives if view.kind == "object"]
    return bool(objects) and all(path[0] in view.required for view in objects) and len(path) == 1


def _may_be_null(schema: Json, flow: Flow) -> bool:
    return flow.said.is_exact and schema is not False and without_null(schema) != schema


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
    for value in values_of(without_null(flow.said.schema))[:_TRIED]:
        there = crossed(value, flow.cross)
        if there is ABSENT or not flow.target.takes(there):
            continue
        source = crossed(there, back.cross)
        again = ABSENT if source is ABSENT else crossed(source, flow.cross)
        if again is not ABSENT and not agree(flow.each, again, there):
            first, second = flow.draft.sides[other(flow.to)], flow.draft.sides[flow.to]
            message = (
                f"field {flow.each.name} does not lead back: {first} {_brief(value)} is {second} {_brief(there)}, "
                f"which is {first} {_brief(source)}, and that is {second} {_brief(again)}"
            )
            mend = f"let to_{first} undo to_{second}, or write equal_within:, the difference that does not count"
            at = flow.chain[0].at if flow.chain and flow.chain[0].at else flow.at()
            return Finding("type/round-trip", message, mend, "error" if flow.each.owner == "shared" else "info", at)
    return None
