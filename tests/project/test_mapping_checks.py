"""What the checks of a mapping find. ‹ marks the place where the finding is expected."""

import pytest

LINES = {
    "name": "  name: {crm: name, pm: customer_name, owner: crm, to_pm: [trim]}",
    "ico": "  ico: {crm: registration.ico, pm: ico, owner: crm}",
    "domain": "  domain: {crm: website, pm: web_domain, owner: crm}",
    "status": "  status: {crm: delivery_status, pm: status, owner: pm, to_crm: [{lookup: delivery_status}]}",
    "notes": "  notes: {crm: description, pm: notes, owner: shared, on_conflict: review}",
    "tags": "  tags: {crm: tags, pm: labels, owner: shared, merge: set}",
    "rate": "  rate: {crm: rate, pm: price, owner: shared}",
    "manager": "  manager: {crm: manager, pm: manager, owner: pm, seed: crm}",
    "kind": "  kind: {pm: kind, value: external}",
    "phase": "  phase: {pm: phase, default: {pm: planned}}",
    "crm": "  crm: {entity: account, contract: crm.account@1}",
    "pm": "  pm: {entity: customer, contract: pm.customer@1.0.0}",
    "scope": "scope:\n  crm: \"type == 'customer'\"",
    "decide": "  decide: [ico, [name, domain]]",
    "compare": "    name: {as: company, weight: 0.6}",
    "link_at": "  link_at: 0.93",
    "create": 'create: {pm: {when: {crm: "active"}}}',
    "delete": "delete: {pm: archive}",
    "limits": "limits: {create: 500, update: 30%}",
    "version": "version: 1",
    "checks": '  - {crm: "rate", apply: [{round: {places: 2}}], equals: rate, within: 0.01, else: reject}',
}


def test_a_sound_project_has_no_findings(folder):
    loaded = folder.load()
    assert loaded.findings == ()
    assert loaded.project is not None


