"""What may an expression give, and does the target take it?

`infer` gives the JSON Schema of an expression's value for all records that keep a contract, and what speaks against it.
"""

from crmsync.core.types.typed import Problem, Read, Typed, infer, reads_deprecated, reads_marked

__all__ = ["Problem", "Read", "Typed", "infer", "reads_deprecated", "reads_marked"]
