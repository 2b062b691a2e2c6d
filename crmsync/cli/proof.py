"""Does the project do what it promises? Tests that need no system: `crmsync test`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings, global_flags, select_flag
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.model import Mapping
    from crmsync.run.proof import Proof


@click.command()
@select_flag
@global_flags
def test(settings: Settings, select: tuple[str, ...]) -> int:
    """Test the mappings, offline.

    Of every mapping with match.labels: are the pairs that it would link right, as often as match.min_precision asks?
    Exit code 2 when they are not, with every pair that is wrong. `crmsync match sample` writes such a file.

    \b
      crmsync test
      crmsync test -s account-customer --output json
    """
    from crmsync.run.world import Stopped

    loaded = settings.load()
    if loaded.project is None:
        raise Stopped(2, *(finding for finding in loaded.findings if finding.severity == "error"))
    proofs = list(_proofs(loaded.project.mappings, select))
    findings = [finding for each in proofs for finding in each.findings()]
    code = 2 if findings else 0
    if settings.json:
        told = {each.mapping.name: {"match": _json(each)} for each in proofs}
        render.json({"mappings": told, "findings": [log.as_json(each) for each in findings], "exit": code})
        return code
    for each in proofs:
        render.say(_told(each))
    if not proofs:
        render.say("nothing to test: no mapping has match.labels; next: crmsync match sample")
    log.findings(settings, findings)
    return code


def _proofs(mappings: tuple[Mapping, ...], select: tuple[str, ...]) -> Iterator[Proof]:
    from crmsync.run.proof import prove
    from crmsync.run.session import chosen

    for mapping in chosen(mappings, select):
        if mapping.match and mapping.match.labels:
            yield prove(mapping)


def _told(proof: Proof) -> str:
    linked = f"{proof.linked} of {render.count(proof.labels, 'labelled pair')} would be linked"
    if proof.precision is None:
        return f"{proof.mapping.name}: {linked}"
    precision = f"precision {proof.precision:.4f} (at least {proof.at_least:.4f}, by 95 %)"
    return f"{proof.mapping.name}: {linked}, {len(proof.wrong)} wrong: {precision}; {proof.right} of {proof.same} found"


def _json(proof: Proof) -> Json:
    return {
        "labels": proof.labels, "same": proof.same, "linked": proof.linked, "right": proof.right,
        "precision": proof.precision, "at_least": proof.at_least, "file": proof.file,
    }  # fmt: skip


COMMANDS = (test,)
