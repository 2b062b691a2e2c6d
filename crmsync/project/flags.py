"""Which flags are set on which mapping, by the project file and by the environment?

`flags:` in crmsync.yaml (and in the file of an environment, laid over it) says otherwise than the mapping's own file,
and `CRMSYNC_FLAGS` says otherwise than both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from crmsync.core.expression import problems
from crmsync.core.model import Both, Finding, Json, Rollout
from crmsync.core.model import Mapping as Declared
from crmsync.core.near import choose
from crmsync.project.mappings import Draft, read_rollout
from crmsync.project.shapes import misfits
from crmsync.project.yaml import Document

VARIABLE: Final = "CRMSYNC_FLAGS"
NAMES: Final = ("enabled", "shadow", "rollout")
LIKE: Final = "write for example account-customer.shadow=true,account-customer.rollout=20%"
_SET: Final = re.compile(r"(?P<mapping>[^.=]+)\.(?P<flag>[^.=]+)=(?P<value>.+)")
_PERCENT: Final = re.compile(r"(100([.]0+)?|[0-9]{1,2}([.][0-9]+)?)%")
_TRUTH: Final = {"true": True, "false": False}


def flagged(
    document: Document, environ: Mapping[str, str], drafts: Mapping[str, Draft], names: frozenset[str]
) -> tuple[dict[str, Draft], list[Finding]]:
    """The drafts as the flags say, and what is wrong with the flags. `names`: of all mappings, also of damaged ones."""
    found, findings = dict(drafts), list[Finding]()
    for name, written in _written(document):
        if name not in names:
            message = f"there is no mapping {name!r} to set flags on"
            at = document.key_at("flags", name)
            findings.append(Finding("project/unknown-mapping", message, choose(name, names), at=at))
        elif name in found:
            findings += _wrong_rollout(document, found[name], written.get("rollout", {}))
            found[name] = _with(found[name], _read(written, found[name].sides))
    findings += _from_environment(environ.get(VARIABLE, ""), found, names)
    return found, findings


def _written(document: Document) -> Iterator[tuple[str, Json]]:
    """The flags of each mapping, but for those that do not have the shape of flags."""
    flags = document.data.get("flags") if isinstance(document.data, dict) else None
    wrong = {where[1:2] for where, _ in misfits("project", document) if where[:1] == ("flags",)}
    wrong |= {where[1:2] for where in document.broken if where[:1] == ("flags",)}
    if isinstance(flags, dict) and () not in wrong:
        yield from ((name, written) for name, written in flags.items() if (name,) not in wrong)


def _read(written: Json, sides: Both[str]) -> dict[str, Json]:
    told = {name: written[name] for name in ("enabled", "shadow") if name in written}
    if "rollout" in written:
        told["rollout"] = read_rollout(written["rollout"], sides)
    return told


def _wrong_rollout(document: Document, draft: Draft, written: Json) -> Iterator[Finding]:
    for key, text in written.items():
        where = ("flags", draft.mapping.name, "rollout", key)
        if key != "percent" and key not in draft.sides:
            message = f"mapping {draft.mapping.name} has no side {key!r}"
            mend = choose(key, ("percent", *draft.sides))
            yield Finding("project/unknown-side", message, mend, at=document.key_at(*where))
        elif key != "percent":
            for offset, message in problems(text):
                at = document.inside(where, offset)
                yield Finding("project/expression", f"rollout: {message}", "see https://jmespath.org", at=at)


def _with(draft: Draft, told: dict[str, Json]) -> Draft:
    mapping: Declared = replace(draft.mapping, **told)
    return replace(draft, mapping=mapping)


# The environment --------------------------------------------------------------------------------------------------


def _from_environment(text: str, drafts: dict[str, Draft], names: frozenset[str]) -> Iterator[Finding]:
    for part in filter(None, map(str.strip, text.split(","))):
        told = _SET.fullmatch(part)
        if told is None:
            yield Finding("project/bad-flag", f"{VARIABLE}: {part!r} is not MAPPING.FLAG=VALUE", LIKE)
        elif told["mapping"] not in names:
            message = f"{VARIABLE}: there is no mapping {told['mapping']!r}"
            yield Finding("project/bad-flag", message, choose(told["mapping"], names))
        elif told["flag"] not in NAMES:
            message = f"{VARIABLE}: there is no flag {told['flag']!r}"
            yield Finding("project/bad-flag", message, choose(told["flag"], NAMES))
        elif (value := _value(told["flag"], told["value"])) is None:
            wanted = "a percentage such as 20%" if told["flag"] == "rollout" else "true or false"
            message = f"{VARIABLE}: {told['mapping']}.{told['flag']} must be {wanted}, not {told['value']!r}"
            yield Finding("project/bad-flag", message, LIKE)
        elif told["mapping"] in drafts:
            drafts[told["mapping"]] = _with(drafts[told["mapping"]], {told["flag"]: value})


def _value(flag: str, text: str) -> Json:
    if flag == "rollout":
        return Rollout(Decimal(text[:-1])) if _PERCENT.fullmatch(text) else None
    return _TRUTH.get(text)
