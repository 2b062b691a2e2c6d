"""A person at a keyboard, who types what a page shows and compares what comes."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer

# What is another one at every run, and the word that stands for it in a comparison.
CHANGING: Final = (
    (re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?"), "TIME"),
    (re.compile(r"\bprocess \d+ on [\w.-]+"), "process PID on HOST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "TRACE"),
    (re.compile(r"\b\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC"), "DAY"),
    (re.compile(r"~[0-9a-z]{10}\b"), "HANDLE"),
)
_EXIT: Final = re.compile(r"\s+# exit (\d+)$")
_TALK: Final = ("run started ", "run ended ", "run planned ")  # what every run says on stderr


@dataclass(frozen=True)
class Command:
    """One line behind a prompt, the exit code that it must have, and what the page shows below it."""

    line: str
    exit: int
    shown: str


def commands(text: str) -> Iterator[Command]:
    """The commands of a console block. Raises where it does not begin with a prompt."""
    first, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not first.strip(), f"no prompt before {first!r}"
    for part in parts:
        line, _, shown = part.partition("\n")
        expected = _EXIT.search(line)
        yield Command(_EXIT.sub("", line), int(expected[1]) if expected else 0, shown)


@dataclass
class Keyboard:
    """Runs lines in a folder. `crmsync` runs in this very process, for speed; so does `sqlite3`, which not every
    machine has; anything else goes to bash."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setenv("LOGNAME", "eva")

    def type(self, line: str) -> tuple[int, str]:
        """The exit code, and what was said: first the results, then what stderr had besides the talk of every run."""
        said, code = "", 0
        for words in _parts(line):
            code, more = self._do(words)
            said += more
            if code:
                break
        return code, said.replace(f"{self.folder.resolve()}/", "/srv/")

    def _do(self, words: list[str]) -> tuple[int, str]:
        target = words.pop() if len(words) > 2 and words[-2] == ">" else None
        if target:
            words.pop()
        code, said = self._run(words)
        if target:
            Path(target).write_text(said, "utf-8")
            return code, ""
        return code, said

    def _run(self, words: list[str]) -> tuple[int, str]:
        match words:
            case ["cd", folder]:
                self.monkeypatch.chdir(folder)
                return 0, ""
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self.monkeypatch.setenv(name, value)
                return 0, ""
            case ["crmsync", *rest]:
                return self._crmsync(rest)
            case ["sqlite3", file, *statements]:
                return 0, "".join(_sql(Path(file), statement) for statement in statements)
        done = subprocess.run(["bash", "-c", shlex.join(words)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def _crmsync(self, words: list[str]) -> tuple[int, str]:
        self.capsys.readouterr()
        code = answer(crmsync, words)
        said = self.capsys.readouterr()
        talk = (line for line in said.err.splitlines(keepends=True) if not line.startswith(_TALK))
        return code, said.out + "".join(talk)


def _parts(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in shlex.split(line):
        if word == "&&":
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _sql(file: Path, statement: str) -> str:
    assert file.is_file(), f"there is no database {file.resolve()}"
    with closing(sqlite3.connect(file)) as database:
        found = database.execute(statement).fetchall()
        database.commit()
    return "".join("|".join("" if cell is None else str(cell) for cell in row) + "\n" for row in found)


def same(shown: str, said: str) -> bool:
    """Is this what the page shows? Blanks count as one, and `...` alone on a line stands for any lines."""
    parts = [re.escape(line) for line in plain(shown)]
    pattern = "".join("(?:.*\n)*?" if part == re.escape("...") else f"{part}\n" for part in parts)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in plain(said))) is not None


def plain(text: str) -> list[str]:
    for changing, word in CHANGING:
        text = changing.sub(word, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
