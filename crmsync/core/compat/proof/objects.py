"""When does what is said of an object follow?"""

from __future__ import annotations

from typing import Final

from crmsync.core.compat.facts import Facts, exactly, holds, is_empty, matches
from crmsync.core.compat.proof.prover import Prover, Rule
from crmsync.core.compat.regular import Language
from crmsync.core.contract.shape import is_alone
from crmsync.core.model import Json


def required(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return given.required >= set(outer["required"])


def dependent_required(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    needs = outer["dependentRequired"]
    return all(proof.shows(_having(given, name), {"required": needs[name]}) for name in needs)


def dependent_schemas(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    schemas = outer["dependentSchemas"]
    return all(proof.shows(_having(given, name), schemas[name]) for name in schemas)


def fewest(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return bool(max([len(given.required), *given.said("minProperties")]) >= outer["minProperties"])


def most(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    closed = (part for part in given.dicts if part.get("additionalProperties") is False)
    named = (len(part.get("properties", ())) for part in closed if not part.get("patternProperties"))
    return any(bound <= outer["maxProperties"] for bound in (*given.said("maxProperties"), *named))


def properties(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    inner = outer["properties"]
    return all(proof.shows_inside(given.property(name), inner[name]) for name in inner)


def pattern_properties(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return all(_matching(proof, given, pattern, inner) for pattern, inner in outer["patternProperties"].items())


def _matching(proof: Prover, given: Facts, pattern: str, outer: Json) -> bool:
    """What holds of all properties whose names match: of those declared, and of any other one."""
    known = [name for name in given.names if matches(pattern, name)]
    if not all(proof.shows_inside(given.property(name), outer) for name in known):
        return False
    others = Language((pattern,), tuple(map(exactly, known)))
    return any(_others_matching(proof, part, given, others, outer) for part in (*given.dicts, {})) or is_empty(others)


def _others_matching(proof: Prover, part: dict[str, Json], given: Facts, names: Language, outer: Json) -> bool:
    patterns = part.get("patternProperties", {})
    touching = [each for each in patterns if not is_empty(Language((*names.patterns, each), names.barred))]
    if not all(proof.shows_inside(Facts((patterns[each],), given.root), outer) for each in touching):
        return False
    rest = Language(names.patterns, tuple(sorted({*names.barred, *touching})))
    return _additional(proof, part, given, outer) or is_empty(rest)


def _additional(proof: Prover, part: dict[str, Json], given: Facts, outer: Json) -> bool:
    return proof.shows_inside(Facts((part.get("additionalProperties", True),), given.root), outer)


def additional(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    inner, patterns = outer["additionalProperties"], tuple(outer.get("patternProperties", ()))
    declared = outer.get("properties", {})
    known = [name for name in given.names if name not in declared and not any(matches(each, name) for each in patterns)]
    if not all(proof.shows_inside(given.property(name), inner) for name in known):
        return False
    spoken = tuple(map(exactly, sorted({*given.names, *declared})))
    others = Language((), (*patterns, *spoken))
    return any(_others_matching(proof, part, given, others, inner) for part in (*given.dicts, {})) or is_empty(others)


def names(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    wanted = outer["propertyNames"]
    if not is_alone(wanted):
        return False
    spoken = (Facts((each, {"type": "string"}), given.root) for each in (True, *given.said("propertyNames")))
    if any(proof.shows_inside(each, wanted) for each in spoken):
        return True
    return any(_closed_names(proof, part, wanted) for part in given.dicts if part.get("additionalProperties") is False)


def _closed_names(proof: Prover, part: dict[str, Json], wanted: Json) -> bool:
    patterns = ({"type": "string", "pattern": each} for each in part.get("patternProperties", ()))
    return all(holds(wanted, name) for name in part.get("properties", ())) and all(
        proof.shows_inside(Facts((each,), True), wanted) for each in patterns
    )


def _having(given: Facts, name: str) -> Facts:
    return given.also({"type": "object", "required": [name]})


RULES: Final[dict[str, Rule]] = {
    "required": required, "dependentRequired": dependent_required, "dependentSchemas": dependent_schemas,
    "minProperties": fewest, "maxProperties": most, "properties": properties, "patternProperties": pattern_properties,
    "additionalProperties": additional, "propertyNames": names,
}  # fmt: skip
