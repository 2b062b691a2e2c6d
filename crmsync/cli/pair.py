"""How do two records that may be one look to a person? Side by side, with the score as a waterfall of its reasons."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp, log
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.core.model import Json, Match

if TYPE_CHECKING:
    from rich.text import Text

    from crmsync.core.match import Explained, Point
    from crmsync.ledger.nouns import LinkRow, Review
    from crmsync.run.match.queue import Pair, Told

BAR: Final = 24  # cells
HIDDEN: Final = "(about a person)"  # why a value speaks for a pair may tell the value
COLOURS: Final = {"=": "green", "~": "yellow", "≠": "red"}

Step = tuple[str, str, float, str]
"""One line of a waterfall: what speaks, its bar, its points, why."""


def show_pair(teller: Teller, pair: Pair, *, rest: bool = True, others: bool = True) -> None:
    """All of it; without `rest` only the fields that matching looks at, without `others` only how many questions."""
    for line in absent(teller, pair):
        render.say(line)
    compared = [each for each in pair.fields if each.compared]
    if compared:
        _side_by_side(teller, pair, "compared", compared)
    if rest and len(compared) < len(pair.fields):
        _side_by_side(teller, pair, "other field", [each for each in pair.fields if not each.compared])
    if pair.explained is not None and pair.mapping.match is not None:
        _show_score(teller, pair, pair.mapping.match, pair.explained)
    for row in pair.links:
        render.say(
            f"linked: {teller.pair(row.mapping, row.keys)}, {render.when(row.made)} by {row.actor} ({row.reason})"
        )
    if others:
        show_others(teller, pair)
    elif pair.others:
        render.say(f"{render.count(len(pair.others), 'other question')} about one of the two")


def absent(teller: Teller, pair: Pair) -> Iterator[str]:
    if pair.unasked:
        yield f"what the records say now is not known: {pair.unasked}"
        return
    for (side, key), found in zip(pair.asked.records, pair.found, strict=True):
        if not found:
            yield f"{teller.ref(pair.mapping.name, side, key)} is not in its system now"


def show_others(teller: Teller, pair: Pair) -> None:
    """The other candidates of the two."""
    if not pair.others:
        render.say("no other question is open about one of the two")
        return
    rows = [(each.n, score(each), records(teller, each), each.message) for each in _best_first(pair.others)]
    render.table(("other question", "score", "records", "question"), rows, right=[0, 1])


def _best_first(asked: Sequence[Review]) -> list[Review]:
    return sorted(asked, key=lambda each: (-(each.score or 0.0), each.n))


def records(teller: Teller, asked: Review) -> str:
    return " ".join(teller.ref(asked.mapping, side, key) for side, key in asked.records)


def score(asked: Review) -> str:
    return "" if asked.score is None else f"{asked.score:.2f}"


# Side by side -----------------------------------------------------------------------------------------------


def _side_by_side(teller: Teller, pair: Pair, title: str, fields: Sequence[Told]) -> None:
    rows = [(each.name, each.mark, *_shown(teller, pair, each)) for each in fields]
    head = (title, "", *_names(teller, pair))
    if sys.stdout.isatty():
        _coloured(head, rows)
    else:
        render.table(head, rows)


def _names(teller: Teller, pair: Pair) -> tuple[str, ...]:
    """What the two are called: by their sides, where both are of one side by their addresses."""
    if pair.asked.side is None:
        return tuple(end.name for end in pair.mapping.ends)
    return tuple(teller.ref(pair.mapping.name, side, key) for side, key in pair.asked.records)


def _shown(teller: Teller, pair: Pair, told: Told) -> tuple[str, str]:
    first, second = (teller.value(pair.mapping.name, told.name, value) for value in told.values)
    return first, second


def _coloured(head: Sequence[str], rows: Sequence[tuple[str, str, str, str]]) -> None:
    """As `render.table`, with the words in colour that only one of the two has."""
    from rich import box
    from rich.console import Console  # slow to import, and only wanted on a terminal
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in head:
        shown.add_column(name, overflow="fold")
    for name, mark, first, second in rows:
        colour = COLOURS.get(mark, "default")
        values = (_words(first, second, mark), _words(second, first, mark))
        shown.add_row(Text(render.clean(name)), Text(mark, style=colour), *values)
    Console().print(shown)


def _words(text: str, against: str, mark: str) -> Text:
    from rich.text import Text

    known = {_letters(word) for word in against.split()}
    shown = Text()
    for n, word in enumerate(render.clean(text).replace("\n", " ").split(" ")):
        differs = mark in ("~", "≠") and _letters(word) not in known
        shown.append(f"{' ' if n else ''}{word}", style=COLOURS[mark] if differs else "")
    return shown


def _letters(word: str) -> str:
    return word.casefold().strip("\"'.,;()")


# Score --------------------------------------------------------------------------------------------------------


def _show_score(teller: Teller, pair: Pair, rule: Match, explained: Explained) -> None:
    steps = list(waterfall(rule, [unhidden(teller, pair.mapping.name, each) for each in explained.points]))
    width = max([len(name) for name, *_ in steps] + [len("together")])
    for name, bar, points, why in [*steps, _total(rule, explained)]:
        _say_wrapped(f"{name.ljust(width)}  {bar.ljust(BAR)}  {told(rule, points)}  ", why)
    for line in verdict(pair, rule, explained):
        render.say(line)


def unhidden(teller: Teller, mapping: str, point: Point) -> Point:
    """With the reason, where it is not about a person: even one that speaks for nothing may tell both values."""
    hides = any(teller.mask.hides(mapping, name) for name in point.entry.split("+") if name)
    return replace(point, reason=HIDDEN) if hides else point


def waterfall(rule: Match, points: Sequence[Point]) -> Iterator[Step]:
    """Every bar begins where the one before it ended: `█` speaks for the pair, `▒` against it. The thresholds are lines
    across all of them."""
    thresholds = (line_of(rule, rule.review_at), line_of(rule, rule.link_at))
    ends, at = [0.0], 0.0
    for each in points:
        at += each.points
        ends.append(at)
    low, high = min(*ends, *thresholds), max(*ends, *thresholds)

    def cell(value: float) -> int:
        return round((value - low) / (high - low or 1.0) * (BAR - 1))

    for start, end, each in zip(ends, ends[1:], points, strict=False):
        cells = [" "] * BAR
        for threshold, line in zip(thresholds, "┊│", strict=True):
            cells[cell(threshold)] = line
        first, last = sorted((cell(start), cell(end)))
        if each.points:
            cells[first : last + 1] = ("█" if each.points > 0 else "▒") * (last + 1 - first)
        yield each.entry or "base", "".join(cells).rstrip(), each.points, each.reason


def _total(rule: Match, explained: Explained) -> Step:
    total = sum(each.points for each in explained.points)
    what, comes_to = ("weighted mean", total) if rule.weighted else ("probability", 1 / (1 + exp(-total)))
    counted = f", counted as {explained.score:.2f}" if abs(comes_to - explained.score) >= 0.005 else ""
    return "together", "", total, f"= {what} {comes_to:.2f}{counted}"


def line_of(rule: Match, threshold: float) -> float:
    """Where a threshold lies among the points: log-odds, but with weights by hand."""
    if rule.weighted:
        return threshold
    within = min(max(threshold, 0.0001), 0.9999)
    return log(within / (1 - within))


def told(rule: Match, points: float) -> str:
    text = f"{points:+.2f}" if rule.weighted else f"{points:+.1f}"
    return (text if points else "0").rjust(5)


def verdict(pair: Pair, rule: Match, explained: Explained) -> Iterator[str]:
    """Where the score lies, and why the two are not linked by themselves."""
    across = pair.asked.side is None
    words = ("asked from review_at", "linked from link_at") if across else ("review_at", "link_at")
    lines = [(f"┊ {words[0]}", rule.review_at), (f"│ {words[1]}", rule.link_at)]
    points = ["" if rule.weighted else f" ({told(rule, line_of(rule, at)).strip()})" for _, at in lines]
    yield ", ".join(f"{line} {at}{more}" for (line, at), more in zip(lines, points, strict=True))
    asked = pair.asked.score
    moved = asked is not None and abs(asked - explained.score) >= 0.01
    if moved:
        yield f"asked at {asked:.2f}: the records, or what is known of others, have moved since"
    for reason in explained.against:
        yield f"{'not linked by itself' if across else 'against it'}: {reason}"
    likely = explained.score >= rule.link_at and not explained.against
    if across and likely and not moved and not _same_identifier(pair, rule):
        yield "not linked by itself: another candidate is too close"


def _same_identifier(pair: Pair, rule: Match) -> bool:
    """Then the question itself says why that did not decide."""
    equal = {each.name for each in pair.fields if each.mark == "="}
    return any(equal.issuperset(names) for names in rule.decide)


def _say_wrapped(head: str, text: str) -> None:
    """On a terminal a long reason goes on below its beginning."""
    text = text if len(text) <= render.LONGEST else f"{text[: render.LONGEST]}…"
    room = shutil.get_terminal_size().columns - len(head)
    if not sys.stdout.isatty() or room < 20:
        render.say(head + text)
        return
    first, *more = wrap(render.clean(text), room) or [""]
    click.echo(head + first)
    for line in more:
        click.echo(" " * len(head) + line)


# JSON ---------------------------------------------------------------------------------------------------------


def pair_json(teller: Teller, pair: Pair) -> dict[str, Json]:
    rule, explained = pair.mapping.match, pair.explained
    name = pair.mapping.name
    return {
        "fields": [
            {
                "field": each.name,
                "compared": each.compared,
                "mark": each.mark,
                "values": [teller.mask.value(name, each.name, value) for value in each.values],
            }
            for each in pair.fields
        ],
        "changed": list(pair.modified),
        "found": list(pair.found),
        "unasked": pair.unasked or None,
        "now": None if explained is None else explained.score,
        "link_at": rule and rule.link_at,
        "review_at": rule and rule.review_at,
        "points": _points(teller, pair),
        "against": list(explained.against) if explained else [],
        "others": [
            {"n": each.n, "records": records(teller, each), "kind": each.kind, "score": each.score}
            for each in _best_first(pair.others)
        ],
        "links": [_link(teller, row) for row in pair.links],
        "answers": list(pair.asked.takes) if pair.asked.state == "open" else [],
    }  # fmt: skip


def _points(teller: Teller, pair: Pair) -> list[Json]:
    name, explained = pair.mapping.name, pair.explained
    points = [unhidden(teller, name, each) for each in (explained.points if explained else ())]
    return [{"entry": each.entry, "points": each.points, "reason": each.reason} for each in points]


def _link(teller: Teller, row: LinkRow) -> Json:
    return {"records": teller.pair(row.mapping, row.keys), "score": row.score, "by": row.actor, "since": row.made}
