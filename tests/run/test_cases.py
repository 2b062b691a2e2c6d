"""Do golden cases say what the real engine would do, and are they kept without harm to their files?"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmsync.core.model import Finding
from crmsync.project import load_project
from crmsync.project.cases import strangers
from crmsync.run.rehearse.cases import Golden, try_cases, update
from crmsync.run.rehearse.compare import without_a_system
from crmsync.run.rehearse.tested import Wanted, try_mappings

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "crmsync" / "cli" / "starter"

MLYN = """cases:
  - name: a new customer
    given:
      crm: [{id: 1, type: customer, name: " Mlyn "}]
    expect:
      plan:
        - create: pm.customer
          from: crm.account/1
          changes:
            name: {to: Mlyn, why: created}
            status: {to: onboarding, why: default}
            kind: {to: external, why: constant}
"""
RENAMED = """cases:
  - name: renamed
    given:
      crm: [{id: 1, type: customer, name: New}]
      pm: [{id: 7, customer_name: Old, status: active, kind: external}]
      links: [{crm: 1, pm: 7, base: {name: {crm: Old}}}]
    expect: {plan: [{update: pm.customer/7, changes: {name: {from: Old, to: New, why: owner-changed}}}]}
"""


@dataclass
class Project:
    """The starter's project, with one file of golden cases."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "tests" / "account-customer" / "golden.yaml"

    def write(self, text: str) -> Project:
        self.file.write_text(text, "utf-8")
        return self

    def edit(self, name: str, old: str, new: str) -> Project:
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new), "utf-8")
        return self

    def tried(self) -> Golden:
        loaded = load_project(self.folder, environ={})
        assert loaded.project is not None, loaded.findings
        (mapping,) = loaded.project.mappings
        return try_cases(loaded.tests, loaded.project, loaded.definitions, mapping)

    def failures(self) -> list[Finding]:
        golden = self.tried()
        return [*golden.findings, *(each.finding() for each in golden.tried if not each.holds)]

    def failure(self) -> Finding:
        (finding,) = self.failures()
        return finding

    def found(self) -> object:
        (tried,) = self.tried().tried
        return tried.found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(STARTER, tmp_path / "shop")
    return Project(tmp_path / "shop")


def test_the_cases_of_the_starter_hold(project: Project) -> None:
    assert len(list(project.tried().tried)) == 6
    assert project.failures() == []


@pytest.mark.parametrize("seed", [0, 7])
def test_the_world_that_other_tests_run_in_passes_every_test(seed: int) -> None:
    tested = list(try_mappings(ROOT / "tests" / "worlds" / "small", None, Wanted(seed=seed), lambda: lambda: True))
    assert [len(each.cases) for each in tested] == [1, 1]
    assert [finding for each in tested for finding in each.findings() if finding.severity != "info"] == []


@pytest.mark.parametrize("seed", [0, 7])
def test_the_reference_mappings_pass_every_test(tmp_path: Path, seed: int) -> None:
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "examples" / "demo" / "tests", tmp_path / "tests")
    shutil.copy(ROOT / "examples" / "demo" / "crmsync.yaml", tmp_path)
    tested = list(try_mappings(tmp_path, None, Wanted(seed=seed), lambda: lambda: True))
    assert [len(each.cases) for each in tested] == [11, 7, 7]
    assert {direction.drawn >= 100 for each in tested for direction in each.directions} == {True}
    assert [finding for each in tested for finding in each.findings() if finding.severity != "info"] == []


def test_a_new_record_is_mapped_by_the_real_engine(project: Project) -> None:
    assert project.write(MLYN).failures() == []


def test_a_field_that_the_base_does_not_name_is_at_rest(project: Project) -> None:
    """The CRM says nothing of the status, the project tool says active; only the name has changed."""
    assert project.write(RENAMED).failures() == []


def test_the_order_of_keys_and_the_places_of_numbers_say_nothing(project: Project) -> None:
    turned = RENAMED.replace("{from: Old, to: New, why: owner-changed}", "{why: owner-changed, to: New, from: Old}")
    assert project.write(turned).failures() == []


def test_a_wrong_expectation_fails_with_its_line_and_the_difference(project: Project) -> None:
    finding = project.write(RENAMED.replace("to: New", "to: Newer")).failure()
    assert finding.rule == "test/golden"
    assert finding.at is not None
    assert (Path(finding.at.file).name, finding.at.line, finding.at.column) == ("golden.yaml", 7, 5)
    assert "-      name: {from: Old, to: Newer, why: owner-changed}" in finding.message
    assert "+      name: {from: Old, to: New, why: owner-changed}" in finding.message


