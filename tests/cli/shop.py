"""The project that `crmsync init` makes, and a person at its keyboard."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmsync.cli import crmsync
from crmsync.cli.ends import answer


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shop:
    """`do` types a command in the project's folder."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def do(self, *words: object) -> Said:
        self.capsys.readouterr()
        code = answer(crmsync, ["-C", str(self.folder), *map(str, words)])
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)

    def sql(self, system: str, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.folder / f"{system}.db")) as database:
            rows = database.execute(statement, values).fetchall()
            database.commit()
            return rows

    def customers(self) -> dict[int, tuple[Any, ...]]:
        """All that a person would see in the project tool: by id, without the time of change."""
        rows = self.sql("pm", "SELECT * FROM customers ORDER BY id")
        return {row[0]: row[1:-1] for row in rows}

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


def new_shop(folder: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    assert answer(crmsync, ["init", str(folder)]) == 0
    return Shop(folder, capsys)