SHAPE = [
    ("ico", "  ico: {crm: registration.ico, pm: ico, ‹ownr: crm}", "unknown-key", "unknown key 'ownr' in fields.ico",
     "did you mean 'owner'? allowed: crm, default, "),
    ("ico", "  ico: {‹erp: registration.ico, pm: ico, owner: pm}", "unknown-key", "unknown key 'erp'", "allowed: crm,"),
    ("ico", "  ico: {crm: registration.ico, pm: ico, owner: ‹cmr}", "bad-value",
     "fields.ico.owner must be one of crm, pm, shared, not 'cmr'", "did you mean 'crm'?"),
    ("ico", "  ico: ‹registration.ico", "wrong-type", "fields.ico must be an object such as", "crmsync schema mapping"),
    ("ico", "  ico: {crm: ‹5, pm: ico, owner: crm}", "wrong-type", "fields.ico.crm must be a path", "crmsync schema"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, to_pm: ‹trim}", "wrong-type",
     "fields.name.to_pm must be a list of transforms, not 'trim'", "crmsync schema mapping"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, to_pm: [‹7]}", "wrong-type",
     "fields.name.to_pm[0] must be a transform such as trim", "crmsync schema mapping"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, to_pm: [‹{trim: {}, lower: {}}]}", "bad-value",
     "fields.name.to_pm[0] must be an object with one transform and its arguments", "crmsync schema mapping"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, ‹to_erp: [trim]}", "unknown-key",
     "unknown key 'to_erp'", "did you mean"),
    ("tags", "  tags: {crm: tags, pm: labels, owner: shared, merge: ‹sets}", "bad-value",
     "fields.tags.merge must be set, counter or append, not 'sets'", "did you mean 'set'?"),
    ("rate", "  rate: {crm: rate, pm: price, owner: shared, equal_within: ‹-1}", "bad-value",
     "fields.rate.equal_within must be a number of at least 0, not -1", "crmsync schema mapping"),
    ("notes", "  notes: {crm: description, pm: notes, owner: shared, on_conflict: ‹latest}", "bad-value",
     "fields.notes.on_conflict must be one of review, newest, crm, pm, not 'latest'", "crmsync schema mapping"),
    ("compare", "    name: {as: company, weight: ‹0}", "bad-value", "compare.name.weight must be a number above 0",
     "crmsync schema mapping"),
    ("compare", "    ‹name: {weight: 0.6}", "missing-key", "match.compare.name lacks 'as'",
     "write as: the name of a comparator"),
    ("link_at", "  link_at: ‹93", "bad-value", "match.link_at must be a number from 0 to 1, not 93", "crmsync schema"),
    ("create", "create: {pm: ‹alway}", "bad-value", "create.pm must be always, never, or", "did you mean 'always'?"),
    ("create", "create: {pm: {‹wen: {crm: active}, when: {crm: active}}}", "unknown-key", "unknown key 'wen'",
     "did you mean 'when'?"),
    ("create", "create: {‹erp: always}", "unknown-key", "unknown key 'erp' in create", "allowed: crm, pm"),
    ("delete", "delete: {pm: ‹archived}", "bad-value", "delete.pm must be ignore, archive or delete",
     "did you mean 'archive'?"),
    ("limits", "limits: {create: ‹lots}", "bad-value", "limits.create must be a count (500) or a percentage (30%)",
     "crmsync schema mapping"),
    ("limits", "limits: {create: ‹-1}", "bad-value", "limits.create must be a count (500) or", "crmsync schema"),
    ("limits", "limits: {create: ‹130%}", "bad-value", "limits.create must be a count (500) or", "crmsync schema"),
    ("limits", "limits: {fields: {name: ‹lots}}", "bad-value", "limits.fields.name must be a count (500) or a",
     "crmsync schema mapping"),
    ("limits", "limits: {fields: {‹nam: 5}}", "unknown-field", "there is no field 'nam'", "did you mean 'name'?"),
    ("limits", "limits: {missing: ‹-1}", "bad-value", "limits.missing must be a count (500) or", "crmsync schema"),
    ("limits", "limits: {unusual: ‹0}", "bad-value", "limits.unusual must be a number from 1 on, or off", "schema"),
    ("limits", "limits: {unusual: ‹of}", "bad-value", "limits.unusual must be a number from 1 on, or off", "'off'?"),
    ("limits", "limits: {‹inserts: 1}", "unknown-key", "unknown key 'inserts' in limits",
     "allowed: archive, conflicts, create,"),
    ("version", "version: 1\noscillation: ‹1", "bad-value", "oscillation must be a whole number from 2 on, or never,",
     "crmsync schema"),
    ("version", "version: 1\noscillation: ‹nevr", "bad-value", "oscillation must be a whole number from 2 on, or never",
     "did you mean 'never'?"),
    ("version", "version: ‹2", "bad-value", "version must be 1, the only version of the mapping language",
     "crmsync schema mapping"),
    ("crm", "  ‹crm: {entity: account}", "missing-key", "between.crm lacks 'contract'", "write contract: a"),
    ("crm", "  crm: {entity: account, contract: ‹crm.account}", "bad-value",
     "between.crm.contract must be a contract such as crm.account@1", "crmsync schema mapping"),
    ("checks", "  - ‹{crm: rate}", "missing-key", "checks[0] lacks 'equals'", "write equals: a plain path"),
    ("checks", "  - {crm: rate, equals: rate, else: ‹drop}", "bad-value",
     "checks[0].else must be reject, hold or warn, not 'drop'", "crmsync schema mapping"),
]  # fmt: skip

