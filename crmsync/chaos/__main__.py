"""Plays the story on the system that you name, and says what it did: `make chaos`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from crmsync.chaos.door import FAULTS
from crmsync.chaos.lab import ACCIDENTS, Broken, Lab
from crmsync.chaos.memory import stay_flat
from crmsync.chaos.play import ALL, FEWEST, Script, play
from crmsync.chaos.project import MEMORY, Spec, in_sqlite
from crmsync.chaos.promises import PROMISES
from crmsync.connectors.base import ConnectorError
from crmsync.project.yaml import load_yaml

WHAT = {**FAULTS, **ACCIDENTS}


@click.command()
@click.option("--connector", type=click.Choice(["memory", "sqlite"]), multiple=True, help="A system that comes along.")
@click.option(
    "--system", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True, metavar="FILE",
    help="One system of your own, as under systems: in crmsync.yaml, with empty entities customer and initiation.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="The same seed is the same story.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--records", default=40, show_default=True, type=click.IntRange(FEWEST), help="Customers to begin with.")
@click.option("--faults", default="all", show_default=True, help="Names with commas between them, or none.")
@click.option("--memory", is_flag=True, help="Only promise 13: does a run need the same memory for more records?")
def main(
    connector: Sequence[str], system: Sequence[Path], seed: int, rounds: int, records: int, faults: str, memory: bool
) -> None:
    """Does a connector, and crmsync on it, keep the promises under faults?

    Two systems are filled, edited on both sides, and brought in step again and again, while calls fail, answers are
    lost and runs die. Exits 1 when a promise is broken, and says which.

    \b
      python -m crmsync.chaos
      python -m crmsync.chaos --connector sqlite --seed 7 --rounds 20
      python -m crmsync.chaos --system mine.yaml --faults lost-answer,killed
    """
    script = Script(seed, rounds, records, _chosen(faults))
    named: list[str | Path] = [*connector, *system]
    named = named or (["sqlite"] if memory else ["memory", "sqlite"])
    results = [_played(each, script, memory) for each in named]
    raise SystemExit(0 if all(results) else 1)


def _chosen(text: str) -> frozenset[str]:
    if text == "all":
        return ALL
    names = frozenset(text.split(",")) - {"none"}
    if names - ALL:
        raise click.UsageError(f"--faults {text}: choose among {', '.join(sorted(ALL))}")
    return names


def _played(named: str | Path, script: Script, memory: bool) -> bool:
    click.echo(f"{named}, seed {script.seed}")
    with TemporaryDirectory(prefix="crmsync-chaos-") as folder:
        try:
            system = _declared(named, Path(folder))
            lab = stay_flat(Path(folder), system, _tell) if memory else play(Path(folder), system, script, _tell)
        except Broken as error:
            click.echo(
                f"  {error}\n\nagain: --seed {script.seed} --rounds {script.rounds} --records {script.records}\n"
            )
            return False
        except ConnectorError as error:
            raise click.ClickException(f"{named} cannot be tested: {error}") from None
        _say(lab)
        return True


def _declared(named: str | Path, folder: Path) -> Spec:
    if isinstance(named, str):
        return MEMORY if named == "memory" else in_sqlite(folder / "pm.db", MEMORY)
    document, findings = load_yaml(str(named), named.read_bytes())
    systems = document.data if document and not findings else None
    if not isinstance(systems, Mapping) or len(systems) != 1:
        told = "; ".join(f"{each.message} ({each.at})" for each in findings) or "it must name one system"
        raise click.ClickException(f"{named}: {told}")
    return dict(*systems.values())


def _tell(text: str) -> None:
    click.echo(f"  {text}")


def _say(lab: Lab) -> None:
    struck: Counter[str] = Counter(lab.happened)
    for trouble in lab.trouble.values():
        struck.update(trouble.struck)
    click.echo("\n  faults")
    for name in sorted(lab.faults):
        click.echo(f"  {struck[name]:>8}  {name:<15} {WHAT[name]}")
    click.echo("\n  promises kept, so many times")
    for number, times in sorted(lab.kept.items()):
        click.echo(f"  {times:>8}  {number:>2} {PROMISES[number]}")
    click.echo("")


if __name__ == "__main__":
    main()
