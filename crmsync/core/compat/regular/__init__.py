"""What texts does a regular expression allow: which is the shortest, and are there any?

Patterns are ECMA-262 as `jsonschema-rs` reads them, unanchored unless they say so. What is not regular, or not
portable (look-around, back references, flags, \\b, \\p), and what would need too many states, is `Unregular`.
"""

from crmsync.core.compat.regular.language import Language
from crmsync.core.compat.regular.machine import Unregular

__all__ = ["Language", "Unregular"]
