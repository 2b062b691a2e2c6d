"""Which record is which? link list, show, split, exclude, include, adopt, export, import."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller
from crmsync.cli.dedupe import merge_json, merge_line
from crmsync.cli.exclude import exclude, excluded_lines, include, show_excluded
from crmsync.cli.flags import Settings, confirmed, global_flags, select_flag, show_pii_flag, usage, yes_flag
from crmsync.core.model import SIDES, Json, Key, Mapping, Ref, Side

if TYPE_CHECKING:
    from crmsync.ledger.nouns import LinkRow, MergeRow
    from crmsync.run.match.adopt import Adopted
    from crmsync.run.world import World

FILE = click.Path(path_type=Path, dir_okay=False)
EXAMPLES = 2  # pairs of records that are shown of each difference
HEAD = ("mapping", "records", "state", "score", "reason", "by", "since", "until")


@click.group()
def link() -> None:
    """See which records are linked.

    A link is a judgement, with score, reason, who and when; superseded, never overwritten.

    \b
      crmsync link list
      crmsync link show crm.account/42
      crmsync link split crm.account/42
      crmsync link exclude crm.account/42
      crmsync link adopt
      crmsync link export -o links.csv
      crmsync link import links.csv
    """


@link.command(name="list")
@select_flag
@click.option("--ended", is_flag=True, help="The superseded ones too.")
@click.option("--excluded", is_flag=True, help="In place of links the records that are left alone.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="At most so many of a mapping."
)
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@show_pii_flag
@global_flags
def list_(
    settings: Settings,
    select: tuple[str, ...],
    ended: bool,
    excluded: bool,
    limit: int,
    everything: bool,
    show_pii: bool,
) -> None:
    """List the links.

    \b
      crmsync link list --select 'account-*' --limit 20
      crmsync link list --excluded
    """
    from crmsync.run.selected import selected

    with settings.world() as world:
        if excluded:
            show_excluded(settings, world, Teller.of(world, show_pii), selected(world, select))
            return
        names = [mapping.name for mapping in selected(world, select)]
        most = None if everything else limit
        rows = [
            row
            for name in names
            for row in islice(chain.from_iterable(world.ledger.link_rows(name, ended=ended)), most)
        ]
        teller = Teller.of(world, show_pii)
        _show(settings, world, teller, rows, total=sum(world.ledger.link_total(name, ended=ended) for name in names))


@link.command()
@click.argument("ref")
@show_pii_flag
@global_flags
def show(settings: Settings, ref: str, show_pii: bool) -> None:
    """Show every link that a record ever had, and every merge.

    \b
      crmsync link show pm.customer/7
      crmsync link show crm.person/~3kq7x2m9ab --show-pii
    """
    with settings.world() as world:
        about, places = _places(world, ref)
        teller = Teller.of(world, show_pii)
        rows = [row for mapping, side, key in places for row in world.ledger.links_of(mapping.name, side, key)]
        merges = [row for mapping, side, key in places for row in world.ledger.merges_of(mapping.name, side, key)]
        _show(settings, world, teller, rows, merges)
        if not settings.json:
            for line in excluded_lines(world, teller.names.told(about), [mapping for mapping, _, _ in places]):
                render.say(line)


@link.command()
@click.argument("ref")
@select_flag
@yes_flag
@global_flags
def split(settings: Settings, ref: str, select: tuple[str, ...], yes: bool) -> None:
    """Say that two linked records are two things.

    The link ends, and they are not proposed again. Of a record that was merged into another one the merge is taken
    back: it is itself again, and linked with what it was linked with before, where that is still free.

    \b
      crmsync link split crm.account/42
      crmsync link split crm.person/~3kq7x2m9ab
    """
    from crmsync.run.match import judge, merging
    from crmsync.run.selected import selected

    with settings.world(create=True) as world:
        about, places = _places(world, ref)
        teller = Teller.of(world)
        names = {mapping.name for mapping in selected(world, select)}
        chosen = [place for place in places if not select or place[0].name in names]
        merged = [row for each, side, key in chosen if (row := merging.merge_of(world, each, side, key))]
        found = [
            (each, link)
            for each, side, key in chosen
            if all(row.mapping != each.name for row in merged)
            for link in world.ledger.links(each.name, side, [key]).values()
        ]
        if not found and not merged:
            raise usage(f"{about} is not linked", f"see: crmsync link show {about}")
        pairs = [_merged(teller, row) for row in merged]
        pairs += [f"{teller.pair(each.name, link.keys)} in {each.name}" for each, link in found]
        if not confirmed(f"Split {'; '.join(pairs)}?", yes):
            return
        for row in merged:
            merging.take_back(world, row, getpass.getuser())
        for each, link in found:
            judge.split(world, each.name, [link.keys], getpass.getuser())
    if settings.json:
        render.json({"split": pairs, "exit": 0})
    for pair in [] if settings.json else pairs:
        render.say(f"split {pair}")


@link.command()
@select_flag
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many links of each mapping.")
@click.option("-o", "--out", type=FILE, metavar="FILE", help="Save every difference as CSV (mode 0600).")
@show_pii_flag
@global_flags
def adopt(settings: Settings, select: tuple[str, ...], limit: int | None, out: Path | None, show_pii: bool) -> None:
    """Take what new links agree on as their base.

    A link that has no base yet gets it from the fields on which both records agree. Those on which they do not are
    listed, with what the next run does: an owner's value goes, the rest is held for a person. Writes to no system.

    \b
      crmsync link adopt
      crmsync link adopt -s account-customer --limit 100 -o differences.csv
    """
    from crmsync.run.locking import our_turn
    from crmsync.run.match.adopt import adopt as adopting
    from crmsync.run.match.sheets import write_sheet
    from crmsync.run.session import new_run_id

    run_id = new_run_id()
    with settings.world(create=True) as world, our_turn(world, run_id), log.working(settings, "comparing …"):
        found, teller = adopting(world, select, limit, run_id), Teller.of(world, show_pii)
    if out is not None:
        write_sheet(out, _DIFFERENCES, (row for each in found for row in _difference_rows(teller, each)))
    if settings.json:
        render.json({"run": run_id, "mappings": {e.mapping.name: _adopted_json(teller, e) for e in found}, "exit": 0})
        return
    for each in found:
        _show_adopted(teller, each)
    render.say(f"{f'every difference: {out}; ' if out else ''}next: crmsync plan")


_DIFFERENCES = ("mapping", "record", "counterpart", "field", "value", "other value", "next")


def _difference_rows(teller: Teller, adopted: Adopted) -> Iterator[Sequence[object]]:
    from crmsync.run.match.sheets import cell

    name = adopted.mapping.name
    for each in adopted.differs:
        values = [cell(render.plain(teller.mask.value(name, each.field, value))) for value in each.values]
        yield (name, *(teller.ref(name, side, each.keys[side]) for side in SIDES), each.field, *values, each.next)


def _show_adopted(teller: Teller, adopted: Adopted) -> None:
    agreed = sum(adopted.agreed.values())
    absent = f"; {adopted.absent} with a record that is not there" if adopted.absent else ""
    name = adopted.mapping.name
    render.say(f"{name}: {render.count(adopted.links, 'link')} without a base; {agreed} values agree{absent}")
    for field, what, pairs in adopted.by_field():
        render.say(f"  {field or 'the whole pair'}: {len(pairs)} x {what}")
        for each in pairs[:EXAMPLES] if field else ():
            values = " | ".join(teller.value(name, field, value) for value in each.values)
            render.say(f"      {teller.pair(name, each.keys)}  {values}")


def _adopted_json(teller: Teller, adopted: Adopted) -> Json:
    name = adopted.mapping.name
    differs = [
        {
            "field": field, "next": what, "count": len(pairs),
            "examples": [
                {
                    "records": [teller.ref(name, side, each.keys[side]) for side in SIDES],
                    "values": [teller.mask.value(name, field, value) for value in each.values],
                }
                for each in pairs[:EXAMPLES]
            ],
        }
        for field, what, pairs in adopted.by_field()
    ]  # fmt: skip
    agreed = {each.name: adopted.agreed[each.name] for each in adopted.mapping.fields if adopted.agreed[each.name]}
    return {"links": adopted.links, "absent": adopted.absent, "agreed": agreed, "differs": differs}


@link.command()
@select_flag
@click.option("-o", "--out", type=FILE, metavar="FILE", help="Save the links; without it, or as -, they go to stdout.")
@global_flags
def export(settings: Settings, select: tuple[str, ...], out: Path | None) -> None:
    """Write all judgements as CSV.

    A line for every link, and for every pair that a person called different: for a spreadsheet, where a person
    corrects the verdicts, or for another ledger.

    \b
      crmsync link export -s account-customer -o links.csv
    """
    from crmsync.run.match.linkfile import head_of, judgements
    from crmsync.run.match.sheets import to_csv, write_sheet
    from crmsync.run.selected import selected

    with settings.world() as world:
        mappings = selected(world, select)
        head, rows = head_of(mappings), judgements(world, mappings)
        if out in (None, Path("-")):
            for line in to_csv(head, rows):
                click.echo(line)
            return
        number = write_sheet(out, head, rows)
    if settings.json:
        render.json({"written": str(out), "judgements": number, "exit": 0})
    else:
        render.say(f"{render.count(number, 'judgement')} written to {out}")


@link.command(name="import")
@click.argument("file", type=FILE)
@select_flag
@click.option("--who", metavar="NAME", help="Whose judgements these are [you].")
@click.option("--supersede", is_flag=True, help="Also against what a person has judged of the same pair.")
@click.option("--dry-run", is_flag=True, help="Check the file, and change nothing.")
@global_flags
def import_(
    settings: Settings, file: Path, select: tuple[str, ...], who: str | None, supersede: bool, dry_run: bool
) -> None:
    """Take judgements from CSV.

    As `link export` writes it: the mapping, the key of each side, and the verdict: same links two records, different
    keeps them from being proposed, none is no judgement. Everything is checked first: all of it is taken, or nothing.
    A line against what a person has judged is wrong, unless it is to supersede that: so a split is taken back.

    \b
      crmsync link import links.csv --dry-run
      crmsync link import links.csv --supersede
      crmsync link import links.csv --who eva
    """
    from crmsync.ledger.nouns import CRMSYNC
    from crmsync.run.locking import our_turn
    from crmsync.run.match.linkfile import carry_in, read_import
    from crmsync.run.selected import selected
    from crmsync.run.session import new_run_id

    if who == CRMSYNC:
        raise usage(f"{CRMSYNC} judges by itself", "name the person whose judgements these are")
    with settings.world(create=True) as world, our_turn(world, new_run_id()):
        found = read_import(world, file, selected(world, select), supersede=supersede)
        if not dry_run:
            carry_in(world, found, file, who or getpass.getuser())
    if settings.json:
        told = {"links": found.links, "different": found.splits, "known": found.known, "blank": found.blank}
        render.json({**told, "dry_run": dry_run, "exit": 0})
        return
    render.say(f"{'would link' if dry_run else 'linked'} {render.count(found.links, 'pair')}, "
               f"{'would call' if dry_run else 'called'} {found.splits} different")  # fmt: skip
    if found.known or found.blank:
        render.say(f"{found.known} known before, {found.blank} without verdict")


def _places(world: World, text: str) -> tuple[Ref, list[tuple[Mapping, Side, Key]]]:
    from crmsync.run.refs import find_ref, places_of

    ref = find_ref(world, text)
    places = places_of(world.project.mappings, ref.system, ref.entity)
    return ref, [(mapping, side, ref.key) for mapping, side in places]


def _merged(teller: Teller, row: MergeRow) -> str:
    survivor, key = (teller.ref(row.mapping, row.side, each) for each in (row.survivor, row.key))
    return f"{key} from {survivor} in {row.mapping}"


def _show(
    settings: Settings, world: World, teller: Teller, rows: list[LinkRow], merges: Sequence[MergeRow] = (),
    total: int | None = None,
) -> None:  # fmt: skip
    """`total`: so many links there are, where these may be some of them."""
    if settings.json:
        told: dict[str, Json] = {"merges": [merge_json(teller, row) for row in merges]} if merges else {}
        told |= {} if total is None else {"total": total}
        render.json({"links": [_json(teller, row) for row in rows], **told, "exit": 0})
        return
    _show_links(teller, rows)
    if total is not None and len(rows) < total:
        render.say(f"and {total - len(rows)} more: --limit N or --all")
    for row in merges:
        render.say(merge_line(world, teller, row))


def _state(row: LinkRow) -> str:
    """What it was when it was superseded is no longer so."""
    return row.state if row.ended is None else "ended"


def _show_links(teller: Teller, rows: list[LinkRow]) -> None:
    if rows:
        told = [
            (
                r.mapping,
                teller.pair(r.mapping, r.keys),
                _state(r),
                f"{r.score:.2f}",
                r.reason,
                r.actor,
                render.when(r.made),
                render.when(r.ended),
            )
            for r in rows
        ]
        render.table(HEAD, told, right=[3])
    else:
        render.say("no link")


def _json(teller: Teller, row: LinkRow) -> Json:
    records = [teller.ref(row.mapping, 0, row.keys[0]), teller.ref(row.mapping, 1, row.keys[1])]
    return {
        "mapping": row.mapping, "records": records,
        "state": _state(row), "score": row.score, "reason": row.reason, "by": row.actor, "run": row.run,
        "made": row.made, "ended": row.ended,
    }  # fmt: skip


link.add_command(exclude)
link.add_command(include)

COMMANDS = (link,)
