"""Which maker makes the values of a schema?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from jsonschema_rs import canonical as forms

from crmsync.core.compat.canonical import Canonical, Uncanonical
from crmsync.core.compat.choices import Choices, one_of
from crmsync.core.compat.draw import numbers, texts
from crmsync.core.compat.draw.lists import Lists
from crmsync.core.compat.draw.making import BARE, Maker, Undrawable, alternatives, anything, found, judge, trying
from crmsync.core.compat.draw.objects import Objects
from crmsync.core.compat.regular import Language
from crmsync.core.contract.shape import exact
from crmsync.core.model import Json


class Makers:
    """The makers of one document; that of a definition is made once, so that recursion ends."""

    def __init__(self) -> None:
        self._named: dict[str, Maker] = {}

    def of(self, schema: Canonical) -> Maker:
        kind = schema.node.kind.value
        return _MAKERS[kind](self, schema)

    def checked(self, schema: Canonical) -> Maker:
        return trying(self.of(schema), judge(schema))

    def meeting(self, schemas: list[Canonical]) -> Maker:
        """Values that fit all of these."""
        found = schemas[0]
        for schema in schemas[1:]:
            try:
                found = found.both(schema)
            except Uncanonical:
                return trying(self.of(schemas[0]), _all(schemas))
        return self.checked(found) if len(schemas) > 1 else self.of(found)

    # Any type -------------------------------------------------------------------------------------

    def true(self, schema: Canonical) -> Maker:
        return lambda choices, depth: anything(choices, depth)

    def false(self, schema: Canonical) -> Maker:
        def none(choices: Choices, depth: int) -> Json:
            raise Undrawable("nothing is valid here")

        return none

    def const(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.ConstView)
        value = exact(schema.view.value)
        return lambda choices, depth: value

    def enum(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.EnumView)
        values = exact(schema.view.values)
        return lambda choices, depth: one_of(choices, values)

    def multi_type(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.MultiTypeView)
        return alternatives([BARE[each] for each in schema.view.types])

    def typed_group(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.TypedGroupView)
        return self.of(Canonical(schema.view.body))

    def any_of(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.AnyOfView)
        return alternatives([self.of(Canonical(each)) for each in schema.view.branches])

    def one_of(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.OneOfView)
        branches = [self.of(Canonical(each)) for each in schema.view.branches]
        return trying(alternatives(branches), judge(schema))

    def all_of(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.AllOfView)
        branches = [self.of(Canonical(each)) for each in schema.view.branches]
        return trying(alternatives(branches), judge(schema))

    def negation(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.NotView)
        return trying(anything, judge(schema))

    def reference(self, schema: Canonical) -> Maker:
        assert isinstance(schema.view, forms.ReferenceView)
        uri = schema.view.uri
        if uri not in self._named:
            self._named[uri] = lambda choices, depth: self._named[uri](choices, depth)
            self._named[uri] = self.of(schema.definition(uri))
        return lambda choices, depth: self._named[uri](choices, depth + 1)

    def raw(self, schema: Canonical) -> Maker:
        """What the library leaves as it is: of a looser schema, until one is valid."""
        for looser in _looser(schema.schema):
            return trying(self.of(looser), judge(schema))
        return trying(anything, judge(schema))

    # One type -------------------------------------------------------------------------------------

    def integer(self, schema: Canonical) -> Maker:
        view = schema.view
        assert isinstance(view, forms.IntegerView)
        window = numbers.window(view.minimum, view.maximum, view.multiple_of, is_whole=True)
        maker = found(window.drawn)
        return trying(maker, judge(schema)) if view.not_multiple_of else maker

    def number(self, schema: Canonical) -> Maker:
        view = schema.view
        assert isinstance(view, forms.NumberView)
        windows = [
            numbers.window(view.minimum, view.maximum, view.multiple_of, is_whole=False, fine=fine)
            for fine in (0, 2, 1, 4, 12)
        ]
        makers = [found(window.drawn) for window in windows[: 1 if view.multiple_of else None]]
        return trying(alternatives(makers), judge(schema))

    def string(self, schema: Canonical) -> Maker:
        view = schema.view
        assert isinstance(view, forms.StringView)
        least, most = view.min_length or 0, view.max_length
        makers = [_of_format(each) for each in view.formats]
        if len(view.formats) + len(view.patterns) > 1:
            makers = [_fitting(each, judge(schema)) for each in view.formats]
        if view.patterns or view.excluded_patterns:
            language = Language(tuple(view.patterns), tuple(view.excluded_patterns), least, most)
            makers.append(found(lambda choices: texts.of_patterns(choices, language)))
        if makers:
            return trying(alternatives(makers), judge(schema))
        maker = found(lambda choices: texts.of_length(choices, least, most))
        if view.excluded_formats or view.excluded:
            return trying(maker, judge(schema))
        return maker

    def array(self, schema: Canonical) -> Maker:
        view = schema.view
        assert isinstance(view, forms.ArrayView)
        maker = Lists(self, view)
        is_plain = not view.contains and view.distinctness == forms.Distinctness.UNCONSTRAINED
        return maker if is_plain else trying(maker, judge(schema))

    def object(self, schema: Canonical) -> Maker:
        view = schema.view
        assert isinstance(view, forms.ObjectView)
        return trying(Objects(self, view), judge(schema))


def _all(schemas: list[Canonical]) -> Callable[[Json], bool]:
    judges = list(map(judge, schemas))
    return lambda value: all(valid(value) for valid in judges)


def _of_format(name: str) -> Maker:
    return found(lambda choices: texts.of_format(choices, name))


def _fitting(name: str, valid: Callable[[Json], bool]) -> Maker:
    """One of the known texts of a format that fits more than the format."""

    def fitting(choices: Choices, depth: int) -> Json:
        known = [text for text in texts.known(name) if valid(text)]
        return one_of(choices, known) if known else _of_format(name)(choices, depth)

    return fitting


def _looser(schema: Json) -> Iterator[Canonical]:
    """The schema without what the library could not model, as little as possible left out."""
    if not isinstance(schema, dict):
        return
    dropped: set[str] = set()
    for keyword in _HARD:
        if keyword in schema:
            dropped.add(keyword)
            kept = {each: value for each, value in schema.items() if each not in dropped}
            try:
                found = Canonical.of(kept)
            except Uncanonical:
                continue
            if found.node.kind.value != "raw":
                yield found


_HARD: Final = (
    "unevaluatedProperties", "unevaluatedItems", "not", "if", "then", "else", "dependentSchemas", "oneOf", "anyOf",
    "allOf", "$dynamicRef", "$ref", "contains", "pattern", "patternProperties", "propertyNames",
)  # fmt: skip

_MAKERS: Final[dict[str, Callable[[Makers, Canonical], Maker]]] = {
    "true": Makers.true, "false": Makers.false, "const": Makers.const, "enum": Makers.enum,
    "multi_type": Makers.multi_type, "typed_group": Makers.typed_group, "any_of": Makers.any_of,
    "one_of": Makers.one_of, "all_of": Makers.all_of, "not": Makers.negation, "reference": Makers.reference,
    "raw": Makers.raw, "integer": Makers.integer, "number": Makers.number, "string": Makers.string,
    "array": Makers.array, "object": Makers.object,
}  # fmt: skip