def test_a_mapping_that_has_changed_breaks_its_golden_case(project: Project) -> None:
    project.write(MLYN).edit("mappings/account-customer.yaml", "to_pm: [trim, collapse_spaces]", "to_pm: []")
    finding = project.failure()
    assert '+      name: {to: " Mlyn ", why: created}' in finding.message


def test_a_case_that_expects_nothing_written_fails_until_it_is(project: Project) -> None:
    bare = MLYN[: MLYN.index("    expect:")]
    finding = project.write(bare).failure()
    assert finding.rule == "test/no-expectation"
    changed, wrong = update(project.tried())
    assert ([each.case.name for each in changed], wrong) == (["a new customer"], [])
    assert project.file.read_text("utf-8") == MLYN
    assert project.failures() == []


def test_a_refused_record_is_expected_by_its_rule_and_path(project: Project) -> None:
    bad = MLYN.replace('name: " Mlyn "', 'name: Mlyn, registration: {ico: "12345678"}')
    assert project.write(bad).found() == {
        "findings": [{"record": "crm.account/1", "rule": "transform/unfit", "path": "registration.ico"}]
    }


def test_a_record_out_of_scope_is_nothing_to_do(project: Project) -> None:
    assert project.write(MLYN.replace("type: customer", "type: partner")).found() == {"nothing": True}


def test_a_contested_field_is_a_question(project: Project) -> None:
    notes = RENAMED.replace("name: New", "name: Old, description: Mine").replace(
        "kind: external", "kind: external, notes: Hers"
    )
    project.write(notes.replace("{name: {crm: Old}}", "{notes: {crm: null, pm: null}}"))
    assert project.found() == {
        "plan": [
            {
                "hold": ["crm.account/1", "pm.customer/7"],
                "field": "notes",
                "kind": "conflict",
                "why": "notes: both sides changed it",
            }
        ]
    }


TWO_NOTES = """cases:
  - name: two notes
    given:
      crm: [{id: 1, type: customer, name: Mlyn, description: Before noon}]
      pm: [{id: 7, customer_name: Mlyn, status: active, kind: external, notes: Never}]
      links: [{crm: 1, pm: 7, base: {notes: {crm: null, pm: null}, status: {pm: active}}}]
      decisions: [{crm: 1, pm: 7, field: notes, take: crm}]
"""
LOOKALIKES = """cases:
  - name: nearly the same name
    given:
      crm: [{id: 1, type: customer, name: Kovotrans, website: kovotrans-demo.sk}]
      pm: [{id: 7, customer_name: Kovotrans Slovakia, status: active, kind: external, web_domain: kovotrans-demo.sk}]
      decisions: [{crm: 1, pm: 7, take: same}]
"""


@pytest.mark.parametrize(
    ("take", "plan"),
    [
        ("crm", [{"update": "pm.customer/7",
                  "changes": {"notes": {"from": "Never", "to": "Before noon", "why": "decided"}}}]),
        ("pm", [{"update": "crm.account/1",
                 "changes": {"notes": {"from": "Before noon", "to": "Never", "why": "decided"}}}]),
        ("{value: On Mondays}", [
            {"update": "crm.account/1",
             "changes": {"notes": {"from": "Before noon", "to": "On Mondays", "why": "decided"}}},
            {"update": "pm.customer/7",
             "changes": {"notes": {"from": "Never", "to": "On Mondays", "why": "decided"}}}]),
    ],
)  # fmt: skip
def test_what_a_person_has_answered_to_a_held_field_is_done(project: Project, take: str, plan: object) -> None:
    project.write(TWO_NOTES.replace("take: crm", f"take: {take}"))
    assert project.found() == {"plan": plan}


def test_two_records_that_a_person_called_the_same_are_a_first_link(project: Project) -> None:
    assert project.write(LOOKALIKES).found() == {
        "plan": [
            {"update": "crm.account/1", "changes": {"status": {"to": "In delivery", "why": "first-link"}}},
            {"update": "pm.customer/7",
             "changes": {"name": {"from": "Kovotrans Slovakia", "to": "Kovotrans", "why": "first-link"}}},
        ]
    }  # fmt: skip


