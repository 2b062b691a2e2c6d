"""Reference tables and contracts on disk. ‹ marks the place where the finding is expected."""

from decimal import Decimal

import pytest

STATUS = "mappings/reference/status.yaml"
CONTRACT = "schemas/crm/account/1.10.0.json"
CUSTOMER = "schemas/pm/customer/1.0.0.json"

TABLES = [
    ("[Lost, open]", "‹[Lost]", "row-length", "table delivery_status: row 2 has 1 values for 2 columns",
     "write one value for each of: crm, pm"),
    ("[Lost, open]", "‹[Won, open]", "duplicate-row", "row 2 says the same as row 1 at 3:10", "delete one of the two"),
    ("{pm: {open", "{‹pmm: {open", "unknown-column", "prefer names column 'pmm'", "did you mean 'pm'?"),
    ("{pm: {open", "{pm: {‹opne", "unknown-value", "prefer speaks of 'opne', which is in no row of column", "'open'"),
    ("{open: Won}", "{open: ‹Closed}", "unknown-value", "prefer takes 'Closed' for 'open', but no row", "take a value"),
    ("columns: [crm, pm]", "columns: ‹[crm, crm]", "bad-value", "columns must be a list of at least two different",
     "crmsync schema reference"),
    ("columns: [crm, pm]", "columns: ‹[crm]", "bad-value", "columns must be a list of at least two", "crmsync schema"),
    ("[Lost, open]", "[‹[Lost], open]", "wrong-type", "rows[1][0] must be a text, a number, true, false or null",
     "crmsync schema reference"),
    ("unmapped: hold", "unmapped: ‹holds", "bad-value", "unmapped must be reject, hold or {value: x}", "'hold'?"),
    ("unmapped: hold", "‹unmaped: hold", "unknown-key", "unknown key 'unmaped'", "did you mean 'unmapped'?"),
    ("delivery_status:", "‹delivery_status: {columns: [a, b]}\nx:", "missing-key", "lacks 'rows'", "write rows:"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rule", "message", "mend"), TABLES)
def test_a_mistake_in_a_table_is_named_with_its_place_and_how_to_mend_it(folder, old, new, rule, message, mend):
    folder.replace(STATUS, old, new)
    found = folder.finding(f"reference/{rule}")
    assert message in found.message
    assert mend in found.mend


def test_a_table_is_written_once(folder):
    folder.write("mappings/reference/zzz.yaml", "‹delivery_status: {columns: [a, b], rows: [[1, 2]]}\n")
    found = folder.finding("reference/duplicate-table")
    assert "table delivery_status is already written at" in found.message
    assert found.mend == "rename one of the two"


def test_values_keep_their_types_and_preferences_find_them(folder):
    folder.write("mappings/reference/more.yaml", """\
more:
  columns: [crm, pm]
  rows: [[1, a], [true, a], [null, b], ["1", c], [1.50, d], [1.5e0, e]]
  prefer: {crm: {"null": b, "true": a, "1.50": d}, pm: {a: 1}}
  unmapped: {value: x}
""")  # fmt: skip
    loaded = folder.load()
    assert loaded.findings == ()
    table = loaded.project.tables["more"]
    assert table.rows[:5] == ((1, "a"), (True, "a"), (None, "b"), ("1", "c"), (Decimal("1.50"), "d"))
    assert table.prefer == {"crm": {None: "b", True: "a", Decimal("1.50"): "d"}, "pm": {"a": 1}}
    assert table.unmapped == {"value": "x"}
    assert str(table.at).endswith("more.yaml:1:1")


def test_a_broken_table_is_not_called_unknown_as_well(folder):
    folder.replace(STATUS, "[Lost, open]", "[Lost]")
    assert [each.rule for each in folder.load().findings] == ["reference/row-length"]


def test_the_newest_fitting_contract_is_taken(folder):
    first, second = folder.load().project.mapping("account-customer").ends
    assert (str(first.contract), str(second.contract)) == ("crm.account@1.10.0", "pm.customer@1.0.0")
    assert first.contract.file == (folder.root / CONTRACT).as_posix()


def test_numbers_of_a_contract_are_decimals(folder):
    folder.replace(CONTRACT, '"rate": {"type": "number"}', '"rate": {"type": "number", "multipleOf": 0.01}')
    folder.replace(CUSTOMER, '"price": {"type": "number"}', '"price": {"type": "number", "multipleOf": 0.01}')
    schema = folder.load().project.mapping("account-customer").ends[0].contract.schema
    assert schema["properties"]["rate"]["multipleOf"] == Decimal("0.01")


CONTRACTS = [
    (CONTRACT, '{\n  "type": ‹}', "contract/not-json", "not JSON: ", "mend the text"),
    (CONTRACT, '{\n  "type": "object",\n  ‹"type": "object"\n}', "contract/duplicate-key",
     "duplicate key 'type', first at 2:3", "keep one"),
    (CONTRACT, '{"minimum": NaN}', "contract/not-json", "NaN is no JSON number", "mend the text"),
    (CONTRACT, b'{"title": "\xff"}', "contract/not-json", "not UTF-8", "save it as UTF-8"),
    (CONTRACT, "[" * 100_000, "contract/not-json", "nested too deeply", "into $defs"),
    (CONTRACT, '{\n\t"type": "object",\n\t"properties": {"id": {"type": ‹"strng"}}\n}', "contract/not-a-schema",
     "properties/id/type", "json-schema.org"),
    (CONTRACT, "‹[]", "contract/not-a-schema", "", "json-schema.org"),
    ("schemas/crm/account/latest.json", "{}", "contract/file-name", "'latest' is no version", "name the file"),
    ("schemas/crm/account/1.2.json", "{}", "contract/file-name", "'1.2' is no version", "name the file like"),
    ("schemas/account.json", "{}", "contract/place", "a contract lies at SYSTEM/ENTITY/VERSION.json", "move the file"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "rule", "message", "mend"), CONTRACTS)
def test_a_mistake_in_a_contract_is_named_with_its_place(folder, file, text, rule, message, mend):
    folder.write(file, text)
    found = folder.finding(rule)
    assert found.at.file == (folder.root / file).as_posix()
    assert message in found.message
    assert mend in found.mend
