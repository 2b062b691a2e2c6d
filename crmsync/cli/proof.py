"""Does the project do what it promises? Tests that need no system: `crmsync test`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import render
from crmsync.cli.findings import answer_findings, finding_flags
from crmsync.cli.findings.report import from_here
from crmsync.cli.flags import Settings, select_flag
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.trial import Direction
    from crmsync.run.rehearse.proof import Proof
    from crmsync.run.rehearse.tested import Tested

SECONDS: Final = 60.0  # of CPU, for the drawn records of one mapping


@click.command()
@select_flag
@click.option("--update", is_flag=True, help="Write what really happens into the golden cases that end otherwise.")
@click.option(
    "--examples", type=click.IntRange(0), default=100, show_default=True, metavar="N",
    help="Draw N records for each mapping and direction; 0: none.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Draw others.")
@finding_flags
def test(settings: Settings, select: tuple[str, ...], update: bool, examples: int, seed: int) -> int:
    """Test the mappings, offline.

    Of every mapping: do its golden cases (tests/MAPPING/*.yaml) end as they should? Do records that are drawn from the
    contracts arrive whole, stay as they are, and come back? Are the pairs that it would link right, as often as
    match.min_precision asks? No system is asked, and no variable has to be set. Exit code 2 when something does not
    hold.

    \b
      crmsync test
      crmsync test -s account-customer --examples 1000 --seed 7
      crmsync test --update
      crmsync test --output github --report junit=tests.xml
    """
    from crmsync.run.rehearse.tested import Wanted, try_mappings
    from crmsync.run.world import Stopped

    found = []
    try:
        for each in try_mappings(settings.project, settings.env, Wanted(select, update, seed, examples), _clock):
            found.append(each)
            if settings.text:
                for line in _told(each):
                    render.say(line)
    except Stopped as stop:
        return answer_findings(settings, stop.findings)
    findings = [finding for each in found for finding in each.findings()]
    told = {"mappings": {each.mapping.name: _json(each) for each in found}}
    checked = [from_here(file) for each in found for file in each.files]
    checked += [f"{from_here(case.at.file)}: {case.name}" for each in found for case in each.held]
    return answer_findings(settings, findings, told=told, checked=checked, well="all tests hold")


def _clock() -> Callable[[], bool]:
    end = time.process_time() + SECONDS
    return lambda: time.process_time() < end


def _told(tested: Tested) -> Iterator[str]:
    name, parts = tested.mapping.name, [_cases(tested)]
    if tested.directions:
        drawn, rejected = _sum(tested)
        parts.append(f"{render.count(drawn, 'drawn record')}, {rejected} rejected by rules")
    yield f"{name}: {'; '.join(parts)}"
    for each in tested.rewritten:
        yield f"{each.case.at.file}: written anew: {each.case.name}"
        yield from (f"    {line}" for line in each.difference().splitlines())
    if tested.proof:
        yield _matched(tested.proof)


def _cases(tested: Tested) -> str:
    failed = len(tested.failed)
    return f"{render.count(len(tested.cases), 'golden case')}{f', {failed} failed' if failed else ''}"


def _sum(tested: Tested) -> tuple[int, int]:
    return sum(each.drawn for each in tested.directions), sum(each.rejected for each in tested.directions)


def _matched(proof: Proof) -> str:
    linked = f"{proof.linked} of {render.count(proof.labels, 'labelled pair')} would be linked"
    if proof.precision is None:
        return f"{proof.mapping.name}: {linked}"
    precision = f"precision {proof.precision:.4f} (at least {proof.at_least:.4f}, by 95 %)"
    return f"{proof.mapping.name}: {linked}, {len(proof.wrong)} wrong: {precision}; {proof.right} of {proof.same} found"


def _json(tested: Tested) -> Json:
    ends = tested.mapping.ends
    told: dict[str, Json] = {
        "golden": {
            "cases": len(tested.cases), "failed": len(tested.failed),
            "rewritten": [each.case.name for each in tested.rewritten],
        },
        "drawn": {f"from {ends[each.source].name}": _drawn(each) for each in tested.directions},
    }  # fmt: skip
    return {**told, "match": _proof(tested.proof)} if tested.proof else told


def _drawn(direction: Direction) -> Json:
    return {
        "records": direction.drawn, "rejected": direction.rejected,
        "refused": {each.words: times for each, times in direction.refused.items()},
        "failures": [
            {"rule": each.rule, "path": each.path, "record": each.record, "linked": each.beside}
            for each in direction.failures
        ],
    }  # fmt: skip


def _proof(proof: Proof) -> Json:
    return {
        "labels": proof.labels, "same": proof.same, "linked": proof.linked, "right": proof.right,
        "precision": proof.precision, "at_least": proof.at_least, "file": proof.file,
    }  # fmt: skip


COMMANDS = (test,)
