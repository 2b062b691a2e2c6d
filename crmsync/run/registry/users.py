"""Who reads which contract, and which fields of it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from crmsync.core.contract.envelope import Deprecation
from crmsync.core.expression import problems, reads
from crmsync.core.model import SIDES, Contract, Side
from crmsync.project.check.deprecation import deprecated_reads
from crmsync.project.check.world import expressions
from crmsync.project.mappings import Draft, read_mapping
from crmsync.project.yaml import load_yaml, yaml_files
from crmsync.run.registry.read import folder_of


class Use(NamedTuple):
    """One side of a mapping: the paths of the contract that it reads or writes, sorted, and of these the deprecated
    ones."""

    mapping: str
    side: str
    paths: tuple[str, ...]
    deprecated: tuple[tuple[str, Deprecation], ...]


def users(root: Path, contracts: Mapping[str, Contract]) -> dict[str, list[Use]]:
    """By contract ("crm.account@1.0.0"). What a mapping file says that cannot be read is left out: `check` names it."""
    found: dict[str, list[Use]] = {}
    for path in yaml_files(folder_of(root, "mappings")):
        if not path.stem.endswith(".match"):
            document, _ = load_yaml(path.as_posix(), path.read_bytes())
            draft = read_mapping(document, contracts)[0] if document is not None else None
            if draft is None:
                continue
            for side in SIDES:
                found.setdefault(str(draft.mapping.ends[side].contract), []).append(_use(draft, side))
    return found


def _use(draft: Draft, side: Side) -> Use:
    contract = draft.mapping.ends[side].contract
    texts = [text for text, of, _ in expressions(draft) if of == side and not problems(text)]
    paths = {".".join(path) for text in texts for path in reads(text) if path}
    over = {path: ends for text in texts for _, path, ends in deprecated_reads(text, contract.schema)}
    return Use(draft.mapping.name, draft.sides[side], tuple(sorted(paths)), tuple(sorted(over.items())))
