"""The schema of mapping files with the words of a project."""

import json
import shutil
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given

from crmsync.core.match import comparators
from crmsync.core.model import Contract
from crmsync.core.values import registry
from crmsync.project import schema_text
from crmsync.project.completion import DEPTH, MOST, paths, project_schema
from crmsync.project.yaml import load_yaml
from tests.docs.pages import ROOT
from tests.project.spoilt import sound, spoilt

PROJECTS = {"starter": ROOT / "crmsync/cli/starter", "demo": ROOT / "examples/demo"}


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The starter, and the demo with the reference pairs that it is built with."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECTS[request.param], folder)
    if request.param == "demo":
        for name in ("mappings", "schemas"):
            shutil.copytree(ROOT / name, folder / name)
    return folder


def completed(folder: Path):
    return json.loads(project_schema(folder))


def offered(schema, root):
    """What an editor offers for a value of this schema."""
    if "$ref" in schema:
        yield from offered(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    yield from schema.get("enum", ())
    yield from (schema["const"] for _ in range("const" in schema))
    for branch in schema.get("anyOf", ()):
        yield from offered(branch, root)


def test_the_projects_own_mappings_fit(project: Path) -> None:
    schema = completed(project)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema_rs.Draft7Validator(schema)
    files = sorted((project / "mappings").glob("*.yaml"))
    assert files
    for file in files:
        document, _ = load_yaml(str(file), file.read_bytes())
        assert document is not None
        assert list(validator.iter_errors(document.data)) == []


SHIPPED = jsonschema_rs.Draft7Validator(json.loads(schema_text("mapping")))
STARTER = jsonschema_rs.Draft7Validator(completed(PROJECTS["starter"]))


@given(spoilt(("mapping",)))
def test_a_file_fits_it_exactly_when_it_fits_the_schema_of_every_project(case) -> None:
    _, data = case
    assert STARTER.is_valid(data) == SHIPPED.is_valid(data)


def test_the_names_of_the_project_are_offered() -> None:
    root = completed(PROJECTS["starter"])
    definitions = root["definitions"]
    field, end = definitions["field"]["properties"], definitions["crm_end"]["properties"]
    assert root["properties"]["between"]["properties"].keys() == {"crm", "pm"}
    assert list(offered(end["system"], root)) == ["crm", "pm"]
    assert list(offered(end["entity"], root)) == ["account"]
    assert list(offered(end["contract"], root)) == ["crm.account@1"]
    assert {"name", "registration.ico"} <= set(offered(field["crm"], root))
    assert {"customer_name", "contact.email"} <= set(offered(field["pm"], root))
    assert "customer_name" not in set(offered(field["crm"], root))
    assert list(offered(field["owner"], root)) == ["crm", "pm", "shared"]
    assert list(offered(field["link"], root)) == ["account-customer"]
    assert set(offered(root["properties"]["after"], root)) == {"account-customer"}
    kinds = root["properties"]["match"]["properties"]["compare"]["additionalProperties"]["properties"]["as"]
    assert list(offered(kinds, root)) == list(comparators())


def test_transforms_are_offered_with_their_arguments_and_what_they_do() -> None:
    root = completed(PROJECTS["starter"])
    names = list(offered(root["definitions"]["chain"]["items"], root))
    (objects,) = [each for each in root["definitions"]["chain"]["items"]["anyOf"] if "properties" in each]
    assert {*names, *objects["properties"]} == registry().keys()
    assert "trim" in names
    assert "truncate" not in names  # it needs a length
    assert objects["properties"]["truncate"]["description"] == registry()["truncate"].doc
    lookup = objects["properties"]["lookup"]
    assert list(offered(lookup, root)) == ["delivery_status"]
    (named,) = [each for each in lookup["anyOf"] if "properties" in each]
    assert named["properties"].keys() == registry()["lookup"].params.keys()
    assert list(offered(named["properties"]["entity"], root)) == ["crm.account", "pm.customer"]
    mode = objects["properties"]["round"]["properties"]["mode"]
    assert set(offered(mode, root)) == set(registry()["round"].params["mode"].choices)


def test_every_example_of_a_transform_fits() -> None:
    root = completed(PROJECTS["starter"])
    chain = jsonschema_rs.Draft7Validator({**root["definitions"]["chain"], "definitions": root["definitions"]})
    for name, transform in registry().items():
        for example in transform.examples:
            assert chain.is_valid([name if example.args is None else {name: example.args}]), (name, example.args)


def test_a_project_with_mistakes_still_has_words(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS["starter"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "mappings/broken.yaml").write_text("mapping: half\nbetween: [", "utf-8")
    (tmp_path / "mappings/odd.yaml").write_text(
        "mapping: odd\nbetween: {erp: {entity: 5, contract: crm.account@1}, owner: 3}\n", "utf-8"
    )
    (tmp_path / "schemas/crm/account/2.0.0.json").write_text("{", "utf-8")
    (tmp_path / "crmsync.yaml").write_text("systems: {pm: {entities: [x]}, crm: 5}\n", "utf-8")
    root = completed(tmp_path)
    assert jsonschema_rs.Draft7Validator(root).is_valid(sound("mapping"))
    assert list(offered(root["definitions"]["field"]["properties"]["link"], root)) == ["account-customer", "odd"]


def test_a_recursive_contract_has_so_many_paths_and_no_more() -> None:
    node = {"type": "object", "properties": {name: {"$ref": "#"} for name in ("left", "right", "my name")}}
    found = paths(Contract("crm.tree", "1.0.0", node))
    assert len(found) == sum(3**depth for depth in range(1, DEPTH + 1)) <= MOST
    assert found[:4] == ["left", '"my name"', "right", "left.left"]
    wide = {"properties": {f"f{number}": {"$ref": "#"} for number in range(5_000)}}
    assert len(paths(Contract("crm.wide", "1.0.0", wide))) == MOST
