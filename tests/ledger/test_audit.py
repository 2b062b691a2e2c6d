"""What was done stands in the ledger, and whoever tampers with it is found, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.core.audit import Entry, Fault, Head, Row, seal
from crmsync.core.model import Hold, Json, Key, from_json
from crmsync.ledger.nouns import AuditTampered, LedgerUnreachable, NewAudit, NewLink
from crmsync.ledger.shelves import on_shelf
from crmsync.ledger.store import Ledger

NOW, LATER = "2026-11-21T20:00:00.000+00:00", "2026-11-22T08:30:00.000+00:00"
M = "account-customer"
ZOFIA: Key = ("Žofia",)


def told(key: Key = (1,), event: str = "update", run: str | None = "r1", now: str = NOW, **facts: Json) -> NewAudit:
    return NewAudit(event, M, 1, ((0, key), (1, (7,))), facts, "crmsync", run, now)


def tell(ledger: Ledger, *rows: NewAudit) -> Head:
    with ledger.writing(trace="4bf9") as writer:
        writer.audit(rows)
    return ledger.audit_head()


def rows_of(ledger: Ledger, **chosen: Any) -> list[Row]:
    return [row for page in ledger.audit(**chosen) for row in page]


def told_by(row: Row) -> Json:
    assert row.told is not None
    return from_json(row.told)


def tamper(ledger: Ledger, sql: str, **values: object) -> None:
    with ledger.database.writing() as access:
        access.run(sql, **values)


# Appending and reading -----------------------------------------------------------------------------------


def test_what_was_told_is_read_by_record_by_run_and_by_time(ledger):
    tell(ledger, told(), told(ZOFIA, run="r2"))
    head = tell(ledger, told(("042",), event="decide", run=None, now=LATER, take="same"))

    assert [row.n for row in ledger.audit_of(M, [(0, ZOFIA)])] == [2]
    assert [row.n for row in ledger.audit_of(M, [(1, (7,)), (0, ZOFIA)])] == [1, 2, 3]
    assert [row.n for row in ledger.audit_of(M, [(0, (42,))])] == []
    assert [row.n for row in ledger.audit_of("another", [(0, ZOFIA)])] == []
    assert [row.n for row in rows_of(ledger, run="r2")] == [2]
    assert [row.n for row in rows_of(ledger, since=LATER)] == [3]
    assert [row.n for row in rows_of(ledger, after=1)] == [2, 3]
    last = rows_of(ledger)[-1]
    assert (last.trace, last.actor, last.event, last.side) == ("4bf9", "crmsync", "decide", 1)
    assert told_by(last) == {"records": [[0, ["042"]], [1, [7]]], "take": "same"}
    assert ledger.verify_audit() == head == Head(3, last.hash)


def test_a_record_is_found_on_every_shelf_and_erased_from_each(ledger):
    others = [told((n,)) for n in range(5000)]
    tell(ledger, told(ZOFIA), *others, told(ZOFIA), *others, told(ZOFIA))

    assert [row.n for row in ledger.audit_of(M, [(0, ZOFIA)])] == [1, 5002, 10003]

    with ledger.writing() as writer:
        writer.erase_told(M, 0, [ZOFIA], "eva", LATER)
    erased = [row.told is None for row in ledger.audit_of(M, [(0, ZOFIA)])]
    assert erased == [True, True, True, False]


def test_a_row_that_somebody_put_in_is_found_by_its_record_whatever_its_number(ledger):
    tell(ledger, told(ZOFIA))
    names = ", ".join(Row._fields[1:])
    for n in (-(2**63), 4096, 2**40, 2**63 - 1):
        tamper(ledger, f"INSERT INTO crmsync_audit (n, {names}) SELECT :n, {names} FROM crmsync_audit WHERE n = 1", n=n)

    assert [row.n for row in ledger.audit_of(M, [(0, ZOFIA)])] == [-(2**63), 1, 4096, 2**40, 2**63 - 1]


def test_telling_costs_the_same_however_much_was_told_before(tmp_path):
    """In pages of the file that a batch of rows is written to."""

    def pages_written(first: int) -> int:
        tell(ledger, *(told((n,)) for n in range(first, first + 200)))
        with ledger.database.reading() as access:
            return int(access.rows("PRAGMA wal_checkpoint(PASSIVE)")[0][1])

    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        early = [pages_written(n) for n in range(0, 4000, 200)]
        tell(ledger, *(told((n,)) for n in range(4000, 40_000)))
        pages_written(40_000)
        late = [pages_written(n) for n in range(40_200, 44_200, 200)]

    assert sum(late) < 1.2 * sum(early)


def test_rows_about_a_record_are_looked_up_and_not_looked_for(tmp_path):
    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as ledger, ledger.database.reading() as access:
        for place in ("source", "target"):
            sql = f"EXPLAIN QUERY PLAN SELECT told FROM crmsync_audit WHERE {on_shelf(place)} = :record"
            plan = [row[-1] for row in access.rows(sql, shelves=[0, 1], record="aa")]
            assert plan[0] == f"SEARCH crmsync_audit USING INDEX crmsync_audit_{place} (<expr>=? AND {place}=?)"


def test_nobody_reads_in_public_columns_which_record_it_was(ledger):
    tell(ledger, told(ZOFIA, name="Žofia Nováková"))

    public = rows_of(ledger)[0]._replace(told=None, salt=None)

    assert "Žofia" not in str(public)
    assert "Nováková" not in str(public)


def test_what_was_rolled_back_was_never_told(ledger):
    head = tell(ledger, told())

    with suppress(ZeroDivisionError), ledger.writing() as writer:
        writer.audit([told()])
        raise ZeroDivisionError

    assert ledger.verify_audit() == ledger.audit_head() == head


def test_two_that_write_at_once_make_one_chain(ledger, ledger_url):
    def write(number: int) -> None:
        own = Ledger.open(ledger_url)
        for i in range(5):
            tell(own, *(told((number, i, each)) for each in range(3)))
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert ledger.verify_audit().n == 60


def test_what_is_told_while_somebody_verifies_is_no_fault(ledger, ledger_url):
    tell(ledger, *(told((n,)) for n in range(1500)))
    other = Ledger.open(ledger_url)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [tell(other, told((-n,))) for n in range(20)])
        found = [ledger.verify_audit() for _ in range(10)]
        writing.result()

    other.close()
    assert not [each for each in found if isinstance(each, Fault)]
    assert ledger.verify_audit().n == 1520


def test_judgements_of_people_are_told(ledger):
    pair = ((1,), (7,))
    with ledger.writing() as writer:
        writer.save_links([NewLink(M, pair, {}, 0.5, "links.csv, line 2", "eva", None, NOW)])
        writer.split(M, [pair], "eva", LATER)
        writer.ask(M, [Hold(M, pair, "conflict", "notes", ("a", "b"), ("", ""), "both changed it")], "r1", NOW)
        writer.resolve_review(1, 0, None, "ivan", LATER)

    events = [(row.event, row.actor, row.run, told_by(row)["records"]) for row in rows_of(ledger)]

    both = [[0, [1]], [1, [7]]]
    assert events == [
        ("link", "eva", None, both), ("split", "eva", None, both), ("decide", "ivan", None, both)
    ]  # fmt: skip


# Tampering -----------------------------------------------------------------------------------------------

VALUES: dict[str, Any] = dict.fromkeys(Row._fields, "forged") | {"side": 0, "erased": 2}


@pytest.mark.parametrize("column", [name for name in Row._fields if name != "n"])
def test_a_column_that_was_changed_by_hand_is_found(ledger, column):
    tell(ledger, told(), told(), told())

    tamper(ledger, f"UPDATE crmsync_audit SET {column} = :value WHERE n = 2", value=VALUES[column])

    found = ledger.verify_audit()
    assert isinstance(found, Fault)
    assert found.n == 2


@pytest.mark.parametrize("column", ["told", "salt"])
def test_half_an_erasing_is_found(ledger, column):
    tell(ledger, told(), told())

    tamper(ledger, f"UPDATE crmsync_audit SET {column} = NULL WHERE n = 1")

    assert ledger.verify_audit() == Fault(
        "audit/told", 1, "row 1 is half erased: what it told was taken out by somebody else"
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_row_that_was_deleted_is_found(ledger, n):
    tell(ledger, told(), told(), told())

    tamper(ledger, "DELETE FROM crmsync_audit WHERE n = :n", n=n)

    found = ledger.verify_audit()
    assert isinstance(found, Fault)
    assert found.n == n


def test_rows_that_changed_places_are_found(ledger):
    tell(ledger, *(told((n,)) for n in range(4)))

    for before, after in ((2, 99), (3, 2), (99, 3)):
        tamper(ledger, "UPDATE crmsync_audit SET n = :after WHERE n = :before", before=before, after=after)

    found = ledger.verify_audit()
    assert isinstance(found, Fault)
    assert (found.rule, found.n) == ("audit/changed", 2)


@pytest.mark.parametrize("n", [-3, 0, 4])
def test_a_row_that_was_put_in_is_found(ledger, n):
    tell(ledger, told(), told(), told())
    columns = ", ".join(Row._fields[1:])

    tamper(ledger, f"INSERT INTO crmsync_audit (n, {columns}) SELECT :n, {columns} FROM crmsync_audit WHERE n = 3", n=n)

    found = ledger.verify_audit()
    assert isinstance(found, Fault)
    assert found.n == n


def test_a_tail_cut_with_all_its_traces_needs_a_noted_head(ledger):
    first = tell(ledger, told(), told())
    noted = tell(ledger, told())

    tamper(ledger, "DELETE FROM crmsync_audit WHERE n = 3")
    assert isinstance(ledger.verify_audit(), Fault)
    tamper(ledger, "UPDATE crmsync_meta SET value = :head WHERE name = 'audit_head'", head=str(first))

    assert ledger.verify_audit() == first
    assert ledger.verify_audit(noted) == Fault(
        "audit/cut", 3, "the chain ends with row 2, and row 3 was noted: it was cut"
    )


def test_a_chain_written_anew_with_all_its_traces_needs_a_noted_head(ledger):
    noted = tell(ledger, told(name="true"))
    row = rows_of(ledger)[0]
    entry = (*row[1:10], '{"name":"forged","records":[]}')
    forged = next(seal(Head(), [(Entry(*entry), "ab")]))
    tamper(
        ledger, "UPDATE crmsync_audit SET told = :told, salt = 'ab', commitment = :commitment, hash = :hash",
        told=forged.told, commitment=forged.commitment, hash=forged.hash,
    )  # fmt: skip
    tamper(ledger, "UPDATE crmsync_meta SET value = :head WHERE name = 'audit_head'", head=f"1:{forged.hash}")

    assert ledger.verify_audit() == Head(1, forged.hash)
    assert ledger.verify_audit(noted) == Fault("audit/rewritten", 1, "row 1 is not the one whose hash was noted")


def test_a_head_that_cannot_be_read_stops_whoever_would_go_on_from_it(ledger):
    tell(ledger, told())

    tamper(ledger, "UPDATE crmsync_meta SET value = 'forged' WHERE name = 'audit_head'")

    with pytest.raises(AuditTampered, match="somebody has changed where the ledger says that its audit ends"):
        tell(ledger, told())
    with pytest.raises(AuditTampered):
        ledger.verify_audit()


# Erasing -------------------------------------------------------------------------------------------------


def test_a_record_that_is_forgotten_leaves_a_chain_that_holds_and_tells_nothing_of_it(ledger):
    tell(ledger, told(ZOFIA, name="Žofia"), told((2,)), told(ZOFIA, name="Žofka"))

    with ledger.writing() as writer:
        writer.erase_told(M, 0, [ZOFIA], "eva", LATER)

    assert not isinstance(ledger.verify_audit(), Fault)
    rows = rows_of(ledger)
    assert [(row.n, row.event, row.erased, row.told is None, row.salt is None) for row in rows] == [
        (1, "update", 4, True, True), (2, "update", None, False, False), (3, "update", 4, True, True),
        (4, "forget", None, False, False),
    ]  # fmt: skip
    assert told_by(rows[3]) == {"records": []}
    assert [row.n for row in ledger.audit_of(M, [(0, ZOFIA)])] == [1, 3, 4]


def test_what_is_older_than_its_time_is_erased_and_a_row_says_so(ledger):
    tell(ledger, told(), told(), told(now=LATER))

    with ledger.writing() as writer:
        assert writer.prune_told(LATER, "crmsync", LATER) == 2
        assert writer.prune_told(LATER, "crmsync", LATER) == 0

    assert not isinstance(ledger.verify_audit(), Fault)
    assert [row.erased for row in rows_of(ledger)] == [4, 4, None, None]
    assert told_by(rows_of(ledger)[3]) == {"records": [], "before": LATER, "rows": 2}


def test_what_was_pruned_is_told_for_good(ledger):
    tell(ledger, told())
    with ledger.writing() as writer:
        writer.prune_told(LATER, "crmsync", NOW)

    with ledger.writing() as writer:
        assert writer.prune_told(LATER, "crmsync", LATER) == 0

    assert told_by(rows_of(ledger)[1])["rows"] == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["tell", "forget", "prune"]), min_size=1, max_size=6))
def test_whatever_is_told_forgotten_and_pruned_the_chain_holds(ledger, deeds):
    for deed in deeds:
        with ledger.writing() as writer:
            match deed:
                case "tell":
                    writer.audit([told(ZOFIA), told((1,), now=LATER)])
                case "forget":
                    writer.erase_told(M, 0, [ZOFIA], "eva", LATER)
                case "prune":
                    writer.prune_told(LATER, "crmsync", LATER)

    assert ledger.verify_audit() == ledger.audit_head()


# Of what nobody looks at ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [-(2**63), -1, 0])
def test_a_row_that_was_put_in_before_all_others_is_found(ledger, n):
    tell(ledger, told())
    names = ", ".join(Row._fields[1:])

    tamper(ledger, f"INSERT INTO crmsync_audit (n, {names}) SELECT :n, {names} FROM crmsync_audit", n=n)

    assert ledger.verify_audit() == Fault("audit/inserted", n, f"row {n} was put in")


def test_whose_secret_was_changed_is_found_for_it_knows_nobody_again(ledger):
    tell(ledger, told(ZOFIA))
    for secret in ("00" * 32, "none"):
        tamper(ledger, "UPDATE crmsync_meta SET value = :secret WHERE name = 'secret'", secret=secret)

        found = ledger.verify_audit()

        assert isinstance(found, Fault)
        assert found.rule == "audit/secret"


@pytest.mark.parametrize("column", ["actor", "told"])
def test_a_row_that_is_no_text_any_more_is_named_and_what_stands_before_it_is_judged(tmp_path, column):
    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        tell(ledger, *(told() for _ in range(5)))
        spoilt = f"UPDATE crmsync_audit SET {column} = CAST(x'c54a2c' AS TEXT) WHERE n = 3"
        tamper(ledger, spoilt)
        assert ledger.verify_audit() == Fault("audit/changed", 3, "row 3 cannot be read: it holds what is no text")
        tamper(ledger, "UPDATE crmsync_audit SET at = '' WHERE n = 2")
        found = ledger.verify_audit()
        assert isinstance(found, Fault)
        assert found.n == 2


def test_a_text_that_cannot_be_read_is_not_told_for_it_may_be_about_people(tmp_path):
    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        tell(ledger, told())
        tamper(ledger, "UPDATE crmsync_audit SET told = CAST('Nováková' || x'c5' AS TEXT)")
        with pytest.raises(LedgerUnreachable) as raised:
            rows_of(ledger)
        assert "Nov" not in str(raised.value)
