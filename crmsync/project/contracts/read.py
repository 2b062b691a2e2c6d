"""Which contracts are there, and is each one a sound JSON Schema with a sound envelope?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final, NoReturn

from crmsync.core.compat.changes import RULES, WHOLE
from crmsync.core.contract import Checker, Flaw, advice, envelope_of, envelope_problems, schema_problems
from crmsync.core.contract.pointer import steps_of
from crmsync.core.contract.shape import declared, subschemas
from crmsync.core.model import At, Contract, Envelope, Finding, Json
from crmsync.core.near import choose, closest, meant
from crmsync.project.contracts.choice import missing_contract, pick_contract
from crmsync.project.contracts.dead import dead_parts
from crmsync.project.contracts.places import Places, half_character, places_of
from crmsync.project.yaml import Where

_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_ASIDE: Final = frozenset({"contract/bad-example", "contract/envelope"})
"""What is wrong beside the schema: all that it says of records still holds."""

_SUFFIXES: Final = (".json", ".yaml", ".yml", ".json5", ".jsonc")
_RULES: Final = {
    "not-a-schema": "contract/not-a-schema",
    "reference": "contract/reference",
    "keyword": "contract/unknown-keyword",
    "format": "contract/unknown-format",
    "pattern": "contract/bad-pattern",
    "explodes": "contract/pattern-explodes",
    "unportable": "contract/pattern-not-portable",
    "unanchored": "contract/pattern-unanchored",
    "impossible": "contract/impossible",
    "example": "contract/bad-example",
    "dead-value": "contract/dead-value",
    "default": "contract/bad-default",
    "envelope": "contract/envelope",
    "envelope-word": "contract/envelope-word",
}


@dataclass(frozen=True)
class SchemaFile:
    """A file that is JSON, with the place of everything in it, which only findings ask for."""

    file: str
    text: str
    schema: Json

    @cached_property
    def places(self) -> Places:
        return places_of(self.file, self.text)

    @cached_property
    def envelope(self) -> Envelope:
        """What it says of itself, the waivers with their places; as if it said nothing where that is not sound."""
        if any(flaw.severity == "error" for flaw in envelope_problems(self.schema)):
            return Envelope()
        envelope = envelope_of(self.schema)
        placed = (replace(each, at=self.places.at("x-waivers", index)) for index, each in enumerate(envelope.waivers))
        return replace(envelope, waivers=tuple(placed))

    def finding(self, flaw: Flaw) -> Finding:
        name = "/".join(map(str, flaw.path)) or "the contract"
        message = f"{name} {flaw.message}" if flaw.kind in _NAMED else flaw.message
        return Finding(_RULES[flaw.kind], message, flaw.mend, flaw.severity, self._at(flaw))

    def _at(self, flaw: Flaw) -> At:
        if flaw.offset is not None:
            return self.places.inside(flaw.path, flaw.offset, flaw.on_key)
        return self.places.key_at(*flaw.path) if flaw.on_key else self.places.at(*flaw.path)

    def where(self, pointer: str) -> Where:
        """The way that a JSON pointer goes."""
        where: Where = ()
        for name in steps_of(pointer):
            step: str | int = int(name) if name.isdecimal() and (*where, int(name)) in self.places.values else name
            where = (*where, step)
        return where

    def pointed(self, pointer: str) -> At:
        """The place that a JSON pointer leads to, or of the nearest thing around it."""
        return self.places.key_at(*self.where(pointer))


_NAMED: Final = ("not-a-schema", "reference", "keyword", "format", "impossible", "example", "dead-value", "default")


@dataclass(frozen=True, slots=True)
class Contracts:
    """By "crm.account@1.2.0". `lost` are the names of those of which a version could not be read: as it might be the
    one that is wanted, no other version stands in for it, and none is `found`. `sound` are all that could be read, each
    with its file."""

    found: Mapping[str, Contract]
    lost: frozenset[str]
    findings: tuple[Finding, ...]
    sound: Mapping[str, tuple[Contract, SchemaFile]] = field(default_factory=dict)


def read_contracts(folder: Path) -> Contracts:
    """The contracts under `SYSTEM/ENTITY/VERSION.json`, and what is wrong with them."""
    sound: dict[str, tuple[Contract, SchemaFile]] = {}
    lost: set[str] = set()
    findings: list[Finding] = []
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES):
        misplaced = _placed(folder, path)
        if misplaced is not None:
            findings.append(misplaced)
            continue
        name = ".".join(path.parent.relative_to(folder).parts)
        file, wrong = read_schema_file(path)
        if file is not None:
            wrong = wrong + _flaws(file)
        findings += wrong
        if file is None or any(each.severity == "error" and each.rule not in _ASIDE for each in wrong):
            lost.add(name)
        else:
            contract = Contract(name, path.stem, file.schema, path.as_posix(), file.envelope)
            sound[str(contract)] = contract, file
    found = {key: contract for key, (contract, _) in sound.items() if contract.name not in lost}
    for key, contract in found.items():
        findings += _unknown_successor(contract, sound[key][1], found, lost)
    return Contracts(found, frozenset(lost), tuple(findings), sound)


def read_schema_file(path: Path) -> tuple[SchemaFile | None, list[Finding]]:
    """The file as JSON with its places, or what keeps it from being that."""
    read = _read_json(path)
    if isinstance(read, Finding):
        return None, [read]
    text, schema, is_clear = read
    file = SchemaFile(path.as_posix(), text, schema)
    twice = [
        Finding(
            "contract/duplicate-key",
            f"duplicate key {key!r}, first at {first.line}:{first.column}",
            "keep one of the two",
            at=at,
        )
        for key, at, first in (() if is_clear else file.places.twice)
    ]
    return (None if twice else file), twice


def _read_json(path: Path) -> tuple[str, Json, bool] | Finding:
    """The text, what it says, and whether no object in it has a key twice."""
    file, repeats = path.as_posix(), list[str]()

    def made(pairs: list[tuple[str, Json]]) -> Json:
        found = dict(pairs)
        repeats.extend(found if len(found) < len(pairs) else ())
        return found

    try:
        text = path.read_bytes().decode()
        schema = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=made)
    except OSError as error:
        return Finding("project/unreadable", f"the file cannot be read: {error.strerror}", at=At(file))
    except UnicodeDecodeError as error:
        return Finding("contract/not-json", f"not UTF-8: {error.reason}", "save it as UTF-8", at=At(file))
    except RecursionError:
        message = "not JSON that can be read: it is nested too deeply"
        return Finding("contract/not-json", message, "move inner schemas into $defs", at=At(file))
    except ValueError as error:
        return _not_json(file, error)
    half = half_character(file, text)
    if half is not None:
        message = f"not JSON that can be written: {half[0]} is half of a character"
        return Finding("contract/not-json", message, "write both halves, or the character itself", at=half[1])
    return text, schema, not repeats


def _not_json(file: str, error: ValueError) -> Finding:
    if not isinstance(error, json.JSONDecodeError):
        return Finding("contract/not-json", f"not JSON: {error}", "mend the text of the file", at=At(file))
    at = At(file, error.lineno, error.colno)
    if error.doc.startswith(_MARK):
        mend = "save it as UTF-8 without a byte order mark"
        return Finding("contract/not-json", "not JSON: it begins with a byte order mark", mend, at=at)
    return Finding("contract/not-json", f"not JSON: {error.msg}", "mend the text of the file", at=at)


_MARK: Final = "\ufeff"


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _placed(folder: Path, path: Path) -> Finding | None:
    at = At(path.as_posix())
    if len(path.relative_to(folder).parts) != 3:
        return Finding("contract/place", "a contract lies at SYSTEM/ENTITY/VERSION.json", "move the file", at=at)
    if path.suffix != ".json":
        message = f"{path.name} is not read: a contract is JSON"
        return Finding("contract/file-name", message, f"write it as JSON, into {path.stem}.json", at=at)
    if not _VERSION.fullmatch(path.stem):
        message = f"{path.stem!r} is no version"
        return Finding("contract/file-name", message, "name the file like 1.2.0.json", at=at)
    return None


def _flaws(file: SchemaFile) -> list[Finding]:
    """What is wrong with the schema, and where that is sound, with its envelope and its regular expressions."""
    try:
        wrong = schema_problems(file.schema)
        flaws = [*wrong, *envelope_problems(file.schema)]
        flaws += [] if wrong else [each for each in advice(file.schema) if each.severity != "info"]
    except RecursionError:
        message = "the schemas in it stand too deep in each other"
        return [Finding("contract/not-a-schema", message, "move inner ones into $defs", at=At(file.file))]
    dead = [] if any(flaw.severity == "error" for flaw in flaws) else dead_parts(file.schema)
    found = [file.finding(flaw) for flaw in flaws] + [_nothing_fits(file, where, words) for where, words in dead]
    return found + list(_unknown_waived(file))


def _unknown_waived(file: SchemaFile) -> Iterator[Finding]:
    """A waiver of a rule that there is not waives nothing."""
    known = {rule.removeprefix(_ROOM): rule for rule in sorted({*RULES, *WHOLE.values()})}
    for index, waiver in enumerate(file.envelope.waivers):
        if waiver.rule not in known.values():
            near = closest(waiver.rule.removeprefix(_ROOM), known, 0.7)
            mend = meant(near and known[near], "write it as crmsync contract diff says it")
            at = file.places.at("x-waivers", index, "rule")
            yield Finding("contract/envelope", f"no change is called {waiver.rule}", mend, at=at)


_ROOM: Final = "contract/"


def _nothing_fits(file: SchemaFile, where: Where, words: str) -> Finding:
    message = f"no value fits {'/'.join(map(str, where)) or 'the contract'}: {words}"
    return Finding("contract/unsatisfiable", message, "mend what contradicts the rest", at=file.places.at(*where))


def _unknown_successor(
    contract: Contract, file: SchemaFile, found: Mapping[str, Contract], lost: set[str]
) -> Iterator[Finding]:
    """What is named to be read instead is there: of the contract, and of its fields."""
    wanted = contract.envelope.replaced_by
    successor = pick_contract(wanted, found) if wanted else None
    if successor is contract:
        message = f"x-replaced-by: {wanted} is {contract} itself"
        at = file.places.at("x-replaced-by")
        yield Finding("contract/unknown-replacement", message, "name what is to be read instead", at=at)
    if wanted and wanted.partition("@")[0] not in lost and successor is None:
        _, message, mend = missing_contract(wanted, found)
        at = file.places.at("x-replaced-by")
        yield Finding("contract/unknown-replacement", f"x-replaced-by: {message}", mend, at=at)
    for place, schema in subschemas(contract.schema):
        path = schema.get("x-replaced-by") if place and isinstance(schema, dict) else None
        names = tuple(path.removesuffix("[]").split(".")) if path else ()
        if path and "[]" not in ".".join(names) and not declared(names, contract.schema):
            message = f"x-replaced-by: {contract} does not declare {path!r}"
            mend = choose(names[0], Checker(contract).names()) if len(names) == 1 else "name a path that it declares"
            at = file.places.at(*place, "x-replaced-by")
            yield Finding("contract/unknown-replacement", message, mend, "warning", at)
