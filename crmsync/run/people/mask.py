"""Which values of records may be shown? The one place that knows what people must not see by accident."""

from __future__ import annotations

from dataclasses import dataclass, field

from crmsync.core.contract import Checker
from crmsync.core.contract.violation import Place
from crmsync.core.expression import Path, reads
from crmsync.core.mapping import expressions, private_paths
from crmsync.core.model import ABSENT, SIDES, Contract, Field, Json, Mapping, Project

MASKED = "***"


@dataclass
class Mask:
    """Hides what a contract marks x-pii, unless `show`. What a project does not know any more is hidden too."""

    project: Project
    show: bool = False
    _checkers: dict[str, Checker] = field(default_factory=dict)

    def hides(self, mapping: str, name: str) -> bool:
        """Is this field of a mapping about a person, on either side?"""
        if self.show:
            return False
        declared = next((each for each in self.project.mappings if each.name == mapping), None)
        found = next((each for each in declared.fields if each.name == name), None) if declared else None
        return declared is None or found is None or self._is_pii(declared, found)

    def value(self, mapping: str, name: str, value: Json) -> Json:
        """The value of a field, or the mask. That there is nothing may be said."""
        return MASKED if value is not None and value is not ABSENT and self.hides(mapping, name) else value

    def record(self, contract: Contract, data: Json) -> Json:
        """A whole record, or a flat one by plain paths, with the masked values in their places."""
        return data if self.show else self._masked(contract, data, ())

    def _is_pii(self, mapping: Mapping, found: Field) -> bool:
        return any(
            self._checker(mapping.ends[side].contract).touches_pii(path)
            for side in SIDES
            for text in expressions(found, side)
            for path in reads(text)
        )

    def _masked(self, contract: Contract, data: Json, path: Place) -> Json:
        checker = self._checker(contract)
        if path and data is not None and checker.pii(path):
            return MASKED
        if isinstance(data, dict):
            return {key: self._masked(contract, value, (*path, *key.split("."))) for key, value in data.items()}
        if isinstance(data, list):
            return [self._masked(contract, each, (*path, index)) for index, each in enumerate(data)]
        return MASKED if data is not None and path and _may_be_private(checker, path) else data

    def _checker(self, contract: Contract) -> Checker:
        if str(contract) not in self._checkers:
            flowed = frozenset[Path]().union(
                *(
                    private_paths(self.project, mapping)[side]
                    for mapping in self.project.mappings
                    for side in SIDES
                    if mapping.ends[side].contract == contract
                )
            )
            self._checkers[str(contract)] = Checker(contract, flowed)
        return self._checkers[str(contract)]


def _may_be_private(checker: Checker, path: Place) -> bool:
    """Of a plain value that stands where the contract expects something about people, or nothing that it knows."""
    if checker.declares(path):
        return checker.touches_pii(path)
    return any(checker.touches_pii(path[:length]) for length in range(1, len(path)))
