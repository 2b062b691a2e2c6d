"""What is known of people, and how does it go? forget, prune, pii, anonymise."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, Literal

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings, confirmed, global_flags, table_flags, usage, yes_flag
from crmsync.core.model import Json, Ref

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Tombstone
    from crmsync.run.people.forget import Forgotten, Held
    from crmsync.run.people.pii import Kept
    from crmsync.run.world import World

WORDS: Final = {
    "journal": "journal line", "record": "verdict", "candidate": "candidate", "block": "block key",
    "dead": "dead letter", "link": "link", "different": "judgement", "distinct": "judgement",
    "merge": "merge", "review": "review", "run": "example",
}  # fmt: skip
PRUNED: Final = {
    "audit": "what the audit tells", "dead_letters": "closed dead letters", "inputs": "recorded inputs",
    "journal": "journal lines", "links": "superseded links", "reviews": "ended reviews", "runs": "runs",
}  # fmt: skip


@click.command()
@click.argument("ref", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit. No name, no value.")
@click.option("--carry", type=click.Choice(["archive", "delete"]), help="Plan it at the other systems, too.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where the plan of --carry goes.")
@click.option("--list", "listed", is_flag=True, help="What was forgotten: when and by whom, not what.")
@yes_flag
@global_flags
def forget(
    settings: Settings, ref: str | None, reason: str, carry: Literal["archive", "delete"] | None, out: Path | None,
    listed: bool, yes: bool,
) -> int:  # fmt: skip
    """Erase a record, and never take it up again.

    Its values and keys, and those of what it is linked with, go from the ledger, the audit, kept plans and recorded
    inputs. A keyed hash stays, so that nothing is made from it again. What stands in the systems stays there: --carry
    writes a plan that takes the counterparts away, and to apply it forgets them all.

    \b
      crmsync forget crm.contact/42 --reason "request 2026-17"
      crmsync forget crm.person/~3kq7x2m9ab          by a handle, where the key is about a person
      crmsync forget crm.contact/42 --carry delete -o erase.jsonl && crmsync apply erase.jsonl
      crmsync forget --list
    """
    if listed:
        return _list(settings)
    if ref is None:
        raise usage("name the record", "crmsync forget SYSTEM.ENTITY/KEY, or --list")
    if (carry is None) != (out is None):
        raise usage("--carry and -o FILE go together", "crmsync forget REF --carry delete -o erase.jsonl")
    if carry is not None and reason:
        raise usage(
            "--reason is told when it is forgotten", "leave it out: the audit names the run that applied the plan"
        )
    if carry is not None and out is not None:
        return _carry(settings, ref, carry, out)
    return _forget(settings, ref, reason, yes)


def _forget(settings: Settings, text: str, reason: str, yes: bool) -> int:
    from crmsync.run.locking import our_turn
    from crmsync.run.people.forget import forget as forgetting
    from crmsync.run.people.forget import held
    from crmsync.run.refs import find_ref
    from crmsync.run.session import new_run_id

    with settings.world(create=True) as world:
        ref = find_ref(world, text)
        found = held(world, ref)
        others = f" with {', '.join(map(str, found.refs[1:]))}" if found.refs[1:] else ""
        if not confirmed(f"Forget {ref}{others}? It cannot be undone.", yes):
            return 0
        with our_turn(world, new_run_id()), log.working(settings, "erasing …"):
            done = forgetting(world, ref, getpass.getuser(), reason)
    if settings.json:
        render.json(_done_json(done))
    else:
        _tell_done(done, found)
    return 0 if done.compact else 1


def _tell_done(done: Forgotten, found: Held) -> None:
    from crmsync.run.people.forget import OUT_OF_REACH

    refs, before = ", ".join(map(str, done.refs)), found.before
    was = f"{render.when(before.made)} by {before.who}" if before else ""
    if before and not done.rows and not done.files:
        render.say(f"{refs} was forgotten already, {was}: nothing more was known of it")
    else:
        render.say(f"forgot {refs}: {_counted(done)}")
        if before:
            render.say(f"it had been forgotten before, {was}")
    for file in done.files:
        render.say(f"  erased from {file}" if file.exists() else f"  deleted {file}")
    for each in done.stays:
        named = f"{render.count(each.records, 'record')} of {each.mapping}, by {each.field}"
        render.say(f"its key stays in: {named}; the contract does not mark it, and whoever names it is told by it")
    for name in done.strangers:
        render.say(f"not looked at: mapping {name}, which is in the ledger and not in the project any more")
    if not done.compact:
        render.say("another process was reading the ledger: bytes may be left in its file; say the same again")
    render.say("out of reach, look there yourself:")
    for place in OUT_OF_REACH:
        render.say(f"  {place}")


def _counted(done: Forgotten) -> str:
    told = [render.count(number, WORDS[table]) for table, number in done.rows.items()]
    return ", ".join(told) if told else "nothing was known of it"


def _done_json(done: Forgotten) -> Json:
    from crmsync.run.people.forget import OUT_OF_REACH

    return {
        "forgotten": [str(ref) for ref in done.refs], "rows": dict(done.rows),
        "files": [str(file) for file in done.files], "compact": done.compact,
        "stays_in": [{"mapping": e.mapping, "field": e.field, "records": e.records} for e in done.stays],
        "not_looked_at": list(done.strangers), "out_of_reach": list(OUT_OF_REACH), "exit": 0 if done.compact else 1,
    }  # fmt: skip


def _carry(settings: Settings, text: str, carry: Literal["archive", "delete"], out: Path) -> int:
    from crmsync.run.people.carry import write_carrying
    from crmsync.run.refs import find_ref
    from crmsync.run.session import new_run_id

    with settings.world(create=True) as world:
        report = write_carrying(world, find_ref(world, text), carry, out, new_run_id())
    if settings.json:
        render.json({"written": str(out), "actions": report.writes, "exit": 0})
    else:
        render.say(f"{render.count(report.writes, 'record')} to {carry}, written to {out}; nothing was done yet")
        render.say(f"next: crmsync apply {out}, which forgets them here, too; then delete {out}")
    return 0


def _list(settings: Settings) -> int:
    with settings.world() as world:
        found = [(_place(world, each), each) for each in world.ledger.tombstones()]
    if settings.json:
        told = [{"place": place, "by": e.who, "made": e.made, "reason": e.reason or None} for place, e in found]
        render.json({"forgotten": told, "exit": 0})
    elif found:
        rows = [(render.when(each.made), place, each.mapping, each.who, each.reason) for place, each in found]
        render.table(("forgotten", "a record of", "mapping", "by", "reason"), rows)
    else:
        render.say("nothing was forgotten")
    return 0


def _place(world: World, stone: Tombstone) -> str:
    mapping = next((each for each in world.project.mappings if each.name == stone.mapping), None)
    return f"{mapping.ends[stone.side].system}.{mapping.ends[stone.side].entity}" if mapping else "(gone)"


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@global_flags
def prune(settings: Settings, dry_run: bool) -> int:
    """Let go of what is kept for longer than `retention` says.

    Only what has ended: journals and summaries of runs, answered questions, closed dead letters, superseded links,
    recorded inputs. Of the audit what it tells goes, its rows and its chain stay. Without its journal a run cannot be
    undone, and `explain` says less.

    \b
      crmsync prune --dry-run
    """
    from crmsync.run.locking import our_turn
    from crmsync.run.people.prune import old
    from crmsync.run.people.prune import prune as pruning
    from crmsync.run.session import new_run_id

    with settings.world(create=not dry_run) as world:
        if not world.project.retention:
            raise usage("the project file has no retention:", "write for example retention: {journal: 90d, audit: 3y}")
        if dry_run:
            found = old(world)
        else:
            with our_turn(world, new_run_id()), log.working(settings, "pruning …"):
                found = pruning(world, getpass.getuser())
    if settings.json:
        told = {e.what: {"older_than": e.period, "before": e.before, "number": e.number} for e in found}
        render.json({"pruned": told, "dry_run": dry_run, "exit": 0})
        return 0
    head = ("what", "older than", "that is before", "would go" if dry_run else "gone")
    render.table(head, [(PRUNED[e.what], e.period, render.when(e.before), e.number) for e in found], right=[3])
    return 0


@click.group()
def pii() -> None:
    """See what the systems hold about people.

    \b
      crmsync pii report
    """


@pii.command()
@table_flags
def report(settings: Settings) -> int:
    """List what is about people: where, on which legal basis, and where it flows.

    From the contracts (x-pii, x-legal-basis) and the mappings, offline. What has no legal basis, or flows into a field
    that no contract marks, is a warning.

    \b
      crmsync pii report
      crmsync pii report --output csv > people.csv
    """
    from crmsync.run.match.sheets import to_csv
    from crmsync.run.people.pii import findings, pii_report
    from crmsync.run.world import Stopped

    loaded = settings.load()
    if loaded.project is None:
        raise Stopped(2, *(finding for finding in loaded.findings if finding.severity == "error"))
    kept = pii_report(loaded.project)
    found = findings(kept)
    if settings.json:
        told = [log.as_json(each) for each in found]
        render.json({"places": [_kept_json(each) for each in kept], "findings": told, "exit": 0})
        return 0
    rows = [row for each in kept for row in _kept_rows(each)]
    if settings.csv:
        for line in to_csv(PII_HEAD, rows):
            click.echo(line)
    elif rows:
        render.table(PII_HEAD, rows)
    else:
        render.say("no contract marks anything x-pii")
    log.findings(settings, found)
    return 0


PII_HEAD: Final = ("entity", "path", "kind", "legal basis", "mapping", "field", "flows to", "through", "used by")


def _kept_rows(kept: Kept) -> Iterator[tuple[str, ...]]:
    place = kept.place
    first = (kept.entity, place.text, place.kind, place.basis or "none")
    used = ", ".join(kept.used)
    for goes in kept.goes:
        once = ("at creation only",) if goes.only_at_creation else ()
        to = goes.to if goes.marked else f"{goes.to} (not marked)"
        yield (*first, goes.mapping, goes.field, to, ", ".join((*goes.through, *once)), used)
    if not kept.goes:
        yield (*first, "", "", "", "", used)


def _kept_json(kept: Kept) -> Json:
    place = kept.place
    goes = [
        {
            "mapping": each.mapping, "field": each.field, "to": each.to, "through": list(each.through),
            "marked": each.marked, "only_at_creation": each.only_at_creation,
        }
        for each in kept.goes
    ]  # fmt: skip
    return {
        "entity": kept.entity, "contract": str(kept.contract), "path": place.text, "kind": place.kind,
        "legal_basis": place.basis or None, "flows": goes, "used": list(kept.used),
    }  # fmt: skip


@click.command()
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--seed", type=int, metavar="N", help="The same values every time; for tests: who knows N can guess.")
@global_flags
def anonymise(settings: Settings, out: Path, seed: int | None) -> int:
    """Copy the systems into files, with made-up values for those about people.

    OUT is a project of its own: files in place of the systems, the same mappings and contracts. What a contract marks
    x-pii, and the fields that get it, holds made-up names, addresses and dates: the same for the same value everywhere,
    so that what could be linked still can. Reads only; the systems and the ledger know nothing of it.

    \b
      crmsync anonymise sandbox && crmsync -C sandbox run --first-load
    """
    from crmsync.run.people.anonymise import anonymise as copying

    salt = token_bytes(32) if seed is None else f"seed {seed}".encode()
    with settings.world() as world, log.working(settings, "copying …"):
        done = copying(world, out, salt)
    if settings.json:
        told = {"records": dict(done.records), "unreadable": done.unreadable, "values": dict(done.values)}
        render.json({"written": str(out), **told, "left_out": list(done.left_out), "exit": 0})
        return 0
    for name, number in done.records.items():
        render.say(f"{render.count(number, 'record')} of {name}")
    if done.unreadable:
        render.say(f"left out: {render.count(done.unreadable, 'record')} that could not be read")
    made = ", ".join(f"{number} {kind}" for kind, number in done.values.items())
    render.say(f"made up: {made}" if made else "no contract marks anything x-pii: the values are those of the systems")
    if done.left_out:
        files = render.count(len(done.left_out), "file")
        render.say(f"left out: {files} of values that somebody has written down: {', '.join(done.left_out)}")
    render.say(f"next: crmsync -C {out} run --first-load")
    return 0


def tell_forgotten(settings: Settings, world: World, ref: Ref) -> bool:
    """All that `explain` says of a record that was forgotten; False where it was not."""
    from crmsync.run.people.forget import tombstone_of

    stone = tombstone_of(world, ref)
    if stone is None:
        return False
    if settings.json:
        told = {"by": stone.who, "made": stone.made, "reason": stone.reason or None}
        render.json({"ref": str(ref), "forgotten": told, "mappings": [], "exit": 0})
    else:
        why = f" ({stone.reason})" if stone.reason else ""
        render.say(f"{ref} was forgotten {render.when(stone.made)} by {stone.who}{why}.")
        render.say("Nothing else is known of it, and nothing is written to it or made from it.")
    return True


COMMANDS = (forget, prune, pii, anonymise)
