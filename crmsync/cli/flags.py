"""Which flags do the commands share, and what do they open?

The global flags stand before or behind the command's name: `crmsync -C shop run` is `crmsync run -C shop`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import click

from crmsync.core.model import Finding, Severity
from crmsync.run.trace import trace_of

if TYPE_CHECKING:  # opening a project costs half a second: `--help` does without
    from crmsync.project import Loaded
    from crmsync.run.world import World

Function = TypeVar("Function", bound=Callable[..., Any])
Format: TypeAlias = Literal["text", "json", "csv", "junit", "sarif", "github", "gitlab"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the global flags say."""

    project: Path = Path()
    env: str | None = None
    output: Format = "text"
    log_format: Literal["text", "json"] = "text"
    reports: tuple[tuple[Format, Path], ...] = ()  # of a command that has findings: where else they are written
    fail_on: Severity = "error"  # ... and how bad one must be for exit code 2
    infos: bool = False  # ... and whether text shows those that are for information only
    trace: str = field(default_factory=lambda: trace_of(os.environ))  # what every line of the log bears
    run: str = ""  # ... and this, from when the run has begun

    @property
    def text(self) -> bool:
        return self.output == "text"

    @property
    def json(self) -> bool:
        return self.output == "json"

    @property
    def csv(self) -> bool:
        return self.output == "csv"

    def load(self) -> Loaded:
        """The project as it is today (UTC): what is deprecated until a day is an error after it."""
        from crmsync.project import load_project

        return load_project(self.project, self.env, today=datetime.now(UTC).date())

    @contextmanager
    def world(self, *, create: bool = False) -> Iterator[World]:
        """The open project. Without `create` a ledger that is not there yet is not made. Raises `Stopped` (exit 2) when
        the project has errors."""
        from crmsync.run.session import open_world

        with open_world(self.load(), create=create, trace=self.trace) as world:
            yield world


def begun(settings: Settings, run: str) -> Settings:
    """From here on all that is logged belongs to this run, also what is wrong with it."""
    now = replace(settings, run=run)
    click.get_current_context().find_root().obj = now
    return now


FORMATS = click.Choice(["text", "json"])
WITH_CSV = click.Choice(["text", "json", "csv"])
MODES = click.Choice(["batch", "delta"])


def _global(formats: click.Choice[str], folder: Sequence[str]) -> tuple[Callable[[Function], Function], ...]:
    return (
        click.option(*folder, type=click.Path(path_type=Path), metavar="DIR", help="The project folder [.]."),
        click.option("--env", metavar="NAME", help="Lay crmsync.NAME.yaml over crmsync.yaml."),
        click.option("--output", type=formats, help="How results are written on stdout [text]."),
        click.option("--log-format", type=FORMATS, help="How logs and errors are written on stderr [text]."),
    )


def global_flags(
    function: Function, formats: click.Choice[str] = FORMATS, folder: Sequence[str] = ("-C", "--project")
) -> Function:
    """Takes the global flags of a command and hands it the `Settings` that they make with those given before. `folder`:
    how the project folder is named."""

    @wraps(function)
    def command(*args: Any, project: Path | None, env: str | None, **rest: Any) -> Any:
        given = {"project": project, "env": env, "output": rest.pop("output"), "log_format": rest.pop("log_format")}
        context = click.get_current_context()
        root = context.find_root()
        before = root.obj if isinstance(root.obj, Settings) else Settings()
        root.obj = replace(before, **{name: value for name, value in given.items() if value is not None})
        return function(*args, **rest) if context is root else function(root.obj, *args, **rest)

    for option in reversed(_global(formats, folder)):
        command = option(command)
    return command  # type: ignore[return-value]  # click's decorators keep the function


def table_flags(function: Function) -> Function:
    """As `global_flags`, of a command whose results are a table: they can be written as CSV, too."""
    return global_flags(function, WITH_CSV)


select_flag = click.option(
    "-s", "--select", multiple=True, metavar="NAME", help="Only mappings of this name (may hold * and ?; repeatable)."
)
show_pii_flag = click.option(
    "--show-pii", is_flag=True, help="Show the values that a contract marks x-pii, and such keys, not their handles."
)
yes_flag = click.option("--yes", is_flag=True, help="Do not ask.")


def _one_record(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> str | None:
    if len(value) > 1:
        raise click.BadParameter("names one record, and is said once", context, option)
    return value[0] if value else None


only_flag = click.option(
    "--only", multiple=True, callback=_one_record, metavar="REF",
    help="Only this record and its counterpart, e.g. crm.account/42, or a handle: crm.person/~3kq7x2m9ab.",
)  # fmt: skip


def run_flags(function: Function) -> Function:
    """What `plan` and `run` are asked for alike."""
    for option in reversed(
        (
            select_flag,
            only_flag,
            click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N pairs of each mapping."),
            click.option("--mode", type=MODES, default="batch", show_default=True, help="All, or what has changed."),
            click.option("--first-load", is_flag=True, help="Nothing is linked yet: let creates pass limits.create."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def seconds_to_wait(context: click.Context, option: click.Parameter, value: str) -> int | None:
    """What `--if-locked` says: how long to wait for our turn; None: go quietly. `wait=300` and `wait 300` are one."""
    word, _, seconds = value.replace("=", " ").partition(" ")
    if not seconds and word in ("fail", "skip"):
        return 0 if word == "fail" else None
    if word == "wait" and seconds.isascii() and seconds.isdigit():
        return int(seconds)
    raise click.BadParameter(f"{value!r} is none of: fail, skip, wait SECONDS (such as: wait 300)", context, option)


class InTurn(click.Command):
    """A command with `--if-locked`: the word behind `wait` is always its seconds, so it may stand alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_joined(args)))


def _joined(args: list[str]) -> Iterator[str]:
    words, before = iter(args), ""
    for word in words:
        if word == "--if-locked=wait" or (before, word) == ("--if-locked", "wait"):
            word = " ".join([word, *islice(words, 1)])
        before = word
        yield word


def usage(message: str, mend: str = "") -> Exception:
    """What stops a command that was asked for something that is not there (exit 2)."""
    from crmsync.run.world import Stopped

    return Stopped(2, Finding("usage", message, mend))


def confirmed(question: str, yes: bool) -> bool:
    """Ask on a terminal; elsewhere nobody could answer, so `--yes` must have been said (exit 2)."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise usage("this needs a yes", "say --yes")
    return click.confirm(question, err=True)
