"""Which contracts are there, and is each one a JSON Schema?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, NoReturn

from crmsync.core.contract import schema_problems
from crmsync.core.model import At, Contract, Finding, Json
from crmsync.project.shapes import choose
from crmsync.project.yaml import load_yaml

_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Contracts:
    """By "crm.account@1.2.0". `lost` are the names of those of which a version could not be read: as it might be the
    one that is wanted, no other version stands in for it."""

    found: Mapping[str, Contract]
    lost: frozenset[str]
    findings: tuple[Finding, ...]


def read_contracts(folder: Path) -> Contracts:
    """The contracts under `SYSTEM/ENTITY/VERSION.json`, and what is wrong with them."""
    contracts: dict[str, Contract] = {}
    lost: set[str] = set()
    findings: list[Finding] = []
    for path in sorted(folder.rglob("*.json")):
        misplaced = _placed(folder, path)
        if misplaced is not None:
            findings.append(misplaced)
            continue
        name = ".".join(path.parent.relative_to(folder).parts)
        schema, wrong = _schema(path)
        findings += wrong
        if wrong:
            lost.add(name)
        else:
            contract = Contract(name, path.stem, schema, path.as_posix())
            contracts[str(contract)] = contract
    found = {key: contract for key, contract in contracts.items() if contract.name not in lost}
    return Contracts(found, frozenset(lost), tuple(findings))


def pick_contract(wanted: str, contracts: Mapping[str, Contract]) -> Contract | None:
    """`crm.account@1` is the newest 1.x.y."""
    name, _, version = wanted.partition("@")
    asked = tuple(map(int, version.split(".")))
    fitting = [each for each in contracts.values() if each.name == name and _order(each)[: len(asked)] == asked]
    return max(fitting, key=_order, default=None)


def missing_contract(wanted: str, contracts: Mapping[str, Contract]) -> tuple[str, str, str]:
    """Rule, message and mend for a contract that `pick_contract` did not find."""
    name, _, version = wanted.partition("@")
    versions = sorted((each for each in contracts.values() if each.name == name), key=_order)
    if versions:
        there = ", ".join(each.version for each in versions)
        return "unknown-version", f"contract {name} has no version {version}", f"there are: {there}"
    names = {each.name for each in contracts.values()}
    return "unknown-contract", f"there is no contract {name!r}", choose(name, names)


def _order(contract: Contract) -> tuple[int, ...]:
    return tuple(map(int, contract.version.split(".")))


def _placed(folder: Path, path: Path) -> Finding | None:
    at = At(path.as_posix())
    if len(path.relative_to(folder).parts) != 3:
        return Finding("contract/place", "a contract lies at SYSTEM/ENTITY/VERSION.json", "move the file", at=at)
    if not _VERSION.fullmatch(path.stem):
        message = f"{path.stem!r} is no version"
        return Finding("contract/file-name", message, "name the file like 1.2.0.json", at=at)
    return None


def _schema(path: Path) -> tuple[Json, list[Finding]]:
    file, body = path.as_posix(), path.read_bytes()
    try:
        schema = json.loads(
            body, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
        )
    except json.JSONDecodeError as error:
        at = At(file, error.lineno, error.colno)
        return None, [Finding("contract/not-json", f"not JSON: {error.msg}", "mend the text of the file", at=at)]
    except UnicodeDecodeError as error:
        return None, [Finding("contract/not-json", f"not UTF-8: {error.reason}", "save it as UTF-8", at=At(file))]
    except _Duplicate as error:
        return None, _duplicates(file, body, error.key)
    except (ValueError, RecursionError) as error:
        return None, [Finding("contract/not-json", f"not JSON: {error}", "mend the text of the file", at=At(file))]
    return schema, _against_the_standard(file, body, schema)


class _Duplicate(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _without_duplicates(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise _Duplicate(key)
        found[key] = value
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _duplicates(file: str, body: bytes, key: str) -> list[Finding]:
    """JSON is nearly YAML, so the strict YAML reader knows where both of them stand."""
    _, findings = load_yaml(file, body.replace(b"\t", b" "))
    twice = [each for each in findings if each.rule == "yaml/duplicate-key"]
    rule, mend = "contract/duplicate-key", "keep one of the two"
    if not twice:
        return [Finding(rule, f"duplicate key {key!r}", mend, at=At(file))]
    return [Finding(rule, each.message, mend, at=each.at) for each in twice]


def _against_the_standard(file: str, body: bytes, schema: Json) -> list[Finding]:
    problems = schema_problems(schema)
    if not problems:
        return []
    document, _ = load_yaml(file, body.replace(b"\t", b" "))
    return [
        Finding(
            "contract/not-a-schema",
            f"{'/'.join(map(str, each.path)) or 'the contract'} {each.message}",
            "see https://json-schema.org/draft/2020-12",
            at=document.at(*each.path) if document is not None else At(file),
        )
        for each in problems
    ]
