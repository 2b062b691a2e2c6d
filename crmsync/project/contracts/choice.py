"""Which contract does a mapping mean by `crm.account@1`?"""

from __future__ import annotations

from collections.abc import Mapping

from crmsync.core.compat import numbers
from crmsync.core.model import Contract
from crmsync.core.near import choose


def pick_contract(wanted: str, contracts: Mapping[str, Contract]) -> Contract | None:
    """`crm.account@1` is the newest 1.x.y."""
    name, _, version = wanted.partition("@")
    asked = tuple(map(int, version.split(".")))
    fitting = [each for each in contracts.values() if each.name == name and in_order(each)[: len(asked)] == asked]
    return max(fitting, key=in_order, default=None)


def missing_contract(wanted: str, contracts: Mapping[str, Contract]) -> tuple[str, str, str]:
    """Rule, message and mend for a contract that `pick_contract` did not find."""
    name, _, version = wanted.partition("@")
    versions = sorted((each for each in contracts.values() if each.name == name), key=in_order)
    if versions:
        there = ", ".join(each.version for each in versions)
        return "unknown-version", f"contract {name} has no version {version}", f"there are: {there}"
    names = {each.name for each in contracts.values()}
    return "unknown-contract", f"there is no contract {name!r}", choose(name, names)


def in_order(contract: Contract) -> tuple[int, int, int]:
    """Its version, to sort by."""
    return numbers(contract.version)
