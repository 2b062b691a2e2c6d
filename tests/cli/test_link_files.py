"""Links out to a spreadsheet and back in, and their first base: link export, import, adopt."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli.shop import Shop

HEAD = "mapping,crm,pm,verdict"


def sheet(shop: Shop, *lines: str, head: str = HEAD, name: str = "links.csv") -> Path:
    path = shop.folder / name
    path.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return path


def links(shop: Shop) -> set[tuple[str, ...]]:
    said = shop.do("link", "list", "--output", "json").json["links"]
    return {(*each["records"], each["by"]) for each in said}


@pytest.fixture
def two(shop: Shop) -> Shop:
    """Nothing is linked; accounts 1 to 3, and customers 7, 9 and 11 that could be theirs."""
    shop.sql("pm", "INSERT INTO customers (id, customer_name, status, kind) VALUES (9, 'Mill', 'active', 'external')")
    shop.sql("pm", "INSERT INTO customers (id, customer_name, status, kind) VALUES (11, 'Bau', 'active', 'external')")
    return shop


# show, split


def test_a_link_that_was_split_has_ended(synced: Shop) -> None:
    assert [each["state"] for each in shown(synced)] == ["live"]
    assert synced.do("link", "split", "crm.account/2", "-s", "another", "--yes").code == 2
    assert synced.do("link", "split", "crm.account/2", "-s", "account-*", "--yes").code == 0
    assert [(each["state"], each["ended"] is None) for each in shown(synced)] == [("ended", False)]
    assert " ended " in synced.do("link", "show", "crm.account/2").out
    assert " live " not in synced.do("link", "list", "--ended").out.splitlines()[2]


def test_a_list_of_links_that_is_cut_short_says_so(two: Shop) -> None:
    lines = [
        "crm.account/1,pm.customer/7,same",
        "crm.account/2,pm.customer/9,same",
        "crm.account/3,pm.customer/11,same",
    ]
    assert two.do("link", "import", sheet(two, *lines, head="crm,pm,verdict")).code == 0
    few = two.do("link", "list", "--limit", 1)
    assert few.out.endswith("and 2 more: --limit N or --all\n")
    assert "more" not in two.do("link", "list", "--limit", 1, "--all").out
    told = two.do("link", "list", "--limit", 2, "--output", "json").json
    assert (len(told["links"]), told["total"]) == (2, 3)
    two.do("link", "split", "crm.account/3", "--yes")
    assert two.do("link", "list", "--output", "json").json["total"] == 2
    assert two.do("link", "list", "--ended", "--output", "json").json["total"] == 3


def shown(shop: Shop) -> list[dict[str, object]]:
    links: list[dict[str, object]] = shop.do("link", "show", "crm.account/2", "--output", "json").json["links"]
    return links


# export


def test_an_export_has_a_line_for_every_judgement(synced: Shop) -> None:
    synced.do("link", "split", "crm.account/2", "--yes")
    rows = list(csv.DictReader(io.StringIO(synced.do("link", "export").out)))
    told = [(row["crm"], row["pm"], row["verdict"], row["score"], row["by"] == "crmsync") for row in rows]
    assert told == [
        ("crm.account/1", "pm.customer/7", "same", "1.0000", True),
        ("crm.account/3", "pm.customer/10", "same", "1.0000", True),
        ("crm.account/2", "pm.customer/9", "different", "", False),
    ]


def test_a_file_is_for_its_owner_alone_and_for_spreadsheets(synced: Shop) -> None:
    file = synced.folder / "out.csv"
    assert synced.do("link", "export", "-o", file).out == f"3 judgements written to {file}\n"
    assert file.read_bytes().startswith(b"\xef\xbb\xbfmapping,crm,pm,verdict,score,reason,by,since\n")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_called_minus_is_stdout(synced: Shop) -> None:
    assert synced.do("link", "export", "-o", "-").out == synced.do("link", "export").out


def test_a_file_that_cannot_be_written_is_named(synced: Shop) -> None:
    said = synced.do("link", "export", "-o", synced.folder / "nowhere/out.csv")
    assert said.code == 2
    assert "nowhere/out.csv: No such file or directory" in said.err


def test_an_export_that_comes_back_unchanged_changes_nothing(synced: Shop) -> None:
    file = synced.folder / "out.csv"
    synced.do("link", "export", "-o", file)
    before = synced.do("link", "list", "--ended").out
    assert "3 known before" in synced.do("link", "import", file).out
    assert synced.do("link", "list", "--ended").out == before


# import


def test_judgements_are_taken_with_the_name_of_who_made_them(two: Shop) -> None:
    file = sheet(two, "account-customer,crm.account/2,pm.customer/9,same", "account-customer,3,11,different")
    said = two.do("link", "import", file, "--who", "eva")
    assert (said.code, said.out) == (0, "linked 1 pair, called 1 different\n")
    assert links(two) == {("crm.account/2", "pm.customer/9", "eva")}


def test_the_next_run_works_with_imported_links(two: Shop) -> None:
    two.do("link", "import", sheet(two, "account-customer,2,9,same"))
    two.do("run", "--first-load")
    assert two.customers()[9][0] == "Mlyn Nitra a.s."


def test_a_split_in_a_file_is_not_proposed_again(synced: Shop) -> None:
    synced.do("link", "import", sheet(synced, "account-customer,1,7,different"))
    assert synced.do("run").code in (0, 3)
    assert ("crm.account/1", "pm.customer/7", "crmsync") not in links(synced)


def test_a_file_may_move_a_link(synced: Shop) -> None:
    synced.sql("pm", "INSERT INTO customers (id, customer_name, status, kind) VALUES (12, 'K', 'active', 'external')")
    file = sheet(synced, "account-customer,1,7,different", "account-customer,1,12,same")
    assert synced.do("link", "import", file, "--who", "eva").code == 0
    assert ("crm.account/1", "pm.customer/12", "eva") in links(synced)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfmapping;crm;pm;verdict\r\naccount-customer;crm.account/2;pm.customer/9;same\r\n",
        b"mapping\tcrm\tpm\tverdict\naccount-customer\t2\t9\tSame\n",
        b"crm,pm,verdict\n2,9,1\n",
        b"pm,crm,verdict\n9,2,same\n\n",
        b'"mapping","crm","pm","verdict","note"\n"account-customer"," 2 ","9","same","two\nlines"\n',
    ],
    ids=["as Excel saves it", "tabs", "one mapping needs no column", "the other way round", "quotes and line breaks"],
)
def test_spreadsheets_are_read_as_people_save_them(two: Shop, body: bytes) -> None:
    file = two.folder / "links.csv"
    file.write_bytes(body)
    assert two.do("link", "import", file).out == "linked 1 pair, called 0 different\n"


def test_a_line_without_verdict_is_no_judgement(two: Shop) -> None:
    said = two.do("link", "import", sheet(two, "account-customer,2,9,"))
    assert said.out == "linked 0 pairs, called 0 different\n0 known before, 1 without verdict\n"


def test_a_dry_run_changes_nothing(two: Shop) -> None:
    said = two.do("link", "import", sheet(two, "account-customer,2,9,same"), "--dry-run", "--output", "json")
    assert said.json == {"links": 1, "different": 0, "known": 0, "blank": 0, "dry_run": True, "exit": 0}
    assert links(two) == set()


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_taken(two: Shop) -> None:
    file = sheet(
        two,
        "account-customer,1,9,same",
        "acount,2,9,same",
        "account-customer,2,77,same",
        "account-customer,2,9,perhaps",
        "account-customer,3,9,same",
        "account-customer,1,9,different",
    )
    said = two.do("link", "import", file)
    assert said.code == 2
    told = [line for line in said.err.splitlines() if line.startswith(str(file))]
    assert [(int(line.split(":")[1]), line.partition(": ")[2]) for line in told] == [
        (3, "no mapping is named 'acount'"),
        (4, "pm.customer has no record '77'"),
        (5, "'perhaps' is no verdict"),
        (6, "pm.customer/9 is the same as another record in line 2"),
        (7, "line 2 says the opposite about the same two records"),
    ]
    assert links(two) == set()


def test_a_record_that_is_linked_elsewhere_stays_so(synced: Shop) -> None:
    said = synced.do("link", "import", sheet(synced, "account-customer,2,7,same"))
    assert said.code == 2
    assert "links.csv:2:1: crm.account/2 is linked with pm.customer/9" in said.err
    assert "links.csv:2:1: pm.customer/7 is linked with crm.account/1" in said.err


@pytest.mark.parametrize(
    ("first", "then", "word"), [("same", "different", "the same"), ("different", "same", "different")]
)
def test_a_file_does_not_overrule_a_person(two: Shop, first: str, then: str, word: str) -> None:
    two.do("link", "import", sheet(two, f"account-customer,2,9,{first}"), "--who", "eva")
    said = two.do("link", "import", sheet(two, f"account-customer,2,9,{then}"))
    assert said.code == 2
    assert f"eva called crm.account/2 and pm.customer/9 {word} on " in said.err


@pytest.mark.parametrize(("first", "then", "left"), [("same", "different", 0), ("different", "same", 1)])
def test_a_file_overrules_a_person_where_it_is_to(two: Shop, first: str, then: str, left: int) -> None:
    two.do("link", "import", sheet(two, f"account-customer,2,9,{first}"), "--who", "eva")
    assert two.do("link", "import", sheet(two, f"account-customer,2,9,{then}"), "--supersede").code == 0
    assert len(links(two)) == left
    rows = list(csv.DictReader(io.StringIO(two.do("link", "export").out)))
    assert [row["verdict"] for row in rows] == [then]


def test_a_split_is_taken_back_by_a_line_that_says_so(synced: Shop) -> None:
    before = {each[:2] for each in links(synced)}
    synced.do("link", "split", "crm.account/2", "--yes")
    file = sheet(synced, "account-customer,2,9,same")
    assert "crmsync link import --supersede" in synced.do("link", "import", file).err
    synced.do("link", "import", file, "--supersede")
    assert {each[:2] for each in links(synced)} == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"mapping,crm,pm\n", "there is no column verdict"),
        (b"verdict\n", "the first line must name two columns of keys"),
        (b"", "the first line must name two columns of keys"),
        (b"crm,pm,verdict\n\xff,9,same\n", "is no UTF-8"),
        (b"crm,pm,verdict\n" + b"x" * 200_000 + b",9,same\n", "not CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(two: Shop, body: bytes, words: str) -> None:
    file = two.folder / "links.csv"
    file.write_bytes(body)
    said = two.do("link", "import", file)
    assert said.code == 2
    assert words in said.err


def test_judgements_in_a_file_are_those_of_a_person(two: Shop) -> None:
    assert two.do("link", "import", sheet(two, "account-customer,2,9,same"), "--who", "crmsync").code == 2
    assert links(two) == set()


def test_a_file_that_is_not_there_is_refused(two: Shop) -> None:
    said = two.do("link", "import", two.folder / "nothing.csv")
    assert said.code == 2
    assert "nothing.csv: No such file or directory" in said.err


# adopt


def test_what_differs_is_told_field_by_field_with_people_masked(shop: Shop) -> None:
    shop.sql("pm", "UPDATE customers SET contact_email = 'other@kovotrans-demo.sk' WHERE id = 7")
    shop.do("match", "propose")
    said = shop.do("link", "adopt")
    assert said.code == 0
    assert "  name: 1 x crm -> pm (first-link)" in said.out
    assert '"Kovotrans Žilina, spol. s r. o." | "KOVOTRANS ZILINA"' in said.out
    assert '"***" | "***"' in said.out
    assert "other@kovotrans-demo.sk" not in said.out


def test_people_are_shown_to_who_asks_for_them(shop: Shop) -> None:
    shop.sql("pm", "UPDATE customers SET contact_email = 'other@kovotrans-demo.sk' WHERE id = 7")
    shop.do("match", "propose")
    told = shop.do("link", "adopt", "--show-pii", "--output", "json").json["mappings"]["account-customer"]
    assert {"domain", "ico", "notes"} <= told["agreed"].keys()
    shown = {each["field"]: each["examples"][0]["values"] for each in told["differs"]}
    assert shown["email"] == ["obchod@kovotrans-demo.sk", "other@kovotrans-demo.sk"]


def test_differences_can_be_saved(shop: Shop) -> None:
    shop.do("match", "propose")
    file = shop.folder / "d.csv"
    shop.do("link", "adopt", "-o", file)
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    assert rows[1:] == [
        ["account-customer", "crm.account/1", "pm.customer/7", "name", "Kovotrans Žilina, spol. s r. o.",
         "KOVOTRANS ZILINA", "crm -> pm (first-link)"]
    ]  # fmt: skip


def test_a_link_whose_record_is_gone_is_counted(shop: Shop) -> None:
    shop.do("match", "propose")
    shop.sql("pm", "DELETE FROM customers WHERE id = 7")
    assert shop.do("link", "adopt", "--output", "json").json["mappings"]["account-customer"]["absent"] == 1


def test_links_that_have_a_base_are_left_alone(synced: Shop) -> None:
    said = synced.do("link", "adopt")
    assert said.out.startswith("account-customer: 0 links without a base; 0 values agree\n")


def test_a_record_that_was_merged_into_another_one_is_not_linked_by_a_file(synced: Shop) -> None:
    synced.sql("crm", "INSERT INTO accounts (id, type, name) VALUES (21, 'customer', 'Stavby Dunaj')")
    synced.sql("pm", "INSERT INTO customers (id, customer_name, status, kind) VALUES (30, 'Bau', 'active', 'external')")
    synced.do("match", "merge", "crm.account/3", "crm.account/21", "--yes")
    said = synced.do("link", "import", sheet(synced, "account-customer,21,30,same"))
    assert said.code == 2
    assert "crm.account/21 was merged into crm.account/3" in said.err
    assert len(links(synced)) == 3
