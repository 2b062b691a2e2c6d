"""How values, tables and references are written and read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.cli import render
from crmsync.core.model import ABSENT, Ref, Symbol, split_ref
from crmsync.run.refs import _readings, _types
from tests.cli.shop import Shop

parts = st.one_of(st.integers(), st.text(min_size=1))


@given(st.lists(parts, min_size=1, max_size=3))
def test_every_key_is_among_the_readings_of_its_reference(key: list[str | int]) -> None:
    _, _, texts = split_ref(str(Ref("crm", "account", tuple(key))))
    assert all(part in _readings(text, frozenset()) for part, text in zip(key, texts, strict=True))


def test_a_key_that_begins_with_a_tilde_is_written_like_no_handle() -> None:
    assert str(Ref("crm", "account", ("~3kq7x2m9ab", "a~b"))) == "crm.account/%7E3kq7x2m9ab,a~b"
    assert split_ref("crm.account/%7E3kq7x2m9ab,a~b") == ("crm", "account", ("~3kq7x2m9ab", "a~b"))


def test_a_key_that_is_not_about_a_person_has_no_handle(synced: Shop) -> None:
    said = synced.do("explain", "crm.account/~0000000000")
    assert said.code == 2
    assert "the records of crm.account are called by their keys" in said.err
    assert "crm.account/%7E..." in said.err


@given(parts)
def test_a_contract_that_names_the_type_leaves_one_reading(part: str | int) -> None:
    (_, _, (text,)) = split_ref(str(Ref("crm", "account", (part,))))
    named = frozenset(["integer" if isinstance(part, int) else "string"])
    assert _readings(text, named) == [part]


def test_a_text_of_digits_is_no_number_when_it_would_be_written_otherwise() -> None:
    assert _readings("042", frozenset()) == ["042"]
    assert _readings("42", frozenset()) == [42, "42"]


def test_the_type_of_a_key_is_read_from_its_contract() -> None:
    line = {"type": "object", "properties": {"no": {"type": ["integer", "null"]}}}
    schema = {"properties": {"id": {"type": "string"}, "line": line}}
    assert _types(schema, "id") == {"string"}
    assert _types(schema, "line.no") == {"integer"}
    assert _types(schema, "elsewhere") == frozenset()
    assert _types(True, "id") == frozenset()


@given(st.text())
def test_nothing_that_a_terminal_would_obey_is_ever_printed(text: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in render.clean(text))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ABSENT, "(absent)"),
        (None, "null"),
        ("", '""'),
        (Decimal("1.50"), "1.50"),
        (["a"], '["a"]'),
        (Symbol("account-customer", 0, (42,)), "(key of the account-customer made from 42)"),
        ("x" * 200, '"' + "x" * 99 + "… (202 characters)"),
    ],
)
def test_a_value_is_written_as_json_and_nothing_as_absent(value: object, shown: str) -> None:
    assert render.value(value) == shown


def test_a_table_is_aligned_text_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(("name", "count"), [("a", 1), ("long name\n", 1000)], right=[1])
    assert capsys.readouterr().out == "name        count\na               1\nlong name    1000\n"


def test_json_output_spells_absent_as_null(capsys: pytest.CaptureFixture[str]) -> None:
    render.json({"a": ABSENT, "b": [ABSENT, Decimal("1.0")]})
    assert capsys.readouterr().out.split() == ["{", '"a":', "null,", '"b":', "[", "null,", "1.0", "]", "}"]
