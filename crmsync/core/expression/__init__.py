"""What does a JMESPath expression say about a record?

Expressions mean what the `jmespath` library says they mean. Two things differ, since records hold no floats: `Decimal`
is a number everywhere, and whatever the library would give as a float comes as a Decimal.
"""

from crmsync.core.expression.compiled import compile_expression, compile_many
from crmsync.core.expression.functions import EvaluationError
from crmsync.core.expression.paths import Path, get_path, plain_path, put_path, put_paths
from crmsync.core.expression.problems import Problem, problems
from crmsync.core.expression.reads import reaches, reads
from crmsync.core.expression.tree import ExpressionError

__all__ = [
    "EvaluationError",
    "ExpressionError",
    "Path",
    "Problem",
    "compile_expression",
    "compile_many",
    "get_path",
    "plain_path",
    "problems",
    "put_path",
    "put_paths",
    "reaches",
    "reads",
]
