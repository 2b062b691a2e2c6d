"""May a contract change so?

A change is *compatible* where every record of one version is valid under the other one, and that is proven; it is
*breaking* where a record shows that it is not; else it is *unproven*.
"""

from crmsync.core.compat.changes import Change
from crmsync.core.compat.compare import Comparison, compare
from crmsync.core.compat.policy import Policy
from crmsync.core.compat.semver import Step, is_enough, numbers, promised, taken
from crmsync.core.compat.verdict import Verdict

__all__ = [
    "Change", "Comparison", "Policy", "Step", "Verdict", "compare", "is_enough", "numbers", "promised", "taken",
]  # fmt: skip
