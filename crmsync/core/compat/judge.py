"""Do both validators say the same of a value?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import jsonschema_rs

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.contract.endless import endless
from crmsync.core.contract.reference import reference
from crmsync.core.model import Json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


@dataclass(frozen=True, eq=False)
class Judge:
    """One schema of 2020-12, as the fast validator and the reference read it. Raises Uncanonical where it is none, or
    where a value could be judged without end."""

    schema: Json

    def __post_init__(self) -> None:
        self._fast  # noqa: B018 - compiles, so that a broken schema is met here
        if endless(self.schema):
            raise Uncanonical("refers to itself without getting on")

    @cached_property
    def _fast(self) -> jsonschema_rs.Draft202012Validator:
        try:
            return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True, offline=True)
        except ValueError as error:
            raise Uncanonical(str(error).splitlines()[0]) from error

    @cached_property
    def _reference(self) -> Validator:
        return reference(self.schema)

    def seems_valid(self, value: Json) -> bool:
        """What the fast one says."""
        return self._fast.is_valid(value)

    def accepts(self, value: Json) -> bool:
        """Whether both say that it is valid."""
        return self._fast.is_valid(value) and self._by_reference(value) is True

    def refuses(self, value: Json) -> bool:
        """Whether both say that it is not valid."""
        return not self._fast.is_valid(value) and self._by_reference(value) is False

    def _by_reference(self, value: Json) -> bool | None:
        """None where it cannot tell."""
        from referencing.exceptions import Unresolvable

        try:
            return self._reference.is_valid(value)
        except (RecursionError, Unresolvable):
            return None