MEANING = [
    ("crm", "  crm: {system: ‹crmm, entity: account, contract: crm.account@1}", "unknown-system",
     "there is no system 'crmm'", "did you mean 'crm'? there are: crm, pm"),
    ("crm", "  crm: {entity: ‹acount, contract: crm.account@1}", "unknown-entity",
     "system crm has no entity 'acount'", "did you mean 'account'?"),
    ("crm", "  crm: {entity: account, contract: ‹crm.acount@1}", "unknown-contract",
     "there is no contract 'crm.acount'", "did you mean 'crm.account'?"),
    ("crm", "  crm: {entity: account, contract: ‹crm.account@1.7}", "unknown-version",
     "contract crm.account has no version 1.7", "there are: 1.0.0, 1.9.0, 1.10.0, 2.0.0"),
    ("scope", "scope:\n  crm: \"type == ‹customer('x')\"", "expression", "customer()",
     "jmespath"),
    ("scope", "scope:\n  crm: \"rate ‹> '50'\"", "expression", "scope.crm: ", "jmespath"),
    ("scope", "scope:\n  crm: \"type == ‹typo\"", "unknown-path",
     "crm.account@1.10.0 does not declare 'typo'", "did you mean 'type'? it has: "),
    ("ico", "  ico: {crm: registration.‹ic, pm: ico, owner: crm}", "unknown-path",
     "crm.account@1.10.0 does not declare 'registration.ic'", "did you mean 'ico'? registration has: ico"),
    ("ico", "  ico: {crm: registration.ico, pm: ‹icoo, owner: crm}", "unknown-path",
     "pm.customer@1.0.0 does not declare 'icoo'", "did you mean 'ico'?"),
    ("ico", "  ico: {crm: '[name, ‹nam] | [0]', pm: ico, owner: crm}", "unknown-path",
     "crm.account@1.10.0 does not declare 'nam'", "did you mean 'name'?"),
    ("ico", "  ico: {crm: \"registration.‹\", pm: ico, owner: crm}", "expression", "fields.ico.crm: ", "jmespath"),
    ("ico", "  ico: {crm: registration.ico, pm: ‹\"ico || notes\", owner: crm}", "not-a-plain-path",
     "pm of field ico is written, so it must be a plain path", "write names joined by dots"),
    ("ico", "  ico: {crm: registration.ico, pm: ‹created, owner: crm}", "read-only-path",
     "pm.customer@1.0.0 says that created is read only", "let this side own the field"),
    ("ico", "  ‹ico: {crm: registration.ico, pm: ico}", "no-owner", "field ico has no owner",
     "write owner: crm, owner: pm or owner: shared"),
    ("kind", "  kind: {pm: kind, value: external, ‹owner: pm}", "needless-owner", "field kind has nothing to own",
     "delete owner:"),
    ("kind", "  kind: {crm: type, pm: kind, ‹value: external}", "constant-two-sided",
     "field kind is a constant, which has a place on one side only", "delete the other path"),
    ("kind", "  kind: {pm: kind, value: ‹extern}", "constant", "fields.kind.value: ", "write a value that it allows"),
    ("phase", "  phase: {pm: phase, default: {pm: ‹5}}", "constant", "fields.phase.default.pm: ", "write a value"),
    ("phase", "  phase: {pm: phase, default: {pm: a, ‹crm: b}}", "default-without-path",
     "field phase has a default for crm, but no place there", "write crm:"),
    ("notes", "  ‹notes: {pm: notes}", "one-sided", "field notes has no place on crm, and no value of its own",
     "write crm:, value: or default:"),
    ("rate", "  ‹rate: {owner: shared}", "no-path", "field rate has no place on any side", "write crm: and pm:"),
    ("manager", "  manager: {crm: manager, pm: manager, owner: pm, seed: ‹pm}", "seed-is-owner",
     "pm owns field manager, so it cannot seed it", "write seed: crm, or delete it"),
    ("manager", "  manager: {crm: manager, pm: manager, owner: shared, seed: ‹pm}", "needless-seed",
     "field manager is not owned by one side", "delete seed:"),
    ("tags", "  tags: {crm: tags, pm: labels, owner: crm, merge: ‹set}", "merge-not-shared",
     "field tags combines the values of both sides", "write owner: shared"),
    ("notes", "  notes: {crm: ‹description, pm: marks, owner: shared, merge: set}", "merge-type",
     "merge: set wants array, but description is string", "take another merge"),
    ("tags", "  tags: {crm: points, pm: ‹marks, owner: shared, merge: counter}", "merge-type",
     "merge: counter wants integer or number, but marks is array", "take another merge"),
    ("tags", "  tags: {crm: tags, pm: ‹points, owner: shared, merge: append}", "merge-type",
     "merge: append wants array or string, but points is integer", "take another merge"),
    ("notes", "  notes: {crm: description, pm: notes, owner: shared, to_pm: [‹truncate: 5]}", "no-inverse",
     "field notes goes both ways, but there is no way back from truncate", "write to_crm: too"),
    ("rate", "  rate: {crm: rate, pm: price, owner: shared, to_pm: [‹round: {places: 2}], to_crm: []}", "lossy",
     "field rate goes both ways, and round loses digits", "write equal_within:"),
    ("manager", "  manager: {crm: manager, pm: manager, owner: pm, seed: crm, to_crm: [‹truncate: 5]}", "no-inverse",
     "field manager goes both ways, but there is no way back from truncate", "write to_pm: too"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, link: ‹contacts}", "unknown-mapping",
     "there is no mapping 'contacts'", "there are: account-customer, opportunity-project"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, ‹to_pm: [trim], link: account-customer}",
     "link-with-chain", "field name is a link", "delete to_pm:"),
    ("name", "  name: {crm: ‹[name, type], pm: customer_name, owner: crm}", "paths-without-link",
     "field name has a list of paths", "write one path, or link:"),
    ("decide", "  decide: [ico, [name, ‹domains]]", "unknown-field", "there is no field 'domains'",
     "did you mean 'domain'?"),
    ("decide", "  decide: [‹phase]", "match-one-sided", "field phase has a place on one side only", "map it on both"),
    ("compare", "    ‹nme: {as: company, weight: 0.6}", "unknown-field", "there is no field 'nme'", "'name'?"),
    ("compare", "    name: {as: ‹compny, weight: 0.6}", "unknown-comparator", "there is no comparator 'compny'",
     "did you mean 'company'?"),
    ("link_at", "  link_at: ‹0.5", "thresholds", "link_at 0.5 is below review_at 0.78", "let link_at be the higher"),
    ("link_at", "  within: ‹name", "within-no-link", "field name is no link", "name a field with link:"),
    ("link_at", "  within: ‹parent", "unknown-field", "there is no field 'parent'", "there are: domain,"),
    ("create", "create: {pm: {when: {‹pm: \"active\"}}}", "create-side", "create.pm.when cannot read pm",
     "write when: {crm: ...}"),
    ("checks", "  - ‹{apply: [round], equals: rate}", "check-side", "check 1 must read exactly one side",
     "write one of crm, pm: with the expression"),
    ("checks", "  - {crm: rate, equals: ‹\"rate || name\"}", "not-a-plain-path", "equals of check 1 must be",
     "write names joined by dots"),
    ("checks", "  - {crm: ‹rte, equals: rate}", "unknown-path", "crm.account@1.10.0 does not declare 'rte'",
     "did you mean 'rate'?"),
    ("phase", "  phase: {crm: type, pm: ‹kind, owner: crm, to_pm: [{default: x}, {constant: external}]}",
     "written-twice", "pm.customer kind is also written by field kind at", "let one field write it"),
    ("phase", "  phase: {crm: type, pm: phase, owner: crm, when: {crm: ‹actve}}", "unknown-path",
     "crm.account@1.10.0 does not declare 'actve'", "did you mean 'active'?"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "spoilt", "rule", "message", "mend"), SHAPE + MEANING)
