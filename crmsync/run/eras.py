"""Is each mapping still the one that its bases, links and fingerprints were made under?

An era is the time under one definition of a mapping. In a new one every record is looked at again, by a batch run; one
that a breaking change begins is begun by a person: `crmsync rebase`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmsync.core.change import Change, Definition, changes
from crmsync.core.model import Finding
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import Era
from crmsync.ledger.writer import Writer
from crmsync.run.prepared import Order
from crmsync.run.world import Stopped, World, utc_now


def eras(world: World, mappings: Sequence[Declared], order: Order) -> Mapping[str, int]:
    """The era of each mapping; a delta needs one in which a batch has finished, and after a breaking change a person
    must have confirmed it. Raises `Stopped` (exit 2)."""
    found = {mapping.name: world.ledger.era(mapping.name) for mapping in mappings}
    refused = _unconfirmed(world, mappings)
    unready = [
        _needs_batch(world, mapping, era)
        for mapping in mappings
        if mapping.name not in refused and _waits_for_batch(mapping, order)
        if not ((era := found[mapping.name]) and era.complete and _is_same(world, mapping, era))
    ]
    if unready or refused:
        raise Stopped(2, *(finding for group in refused.values() for finding in group), *unready)
    return {mapping.name: number_of(world, mapping, found[mapping.name]) for mapping in mappings}


def number_of(world: World, mapping: Declared, era: Era | None) -> int:
    """The number of the era that a run is in, or begins."""
    return era.number + (era.hash != world.hashes[mapping.name]) if era else 1


def refuse_unconfirmed(world: World, mappings: Sequence[Declared]) -> None:
    """Raises `Stopped` (exit 2) where a breaking change has not been confirmed."""
    if found := _unconfirmed(world, mappings):
        raise Stopped(2, *(finding for group in found.values() for finding in group))


def begin_era(world: World, ledger: Writer, mapping: Declared) -> None:
    definition = world.definitions[mapping.name]
    ledger.begin_era(mapping.name, definition.hash, utc_now(), definition.to_json())


def changed(world: World, mapping: Declared) -> tuple[Change, ...]:
    """What is different from the definition that the ledger remembers; nothing where it remembers none."""
    era = world.ledger.era(mapping.name)
    if era is None or era.hash == world.hashes[mapping.name]:
        return ()
    written = world.ledger.definition(mapping.name)
    return changes(Definition.from_json(written), world.definitions[mapping.name]) if written else ()


def unconfirmed(world: World, mapping: Declared) -> tuple[Change, ...]:
    """All changes, where one of them is breaking. Where nothing was ever linked there is nothing to break."""
    era = world.ledger.era(mapping.name)
    if era is None or not (era.complete or world.ledger.live_links(mapping.name)):
        return ()
    found = changed(world, mapping)
    return found if any(each.level == "breaking" for each in found) else ()


def _unconfirmed(world: World, mappings: Sequence[Declared]) -> dict[str, list[Finding]]:
    found = {mapping.name: unconfirmed(world, mapping) for mapping in mappings}
    return {mapping.name: _needs_rebase(mapping, found[mapping.name]) for mapping in mappings if found[mapping.name]}


def _needs_rebase(mapping: Declared, found: Sequence[Change]) -> list[Finding]:
    message = f"{mapping.name} has changed so that the next run might overwrite, delete, refuse or link unasked"
    mend = f"see what it would do, and confirm it: crmsync rebase -s {mapping.name}"
    breaking = [each for each in found if each.level == "breaking"]
    told = [Finding(each.rule, f"{mapping.name}: {each.message}", at=each.at) for each in breaking]
    return [*told, Finding("run/needs-rebase", message, mend, at=mapping.at)]


def _waits_for_batch(mapping: Declared, order: Order) -> bool:
    """One record alone is only safe when all that it could be the same as are known."""
    return order.mode == "delta" if order.only is None else mapping.match is not None


def _is_same(world: World, mapping: Declared, era: Era | None) -> bool:
    return era is not None and era.hash == world.hashes[mapping.name]


def _needs_batch(world: World, mapping: Declared, era: Era | None) -> Finding:
    has_changed = era is not None and not _is_same(world, mapping, era)
    why = "changed since the last batch run" if has_changed else "has not had a complete batch run yet"
    mend = f"crmsync run --mode batch --select {mapping.name}"
    return Finding("run/needs-batch", f"{mapping.name} {why}", mend, at=mapping.at)
