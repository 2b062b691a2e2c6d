"""Schemas, and choices, drawn by hypothesis."""

from decimal import Decimal

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "x_1", "q__c", "ž"])
PATTERNS = st.sampled_from(["^a", "b$", "^[ab]*$", "__c$", "^[0-9]{2}$", "a", "^x_[a-z0-9]+$", "^[^a]*$"])
VALUES = st.sampled_from([None, True, False, 0, 1, Decimal("0.5"), "", "a", "ab", "2024-02-29", [], [1], {}, {"a": 1}])
SMALL = st.integers(0, 4)


class Drawn:
    """Choices made by hypothesis, so that what is drawn shrinks."""

    def __init__(self, data):
        self.data = data

    def integer(self, low, high):
        return self.data.draw(st.integers(low, high))


def some(**keywords):
    """A schema with some of these keywords."""
    return st.fixed_dictionaries({}, optional=keywords)


TEXTS = some(
    type=st.just("string"),
    minLength=SMALL,
    maxLength=SMALL,
    pattern=PATTERNS,
    format=st.sampled_from(["date", "email"]),
)
NUMBERS = some(
    type=st.sampled_from(["integer", "number"]),
    minimum=st.integers(-3, 5),
    exclusiveMaximum=st.integers(-3, 5),
    multipleOf=st.sampled_from([1, 2, 3, Decimal("0.5"), Decimal("0.01")]),
)
PLAIN = st.one_of(
    TEXTS,
    NUMBERS,
    some(enum=st.lists(VALUES, min_size=1, max_size=3)),
    st.booleans(),
    some(type=st.lists(st.sampled_from(["null", "boolean", "string", "object", "array"]), min_size=1, unique=True)),
    st.just({"$ref": "#/$defs/shared"}),
)


def _composed(inner):
    objects = some(
        type=st.just("object"),
        properties=st.dictionaries(NAMES, inner, max_size=3),
        additionalProperties=inner,
        patternProperties=st.dictionaries(PATTERNS, inner, max_size=2),
        required=st.lists(NAMES, max_size=2, unique=True),
        minProperties=st.integers(0, 2),
        maxProperties=st.integers(0, 3),
        propertyNames=TEXTS,
        dependentRequired=st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=1),
    )
    lists = some(
        type=st.just("array"),
        items=inner,
        prefixItems=st.lists(inner, min_size=1, max_size=2),
        contains=inner,
        minItems=st.integers(0, 3),
        maxItems=st.integers(0, 3),
        uniqueItems=st.booleans(),
    )
    branches = st.lists(inner, min_size=1, max_size=3)
    chosen = some(anyOf=branches) | some(oneOf=branches) | some(allOf=branches) | some(**{"not": inner})
    return objects | lists | chosen | some(**{"if": inner, "then": inner, "else": inner})


PARTS = st.recursive(PLAIN, _composed, max_leaves=8)
SCHEMAS = st.builds(
    lambda schema, shared: {**schema, "$defs": {"shared": shared}},
    PARTS.filter(lambda schema: isinstance(schema, dict)),
    TEXTS | NUMBERS,
)