def test_a_mistake_is_named_with_its_place_and_how_to_mend_it(folder, line, spoilt, rule, message, mend):
    folder.mapping(LINES[line], spoilt)
    found = folder.finding(f"mapping/{rule}")
    assert message in found.message
    assert mend in found.mend
    assert folder.expected is not None


CHAINS = [
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, to_pm: [‹trimm]}", "transform/unknown",
     "fields.name.to_pm: there is no transform 'trimm'", "did you mean 'trim'?"),
    ("rate", "  rate: {crm: rate, pm: price, owner: crm, to_pm: [‹round: {place: 2}]}", "transform/argument",
     "fields.rate.to_pm: ", "did you mean 'places'?"),
    ("status", "  status: {crm: delivery_status, pm: status, owner: pm, to_crm: [‹lookup: delivery_stats]}",
     "lookup/unknown-table", "there is no reference table 'delivery_stats'", "delivery_status"),
    ("name", "  name: {crm: name, pm: customer_name, owner: crm, to_pm: [‹lookup: {entity: pm.u, by: a, take: b}]}",
     "mapping/unknown-entity", "there is no entity 'pm.u'", "there are: crm.account"),
    ("checks", "  - {crm: rate, apply: [‹rond], equals: rate}", "transform/unknown",
     "checks[0].apply: there is no transform 'rond'", "did you mean 'round'?"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "spoilt", "rule", "message", "mend"), CHAINS)
