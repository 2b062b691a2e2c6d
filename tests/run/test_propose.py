"""Two full systems: links and questions without a write, then a base, then a run as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.connectors.base import Transient
from crmsync.core.model import SIDES
from crmsync.ledger.nouns import Locked
from crmsync.run.locking import our_turn
from crmsync.run.match.adopt import Adopted, adopt
from crmsync.run.match.gather import GONE, OUTSIDE, TWICE, UNUSABLE, gather
from crmsync.run.match.propose import Proposed, propose
from crmsync.run.session import new_run_id
from tests.run.bench import Bench, mapping, plain

FIELDS = {
    **plain("name"),
    **plain("ico"),
    **plain("city", owner="pm"),
    **plain("notes", owner="shared"),
}
MATCH: dict[str, Any] = {
    "decide": ["ico"],
    "compare": {"name": {"as": "company", "weight": 6}, "city": {"as": "text", "weight": 4}},
    "link_at": 0.93,
    "review_at": 0.78,
}
RULE = mapping(FIELDS, match=MATCH, create={"pm": "always"})
TWO = [
    ("crm", {"id": 1, "name": "Kovotrans Žilina s.r.o.", "ico": "31333532", "city": "Žilina", "notes": "a"}),
    ("crm", {"id": 2, "name": "Mlyn Nitra a.s.", "city": "Nitra", "notes": "b"}),
    ("crm", {"id": 3, "name": "Stavby Dunaj", "city": "Komárno"}),
    ("crm", {"id": 4, "name": "Pekáreň Hron", "city": "Zvolen"}),
    ("pm", {"id": 7, "name": "KOVOTRANS", "ico": "31333532", "city": "Žilina", "notes": "a"}),
    ("pm", {"id": 8, "name": "Mlyn Nitra", "city": "Nitra", "notes": "c"}),
    ("pm", {"id": 9, "name": "Stavby Dunaja", "city": "Komárno II"}),
    ("pm", {"id": 10, "name": "Something else", "city": "Wien"}),
]


def bench(*records: tuple[str, dict[str, Any]], rule: Any = RULE) -> Bench:
    made = Bench(rule)
    for system, record in records or TWO:
        made.put(system, record)
    return made


@pytest.fixture
def full() -> Iterator[Bench]:
    with bench() as made:
        yield made


def proposed(made: Bench) -> Proposed:
    run_id = new_run_id()
    with our_turn(made.world, run_id):
        (found,) = propose(made.world, (), run_id)
    made.world.fence = None
    return found


def adopted(made: Bench, limit: int | None = None) -> Adopted:
    (found,) = adopt(made.world, (), limit, new_run_id())
    return found


def systems(made: Bench) -> dict[str, Any]:
    return {name: made.records(name) for name in ("crm", "pm")}


def pairs(made: Bench) -> set[tuple[int, int]]:
    return {(keys.left[0], keys.right[0]) for page in made.ledger.link_keys("things", 0) for keys in page}  # type: ignore[misc]  # whole numbers


# propose


def test_a_proposal_links_and_asks_and_writes_to_no_system(full: Bench) -> None:
    before = systems(full)
    found = proposed(full)
    assert systems(full) == before
    assert pairs(full) == {(1, 7), (2, 8)}
    assert dict(found.linked) == {"ico equal": 1, "score": 1}
    assert [(review.kind, review.keys) for review in full.reviews()] == [("match", ((3,), (9,)))]
    assert (found.asked, found.unmatched, found.known) == (1, (1, 1), 0)


def test_a_proposal_stands_in_the_history_and_names_no_person(full: Bench) -> None:
    proposed(full)
    (run,) = full.ledger.runs()
    assert (run.mode, run.exit, run.whole) == ("propose", 3, False)
    (rows,) = full.ledger.link_rows("things")
    assert {(row.actor, row.run) for row in rows} == {("crmsync", run.id)}
    assert list(full.ledger.labels("things")) == []


def test_a_second_proposal_has_nothing_new(full: Bench) -> None:
    proposed(full)
    links, reviews = pairs(full), full.reviews()
    again = proposed(full)
    assert (dict(again.linked), again.known, again.asked) == ({}, 2, 1)
    assert (pairs(full), full.reviews()) == (links, reviews)


def test_it_asks_what_a_run_would_ask() -> None:
    with bench() as one, bench() as other:
        proposed(one)
        other.run()
        told = [[(e.keys, e.message, e.score) for e in of.reviews() if e.kind == "match"] for of in (one, other)]
    assert told[0] == told[1] != []


def test_a_question_that_is_not_asked_any_more_lapses(full: Bench) -> None:
    proposed(full)
    full.edit("pm", 9, name="Stavby Dunaj", city="Komárno")
    assert dict(proposed(full).linked) == {"score": 1}
    assert full.reviews() == []


def test_while_a_question_is_open_nothing_is_created_for_its_records(full: Bench) -> None:
    proposed(full)
    full.run()
    assert sorted(full.values("pm", "name").values()).count("Stavby Dunaj") == 0
    assert "Pekáreň Hron" in full.values("pm", "name").values()


def test_what_was_judged_different_is_not_proposed(full: Bench) -> None:
    full.write(lambda ledger: ledger.split("things", [((2,), (8,)), ((3,), (9,))], "eva", "2026-01-01T00:00:00+00:00"))
    proposed(full)
    assert (pairs(full), full.reviews()) == ({(1, 7)}, [])


def test_records_that_are_out_of_scope_or_broken_are_left_out() -> None:
    rule = {**RULE, "scope": {"crm": "city != 'Nitra'"}}
    with bench(rule=rule) as made:
        found = proposed(made)
        assert pairs(made) == {(1, 7)}
        assert dict(found.left_out[0]) == {"out_of_scope": 1}


def test_a_proposal_that_fails_leaves_nothing(full: Bench) -> None:
    def fail(_: object) -> Iterator[Any]:
        raise Transient("gone away")

    class Gone:
        """The very door, but for its listing."""

        def __init__(self, door: Any) -> None:
            self.door = door

        def __getattr__(self, name: str) -> Any:
            return fail if name == "list" else getattr(self.door, name)

    before = full.everything()["ledger"]
    real = full.world.door(full.world.project.mapping("things"), 1)
    full.world.doors["things", 1] = Gone(real)
    with pytest.raises(Transient):
        propose(full.world, (), new_run_id())
    assert full.everything()["ledger"] == before


def test_two_proposals_do_not_work_at_once(full: Bench) -> None:
    with our_turn(full.world, "one"), pytest.raises(Locked), our_turn(full.world, "two"):
        raise AssertionError("the lock was given twice")


# adopt


def test_what_agrees_becomes_the_base_and_what_does_not_is_told(full: Bench) -> None:
    proposed(full)
    found = adopted(full)
    assert (found.links, dict(found.agreed)) == (2, {"ico": 1, "city": 2, "notes": 1})
    assert [(name, what, [each.keys for each in who]) for name, what, who in found.by_field()] == [
        ("name", "crm -> pm (first-link)", [((1,), (7,)), ((2,), (8,))]),
        ("notes", "held (conflict)", [((2,), (8,))]),
    ]
    assert systems(full) == {"crm": full.records("crm"), "pm": full.records("pm")}


def test_after_adoption_a_plan_has_only_what_an_owner_or_a_person_decides(full: Bench) -> None:
    proposed(full)
    adopted(full)
    _, lines = full.plan()
    assert {line["do"] for line in lines} == {"create", "update", "hold"}
    reasons = {change["why"] for line in lines if line["do"] == "update" for change in line["changes"]}
    assert reasons == {"first-link"}


def test_a_limit_adopts_a_part_and_the_next_call_the_rest(full: Bench) -> None:
    proposed(full)
    assert adopted(full, limit=1).links == 1
    assert adopted(full).links == 1
    assert adopted(full).links == 0


def test_an_edit_after_adoption_is_seen_as_one(full: Bench) -> None:
    """With a base crmsync knows who changed the notes: it is no conflict any more."""
    proposed(full)
    adopted(full)
    full.edit("pm", 7, notes="changed there")
    full.run()
    assert full.values("crm", "notes")[1] == "changed there"


NAMES = st.sampled_from(["Kovotrans", "Kovotrans a syn", "Mlyn Nitra", "Mlyn Nitra s.r.o.", "Stavby Dunaj", ""])
CITIES = st.sampled_from(["Žilina", "Nitra", "Nitra-Mlynárce", None])
RECORD = st.fixed_dictionaries(
    {
        "name": NAMES,
        "city": CITIES,
        "ico": st.sampled_from(["31333532", "36403008", None]),
        "notes": st.sampled_from(["a", "b", None]),
    }
)


@given(st.lists(RECORD, max_size=4), st.lists(RECORD, max_size=4))
@settings(max_examples=25)
def test_proposal_adoption_and_run_write_what_a_run_alone_would_have(crm: list[Any], pm: list[Any]) -> None:
    records = [("crm", {"id": n, **each}) for n, each in enumerate(crm)]
    records += [("pm", {"id": 100 + n, **each}) for n, each in enumerate(pm)]
    with bench(*records) if records else Bench(RULE) as one, bench(*records) if records else Bench(RULE) as other:
        proposed(one)
        adopted(one)
        one.run()
        other.run()
        assert systems(one) == systems(other)
        assert pairs(one) == pairs(other)


# gather


def test_everything_that_is_left_out_is_counted_with_its_reason() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "city": {"type": ["string", "null"]}}}
    entities = {"crm": {"thing": {"key": "id", "deleted": "gone"}}, "pm": {"thing": {"key": "id"}}}
    rule = {**RULE, "scope": {"crm": "city != 'Wien'"}}
    with Bench(rule, entities=entities, schemas={"crm.thing": schema}) as made:
        made.put("crm", {"id": 1, "name": "A", "city": "Bern"}, {"id": 2, "name": 7})
        made.put("crm", {"id": 3, "name": "C", "city": "Wien"}, {"id": 4, "name": "D", "gone": True})
        made.put("crm", {"id": 5, "name": "E", "city": None})
        found = gather(made.world, made.world.project.mapping("things"), 0)
    assert [each.key for each in found.records] == [(1,), (5,)]
    assert dict(found.left_out) == {UNUSABLE: 1, OUTSIDE: 1, GONE: 1}
    assert found.read == 5
    assert found.said(found.records[0])["name"] == "A"


def test_of_two_records_with_one_key_neither_is_taken(full: Bench) -> None:
    class Twice:
        """The very door, but it gives its first record once more at the end."""

        def __init__(self, door: Any) -> None:
            self.door = door

        def __getattr__(self, name: str) -> Any:
            return getattr(self.door, name)

        def list(self, since: object = None) -> Iterator[Any]:
            pages = list(self.door.list(since))
            yield from pages
            yield pages[0][:1]

    declared = full.world.project.mapping("things")
    full.world.doors["things", 0] = Twice(full.world.door(declared, 0))
    found = gather(full.world, declared, 0)
    assert len(found.records) == 3
    assert dict(found.left_out) == {TWICE: 2}


def test_a_listing_that_breaks_off_is_begun_anew(full: Bench) -> None:
    class Breaks:
        """The very door, but its first listing breaks off after the first page."""

        def __init__(self, door: Any) -> None:
            self.door = door
            self.listings = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.door, name)

        def list(self, since: object = None) -> Iterator[Any]:
            self.listings += 1
            yield next(self.door.list(since))[:2]
            if self.listings == 1:
                raise Transient("gone away", retry_after=0)
            yield next(self.door.list(since))[2:]

    declared = full.world.project.mapping("things")
    full.world.doors["things", 0] = Breaks(full.world.door(declared, 0))
    assert [each.key for each in gather(full.world, declared, 0).records] == [(1,), (2,), (3,), (4,)]


def test_linked_records_are_gathered_too(full: Bench) -> None:
    full.run()
    found = [gather(full.world, full.world.project.mapping("things"), side) for side in SIDES]
    assert [len(each.records) for each in found] == [4, 5]
