"""Does this record keep its contract?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import jsonschema_rs

from crmsync.core.contract.problems import schema_problems
from crmsync.core.contract.reference import reference
from crmsync.core.contract.shape import (
    REFERENCES,
    below,
    declared,
    exact,
    facets,
    is_closed,
    is_marked,
    is_marked_within,
    may_be_object,
    rebuilt,
    target,
)
from crmsync.core.contract.violation import Place, Violation, in_order
from crmsync.core.contract.words import worded
from crmsync.core.model import Contract, Json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


class ContractError(ValueError):
    """This contract is no sound JSON Schema; `schema_problems` says why."""


@dataclass(frozen=True, eq=False)
class Checker:
    """One contract, compiled. Raises ContractError when the contract itself is not sound.

    Records are plain JSON, without ABSENT: the fast validator would take that for a text. `private`: the plain paths
    whose values are about people though the contract does not say so.
    """

    contract: Contract
    private: frozenset[tuple[str, ...]] = frozenset()

    def __post_init__(self) -> None:
        self._decides  # noqa: B018 - compiles, so that a broken contract is met here

    def __reduce__(self) -> tuple[type[Checker], tuple[Contract, frozenset[tuple[str, ...]]]]:
        return Checker, (self.contract, self.private)

    @cached_property
    def schema(self) -> Json:
        return exact(self.contract.schema)

    @cached_property
    def _schema_on_create(self) -> Json:
        return _without_demand(self.schema, self.schema)

    @cached_property
    def _decides(self) -> jsonschema_rs.Draft202012Validator:
        return self._compiled(self.schema)

    @cached_property
    def _decides_on_create(self) -> jsonschema_rs.Draft202012Validator:
        return self._compiled(self._schema_on_create)

    @cached_property
    def _explains(self) -> Validator:
        return reference(self.schema)

    @cached_property
    def _explains_on_create(self) -> Validator:
        return reference(self._schema_on_create)

    def _compiled(self, schema: Json) -> jsonschema_rs.Draft202012Validator:
        try:
            return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)
        except ValueError:
            found = schema_problems(schema)
            said = "; ".join(f"{'/'.join(map(str, each.path)) or 'the contract'} {each.message}" for each in found)
            raise ContractError(f"{self.contract}: {said}") from None

    def valid(self, record: Json) -> bool:
        return self._decides.is_valid(record)

    def violations(self, record: Json) -> list[Violation]:
        """All of them, sorted; none exactly when the record is valid."""
        return [] if self._decides.is_valid(record) else self._worded(self._decides, self._explains, record)

    def violations_on_create(self, record: Json) -> list[Violation]:
        """As `violations`, but what is `readOnly` is not demanded: the system will fill it in."""
        if self._decides_on_create.is_valid(record):
            return []
        return self._worded(self._decides_on_create, self._explains_on_create, record)

    def _worded(
        self, decides: jsonschema_rs.Draft202012Validator, explains: Validator, record: Json
    ) -> list[Violation]:
        found = {each for error in explains.iter_errors(record) for each in worded(error, self.touches_pii)}
        return in_order(found or _unworded(decides.iter_errors(record)))

    def pii(self, path: Place) -> bool:
        """Whether the value at `path` is about a person: it, or what it is a part of, is marked `x-pii`."""
        flowed = bool(self.private) and any(path[:length] in self.private for length in range(1, len(path) + 1))
        return flowed or is_marked(path, self.schema, _is_pii)

    def touches_pii(self, path: Place) -> bool:
        """Whether the value at `path` is about a person, or holds something that is."""
        within = any(each[: len(path)] == path for each in self.private)
        return within or self.pii(path) or is_marked_within(path, self.schema, _is_pii)

    def declares(self, path: Place) -> bool:
        """Whether the contract says anything of the value at `path`."""
        return bool(declared(path, self.schema))

    def read_only(self, path: Place) -> bool:
        return is_marked(path, self.schema, lambda facet: facet.get("readOnly") is True)

    def knows(self, path: tuple[str, ...]) -> bool:
        """Whether a record may have this path: it is declared, or lies in an object that takes any property."""
        found = [self.schema]
        for name in path:
            around = [facet for schema in found for facet in facets(schema, self.schema)]
            if not any(may_be_object(schema, self.schema) for schema in found):
                return False
            found = below(around, name)
            if not found:
                return not any(map(is_closed, around))
        return True

    def at_path(self, path: Place) -> Json:
        """The schema declared for `path`, its `$ref` followed and what stands beside that laid over it; or None."""
        for found in declared(path, self.schema):
            return self._resolved(found)
        return None

    def _resolved(self, schema: Json) -> Json:
        seen: list[Json] = []
        while isinstance(schema, dict) and schema not in seen:
            seen.append(schema)
            leads = [target(schema[each], self.schema) for each in REFERENCES if each in schema]
            if not leads or not isinstance(leads[0], dict):
                break
            schema = leads[0] | {keyword: value for keyword, value in schema.items() if keyword not in REFERENCES}
        return schema

    def names(self, path: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The names declared for the object at `path`, sorted; () is the record itself."""
        around = [facet for schema in declared(path, self.schema) for facet in facets(schema, self.schema)]
        return tuple(sorted({name for facet in around for name in facet.get("properties", {})}))


def _is_pii(facet: Json) -> bool:
    return facet.get("x-pii") not in (None, False)


def _unworded(errors: Iterable[jsonschema_rs.ValidationError]) -> set[Violation]:
    """Should the reference ever find nothing wrong where the fast validator does, the verdict still stands."""
    return {Violation(tuple(each.instance_path), each.kind.name, "breaks this rule of the contract") for each in errors}


def _without_demand(schema: Json, root: Json, filled: frozenset[str] = frozenset()) -> Json:
    """The schema without `required` for properties that are `readOnly`. Conditions and exclusions stay as they are:
    there, to demand less would be to demand something else."""
    if not isinstance(schema, dict):
        return schema
    filled |= {
        name
        for facet in facets(schema, root)
        for name, inner in facet.get("properties", {}).items()
        if any(each.get("readOnly") is True for each in facets(inner, root))
    }
    return {keyword: _less(keyword, value, root, filled) for keyword, value in schema.items()}


def _less(keyword: str, value: Json, root: Json, filled: frozenset[str]) -> Json:
    match keyword:
        case "required":
            return [name for name in value if name not in filled]
        case "dependentRequired":
            return {given: [name for name in needs if name not in filled] for given, needs in value.items()}
        case "if" | "not":
            return value
    same_value = filled if keyword in ("allOf", "anyOf", "then", "else", "dependentSchemas") else frozenset()
    return rebuilt(keyword, value, lambda inner: _without_demand(inner, root, same_value))