def test_a_chain_is_checked_where_it_is_written(folder, line, spoilt, rule, message, mend):
    folder.mapping(LINES[line], spoilt)
    found = folder.finding(rule)
    assert message in found.message
    assert mend in found.mend


WARNINGS = [
    ("ico", "  ico: {crm: registration.ico, pm: ico, owner: crm, ‹on_conflict: pm}", "no-effect",
     "on_conflict of field ico has no effect: it is for shared fields", "delete on_conflict:"),
    ("tags", "  tags: {crm: tags, pm: labels, owner: shared, merge: set, ‹on_foreign_edit: keep}", "no-effect",
     "on_foreign_edit of field tags has no effect", "delete on_foreign_edit:"),
    ("ico", "  ico: {crm: registration.ico, pm: ico, owner: crm, ‹to_crm: [trim]}", "no-effect",
     "to_crm of field ico has no effect: crm is never written", "delete to_crm:"),
    ("ico", "  ico: {crm: registration.ico, pm: ico, owner: crm, group: ‹money}", "lonely-group",
     "group money has one field only", "move with it"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "spoilt", "rule", "message", "mend"), WARNINGS)
def test_what_has_no_effect_is_a_warning(folder, line, spoilt, rule, message, mend):
    folder.mapping(LINES[line], spoilt)
    found = folder.finding(f"mapping/{rule}")
    assert (found.severity, message in found.message, mend in found.mend) == ("warning", True, True)


def test_what_a_create_needs_and_nobody_writes_is_a_warning(folder):
    folder.mapping(LINES["name"] + "\n", "")
    folder.mapping(LINES["decide"], "  decide: [ico]")
    folder.mapping(LINES["compare"] + "\n", "")
    folder.mapping(LINES["create"], "create: {pm: ‹always}")
    found = folder.finding("mapping/required-unwritten")
    assert found.severity == "warning"
    assert "requires customer_name, which no field writes" in found.message
    assert "{pm: customer_name, value: ...}" in found.mend


def test_members_of_a_group_have_one_owner(folder):
    folder.mapping(LINES["ico"], LINES["ico"].replace("}", ", group: g}"))
    folder.mapping(LINES["rate"], "  rate: {crm: rate, pm: price, owner: shared, group: ‹g}")
    found = folder.finding("mapping/group-owners")
    assert "group g: rate and ico have different owners" in found.message


