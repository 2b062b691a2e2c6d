"""Do the jobs, the hooks and the editor's line of docs/ci.md work as they are written?"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmsync.cli.findings import FORMATS
from crmsync.project.yaml import load_yaml
from tests.docs.pages import ROOT, blocks, code, read, rows
from tests.docs.truths import data

PAGE = "docs/ci.md"
OURS = "crmsync "
SHA = "HEAD~0"


def job(kind: str) -> Any:
    (block,) = blocks(PAGE, "yaml", kind)
    return data(block.text)


def github() -> list[Any]:
    (only,) = job("github")["jobs"].values()
    return list(only["steps"])


def hooks() -> list[Any]:
    document, wrong = load_yaml("hooks", (ROOT / ".pre-commit-hooks.yaml").read_bytes())
    assert document is not None
    assert wrong == []
    return list(document.data)


def lines() -> Iterator[str]:
    """What the jobs and hooks run, besides the installation."""
    yield from (step["run"] for step in github() if "run" in step)
    for each in job("gitlab").values():
        yield from each.get("script", ())
        yield from each.get("before_script", ())
    yield from (hook["entry"] for hook in hooks())


def bases() -> dict[str, str]:
    """What the runners say of the commit that a change is compared with."""
    (only,) = job("github")["jobs"].values()
    return {
        "BASE": only["env"]["BASE"].replace("${{ github.base_ref }}", "main"),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": SHA,
    }


COMMANDS = sorted({line for line in lines() if line.startswith(OURS)})


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: with the crmsync that is installed here, in the current directory."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **bases(), "PATH": path}
    words = ["bash", "-e", "-o", "pipefail", "-c", line]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that `crmsync init` makes, cloned as a runner does: with what is under version control only."""
    folder = tmp_path_factory.mktemp("committed")
    who = "-c user.name=eva -c user.email=eva@example.org"
    done = shell(
        f"cd {shlex.quote(str(folder))} && crmsync init shop && cd shop && git init -q -b main && git add ."
        f" && git {who} commit -q -m first && cd .. && git clone -q shop clone"
    )
    assert done.returncode == 0, done.stderr
    return folder / "clone"


@pytest.fixture
def committed(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(clone, tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


@pytest.mark.parametrize("line", COMMANDS)
def test_what_a_job_or_a_hook_runs_passes_in_a_new_project(committed: Path, line: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for word in shlex.split(line):
        format, _, file = word.partition("=")
        if format in ("sarif", "gitlab"):
            json.loads((committed / file).read_text("utf-8"))


def test_what_a_job_installs_is_crmsync() -> None:
    assert {line for line in lines() if not line.startswith(OURS)} == {"pip install crmsync"}


def test_a_wrong_line_fails_the_check_of_a_job_and_stands_beside_the_diff(committed: Path) -> None:
    mapping = committed / "mappings/account-customer.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("owner: shared", "owner: sharde"), "utf-8")
    (line,) = [step["run"] for step in github() if "crmsync check" in step.get("run", "")]
    done = shell(line)
    assert done.returncode == 2
    assert done.stdout.startswith("::error file=mappings/account-customer.yaml,line=45,")


def test_a_contract_that_breaks_what_was_there_fails_its_job(committed: Path) -> None:
    contract = committed / "schemas/pm/customer/1.0.0.json"
    contract.write_text(contract.read_text("utf-8").replace('"maxLength": 255', '"maxLength": 55'), "utf-8")
    (line,) = [step["run"] for step in github() if "contract diff" in step.get("run", "")]
    done = shell(line)
    assert done.returncode == 2
    (run,) = json.loads((committed / "contracts.sarif").read_text("utf-8"))["runs"]
    assert "contract/length-narrowed" in {each["ruleId"] for each in run["results"]}
    assert run["automationDetails"]["id"] == "crmsync/contract/diff/"


def test_reports_of_one_github_job_do_not_overwrite_each_other() -> None:
    files = [word for step in github() for word in shlex.split(step.get("run", "")) if word.startswith("sarif=")]
    assert len(files) == len(set(files)) == 4


def test_every_job_of_gitlab_writes_the_reports_that_it_hands_over() -> None:
    jobs = job("gitlab")
    handed = set(jobs[".crmsync"]["artifacts"]["reports"].values())
    for name, each in jobs.items():
        if not name.startswith("."):
            (line,) = each["script"]
            assert {word.partition("=")[2] for word in shlex.split(line) if "=" in word} == handed


def test_hooks_of_the_page_are_those_that_there_are() -> None:
    (repository,) = job("pre-commit")["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in hooks()]
    for hook in hooks():
        assert hook.keys() == {"id", "name", "description", "entry", "language", "types_or", "pass_filenames"}


def test_every_format_is_listed() -> None:
    listed = rows(PAGE, "format", "is for", "an error, a warning, an info")
    assert [code(row.cells[0]) for row in listed] == list(FORMATS)


def test_the_line_for_editors_is_the_one_that_init_writes() -> None:
    (block,) = blocks(PAGE, "yaml", "line")
    first, *_ = block.text.splitlines()
    assert read("crmsync/cli/starter/mappings/account-customer.yaml").startswith(f"{first}\n")
