"""Which values of records may be shown? The one place that knows what people must not see by accident."""

from __future__ import annotations

from dataclasses import dataclass, field

from crmsync.core.contract import Checker
from crmsync.core.expression import reads
from crmsync.core.mapping import expressions
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
            self._below(mapping.ends[side].contract, path)
            for side in SIDES
            for text in expressions(found, side)
            for path in reads(text)
        )

    def _below(self, contract: Contract, path: tuple[str, ...]) -> bool:
        """Is the place, what holds it, or anything inside of it marked?"""
        checker = self._checker(contract)
        if any(checker.pii(path[:length]) for length in range(1, len(path) + 1)):
            return True
        return _marked(checker.at_path(path))

    def _masked(self, contract: Contract, data: Json, path: tuple[str, ...]) -> Json:
        if path and data is not None and self._checker(contract).pii(path):
            return MASKED
        if isinstance(data, dict):
            return {key: self._masked(contract, value, (*path, *key.split("."))) for key, value in data.items()}
        if isinstance(data, list):
            return [self._masked(contract, each, path) for each in data]
        return data

    def _checker(self, contract: Contract) -> Checker:
        if str(contract) not in self._checkers:
            self._checkers[str(contract)] = Checker(contract)
        return self._checkers[str(contract)]


def _marked(schema: Json) -> bool:
    if isinstance(schema, dict):
        return schema.get("x-pii") is True or any(_marked(each) for each in schema.values())
    return isinstance(schema, list) and any(map(_marked, schema))