def test_the_two_sides_are_two_entities(folder):
    name = "mappings/opportunity-project.yaml"
    folder.write(name, folder.read(name).replace("{entity: project, contract: pm.project@1}",
                                                 "{system: crm, entity: ‹opportunity, contract: crm.opportunity@1}")
                 .replace("customer_id", "account_id").replace("crm: account_id", "crm: updated_at"))  # fmt: skip
    found = next(each for each in folder.load().findings if each.rule == "mapping/same-entity")
    assert (found.at, found.message) == (folder.expected, "both sides are crm.opportunity")


def test_a_path_of_one_entity_has_one_writing_mapping(folder):
    text = folder.read("mappings/account-customer.yaml")
    folder.write("mappings/zzz.yaml", text.replace("mapping: account-customer", "mapping: zzz"))
    findings = folder.load().findings
    assert {each.rule for each in findings} == {"mapping/written-by-two"}
    first = (folder.root / "mappings/account-customer.yaml").as_posix()
    name = next(each for each in findings if "pm.customer customer_name" in each.message)
    assert f"also written by field name of mapping account-customer at {first}:18:" in name.message
    assert name.at.file == (folder.root / "mappings/zzz.yaml").as_posix()
    assert name.mend == "let one mapping write it"


def test_a_mapping_that_is_switched_off_writes_nothing(folder):
    text = folder.read("mappings/account-customer.yaml")
    folder.write("mappings/zzz.yaml", text.replace("mapping: account-customer", "mapping: zzz\nenabled: false"))
    assert folder.load().findings == ()


def test_a_path_inside_a_written_path_is_written_twice(folder):
    folder.mapping(LINES["ico"], "  ico: {crm: ‹registration.ico, pm: ico, owner: pm}\n"
                   "  all: {crm: registration, pm: phase, owner: pm, "
                   "to_crm: [{default: x}, {constant: {}}]}")  # fmt: skip
    folder.mapping(LINES["phase"] + "\n", "")
    found = folder.finding("mapping/written-twice")
    assert "registration.ico, which lies in registration, is also written by field all at" in found.message


def test_two_mappings_have_two_names(folder):
    folder.replace("mappings/opportunity-project.yaml", "mapping: opp", "mapping: ‹account-customer #")
    found = folder.finding("mapping/duplicate-name")
    assert "mapping account-customer is already written at" in found.message
    assert found.mend == "rename one of the two"


def test_after_names_a_mapping(folder):
    folder.mapping(LINES["version"], "version: 1\nafter: [‹oportunity-project]")
    found = folder.finding("mapping/unknown-mapping")
    assert found.mend.startswith("did you mean 'opportunity-project'?")


def test_a_loop_of_mappings_is_named(folder):
    folder.mapping(LINES["version"], "version: 1\nafter: ‹opportunity-project")
    found = folder.finding("mapping/loop")
    assert "account-customer -> opportunity-project -> account-customer" in found.message
    assert "take one after: or link:" in found.mend


def test_a_composite_link_has_as_many_paths_as_the_key(folder):
    folder.replace("crmsync.yaml", "        key: id\n        archive", "        key: [id, name]\n        archive")
    folder.replace("mappings/opportunity-project.yaml", "pm: customer_id", "pm: ‹customer_id")
    loaded = folder.load()
    found = next(each for each in loaded.findings if each.rule == "mapping/link-parts")
    assert found.at == folder.expected
    assert "the key of pm.customer has 2 parts, not 1" in found.message
    assert found.mend == "write as many paths as its key has: id, name"


def test_a_link_stays_between_its_systems(folder):
    folder.mapping(LINES["version"], "version: 1")
    erp = "  erp:\n    connector: memory\n    entities: {order: {key: id}}\n"
    folder.replace("crmsync.yaml", "  pm:\n", erp + "  pm:\n")
    folder.replace("mappings/opportunity-project.yaml", "pm: {entity: project", "pm: {system: erp, entity: order")
    folder.replace("mappings/opportunity-project.yaml", "link: ", "link: ‹")
    found = folder.finding("mapping/link-elsewhere")
    assert "mapping account-customer does not have a side in the system erp" in found.message


