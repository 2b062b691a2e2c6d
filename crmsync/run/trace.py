"""Which trace does a run belong to? The one that its surroundings began, or a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from secrets import token_hex
from typing import Final

TRACEPARENT: Final = "TRACEPARENT"
_VALID: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)


def trace_of(environment: Mapping[str, str]) -> str:
    """32 hex digits: those of a valid `TRACEPARENT` (W3C Trace Context), else random ones."""
    found = _begun(environment)
    return new_trace() if found is None else found["trace"]


def parent_of(environment: Mapping[str, str]) -> str | None:
    """16 hex digits: the span that a valid `TRACEPARENT` names, which whatever is done here lies in."""
    found = _begun(environment)
    return None if found is None else found["span"]


def _begun(environment: Mapping[str, str]) -> re.Match[str] | None:
    found = _VALID.fullmatch(environment.get(TRACEPARENT, "").strip())
    if found is None or (found["more"] is not None and found[0].startswith("00")):  # version 00 ends after its flags
        return None
    return found


def new_trace() -> str:
    """32 hex digits, never all zeros in practice: 128 random bits."""
    return token_hex(16)
