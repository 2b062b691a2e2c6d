"""Which contracts are there, are they well, and may they change so? contract list, check, diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, get_args

import click

from crmsync.cli import render
from crmsync.cli.findings import answer_findings, finding_flags
from crmsync.cli.flags import Settings, global_flags, usage
from crmsync.core.model import At, Contract, Json, Mode

if TYPE_CHECKING:
    from crmsync.core.compat.promise import Told
    from crmsync.run.registry import Changed, Diff, Use

MODES: Final[Sequence[str]] = get_args(Mode)
HEAD: Final = ("contract", "status", "owner", "compatibility", "until", "instead", "read by")


@click.group()
def contract() -> None:
    """List, check and compare the contracts.

    \b
      crmsync contract list
      crmsync contract check
      crmsync contract diff --against origin/main
    """


# list -----------------------------------------------------------------------------------------------------------


@contract.command("list")
@global_flags
def list_(settings: Settings) -> None:
    """List the contracts, and who reads what of them.

    \b
      crmsync contract list
      crmsync contract list --output json
    """
    from crmsync.project.contracts import in_order
    from crmsync.run.registry import open_registry, users

    contracts = open_registry(settings.project)
    nouns = sorted((noun for noun, _ in contracts.sound.values()), key=lambda each: (each.name, in_order(each)))
    uses = users(settings.project, {str(each): each for each in nouns})
    if settings.json:
        told = [_listed_json(each, uses.get(str(each), [])) for each in nouns]
        render.json({"contracts": told, "unreadable": sorted(contracts.lost), "exit": 0})
        return
    render.table(HEAD, [_row(each, uses.get(str(each), [])) for each in nouns])
    for each in nouns:
        for use in uses.get(str(each), []):
            render.say(f"\n{each}  {use.side} of {use.mapping}: {', '.join(use.paths)}")
            for path, over in use.deprecated:
                until = f", to be read until {over.until}" if over.until else ""
                instead = f"; instead: {over.replaced_by}" if over.replaced_by else ""
                render.say(f"  deprecated: {path}{until}{instead}")
    if contracts.lost:
        render.say(f"\nnot to be read: a version of {', '.join(sorted(contracts.lost))}; next: crmsync contract check")


def _row(noun: Contract, uses: Sequence[Use]) -> tuple[object, ...]:
    said = noun.envelope
    readers = ", ".join(dict.fromkeys(use.mapping for use in uses))
    return str(noun), said.status, said.owner, said.compatibility, said.deprecated, said.replaced_by, readers


def _listed_json(noun: Contract, uses: Sequence[Use]) -> Json:
    said = noun.envelope
    return {
        "contract": str(noun), "name": noun.name, "version": noun.version, "file": noun.file, "status": said.status,
        "owner": said.owner, "compatibility": said.compatibility, "deprecated": said.deprecated,
        "replaced_by": said.replaced_by,
        "waivers": [{"rule": each.rule, "pointer": each.pointer, "reason": each.reason, "expires": each.expires}
                    for each in said.waivers],
        "read_by": [
            {"mapping": use.mapping, "side": use.side, "paths": list(use.paths),
             "deprecated": [{"path": path, "until": over.until, "replaced_by": over.replaced_by}
                            for path, over in use.deprecated]}
            for use in uses
        ],
    }  # fmt: skip


# check ----------------------------------------------------------------------------------------------------------


@contract.command("check")
@finding_flags
def check(settings: Settings) -> int:
    """Check every contract by itself, and every version beside the one before.

    \b
      crmsync contract check
      crmsync contract check --report sarif=contracts.sarif
    """
    from crmsync.cli.findings.report import from_here
    from crmsync.run.registry import check_registry

    contracts, findings = check_registry(settings.project, _today())
    files = [from_here(noun.file) for noun, _ in contracts.sound.values()]
    return answer_findings(settings, findings, checked=files)


def _today() -> date:
    return datetime.now(UTC).date()


# diff -----------------------------------------------------------------------------------------------------------


@contract.command("diff")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--against", metavar="GITREF", help="All contracts that have changed since: a branch, a tag, a commit.")
@click.option("--mode", type=click.Choice(MODES), help="What must hold [x-compatibility, but for major steps].")
@click.option("--policy", type=click.Choice(["strict", "reader-writer"]), default="strict", show_default=True,
              help="Compare as they stand, or what is written with what is read.")  # fmt: skip
@click.option("--draft", type=click.Choice(["4", "6", "7", "2019", "2020"]), default="2020", show_default=True,
              help="Of files without $schema.")  # fmt: skip
@finding_flags
def diff_(
    settings: Settings,
    old: str | None,
    new: str | None,
    against: str | None,
    mode: Mode | None,
    policy: str,
    draft: str,
) -> int:
    """Tell what changes from one contract to another, and what would break.

    OLD and NEW are names (crm.account@1.0.0) or files. Exit code 2 when something breaks that must hold, or when it is
    not proved.

    \b
      crmsync contract diff crm.account@1.0.0 crm.account@1.1.0
      crmsync contract diff --against origin/main
      crmsync contract diff old.json new.json --mode FULL --output json
    """
    from crmsync.run.registry import Question, changed_since, diff, edition_of
    from crmsync.run.registry.health import before

    asked = Question(mode, "strict" if policy == "strict" else "reader-writer", _today(), int(draft))
    if against is not None:
        if old or new:
            raise usage("--against compares all contracts", "leave OLD and NEW out, or leave --against out")
        changed, wrong = changed_since(settings.project, against, asked)
        return _answer_changed(settings, against, changed, wrong)
    if old is None or new is None:
        raise usage("two contracts are compared", "crmsync contract diff OLD NEW, or --against GITREF")
    first, second = (edition_of(settings.project, each, asked.draft) for each in (old, new))
    found = diff(first, second, asked, before(settings.project, first, second))
    if settings.text:
        _show(found)
    return answer_findings(settings, found.findings, told=_diff_json(found), well="nothing breaks that must hold")


def _answer_changed(settings: Settings, against: str, changed: Sequence[Changed], wrong: Sequence[Json]) -> int:
    findings = [*wrong, *(finding for each in changed for finding in each.findings)]
    if settings.text:
        for each in changed:
            if each.diff is not None:
                _show(each.diff, f" ({each.how})")
            else:
                render.say(f"{each.name} ({each.how})\n")
        if not changed and not wrong:
            render.say(f"no contract has changed since {against}")
    told = {
        each.name: {"how": each.how, **(_diff_json(each.diff) if each.diff else {"verdicts": None})} for each in changed
    }
    return answer_findings(settings, findings, told={"contracts": told}, well="nothing breaks that must hold")


def _show(found: Diff, how: str = "") -> None:
    render.say(f"{found.old.label} -> {found.new.label}{how}")
    modes = list(next(iter(found.verdicts.values())))
    shown = [mode for mode in modes if not mode.endswith("_TRANSITIVE")] if "TRANSITIVE" not in found.mode else modes
    rows = [(f"  {policy}", *(verdicts[mode] for mode in shown)) for policy, verdicts in found.verdicts.items()]
    render.table(("", *shown), rows)
    render.say(f"  asked: {found.mode}, {found.asked.policy}{_stepped(found)}")
    for each in found.changes:
        render.say(f"  {_signed(each)}")
    for towards, record in found.counterexamples[found.asked.policy].items():
        render.say(f"  {towards} breaks with {render.value(record)}")
    render.say()


def _stepped(found: Diff) -> str:
    if found.taken is None:
        return f"; a {found.required} step is needed" if found.required != "none" else ""
    return f"; step taken: {found.taken}, needed: {found.required}"


def _signed(told: Told) -> str:
    change = told.change
    places = " -> ".join(_place(at, pointer) for at, pointer in _sides(told))
    waived = f" (waived until {told.waiver.expires}: {told.waiver.reason})" if told.waiver else ""
    return f"{told.severity}  {change.rule}  {change.direction}  {change.message}{waived}\n      {places}"


def _sides(told: Told) -> Iterator[tuple[At | None, str | None]]:
    yield told.old, told.change.old_pointer
    yield told.new, told.change.new_pointer


def _place(at: At | None, pointer: str | None) -> str:
    return "(nothing)" if pointer is None else f"{at}#{pointer}"


def _diff_json(found: Diff) -> dict[str, Json]:
    """`verdicts` and `counterexamples` are those of the policy that was asked; `policies` has both."""
    policy = found.asked.policy
    return {
        "old": found.old.label,
        "new": found.new.label,
        "mode": found.mode,
        "policy": policy,
        "verdicts": dict(found.verdicts[policy]),
        "changes": [_change_json(each) for each in found.changes],
        "counterexamples": dict(found.counterexamples[policy]),
        "policies": {
            name: {"verdicts": dict(verdicts), "counterexamples": dict(found.counterexamples[name])}
            for name, verdicts in found.verdicts.items()
        },
        "step": {"required": found.required, "taken": found.taken},
    }


def _change_json(told: Told) -> Json:
    change, waiver = told.change, told.waiver
    return {
        "rule": change.rule,
        "severity": told.severity,
        "direction": change.direction,
        "message": change.message,
        "old": _place_json(told.old, change.old_pointer),
        "new": _place_json(told.new, change.new_pointer),
        "waiver": {"rule": waiver.rule, "reason": waiver.reason, "expires": waiver.expires} if waiver else None,
    }


def _place_json(at: At | None, pointer: str | None) -> Json:
    if pointer is None or at is None:
        return None
    return {"pointer": pointer, "file": at.file, "line": at.line, "column": at.column}


COMMANDS = (contract,)
