"""What would become of records that nobody has sent, and does it hold what must hold?"""

from crmsync.core.trial.drawn import EXAMPLES, Asked, Direction, try_drawn
from crmsync.core.trial.outcome import CREATES, Outcome, outcome_of
from crmsync.core.trial.way import Failure, Rule

__all__ = [
    "CREATES", "EXAMPLES", "Asked", "Direction", "Failure", "Outcome", "Rule", "outcome_of", "try_drawn",
]  # fmt: skip
