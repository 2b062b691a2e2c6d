"""Which environment variables does the project file want, and what do they say?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from crmsync.core.model import Finding, Json
from crmsync.core.near import closest
from crmsync.project.shapes import dotted
from crmsync.project.yaml import Document, Where

_VARIABLE: Final = re.compile(r"\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})?")
_PASSWORD: Final = re.compile(r"://[^/@\s]*:(?P<password>[^/@\s]+)@")
_SECRET_KEY: Final = re.compile(r"(password|passwd|secret|token|api_?key|credentials?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filled:
    data: Json
    secrets: frozenset[str]
    findings: tuple[Finding, ...]


def fill_variables(document: Document, environ: Mapping[str, str]) -> Filled:
    """The project file with `${VAR}` and `${VAR:-default}` replaced in `ledger` and in all text under `systems` and
    `signals`.

    A default counts as in a shell: also when the variable is set but empty. What came from a variable is secret, and
    so is any password written into the file itself.
    """
    filler = _Filler(document, environ)
    data = {
        key: filler.fill(value, (key,)) if key in ("systems", "ledger", "signals") else value
        for key, value in (document.data.items() if isinstance(document.data, dict) else ())
    }
    return Filled(data, frozenset(filler.secrets), tuple(filler.findings))


class _Filler:
    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self.document, self.environ = document, environ
        self.secrets: set[str] = set()
        self.findings: list[Finding] = []

    def fill(self, value: Json, where: Where) -> Json:
        match value:
            case dict():
                return {key: self.fill(item, (*where, key)) for key, item in value.items()}
            case list():
                return [self.fill(item, (*where, index)) for index, item in enumerate(value)]
            case str():
                self._look_for_secrets(value, where)
                return _VARIABLE.sub(lambda found: self._value(found, where), value)
        return value

    def _value(self, found: re.Match[str], where: Where) -> str:
        name, default = found["name"], found["default"]
        at = self.document.inside(where, found.start())
        if name is None:
            mend = "write ${VAR} or ${VAR:-default}"
            self.findings.append(Finding("project/bad-variable", f"{dotted(where)} holds a broken ${{", mend, at=at))
            return ""
        value = self.environ.get(name)
        if value is None and default is None:
            near = closest(name, self.environ)
            mend = f"export {name}=..., or give it a default: ${{{name}:-...}}" + (f"; {near} is set" if near else "")
            message = f"environment variable {name} is not set"
            self.findings.append(Finding("project/unset-variable", message, mend, at=at))
            return ""
        if value:
            self.secrets.update(_parts(value))
        return str(default if default is not None and not value else value)

    def _look_for_secrets(self, value: str, where: Where) -> None:
        """A password in the file is kept out of all output, and its writer is told to take it out of the file."""
        written = _PASSWORD.search(_VARIABLE.sub("", value))
        password = written["password"] if written else None
        if isinstance(where[-1], str) and _SECRET_KEY.search(where[-1]) and value and "${" not in value:
            password = value
        if password is None:
            return
        self.secrets.update((password, unquote(password)))
        message = f"{dotted(where)} holds a secret in plain text"
        mend = "put it into an environment variable and write ${VAR}"
        at = self.document.at(*where)
        self.findings.append(Finding("project/plain-secret", message, mend, "warning", at=at))


def _parts(value: str) -> set[str]:
    """A secret as a whole, and the password in it where it is a URL: messages of drivers may hold either."""
    try:
        password = urlsplit(value).password
    except ValueError:
        return {value}
    return {value, password, unquote(password)} if password else {value}
