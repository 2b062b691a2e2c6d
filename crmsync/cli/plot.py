"""How do precision and recall go over the threshold? As a picture: SVG by hand, PNG by matplotlib where it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crmsync.cli.flags import usage

if TYPE_CHECKING:
    from crmsync.core.match.measure import Step

WIDTH, HEIGHT, MARGIN = 640, 400, 48
LINES: Final[tuple[tuple[str, str, Callable[[Step], float]], ...]] = (
    ("precision", "#1b6ca8", lambda step: step.precision),
    ("recall", "#c4572b", lambda step: step.recall),
    ("F1", "#6b8f3c", lambda step: step.f1),
)
TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw(file: Path, title: str, steps: Sequence[Step], marks: Sequence[tuple[str, float]]) -> None:
    """`marks`: names of thresholds, and where they lie. The file's ending says which kind of picture. Raises `Stopped`
    (exit 2) for another ending, and where matplotlib is not installed."""
    match file.suffix.lower():
        case ".svg":
            file.write_text("\n".join(svg(title, steps, marks)) + "\n", "utf-8")
        case ".png":
            _png(file, title, steps, marks)
        case _:
            raise usage(f"--plot {file} is neither .svg nor .png", "name a file such as curve.svg")


def svg(title: str, steps: Sequence[Step], marks: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Line after line; the same text for the same figures."""
    box = f"0 0 {WIDTH} {HEIGHT}"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield _text(WIDTH / 2, 20, title, "middle", "#222")
    for tick in TICKS:
        yield _line(_x(tick), _y(0), _x(tick), _y(1), "#ddd")
        yield _line(_x(0), _y(tick), _x(1), _y(tick), "#ddd")
        yield _text(_x(tick), _y(0) + 16, f"{tick:g}", "middle", "#555")
        yield _text(_x(0) - 6, _y(tick) + 4, f"{tick:g}", "end", "#555")
    yield _text(WIDTH / 2, HEIGHT - 8, "threshold", "middle", "#555")
    for place, (name, at) in enumerate(marks):
        yield _line(_x(at), _y(0), _x(at), _y(1), "#999", ' stroke-dasharray="4 3"')
        yield _text(_x(at) - 4, _y(0) - 6 - 14 * place, f"{name} {at:g}", "end", "#555")
    for place, (name, colour, value) in enumerate(LINES):
        points = " ".join(f"{_x(step.threshold):.1f},{_y(value(step)):.1f}" for step in steps)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(_x(0) + 8 + 80 * place, _y(1) - 6, name, "start", colour)
    yield "</svg>"


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(share: float) -> float:
    return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"{more}/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _png(file: Path, title: str, steps: Sequence[Step], marks: Sequence[tuple[str, float]]) -> None:
    try:
        from matplotlib.figure import Figure  # an extra, and slow to import
    except ImportError:
        raise usage("a .png needs matplotlib", "pip install 'crmsync[plot]', or name a .svg") from None
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=160)
    axes = figure.subplots()
    for name, colour, value in LINES:
        axes.plot([step.threshold for step in steps], [value(step) for step in steps], color=colour, label=name)
    for name, at in marks:
        axes.axvline(at, color="#999999", linestyle="--", linewidth=1)
        axes.annotate(f"{name} {at:g}", (at, 0.02), rotation=90, ha="right", fontsize=8)
    axes.set(title=title, xlabel="threshold", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left")
    figure.savefig(file)
