"""When does what is said of a list follow?"""

from __future__ import annotations

from typing import Final

from crmsync.core.compat.facts import Facts
from crmsync.core.compat.proof.prover import Prover, Rule
from crmsync.core.model import Json


def prefix(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return all(_item(proof, given, at, each) for at, each in enumerate(outer["prefixItems"]))


def items(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    begin = len(outer.get("prefixItems", ()))
    end = max(begin, given.longest_prefix)
    return all(_item(proof, given, at, outer["items"]) for at in range(begin, end + 1))


def _item(proof: Prover, given: Facts, at: int, outer: Json) -> bool:
    return (given.most_items is not None and given.most_items <= at) or proof.shows_inside(given.item(at), outer)


def unique(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return outer["uniqueItems"] is False or True in given.said("uniqueItems") or given.most_items in (0, 1)


def least_items(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return bool(given.least_items >= outer["minItems"])


def most_items(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    return given.most_items is not None and given.most_items <= outer["maxItems"]


def contains(proof: Prover, given: Facts, outer: dict[str, Json]) -> bool:
    wanted = outer.get("minContains", 1)
    if "maxContains" in outer:
        return False
    declared = (part for part in given.dicts if "contains" in part and part.get("minContains", 1) >= wanted)
    if any(proof.shows_inside(Facts((part["contains"],), given.root), outer["contains"]) for part in declared):
        return True
    every = range(given.longest_prefix + 1)
    return wanted <= given.least_items and all(_item(proof, given, at, outer["contains"]) for at in every)


RULES: Final[dict[str, Rule]] = {
    "prefixItems": prefix, "items": items, "uniqueItems": unique, "contains": contains, "minItems": least_items,
    "maxItems": most_items,
}  # fmt: skip
