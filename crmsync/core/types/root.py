"""What may a subschema be, in the document that it stands in?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from crmsync.core.expression.functions import kind_of
from crmsync.core.model import Json
from crmsync.core.types.kinds import KINDS, WHOLE, Fact, Kind
from crmsync.core.types.reading import Declared
from crmsync.core.types.views import Schema, Type, View


@dataclass(eq=False)
class Root:
    """The document in which references are looked up; each of its subschemas is read once."""

    schema: Json
    _known: dict[int, tuple[Json, Type]] = field(default_factory=dict)

    @cached_property
    def never(self) -> Type:
        return Type(())

    @cached_property
    def null(self) -> Type:
        return self.constant(None)

    @cached_property
    def any(self) -> Type:
        return Type((*(View(self, kind) for kind in KINDS if kind != "null"), self.constant_view(None)))

    @cached_property
    def boolean(self) -> Type:
        return Type((View(self, "boolean"),))

    @cached_property
    def record(self) -> Type:
        return self.type_of(self.schema)

    def type_of(self, *all_of: Schema) -> Type:
        """What all of these schemas allow."""
        if len(all_of) == 1:
            return self._type_of(all_of[0])
        wanted = {id(each): each for each in all_of if each is not True and each != {}}
        if not wanted:
            return self.any
        if any(each is False for each in wanted.values()):
            return self.never
        if len(wanted) > 1:
            return Type((Declared(self, tuple(wanted.values())),))
        return self._type_of(*wanted.values())

    def _type_of(self, only: Schema) -> Type:
        if only is False:
            return self.never
        if isinstance(only, Type):
            return only
        if only is True or only == {}:
            return self.any
        if id(only) not in self._known:
            self._known[id(only)] = only, Type((Declared(self, (only,)),))
        return self._known[id(only)][1]

    def constant(self, value: Json) -> Type:
        return Type((self.constant_view(value),))

    def constant_view(self, value: Json) -> View:
        kind = kind_of(value)
        match value:
            case list():
                first = [self.constant(item) for item in value]
                fact: Fact = {"prefixItems": first, "items": False, "minItems": len(first)}
            case dict():
                inner = {name: self.constant(item) for name, item in value.items()}
                fact = {"properties": inner, "required": sorted(inner), "additionalProperties": False}
            case _:
                return View(self, kind, (value,))
        return View(self, kind, (value,), (fact,))

    def view(self, kind: Kind, **fact: Json) -> Type:
        return Type((View(self, kind, facts=(fact,) if fact else ()),))

    def whole(self, **fact: Json) -> Type:
        return self.view("number", **WHOLE, **fact)

    def text(self, **fact: Json) -> Type:
        return self.view("text", **fact)

    def listing(self, elements: Type, least: int = 0, most: int | None = None) -> Type:
        """Lists of such elements."""
        if not elements.alternatives:
            most = 0
        fact: dict[str, Json] = {} if most == 0 else {"items": elements}
        if least:
            fact["minItems"] = least
        if most is not None:
            fact["maxItems"] = most
        if most is not None and least > most:
            return self.never
        return self.constant([]) if most == 0 else self.view("list", **fact)
