"""May a contract change so?

A change is *compatible* where every record of one version is valid under the other one, and that is proven; it is
*breaking* where a record shows that it is not; else it is *unproven*.
"""

from crmsync.core.compat.changes import Change
from crmsync.core.compat.compare import Comparison, compare, compare_all
from crmsync.core.compat.semver import Step, is_enough, promised, taken

__all__ = ["Change", "Comparison", "Step", "compare", "compare_all", "is_enough", "promised", "taken"]
