"""Does this record keep its contract?

`jsonschema-rs` decides, a hundred times faster than `jsonschema`, which is the reference and finds what to say of a
record that is not valid. Formats are asserted, and nothing outside a contract's own document is ever fetched.
"""

from crmsync.core.contract.checker import Checker, ContractError
from crmsync.core.contract.envelope import Deprecation, deprecation, envelope_of, envelope_problems
from crmsync.core.contract.flaw import Flaw
from crmsync.core.contract.problems import advice, schema_problems
from crmsync.core.contract.violation import Violation

__all__ = [
    "Checker", "ContractError", "Deprecation", "Flaw", "Violation", "advice", "deprecation", "envelope_of",
    "envelope_problems", "schema_problems",
]  # fmt: skip
