"""The contracts of a project: which there are, who reads them, are they well, and may they change so?"""

from crmsync.core.compat.edition import Edition, Question
from crmsync.run.registry.against import Changed, changed_since
from crmsync.run.registry.diff import Diff, diff
from crmsync.run.registry.health import check_registry
from crmsync.run.registry.read import edition_of, open_registry
from crmsync.run.registry.users import Use, users

__all__ = [
    "Changed", "Diff", "Edition", "Question", "Use", "changed_since", "check_registry", "diff", "edition_of",
    "open_registry", "users",
]  # fmt: skip
