"""Does the twin of a record that has a counterpart get one of its own? Not until a person has said that it is two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.run.match.judge import reopen
from crmsync.run.match.merging import Wanted, intend, merge, merge_of, take_back
from crmsync.run.match.queue import give, prepared
from tests.run.bench import Bench, buckets, done, mapping, plain
from tests.run.killing import Killed, Killer
from tests.run.stories import KEPT

M = "things"
COLUMNS = "name TEXT, web TEXT, phone TEXT, kind TEXT, origin TEXT"
ENTITY: Any = {"key": "id", "modified": "updated"}
COMPARE = {"name": {"as": "company"}, "web": {"as": "domain"}, "phone": {"as": "phone"}}
FIELDS = {**plain("name"), **plain("web"), **plain("phone"), **plain("kind")}
RULE: Any = {"match": {"compare": COMPARE}, "create": {"pm": "always"}}
DUNAJ = {"name": "Stavby Dunaj s.r.o.", "web": "dunaj.sk", "phone": "0905 123 456"}
TWIN = {"name": "STAVBY DUNAJ, spol. s r. o.", "web": "www.dunaj.sk", "phone": None}
OTHER = {"name": "Mlyn Nitra", "web": "mlyn.sk", "phone": "0911 222 333"}


def opened(kind: str, **more: Any) -> Bench:
    entities = {"crm": {"thing": ENTITY}, "pm": {"thing": {**ENTITY, **KEPT["origin field"]}}}
    declared = mapping(FIELDS, **{**RULE, **more})
    return Bench(declared, entities=entities, columns=COLUMNS if kind == "sql" else None)


@pytest.fixture(params=["memory", "sql"])
def world(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with opened(request.param) as bench:
        yield bench


def put(world: Bench, key: int, said: Any, system: str = "crm") -> None:
    world.put(system, {"id": key, **said})


def asked(world: Bench) -> list[tuple[str, int | None, tuple[Any, ...]]]:
    return [(each.kind, each.side, each.keys) for each in world.reviews()]


def answer(world: Bench, take: Any) -> None:
    (review,) = world.reviews()
    give(world.world, [prepared(world.world, review, take, None, "eva")], "eva")


def silent(world: Bench) -> None:
    """The next runs write nothing and ask nothing new."""
    records = {name: world.records(name) for name in ("crm", "pm")}
    questions = [(each.n, each.message) for each in world.reviews()]
    for mode in ("batch", "delta", "batch"):
        assert world.plan(mode)[0].writes == 0
        assert world.run(mode).writes == 0
    assert {name: world.records(name) for name in ("crm", "pm")} == records
    assert [(each.n, each.message) for each in world.reviews()] == questions


def twin_entered(world: Bench, mode: str = "batch") -> None:
    """A record has its counterpart; its twin comes, and a run sees it."""
    put(world, 1, DUNAJ)
    world.run()
    put(world, 2, TWIN)
    world.run(mode)


def put_others(world: Bench) -> None:
    """So many that a listing which lacks one record is believed."""
    for key in range(10, 20):
        put(world, key, {**OTHER, "name": f"Mlyn {key}", "web": f"mlyn{key}.sk", "phone": f"0911 222 3{key}"})


HELD = [("duplicate", 0, ((1,), (2,)))]


@pytest.mark.parametrize("modes", [["batch", "batch"], ["batch", "delta"], ["batch"]])
def test_the_twin_of_a_record_with_a_counterpart_is_asked_about(world: Bench, modes: list[str]) -> None:
    put(world, 1, DUNAJ)
    put(world, 3, OTHER)
    for mode in modes[:-1]:
        world.run(mode)
    put(world, 2, TWIN)
    report = world.run(modes[-1])
    assert len(world.records("pm")) == 2
    assert asked(world) == HELD
    assert report.exit == 3
    assert buckets(report.mappings[M])[0]["held"] == 1
    silent(world)


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_family_of_one_number_is_asked_about_once(mode: str) -> None:
    rule = {"decide": ["kind"], "compare": {**COMPARE, "kind": {"as": "company_id"}}}
    with opened("memory", match=rule) as world:
        for key, firm in enumerate(("Servis", "Stavby", "Invest", "Trade"), start=1):
            put(world, key, {"name": f"Dunaj {firm}", "web": "dunaj.sk", "phone": None, "kind": "SK2020317068"})
        world.run()
        assert [keys for _, _, keys in asked(world)] == [((1,), (2,)), ((1,), (3,)), ((1,), (4,))]
        for review in world.reviews():
            give(world.world, [prepared(world.world, review, "different", None, "eva")], "eva")
        world.run(mode)
        assert len(world.records("pm")) == 4
        silent(world)


def test_the_question_names_both_and_says_what_the_answers_do(world: Bench) -> None:
    put(world, 1, DUNAJ)
    world.run()
    put(world, 2, TWIN)
    report = world.run("delta")
    (review,) = world.reviews()
    assert review.score is not None
    assert review.score >= 0.95
    assert review.message.startswith("may be crm.thing/1, which has a counterpart (0.9")
    assert "name +" in review.message
    assert "web +" in review.message
    assert review.message.endswith("same merges the two, different gives it a pm.thing of its own")
    assert [(why.bucket, why.rule, why.example) for why in report.mappings[M].why] == [
        ("held", "duplicate", "crm.thing/2")
    ]


def test_a_record_that_is_linked_in_the_same_run_has_its_twin_asked_about(world: Bench) -> None:
    put(world, 1, DUNAJ, "pm")
    put(world, 1, TWIN)
    put(world, 2, DUNAJ)
    world.run()
    assert world.values("pm", "name") == {1: DUNAJ["name"]}
    assert asked(world) == [("duplicate", 0, ((2,), (1,)))]  # the more alike one was linked
    silent(world)


@pytest.mark.parametrize(("take", "made"), [("same", 1), ("different", 2)])
@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_the_next_run_does_as_a_person_has_answered(world: Bench, take: str, made: int, mode: str) -> None:
    twin_entered(world, "delta")
    answer(world, take)
    world.run(mode)
    assert len(world.records("pm")) == made
    assert world.reviews() == []
    silent(world)


def test_an_answer_that_is_taken_back_is_asked_again(world: Bench) -> None:
    twin_entered(world)
    for take in ("same", "different"):
        (review,) = world.reviews()
        answer(world, take)
        reopen(world.world, review.n, "eva")
        world.run("delta")
        assert (asked(world), len(world.records("pm"))) == (HELD, 1)
        silent(world)


def test_a_merge_that_is_taken_back_lets_the_record_have_its_own(world: Bench) -> None:
    twin_entered(world)
    answer(world, "same")
    world.run()
    row = merge_of(world.world, world.world.project.mapping(M), 0, (2,))
    assert row is not None
    take_back(world.world, row, "eva")
    world.run()
    assert (asked(world), len(world.records("pm"))) == ([], 2)
    silent(world)


@pytest.mark.parametrize("who", [1, 2])
def test_what_is_a_twin_no_more_is_asked_no_more(world: Bench, who: int) -> None:
    twin_entered(world, "delta")
    world.edit("crm", who, **OTHER)
    world.run("delta")
    assert (asked(world), len(world.records("pm"))) == ([], 2)
    silent(world)


@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize("first", [1, 2])
def test_a_linked_record_that_becomes_a_twin_in_the_same_run_is_seen(world: Bench, mode: str, first: int) -> None:
    put(world, first, OTHER)
    world.run()
    world.edit("crm", first, **DUNAJ)
    put(world, 3 - first, TWIN)
    world.run(mode)
    assert asked(world) == [("duplicate", 0, ((first,), (3 - first,)))]
    assert len(world.records("pm")) == 1


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_the_question_stays_while_nobody_knows_what_became_of_the_other_record(world: Bench, mode: str) -> None:
    """One listing without it is no deletion: were its twin made a counterpart now, there would be two."""
    put(world, 1, DUNAJ)
    put_others(world)
    world.run()
    put(world, 2, TWIN)
    world.run()
    world.remove("crm", 1)
    put(world, 2, {**TWIN, "kind": "touched"})
    made = len(world.records("pm"))
    world.run(mode)
    assert asked(world) == HELD
    assert len(world.records("pm")) == made
    for _ in range(3):
        world.run()
    assert "duplicate" not in [kind for kind, _, _ in asked(world)]
    assert world.ledger.links(M, 0, [(2,)])[2,].keys == ((2,), (11,))  # what the other has left behind
    assert len(world.records("pm")) == made


@pytest.mark.parametrize("ends", ["goes", "scope"])
def test_a_record_that_has_no_counterpart_any_more_is_nobodys_twin(ends: str) -> None:
    with opened("memory", scope={"crm": "kind != 'old'"}) as world:
        put(world, 1, DUNAJ)
        put_others(world)
        world.run()
        put(world, 2, TWIN)
        world.run()
        if ends == "goes":
            world.remove("crm", 1)
        else:
            world.edit("crm", 1, kind="old")
        for _ in range(3):  # two listings without it, and it is gone
            world.run()
        assert (2,) in world.ledger.links(M, 0, [(2,)])
        assert "duplicate" not in [kind for kind, _, _ in asked(world)]


def test_plan_leaves_nothing_and_its_file_asks_what_a_run_asks(world: Bench) -> None:
    put(world, 1, DUNAJ)
    world.run()
    put(world, 2, TWIN)
    put(world, 3, OTHER)
    before = world.everything()
    report, lines = world.plan("delta")
    assert sorted(done(lines)) == ["create 1", "hold duplicate"]
    assert report.mappings[M].actions[1] == {"create": 1}  # the limits count no other one
    file = world.save(mode="delta")
    assert world.everything() == before
    world.apply(file)
    assert (asked(world), len(world.records("pm"))) == (HELD, 2)
    world.run()
    silent(world)


def test_what_was_answered_since_the_plan_was_made_is_not_asked_again(world: Bench) -> None:
    twin_entered(world)
    file = world.save()
    answer(world, "different")
    world.apply(file)
    assert world.reviews() == []


@pytest.mark.parametrize("order", [{"only": "crm.thing/2"}, {"limit": 1}, {"limit": 5}])
def test_a_run_over_few_records_asks_the_same(world: Bench, order: Any) -> None:
    put(world, 1, DUNAJ)
    world.run()
    put(world, 2, TWIN)
    world.run(**order)
    assert (asked(world), len(world.records("pm"))) == (HELD, 1)
    put(world, 3, OTHER)
    world.run(only="crm.thing/3")
    assert asked(world) == HELD  # it has not looked at the two


@pytest.mark.parametrize("point", range(12))
def test_a_run_that_was_killed_and_taken_up_asks_the_same(point: int) -> None:
    with opened("memory") as world:
        for number in (1, 3):
            put(world, number, DUNAJ if number == 1 else OTHER)
        put(world, 2, TWIN)
        effect = world.world.effect
        world.world.effect = Killer(point)
        with suppress(Killed):
            world.run()
        world.world.effect = effect
        world.run()
        assert (asked(world), len(world.records("pm"))) == (HELD, 2)
        silent(world)


def test_who_comes_first_by_key_gets_the_counterpart_whatever_the_order_of_reading() -> None:
    told = []
    for order in ((1, 2, 3, 4), (4, 3, 2, 1), (3, 1, 4, 2)):
        with opened("memory") as world:
            for number in order:
                put(world, number, {1: DUNAJ, 2: TWIN, 3: OTHER, 4: OTHER}[number])
            _, lines = world.plan()
            world.run()
            told.append((lines, asked(world), world.values("pm", "name")))
    assert told[0][1] == [*HELD, ("duplicate", 0, ((3,), (4,)))]
    assert told[0] == told[1] == told[2]


NAMES = ["Stavby Dunaj s.r.o.", "STAVBY DUNAJ", "Mlyn Nitra", "Mlyn Nitra a.s.", "Kovotrans", "Tatra Invest"]
SITES = [None, "dunaj.sk", "mlyn.sk", "kovo.sk"]
PHONES = [None, "0905 123 456", "0911 222 333", "0902 555 111"]
FIRMS = st.tuples(st.sampled_from(NAMES), st.sampled_from(SITES), st.sampled_from(PHONES), st.integers(0, 2))


@settings(max_examples=25)
@given(st.lists(FIRMS, max_size=14))
def test_a_page_of_many_records_or_of_one_gives_the_same_plan(firms: Any) -> None:
    """Some are linked by an earlier run, some are met on the other side, most are new."""
    with opened("memory") as world:
        for late in (False, True):
            for number, (name, web, phone, when) in enumerate(firms, 1):
                if (when > 0) == late:
                    said = {"name": name, "web": web, "phone": phone}
                    put(world, number, said)
                    if when == 2:
                        put(world, 500 + number, said, "pm")
            if not late:
                world.run()
        assert world.plan(limit=1000)[1] == world.plan()[1]
        world.run()
        silent(world)
        for review in world.reviews():
            if review.kind == "duplicate":
                first, second = (key for _, key in review.records)
                assert world.ledger.links(M, 0, [first, second]).keys() == {first}


def test_two_sides_that_make_records_for_each_other_ask_on_both(world: Bench) -> None:
    with opened("memory", create={"pm": "always", "crm": "always"}) as both:
        put(both, 1, DUNAJ)
        both.run()
        (made,) = both.records("pm")
        put(both, 99, TWIN, "pm")
        both.run("delta")
        assert asked(both) == [("duplicate", 1, (made, (99,)))]
        assert len(both.records("crm")) == 1
        silent(both)


def test_an_identifier_that_decides_tells_twins_and_one_that_differs_tells_two() -> None:
    with opened("memory", match={"decide": ["phone"], "compare": {"name": {"as": "company"}}}) as world:
        put(world, 1, DUNAJ)
        put(world, 2, {**TWIN, "phone": DUNAJ["phone"]})
        put(world, 3, {**DUNAJ, "phone": "0900 000 001"})
        world.run()
        assert (asked(world), len(world.records("pm"))) == (HELD, 2)
        assert "phone equal" in world.reviews()[0].message


def test_a_side_for_whose_records_nothing_is_made_is_not_asked_about() -> None:
    with opened("memory", create={"pm": {"when": {"crm": "kind == 'customer'"}}}) as world:
        put(world, 1, {**DUNAJ, "kind": "customer"})
        put(world, 2, {**TWIN, "kind": "lead"})
        world.run()
        assert asked(world) == []
        world.edit("crm", 2, kind="customer")
        world.run("delta")
        assert asked(world) == HELD


def test_a_crowd_of_records_that_nothing_tells_apart_is_told() -> None:
    with opened("memory") as world:
        world.put("crm", *({"id": number, "name": "Obec", "web": None, "phone": None} for number in range(1, 151)))
        put(world, 200, DUNAJ)
        report = world.run()
        assert report.mappings[M].warned == {"match/crowded crm": 150}
        assert (report.mappings[M].actions[1], asked(world)) == ({"create": 151}, [])
        assert world.run().mappings[M].warned == {}


def test_a_run_over_one_record_sees_a_rival_that_was_split_from_it_a_moment_ago(world: Bench) -> None:
    put(world, 9, DUNAJ, "pm")
    put(world, 1, TWIN)
    put(world, 2, TWIN)
    world.run()
    rivals = [((1,), (9,)), ((2,), (9,))]
    assert sorted(each.keys for each in world.reviews()) == rivals
    things = world.world.project.mapping(M)
    merge(world.world, [intend(world.world, Wanted(things, 0, (1,), ((2,),)), "eva")])
    row = merge_of(world.world, things, 0, (2,))
    assert row is not None
    take_back(world.world, row, "eva")
    world.run(only="crm.thing/1")
    assert world.ledger.live_links(M) == 0
    assert sorted(each.keys for each in world.reviews()) == rivals


@pytest.mark.parametrize("modes", [("batch", "batch"), ("batch", "delta"), ("delta", "delta")])
@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_what_we_have_made_has_twins_like_any_other_record(kind: str, modes: tuple[str, str], edited: bool) -> None:
    """The record is the project tool's own counterpart of a crm record; somebody there enters the customer again."""
    with opened(kind, create={"pm": "always", "crm": "always"}) as world:
        put_others(world)
        put(world, 1, OTHER if edited else DUNAJ)
        world.run()
        if edited:
            world.edit("crm", 1, **DUNAJ)
            world.run(modes[0])
        put(world, 777, TWIN, "pm")
        world.run(modes[1])
        made = next(key for key, record in world.records("pm").items() if record["name"] == DUNAJ["name"])
        assert asked(world) == [("duplicate", 1, (made, (777,)))]


