"""What did the project's folder look like at a git ref?

Nothing is checked out and the repository is not touched: the files come out of its database into a temporary folder.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from crmsync.core.model import Finding
from crmsync.core.near import closest, meant

_OURS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # a hook's: they would lead elsewhere


class GitError(Exception):
    """There is no answer, and this is why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@contextmanager
def at_ref(folder: Path, ref: str) -> Iterator[Path]:
    """The project's folder as it was at `ref` (a branch, a tag, a commit, `main~2`), for as long as the block lasts:
    empty where it was not there yet. What submodules hold is left out, and so are links that lead out of it. Raises
    `GitError`."""
    top, inside = _repository(folder)
    commit = _commit(top, ref)
    with TemporaryDirectory(prefix="crmsync-") as made:
        _unpack(top, commit, inside, Path(made))
        then = Path(made, inside)
        then.mkdir(parents=True, exist_ok=True)
        yield then


def _repository(folder: Path) -> tuple[Path, str]:
    """The top of the repository that the folder lies in, and the way from there to the folder."""
    if not folder.is_dir():
        raise GitError(
            Finding("git/no-folder", f"there is no folder {folder}", "name the project folder: --project DIR")
        )
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        said = _said(done)
        if "dubious ownership" in said:
            mend = f"git config --global --add safe.directory {folder.resolve().as_posix()}"
            raise GitError(Finding("git/not-ours", f"git does not trust {folder}: it belongs to somebody else", mend))
        mend = "run it in a clone of the repository"
        raise GitError(Finding("git/no-repository", f"{folder.resolve()} is in no git repository", mend))
    top = Path(done.stdout.decode().rstrip("\n"))
    return top, folder.resolve().relative_to(top.resolve()).as_posix()


def _commit(top: Path, ref: str) -> str:
    done = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not done.returncode:
        return done.stdout.decode().strip()
    if _git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        mend = "fetch all of it: fetch-depth: 0 in GitHub Actions, GIT_DEPTH: 0 in GitLab CI, or git fetch --unshallow"
        raise GitError(Finding("git/shallow", f"this clone is shallow and does not know {ref!r}", mend))
    names = _names(top)
    remote = [name for name in names if name.endswith(f"/{ref}")]
    near = remote[0] if remote else closest(ref, names)
    mend = meant(near, "name a branch, a tag or a commit: git log --oneline")
    raise GitError(Finding("git/unknown-ref", f"there is no git ref {ref!r}", mend))


def _names(top: Path) -> list[str]:
    done = _git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads/", "refs/remotes/", "refs/tags/")
    return sorted(done.stdout.decode().split())


def _unpack(top: Path, commit: str, inside: str, into: Path) -> None:
    """Not by `git archive`, which leaves out what `.gitattributes` says."""
    listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *([] if inside == "." else [f"{inside}/"]))
    entries = [entry.split(b"\t", 1) for entry in listed.stdout.split(b"\0") if entry]
    files = [(facts.split()[2], os.fsdecode(name)) for facts, name in entries if facts.startswith(b"100")]
    asked = b"".join(blob + b"\n" for blob, _ in files)
    done = _git(top, "cat-file", "--batch", given=asked)
    if listed.returncode or done.returncode:
        said = _said(listed if listed.returncode else done)
        raise GitError(Finding("git/failed", f"git: {said}", "fetch what is missing: git fetch"))
    read = io.BytesIO(done.stdout)
    for _, name in files:
        *_, size = read.readline().split()
        if not size.isdigit():
            raise GitError(Finding("git/failed", f"git does not have {name}", "fetch what is missing: git fetch"))
        body = read.read(int(size))
        read.readline()
        path = into / name
        if path.resolve().is_relative_to(into.resolve()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)


def _git(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environ = {name: value for name, value in os.environ.items() if name not in _OURS} | {"LC_ALL": "C"}
    command: Sequence[str] = ("git", "-C", folder.as_posix(), *words)
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environ, input=given)
    except FileNotFoundError:
        raise GitError(Finding("git/not-installed", "git is not installed", "install git, or put it on PATH")) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip().splitlines()[-1:][0] if done.stderr.strip() else "it failed"
