"""In which order are rules tried?"""

from __future__ import annotations

from typing import Final

from crmsync.core.compat.facts import Facts
from crmsync.core.compat.proof import lists, objects, values
from crmsync.core.compat.proof.prover import Rule, is_canonical
from crmsync.core.contract.shape import ANNOTATIONS, PLACES, is_alone
from crmsync.core.model import Json, to_json

_STEPS: Final = 1_500
_SPLITS: Final = 3
_SILENT: Final = PLACES | ANNOTATIONS | {
    "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "then", "else", "minContains",
    "maxContains",
}  # fmt: skip


class Search:
    def __init__(self, root: Json) -> None:
        self.root = root
        self._open: dict[tuple[bytes, bytes], int] = {}  # pairs in question, and how deep in the value
        self._depth = 0
        self._steps = 0

    def shows(self, given: Facts, outer: Json, splits: int = _SPLITS) -> bool:
        """Whether all values of which `given` holds are valid under `outer`."""
        self._steps += 1
        if outer is True or given.is_nothing:
            return True
        if self._steps > _STEPS:
            return False
        key = (given.key, to_json(outer))
        if key in self._open:
            return self._open[key] < self._depth
        self._open[key] = self._depth
        try:
            return self._by_keywords(given, outer) or self._by_cases(given, outer, splits) or is_canonical(given, outer)
        finally:
            del self._open[key]

    def shows_inside(self, given: Facts, outer: Json) -> bool:
        """As `shows`, of a part of the value: a question that is open further out may be taken as answered."""
        self._depth += 1
        try:
            return self.shows(given, outer)
        finally:
            self._depth -= 1

    def _by_keywords(self, given: Facts, outer: Json) -> bool:
        if not isinstance(outer, dict):
            return False
        return all(
            self._keyword(given, outer, each) for each in outer if each not in _SILENT and not each.startswith("x-")
        )

    def _keyword(self, given: Facts, outer: dict[str, Json], keyword: str) -> bool:
        words = (keyword, *_WITH.get(keyword, ()))
        piece = {each: outer[each] for each in words if each in outer}
        if is_alone(piece) and keyword not in _SEES_ALL and any(_is_said(piece, part, words) for part in given.dicts):
            return True
        for kind, keywords in _OF_TYPE.items():
            if keyword in keywords and not given.may_be(kind) and not (kind == "number" and given.may_be("integer")):
                return True
        rule = _RULES.get(keyword)
        return (rule is not None and rule(self, given, outer)) or is_canonical(given, piece)

    def shows_cases(self, given: Facts, outer: Json) -> bool:
        """As `shows`, each alternative of the given for itself."""
        return self._by_cases(given, outer, 1)

    def _by_cases(self, given: Facts, outer: Json, splits: int) -> bool:
        """Where the inner value has alternatives, each for itself."""
        if splits == 0:
            return False
        for part in given.dicts:
            for keyword in ("anyOf", "oneOf"):
                if keyword in part:
                    rest = {each: value for each, value in part.items() if each != keyword}
                    cases = (given.instead(part, {"allOf": [rest, branch]}) for branch in part[keyword])
                    return all(self.shows(case, outer, splits - 1) for case in cases)
        kinds = sorted(given.types - ({"integer"} if given.may_be("number") else set()))
        return len(kinds) > 1 and all(self.shows(given.also({"type": each}), outer, splits - 1) for each in kinds)


def _is_said(piece: dict[str, Json], part: dict[str, Json], words: tuple[str, ...]) -> bool:
    """Whether a part says the same to the letter; 1 and true are not the same."""
    return to_json(piece) == to_json({each: part[each] for each in words if each in part})


_WITH: Final[dict[str, tuple[str, ...]]] = {
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
    "contains": ("minContains", "maxContains"),
    "if": ("then", "else"),
}
_SEES_ALL: Final = frozenset({"unevaluatedProperties", "unevaluatedItems"})  # what they mean depends on all beside them
_OF_TYPE: Final[dict[str, frozenset[str]]] = {
    "string": frozenset({"pattern", "maxLength", "minLength", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "array": frozenset({
        "prefixItems", "items", "uniqueItems", "contains", "minItems", "maxItems", "unevaluatedItems",
    }),
    "object": frozenset({
        "required", "dependentRequired", "dependentSchemas", "minProperties", "maxProperties", "properties",
        "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties",
    }),
}  # fmt: skip
_RULES: Final[dict[str, Rule]] = {**values.RULES, **lists.RULES, **objects.RULES}