# A plan file ------------------------------------------------------------------------------------------------------


def twin_came_after_the_plan(world: Bench) -> Any:
    """Record 2 is to get a counterpart by a plan file; before that is applied, its twin gets one."""
    put(world, 3, OTHER)
    world.run()
    put(world, 2, TWIN)
    put(world, 4, {**OTHER, "name": "Pekáreň Levice", "web": "levice.sk", "phone": "0911 222 444"})
    plan = world.save()
    put(world, 1, DUNAJ)
    world.run(only="crm.thing/1")
    return plan


def test_a_plan_file_makes_no_second_counterpart_for_what_has_got_one_since(world: Bench) -> None:
    plan = twin_came_after_the_plan(world)
    code, findings = world.stopped(lambda: world.apply(plan))
    assert code == 5
    (finding,) = findings
    assert str(finding.ref) == "crm.thing/2"
    assert finding.message == "is most likely crm.thing/1, which got a counterpart since the plan was made"
    assert len(world.records("pm")) == 2


def test_with_skip_it_is_held_and_the_next_run_asks(world: Bench) -> None:
    plan = twin_came_after_the_plan(world)
    report = world.apply(plan, on_drift="skip")
    assert (report.writes, report.exit) == (1, 3)
    assert buckets(report.mappings[M])[0]["held"] == 1
    assert len(world.records("pm")) == 3
    world.run("delta")
    assert asked(world) == HELD
    silent(world)


def test_what_a_person_calls_two_gets_its_counterpart_from_the_plan(world: Bench) -> None:
    plan = twin_came_after_the_plan(world)
    world.run("delta")
    answer(world, "different")
    assert world.apply(plan, on_drift="skip").writes == 1  # the other one has got its counterpart from the run
    assert len(world.records("pm")) == 4


def test_a_plan_is_no_stranger_to_its_own_creates(world: Bench) -> None:
    put(world, 1, DUNAJ)
    put(world, 3, OTHER)
    plan = world.save()
    assert world.apply(plan).writes == 2
    put(world, 5, {**OTHER, "name": "Mlyn Nitra II", "web": "mlyn2.sk", "phone": None})
    assert world.apply(world.save()).writes == 1
