"""What do the rows of its table tell of a lookup?"""

from __future__ import annotations

import pytest

from crmsync.core.model import Call, Table
from crmsync.core.values import Context
from crmsync.core.values.lookup import rows_of, table_of

TABLE = Table("states", ("crm", "pm", "iso"), (("Won", "open", "o"), ("Closed", "done", "d")))
CONTEXT = Context({"states": TABLE}, "crm", "pm")


@pytest.mark.parametrize(
    ("args", "rows"),
    [
        ("states", [("Won", "open"), ("Closed", "done")]),
        ({"table": "states"}, [("Won", "open"), ("Closed", "done")]),
        ({"table": "states", "from": "iso"}, [("o", "open"), ("d", "done")]),
        ({"table": "states", "to": "iso"}, [("Won", "o"), ("Closed", "d")]),
        ({"table": "states", "to": "erp"}, []),
        ({"entity": "pm.user", "by": "email", "take": "id"}, []),
        ("others", []),
    ],
)
def test_the_rows_of_a_lookup_are_those_of_the_columns_that_it_names(args, rows):
    assert list(rows_of(Call("lookup", args), CONTEXT)) == rows


def test_only_a_lookup_has_a_table():
    assert table_of(Call("lookup", "states")) == table_of(Call("lookup", {"table": "states"})) == "states"
    assert table_of(Call("lookup", {"entity": "pm.user", "by": "email", "take": "id"})) is None
    assert table_of(Call("default", "states")) is None
    assert list(rows_of(Call("default", "states"), CONTEXT)) == []
