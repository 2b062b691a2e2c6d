"""What would a change to the project do: to its mappings, and to records that were recorded?"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from crmsync.core.change import Change, Definition, changes
from crmsync.core.mapping import Compiled
from crmsync.core.merge import same
from crmsync.core.model import ABSENT, SIDES, At, Finding, Json, Project, Raw, Ref, Side, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.trial import Outcome, outcome_of
from crmsync.project import Loaded, load_project
from crmsync.project.flags import VARIABLE
from crmsync.project.git import GitError, at_ref
from crmsync.run.rehearse.recorded import Recorded, compiled_for
from crmsync.run.world import Stopped

How: TypeAlias = Literal["added", "removed", "renamed", "changed"]
_NEEDED: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
STAND_IN: Final = "unset"  # for a variable that only a run needs
HOME: Final = "crmsync.yaml"


@dataclass(frozen=True, slots=True)
class Compared:
    """What is different of one mapping. `was`: its name in the older version, "" where it is new."""

    name: str
    how: How
    was: str
    changes: tuple[Change, ...]


def without_a_system(folder: Path, env: str | None) -> Loaded:
    """The project as its files say it, also where variables are not set that only a run needs."""
    named = {name for file in sorted(folder.glob("crmsync*.yaml")) for name in _NEEDED.findall(_text(file))}
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}  # flags are not in the files
    return load_project(folder, env, {**dict.fromkeys(named, STAND_IN), **environ})


def _text(file: Path) -> str:
    return file.read_text("utf-8", errors="replace") if file.is_file() else ""


@contextmanager
def older(folder: Path, env: str | None, ref: str) -> Iterator[Loaded]:
    """The project as it was at a git ref. Raises `Stopped` (exit 2) where it cannot be read."""
    try:
        with at_ref(folder, ref) as then:
            yield _readable(without_a_system(then, env), then, folder, ref)
    except GitError as error:
        raise Stopped(2, error.finding) from None


def _readable(loaded: Loaded, then: Path, folder: Path, ref: str) -> Loaded:
    """What was wrong with it by today's checks does not keep it from being compared, as long as it can be read."""
    errors = [each for each in loaded.findings if each.severity == "error"]
    if loaded.definitions or not (errors and any(then.iterdir())):
        return loaded
    place = str(errors[0].at).removeprefix(f"{then.as_posix()}/")
    message = f"the project cannot be read as it was at {ref}: {place}: {errors[0].message}"
    raise Stopped(
        2, Finding("change/unreadable", message, "compare with a later one", at=At((folder / HOME).as_posix()))
    )


# Mappings --------------------------------------------------------------------------------------------------------


def compared(old: Loaded, new: Loaded, select: Sequence[str], home: Path) -> tuple[Compared, ...]:
    """The mappings that differ, by name. Those that nobody selected are left out. Raises `Stopped` (exit 2) for a glob
    that no mapping has ever matched."""
    before, after = old.definitions, new.definitions
    _refuse_unknown(select, sorted({*before, *after}))
    moved = _renamed(before, after)
    found = [_changed(before[name], after[name]) for name in before.keys() & after.keys()]
    found += [_moved(before[name], after[now]) for name, now in moved.items()]
    found += [_added(after[name]) for name in after.keys() - before.keys() - set(moved.values())]
    gone = before.keys() - after.keys() - moved.keys() if new.project else ()  # else they may be too broken to be read
    found += [_removed(name, home) for name in gone]
    wanted = [each for each in found if each.changes and _is_wanted(each.name, select)]
    return tuple(sorted(wanted, key=lambda each: each.name))


def _renamed(before: Mapping[str, Definition], after: Mapping[str, Definition]) -> dict[str, str]:
    come = {each.hash: name for name, each in sorted(after.items(), reverse=True) if name not in before}
    gone = {each.hash: name for name, each in sorted(before.items(), reverse=True) if name not in after}
    return {name: come[text] for text, name in gone.items() if text in come}


def _changed(old: Definition, new: Definition) -> Compared:
    return Compared(new.name, "changed", old.name, changes(old, new))


