"""What would this change do? diff, record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import log, render
from crmsync.cli.findings import answer_findings, finding_flags
from crmsync.cli.flags import Settings, global_flags, select_flag, show_pii_flag
from crmsync.cli.rebase import change_json
from crmsync.core.model import ABSENT, At, Finding, Json, Ref, Severity

if TYPE_CHECKING:
    from crmsync.core.change import Change, Level
    from crmsync.project import Loaded
    from crmsync.run.people.mask import Mask
    from crmsync.run.rehearse.compare import Compared, Difference, Tally

FOLDER = click.Path(path_type=Path, file_okay=False)
SEVERITY: Final[dict[Level, Severity]] = {"breaking": "error", "additive": "warning", "cosmetic": "info"}
SHOWN: Final = 10  # records of each side that differ


@click.command()
@click.option("--against", required=True, metavar="GITREF", help="Since when: a branch, a tag, a commit.")
@select_flag
@click.option("--records", type=FOLDER, metavar="FOLDER", help="Try both versions on the records in it.")
@click.option(
    "--show",
    type=click.IntRange(0),
    default=SHOWN,
    show_default=True,
    metavar="N",
    help="Show so many records of each side that become something else.",
)
@show_pii_flag
@finding_flags
def diff(
    settings: Settings, against: str, select: tuple[str, ...], records: Path | None, show: int, show_pii: bool
) -> int:
    """Tell what the changes to the mappings do.

    Breaking, additive or cosmetic, each with its place; and what becomes of recorded records under both versions.
    Needs no system, no ledger and no credentials. Exit code 2 when something is breaking, else 0.

    \b
      crmsync diff --against origin/main
      crmsync diff --against origin/main --records recorded --output github
    """
    from crmsync.run.rehearse import compare

    new = compare.without_a_system(settings.project, settings.env)
    if not new.definitions and new.project is None:
        return answer_findings(settings, new.findings)
    with ExitStack() as stack:
        old = stack.enter_context(compare.older(settings.project, settings.env, against))
        found = compare.compared(old, new, select, settings.project)
        tallies, wrong = _tried(old, new, select, records, show)
        findings = list(new.findings) if new.project is None else []
        findings += [_finding(each, change, against) for each in found for change in each.changes]
        findings += [*wrong, *(_differs(tally, new) for tally in tallies if tally.differ)]
        told = _Told(old, new, show_pii)
        if settings.text:
            told.show(found, tallies, against)
        return answer_findings(
            settings,
            findings,
            told=told.json(found, tallies, against),
            checked=[f"mapping {name}" for name in new.definitions],
            well="nothing is breaking" if found else f"no mapping has changed since {against}",
        )


def _tried(
    old: Loaded, new: Loaded, select: Sequence[str], records: Path | None, show: int
) -> tuple[list[Tally], list[Finding]]:
    """Both versions of the mappings, over what was recorded; and what is wrong with the recording."""
    from crmsync.run.rehearse.compare import pairs, tallies
    from crmsync.run.rehearse.recorded import Recorded

    if records is None or new.project is None:
        return [], []
    recorded = Recorded.open(records)
    if old.project is None:
        message = "the older version has findings of its own, so that no record can be tried on it: see crmsync check"
        return [], [Finding("change/untried", message, severity="warning", at=At(records.as_posix()))]
    found = list(tallies(old.project, new.project, pairs(old, new, select), recorded, show))
    return found, recorded.findings


def _finding(compared: Compared, change: Change, against: str) -> Finding:
    mend = _mend(compared, change)
    if change.rule in ("change/contract-narrower", "change/contract-wider"):
        mend = f"see crmsync contract diff --against {against}; {mend}"
    return Finding(change.rule, f"{compared.name}: {change.message}", mend, SEVERITY[change.level], change.at)


def _mend(compared: Compared, change: Change) -> str:
    from crmsync.core.change import moves_links

    if change.rule in ("change/mapping-added", "change/mapping-removed"):
        return ""
    if change.rule == "change/mapping-renamed":
        return (
            f"before it is merged: crmsync link export -s {compared.was} -o links.csv; after it, with the new name in "
            "that file: crmsync link import links.csv"
        )
    if moves_links([change]):
        return (
            "put it back, for no rebase confirms it while there are links; or give the mapping another name, and bring "
            "its links over: crmsync link export, translate the keys and the name in that file, crmsync link import"
        )
    return {
        "breaking": f"once it is merged: crmsync rebase -s {compared.name}",
        "additive": "the next run must be a batch run",
        "cosmetic": "",
    }[change.level]


def _differs(tally: Tally, new: Loaded) -> Finding:
    fields = ", ".join(f"{name} {n}" for name, n in sorted(tally.fields.items(), key=lambda each: (-each[1], each[0])))
    verdicts = ", ".join(f"{old} -> {now} {number}" for (old, now), number in sorted(tally.verdicts.items()))
    records = f"{tally.differ} of {render.count(tally.records, 'record')} of {tally.entity}"
    message = f"{tally.mapping}: something else becomes of {records}"
    told = "; ".join(filter(None, (fields, verdicts)))
    at = new.project.mapping(tally.mapping).at if new.project else None
    return Finding("change/outcome", f"{message}: {told}" if told else message, "", "warning", at)


class _Told:
    """Words and JSON, with people's data masked."""

    def __init__(self, old: Loaded, new: Loaded, show_pii: bool) -> None:
        from crmsync.run.people.keyed import Names
        from crmsync.run.people.mask import Mask

        projects = [each.project for each in (old, new) if each.project]
        self.masks: list[Mask] = [Mask(each, show_pii) for each in projects]
        self.names: list[Names] = [Names(each, show=show_pii) for each in projects]

    def ref(self, ref: Ref) -> str:
        """With its key hidden where either version hides it: there is no ledger to have a handle from."""
        told = [names.told(ref) for names in self.names]
        return str(next((each for each in told if each.telling), told[-1]))

    def value(self, mapping: str, name: str, value: Json) -> Json:
        """Hidden where either version hides it; a field that one of them does not have is not about people there."""
        for mask in self.masks:
            known = next((each for each in mask.project.mappings if each.name == mapping), None)
            if known is not None and any(each.name == name for each in known.fields):
                value = mask.value(mapping, name, value)
        return value

    def show(self, found: Sequence[Compared], tallies: Sequence[Tally], against: str) -> None:
        for each in found:
            counts = Counter(change.level for change in each.changes)
            levels = ", ".join(f"{counts[level]} {level}" for level in SEVERITY if counts[level])
            render.say(f"{each.name} ({each.how} since {against}): {levels}")
        for tally in tallies:
            said = f"something else becomes of {tally.differ}" if tally.differ else "the same becomes of all"
            render.say(f"{tally.mapping}: {render.count(tally.records, 'record')} of {tally.entity}, {said}")
            for difference in tally.shown:
                for line in self._lines(difference):
                    render.say(f"  {line}")
            if tally.differ > len(tally.shown):
                render.say(f"  ... and {tally.differ - len(tally.shown)} more: --show {tally.differ}")
        if found or tallies:
            render.say()

    def _lines(self, difference: Difference) -> Iterator[str]:
        old, new = difference.outcomes
        verdict = f"  {old.verdict} -> {new.verdict}" if old.verdict != new.verdict else ""
        yield f"{self.ref(difference.ref)}{verdict}"
        for name, (was, now) in difference.fields.items():
            values = [render.value(self.value(difference.mapping, name, each)) for each in (was, now)]
            yield f"    {name}: {values[0]} -> {values[1]}"
        for why in new.why:
            if why not in old.why:
                yield f"    now: {why}"
        for why in old.why:
            if why not in new.why:
                yield f"    no more: {why}"

    def json(self, found: Sequence[Compared], tallies: Sequence[Tally], against: str) -> dict[str, Json]:
        mappings = {
            each.name: {"how": each.how, "was": each.was or None, "changes": [change_json(one) for one in each.changes]}
            for each in found
        }
        return {"against": against, "mappings": mappings, "records": [self._tally_json(each) for each in tallies]}

    def _tally_json(self, tally: Tally) -> Json:
        verdicts = [{"old": old, "new": new, "count": n} for (old, new), n in sorted(tally.verdicts.items())]
        return {
            "mapping": tally.mapping, "side": tally.side, "entity": tally.entity, "records": tally.records,
            "differ": tally.differ, "fields": dict(sorted(tally.fields.items())), "verdicts": verdicts,
            "shown": [self._difference_json(each) for each in tally.shown],
        }  # fmt: skip

    def _difference_json(self, difference: Difference) -> Json:
        old, new = difference.outcomes
        fields = {
            name: {
                version: self.value(difference.mapping, name, each)
                for version, each in zip(("old", "new"), both, strict=True)
                if each is not ABSENT
            }
            for name, both in difference.fields.items()
        }
        return {
            "record": self.ref(difference.ref), "verdict": {"old": old.verdict, "new": new.verdict}, "fields": fields,
            "why": {"old": list(old.why), "new": list(new.why)},
        }  # fmt: skip


@click.command()
@click.argument("folder", type=FOLDER)
@select_flag
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many records of each entity.")
@click.option("--redact", is_flag=True, help="Hide what a contract marks x-pii.")
@global_flags
def record(settings: Settings, folder: Path, select: tuple[str, ...], limit: int | None, redact: bool) -> None:
    """Record what the systems hold, to try changes on.

    A JSON Lines file for each entity, mode 0600: they are people's data. Reads only; the ledger knows nothing of it.

    \b
      crmsync record recorded --limit 1000
      crmsync diff --against origin/main --records recorded
    """
    from crmsync.run.rehearse.recorded import record as recording
    from crmsync.run.selected import selected

    with settings.world() as world, log.working(settings, "reading …"):
        written = recording(world, selected(world, select), folder, limit, redact=redact)
    if settings.json:
        render.json({"written": {str(file): number for file, number in written.items()}, "exit": 0})
        return
    for file, number in written.items():
        render.say(f"{render.count(number, 'record')} written to {file}")


COMMANDS = (diff, record)
