"""What is a key called that is about a person? By a handle: `~3kq7x2m9ab`.

A keyed hash of the system, the entity and the key: the same wherever one ledger tells of the record, and nothing to who
has not its secret. Fifty bits: among ten million keys of one entity two share a handle once in 23 ledgers; with forty
every ledger of that size had 45 such pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeAlias

from crmsync.core.model import Key, Telling, key_text

Handles: TypeAlias = Callable[[str, str], Telling]
"""How the keys of a system and an entity are told."""

TILDE: Final = "~"
LENGTH: Final = 10
LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: nobody takes one for another one


def handles_of(secret: bytes) -> Handles:
    """Those of who has this secret (at most 64 bytes)."""

    def of(system: str, entity: str) -> Telling:
        begun = hashlib.blake2b(f"{system}\0{entity}\0".encode(), digest_size=7, key=secret, person=b"handle")

        def telling(key: Key) -> str:
            found = begun.copy()
            found.update(key_text(key).encode())
            return _written(int.from_bytes(found.digest()))

        return telling

    return of


def _written(number: int) -> str:
    return TILDE + "".join(LETTERS[number >> 5 * place & 31] for place in range(LENGTH))


def is_handle(text: str) -> bool:
    """Could it be one?"""
    return text.startswith(TILDE) and len(text) == LENGTH + 1 and set(text[1:]) <= set(LETTERS)
