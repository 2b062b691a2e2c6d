"""Are duplicates found, are merges respected by every run, and can they be taken back?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from crmsync.core.mapping import compile_mapping
from crmsync.core.match.compare.company_id import DIFFERS
from crmsync.core.match.duplicates import JUDGED
from crmsync.core.model import ABSENT, UNKNOWN_OUTCOME, Both, Create, Hold, Key, Ref
from crmsync.core.plan import decode
from crmsync.ledger.nouns import NewDuplicate, NewLink
from crmsync.run.match.dedupe import Deduped, ask, dedupe
from crmsync.run.match.golden import Said, golden_of
from crmsync.run.match.judge import reopen
from crmsync.run.match.merging import Wanted, intend, merge, merge_of, take_back
from crmsync.run.match.queue import give, prepared
from crmsync.run.moved import drifted
from crmsync.run.prepared import Order
from crmsync.run.session import Asked, planned
from crmsync.run.world import Stopped
from tests.run.small import Record, Small

M = "company-client"


@pytest.fixture(params=["memory", "sql"])
def small(request: pytest.FixtureRequest) -> Iterator[Small]:
    world = Small(request.param)
    yield world
    world.close()


def company(number: int, **more: object) -> Record:
    fresh = {"id": number, "name": f"Firm {number}", "type": "customer", "ids": {"code": f"C{number}"}}
    return {**fresh, "web": None, "notes": None, "tags": None, "delivery": "Running", **more}


def put(small: Small, *numbers: int, **more: object) -> None:
    for number in numbers:
        small.crm.put("company", company(number, **more))


def merged(small: Small, survivor: int, *others: int, side: int = 0, counterparts: bool = False) -> None:
    mapping = small.world.project.mapping(M)
    wanted = Wanted(mapping, side, (survivor,), tuple((each,) for each in others), counterparts)  # type: ignore[arg-type]  # 0 or 1
    merge(small.world, [intend(small.world, wanted, "eva")])


def split(small: Small, number: int, side: int = 0) -> None:
    row = merge_of(small.world, small.world.project.mapping(M), side, (number,))  # type: ignore[arg-type]  # 0 or 1
    assert row is not None
    take_back(small.world, row, "eva")


def links(small: Small) -> set[Both[Key]]:
    return {row.keys for rows in small.world.ledger.link_rows(M) for row in rows}


def client_of(small: Small, code: str) -> int:
    (key,) = [key for key, record in small.pm.records("client").items() if record["code"] == code]
    return int(key[0])


def bucket(small: Small, number: int) -> tuple[str | None, str]:
    state = small.world.ledger.states(M, 0, [(number,)])[(number,)]
    return state.bucket, state.reason


def silent(small: Small) -> None:
    """The next runs find nothing to do, whatever their mode."""
    before = small.everything()
    for mode in ("batch", "delta", "batch"):
        report, lines = small.plan(mode)
        assert (lines, report.exit) == ([], 0)
        small.run(mode)
    assert small.everything() == before


# A run respects them


def test_nothing_is_created_for_a_merged_record(small: Small) -> None:
    put(small, 1)
    small.run()
    put(small, 2)
    merged(small, 1, 2)
    small.run()
    assert list(small.pm.records("client")) == [(client_of(small, "C1"),)]
    assert bucket(small, 2) == ("out_of_scope", "merged into crm.company/1")
    silent(small)


def test_a_merged_record_that_changes_or_breaks_its_contract_stays_out_of_scope(small: Small) -> None:
    put(small, 1)
    small.run()
    put(small, 2)
    merged(small, 1, 2)
    small.run()
    put(small, 2, delivery="Nonsense")
    report = small.run("delta")
    assert report.exit == 0
    assert bucket(small, 2) == ("out_of_scope", "merged into crm.company/1")
    silent(small)


def test_the_link_of_a_merged_record_goes_to_the_survivor(small: Small) -> None:
    put(small, 2, notes="same", web="a.example")
    small.run()
    put(small, 1, notes="same", web="b.example")
    mine = client_of(small, "C2")
    merged(small, 1, 2)
    assert links(small) == {((1,), (mine,))}
    base = small.world.ledger.links(M, 0, [(1,)])[(1,)].base
    assert "notes" in base  # the survivor says what was agreed
    assert "web" not in base  # it says something else: nothing is agreed
    small.run()
    assert list(small.pm.records("client")) == [(mine,)]
    assert small.pm.records("client")[(mine,)]["web"] == "b.example"  # its owner says so
    assert bucket(small, 2)[0] == "out_of_scope"
    silent(small)


def test_a_shared_field_on_which_the_survivor_differs_is_asked_about(small: Small) -> None:
    put(small, 2, notes="theirs")
    small.run()
    put(small, 1, notes="ours")
    merged(small, 1, 2)
    small.run()
    (asked,) = small.world.ledger.reviews(M)
    assert (asked.field, asked.values) == ("notes", ("ours", "theirs"))


@pytest.mark.parametrize("first", ["record", "listing"])
def test_nobody_is_deleted_when_a_merged_record_goes(small: Small, first: str) -> None:
    put(small, 2)
    small.run()
    put(small, 1)
    merged(small, 1, 2)
    if first == "listing":
        small.run()
    small.crm.remove("company", (2,))
    for _ in range(4):
        small.run()
    assert [record.get("active") is False for record in small.pm.records("client").values()] == [False]
    silent(small)


def test_children_of_a_merged_record_stay_with_its_counterpart(small: Small) -> None:
    put(small, 2)
    small.crm.put("deal", {"id": 1, "company": 2, "number": 7, "title": "roof", "done": None})
    small.run()
    put(small, 1)
    merged(small, 1, 2)
    small.run()
    small.crm.put("deal", {"id": 2, "company": 2, "number": 8, "title": "wall", "done": None})
    small.run()
    mine = client_of(small, "C1")
    assert sorted(small.pm.records("task")) == [(mine, 7), (mine, 8)]
    silent(small)


def test_children_that_waited_for_a_merged_record_are_made_for_its_survivor(small: Small) -> None:
    put(small, 1)
    put(small, 2, delivery="Nonsense")  # rejected: its deal waits
    small.crm.put("deal", {"id": 1, "company": 2, "number": 7, "title": "roof", "done": None})
    small.run()
    assert not small.pm.records("task")
    merged(small, 1, 2)
    small.run("delta")
    assert list(small.pm.records("task")) == [(client_of(small, "C1"), 7)]
    silent(small)


def test_an_open_question_about_a_merged_record_is_no_longer_asked(small: Small) -> None:
    small.pm.put("client", {"id": 9, "title": "Stavby Dunaj", "code": None, "phase": "running"})
    put(small, 1)
    small.run()
    put(small, 2, name="Stavby Dunaj s.r.o.", ids={"code": None})
    small.run()
    assert [each.keys for each in small.world.ledger.reviews(M, kind="match")] == [((2,), (9,))]
    merged(small, 1, 2)
    assert small.world.ledger.reviews(M, kind="match") == []
    small.run()
    assert small.world.ledger.reviews(M, kind="match") == []
    silent(small)


def test_a_merge_that_contradicts_a_judgement_is_refused(small: Small) -> None:
    put(small, 2)
    small.run()
    mine = client_of(small, "C2")
    put(small, 1)
    with small.world.ledger.writing() as ledger:
        ledger.split(M, [((1,), (mine,))], "eva", "2026-01-01")  # one is not that client, whose link is with two
    with pytest.raises(Stopped, match=rf"a person said that crm.company/1 and pm.client/{mine} are different"):
        merged(small, 1, 2)
    assert links(small) == {((2,), (mine,))}


def test_a_record_that_may_have_a_counterpart_by_now_is_not_merged(small: Small) -> None:
    put(small, 1, 2)
    nothing = (ABSENT, ABSENT)
    with small.world.ledger.writing() as ledger:
        ledger.ask(M, [Hold(M, ((2,), None), UNKNOWN_OUTCOME, "", nothing, nothing, "sent")], "r", "2026-01-01")
    with pytest.raises(Stopped, match=r"nobody knows whether crm.company/2 has a counterpart by now"):
        merged(small, 1, 2)


# They are taken back


def test_a_split_brings_back_what_was(small: Small) -> None:
    put(small, 2, notes="same", web="a.example")
    small.run()
    mine = client_of(small, "C2")
    put(small, 1, notes="same", web="b.example")
    merged(small, 1, 2)
    small.run()
    split(small, 2)
    assert links(small) == {((2,), (mine,))}
    small.run()
    clients = small.pm.records("client")
    assert len(clients) == 2
    assert (clients[(mine,)]["web"], clients[(mine,)]["code"]) == ("a.example", "C2")
    assert clients[(client_of(small, "C1"),)]["web"] == "b.example"
    silent(small)


def test_a_merge_that_no_run_has_seen_is_taken_back_without_a_trace(small: Small) -> None:
    put(small, 2, notes="same", tags=["x"])
    small.run()
    before, linked = small.everything(), links(small)
    base = small.world.ledger.links(M, 0, [(2,)])[(2,)].base
    small.crm.put("company", company(1, type="prospect"))
    merged(small, 1, 2)
    split(small, 2)
    small.crm.remove("company", (1,))
    assert links(small) == linked
    assert small.world.ledger.links(M, 0, [(2,)])[(2,)].base == base
    small.run()
    assert small.everything() == before


def test_what_was_split_is_not_proposed_again(small: Small) -> None:
    put(small, 1, 2)
    small.run()
    merged(small, 1, 2, counterparts=True)
    split(small, 2)
    assert small.world.ledger.distinct(M, 0) == {((1,), (2,))}
    merged(small, 1, 2, counterparts=True)
    assert small.world.ledger.distinct(M, 0) == set()


def test_a_merge_is_not_taken_back_for_a_record_that_is_gone(small: Small) -> None:
    put(small, 2)
    small.run()
    put(small, 1)
    merged(small, 1, 2)
    small.crm.remove("company", (2,))
    with pytest.raises(Stopped, match=r"crm.company/2 is not in its system any more"):
        split(small, 2)
    assert links(small) == {((1,), (client_of(small, "C2"),))}


def test_a_link_is_not_restored_where_its_counterpart_found_another_one(small: Small) -> None:
    put(small, 2)
    small.run()
    mine = client_of(small, "C2")
    put(small, 1, 3)
    merged(small, 1, 2)
    with small.world.ledger.writing() as ledger:
        ledger.split(M, [((1,), (mine,))], "eva", "2026-01-01")
        ledger.save_links([_link((3,), (mine,))])
    split(small, 2)
    assert links(small) == {((3,), (mine,))}


def _link(left: Key, right: Key) -> NewLink:
    return NewLink(M, (left, right), {}, 1.0, "said so", "eva", None, "2026-01-01")


# Both are linked


def test_two_linked_records_are_not_merged_while_their_counterparts_are_two(small: Small) -> None:
    put(small, 1, 2)
    small.run()
    with pytest.raises(Stopped) as stopped:
        merged(small, 1, 2)
    (finding,) = stopped.value.findings
    assert "crm.company/1 with pm.client/" in finding.message
    assert "crm.company/2 with pm.client/" in finding.message
    assert "crmsync match merge crm.company/1 crm.company/2 --counterparts" in finding.mend
    assert len(links(small)) == 2


def test_counterparts_are_merged_together_with_their_records_and_split_together(small: Small) -> None:
    put(small, 1, 2)
    small.run()
    before, linked = small.everything(), links(small)
    kept, other = client_of(small, "C1"), client_of(small, "C2")
    merged(small, 1, 2, counterparts=True)
    assert links(small) == {((1,), (kept,))}
    silent_after = small.run()
    assert silent_after.exit == 0
    assert small.everything() == before
    assert small.world.ledger.survivors(M, 1, [(other,)]) == {(other,): (kept,)}
    silent(small)
    split(small, other, side=1)  # of one of the two is enough
    assert links(small) == linked
    small.run()
    assert small.everything() == before
    silent(small)


def test_several_linked_records_are_merged_into_one_that_is_not(small: Small) -> None:
    put(small, 2, 3)
    small.run()
    first, second = client_of(small, "C2"), client_of(small, "C3")
    put(small, 1)
    merged(small, 1, 3, 2, counterparts=True)
    assert links(small) == {((1,), (first,))}
    assert small.world.ledger.survivors(M, 1, [(second,)]) == {(second,): (first,)}
    small.run()
    assert len(small.pm.records("client")) == 2
    silent(small)


# Chains


def test_chains_collapse_whatever_their_order(small: Small) -> None:
    put(small, 1, 2, 3)
    merged(small, 2, 3)
    merged(small, 1, 2)
    assert small.world.ledger.survivors(M, 0, [(1,), (2,), (3,)]) == {(2,): (1,), (3,): (1,)}
    split(small, 3)
    split(small, 2)
    merged(small, 1, 2)
    merged(small, 2, 3)  # two is one already
    assert small.world.ledger.survivors(M, 0, [(1,), (2,), (3,)]) == {(2,): (1,), (3,): (1,)}
    small.run()
    assert [record["code"] for record in small.pm.records("client").values()] == ["C1"]
    silent(small)


@pytest.mark.parametrize("order", [(3, 2), (2, 3)])
def test_a_chain_is_taken_back_in_any_order(small: Small, order: tuple[int, int]) -> None:
    put(small, 3)
    small.run()
    mine, linked = client_of(small, "C3"), links(small)
    put(small, 1, 2)
    merged(small, 2, 3)
    merged(small, 1, 2)
    assert links(small) == {((1,), (mine,))}
    for number in order:
        split(small, number)
    assert links(small) == linked
    assert small.world.ledger.survivors(M, 0, [(1,), (2,), (3,)]) == {}


def test_a_cycle_is_refused(small: Small) -> None:
    put(small, 1, 2, 3)
    merged(small, 1, 2)
    merged(small, 2, 3)
    for survivor, other in ((2, 1), (3, 1), (1, 1)):
        with pytest.raises(Stopped, match="cannot be merged with itself"):
            merged(small, survivor, other)


@pytest.mark.parametrize(
    ("survivor", "others", "words"),
    [
        (1, (9,), "there is no crm.company/9"),
        (9, (1,), "there is no crm.company/9"),
        (1, (3,), "crm.company/3 was merged into crm.company/2 before"),
        (4, (1,), "crm.company/4 is deleted in its system"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused(
    small: Small, survivor: int, others: tuple[int, ...], words: str
) -> None:
    put(small, 1, 2, 3)
    put(small, 4, gone=True)
    merged(small, 2, 3)
    with pytest.raises(Stopped, match=words):
        merged(small, survivor, *others)
    assert small.world.ledger.survivors(M, 0, [(1,), (2,), (3,), (4,)]) == {(3,): (2,)}


def test_five_hundred_records_are_merged_at_once(small: Small) -> None:
    put(small, *range(1, 501))
    merged(small, 1, *range(2, 501))
    small.run()
    assert len(small.pm.records("client")) == 1
    assert len(small.world.ledger.survivors(M, 0, [(number,) for number in range(1, 501)])) == 499


# What was planned before


def test_a_plan_made_before_a_merge_creates_nothing_for_the_merged_record(small: Small) -> None:
    put(small, 1, 2)
    with planned(small.world, Asked((M,), Order()), "plan") as (plan, _):
        lines = [decode(line.text) for line in plan.spool.lines()]
        merged(small, 1, 2)
        moved = drifted(small.world, plan.spool, small.world.project.mapping(M), lines)
    creates = [line for line in lines if isinstance(line, Create)]
    assert len(creates) == 2
    assert [finding.ref for finding in moved.values()] == [Ref("crm", "company", (2,))]


# Finding them


def found(small: Small, side: int = 0, min_score: float | None = None) -> Deduped:
    return dedupe(small.world, small.world.project.mapping(M), side, min_score, None)  # type: ignore[arg-type]  # 0 or 1


def test_records_that_are_alike_are_one_group_with_a_survivor_and_its_weakest_pair(small: Small) -> None:
    put(small, 2, name="Stavby Dunaj s.r.o.", web="dunaj.sk", ids={"code": None}, notes="x")
    put(small, 1, name="STAVBY DUNAJ, spol. s r. o.", web="www.dunaj.sk", ids={"code": None})
    put(small, 3, name="Mlyn Nitra", web="mlyn.sk")
    deduped = found(small)
    (group,) = deduped.found
    assert group.cluster.members == ((1,), (2,))
    assert (group.survivor.key, group.others) == ((2,), ((1,),))
    assert group.survivor.reason.startswith("the most complete")
    assert group.cluster.weakest == ((1,), (2,))
    assert {point.entry for point in group.weakest.points} == {"name", "web"}
    assert group.scores[(1,)] >= 0.93


def test_a_linked_record_survives_and_its_counterpart_speaks_for_what_the_other_side_owns(small: Small) -> None:
    put(small, 2, name="Stavby Dunaj s.r.o.", web="dunaj.sk", ids={"code": None})
    small.run()
    (key,) = small.pm.records("client")
    small.pm.put("client", {**small.pm.records("client")[key], "lead": "Eva"})
    put(small, 1, name="Stavby Dunaj", web="dunaj.sk", ids={"code": None}, notes="x", nick="S", lead="Adam")
    (group,) = found(small).found
    assert group.survivor.key == (2,)
    assert group.survivor.reason == "the only linked record"
    lead = group.golden["lead"]
    assert (lead.value, str(lead.ref), lead.rule) == ("Eva", f"pm.client/{key[0]}", "pm owns it")
    assert [(str(ref), value) for ref, value in lead.others] == [("crm.company/1", "Adam")]
    assert (group.golden["notes"].value, str(group.golden["notes"].ref)) == ("x", "crm.company/1")
    assert group.golden["name"].value == "Stavby Dunaj s.r.o."


def test_the_golden_record_of_a_merge_is_kept_with_where_it_comes_from(small: Small) -> None:
    put(small, 1, notes=None)
    put(small, 2, notes="known")
    merged(small, 1, 2)
    (row,) = small.world.ledger.merges_of(M, 0, (1,))
    assert row.golden["notes"] == {"value": "known", "from": "crm.company/2", "rule": "the only value"}
    assert row.golden["name"] == {"value": "Firm 1", "from": "crm.company/1", "rule": "the survivor's"}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("survivor", "Firm 1"),
        ("complete", "Firm 2, the long one"),
        ("newest", "Firm 3"),
        ("frequent", "Firm 3"),
        ("crm", "Firm 1"),
        ("pm", "At pm"),
        ("owner", "Firm 1"),  # crm owns the name
    ],
)
def test_every_rule_for_a_golden_value_does_what_it_says(small: Small, rule: str, value: str) -> None:
    mapping = small.world.project.mapping(M)
    assert mapping.match is not None
    ruled = replace(mapping, match=replace(mapping.match, golden=(("name", (rule, "survivor")),)))
    compiled = compile_mapping(small.world.project, ruled, {})
    names = {1: "Firm 1", 2: "Firm 2, the long one", 3: "Firm 3", 4: "firm  3"}
    members = [Said((number,), {"name": name}, {3: 9}.get(number, number)) for number, name in names.items()]
    theirs = Said((7,), {"name": "At pm"})
    for order in (members, members[::-1]):
        assert golden_of(compiled, 0, (1,), order, theirs)["name"].value == value


def test_rules_in_turn_give_the_first_value_that_there_is(small: Small) -> None:
    mapping = small.world.project.mapping(M)
    assert mapping.match is not None
    ruled = replace(mapping, match=replace(mapping.match, golden=(("default", ("pm", "newest")),)))
    compiled = compile_mapping(small.world.project, ruled, {})
    members = [Said((1,), {"notes": "old", "web": "old.sk"}, 1), Said((2,), {"notes": "new", "web": "new.sk"}, 2)]
    golden = golden_of(compiled, 0, (1,), members, Said((7,), {"notes": "", "web": "pm.sk"}))
    assert {name: each.value for name, each in golden.items()} == {"notes": "new", "web": "pm.sk"}


@pytest.mark.parametrize("by", ["id", "person"])
def test_a_contradiction_is_shown_with_its_way_and_never_resolved(small: Small, by: str) -> None:
    put(small, 1, name="Stavby Dunaj", web="dunaj.sk", ids={"code": "A"})
    put(small, 2, name="Stavby Dunaj", web="dunaj.sk", ids={"code": None})
    put(small, 3, name="Stavby Dunaj", web="dunaj.sk", ids={"code": "B" if by == "id" else None})
    if by == "person":
        with small.world.ledger.writing() as ledger:
            ledger.judge_distinct(M, 0, ((3,), (1,)), "eva", "2026-01-01")
    deduped = found(small)
    (group,) = deduped.found
    assert group.cluster.contradictory
    ((pair, why),) = group.reasons.items()
    assert pair == ((1,), (3,))
    assert why == (DIFFERS if by == "id" else JUDGED)
    assert [each.path for each in group.cluster.contradictions] == [((1,), (2,), (3,))]
    assert ask(small.world, deduped) == 2  # both links of the way, and not what cannot be
    assert {frozenset(each.keys) for each in small.world.ledger.reviews(M)} == {
        frozenset({(1,), (2,)}),
        frozenset({(2,), (3,)}),
    }


def test_duplicates_are_asked_about_once_and_never_again_when_they_are_two(small: Small) -> None:
    for number in (1, 2):
        put(small, number, name="Stavby Dunaj", web="dunaj.sk", ids={"code": None})
    assert (ask(small.world, found(small)), ask(small.world, found(small))) == (1, 0)
    (asked,) = small.world.ledger.reviews(M)
    assert (asked.kind, asked.side, set(asked.keys)) == ("duplicate", 0, {(1,), (2,)})
    give(small.world, [prepared(small.world, asked, "different", None, "eva")], "eva")
    assert found(small).found == ()
    assert ask(small.world, found(small)) == 0
    small.run()
    assert len(small.pm.records("client")) == 2


@pytest.mark.parametrize("answer", ["same", "different"])
def test_nothing_is_created_for_two_that_may_be_one_until_a_person_has_said(small: Small, answer: str) -> None:
    put(small, 1)
    small.run()
    for number in (2, 3):
        put(small, number, name="Stavby Dunaj", web="dunaj.sk", ids={"code": None})
    ask(small.world, found(small))
    for _ in range(2):
        small.run()
        assert len(small.pm.records("client")) == 1
        assert bucket(small, 2)[0] == bucket(small, 3)[0] == "held"
    (asked,) = small.world.ledger.reviews(M, "open")
    give(small.world, [prepared(small.world, asked, answer, None, "eva")], "eva")  # type: ignore[arg-type]  # it takes both
    small.run("delta")
    assert len(small.pm.records("client")) == {"same": 2, "different": 3}[answer]
    silent(small)


def test_an_answer_same_merges_and_the_next_run_respects_it(small: Small) -> None:
    for number in (1, 2):
        put(small, number, name="Stavby Dunaj", web="dunaj.sk", ids={"code": None})
    ask(small.world, found(small))
    (asked,) = small.world.ledger.reviews(M)
    give(small.world, [prepared(small.world, asked, "same", None, "eva")], "eva")
    small.run()
    assert len(small.pm.records("client")) == 1
    assert found(small).found == ()
    assert found(small).gathered.left_out == {"merged into another record": 1}
    silent(small)
    reopen(small.world, asked.n, "eva")
    small.run()
    assert small.world.ledger.survivors(M, 0, [(2,)]) == {}
    assert len(small.pm.records("client")) == 1  # it is asked again, and nothing is made meanwhile
    assert "held" in {bucket(small, 1)[0], bucket(small, 2)[0]}


def test_of_many_answers_at_once_all_are_taken_or_none(small: Small) -> None:
    put(small, 2, 3)
    small.run()
    put(small, 1)
    before = links(small)
    with small.world.ledger.writing() as ledger:
        asked = [NewDuplicate(M, 0, ((1,), (key,)), 0.9, "may be", "match dedupe", "2026-01-01") for key in (2, 3)]
        assert ledger.ask_duplicates(asked) == 2
    answers = [prepared(small.world, each, "same", None, "eva") for each in small.world.ledger.reviews(M)]
    with pytest.raises(Stopped, match=r"both are linked: crm.company/1 with pm.client/\d+, crm.company/3 with pm"):
        give(small.world, answers, "eva")  # the first one gives company 1 a counterpart
    assert links(small) == before
    assert len(small.world.ledger.reviews(M)) == 2


def test_the_order_of_reading_changes_nothing() -> None:
    small, told = Small("memory"), []
    for number in (1, 2, 3, 4):
        put(small, number, name=f"Stavby Dunaj {'s.r.o.' * (number % 2)}", web="dunaj.sk", ids={"code": None})
    for order in ((1, 2, 3, 4), (4, 2, 3, 1)):
        small.crm.shuffle("company", [(number,) for number in order])  # type: ignore[attr-defined]  # it is in memory
        (group,) = found(small).found
        told.append((group.cluster, group.survivor, group.scores, group.golden, group.questions))
    small.close()
    assert told[0] == told[1]


def test_an_empty_side_has_no_duplicates(small: Small) -> None:
    deduped = found(small)
    assert (deduped.found, deduped.total, deduped.compared) == ((), 0, 0)


def test_a_cluster_of_five_hundred_is_told_as_one(small: Small) -> None:
    put(small, *range(1, 500), name="Stavby Dunaj", web="dunaj.sk", ids={"code": None})
    put(small, 500, name="Stavby Dunay", web="dunaj.sk", ids={"code": None})
    deduped = found(small)
    assert [(len(group.cluster.members), group.cluster.cohesion > 0.9) for group in deduped.found] == [(500, True)]
    assert ask(small.world, deduped) == 499


def test_a_mapping_without_a_rule_is_told_so(small: Small) -> None:
    mapping = replace(small.world.project.mapping(M), match=None)
    with pytest.raises(Stopped, match="company-client has no rule for matching"):
        dedupe(small.world, mapping, 0, None, None)