def test_a_record_that_a_person_called_another_one_gets_a_counterpart(project: Project) -> None:
    found = project.write(LOOKALIKES.replace("take: same", "take: different")).found()
    assert isinstance(found, dict)
    assert [(each["create"], each["from"]) for each in found["plan"]] == [("pm.customer", "crm.account/1")]


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "mend"),
    [
        ("field: notes", "field: status", "test/no-question", "nothing is asked about status of these records",
         "asked is about: notes"),
        ("field: notes, ", "", "test/no-question", "nothing is asked about these records as a whole",
         "asked is about: notes"),
        ("pm: 7, field", "pm: 8, field", "test/no-question", "nothing is asked about notes", "without this decision"),
        ("take: crm", "take: same", "test/wrong-answer", "same does not answer a question of the kind conflict",
         "answer with one of: crm, pm, value"),
        ("take: crm", "take: crn", "case/bad-value", "there is no answer 'crn'", "did you mean 'crm'?"),
        ("field: notes", "field: note", "case/unknown-field", "there is no field 'note'", "did you mean 'notes'?"),
        ("crm: 1, pm: 7, field", "field", "case/no-key", "the decision names no record", "write crm: KEY or pm: KEY"),
        ("take: crm", "value: x", "case/", "", ""),
    ],
)  # fmt: skip
def test_a_decision_that_answers_nothing_is_told_where_it_stands(
    project: Project, old: str, new: str, rule: str, message: str, mend: str
) -> None:
    head, tail = TWO_NOTES.split("decisions:")
    found = project.write(f"{head}decisions:{tail.replace(old, new)}").failures()
    assert rule in found[0].rule
    assert message in found[0].message
    assert mend in found[0].mend
    assert found[0].at is not None
    assert found[0].at.line == 7


def test_a_decision_that_answers_nothing_is_not_written_anew(project: Project) -> None:
    text = project.write(TWO_NOTES.replace("field: notes", "field: status")).file.read_text("utf-8")
    assert update(project.tried()) == ([], [])
    assert project.file.read_text("utf-8") == text


def test_a_link_that_never_agreed_is_a_first_link(project: Project) -> None:
    found = project.write(RENAMED.replace("{name: {crm: Old}}", "null")).found()
    assert {"name": {"from": "Old", "to": "New", "why": "first-link"}} in [each["changes"] for each in found["plan"]]  # type: ignore[index]


def test_a_default_that_was_filled_in_never_flows_back(project: Project) -> None:
    """With `filled` the CRM's null says nothing; a status that was agreed on with it is none."""
    edited = RENAMED.replace("name: New", "name: Old, delivery_status: null").replace(
        "status: active", "status: onboarding"
    )
    filled = "{status: {crm: null, pm: onboarding, filled: true}}"
    assert project.write(edited.replace("{name: {crm: Old}}", filled)).found() == {"nothing": True}


def test_a_record_that_two_listings_lacked_is_gone(project: Project) -> None:
    gone = RENAMED.replace("[{id: 1, type: customer, name: New}]", "[{id: 2, type: partner, name: Else}]")
    gone = gone.replace(", base: {name: {crm: Old}}", ", missing: crm")
    assert project.write(gone).found() == {
        "plan": [{"archive": "pm.customer/7", "why": "gone on the other side"}]
    }  # fmt: skip


def test_a_listing_without_a_record_is_not_believed(project: Project) -> None:
    empty = RENAMED.replace("crm: [{id: 1, type: customer, name: New}]", "crm: []")
    assert project.write(empty).found() == {"findings": [{"rule": "listing/empty"}]}


def test_no_variable_has_to_be_set(project: Project) -> None:
    project.write(MLYN).edit("crmsync.yaml", "${CRM_URL:-sqlite:///crm.db}", "postgresql://${NOBODY_SETS_THIS}@h/crm")
    loaded = without_a_system(project.folder, None)
    assert loaded.project is not None
    golden = try_cases(loaded.tests, loaded.project, loaded.definitions, loaded.project.mappings[0])
    assert all(each.holds for each in golden.tried)


# Files with mistakes ------------------------------------------------------------------------------------------------

