"""When does what is said of a value, or of a text, follow?"""

from __future__ import annotations

from typing import Final

from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.compat.facts import Facts, is_empty, types_of
from crmsync.core.compat.proof.prover import Prover, Rule
from crmsync.core.compat.regular import Language
from crmsync.core.contract.shape import is_alone, target
from crmsync.core.model import Json, to_json

_MANY: Final = 8


def reference(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    found = target(outer["$ref"], proof.root)
    return found is not None and proof.shows(given, found)


def type_(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return given.types <= types_of({"type": outer["type"]})


def all_of(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return all(proof.shows(given, each) for each in outer["allOf"])


def any_of(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    branches = _possible(proof, given, outer["anyOf"])
    alternatives = sum(map(len, (*given.said("anyOf"), *given.said("oneOf"))))
    if alternatives > _MANY:  # case by case, since the whole would be compared with each branch for long
        return proof.shows_cases(given, {"anyOf": branches})
    return any(proof.shows(given, each) for each in branches) or proof.shows_cases(given, {"anyOf": branches})


def one_of(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    branches = _possible(proof, given, outer["oneOf"])
    for at, branch in enumerate(branches):
        others = [each for other, each in enumerate(branches) if other != at]
        if proof.shows(given, branch) and all(_apart(proof, given, each) for each in others):
            return True
    return False


def _possible(proof: Prover, given: Facts, branches: list[Json]) -> list[Json]:
    """The branches that a value could fit at all, as far as a glance tells."""
    return [each for each in branches if not given.is_told_apart(Facts((each,), proof.root))]


def negation(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return _apart(proof, given, outer["not"])


def _apart(proof: Prover, given: Facts, other: Json) -> bool:
    """Whether no value fits both."""
    if not is_alone(other):
        return False
    both = given.also(other)
    if both.is_nothing or (both.types == {"string"} and is_empty(both.language())):
        return True
    try:
        return Canonical.of(both.alone).satisfiability() is Answer.NO
    except Uncanonical:
        return False


def conditional(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    condition = outer["if"]
    if not is_alone(condition):
        return False
    same = [part for part in given.dicts if "if" in part and to_json(part["if"]) == to_json(condition)]
    then = given.also(condition, *(part["then"] for part in same if "then" in part))
    other = given.also({"not": condition}, *(part["else"] for part in same if "else" in part))
    return proof.shows(then, outer.get("then", True)) and proof.shows(other, outer.get("else", True))


def pattern(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return is_empty(given.language(barred=(outer["pattern"],)))


def longest(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return is_empty(given.language(least=outer["maxLength"] + 1))


def shortest(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    language, bound = given.language(), outer["minLength"] - 1
    most = bound if language.most is None else min(bound, language.most)
    return bound < 0 or is_empty(Language(language.patterns, language.barred, language.least, most))


def format_(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return any(outer["format"] in _TAKES_TOO.get(each, ()) for each in given.said("format"))


_TAKES_TOO: Final = {  # by their RFCs: 6531, 3986, 3987
    "email": ("idn-email",), "uri": ("iri", "uri-reference", "iri-reference"), "iri": ("iri-reference",),
    "uri-reference": ("iri-reference",),
}  # fmt: skip
RULES: Final[dict[str, Rule]] = {
    "$ref": reference, "type": type_, "allOf": all_of, "anyOf": any_of, "oneOf": one_of, "not": negation,
    "if": conditional, "pattern": pattern, "format": format_, "maxLength": longest, "minLength": shortest,
}  # fmt: skip
