"""Does what went to the other side lead back?"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from crmsync.core.merge import leads_back
from crmsync.core.model import Call, Field
from crmsync.core.values import Context, respells

SHARED = Field("n", ("n", "n"), owner="shared")
CONTEXT = Context(source="crm", target="pm")


@pytest.mark.parametrize(
    ("way", "respelling", "answer"),
    [
        ((1, 8, 1, 8), False, True),
        (("1", 8, 1, 8), True, True),
        (("1", 8, 1, 8), False, False),
        (("1", 8, 2, 16), True, False),
    ],
    ids=["as it was", "another spelling", "more than spelling", "another value"],
)
def test_a_shared_value_comes_back_as_it_was_but_for_its_spelling(way, respelling, answer):
    assert leads_back(SHARED, way, respells=respelling) == answer


@pytest.mark.parametrize("settled", [{"owner": 0, "seed": 1}, {"equal_within": Decimal("0.5")}, {"merge": "set"}])
def test_where_the_field_says_what_counts_it_is_enough_to_arrive_again_as_it_did(settled):
    field = replace(SHARED, **settled)
    assert leads_back(field, ("long", "lo", "lo", "lo"), respells=False)
    assert not leads_back(field, ("long", "lo", "lo", "l"), respells=False)


@pytest.mark.parametrize(
    ("chain", "answer"),
    [
        ((), True),
        ((Call("multiply", 8),), True),
        ((Call("trim"), Call("to_number")), True),
        ((Call("lookup", "states"),), True),
        ((Call("truncate", 3),), False),
        ((Call("multiply", 8), Call("round", 0)), False),
    ],
    ids=str,
)
def test_a_chain_that_can_be_undone_or_puts_in_order_loses_nothing_but_spelling(chain, answer):
    assert respells(chain, CONTEXT) == answer
