"""A process that is ready to fork runs and commands, which die where they are told to (see `dying`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Forge:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.run.dying"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, folder: Path, point: int = -1) -> int:
        """The exit code, or -9 where it was killed."""
        return self._ask(folder=str(folder), point=point)

    def do(self, folder: Path, *words: str, **how: Any) -> int:
        """A command; the exit code, or -9 where it was killed."""
        return self._ask(folder=str(folder), words=words, **how)

    def _ask(self, **asked: Any) -> int:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(asked)}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()
