"""What decides a mapping's meaning, and what would a change to it do?"""

from crmsync.core.change.changes import CHANGES, Change, Level, changes, renamed
from crmsync.core.change.definition import Definition, define
from crmsync.core.change.rebased import Carried, carried, moves_links

__all__ = [
    "CHANGES", "Carried", "Change", "Definition", "Level", "carried", "changes", "define",
    "moves_links", "renamed",
]  # fmt: skip
