"""How does a plan become a file?

JSON Lines: a header, then the lines of the plan in the order of doing. The file holds values of records and has mode
0600; a redacted one hides those that a contract marks x-pii, and cannot be applied.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crmsync import __version__
from crmsync.core.model import SIDES, Both, Finding, Json, Side, Telling, from_json, other, to_json
from crmsync.core.plan import digest
from crmsync.run.people.mask import Mask
from crmsync.run.prepared import Prepared
from crmsync.run.report import Report
from crmsync.run.world import Stopped, World, utc_now

if TYPE_CHECKING:
    from crmsync.run.session import Asked

FORMAT: Final = 1


def write_plan(path: Path, world: World, prepared: Prepared, report: Report, asked: Asked, *, redact: bool) -> None:
    """Write the plan, in one move: a reader never finds half of it. Raises `Stopped` (exit 2) where it cannot."""
    change = _redaction(world) if redact else _as_it_is
    names = list(prepared.mappings)
    header = {
        "crmsync": __version__,
        "format": FORMAT,
        "created": utc_now(),
        "mode": asked.order.mode,
        **({"undoes": asked.undoes} if asked.undoes else {}),
        "redacted": redact,
        "mappings": names,
        "sections": _sections(prepared, names),
        "read": {
            name: {
                "missing": plan.read.missing,
                "told": plan.read.told,
                "able": plan.read.able,
                "rejected": plan.read.rejected,
                "conflicts": plan.read.conflicts,
                "records": plan.read.records,
            }
            for name, plan in prepared.mappings.items()
        },
        "pins": {
            "ledger": world.ledger.id if world.ledger.runs(1) else None,
            "mappings": {name: world.hashes[name] for name in names},
            "instances": _instances(world, names),
        },
        "digest": report.digest,
    }
    try:
        _write(
            path,
            chain([to_json({**header, "seal": seal(header)})], (change(line.text) for line in prepared.spool.lines())),
        )
    except OSError as error:
        message = f"the plan cannot be written: {error.strerror}"
        raise Stopped(2, Finding("plan/unwritable", f"{path}: {message}", "name another file: -o FILE")) from None


def seal(header: Json) -> str:
    """What tells a header from one that was changed; its own seal is left out."""
    return digest([to_json({name: value for name, value in header.items() if name != "seal"})])


def _write(path: Path, lines: Iterable[bytes]) -> None:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _sections(prepared: Prepared, names: Sequence[str]) -> list[Json]:
    groups = groupby(prepared.spool.lines(), key=lambda line: (line.mapping_no, line.level))
    return [[names[number], level, sum(1 for _ in lines)] for (number, level), lines in groups]


def _instances(world: World, names: Sequence[str]) -> dict[str, str | None]:
    systems = {end.system for name in names for end in world.project.mapping(name).ends}
    return {name: world.instance(name) for name in sorted(systems)}


def _as_it_is(line: bytes) -> bytes:
    return line


def _redaction(world: World) -> Callable[[bytes], bytes]:
    mask = Mask(world.project)

    def redact(line: bytes) -> bytes:
        body = from_json(line)
        name = body["mapping"]
        _call_by_handles(body, world.names.both(mask.project.mapping(name)))
        for change in body.get("changes", ()):
            shown = {key: mask.value(name, change["field"], change[key]) for key in _VALUES if key in change}
            change.update(shown)
        if "untold" in body:
            body["untold"] = [[field, mask.value(name, field, value)] for field, value in body["untold"]]
        if body["do"] == "hold" and body["field"]:
            body["values"] = [mask.value(name, body["field"], value) for value in body["values"]]
            body["base"] = [mask.value(name, body["field"], value) for value in body["base"]]
        if body["do"] in ("archive", "restore"):
            contract = mask.project.mapping(name).ends[body["side"]].contract
            for part in {"before", "values"} & body.keys():
                body[part] = [*mask.record(contract, dict(body[part])).items()]
        if body["do"] == "adopt":
            body["base"] = {field: _masked(mask, name, field, agreed) for field, agreed in body["base"].items()}
        return to_json(body)

    return redact


def _call_by_handles(body: Json, tellings: Both[Telling | None]) -> None:
    """`["~3kq7x2m9ab"]` in place of a key that is about a person."""

    def told(side: Side, key: Json) -> Json:
        telling = tellings[side]
        return [telling(tuple(key))] if key is not None and telling else key

    if "side" in body:
        sides = {"key": body["side"], "source": other(body["side"])}
        body.update({word: told(side, body[word]) for word, side in sides.items() if word in body})
    if "keys" in body:
        body["keys"] = [told(side, body["keys"][side]) for side in SIDES]
    if body["do"] == "hold" and body["kind"] == "duplicate":  # its value is a key
        body["values"] = [told(side, body["values"][side]) for side in SIDES]


_VALUES: Final = ("before", "after", "from", "sent")


def _masked(mask: Mask, mapping: str, field: str, agreed: Json) -> Json:
    values = [mask.value(mapping, field, value) for value in agreed["values"]]
    return {**agreed, "values": values, "sent": mask.value(mapping, field, agreed["sent"])}
