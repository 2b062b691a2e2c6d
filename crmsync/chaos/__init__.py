"""Does a connector, and all that stands on it, keep the promises under faults? `python -m crmsync.chaos --help`."""
