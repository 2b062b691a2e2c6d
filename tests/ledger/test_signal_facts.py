"""What does the ledger know of how well it goes, and of what people were told?"""

from __future__ import annotations

import pytest

from crmsync.core.model import ABSENT, Agreed
from crmsync.core.signals import Condition, Memory
from crmsync.ledger import signals
from crmsync.ledger.nouns import Merge, NewDuplicate, NewLink, NewMerge, NewRun
from tests.ledger.test_people import hold, save
from tests.ledger.test_store import LATER, NOW, M, write

DOWN = Memory(
    Condition("failure", ("system/transient",)),
    NOW,
    "failure\nsystem/transient",
    {"failure\nsystem/transient": NOW},
    12.5,
    NOW,
)


def run(ledger, name, selected, code, ended):
    write(ledger, "start_run", NewRun(name, ended, "batch", "me", "here", 7, selected))
    if code is not None:
        write(ledger, "end_run", name, ended, code, {})


def linked(ledger, number, **base):
    agreed = {name: Agreed(values) for name, values in base.items()}
    write(ledger, "save_links", [NewLink(M, ((number,), (number,)), agreed, 1.0, "", "crmsync", "r1", NOW)])


def test_of_an_empty_ledger_nothing_is_known(ledger):
    for ask in (signals.oldest, signals.duplicates, signals.endings_of, signals.last_good, signals.references):
        assert ask(ledger) == {}
    assert signals.memories(ledger) == {}
    assert signals.filled(ledger, M, 0) == ({}, {})


def test_the_oldest_question_that_is_open_counts(ledger):
    save(ledger, hold(), now=NOW)
    save(ledger, hold(), hold("name"), now=LATER)
    assert signals.oldest(ledger) == {M: (NOW, None)}
    write(ledger, "resolve_review", 1, 0, None, "eva", LATER)
    assert signals.oldest(ledger) == {M: (LATER, None)}


def test_a_run_ends_well_for_all_the_mappings_that_it_was_about(ledger):
    run(ledger, "r1", ["a", "b"], 0, NOW)
    run(ledger, "r2", ["b"], 3, LATER)
    run(ledger, "r3", ["a", "b"], 1, "2027-01-01T00:00:00+00:00")
    run(ledger, "r4", ["a"], None, "2027-02-01T00:00:00+00:00")
    assert signals.last_good(ledger) == {"a": NOW, "b": LATER}
    assert {code: ending.n for code, ending in signals.endings_of(ledger).items()} == {0: 1, 1: 1, 3: 1}


def test_a_run_is_counted_once_when_it_ends_however_far_it_came(ledger):
    run(ledger, "r1", ["a"], 0, NOW)
    run(ledger, "r2", ["a"], None, NOW)
    for name in ("r1", "r2", "never began"):
        signals.count_end(ledger, name, 2, NOW, LATER)
    assert signals.endings_of(ledger) == {0: (1, NOW, NOW), 2: (1, NOW, LATER)}
    write(ledger, "end_run", "r2", LATER, 2, {})
    assert signals.endings_of(ledger) == {0: (1, NOW, NOW), 2: (2, NOW, LATER)}


def test_duplicates_are_counted_by_side_as_open_questions_and_as_merged_records(ledger):
    ask = [NewDuplicate(M, 0, ((1,), (n,)), 0.9, "may be one", "r1", NOW) for n in (2, 3)]
    write(ledger, "ask_duplicates", ask)
    write(ledger, "merge", Merge(NewMerge(M, 1, (1,), (2,), {}, {}, "eva", NOW, "2", "1")))
    assert signals.duplicates(ledger) == {(M, 0): (2, 0), (M, 1): (0, 1)}


@pytest.mark.parametrize("empty", [None, "", [], {}, ABSENT])
def test_what_is_empty_is_not_filled_and_what_is_zero_or_false_is(ledger, empty):
    linked(ledger, 1, name=("a", empty), points=(0, 0), on=(False, False))
    linked(ledger, 2, name=("b", "b"))
    first, second = signals.filled(ledger, M, 2)
    assert first == {"name": (2, 2), "points": (1, 1), "on": (1, 1)}
    assert second["name"] == (1, 2)


def test_many_links_are_sampled_over_all_of_them(ledger, monkeypatch):
    monkeypatch.setattr(signals, "SAMPLE", 10)
    with ledger.writing() as writer:
        writer.save_links(
            NewLink(M, ((n,), (n,)), {"name": Agreed((n, n if n > 50 else None))}, 1.0, "", "crmsync", "r1", NOW)
            for n in range(1, 101)
        )
    first, second = signals.filled(ledger, M, 100)
    assert first == {"name": (10, 10)}
    assert second == {"name": (5, 10)}


def test_what_a_channel_was_told_is_remembered_by_scope(ledger):
    signals.save_alerts(ledger, {("run batch", "webhook"): DOWN, ("run batch", "recovery"): Memory()})
    signals.save_alerts(ledger, {("run delta", "webhook"): Memory(took=3.0, ended=NOW)})
    signals.save_alerts(ledger, {("run batch", "recovery"): DOWN}, {M: 0.975})
    assert signals.memories(ledger) == {
        ("run batch", "webhook"): DOWN, ("run batch", "recovery"): DOWN,
        ("run delta", "webhook"): Memory(took=3.0, ended=NOW),
    }  # fmt: skip
    assert signals.memories(ledger, "recovery") == {("run batch", "recovery"): DOWN}
    assert signals.references(ledger) == {M: 0.975}


def test_a_convergence_comes_back_to_the_last_digit(ledger):
    signals.save_alerts(ledger, {}, {M: 2 / 3})
    assert signals.references(ledger) == {M: 2 / 3}
    assert isinstance(signals.references(ledger)[M], float)


def test_the_runs_of_a_mapping_are_those_that_have_ended_and_had_it(ledger):
    run(ledger, "r1", ["a_b"], 0, NOW)
    run(ledger, "r2", ["axb", "a"], 0, LATER)
    run(ledger, "r3", ["c", "a_b"], 1, "2027-01-01T00:00:00+00:00")
    run(ledger, "r4", ["a_b"], None, "2027-02-01T00:00:00+00:00")
    assert [each.id for each in ledger.runs_of("a_b", 9)] == ["r3", "r1"]
    assert [each.id for each in ledger.runs_of("a_b", 1)] == ["r3"]
