"""What a run had read, planned again: the same lines with the same mapping, and what a changed one would do."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crmsync.core.model import from_json
from crmsync.core.plan import digest
from crmsync.run.rehearse.replay import Replayed, replayed
from crmsync.run.rehearse.tape import INPUTS, taped
from tests.run.bench import ENTITY, Bench, Spec, mapping, plain
from tests.run.small import Small

COLUMNS = "x TEXT, y TEXT, z TEXT, parent INTEGER, ico TEXT"
FIELDS = {**plain("x"), **plain("y", "shared"), **plain("z", "pm"), **plain("ico")}
MATCH: Spec = {"decide": ["ico"], "compare": {"x": {"as": "company", "weight": 1.0}}}
RECORD = "write record_inputs: 10 into crmsync.yaml"
on_both = pytest.mark.parametrize("kind", ["memory", "sqlite"])


class Recording(Bench):
    """A world whose project file says `record_inputs`."""

    keep = 3

    def _put(self, file: Path, content: Spec) -> None:
        more = {"record_inputs": self.keep} if file.name == "crmsync.yaml" else {}
        super()._put(file, {**content, **more})

    def __enter__(self) -> Recording:
        return self

    def recorded(self) -> list[Path]:
        return sorted((self.root / INPUTS).glob("*"))


def spec(**more: Any) -> Spec:
    said = {"create": {"pm": "always"}, "delete": {"pm": "delete"}, "match": MATCH, **more}
    return mapping(FIELDS, **{name: each for name, each in said.items() if each is not None})


def world(kind: str = "memory", **more: Any) -> Recording:
    return Recording(spec(**more), columns=COLUMNS if kind == "sqlite" else None)


def busy(bench: Bench) -> None:
    """Two systems in step, and some days of work in both."""
    bench.put("crm", *({"id": n, "x": f"Firma {n}", "y": "a", "z": "a", "ico": f"{n:08}"} for n in range(1, 21)))
    bench.put("pm", *({"id": 100 + n, "x": f"Firma {n}", "y": "a", "z": "b", "ico": f"{n:08}"} for n in range(1, 6)))
    bench.run()
    bench.resolve(0) if bench.reviews() else None
    twins = sorted(bench.records("pm"))
    for n in (2, 3, 9):
        bench.edit("crm", n, x=f"Žofia {n}")
    bench.edit("pm", twins[3][0], y="pm", z="pm", x="foreign")
    bench.edit("crm", 11, y="crm")
    bench.edit("pm", next(k[0] for k, r in bench.records("pm").items() if r["x"] == "Firma 11"), y="pm")
    bench.put("pm", {"id": 900, "x": "Nová firma", "y": "n", "z": "n", "ico": "00000900"})
    bench.put("crm", {"id": 30, "x": "Nová firma", "y": "n", "z": "n", "ico": "00000900"})
    bench.put("crm", {"id": 31, "x": "Iná firma", "y": "n", "z": "n", "ico": "00000031"})
    bench.put("crm", {"id": 32, "x": "Žofia 9", "y": "n", "z": "n"})
    bench.remove("crm", 15)


def replay(bench: Bench, run: str, most: int = 20) -> tuple[str, Replayed, list[Any]]:
    with replayed(bench.world, run, most) as (_, prepared, told):
        lines = [line.text for line in prepared.spool.lines() if line.kind != "hold"]
        return digest(lines), told, [from_json(line) for line in lines]


@on_both
@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_the_same_mapping_makes_the_same_plan_of_what_was_read(kind: str, mode: str) -> None:
    with world(kind) as bench:
        busy(bench)
        runs = [bench.run(mode) for _ in range(3)]
        assert runs[0].writes > 5
        for system in ("crm", "pm"):  # whatever becomes of the systems later
            for key in list(bench.records(system)):
                bench.remove(system, key[0])
        before = bench.everything()
        for report in runs:
            found, told, _ = replay(bench, report.run)
            assert found == report.digest
            assert set(told.counts) <= {"same", "only then"}
            assert (told.counts["only then"], told.shown) == (0, [])
        assert bench.everything() == before


def test_a_changed_mapping_shows_which_lines_are_not_as_they_were() -> None:
    with world(match=None) as bench:
        busy(bench)
        report = bench.run()
        changed = {**FIELDS, "x": {**FIELDS["x"], "to_pm": ["upper"]}}
        bench.change({**spec(match=None), "fields": changed, "delete": {"pm": "ignore"}})
        _, told, lines = replay(bench, report.run)
        assert told.counts["different"] > 0
        names = {change["after"] for line in lines if line["do"] == "update" for change in line["changes"]}
        assert "ŽOFIA 2" in names
        first = next(each for each in told.shown if each.then and each.now)
        assert first.then != first.now


def test_a_run_that_a_limit_stopped_can_be_replayed_and_has_nothing_to_be_compared_with() -> None:
    with world(limits={"create": 1}, match=None) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(5)))
        assert bench.stopped(lambda: bench.run(first_load=False))[0] == 4
        (file,) = bench.recorded()
        _, told, lines = replay(bench, file.name.removesuffix(".jsonl.gz"))
        assert (told.compared, len(lines)) == (False, 5)


def test_children_parents_and_left_alone_records_come_back_as_they_were() -> None:
    between = {side: {"entity": "part", "contract": f"{side}.part@1"} for side in ("crm", "pm")}
    fields = {"parent": {"crm": "parent", "pm": "parent", "owner": "crm", "link": "things"}, **plain("x")}
    children = {**mapping(fields, between=between, create={"pm": "always"}), "mapping": "parts"}
    entities = {name: {"thing": ENTITY, "part": ENTITY} for name in ("crm", "pm")}
    open_to_all = {"crm.part": {"type": "object"}, "pm.part": {"type": "object"}}
    parents = spec(match=None)
    with Recording(parents, children, entities=entities, schemas=open_to_all) as bench:
        bench.put("crm", *({"id": n, "x": f"secret {n}"} for n in range(1, 9)))
        bench.put("crm", *({"id": n, "parent": n, "x": "b"} for n in range(1, 9)), entity="part")
        bench.write(lambda ledger: ledger.exclude("things", 0, [(3,)], "excluded", "eva", "2026-01-01T00:00:00+00:00"))
        first = bench.run()
        for n in (1, 2):
            bench.edit("crm", n, x="new", entity="part")
        second = bench.run("delta")
        assert (first.writes, second.writes) == (14, 2)
        for report in (first, second):
            assert replay(bench, report.run)[0] == report.digest
        said = b"".join(gzip.decompress(file.read_bytes()) for file in bench.recorded())
        assert b"secret 2" in said
        assert b"secret 3" not in said


def test_the_recorded_inputs_of_the_last_runs_are_kept_for_their_owner_only() -> None:
    with world() as bench:
        bench.put("crm", {"id": 1, "x": "a"})
        runs = [bench.run().run for _ in range(5)]
        assert {file.name for file in bench.recorded()} == {f"{run}.jsonl.gz" for run in runs[-3:]}
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in bench.recorded())
        assert stat.S_IMODE((bench.root / INPUTS).stat().st_mode) == 0o700


def test_what_a_run_was_recording_when_it_was_killed_is_no_recording_and_goes_with_the_next_one() -> None:
    with world() as bench:
        bench.put("crm", {"id": 1, "x": "a"})
        whole = [bench.run().run for _ in range(3)]
        half = bench.root / INPUTS / ".20990131T000000-abcdef.jsonl.gz"
        half.write_bytes(b"half")
        assert taped(str(bench.root)) == whole
        whole.append(bench.run().run)
        assert {file.name for file in bench.recorded()} == {f"{run}.jsonl.gz" for run in whole[-3:]}


def test_nothing_is_recorded_unasked_and_a_plan_records_nothing() -> None:
    with Bench(spec()) as bench:
        run = bench.run().run
        assert not (bench.root / INPUTS).exists()
        for text in (run, "last"):
            rule, _, mend = refused(bench, text)
            assert (rule, mend) == ("replay/not-recorded", f"{RECORD}: the next runs are recorded")
    with world() as recording:
        recording.plan()
        assert recording.recorded() == []


def refused(bench: Bench, text: str) -> tuple[str, str, str]:
    code, (finding,) = bench.stopped(lambda: replay(bench, text))
    assert code == 2
    return finding.rule, finding.message, finding.mend


def test_a_run_that_there_never_was_is_answered_by_the_one_that_may_be_meant() -> None:
    with world() as bench:
        run = bench.run().run
        for slip in (run[:-1] + "x", run.upper(), run[-6:], run[9:15]):
            assert refused(bench, slip) == ("usage/no-run", f"there is no run {slip}", f"did you mean {run!r}?")
        assert refused(bench, "nope") == ("usage/no-run", "there is no run nope", "see: crmsync history")


def test_of_a_run_whose_recording_is_gone_it_is_said_why_and_which_there_are() -> None:
    with world() as bench:
        assert refused(bench, "last")[1:] == ("no run is recorded", "the next run is recorded: crmsync run")
        runs = [bench.run().run for _ in range(4)]
        rule, message, mend = refused(bench, runs[0])
        assert rule == "replay/not-recorded"
        assert "any more" in message
        assert "only the last 3 runs" in message
        assert mend == f"recorded are: {', '.join(runs[1:])}"


def test_a_run_that_applied_a_plan_file_read_nothing_to_plan_with() -> None:
    with world() as bench:
        bench.run()
        bench.put("crm", {"id": 1, "x": "a"})
        applied = bench.apply(bench.save()).run
        rule, message, mend = refused(bench, applied)
        assert (rule, mend) == ("replay/not-recorded", "replay a run that was said with crmsync run")
        assert "it applied a plan file" in message


def test_a_file_that_is_no_recording_is_refused() -> None:
    with world() as bench:
        run = bench.run().run
        (file,) = bench.recorded()
        for spoilt in (b"", b"no gzip at all", gzip.compress(b'["run",{"format":99}]\n')):
            file.write_bytes(spoilt)
            code, (finding,) = bench.stopped(lambda: replay(bench, run))
            assert (code, finding.rule) == (2, "replay/unreadable")


def test_a_mapping_that_is_gone_is_named() -> None:
    with world() as bench:
        run = bench.run().run
        (bench.root / "mappings/things.yaml").unlink()
        bench.change({**spec(), "mapping": "others"})
        code, (finding,) = bench.stopped(lambda: replay(bench, run))
        assert (code, finding.rule) == (2, "replay/no-mapping")


@on_both
def test_what_was_looked_up_and_one_record_alone_come_back_as_they_were(kind: str) -> None:
    fields = {**plain("x"), "y": {"crm": "y", "pm": "y", "owner": "crm", "to_pm": [{"lookup": LOOKUP}]}}
    spec = mapping(fields, create={"pm": "always"}, match={"decide": ["x"]})
    entities = {name: {"thing": ENTITY, "person": ENTITY} for name in ("crm", "pm")}
    with Recording(spec, entities=entities, columns=COLUMNS if kind == "sqlite" else None) as bench:
        bench.put("pm", {"id": 7, "x": "eva@example.com", "y": "Eva"}, entity="person")
        bench.put("crm", *({"id": n, "x": f"Firma {n}", "y": "eva@example.com"} for n in (1, 2)))
        bench.put("pm", {"id": 50, "x": "Firma 1", "y": "Ema"})
        runs = [bench.run(), bench.run(only="crm.thing/1")]
        bench.put("crm", {"id": 3, "x": "Firma 3", "y": "eva@example.com"})
        runs.append(bench.run(only="crm.thing/3"))
        bench.remove("pm", 7, entity="person")
        assert [replay(bench, report.run)[0] for report in runs] == [report.digest for report in runs]
        changed = {**fields["y"], "to_pm": [{"lookup": {**LOOKUP, "take": "id"}}]}
        bench.change(mapping({**fields, "y": changed}, create={"pm": "always"}, match={"decide": ["x"]}))
        code, (finding,) = bench.stopped(lambda: replay(bench, runs[0].run))
        assert (code, finding.rule) == (2, "replay/no-lookup")


LOOKUP: Spec = {"entity": "pm.person", "by": "x", "take": "y"}


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"])
def test_a_whole_world_comes_back_whatever_remembers_it(
    ledger: str, postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Tombstones, counters, sets, composite keys, twins of parents and children, two mappings."""
    world = Small("memory", postgres() if ledger == "postgres" else None)
    try:
        world.world.project = replace(world.world.project, root=tmp_path.as_posix(), record_inputs=9)
        for n in range(1, 8):
            code = {"code": str(n) if n % 2 else None}
            world.crm.put("company", {"id": n, "name": f"Závod {n}", "type": "customer", "ids": code, "visits": n})
            world.crm.put("deal", {"id": n, "company": n, "number": 1, "title": "A", "done": False})
        world.pm.put("client", {"id": 70, "title": "ZÁVOD 3", "code": "3", "phase": "planned", "notes": "theirs"})
        reports = [world.run()]
        alfa = world.crm.records("company")[(1,)]
        world.crm.put("company", {**alfa, "name": "Závod nový", "visits": 5, "tags": ["x", "y"]})
        gama = world.pm.records("client")[(70,)]
        world.pm.put("client", {**gama, "status": "won", "labels": ["z"], "notes": "edited"})
        world.crm.remove("company", (5,))
        reports += [world.run("delta"), world.run(), world.run(), world.run("delta")]
        assert sum(report.writes for report in reports) > 15
        for report in reports:
            with replayed(world.world, report.run, 5) as (_, prepared, told):
                lines = [line.text for line in prepared.spool.lines() if line.kind != "hold"]
                assert digest(lines) == report.digest
                assert told.counts["same"] == len(lines)
    finally:
        world.close()
