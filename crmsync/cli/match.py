"""How well are records told apart, and how can it get better? match evaluate, train, tune, sample, propose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmsync.cli import log, plot, render
from crmsync.cli.flags import Settings, global_flags, select_flag, show_pii_flag, usage
from crmsync.core.model import SIDES, Finding, Json, Mapping, Scorecard, Side

if TYPE_CHECKING:
    from crmsync.core.match.tune import Tuned
    from crmsync.run.match.labelled import Labels, Stock
    from crmsync.run.match.learn import Evaluated, Proposal, Sampled, Trained
    from crmsync.run.match.propose import Proposed
    from crmsync.run.match.sheets import Pairs
    from crmsync.run.world import World

FILE = click.Path(path_type=Path, dir_okay=False)
SHOWN = 5  # keys that no record has

one_mapping_flag = click.option(
    "-s", "--select", metavar="NAME", help="The mapping; may be left out where there is but one that matches."
)
side_flag = click.option("--side", metavar="SIDE", help="Duplicates inside this side, instead of pairs across.")
labels_flag = click.option(
    "--labels", type=FILE, metavar="FILE", help="CSV: two columns of keys, and the verdict: same or different."
)


@click.group()
def match() -> None:
    """Measure and teach which record is which.

    \b
      crmsync match propose                              link two systems that are both full
      crmsync match sample -o pairs.csv                  pairs for a person to judge
      crmsync match train --labels pairs.csv             learn from them
      crmsync match tune --labels pairs.csv              propose link_at and review_at
      crmsync match evaluate --truth true-pairs.csv      how good is it?
      crmsync match dedupe --side crm                    duplicates inside one system
      crmsync match merge crm.account/42 crm.account/43  two records of one system are one
    """


# evaluate ----------------------------------------------------------------------------------------------------------


@match.command()
@one_mapping_flag
@click.option("--truth", type=FILE, required=True, metavar="FILE", help="CSV: two columns of keys, all true pairs.")
@side_flag
@click.option("--plot", "picture", type=FILE, metavar="FILE", help="Precision and recall as .svg or .png.")
@global_flags
def evaluate(settings: Settings, select: str | None, truth: Path, side: str | None, picture: Path | None) -> int | None:
    """Say how good the matching is.

    All records are judged, linked or not, and that is held against the pairs that are known to be the same. Changes
    nothing anywhere.

    \b
      crmsync match evaluate --truth true-pairs.csv
      crmsync match evaluate -s account-customer --truth doubles.csv --side crm
      crmsync match evaluate --truth true-pairs.csv --plot curve.svg --output json
    """
    from crmsync.run.match.learn import evaluated

    with settings.world() as world:
        mapping = one_mapping(world, select)
        with log.working(settings, "judging …"):
            found = evaluated(world, mapping, truth, side_of(mapping, side))
    rule = found.stock.rule
    if picture is not None:
        marks = [("review_at", rule.review_at), ("link_at", rule.link_at)]
        plot.draw(picture, f"{mapping.name}: {truth.name}", found.curve, marks)
    log.findings(settings, _unknown(found.truth))
    if settings.json:
        render.json({"mapping": mapping.name, **found.figures.to_json(), **_unknown_json(found.truth), "exit": 0})
        return 0
    _show_figures(found)
    if picture is not None:
        render.say(f"drawn: {picture}")
    return 0


def _show_figures(found: Evaluated) -> None:
    figures, rule = found.figures.to_json(), found.stock.rule
    truth, best = figures["truth"], figures["best"]
    records = " + ".join(str(len(side.records)) for side in found.stock.gathered)
    render.say(f"{found.stock.mapping.name}: {render.count(truth['pairs'], 'true pair')} among {records} records")
    rows = [
        (f"links, at {rule.link_at:g}", *_three(figures["link"])),
        ("what links imply together", *_three(figures["clusters"])),
    ]
    if best["threshold"] is not None:
        rows.append((f"by score alone, best at {best['threshold']:g}", *_three(best)))
    render.table(("", "precision", "recall", "F1"), rows, right=(1, 2, 3))
    if bounds := figures["link"]["precision_bounds"]:
        linked = render.count(figures["link"]["pairs"], "link")
        render.say(f"{linked}; their precision lies between {bounds[0]:.4f} and {bounds[1]:.4f}, by 95 %")
    for wanted, recall in figures["recall_at"].items():
        render.say(f"recall at {float(wanted):.1%} precision: {_share(recall)}")
    blocking, review = figures["blocking"], figures["review"]
    compared = render.count(blocking["pairs"], "pair")
    render.say(f"{compared} compared, which hold {_share(blocking['recall'])} of the true ones")
    render.say(f"{render.count(review['pairs'], 'question')} for a person; {_share(review['share_true'])} are the same")
    for side in found.stock.gathered:
        for why, number in side.left_out.items():
            render.say(f"left out in {side.mapping.ends[side.side].name}: {number}, {why}")


def _three(shares: Json) -> tuple[str, str, str]:
    return _share(shares["precision"]), _share(shares["recall"]), _share(shares["f1"])


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"


# train -------------------------------------------------------------------------------------------------------------


@match.command()
@one_mapping_flag
@labels_flag
@side_flag
@click.option("-o", "--out", type=FILE, metavar="FILE", help="The model [NAME.match.yaml beside the mapping].")
@global_flags
def train(settings: Settings, select: str | None, labels: Path | None, side: str | None, out: Path | None) -> None:
    """Learn how much each piece of evidence is worth.

    From labelled pairs, and from what people have judged in reviews and links. Where no pair is called different,
    those that the others rule out are; without any label the pairs alone teach, by expectation-maximisation. Writes a
    model that a person can read; the mapping stays as it is.

    \b
      crmsync match train
      crmsync match train -s account-customer --labels pairs.csv
    """
    from crmsync.project.model_file import model_text
    from crmsync.run.match.learn import trained

    with settings.world() as world:
        mapping = one_mapping(world, select)
        file = out or _beside(mapping, f"{mapping.name}.match.yaml")
        if not file.name.endswith(".match.yaml"):
            raise usage(f"a model cannot be called {file.name}", f"such as: -o {mapping.name}.match.yaml")
        with log.working(settings, "learning …"):
            found = trained(world, mapping, labels, side_of(mapping, side))
    told = f"{_taught(found)}, {datetime.now(UTC):%Y-%m-%d}."
    file.write_text(model_text(mapping.name, file.name, found.card, told), "utf-8")
    if settings.json:
        render.json({**_trained_json(found), "file": str(file), "exit": 0})
        return
    _show_trained(found, mapping, file)


def _taught(found: Trained) -> str:
    labels = found.labels
    if found.card.method == "logistic":
        others = (
            f"{labels.different} that are different" if labels.different else f"{labels.derived} that those rule out"
        )
        return f"Learned from {labels.same} pairs that are the same, and {others}"
    known = f", {len(labels.values)} of them labelled" if len(labels.values) else ""
    return f"Estimated by expectation-maximisation from {len(found.stock.scored)} pairs{known}"


def _show_trained(found: Trained, mapping: Mapping, file: Path) -> None:
    render.say(f"{mapping.name}: {_taught(found)[0].lower()}{_taught(found)[1:]}")
    render.table(("evidence", "at", "before", "now"), list(_changes(found.before, found.card)), right=(2, 3))
    same, others = found.right
    labels = found.labels
    if len(labels.values):
        render.say(f"of {labels.same} labelled pairs that are the same: {same[0]} above 0.5 before, {same[1]} now")
        rest = len(labels.values) - labels.same
        render.say(f"of {rest} that are different: {others[0]} below 0.5 before, {others[1]} now")
    if labels.apart:
        render.say(f"{labels.apart} labelled pairs are children of two parents: they teach nothing")
    render.say(f"\nwritten to {file}; to use it, write into match: of the mapping:  model: {file.name}")
    if mapping.match and mapping.match.weighted:
        render.say("and take the weights by hand away: there is but one judge")


def _changes(before: Scorecard, now: Scorecard) -> Iterator[tuple[str, str, str, str]]:
    """What moved by a tenth of a point or more."""
    if abs(before.base - now.base) >= 0.1:
        yield "before anything is compared", "", f"{before.base:+.2f}", f"{now.base:+.2f}"
    for name, curve in sorted(now.curves.items()):
        old = before.curves.get(name)
        for place, (at, points) in enumerate(zip(curve.at, curve.points, strict=True)):
            was = old.points[place] if old and old.at == curve.at else None
            if was is None or abs(was - points) >= 0.1:
                yield name, f"{at:g}", "-" if was is None else f"{was:+.2f}", f"{points:+.2f}"


def _trained_json(found: Trained) -> dict[str, Json]:
    card, labels = found.card, found.labels
    return {
        "mapping": found.stock.mapping.name, "method": card.method, "base": card.base,
        "curves": {n: {"at": list(c.at), "points": list(c.points)} for n, c in sorted(card.curves.items())},
        "labels": _labels_json(labels),
        "right": {"same": list(found.right[0]), "different": list(found.right[1])},
    }  # fmt: skip


def _labels_json(labels: Labels) -> dict[str, Json]:
    told = {"same": labels.same, "different": labels.different}
    return {**told, "derived": labels.derived, "apart": labels.apart}


# tune --------------------------------------------------------------------------------------------------------------


@match.command()
@one_mapping_flag
@labels_flag
@side_flag
@click.option(
    "--precision", type=click.FloatRange(0.5, 0.9999), default=0.995, show_default=True, metavar="P",
    help="So many links must be right, proved by the labels with 95 % confidence.",
)  # fmt: skip
@global_flags
def tune(settings: Settings, select: str | None, labels: Path | None, side: str | None, precision: float) -> None:
    """Propose link_at and review_at.

    The lowest link_at that the labels prove to be as precise as wanted, and the highest review_at that loses hardly
    any pair; with what they would do to all records. What is not proved is not proposed, unless there are too few
    records to ever prove it: then it is the link_at that is proved best, if that is stricter than now, and that is
    said. Changes nothing.

    \b
      crmsync match tune --labels pairs.csv
      crmsync match tune -s account-customer --labels pairs.csv --precision 0.99
    """
    from crmsync.run.match.learn import tuned

    with settings.world() as world:
        mapping = one_mapping(world, select)
        with log.working(settings, "trying thresholds …"):
            found = tuned(world, mapping, labels, precision, side_of(mapping, side))
    if found.tuned is None:
        message = "no labelled pair would be linked by its score and is the same: nothing can be proved"
        raise usage(message, f"crmsync match sample -s {_words_for(found.stock)} -o pairs.csv chooses pairs to label")
    if settings.json:
        render.json({"mapping": mapping.name, **_tuned_json(found, found.tuned), "exit": 0})
        return
    _show_tuned(mapping, found, found.tuned)


def _show_tuned(mapping: Mapping, found: Proposal, tuned: Tuned) -> None:
    rule, side = found.stock.rule, found.stock.side
    rows = [("now", f"{rule.link_at:g}", f"{rule.review_at:g}", *found.now)]
    if found.then is not None:
        rows.append(("proposed", f"{tuned.link_at:g}", f"{tuned.review_at:g}", *found.then))
    render.table((mapping.name, "link_at", "review_at", "links", "questions"), rows, right=(1, 2, 3, 4))
    for line in _proved(tuned) if tuned.enough else _unproved(mapping, found, tuned):
        render.say(line)
    if side is not None:
        name = mapping.ends[side].name
        render.say(f"link_at is about pairs across; of duplicates: crmsync match dedupe --side {name} --min-score P")
    if found.labels.derived:
        render.say("no pair is called different: those count that share a record with a pair that is the same; records")
        render.say("without a counterpart prove nothing here, match evaluate tells more")


def _proved(tuned: Tuned) -> Iterator[str]:
    right = tuned.labels - tuned.wrong
    proved = f"precision {tuned.proved:.4f} is proved"
    yield f"{right} of {tuned.labels} labelled pairs from link_at on are the same: {proved}"
    yield f"{tuned.missed:.1%} of the labelled pairs that are the same lie below review_at"
    if tuned.share_true is not None:
        yield f"of the labelled pairs in between {tuned.share_true:.0%} are the same"


def _unproved(mapping: Mapping, found: Proposal, tuned: Tuned) -> Iterator[str]:
    right = tuned.labels - tuned.wrong
    kept = f"keep link_at {found.stock.rule.link_at:g}: " if found.then is None else ""
    yield f"{kept}these labels prove a precision of {tuned.wanted:g} nowhere"
    proved = f"{right} of {tuned.labels} are the same, which proves {tuned.proved:.4f}"
    yield f"at best, of the labelled pairs from {tuned.link_at:g} on: {proved}"
    if found.linkable < tuned.needed:
        few = f"a threshold decides about {found.linkable} pairs: all of them labelled, without a mistake,"
        yield f"{few} prove {found.provable:.4f}"
        if found.then is not None:
            yield "so the proposal is the link_at that is proved best"
    else:
        yield f"too few labels: {tuned.needed} without a mistake would prove it"
    if tuned.labels < found.linkable:
        yield f"crmsync match sample -s {_words_for(found.stock)} -o NEW.csv chooses more"


def _words_for(stock: Stock) -> str:
    """The mapping, and the side that is looked at alone."""
    name = stock.mapping.name
    return name if stock.side is None else f"{name} --side {stock.mapping.ends[stock.side].name}"


def _tuned_json(found: Proposal, tuned: Tuned) -> dict[str, Json]:
    told = {
        "precision": tuned.wanted, "proved": tuned.proved, "proved_from": tuned.link_at, "enough": tuned.enough,
        "needed": tuned.needed, "linkable": found.linkable, "provable": found.provable,
        "labels": _labels_json(found.labels),
        "now": {"links": found.now[0], "questions": found.now[1]},
    }  # fmt: skip
    if found.then is None:
        return {**told, **dict.fromkeys(("link_at", "review_at", "missed", "share_true", "then"))}
    return {
        **told, "link_at": tuned.link_at, "review_at": tuned.review_at, "missed": tuned.missed,
        "share_true": tuned.share_true, "then": {"links": found.then[0], "questions": found.then[1]},
    }  # fmt: skip


# sample ------------------------------------------------------------------------------------------------------------


@match.command()
@one_mapping_flag
@labels_flag
@side_flag
@click.option("-n", "number", type=click.IntRange(2), default=200, show_default=True, metavar="N", help="How many.")
@click.option("-o", "--out", type=FILE, required=True, metavar="FILE", help="The CSV file to write (mode 0600).")
@click.option("--force", is_flag=True, help="Write over a file that is there, and lose the verdicts in it.")
@show_pii_flag
@global_flags
def sample(settings: Settings, out: Path, force: bool, show_pii: bool, **chosen: Any) -> None:
    """Write pairs for a person to judge.

    With what is compared of both, pairs that are judged already, and those whose verdict teaches most: near the
    thresholds, and spread over all scores. Fill in the column `verdict` (same or different); then it is for `match
    train`, for `match tune`, and, named in the mapping as match.labels, for `crmsync test`. Pairs of one side are for
    `match train --side` and `match tune --side`.

    \b
      crmsync match sample -o mappings/account-customer.labels.csv
      crmsync match sample -s account-customer --labels old.csv -n 400 -o new.csv
      crmsync match sample --side crm -o doubles.csv
    """
    from crmsync.run.match.sheets import write_sheet
    from crmsync.run.people.mask import Mask

    if out.is_file() and not force:
        mend = f"to keep them: crmsync match sample --labels {out} -o NEW.csv; else: --force"
        raise usage(f"{out} is there already: the verdicts in it would be lost", mend)
    with settings.world() as world:
        mapping, heads, found = _chosen(settings, world, **chosen)
        mask = Mask(world.project, show_pii)
        names = sorted({name for each in found for values in each.values for name in values})
        hidden = [name for name in names if mask.hides(mapping.name, name)]
        shown = [name for name in names if name not in hidden]
    head = [*heads, "verdict", "score", *(f"{one}.{name}" for name in shown for one in heads)]
    write_sheet(out, head, [_sample_row(each, shown) for each in found])
    blank = sum(each.same is None for each in found)
    if settings.json:
        render.json({"file": str(out), "pairs": len(found), "to_judge": blank, "left_out": hidden, "exit": 0})
        return
    render.say(f"{render.count(len(found), 'pair')} written to {out}, {blank} of them to be judged")
    if hidden:
        render.say(f"without {', '.join(hidden)}, which a contract marks x-pii: --show-pii writes them, too")


def _chosen(
    settings: Settings, world: World, select: str | None, labels: Path | None, side: str | None, number: int
) -> tuple[Mapping, tuple[str, str], list[Sampled]]:
    """The pairs, and what their two records are called: by their sides; inside one side they have one name."""
    from crmsync.run.match.learn import sampled

    mapping = one_mapping(world, select)
    inside = side_of(mapping, side)
    with log.working(settings, "choosing …"):
        found = sampled(world, mapping, labels, number, inside)
    across = mapping.ends[0].name, mapping.ends[1].name
    return mapping, across if inside is None else ("first", "second"), found


def _sample_row(pair: Sampled, names: Sequence[str]) -> list[str]:
    from crmsync.run.match.sheets import cell, written_key

    verdict = "" if pair.same is None else "same" if pair.same else "different"
    values = [cell(each.get(name)) for name in names for each in pair.values]
    return [written_key(pair.keys[0]), written_key(pair.keys[1]), verdict, f"{pair.score:.4f}", *values]


# propose -----------------------------------------------------------------------------------------------------------


@match.command()
@select_flag
@global_flags
def propose(settings: Settings, select: tuple[str, ...]) -> int:
    """Link two systems that are both full.

    What a run would link is linked, and what it would ask is asked; but nothing is written to a system, and nothing is
    created. Exit code 3 when there are questions.

    \b
      crmsync match propose && crmsync review work
      crmsync link adopt
      crmsync plan
    """
    from crmsync.run.locking import our_turn
    from crmsync.run.match import propose as proposing
    from crmsync.run.session import new_run_id

    run_id = new_run_id()
    with settings.world(create=True) as world, our_turn(world, run_id), log.working(settings, "matching …"):
        found = proposing.propose(world, select, run_id)
    code = 3 if any(each.asked for each in found) else 0
    if settings.json:
        render.json({"run": run_id, "mappings": {each.mapping.name: each.to_json() for each in found}, "exit": code})
        return code
    for each in found:
        _show_proposed(each)
    asked = sum(each.asked for each in found)
    render.say(f"next: {'crmsync review work, then ' if asked else ''}crmsync link adopt")
    return code


def _show_proposed(found: Proposed) -> None:
    new = sum(found.linked.values())
    by = ", ".join(f"{number} by {what}" for what, number in found.linked.items())
    render.say(f"{found.mapping.name}: linked {render.count(new, 'pair')}{f' ({by})' if by else ''}; "
               f"{found.known} linked before; {render.count(found.asked, 'question')}")  # fmt: skip
    for side in SIDES:
        out = ", ".join(f"{number} {why.replace('_', ' ')}" for why, number in found.left_out[side].items())
        left = f"; left out: {out}" if out else ""
        render.say(f"  {found.mapping.ends[side].name}: {found.unmatched[side]} with neither link nor question{left}")


# What they share -----------------------------------------------------------------------------------------------------


def one_mapping(world: World, name: str | None) -> Mapping:
    """The one mapping that a command is about. Raises `Stopped` (exit 2)."""
    from crmsync.run.match.propose import matched

    found = matched(world, (name,) if name else ())
    if len(found) > 1:
        raise usage("several mappings match records", f"choose with -s: {', '.join(each.name for each in found)}")
    return found[0]


def side_of(mapping: Mapping, name: str | None) -> Side | None:
    """The side of this name. Raises `Stopped` (exit 2)."""
    if name is None:
        return None
    names = [end.name for end in mapping.ends]
    if name not in names:
        raise usage(f"{mapping.name} has no side {name}", f"choose among: {', '.join(names)}")
    return SIDES[names.index(name)]


def _beside(mapping: Mapping, name: str) -> Path:
    assert mapping.at is not None  # it was read from a file
    return Path(mapping.at.file).with_name(name)


def _unknown(pairs: Pairs) -> Iterator[Finding]:
    """The keys that no record has: the first few, and how many there are."""
    for line, words in pairs.unknown[:SHOWN]:
        yield _warning(pairs, words, line)
    if len(pairs.unknown) > SHOWN:
        yield _warning(pairs, f"{len(pairs.unknown)} keys are unknown in all; these lines were left out", 1)


def _warning(pairs: Pairs, words: str, line: int) -> Finding:
    return replace(pairs.sheet.wrong("sheet/unknown-key", words, "", line), severity="warning")


def _unknown_json(pairs: Pairs) -> dict[str, Any]:
    return {"unknown": [{"line": line, "message": words} for line, words in pairs.unknown]}


COMMANDS = (match,)
