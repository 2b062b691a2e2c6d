"""The project's folder as it was at a git ref, out of real repositories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from crmsync.project.git import GitError, at_ref

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=eva", "-c", "user.email=eva@crmsync.example", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", str(self.top), *who, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        for name, text in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_the_folder_is_what_it_was_and_the_work_in_it_stays(repository: Repository) -> None:
    repository.commit({"a.txt": "old", "gone/b.txt": "b"})
    repository.git("rm", "--quiet", "gone/b.txt")
    repository.commit({"a.txt": "new"})
    (repository.top / "a.txt").write_text("not yet committed")
    with at_ref(repository.top, "HEAD~1") as then:
        assert texts(then) == {"a.txt": "old", "gone/b.txt": "b"}
    assert not then.exists()
    assert (repository.top / "a.txt").read_text() == "not yet committed"


def test_a_project_may_lie_in_a_subfolder(repository: Repository) -> None:
    repository.commit({"shop/crmsync.yaml": "1", "shop2/x": "2", "README": "3"})
    with at_ref(repository.top / "shop", "main") as then:
        assert texts(then) == {"crmsync.yaml": "1"}


def test_a_folder_that_was_not_there_yet_was_empty(repository: Repository) -> None:
    first = repository.commit({"README": "3"})
    repository.commit({"shop/crmsync.yaml": "1"})
    with at_ref(repository.top / "shop", first[:10]) as then:
        assert then.is_dir()
        assert texts(then) == {}


def test_attributes_for_archives_leave_nothing_out_and_names_may_be_any(repository: Repository) -> None:
    files = {".gitattributes": "schemas export-ignore\n", "schemas/Žltý kôň.json": "{}", "schemas/$a 'b'.json": "1\r\n"}
    repository.commit(files)
    with at_ref(repository.top, "main") as then:
        assert set(texts(then)) == set(files)


def test_links_and_submodules_are_left_out(repository: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"x": "x"})
    (repository.top / "link").symlink_to("/etc/hostname")
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.top), "sub")
    repository.commit({"a": "1"})
    with at_ref(repository.top, "main") as then:
        assert set(texts(then)) == {"a", ".gitmodules"}


def test_a_hook_does_not_lead_elsewhere(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit({"a": "1"})
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    with at_ref(repository.top, "main") as then:
        assert texts(then) == {"a": "1"}


@pytest.mark.parametrize("ref", ["main", "v1.0", "HEAD", "main^{}", "HEAD~0"])
def test_a_ref_is_named_as_git_names_it(repository: Repository, ref: str) -> None:
    repository.commit({"a": "1"})
    repository.git("tag", "-a", "-m", "x", "v1.0")
    with at_ref(repository.top, ref) as then:
        assert texts(then) == {"a": "1"}


@pytest.mark.parametrize(
    ("ref", "mend"),
    [
        ("mian", "did you mean 'main'?"),
        ("release", "did you mean 'origin/release'?"),
        ("HEAD:a", "name a branch, a tag or a commit: git log --oneline"),
        ("--all", "name a branch"),
        ("", "name a branch"),
        ("HEAD~99", "name a branch"),
    ],
)
def test_a_ref_that_is_not_there_is_named_with_what_is_near(repository: Repository, ref: str, mend: str) -> None:
    repository.commit({"a": "1"})
    repository.git("update-ref", "refs/remotes/origin/release", "HEAD")
    with pytest.raises(GitError) as caught, at_ref(repository.top, ref):
        pass
    assert caught.value.finding.rule == "git/unknown-ref"
    assert mend in caught.value.finding.mend


def test_a_shallow_clone_is_told_how_to_fetch_the_rest(repository: Repository, tmp_path: Path) -> None:
    old = repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", repository.top.as_uri(), str(clone))
    with pytest.raises(GitError) as caught, at_ref(clone, old):
        pass
    assert caught.value.finding.rule == "git/shallow"
    assert "fetch-depth: 0" in caught.value.finding.mend


def test_no_repository_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError) as caught, at_ref(tmp_path, "main"):
        pass
    assert caught.value.finding.rule == "git/no-repository"
    with pytest.raises(GitError) as caught, at_ref(tmp_path / "nowhere", "main"):
        pass
    assert caught.value.finding.rule == "git/no-folder"


def test_without_git_that_is_said(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError) as caught, at_ref(repository.top, "main"):
        pass
    assert caught.value.finding.rule == "git/not-installed"
