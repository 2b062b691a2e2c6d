"""What a model file says, what is wrong with it, and what it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import Curve, Scorecard
from crmsync.project.model_file import model_text, read_model
from crmsync.project.yaml import load_yaml
from tests.project.conftest import Folder

MODEL = """\
version: 1
method: logistic
labels: 500
same: 210
base: -3.5
curves:
  name.whole: {at: [0, 1], points: [-1, 2.5]}
"""


@pytest.fixture
def modelled(folder: Folder) -> Folder:
    """A project whose mapping names a model and has no weights by hand."""
    folder.mapping("name: {as: company, weight: 0.6}", "name: {as: company}")
    folder.mapping("domain: {as: domain, weight: 0.4}", "domain: {as: domain}")
    folder.mapping("  link_at: 0.93", "  model: a.match.yaml\n  link_at: 0.93")
    folder.write("mappings/a.match.yaml", MODEL)
    return folder


def rules(folder: Folder) -> list[tuple[str, str]]:
    return [(each.rule, each.severity) for each in folder.load().findings]


def hash_of(folder: Folder) -> str:
    return folder.load().hashes["account-customer"]


def finite() -> st.SearchStrategy[float]:
    return st.floats(-100, 100).map(lambda value: round(value, 4) + 0.0)


@st.composite
def scorecards(draw: st.DrawFn) -> Scorecard:
    curves = {}
    for name in draw(st.lists(st.sampled_from(["name.whole", "a+b.likeness", "no.x", "č.likeness"]), unique=True)):
        at = sorted(draw(st.sets(finite(), min_size=1, max_size=5)))
        points = sorted(draw(st.lists(finite(), min_size=len(at), max_size=len(at))))
        curves[name] = Curve(tuple(at), tuple(points))
    return Scorecard(draw(finite()), curves, "logistic", draw(st.integers(0, 9)), draw(st.integers(0, 9)))


@given(scorecards(), st.sampled_from(["account-customer", "true", "7-a", "no"]))
def test_what_is_written_is_read_back(card: Scorecard, name: str) -> None:
    text = model_text(name, f"{name}.match.yaml", card, "Learned from nothing.")
    document, findings = load_yaml("a.match.yaml", text.encode())
    assert document is not None
    assert findings == []
    assert read_model(document) == (card, [])
    assert document.data["mapping"] == name


def test_a_model_reads_like_a_page() -> None:
    card = Scorecard(-3.5, {"name.whole": Curve((0, 0.5, 1), (-1, 0.25, 12))}, "logistic", 500, 210)
    text = model_text("a-b", "a-b.match.yaml", card, "Learned from 210 pairs that are the same.")
    assert text.startswith("# yaml-language-server: $schema=../.crmsync/model.schema.json\n#\n# How much is each piece")
    assert "\n# Learned from 210 pairs that are the same.\n# To use it, name it in the mapping: match: {model: " in text
    assert text.endswith("base: -3.5\ncurves:\n  name.whole:\n    at:     [ 0,  0.5,  1]\n    points: [-1, 0.25, 12]\n")


def test_a_model_is_read_into_its_mapping(modelled: Folder) -> None:
    match = modelled.load().project.mapping("account-customer").match  # type: ignore[union-attr]
    assert match is not None
    assert match.scorecard == Scorecard(-3.5, {"name.whole": Curve((0, 1), (-1, 2.5))}, "logistic", 500, 210)


def test_a_model_that_does_not_know_all_that_is_compared_is_a_warning(modelled: Folder) -> None:
    (found,) = modelled.load().findings
    assert (found.rule, found.severity) == ("mapping/model-outdated", "warning")
    assert found.message == "the model does not know all of domain, name, which has the shipped points"


def test_a_model_that_knows_what_is_not_compared_is_a_warning(modelled: Folder) -> None:
    modelled.replace("mappings/a.match.yaml", "name.whole", "nam.whole")
    (found,) = modelled.load().findings
    assert found.message.startswith("the model knows nam, which is not compared so; it does not know all of")


def test_other_points_are_another_mapping_and_other_proofs_are_not(modelled: Folder) -> None:
    first = hash_of(modelled)
    modelled.replace("mappings/a.match.yaml", "labels: 500", "labels: 501 # another comment")
    modelled.write("mappings/l.csv", "crm,pm,verdict\n")
    modelled.mapping("  model: a.match.yaml", "  model: b.match.yaml\n  labels: l.csv\n  min_precision: 0.99")
    modelled.write("mappings/b.match.yaml", modelled.read("mappings/a.match.yaml"))
    assert hash_of(modelled) == first
    modelled.replace("mappings/b.match.yaml", "2.5", "2.6")
    assert hash_of(modelled) != first


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("points: [-1, 2.5]", "points: ‹[-1]", "model/curve-length"),
        ("at: [0, 1]", "at: ‹[1, 0]", "model/not-rising"),
        ("at: [0, 1]", "at: ‹[1, 1]", "model/not-rising"),
        ("points: [-1, 2.5]", "points: ‹[2.5, -1]", "model/falling"),
        ("base: -3.5", "base: ‹high", "model/wrong-type"),
        ("method: logistic", "method: ‹logistics", "model/bad-value"),
        ("labels: 500", "‹lables: 500", "model/unknown-key"),
        ("base: -3.5\n", "", "model/missing-key"),
        ("base: -3.5", "base: ‹.nan", "yaml/not-a-number"),
    ],
)
def test_a_mistake_in_a_model_is_named_with_its_place(modelled: Folder, old: str, new: str, rule: str) -> None:
    modelled.replace("mappings/a.match.yaml", old, new)
    found = [each for each in modelled.load().findings if each.severity == "error"]
    assert [each.rule for each in found] == [rule]
    assert found[0].mend
    if modelled.expected is not None:
        assert found[0].at == modelled.expected


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("model: a.match.yaml", "model: ‹b.match.yaml", "mapping/no-file"),
        ("model: a.match.yaml", "model: ‹a.yaml", "mapping/bad-value"),
        ("model: a.match.yaml", "labels: ‹l.csv", "mapping/no-file"),
        ("model: a.match.yaml", "‹min_precision: 0.9", "mapping/no-labels"),
        ("model: a.match.yaml", "min_precision: ‹1.1", "mapping/bad-value"),
    ],
)
def test_a_mistake_about_models_in_a_mapping_is_named(modelled: Folder, old: str, new: str, rule: str) -> None:
    modelled.mapping(old, new)
    found = [each for each in modelled.load().findings if each.severity == "error"]
    assert [(each.rule, each.at) for each in found] == [(rule, modelled.expected)]


def test_weights_are_of_all_or_of_none(folder: Folder) -> None:
    folder.mapping("domain: {as: domain, weight: 0.4}", "‹domain: {as: domain}")
    assert folder.finding("mapping/weights-mixed").message == "some fields have a weight, and domain none"


def test_there_is_one_judge(folder: Folder) -> None:
    folder.mapping("  link_at: 0.93", "  ‹model: a.match.yaml\n  link_at: 0.93")
    folder.write("mappings/a.match.yaml", MODEL)
    found = [each for each in folder.load().findings if each.severity == "error"]
    assert [(each.rule, each.at) for each in found] == [("mapping/weights-and-model", folder.expected)]
