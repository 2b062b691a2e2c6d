"""Expressions over the names and values of a contract."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from crmsync.core.contract.shape import exact, subschemas
from crmsync.core.model import Json, to_json


def words(schema: Json) -> tuple[list[str], list[Json]]:
    """The names that a contract declares, and values that it names, with a few that it does not."""
    names: set[str] = {"nowhere"}
    usual: list[Json] = ["", "a", 0, 1, 5, None, True, [], {}]
    values: dict[bytes, Json] = {to_json(each): each for each in usual}
    for _, each in subschemas(exact(schema)):
        if isinstance(each, dict):
            names |= each.get("properties", {}).keys()
            values |= {to_json(value): value for value in _values(each)}
    return sorted(names), [values[key] for key in sorted(values)]


def _values(schema: Json) -> Iterator[Json]:
    yield from schema.get("enum", ())
    yield from (schema[keyword] for keyword in ("const", "minimum", "maximum") if keyword in schema)


def paths(schema: Json) -> list[str]:
    """Dotted paths that lead somewhere, from the record or from something in it."""
    found: set[str] = {"@"}
    for _, each in subschemas(exact(schema)):
        properties: dict[str, Json] = each.get("properties", {}) if isinstance(each, dict) else {}
        for name, inner in properties.items():
            below = inner.get("properties", {}) if isinstance(inner, dict) else {}
            found |= {_name(name), *(f"{_name(name)}.{_name(other)}" for other in below)}
    return sorted(found)


def expressions(schema: Json) -> st.SearchStrategy[str]:
    names, values = words(schema)
    field = st.sampled_from([_name(name) for name in names])
    literal = st.sampled_from(
        [f"`{to_json(value).decode()}`" for value in values if "`" not in to_json(value).decode()]
    )
    path = st.sampled_from(paths(schema))
    leaf = st.one_of(path, path, path, st.lists(field, min_size=1, max_size=3).map(".".join), literal)
    return st.recursive(leaf, lambda inner: _larger(inner, field, literal), max_leaves=6)


def _name(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


_UNARY = (
    "({0})[0]", "({0})[-1]", "({0})[1:]", "({0})[:2]", "({0})[::-1]", "({0})[-3:2]", "({0})[*]", "({0})[]",
    "({0}).*", "!({0})", "[{0}]", "({0})[?@]", "({0})[][]", "({0})[*][0]", "{{a: {0}, b: @}}",
    "abs({0})", "avg({0})", "ceil({0})", "floor({0})", "keys({0})", "length({0})", "max({0})", "min({0})",
    "reverse({0})", "sort({0})", "sum({0})", "to_array({0})", "to_number({0})", "to_string({0})", "type({0})",
    "values({0})", "sort_by({0}, &@)", "map(&@, {0})", "merge({0})", "not_null({0})", "({0}) | @",
)  # fmt: skip
_BINARY = (
    "({0}) || ({1})", "({0}) && ({1})", "({0}) == ({1})", "({0}) != ({1})", "({0}) < ({1})", "({0}) >= ({1})",
    "({0}) | ({1})", "[{0}, {1}]", "{{a: {0}, b: {1}}}", "({0})[?{1}]", "({0})[*].[{1}]", "({0})[].[{1}][]",
    "({0}).[{1}]", "not_null({0}, {1})", "merge({0}, {1})", "contains({0}, {1})", "starts_with({0}, {1})",
    "ends_with({0}, {1})", "join({0}, {1})", "map(&({1}), {0})", "sort_by({0}, &({1}))", "max_by({0}, &({1}))",
    "min_by({0}, &({1}))", "({0})[?@ == ({1})]", "({0})[?({1}) != `null`]", "({0})[?({1}) > `1`].[@]",
    "({0})[?type(@) == 'string'].length(@)", "({0}).*.[{1}]", "!({0} || {1})", "({0})[?!({1})]",
)  # fmt: skip


def _larger(
    inner: st.SearchStrategy[str], field: st.SearchStrategy[str], literal: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(str.format, st.sampled_from(_UNARY), inner),
        st.builds(str.format, st.sampled_from(_BINARY), inner, inner),
        st.builds("({0})[?{1} == {2}].{1}".format, inner, field, literal),
        st.builds("({0})[*].{1}".format, inner, field),
        st.builds("({0} == {1} && {2})".format, field, literal, inner),
        st.builds("({0} || {1} != {2}) && {3}".format, field, field, literal, inner),
        st.builds("({0}).{1}".format, inner, field),
    )
