"""What is compared, and what is asked?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol

from crmsync.core.compat.dialect import LATEST
from crmsync.core.compat.policy import Policy
from crmsync.core.contract.flaw import Flaw
from crmsync.core.contract.violation import Place
from crmsync.core.model import At, Contract, Envelope, Finding, Json, Mode


class Document(Protocol):
    """A schema, and where in its file each part of it stands."""

    @property
    def file(self) -> str: ...

    @property
    def schema(self) -> Json: ...

    def where(self, pointer: str) -> Place:
        """The way that a JSON pointer goes."""

    def pointed(self, pointer: str) -> At:
        """The place that a JSON pointer leads to, or of the nearest thing around it."""

    def finding(self, flaw: Flaw) -> Finding:
        """A flaw, with its place."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a contract, wherever it was read: `label` is its name, or that of its file. `version` is "" for a
    file that has none."""

    label: str
    file: Document
    version: str = ""
    envelope: Envelope = field(default_factory=Envelope)

    @classmethod
    def of(cls, contract: Contract, file: Document) -> Edition:
        return cls(str(contract), file, contract.version, contract.envelope)


class Question(NamedTuple):
    """What decides. `mode` None: what the newer contract says of itself, and a major step may break it. `draft` is that
    of files without `$schema`. Without `today` no waiver has expired."""

    mode: Mode | None = None
    policy: Policy = "strict"
    today: date | None = None
    draft: int = LATEST
