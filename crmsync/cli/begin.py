"""How does a project begin, and is it well? init, check, doctor, schema."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings, global_flags, usage
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.project.shapes import Kind
    from crmsync.run.doctor import Checkup

STARTER: Final = Path(__file__).with_name("starter")
KINDS: Final[tuple[Kind, ...]] = ("mapping", "project", "reference", "model")
RENAMED: Final = {"gitignore": ".gitignore"}  # under its own name it would hide files of ours


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@global_flags
def init(settings: Settings, folder: Path) -> None:
    """Write a small project that works.

    Two SQLite databases, one mapping, its contracts and a reference table. Nothing that is there is overwritten.

    \b
      crmsync init shop
    """
    files = {path: folder / _target(path) for path in sorted(STARTER.rglob("*")) if path.is_file()}
    databases = {source: folder / f"{source.stem}.db" for source in files if source.suffix == ".sql"}
    kept = folder / ".gitignore"
    there = [str(path) for path in (*files.values(), *databases.values()) if path.exists() and path != kept]
    if there:
        raise usage(f"{', '.join(there)} is there already", "name another folder: crmsync init DIR")
    written = [_copy(source, target) for source, target in files.items() if not target.exists()]
    written += [_fill(source, target) for source, target in databases.items()]
    _write_schemas(folder / ".crmsync")
    if settings.json:
        render.json({"written": [str(path) for path in written], "exit": 0})
        return
    for path in written:
        render.say(f"wrote {path}")
    render.say(f"\nnext: {'' if folder == Path() else f'cd {folder} && '}crmsync check")
    render.say("then: crmsync plan, and crmsync run --first-load")


def _target(source: Path) -> Path:
    relative = source.relative_to(STARTER)
    return relative.with_name(RENAMED.get(relative.name, relative.name))


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def _fill(script: Path, target: Path) -> Path:
    with closing(sqlite3.connect(target)) as database:
        database.executescript(script.read_text("utf-8"))
    return target


def _write_schemas(folder: Path) -> None:
    """What editors complete from; the first line of every file points there."""
    from crmsync.project import schema_text

    folder.mkdir(exist_ok=True)
    for kind in KINDS:
        (folder / f"{kind}.schema.json").write_text(schema_text(kind), "utf-8")


@click.command()
@global_flags
def check(settings: Settings) -> int:
    """Check all files, offline.

    Files, contracts, types and laws: all findings at once, and nothing is connected to. Exit code 0 when there is no
    error, else 2.

    \b
      crmsync check
      crmsync check --output json
    """
    found = settings.load().findings
    errors = sum(finding.severity == "error" for finding in found)
    code = 2 if errors else 0
    if settings.json:
        render.json({"findings": [log.as_json(finding) for finding in found], "exit": code})
        return code
    for finding in found:
        render.say(log.worded(finding))
    warnings = len(found) - errors
    render.say(f"{render.count(errors, 'error')}, {render.count(warnings, 'warning')}" if found else "all is well")
    return code


@click.command()
@global_flags
def doctor(settings: Settings) -> int:
    """Ask every system whether it is well.

    Credentials, tables, columns, ledger and lock: is it all there, and what the project says? Exit code 0
    when all is well, 2 when a person has to mend something, 1 when something cannot be reached.

    \b
      crmsync doctor --env prod
    """
    from crmsync.run.doctor import examine_project
    from crmsync.run.world import Stopped

    loaded = settings.load()
    if loaded.project is None:
        raise Stopped(2, *(finding for finding in loaded.findings if finding.severity == "error"))
    with log.working(settings, "asking every system …"):
        checkups = list(examine_project(loaded.project))
    states = {checkup.state for checkup in checkups}
    code = 2 if "wrong" in states else 1 if "unreachable" in states else 0
    if settings.json:
        render.json({"checkups": [_checkup_json(each) for each in checkups], "exit": code})
        return code
    render.table(("what", "state", "detail"), [(each.name, each.state, each.detail) for each in checkups])
    for finding in (finding for each in checkups for finding in each.findings):
        render.say(log.worded(finding))
    return code


def _checkup_json(checkup: Checkup) -> Json:
    findings = [log.as_json(finding) for finding in checkup.findings]
    return {"name": checkup.name, "state": checkup.state, "detail": checkup.detail, "findings": findings}


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@global_flags
def schema(settings: Settings, kind: Kind) -> None:
    """Print the JSON Schema of a kind of file.

    For editors, which complete and check from it.

    \b
      crmsync schema mapping > .crmsync/mapping.schema.json
    """
    from crmsync.project import schema_text

    click.echo(schema_text(kind), nl=False)


COMMANDS = (init, check, doctor, schema)
