"""What is each piece of evidence worth, as a model file says it?

Read strictly, as every other file of a project, and written so that a person can read it, and mend it by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from crmsync.core.model import Curve, Finding, Json, Scorecard, to_json
from crmsync.project.shapes import misfits
from crmsync.project.yaml import WORDS, Document, Where

_HEAD = """\
# yaml-language-server: $schema=../.crmsync/model.schema.json
#
# How much is each piece of evidence worth that two records are the same?
# {told}
# To use it, name it in the mapping: match: {{model: {name}}}
#
# Points are natural log-odds: +0.7 makes it twice as likely, -0.7 half as likely. They add up, from `base`, to the
# score: 1 / (1 + exp(-points)). Between two values of `at` they lie on a straight line; they never fall.

"""


def read_model(document: Document) -> tuple[Scorecard | None, list[Finding]]:
    """The scorecard, or None where something is wrong with it; and all that is."""
    wrong = [finding for _, finding in misfits("model", document)]
    if not wrong and not document.broken:
        wrong = [finding for name in document.data["curves"] for finding in _wrong_curve(document, ("curves", name))]
    return (None, wrong) if wrong or document.broken else (_scorecard(document.data), [])


def _wrong_curve(document: Document, where: Where) -> Iterator[Finding]:
    body, name = document.look(where), where[-1]
    at, points = body["at"], body["points"]
    if len(at) != len(points):
        message = f"curve {name} has {len(points)} points for {len(at)} values"
        yield _finding("model/curve-length", message, "write one for each of at:", document, (*where, "points"))
    if any(one >= two for one, two in pairwise(at)):
        message = f"the values of curve {name} do not rise"
        yield _finding("model/not-rising", message, "sort them, each once", document, (*where, "at"))
    if any(one > two for one, two in pairwise(points)):
        message = f"the points of curve {name} fall: who is more alike would be less likely the same"
        yield _finding(
            "model/falling", message, "let each be at least as high as the one before", document, (*where, "points")
        )


def _finding(rule: str, message: str, mend: str, document: Document, where: Where) -> Finding:
    return Finding(rule, message, mend, at=document.at(*where))


def _scorecard(data: Json) -> Scorecard:
    curves = {
        name: Curve(tuple(map(float, body["at"])), tuple(map(float, body["points"])))
        for name, body in data["curves"].items()
    }
    method, labels, same = data.get("method", "shipped"), int(data.get("labels", 0)), int(data.get("same", 0))
    return Scorecard(float(data["base"]), curves, method, labels, same)


def model_text(mapping: str, name: str, card: Scorecard, told: str) -> str:
    """The file `name` that says this scorecard: the same text for the same arguments. `told`: a sentence on how it was
    trained, without line breaks."""
    lines = [
        _HEAD.format(name=name, told=told),
        "version: 1",
        f"mapping: {mapping if mapping[0].isalpha() and mapping not in WORDS else to_json(mapping).decode()}",
        f"method: {card.method}",
        f"labels: {card.labels}",
        f"same: {card.same}",
        f"base: {_number(card.base)}",
        "curves:" if card.curves else "curves: {}",
        *_curves(card.curves),
    ]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _curves(curves: Mapping[str, Curve]) -> Iterator[str]:
    for name, curve in sorted(curves.items()):
        cells = [(_number(at), _number(points)) for at, points in zip(curve.at, curve.points, strict=True)]
        widths = [max(map(len, pair)) for pair in cells]
        for key, place in (("at", 0), ("points", 1)):
            if not place:
                yield f"  {name}:"
            numbers = ", ".join(pair[place].rjust(width) for pair, width in zip(cells, widths, strict=True))
            yield f"    {key}:{' ' * (7 - len(key))}[{numbers}]"


def _number(value: float) -> str:
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")
