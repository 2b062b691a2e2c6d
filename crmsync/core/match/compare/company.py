"""How are company names compared?"""

from __future__ import annotations

from typing import Final

from crmsync.core.match.compare.company_gauge import FEATURES, gauge, keys, reason, words
from crmsync.core.match.compare.company_name import company_name
from crmsync.core.match.compare.comparator import Comparator

COMPARATORS: Final = (
    Comparator(
        "company",
        "A company name without legal form, branch and notes: its letters, and what its shared and other words tell.",
        company_name,
        FEATURES,
        gauge,
        reason,
        keys,
        words,
        vetoes={"sibling": "a word tells companies of one family apart", "numbers": "the numbers in the names differ"},
        stranger=-2.0,
    ),
)
