"""Does the ledger name every record that it has ever heard of, wherever it stands, and no other?"""

from __future__ import annotations

from crmsync.core.model import Side
from crmsync.ledger.database import PAGE
from crmsync.ledger.nouns import Merge, NewDuplicate, NewMerge, RecordRow
from crmsync.ledger.store import Ledger
from tests.ledger.test_people import hold, letter, save
from tests.ledger.test_store import LATER, NOW, M, link, write


def known(ledger: Ledger, side: Side) -> set[object]:
    return {key[0] for key in ledger.known_keys(M, side)}


def row(side, key, bucket="held"):
    return RecordRow(M, side, (key,), bucket, None, None, 1, "", None, "r1")


def test_a_record_is_known_wherever_it_stands(ledger):
    write(ledger, "save_records", [row(0, "seen"), row(1, "seen there"), row(0, "lone")])
    write(ledger, "save_links", [link(("linked",), ("counterpart",)), link(("split",), ("from",))])
    write(ledger, "split", M, [(("split",), ("from",))], "eva", LATER)
    save(ledger, hold(keys=(("asked",), ("about",))), hold("name", keys=(("alone",), None)))
    write(ledger, "ask_duplicates", [NewDuplicate(M, 1, (("one",), ("two",)), 0.9, "may be one", "r1", NOW)])
    write(ledger, "save_dead", [letter(key=("dead",))])
    write(ledger, "exclude", M, 0, [("excluded",)], "excluded", "eva", NOW)
    write(ledger, "merge", Merge(NewMerge(M, 0, ("survivor",), ("merged",), {}, {}, "eva", NOW, "m", "s")))
    write(ledger, "judge_distinct", M, 0, (("first",), ("second",)), "eva", NOW)

    assert known(ledger, 0) == {
        "seen", "lone", "linked", "split", "asked", "alone", "dead", "excluded", "survivor", "merged", "first",
        "second",
    }  # fmt: skip
    assert known(ledger, 1) == {"seen there", "counterpart", "from", "about", "one", "two"}


def test_nobody_knows_a_record_that_was_forgotten_or_is_of_another_mapping(ledger):
    write(ledger, "save_records", [row(0, "eva"), row(0, "jan"), row(0, "other")._replace(mapping="other")])
    write(ledger, "forget", M, 0, ("eva",), "eva", NOW, "")

    assert known(ledger, 0) == {"jan"}


def test_more_records_than_a_page_are_all_known(ledger):
    write(ledger, "save_records", [row(0, number) for number in range(11 * PAGE)])

    assert known(ledger, 0) == set(range(11 * PAGE))


def test_a_ledger_that_is_only_temporary_has_no_handles(tmp_path, ledger):
    passing = Ledger.open(f"sqlite:///{tmp_path / 'not-there.db'}", create=False)
    try:
        assert passing.handles is None
    finally:
        passing.close()
    telling = [ledger.handles("crm", "person")(("eva",)) for _ in range(2)]
    assert telling[0] == telling[1]
