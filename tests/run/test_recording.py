"""What does it cost a run that its inputs are recorded? A question to the ledger a page, and each link once."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from crmsync.core.model import from_json
from crmsync.run.rehearse.tape import file_of
from tests.run.bench import Bench
from tests.run.test_replay import Recording, replay, spec


@contextmanager
def counting(bench: Bench) -> Iterator[list[str]]:
    """Every statement that the ledger is asked in this block."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    engine = bench.world.ledger.database._engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def twins_come(bench: Bench, count: int) -> None:
    """Every record is in step, and then each is there twice."""
    firms = [{"id": n, "x": f"Firma {n} Žilina", "y": "a", "z": "a", "ico": f"{n:08}"} for n in range(1, count + 1)]
    bench.put("crm", *firms)
    bench.run()
    bench.put("crm", *({**firm, "id": 1000 + int(str(firm["id"]))} for firm in firms))


def asked_by(bench: Bench, count: int) -> int:
    with bench:
        twins_come(bench, count)
        with counting(bench) as asked:
            bench.run()
        return len(asked)


def recorded(bench: Recording, run: str, table: str) -> list[Any]:
    """The rows of a table of the ledger in what a run has recorded."""
    file = file_of(str(bench.root), run)
    lines = [from_json(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    return [line[2] for line in lines if line[:2] == ["row", table]]


def test_what_is_recorded_of_twins_is_asked_for_by_the_page() -> None:
    more = [asked_by(Recording(spec()), count) - asked_by(Bench(spec()), count) for count in (10, 60)]

    assert more[0] == more[1]
    assert more[0] < 30


def test_a_link_that_a_plan_asks_for_from_both_ends_is_recorded_once() -> None:
    with Recording(spec()) as bench:
        twins_come(bench, 40)
        for n in range(1, 31):
            bench.edit("crm", n, y="b")
        report = bench.run()
        links = Counter(row[0] for row in recorded(bench, report.run, "crmsync_link"))
        assert len(links) == 40
        assert set(links.values()) == {1}
        assert replay(bench, report.run)[0] == report.digest


def test_a_candidate_that_is_asked_for_as_a_counterpart_and_as_a_rival_is_recorded_once() -> None:
    with Recording(spec(create=None)) as bench:
        bench.put("crm", *({"id": n, "x": f"Firma {n} Žilina", "ico": f"{n:08}"} for n in range(1, 31)))
        bench.put("pm", {"id": 900, "x": "Nikto", "ico": "99999999"})
        bench.run()
        bench.put("pm", *({"id": 100 + n, "x": f"Firma {n} Žilina", "ico": f"{n:08}"} for n in range(1, 11)))
        report = bench.run("delta")
        candidates = Counter(row[2] for row in recorded(bench, report.run, "crmsync_candidate"))
        assert {f"[{n}]" for n in range(1, 11)} <= candidates.keys()
        assert set(candidates.values()) == {1}
        assert replay(bench, report.run)[0] == report.digest
