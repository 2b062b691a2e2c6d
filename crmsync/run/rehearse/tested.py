"""Does one mapping do what it promises? Its golden cases, drawn records, and labelled pairs, without any system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crmsync.core.model import ABSENT, Finding, Json
from crmsync.core.model import Mapping as Declared
from crmsync.core.trial import EXAMPLES, Asked, Direction, Rule, try_drawn
from crmsync.project import Loaded
from crmsync.project.cases import Case, strangers
from crmsync.run.rehearse.cases import Golden, Tried, try_cases, update
from crmsync.run.rehearse.compare import without_a_system
from crmsync.run.rehearse.proof import Proof, prove
from crmsync.run.selected import chosen
from crmsync.run.world import Stopped


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `rewrite`: golden cases that end otherwise are written anew."""

    select: tuple[str, ...] = ()
    rewrite: bool = False
    seed: int = 0
    examples: int = EXAMPLES


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of one mapping showed. `rewritten`: the golden cases that were written anew."""

    mapping: Declared
    golden: Golden
    directions: tuple[Direction, ...]
    proof: Proof | None
    rewritten: tuple[Tried, ...] = ()
    not_rewritten: tuple[Finding, ...] = ()

    @property
    def cases(self) -> Sequence[Tried]:
        return tuple(self.golden.tried)

    @property
    def failed(self) -> Sequence[Tried]:
        """The golden cases that end otherwise still."""
        return tuple(each for each in self.golden.tried if not each.holds and each not in self.rewritten)

    @property
    def held(self) -> Iterator[Case]:
        """The golden cases that end as they should."""
        return (each.case for each in self.golden.tried if each.holds or each in self.rewritten)

    @property
    def files(self) -> Iterator[str]:
        """What was tested, by file: the golden cases and the mapping itself."""
        yield from (file.document.file for file, _ in self.golden.files)
        if self.mapping.at:
            yield self.mapping.at.file

    def findings(self) -> Iterator[Finding]:
        yield from self.golden.findings
        yield from self.not_rewritten
        told = {finding.at for finding in self.not_rewritten}
        yield from (each.finding() for each in self.failed if each.case.at not in told)
        for direction in self.directions:
            yield from direction.findings()
        if self.proof:
            yield from self.proof.findings()


def try_mappings(
    folder: Path, env: str | None, wanted: Wanted, clock: Callable[[], Callable[[], bool]]
) -> Iterator[Tested]:
    """Test mapping after mapping. `clock` starts one that tells whether there is still time. No variable has to be set,
    and no system is asked. Raises `Stopped` (exit 2) where the project has errors."""
    loaded = without_a_system(folder, env)
    if loaded.project is None:
        raise Stopped(2, *(finding for finding in loaded.findings if finding.severity == "error"))
    if unknown := strangers(loaded.tests, loaded.project):
        raise Stopped(2, *unknown)
    for mapping in chosen(loaded.project.mappings, wanted.select):
        yield _test(loaded, mapping, wanted, clock())


def _test(loaded: Loaded, mapping: Declared, wanted: Wanted, in_time: Callable[[], bool]) -> Tested:
    assert loaded.project is not None
    golden = try_cases(loaded.tests, loaded.project, loaded.definitions, mapping)
    rewritten, wrong = update(golden) if wanted.rewrite else ([], [])
    expects = [each.found if each in rewritten else each.case.expect for each in golden.tried]
    asked = Asked(wanted.seed, wanted.examples, _declared(expects), in_time)
    directions = try_drawn(loaded.project, mapping, asked) if wanted.examples else ()
    proof = prove(loaded.project, mapping) if mapping.match and mapping.match.labels else None
    return Tested(mapping, golden, directions, proof, tuple(rewritten), tuple(wrong))


def _declared(expects: Iterable[Json]) -> frozenset[Rule]:
    """The refusals that golden cases expect: somebody has looked at them."""
    expected = [expect for expect in expects if expect is not ABSENT]
    found = [finding for each in expected for finding in each.get("findings", ())]
    return frozenset(Rule(each["rule"], each.get("path", "")) for each in found)
