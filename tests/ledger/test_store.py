"""Does the ledger remember what it was told, and nothing else?"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.model import ABSENT, Agreed, LinkState, Mark, key_text
from crmsync.ledger.nouns import Counts, Era, LedgerUnreachable, NewLink, NewRun, RecordRow, State
from crmsync.ledger.store import Ledger
from tests.ledger.strategies import bases, keys
from tests.ledger.test_codec import letters

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
M = "account-customer"


def record(key, bucket="unchanged", *, mapping=M, side=0, raw="r", waits_for=None):
    return RecordRow(mapping, side, key, bucket, raw, "l", 1, f"{bucket} because", waits_for, "run-1")


def link(left, right, base=None, *, mapping=M, actor="crmsync", now=NOW):
    return NewLink(mapping, (left, right), base or {}, 0.95, "name 0.95", actor, "run-1", now)


def same(value):
    return Agreed((value, value))


def pages(found):
    return [each for page in found for each in page]


def write(ledger, verb, *args):
    with ledger.writing() as writer:
        return getattr(writer, verb)(*args)


# Systems, eras, cursors ------------------------------------------------------------------------------------


def test_an_instance_is_known_once_it_was_stamped_and_the_last_stamp_stands(ledger):
    assert ledger.instance("crm") is None
    write(ledger, "stamp_instance", "crm", "org-1")
    write(ledger, "stamp_instance", "crm", "org-2")

    assert ledger.instance("crm") == "org-2"


def test_an_era_begins_with_every_new_hash_and_is_incomplete_until_a_batch_ends(ledger):
    assert ledger.era(M) is None
    assert write(ledger, "begin_era", M, "h1", NOW) == 1
    write(ledger, "complete_era", M)
    assert ledger.era(M) == Era(1, "h1", True)

    assert write(ledger, "begin_era", M, "h1", LATER) == 1
    assert ledger.era(M) == Era(1, "h1", True)
    assert write(ledger, "begin_era", M, "h2", LATER) == 2
    assert ledger.era(M) == Era(2, "h2", False)


def test_a_cursor_comes_back_as_plain_json(ledger):
    value = {"modified": "2026-01-01", "key": [7, "a"], "n": Decimal("1.50")}
    assert ledger.cursor(M, 0, "account") is None
    write(ledger, "save_cursor", M, 0, "account", value)

    assert ledger.cursor(M, 0, "account") == value
    assert ledger.cursor(M, 1, "account") is None
    assert ledger.cursor(M, 0, "contact") is None


# Transactions ------------------------------------------------------------------------------------------------


def test_nothing_stays_of_a_transaction_that_fails(ledger):
    def fails():
        with ledger.writing() as writer:
            writer.save_records([record(("a",))])
            writer.save_links([link(("a",), (1,))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()

    assert ledger.states(M, 0, [("a",)]) == {}
    assert ledger.live_links(M) == 0


@pytest.mark.parametrize("verb", ["save_links", "save_journal"])
def test_one_bulk_write_alone_is_committed(ledger, verb):
    with ledger.writing() as writer:
        if verb == "save_links":
            writer.save_links([link(("a",), (1,))])
        else:
            writer.save_journal("r", [(0, M, 0, '["a"]', "update", b"{}")])

    assert ledger.live_links(M) + len(pages(ledger.journal("r"))) == 1


def test_readers_see_a_transaction_only_when_it_is_over(ledger):
    with ledger.writing() as writer:
        writer.save_records([record(("a",))])
        assert ledger.states(M, 0, [("a",)]) == {}

    assert ledger.states(M, 0, [("a",)]) != {}


def test_a_failure_of_the_callers_own_database_is_not_taken_for_one_of_the_ledger(ledger):
    other = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError), ledger.writing():
        other.execute("SELECT * FROM nowhere")
    other.close()


# Records -------------------------------------------------------------------------------------------------------


def test_the_last_verdict_on_a_record_stands(ledger):
    write(ledger, "save_records", [record(("a",), "held"), record(("a",), "applied", raw="r2")])

    assert ledger.states(M, 0, [("a",), ("b",)]) == {
        ("a",): State("applied", "r2", "l", 1, "applied because", None, None)
    }
    write(ledger, "save_records", [record(("a",), "unchanged", raw="r3")])
    assert ledger.states(M, 0, [("a",)])[("a",)].raw == "r3"


def test_only_settled_records_keep_a_fingerprint(ledger):
    rows = [
        record((bucket,), bucket)
        for bucket in ("unchanged", "applied", "out_of_scope", "held", "waiting", "rejected", "failed")
    ]
    write(ledger, "save_records", rows)

    states = ledger.states(M, 0, [row.key for row in rows])

    assert {key[0] for key, state in states.items() if state.raw or state.lifted} == {
        "unchanged",
        "applied",
        "out_of_scope",
    }
    assert {key[0] for key in pages(ledger.unsettled(M, 0))} == {"held", "waiting", "rejected", "failed"}


def test_a_key_of_text_is_not_the_key_of_the_number(ledger):
    write(ledger, "save_records", [record((42,), "applied"), record(("42",), "held"), record(("042",), "rejected")])

    found = ledger.states(M, 0, [(42,), ("42",), ("042",), (42, 1)])

    assert [(key, state.bucket) for key, state in sorted(found.items(), key=str)] == [
        (("042",), "rejected"), (("42",), "held"), ((42,), "applied"),
    ]  # fmt: skip


def test_sides_and_mappings_are_told_apart(ledger):
    write(
        ledger, "save_records", [record(("a",)), record(("a",), "held", side=1), record(("a",), "failed", mapping="x")]
    )

    assert ledger.states(M, 0, [("a",)])[("a",)].bucket == "unchanged"
    assert ledger.states(M, 1, [("a",)])[("a",)].bucket == "held"
    assert pages(ledger.unsettled(M, 0)) == []
    assert pages(ledger.unsettled("x", 0)) == [("a",)]


def test_a_record_that_is_only_known_by_its_link_has_a_partner_but_no_bucket(ledger):
    write(ledger, "save_links", [link(("a",), (1,))])

    assert ledger.states(M, 0, [("a",)]) == {("a",): State(None, None, None, 0, "", None, (1,))}
    assert ledger.states(M, 1, [(1,)])[(1,)].partner == ("a",)


def test_the_partner_of_a_record_is_there_while_its_link_is_not_gone(ledger):
    write(ledger, "save_records", [record(("a",))])
    write(ledger, "save_links", [link(("a",), (1,))])
    states: list[tuple[LinkState, object]] = [("live", (1,)), ("missing", (1,)), ("gone", None)]
    for state, partner in states:
        write(ledger, "save_marks", [Mark(M, (("a",), (1,)), state, (0, 1))])

        assert ledger.states(M, 0, [("a",)])[("a",)].partner == partner


def test_a_record_that_waits_is_found_by_what_it_waits_for_whatever_its_bucket(ledger):
    write(
        ledger, "save_records",
        [
            record(("a",), "waiting", waits_for="p1"), record(("b",), "out_of_scope", waits_for="p2"),
            record(("c",), "waiting", waits_for="p3"), record(("d",)), record(("B",), "waiting", waits_for="p1"),
        ],
    )  # fmt: skip

    assert ledger.waiting_for(M, 0, ["p1", "p2"]) == [("B",), ("a",), ("b",)]
    assert ledger.waiting_for(M, 0, []) == []
    assert ledger.waiting_for(M, 1, ["p1"]) == []


def test_a_record_that_is_dropped_is_not_revisited(ledger):
    write(ledger, "save_records", [record(("a",), "failed"), record(("b",), "failed")])
    write(ledger, "drop_records", M, 0, [("a",)])

    assert pages(ledger.unsettled(M, 0)) == [("b",)]
    assert ledger.states(M, 0, [("a",)]) == {}


def test_more_records_than_a_page_come_back_once_each_and_sorted_by_their_text(ledger):
    count = 12_345
    write(ledger, "save_records", (record((i,), "held") for i in range(count)))

    found = list(ledger.unsettled(M, 0))

    assert len(found) > 1
    texts = [key_text(key) for key in pages(found)]
    assert texts == sorted({f"[{i}]" for i in range(count)})
    assert len(ledger.states(M, 0, [(i,) for i in range(count)])) == count


@given(st.dictionaries(keys, st.sampled_from(["held", "applied"]), max_size=12))
@settings(max_examples=25)
def test_any_key_comes_back_as_it_was_in_the_order_of_its_bytes(ledger, rows):
    write(ledger, "save_records", [record(key, bucket, mapping="law") for key, bucket in rows.items()])

    assert {key: state.bucket for key, state in ledger.states("law", 0, list(rows)).items()} == rows
    held = [key_text(key) for key, bucket in rows.items() if bucket == "held"]
    assert [key_text(key) for key in pages(ledger.unsettled("law", 0))] == sorted(held, key=str.encode)
    write(ledger, "drop_records", "law", 0, list(rows))
    assert ledger.states("law", 0, list(rows)) == {}


# Links ---------------------------------------------------------------------------------------------------------


@given(bases)
@settings(max_examples=25)
def test_any_base_comes_back_to_the_letter(ledger, base):
    write(ledger, "save_links", [link(("a",), (1,), base)])

    assert letters(ledger.links(M, 0, [("a",)])[("a",)].base) == letters(base)


def test_a_link_is_found_from_both_sides(ledger):
    write(ledger, "save_links", [link(("a",), (1,), {"name": same("Acme")}), link(("b",), (2,))])

    found = ledger.links(M, 1, [(1,), (9,)])

    assert list(found) == [(1,)]
    assert found[(1,)] == ledger.links(M, 0, [("a",)])[("a",)]
    assert found[(1,)].keys == (("a",), (1,))
    assert found[(1,)].base == {"name": same("Acme")}
    assert (found[(1,)].state, found[(1,)].missing) == ("live", (0, 0))


def test_a_new_link_supersedes_the_one_that_either_record_had_and_forgets_neither(ledger):
    write(ledger, "save_links", [link(("a",), (1,)), link(("b",), (2,))])
    write(ledger, "save_links", [link(("a",), (2,), now=LATER)])

    assert ledger.links(M, 0, [("a",), ("b",)]).keys() == {("a",)}
    assert ledger.links(M, 1, [(1,), (2,)])[(2,)].keys == (("a",), (2,))
    assert ledger.live_links(M) == 1
    assert [(row.keys, row.made, row.ended) for row in ledger.links_of(M, 0, ("a",))] == [
        ((("a",), (1,)), NOW, LATER),
        ((("a",), (2,)), LATER, None),
    ]
    assert len(pages(ledger.link_rows(M))) == 1
    assert len(pages(ledger.link_rows(M, ended=True))) == 3


def test_of_links_that_contradict_in_one_batch_the_last_stands(ledger):
    write(ledger, "save_links", [link(("a",), (1,)), link(("b",), (1,)), link(("b",), (2,)), link(("c",), (3,))])

    assert {found.keys for found in ledger.links(M, 0, [("a",), ("b",), ("c",)]).values()} == {
        (("b",), (2,)),
        (("c",), (3,)),
    }


pairs = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(st.lists(st.lists(pairs, max_size=5), max_size=6))
@settings(max_examples=25)
def test_links_are_one_to_one_whatever_is_saved_in_whatever_batches(ledger, batches):
    expected: dict[int, int] = {}
    for batch in batches:
        write(ledger, "save_links", [link((left,), (right,), mapping="law") for left, right in batch])
        for left, right in batch:
            expected = {a: b for a, b in expected.items() if a != left and b != right} | {left: right}

    everyone = [(i,) for i in range(5)]
    assert {key[0]: found.keys[1][0] for key, found in ledger.links("law", 0, everyone).items()} == expected
    assert {found.keys[0][0]: key[0] for key, found in ledger.links("law", 1, everyone).items()} == expected
    assert ledger.live_links("law") == len(expected)
    write(ledger, "save_marks", [])
    write(ledger, "split", "law", [((a,), (b,)) for a, b in expected.items()], "law", NOW)


def test_the_base_of_a_field_that_was_agreed_anew_is_new_and_the_others_stay(ledger):
    write(ledger, "save_links", [link(("a",), (1,), {"name": same("Acme"), "ico": same("123")})])
    write(
        ledger, "save_bases", M,
        [((("a",), (1,)), {"name": same("Acme 2")}), ((("a",), (1,)), {"tags": Agreed(([], ABSENT))})],
    )  # fmt: skip

    assert ledger.links(M, 0, [("a",)])[("a",)].base == {
        "name": same("Acme 2"), "ico": same("123"), "tags": Agreed(([], ABSENT)),
    }  # fmt: skip


def test_a_base_for_records_whose_link_was_split_in_between_is_forgotten(ledger):
    write(ledger, "save_links", [link(("a",), (1,), {"name": same("Acme")})])

    write(ledger, "save_bases", M, [((("a",), (2,)), {"name": same("x")})])

    assert ledger.links(M, 0, [("a",)])[("a",)].base == {"name": same("Acme")}


def test_a_field_of_which_nothing_is_known_any_more_leaves_the_base(ledger):
    write(ledger, "save_links", [link(("a",), (1,), {"name": same("Acme"), "ico": same("123")})])

    write(ledger, "save_bases", M, [((("a",), (1,)), {"name": None})])

    assert ledger.links(M, 0, [("a",)])[("a",)].base == {"ico": same("123")}


def test_a_mark_counts_listings_and_is_for_the_very_pair(ledger):
    write(ledger, "save_links", [link(("a",), (1,)), link(("b",), (2,))])
    write(ledger, "save_marks", [Mark(M, (("a",), (1,)), "missing", (0, 1)), Mark(M, (("b",), (7,)), "gone", (2, 0))])

    links = ledger.links(M, 0, [("a",), ("b",)])
    assert (links[("a",)].state, links[("a",)].missing) == ("missing", (0, 1))
    assert links[("b",)].state == "live"


def test_link_keys_walk_every_link_that_is_not_gone_in_the_order_of_one_side(ledger):
    count = 11_000
    write(ledger, "save_links", (link((i,), (f"c{(i * 7919) % count}",)) for i in range(count)))
    write(ledger, "save_marks", [Mark(M, ((5,), (f"c{5 * 7919 % count}",)), "gone", (2, 0))])

    for side in (0, 1):
        texts = [key_text(found[side]) for found in pages(ledger.link_keys(M, side))]
        assert len(texts) == count - 1
        assert all(one < two for one, two in pairwise(texts))
    assert ledger.live_links(M) == count - 1


def test_a_split_pair_is_different_and_no_longer_linked(ledger):
    write(ledger, "save_links", [link(("a",), (1,)), link(("b",), (2,))])
    write(ledger, "split", M, [(("a",), (1,))], "eva", LATER)

    assert ledger.links(M, 0, [("a",)]) == {}
    assert ledger.different(M, 0, [("a",), ("b",)]) == {(("a",), (1,))}
    assert ledger.different(M, 1, [(1,)]) == {(("a",), (1,))}
    assert ledger.links_of(M, 1, (1,))[0].ended == LATER


def test_a_later_link_of_a_split_pair_ends_the_judgement(ledger):
    write(ledger, "split", M, [(("a",), (1,)), (("a",), (2,))], "eva", NOW)
    write(ledger, "save_links", [link(("a",), (1,), actor="eva")])

    assert ledger.different(M, 0, [("a",)]) == {(("a",), (2,))}


# Candidates ------------------------------------------------------------------------------------------------------


def test_a_candidate_is_found_by_any_block_that_it_shares(ledger):
    write(
        ledger, "save_candidates", M, 0,
        [(("a",), {"name": "Acme"}, ("ac", "sk")), (("b",), {"name": "Beta"}, ("be", "sk")), (("c",), {}, ())],
    )  # fmt: skip

    assert ledger.candidates(M, 0, ["ac"]) == {("a",): {"name": "Acme"}}
    assert list(ledger.candidates(M, 0, ["sk", "be", "none"])) == [("a",), ("b",)]
    assert list(ledger.candidates(M, 0, ["be", *map(str, range(1_000)), "ac"])) == [("a",), ("b",)]
    assert ledger.candidates(M, 1, ["ac"]) == {}
    assert ledger.has_candidates(M, 0)
    assert not ledger.has_candidates(M, 1)


def test_a_candidate_that_changed_leaves_its_old_blocks(ledger):
    write(ledger, "save_candidates", M, 0, [(("a",), {"name": "Acme"}, ("ac",))])
    write(ledger, "save_candidates", M, 0, [(("a",), {}, ("zz",)), (("a",), {"name": "Zeta"}, ("ze", "ze"))])

    assert ledger.candidates(M, 0, ["ac", "zz"]) == {}
    assert ledger.candidates(M, 0, ["ze"]) == {("a",): {"name": "Zeta"}}


def test_a_candidate_that_was_dropped_is_forgotten(ledger):
    write(ledger, "save_candidates", M, 0, [(("a",), {}, ("x",)), (("b",), {}, ("x",))])
    write(ledger, "drop_candidates", M, 0, [("a",)])

    assert list(ledger.candidates(M, 0, ["x"])) == [("b",)]


# Runs --------------------------------------------------------------------------------------------------------------


def begin(ledger: Ledger, run: str, now: str = NOW) -> None:
    with ledger.writing() as writer:
        writer.start_run(NewRun(run, now, "batch", "eva", "here", 7, ["acc*"]))


def test_a_run_is_unfinished_until_it_ends(ledger):
    begin(ledger, "r1")
    begin(ledger, "r2", LATER)
    assert [run.id for run in ledger.unfinished()] == ["r1", "r2"]

    write(ledger, "end_run", "r1", LATER, 3, {"read": 5})

    assert [run.id for run in ledger.unfinished()] == ["r2"]
    assert [run.id for run in ledger.runs()] == ["r2", "r1"]
    assert [run.id for run in ledger.runs(limit=1)] == ["r2"]
    ended = ledger.run("r1")
    assert ended
    assert (ended.selected, ended.exit, ended.summary, ended.ended, ended.pid) == (["acc*"], 3, {"read": 5}, LATER, 7)
    assert ledger.run("r9") is None


def test_a_journal_keeps_the_order_of_the_plan_and_tells_what_became_of_each_line(ledger):
    begin(ledger, "r1")
    count = 6_000
    write(ledger, "save_journal", "r1", ((i, M, 1, f"[{i}]", "update", b'{"n":"\xc5\xbe"}') for i in range(count)))
    write(ledger, "settle_journal", "r1", [(0, "done", "", NOW), (2, "stale", "moved\0on", LATER)])

    lines = pages(ledger.journal("r1"))

    assert [line.seq for line in lines] == list(range(count))
    assert lines[0].line == '{"n":"ž"}'.encode()
    assert [(line.status, line.message, line.at) for line in lines[:3]] == [
        ("done", "", NOW), ("pending", "", None), ("stale", "moved�on", LATER),
    ]  # fmt: skip
    assert [line.seq for line in pages(ledger.journal("r1", ["done", "stale"]))] == [0, 2]


def test_the_history_of_a_record_tells_of_its_partners_and_of_its_create_newest_last(ledger):
    begin(ledger, "r2", LATER)
    begin(ledger, "r1", NOW)
    write(ledger, "save_links", [link(("a",), (1,)), link(("b",), (2,))])
    write(
        ledger, "save_journal", "r2",
        [(0, M, 0, '["a"]', "update", b"2"), (1, M, 1, "[1]", "update", b"3"), (2, M, 1, "[2]", "update", b"no")],
    )  # fmt: skip
    write(
        ledger, "save_journal", "r1",
        [
            (0, M, 1, '["a"]', "create", b"1"),  # made from a
            (1, M, 1, '["a"]', "update", b"no"),  # another record, whose key looks like it
            (2, M, 0, '["a"]', "create", b"no"),  # made from a record of the other side
            (3, "other", 0, '["a"]', "update", b"no"),
        ],
    )  # fmt: skip

    assert [line.line for line in ledger.history_of(M, 0, ("a",))] == [b"1", b"2", b"3"]
    assert [line.line for line in ledger.history_of(M, 1, (1,))] == [b"1", b"2", b"3"]
    assert ledger.history_of(M, 0, ("z",)) == []


def test_counts_tell_of_every_mapping(ledger):
    write(ledger, "save_records", [record(("a",)), record(("b",), "held"), record((1,), "held", side=1)])
    write(ledger, "save_links", [link(("a",), (1,)), link(("a",), (1,), mapping="other")])

    assert ledger.counts() == {
        M: Counts(1, 0, 0, ({"held": 1, "unchanged": 1}, {"held": 1})),
        "other": Counts(1, 0, 0, ({}, {})),
    }


def test_a_ledger_whose_database_goes_away_says_so(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(f"sqlite:///{path}")
    ledger.database._engine.dispose()
    path.write_bytes(b"these are not the pages you are looking for" * 200)
    for more in ("-wal", "-shm"):
        path.with_name(path.name + more).unlink(missing_ok=True)

    with pytest.raises(LedgerUnreachable, match=r"ledger\.db cannot be used"):
        ledger.runs()

    ledger.close()


def test_an_excluded_record_is_known_by_its_key_and_a_forgotten_one_by_nothing_told(ledger: Ledger) -> None:
    with ledger.writing() as writer:
        writer.exclude("m", 0, [(1,), ("Žofia",)], "excluded", "eva", NOW)
        writer.exclude("m", 0, [("Žofia",)], "forgotten", "eva", NOW)
        writer.exclude("m", 0, [("Žofia",)], "excluded", "ivan", NOW)
    states = ledger.states("m", 0, [(1,), ("Žofia",), (2,)])
    assert {key: state.excluded for key, state in states.items()} == {(1,): "excluded", ("Žofia",): "forgotten"}
    assert {(each.key, each.why) for each in ledger.exclusions("m")} == {((1,), "excluded"), (None, "forgotten")}
    with ledger.writing() as writer:
        writer.include("m", 0, [(1,)], "eva", NOW)
    assert ledger.states("m", 0, [(1,)])[1,].excluded is None
    assert ledger.keyed("m", "1") == ledger.keyed("m", "1") != ledger.keyed("m1", "")


def test_what_was_erased_leaves_the_file_once_though_who_erased_it_has_died(tmp_path) -> None:
    left = tmp_path / "left"
    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as dies:
        write(dies, "look_again", "m", 0, [("Žofia",)], "new")
        write(dies, "forget", "m", 0, ("Žofia",), "eva", NOW)
        left.mkdir()
        for file in (tmp_path / "ledger.db", tmp_path / "ledger.db-wal"):
            shutil.copy(file, left)  # as it is left by a process that is killed

    with closing(Ledger.open(f"sqlite:///{left}/ledger.db")) as ledger:
        assert "Žofia".encode() in told_by(left)
        assert ledger.compact()
        once = told_by(left)
        assert "Žofia".encode() not in once
        assert ledger.compact()
        assert told_by(left) == once


def told_by(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if not file.match("*-shm"))