def test_a_mapping_may_link_to_itself(folder):
    folder.mapping(LINES["manager"], "  manager: {crm: manager, pm: manager, owner: crm, link: account-customer}")
    assert folder.load().findings == ()


@pytest.mark.parametrize("policy", ["delete: {‹crm: archive}", "on_leave_scope: ‹archive"])
def test_archiving_needs_a_rule_of_the_entity(folder, policy):
    folder.replace("crmsync.yaml", '        deleted: "is_deleted"\n        archive: {set: {active: false}}\n', "")
    side = "scope:\n  pm: kind"
    folder.mapping(LINES["scope"], side)
    folder.mapping(LINES["delete"], policy.replace("‹crm: ", "crm: ‹"))
    found = folder.finding("mapping/no-archive")
    assert "crm.account does not say how a record is archived" in found.message
    assert "archive: {set: {active: false}}" in found.mend


def test_the_newest_needs_a_time_of_change(folder):
    folder.replace("crmsync.yaml", "        modified: updated_at\n", "")
    folder.mapping(LINES["notes"], "  notes: {crm: description, pm: notes, owner: shared, on_conflict: ‹newest}")
    found = folder.finding("mapping/newest-unknown")
    assert "pm.customer does not say when a record was changed" in found.message


def test_elements_of_an_array_are_only_read(folder):
    folder.write("schemas/crm/line/1.0.0.json", "{}")
    folder.write("mappings/lines.yaml", """\
version: 1
mapping: lines
between:
  crm: {entity: line, contract: crm.line@1}
  pm: {entity: project, contract: pm.project@1}
fields:
  text: {crm: ‹line.text, pm: region, owner: pm}
""")  # fmt: skip
    found = folder.finding("mapping/each-is-read-only")
    assert "crm.line are elements of the array lines, which are only read" in found.message


def test_what_is_embedded_is_only_read(folder):
    embed = "{key: [id], embed: {acc: {entity: account, by: account_id}}, modified: updated_at}"
    folder.replace("crmsync.yaml", "{key: [id], modified: updated_at}", embed)
    other = "mappings/opportunity-project.yaml"
    folder.replace(other, "title: {crm: title,", "title: {crm: acc.name,")
    assert folder.load().findings == ()
    folder.replace(
        other, "title: {crm: acc.name, pm: title, owner: crm}", "title: {crm: ‹acc.name, pm: title, owner: pm}"
    )
    found = folder.finding("mapping/embed-is-read-only")
    assert found.message == "acc is put into the record by crmsync, to be read only"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key: [id, region]", "key: [id, regio]", "key of pm.project: pm.project@1.0.0 does not declare 'regio'"),
        ("key: [id, region]", "natural_key: titl, key: [id, region]", "natural_key of pm.project: "),
        ("key: [id, region]", "origin: org, key: [id, region]", "origin of pm.project: "),
        ("key: [id, region]", "archive: {set: {a.b: 1}}, key: [id, region]", "archive of pm.project: "),
        ("key: [id, region]", "deleted: is_gone, key: [id, region]", "deleted of pm.project: "),
    ],
)
def test_the_paths_of_an_entity_are_those_of_its_contract(folder, old, new, message):
    folder.replace("crmsync.yaml", "project: {" + old, "‹project: {" + new)
    found = folder.finding("project/unknown-path")
    assert message in found.message
    assert "it has: customer_id, id, region, title" in found.mend


def test_the_key_is_written_by_whom_it_is_assigned_by(folder):
    name = "mappings/opportunity-project.yaml"
    folder.replace(name, "fields:", "create: {pm: ‹always}\nfields:")
    found = folder.finding("mapping/key-not-written")
    assert "pm.project gets its keys from us, but no field writes id, region" in found.message
    folder.replace(
        name, "  title:", "  a: {crm: id, pm: id, owner: crm}\n  b: {crm: updated_at, pm: region, owner: crm}\n  title:"
    )
    assert folder.load().findings == ()