WRONG = [
    ("expect:", "expects:", "case/unknown-key", (5, 5), "did you mean 'expect'?"),
    ("given:", "givn:", "case/unknown-key", (3, 5), "did you mean 'given'?"),
    ("crm: [", "crn: [", "case/unknown-key", (4, 7), "did you mean 'crm'?"),
    ("why: created", "wyh: created", "case/unknown-key", (10, 30), "did you mean 'why'?"),
    ("- create:", "- creat:", "case/unknown-key", (7, 11), "did you mean 'create'?"),
    ("name: a new customer", "name: 7", "case/wrong-type", (2, 11), ""),
    ("crm: [{id: 1", "links: [{crm: 1}]\n      crm: [{id: 1", "case/no-key", (4, 15), "write pm: KEY"),
    (
        "crm: [{id: 1",
        "links: [{crm: 1, pm: 7, base: {nmae: {crm: A}}}]\n      crm: [{id: 1",
        "case/unknown-field", (4, 38), "did you mean 'name'?",
    ),
    ("crm: [{id: 1", "entities: {pm.user: []}\n      crm: [{id: 1", "case/unknown-entity", (4, 18), "there are"),
    ("crm: [{id: 1", "entities: {pm.customer: []}\n      crm: [{id: 1", "case/own-entity", (4, 18), "under crm or pm"),
    ("crm: [{id: 1", "parents: {deals: []}\n      crm: [{id: 1", "case/unknown-mapping", (4, 17), "there are"),
    ("[{id: 1, type", "[{id: 1}, {id: 1, type", "case/duplicate-record", (4, 22), "a key of its own"),
    ("id: 1, type", "id: 1, id: 2, type", "yaml/duplicate-key", (4, 21), "keep one"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rule", "place", "mend"), WRONG, ids=lambda each: str(each)[:30])
def test_a_mistake_in_a_case_is_told_with_its_place(
    project: Project, old: str, new: str, rule: str, place: tuple[int, int], mend: str
) -> None:
    found = project.write(MLYN.replace(old, new, 1)).failures()
    finding = next(each for each in found if each.rule == rule)
    assert finding.at is not None
    assert (finding.at.line, finding.at.column) == place
    assert mend in finding.mend


def test_cases_of_a_mapping_that_is_not_there_are_found(project: Project) -> None:
    project.file.parent.rename(project.folder / "tests" / "account-custmer")
    loaded = load_project(project.folder, environ={})
    assert loaded.project is not None
    (finding,) = strangers(loaded.tests, loaded.project)
    assert (finding.rule, finding.mend.split("?")[0]) == ("case/unknown-mapping", "did you mean 'account-customer'")


def test_the_folder_of_the_cases_may_have_another_name(project: Project) -> None:
    (project.folder / "tests").rename(project.folder / "golden")
    project.edit("crmsync.yaml", "version: 1\n", "version: 1\ntests: golden\n")
    assert len(list(project.tried().tried)) == 6


# Written anew -------------------------------------------------------------------------------------------------------

LAYOUT = """# the head stays
cases:
  # about the first one
  - expect: {nothing: true} # behind
    name: one line
    given: {crm: [{id: 1, type: partner, name: A}]}

  - name: in the middle
    expect:
      # what was thought about it goes with it
      nothing: true

    # about what is given
    given:
      crm: [{id: 2, type: customer, name: B}]
  - name: at the end
    given:
      crm: [{id: 3, type: customer, name: C}]
    # nothing is expected yet
# the tail stays
"""


def test_only_what_is_expected_is_written_anew(project: Project) -> None:
    project.write(LAYOUT)
    changed, wrong = update(project.tried())
    assert ([each.case.name for each in changed], wrong) == (["in the middle", "at the end"], [])
    text = project.file.read_text("utf-8")
    assert text == (
        LAYOUT.replace(
            "      # what was thought about it goes with it\n      nothing: true\n", made("B", 2, 6)
        ).replace("name: C}]\n", "name: C}]\n    expect:\n" + made("C", 3, 6))
    )
    assert project.failures() == []
    assert update(project.tried()) == ([], [])
    assert project.file.read_text("utf-8") == text


def made(name: str, key: int, indent: int) -> str:
    """The plan for a new account."""
    lines = f"""plan:
  - create: pm.customer
    from: crm.account/{key}
    changes:
      name: {{to: {name}, why: created}}
      status: {{to: onboarding, why: default}}
      kind: {{to: external, why: constant}}
"""
    return "".join(" " * indent + line for line in lines.splitlines(keepends=True))


def test_a_case_in_one_line_is_left_to_a_person(project: Project) -> None:
    line = "cases: [{name: a, given: {crm: [{id: 1, type: customer, name: A}]}}]\n"
    changed, wrong = update(project.write(line).tried())
    assert changed == []
    assert [each.rule for each in wrong] == ["test/not-rewritten"]
    assert project.file.read_text("utf-8") == line


def test_lines_that_end_as_on_windows_are_written_anew(project: Project) -> None:
    project.file.write_bytes(MLYN.replace("Mlyn, why", "Mill, why").replace("\n", "\r\n").encode())
    assert update(project.tried())[1] == []
    assert project.failures() == []
