"""What is compared, and what is asked?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from crmsync.core.compat import Policy
from crmsync.core.compat.dialect import LATEST
from crmsync.core.model import Contract, Envelope, Mode
from crmsync.project.contracts import SchemaFile


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a contract, wherever it was read: `label` is its name, or that of its file. `version` is "" for a
    file that has none."""

    label: str
    file: SchemaFile
    version: str = ""
    envelope: Envelope = field(default_factory=Envelope)

    @classmethod
    def of(cls, contract: Contract, file: SchemaFile) -> Edition:
        return cls(str(contract), file, contract.version, contract.envelope)


class Question(NamedTuple):
    """What decides. `mode` None: what the newer contract says of itself, and a major step may break it. `draft` is that
    of files without `$schema`. Without `today` no waiver has expired."""

    mode: Mode | None = None
    policy: Policy = "strict"
    today: date | None = None
    draft: int = LATEST
