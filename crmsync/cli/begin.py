"""How does a project begin, and is it well? init, check, doctor, schema."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from crmsync.cli import log, render
from crmsync.cli.findings import answer_findings, finding_flags
from crmsync.cli.findings.report import from_here
from crmsync.cli.flags import Function, Settings, global_flags, usage
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.project.shapes import Kind
    from crmsync.run.doctor import Checkup

STARTER: Final = Path(__file__).with_name("starter")
KINDS: Final[tuple[Kind, ...]] = ("mapping", "project", "reference", "model", "case")
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
@finding_flags
def check(settings: Settings) -> int:
    """Check all files, offline.

    Files, contracts, types and laws: all findings at once, and nothing is connected to. Exit code 0 when there is no
    error, else 2.

    \b
      crmsync check
      crmsync check --output json
      crmsync check --output github --report sarif=crmsync.sarif --fail-on warning
    """
    loaded = settings.load()
    project = loaded.project
    mappings = [each.at.file for each in project.mappings if each.at] if project else []
    contracts = [each.file for each in project.contracts.values()] if project else []
    return answer_findings(settings, loaded.findings, checked=map(from_here, (*mappings, *contracts)))


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


def _without_long_name(function: Function) -> Function:
    return global_flags(function, folder=("-C", "project"))


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--project",
    "words_of",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="With the names of the project (in DIR) for completion: of mapping only.",
)
@_without_long_name
def schema(settings: Settings, kind: Kind, words_of: str | None) -> None:
    """Print the JSON Schema of a kind of file.

    For editors, which complete and check from it. With --project the schema of mappings offers the systems, entities,
    contracts, paths, transforms, tables and mappings that there are.

    \b
      crmsync schema mapping > .crmsync/mapping.schema.json
      crmsync schema mapping --project > .crmsync/mapping.schema.json
    """
    from crmsync.project import schema_text
    from crmsync.project.completion import project_schema

    if words_of is None:
        click.echo(schema_text(kind), nl=False)
        return
    folder = Path(words_of) if words_of else settings.project
    if kind != "mapping":
        raise usage("--project is of mapping only", f"crmsync schema {kind} prints the same for every project")
    if not (folder / "crmsync.yaml").is_file():
        raise usage(f"there is no {folder / 'crmsync.yaml'}", "name the project folder: --project DIR")
    click.echo(project_schema(folder), nl=False)


COMMANDS = (init, check, doctor, schema)
