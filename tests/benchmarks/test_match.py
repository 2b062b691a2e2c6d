"""Is the comparison with the neighbours a fair one? Its protocol on a few generated companies; no neighbour is run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks.match.companies import write
from benchmarks.match.one import HOMES
from benchmarks.match.ours import MATCHERS
from benchmarks.match.protocol import MOST_LABELS, blocked, labels, measured
from benchmarks.match.sets import LabelledSet, Pair, halved, load

ROOT = Path(__file__).parents[2]
OURS = ["crmsync links", "crmsync"]


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    folder = tmp_path_factory.mktemp("sets") / "companies"
    write(folder, 150, seed=3)
    return load(folder)


def entities(known: LabelledSet) -> list[set[str]]:
    """Grown pair by pair, as slowly as can be."""
    found: list[set[str]] = []
    for pair in sorted(known.truth):
        touched = [each for each in found if each & set(pair)]
        found = [each for each in found if not each & set(pair)] + [set(pair).union(*touched)]
    return found


def test_no_entity_is_on_both_sides_of_the_split(companies: LabelledSet) -> None:
    half = halved(companies)
    sides: dict[object, int] = defaultdict(int)
    for each in entities(companies):
        found = {half((one, other)) for one in each for other in each}
        assert len(found) == 1
        sides[found.pop()] += 1
    assert sides.keys() == {0, 1}
    assert min(sides.values()) > 10


def test_who_is_taught_by_one_half_sees_no_label_of_the_other(companies: LabelledSet) -> None:
    half, candidates = halved(companies), blocked(companies)
    taught = [labels(companies, candidates, side) for side in (0, 1)]
    for side, told in enumerate(taught):
        assert {half(pair) for pair in told} == {side}
        assert all(same == (pair in companies.truth) for pair, same in told.items())
        assert 0 < sum(told.values()) <= MOST_LABELS
        assert len(told) - sum(told.values()) <= MOST_LABELS
    records = [{key for pair in told for key in pair} for told in taught]
    assert records[0].isdisjoint(records[1])


def test_a_matcher_is_judged_on_the_half_that_it_was_not_taught_by(companies: LabelledSet) -> None:
    half, candidates = halved(companies), blocked(companies)
    known = [{pair for pair in companies.truth if half(pair) == side} for side in (0, 1)]

    def scores(pairs: set[Pair]) -> dict[Pair, float]:
        return dict.fromkeys(candidates, 0.1) | dict.fromkeys(pairs, 1.0)

    by_heart = measured(companies, (scores(known[0]), scores(known[1])))
    assert by_heart.recall == 0.0  # each knows its own half alone
    everything = scores(known[0] | known[1])
    assert measured(companies, (everything, everything)).f1 == 1.0


def test_the_table_has_a_row_for_the_set_and_a_column_for_each_matcher(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.match", "--sets", "companies", "--entities", "150", "--only", *OURS]
    command += ["-o", str(tmp_path / "figures.json")]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[1].split() == ["set", *" ".join(OURS).split()]
    name, *cells = said[2].split()
    assert name == "companies"
    figures = [float(cell) for cell in cells if cell.startswith(("0.", "1."))]
    assert len(figures) == len(OURS)
    assert min(figures) > 0.5
    assert len(said) == 3  # nothing is missing
    assert set(OURS) <= set(MATCHERS) <= set(HOMES)
    told = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert [row["matcher"] for row in told["rows"]] == OURS
