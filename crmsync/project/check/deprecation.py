"""Does a mapping still read what is on its way out?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from crmsync.core.contract import Deprecation, deprecation
from crmsync.core.expression import problems
from crmsync.core.model import At, Finding, Json
from crmsync.core.types.paths import dotted
from crmsync.core.types.typed import deprecates, reads_deprecated
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft


def contracts_may_be_read(draft: Draft, today: date | None) -> Iterator[Finding]:
    """A retired contract may not; a draft may change under the mapping; a deprecated one may until its day."""
    for end in draft.mapping.ends:
        at = draft.document.at("between", end.name, "contract")
        contract, envelope = end.contract, end.contract.envelope
        match envelope.status:
            case "retired":
                yield Finding("contract/retired", f"{contract} is retired", _instead(envelope.replaced_by), at=at)
            case "draft":
                message = f"{contract} is a draft: it may change without notice"
                yield Finding("contract/draft", message, "name a version that is active", "warning", at)
            case "deprecated":
                over = Deprecation(envelope.deprecated, envelope.replaced_by)
                yield _deprecated("contract/deprecated-contract", str(contract), over, today, at)


def fields_may_be_read(draft: Draft, world: World, today: date | None) -> Iterator[Finding]:
    schemas = [world.checker(end.contract).schema for end in draft.mapping.ends]
    for text, side, where in world.expressions(draft) if any(map(deprecates, schemas)) else ():
        contract = draft.mapping.ends[side].contract
        for offset, path, over in deprecated_reads(text, world.checker(contract).schema):
            at = draft.document.inside(where, offset)
            yield _deprecated("contract/deprecated-field", f"{path} of {contract}", over, today, at)


def deprecated_reads(text: str, schema: Json) -> Iterator[tuple[int, str, Deprecation]]:
    """What an expression reads that its contract calls deprecated: where in the text, the path (`lines[].price`), and
    until when."""
    told: set[int] = set()
    for offset, path, said in reads_deprecated(text, schema) if not problems(text) else ():
        over = deprecation(said)
        if over is not None and offset not in told:
            told.add(offset)
            yield offset, dotted(path), over


def _deprecated(rule: str, what: str, over: Deprecation, today: date | None, at: At) -> Finding:
    mend = _instead(over.replaced_by)
    if over.past(today):
        return Finding(rule, f"{what} is deprecated, and could be read until {over.until}", mend, at=at)
    until = f" and may be read until {over.until}" if over.until else ""
    return Finding(rule, f"{what} is deprecated{until}", mend, "warning", at)


def _instead(replaced_by: str | None) -> str:
    return f"read {replaced_by} instead" if replaced_by else "ask its owner what is to be read instead"