def _moved(old: Definition, new: Definition) -> Compared:
    said = f"{old.name} is called {new.name} now: its links and all that was agreed stay under the old name"
    change = Change("change/mapping-renamed", "", said, new.place("mapping"), old.name, new.name)
    return Compared(new.name, "renamed", old.name, (change, *changes(old, new)))


def _added(new: Definition) -> Compared:
    change = Change("change/mapping-added", "", "the mapping is new", new.place("mapping"), ABSENT, new.name)
    return Compared(new.name, "added", "", (change,))


def _removed(name: str, home: Path) -> Compared:
    at = At((home / HOME).as_posix())
    change = Change("change/mapping-removed", "", "the mapping is gone: nothing keeps its records in step", at, name)
    return Compared(name, "removed", name, (change,))


def pairs(old: Loaded, new: Loaded, select: Sequence[str]) -> list[tuple[str, str]]:
    """The selected mappings that are in both versions: old and new name."""
    before, after = old.definitions, new.definitions
    both = {**{name: name for name in before.keys() & after.keys()}, **_renamed(before, after)}
    return sorted((was, now) for was, now in both.items() if _is_wanted(now, select))


def _refuse_unknown(select: Sequence[str], names: Sequence[str]) -> None:
    for glob in select:
        if not any(fnmatchcase(name, glob) for name in names):
            mend = f"choose among: {', '.join(names)}"
            raise Stopped(2, Finding("usage/no-mapping", f"no mapping is named {glob}", mend))


def _is_wanted(name: str, select: Sequence[str]) -> bool:
    return not select or any(fnmatchcase(name, glob) for glob in select)


# Records ---------------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """One record that becomes something else: what each version makes of it, field by field where they differ."""

    mapping: str
    ref: Ref
    outcomes: tuple[Outcome, Outcome]
    fields: Mapping[str, tuple[Json, Json]]


@dataclass
class Tally:
    """What became of the records of one side of a mapping. `shown`: the first that differ."""

    mapping: str
    side: str
    entity: str
    records: int = 0
    differ: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: list[Difference] = field(default_factory=list)


def tallies(
    old: Project, new: Project, found: Sequence[tuple[str, str]], recorded: Recorded, most: int
) -> Iterator[Tally]:
    """Both versions of every mapping that is in both (old and new name), over what was recorded; at most `most` records
    of each side are shown."""
    for was, name in found:
        pair = old.mapping(was), new.mapping(name)
        versions = compiled_for(old, pair[0], recorded), compiled_for(new, pair[1], recorded)
        for side in SIDES:
            before, after = (each.ends[side] for each in pair)
            if (before.system, before.entity) == (after.system, after.entity) and recorded.has(after):
                yield _tally(versions, pair[1], side, recorded, most)


def _tally(versions: tuple[Compiled, Compiled], mapping: Declared, side: Side, recorded: Recorded, most: int) -> Tally:
    end = mapping.ends[side]
    tally = Tally(mapping.name, end.name, f"{end.system}.{end.entity}")
    for key, record in recorded.records(versions[1].entities[side]):
        tally.records += 1
        raw = Raw(key, to_json(record))
        outcomes = outcome_of(versions[0], side, raw), outcome_of(versions[1], side, raw)
        fields = _differing(*outcomes)
        if not fields and outcomes[0].verdict == outcomes[1].verdict and outcomes[0].why == outcomes[1].why:
            continue
        tally.differ += 1
        tally.fields.update(fields.keys())
        if outcomes[0].verdict != outcomes[1].verdict:
            tally.verdicts[outcomes[0].verdict, outcomes[1].verdict] += 1
        if len(tally.shown) < most:
            tally.shown.append(Difference(mapping.name, versions[1].ref(side, key), outcomes, fields))
    return tally


def _differing(old: Outcome, new: Outcome) -> dict[str, tuple[Json, Json]]:
    """By field, where both versions make something of the record."""
    if not (old.fields and new.fields):
        return {}
    names = list(dict.fromkeys((*new.fields, *old.fields)))
    both = {name: (old.fields.get(name, ABSENT), new.fields.get(name, ABSENT)) for name in names}
    return {name: (was, now) for name, (was, now) in both.items() if not same(was, now)}
