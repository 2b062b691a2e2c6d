"""What does crmsync do, from an empty ledger to an explained change?

    python examples/demo/demo.py [FOLDER]      (default .demo)

tells it in eight steps. Every command is shown before it runs; one that ends with another code than the story expects
stops it, and so `make demo` is a test as well.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
SOME_HELD: Final = (0, 3)  # 3: done, but some records wait for a person or were rejected


@dataclass(frozen=True)
class Step:
    look: str  # what to look at
    command: tuple[str, ...]
    expect: tuple[int, ...] = (0,)


def steps(folder: str) -> Iterator[Step]:
    """The story; the last steps name records that only the world built by the first one knows."""
    crmsync = ("crmsync", "-C", folder)
    yield Step("A CRM of 2,000 accounts and a project tool partly filled, with what is wrong in them and what should "
               "become of it.", ("python", str(HERE / "build.py"), folder))  # fmt: skip
    yield Step("Offline: files, contracts, types, and whether every field comes back as it went.", (*crmsync, "check"))
    yield Step("The first load. Every record ends in one bucket; exit 3, since some are held or rejected.",
               (*crmsync, "run", "--first-load"), (3,))  # fmt: skip
    yield Step("Once more: nothing has changed, so there is not one action.", (*crmsync, "run"), SOME_HELD)
    yield Step("Sales and delivery go on working.", ("python", str(HERE / "edit.py"), folder))
    yield Step("A delta reads what changed, and the last five minutes again: four edits, three records to update.",
               (*crmsync, "run", "--mode", "delta"), SOME_HELD)  # fmt: skip
    yield Step("What did it write, exactly?", (*crmsync, "history", "last"))
    for ref, field in edited(Path(folder)):
        yield Step("Why is this value what it is?", (*crmsync, "explain", ref, field))


def edited(folder: Path) -> Iterator[tuple[str, str]]:
    story = json.loads((folder / "world.json").read_text(encoding="utf-8"))["story"]
    yield story["renamed"], "name"
    yield story["revalued"], "amount"
    yield story["advanced"], "status"
    yield story["advanced"], "tags"


def perform(step: Step) -> int:
    """Shows the command, then runs it with this very Python."""
    print(f"\n# {step.look}\n$ {shlex.join(step.command)}", flush=True)
    program = [sys.executable, "-m", "crmsync"] if step.command[0] == "crmsync" else [sys.executable]
    return subprocess.run([*program, *step.command[1:]], check=False).returncode


def main(arguments: Sequence[str]) -> int:
    if len(arguments) > 1:
        print("usage: python examples/demo/demo.py [FOLDER]", file=sys.stderr)
        return 2
    folder = arguments[0] if arguments else ".demo"
    for step in steps(folder):
        code = perform(step)
        if code not in step.expect:
            expected = " or ".join(map(str, step.expect))
            print(f"\nThe story ends here: {shlex.join(step.command)} gave {code}, not {expected}", file=sys.stderr)
            return 1
    print(f"\nLook further: crmsync -C {folder} review list, dlq list, status, history")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