def test_the_key_of_the_system_is_not_written(folder):
    folder.replace("crmsync.yaml", ", assigned_by: caller", "")
    folder.replace("mappings/opportunity-project.yaml", "  title:", "  a: {crm: id, pm: ‹region, owner: crm}\n  title:")
    found = folder.finding("mapping/writes-key")
    assert "the key of pm.project is assigned by the system" in found.message


def test_a_lookup_both_ways_is_one_to_one_or_names_what_it_prefers(folder):
    folder.mapping(
        LINES["status"],
        "  status: {crm: delivery_status, pm: status, owner: shared, to_pm: [‹lookup: delivery_status]}",
    )
    assert folder.load().findings == ()
    folder.replace("mappings/reference/status.yaml", "  prefer: {pm: {open: Won}}\n", "")
    found = folder.finding("mapping/no-inverse")
    assert "field status goes both ways, but its table is not one to one" in found.message
    assert "prefer:" in found.mend


def test_a_seed_with_a_chain_for_each_way_needs_no_inverse(folder):
    chains = "to_crm: [{truncate: 5}], to_pm: [{truncate: 6}]"
    folder.mapping(LINES["manager"], "  manager: {crm: manager, pm: manager, owner: pm, seed: crm, " + chains + "}")
    assert folder.load().findings == ()


def test_an_undeclared_path_of_an_open_contract_is_a_warning(folder):
    open_contract = '{"type": "object", "properties": {"id": {}, "region": {}, "customer_id": {}, "title": {}}}'
    folder.write("schemas/pm/project/1.0.0.json", open_contract)
    folder.replace("mappings/opportunity-project.yaml", "pm: title", "pm: ‹titel")
    found = folder.finding("mapping/unknown-path")
    assert (found.severity, found.mend.startswith("did you mean 'title'?")) == ("warning", True)


@pytest.mark.parametrize("name", ["owner", "to_pm", "shared", "equals", "newest"])
def test_a_side_cannot_have_a_name_of_the_language(folder, name):
    folder.replace("mappings/opportunity-project.yaml", "  pm: {entity", f"  ‹{name}: {{system: pm, entity")
    loaded = folder.load()
    found = next(each for each in loaded.findings if each.rule == "mapping/reserved-side")
    assert (found.at, f"{name!r} is a word of the mapping language" in found.message) == (folder.expected, True)


def test_a_mapping_has_exactly_two_sides(folder):
    folder.mapping("between:\n", "between:\n  ‹erp: {entity: a, contract: a@1}\n")
    found = folder.finding("mapping/bad-value")
    assert "between must be an object with exactly two sides" in found.message


def test_all_mistakes_of_all_files_are_found_at_once_and_sorted_by_place(folder):
    folder.mapping(LINES["ico"], "  ico: {crm: registration.ico, pm: ico, ownr: crm}")
    folder.mapping(LINES["rate"], "  rate: {crm: rte, pm: price, owner: shared}")
    folder.mapping(LINES["compare"], "    name: {as: compny, weight: 0.6}")
    folder.replace("mappings/opportunity-project.yaml", "link: account-customer", "link: account-custmer")
    folder.replace("mappings/reference/status.yaml", "[Lost, open]", "[Lost]")
    folder.replace("crmsync.yaml", "connector: memory", "connector: memry")
    findings = folder.load().findings
    assert [each.rule for each in findings] == [
        "project/unknown-connector",
        "mapping/unknown-comparator",
        "mapping/unknown-key",
        "mapping/unknown-path",
        "mapping/unknown-mapping",
        "reference/row-length",
    ]
    assert list(findings) == sorted(findings, key=lambda each: each.at)
