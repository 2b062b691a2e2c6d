"""Measuring and teaching which record is which: match evaluate, train, tune, sample, propose; crmsync test."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.shop import Shop

FIRST = ("Kovo", "Agro", "Stavby", "Elektro", "Pekáreň", "Doprava", "Mlyn", "Lesy", "Optika", "Tlačiareň")
SECOND = ("Žilina", "Nitra", "Dunaj", "Hron", "Orava", "Liptov")
WEIGHTS = "    name: {as: company, weight: 0.6}\n    domain: {as: domain, weight: 0.4}\n"
POINTS = "    name: {as: company}\n    domain: {as: domain}\n    email: {as: email}\n"


@pytest.fixture
def full(shop: Shop) -> Shop:
    """Sixty companies in both systems, judged by points: account 100 + n is customer 200 + n; and false friends."""
    shop.edit("mappings/account-customer.yaml", WEIGHTS, POINTS)
    accounts, customers = [], []
    for n, (first, second) in enumerate((a, b) for a in FIRST for b in SECOND):
        host = f"{first}-{second}.sk".lower().translate(str.maketrans("žňčáéí", "zncaei"))
        form = ", spol. s r. o." if n % 2 else ""
        accounts += [100 + n, f"{first} {second} s.r.o.", f"https://www.{host}/", f"info@{host}"]
        customers += [200 + n, f"{first.upper()} {second}{form}", host if n % 3 else None]
    rows = ", ".join(["(?, 'customer', ?, ?, ?)"] * 60)
    shop.sql("crm", f"INSERT INTO accounts (id, type, name, website, email) VALUES {rows}", *accounts)
    rows = ", ".join(["(?, ?, ?, 'active', 'external')"] * 60)
    shop.sql("pm", f"INSERT INTO customers (id, customer_name, web_domain, status, kind) VALUES {rows}", *customers)
    return shop


def write(shop: Shop, *lines: str, name: str = "pairs.csv") -> Path:
    path = shop.folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def truth(shop: Shop, head: str = "crm,pm", numbers: range = range(60)) -> Path:
    return write(shop, head, "1,7", *(f"{100 + n},{200 + n}" for n in numbers))


def labels(shop: Shop) -> Path:
    same = [f"{100 + n},{200 + n},same" for n in range(0, 60, 2)]
    different = [f"{100 + n},{200 + (n + step) % 60},different" for n in range(0, 60, 2) for step in (1, 6, 12)]
    return write(shop, "crm,pm,verdict", *same, *different, name="labels.csv")


# evaluate


def test_figures_are_told_in_words(full: Shop) -> None:
    said = full.do("match", "evaluate", "--truth", truth(full))
    assert said.code == 0
    assert said.out.startswith("account-customer: 61 true pairs among 63 + 61 records\n")
    for words in ("links, at 0.93", "what links imply together", "by 95 %", "recall at 99.5% precision", "compared"):
        assert words in said.out
    assert "left out in crm: 1, out of scope" in said.out


def test_figures_are_told_as_json(full: Shop) -> None:
    said = full.do("match", "evaluate", "--truth", truth(full), "--output", "json").json
    wanted = {"link", "best", "recall_at", "blocking", "review", "clusters", "truth"}
    assert said.keys() == {"mapping", *wanted, "unknown", "exit"}
    assert said["link"]["precision"] == 1.0
    assert said["truth"] == {"pairs": 61, "records": 122}
    assert said["blocking"]["recall"] == 1.0


def test_an_evaluation_does_not_mind_what_is_linked(full: Shop) -> None:
    before = full.do("match", "evaluate", "--truth", truth(full), "--output", "json").json
    full.do("match", "propose")
    assert full.do("match", "evaluate", "--truth", truth(full), "--output", "json").json == before


def test_columns_may_stand_the_other_way_round(full: Shop) -> None:
    lines = ["pm,crm", "7,1", *(f"{200 + n},{100 + n}" for n in range(60))]
    said = full.do("match", "evaluate", "--truth", write(full, *lines), "--output", "json").json
    assert (said["truth"]["pairs"], said["unknown"]) == (61, [])


def test_keys_that_no_record_has_are_told_with_their_lines(full: Shop) -> None:
    said = full.do("match", "evaluate", "--truth", write(full, "crm,pm", "1,7", "1,x", "999,7", ","))
    assert said.code == 0
    assert "pairs.csv:3:1: warning: pm.customer has no record 'x'" in said.err
    assert "pairs.csv:4:1: warning: crm.account has no record '999'" in said.err
    assert "1 true pair among" in said.out


def test_many_unknown_keys_are_counted(full: Shop) -> None:
    said = full.do("match", "evaluate", "--truth", write(full, "crm,pm", "1,7", *["9,9"] * 20))
    assert "40 keys are unknown in all" in said.err
    assert said.err.count("has no record") == 5


def test_a_truth_of_other_systems_is_refused(full: Shop) -> None:
    said = full.do("match", "evaluate", "--truth", write(full, "a,b", "x,y"))
    assert said.code == 2
    assert "not one of its 1 lines names two records of crm.account and pm.customer" in said.err


def test_only_pairs_that_are_the_same_are_true(full: Shop) -> None:
    file = write(full, "crm,pm,verdict", "1,7,same", "100,200,1", "101,205,different", "102,206,0")
    assert full.do("match", "evaluate", "--truth", file, "--output", "json").json["truth"]["pairs"] == 2


@pytest.mark.parametrize(("lines", "words"), [
    (["crm,pm"], "pairs.csv:1:1: not one of its 0 lines names two records that are the same"),
    (["crm,pm,verdict", "1,7,different"], "pairs.csv:1:1: not one of its 1 lines names two records that are the same"),
])  # fmt: skip
def test_without_a_true_pair_nothing_is_measured(full: Shop, lines: list[str], words: str) -> None:
    said = full.do("match", "evaluate", "--truth", write(full, *lines))
    assert (said.code, said.out) == (2, "")
    assert words in said.err


def test_doubles_inside_one_side_are_no_matter_of_one_to_one(full: Shop) -> None:
    for n in (300, 301, 302):
        full.sql(
            "crm", "INSERT INTO accounts (id, type, name, ico) VALUES (?, 'customer', ?, '35697270')",
            n, "Xylofon Bryndziareň s.r.o.",
        )  # fmt: skip
    file = write(full, "a,b", "302,300", "301,302", "300,301")
    said = full.do("match", "evaluate", "--truth", file, "--side", "crm", "--output", "json").json
    assert said["truth"] == {"pairs": 3, "records": 3}
    assert said["link"]["recall"] == 1.0


def test_the_curve_is_drawn(full: Shop) -> None:
    picture = full.folder / "curve.svg"
    full.do("match", "evaluate", "--truth", truth(full), "--plot", picture)
    root = ElementTree.parse(picture).getroot()
    names = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"precision", "recall", "F1", "link_at 0.93", "review_at 0.78"} <= names
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 3


def test_a_png_is_drawn_by_matplotlib(full: Shop) -> None:
    pytest.importorskip("matplotlib")
    picture = full.folder / "curve.png"
    full.do("match", "evaluate", "--truth", truth(full), "--plot", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "words"), [("curve.png", "crmsync[plot]"), ("curve.gif", "neither .svg nor .png")])
def test_a_picture_that_cannot_be_drawn_is_refused(
    full: Shop, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    said = full.do("match", "evaluate", "--truth", truth(full), "--plot", full.folder / name)
    assert said.code == 2
    assert words in said.err


# train


def test_a_model_is_written_beside_the_mapping_and_the_mapping_stays(full: Shop) -> None:
    mapping = full.folder / "mappings/account-customer.yaml"
    before = mapping.read_bytes()
    said = full.do("match", "train", "--labels", labels(full))
    model = full.folder / "mappings/account-customer.match.yaml"
    assert "learned from 30 pairs that are the same, and " in said.out
    assert f"written to {model}; to use it, write into match: of the mapping:  model: {model.name}" in said.out
    assert mapping.read_bytes() == before
    full.edit("mappings/account-customer.yaml", "  decide: [ico]", f"  model: {model.name}\n  decide: [ico]")
    assert full.do("check").out == "all is well\n"
    assert full.do("match", "evaluate", "--truth", truth(full), "--output", "json").json["link"]["precision"] == 1.0


def test_the_same_labels_in_any_order_give_the_same_model(full: Shop) -> None:
    file = labels(full)
    full.do("match", "train", "--labels", file, "-o", full.folder / "a.match.yaml")
    head, *lines = file.read_text("utf-8").splitlines()
    other = write(full, head, *reversed(lines), name="other.csv")
    full.do("match", "train", "--labels", other, "-o", full.folder / "b.match.yaml")
    one, two = ((full.folder / f"{name}.match.yaml").read_text("utf-8") for name in "ab")
    assert one.replace("a.match", "") == two.replace("b.match", "")


def test_labels_teach(full: Shop) -> None:
    told = full.do("match", "train", "--labels", labels(full), "--output", "json").json
    assert (told["method"], told["labels"]["same"], told["labels"]["derived"]) == ("logistic", 30, 0)
    before, now = told["right"]["same"]
    assert now >= before


def test_without_labels_the_pairs_teach(full: Shop) -> None:
    said = full.do("match", "train")
    assert said.code == 0
    assert "estimated by expectation-maximisation from " in said.out
    model = full.folder / "mappings/account-customer.match.yaml"
    assert "method: expectation-maximisation" in model.read_text("utf-8")


def test_of_positives_alone_follows_what_they_rule_out(full: Shop) -> None:
    told = full.do("match", "train", "--labels", truth(full, numbers=range(0, 60, 3)), "--output", "json").json
    assert told["method"] == "logistic"
    assert (told["labels"]["same"], told["labels"]["different"]) == (21, 0)
    assert told["labels"]["derived"] > 0


def test_what_people_judged_is_a_label(full: Shop) -> None:
    file = write(full, "crm,pm,verdict", "100,200,same", "101,202,different", "102,203,different")
    full.do("link", "import", file, "--who", "eva")
    told = full.do("match", "train", "--output", "json").json
    assert told["labels"]["same"] + told["labels"]["different"] + told["labels"]["apart"] == 3


def test_labels_teach_although_their_records_share_nothing_that_they_are_looked_up_by(full: Shop) -> None:
    same = [f"{100 + n},{200 + n},same" for n in range(20)]
    strangers = [f"{100 + n},{200 + (n + 33) % 60},different" for n in range(20)]
    file = write(full, "crm,pm,verdict", *same, *strangers)
    assert full.do("match", "tune", "--labels", file, "--output", "json").json["labels"]["apart"] == 20
    told = full.do("match", "train", "--labels", file, "--output", "json").json
    assert told["labels"] == {"same": 20, "different": 20, "derived": 0, "apart": 0}
    assert told["right"]["different"][1] == 20


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "not one of its 0 lines has two records and a verdict"),
        (("102,202,", "103,203,"), "not one of its 2 lines has two records and a verdict"),
        (("102,202,different",), "of the labelled pairs that are compared, 0 are the same and 1 different"),
    ],
)
def test_labels_that_teach_nothing_are_refused_and_the_model_stays(
    full: Shop, lines: tuple[str, ...], why: str
) -> None:
    file = write(full, "crm,pm,verdict", *lines)
    said = full.do("match", "train", "--labels", file)
    assert said.code == 2
    assert f"pairs.csv:1:1: {why}" in said.err
    assert not (full.folder / "mappings/account-customer.match.yaml").exists()


def test_labels_that_contradict_each_other_are_refused_with_both_lines(full: Shop) -> None:
    file = write(full, "crm,pm,verdict", "100,200,same", "101,201,same", "100,200,different")
    said = full.do("match", "train", "--labels", file)
    assert said.code == 2
    assert "pairs.csv:4:1: line 2 says the opposite about the same two records" in said.err
    assert not (full.folder / "mappings/account-customer.match.yaml").exists()


def test_labels_that_contradict_a_person_are_refused(full: Shop) -> None:
    full.do("link", "import", write(full, "crm,pm,verdict", "100,200,same"))
    said = full.do("match", "train", "--labels", write(full, "crm,pm,verdict", "100,200,different"))
    assert said.code == 2
    assert "pairs.csv:2:1: a person has judged the opposite about these two records" in said.err


def test_a_word_that_is_no_verdict_is_refused(full: Shop) -> None:
    said = full.do("match", "tune", "--labels", write(full, "crm,pm,verdict", "100,200,maybe"))
    assert said.code == 2
    assert "pairs.csv:2:1: 'maybe' is no verdict" in said.err


def test_a_model_has_a_name_that_no_mapping_has(full: Shop) -> None:
    assert full.do("match", "train", "-o", full.folder / "mappings/model.yaml").code == 2


def test_weights_by_hand_and_a_model_are_told_to_be_one_too_many(shop: Shop) -> None:
    assert "take the weights by hand away" in shop.do("match", "train").out


# tune


def test_thresholds_are_proposed_with_what_they_would_do(full: Shop) -> None:
    said = full.do("match", "tune", "--labels", labels(full), "--precision", 0.8)
    assert said.code == 0
    assert "proposed" in said.out
    assert "is proved" in said.out
    assert "too few" not in said.out


def test_too_few_labels_are_called_too_few(full: Shop) -> None:
    said = full.do("match", "tune", "--labels", labels(full))
    assert "a threshold decides about 40 pairs: all of them labelled, without a mistake, prove 0.9124" in said.out
    assert "765" not in said.out
    told = full.do("match", "tune", "--labels", labels(full), "--output", "json").json
    assert (told["enough"], told["linkable"], told["needed"]) == (False, 40, 765)
    assert told["provable"] == pytest.approx(0.9124, abs=1e-4)


def test_what_labels_do_not_prove_is_not_proposed(full: Shop) -> None:
    said = full.do("match", "tune", "--labels", labels(full))
    assert said.code == 0
    assert "keep link_at 0.93: these labels prove a precision of 0.995 nowhere\nat best, of the labelled" in said.out
    assert "proposed" not in said.out
    told = full.do("match", "tune", "--labels", labels(full), "--output", "json").json
    assert (told["link_at"], told["review_at"], told["then"]) == (None, None, None)
    assert told["proved"] < told["precision"]


def test_a_lower_threshold_is_not_proposed_because_a_small_sample_has_no_mistake(full: Shop) -> None:
    for n in range(60):  # the same companies under other names: a hundred clear pairs
        full.sql("crm", "INSERT INTO accounts (id, type, name, website) SELECT id + 300, type, 'Nová ' || name, "
                 "'nova-' || replace(website, 'https://www.', '') FROM accounts WHERE id = ?", 100 + n)  # fmt: skip
        full.sql("pm", "INSERT INTO customers (id, customer_name, web_domain, status, kind) SELECT id + 300, "
                 "'Nova ' || customer_name, 'nova-' || web_domain, status, kind FROM customers "
                 "WHERE id = ?", 200 + n)  # fmt: skip
    pairs = (f"{100 + n + shift},{200 + n + shift},same" for n in range(60) for shift in (0, 300))
    file = write(full, "crm,pm,verdict", *pairs, "100,201,different")
    told = full.do("match", "tune", "--labels", file, "--output", "json").json
    assert (told["linkable"], told["enough"]) == (80, False)
    assert told["proved"] > 0.95
    assert told["proved_from"] < 0.93
    assert (told["link_at"], told["then"]) == (None, None)
    assert "keep link_at 0.93" in full.do("match", "tune", "--labels", file).out


def test_what_is_proposed_is_proved(full: Shop) -> None:
    told = full.do("match", "tune", "--labels", labels(full), "--precision", 0.8, "--output", "json").json
    assert told["proved"] >= told["precision"]
    assert told["review_at"] <= told["link_at"] == told["proved_from"]


def test_thresholds_inside_one_side_are_proved_by_pairs_of_that_side(full: Shop) -> None:
    for n in range(60):
        full.sql("crm", "INSERT INTO accounts (id, type, name, website) SELECT id + 300, type, name, website "
                 "FROM accounts WHERE id = ?", 100 + n)  # fmt: skip
    file = write(full, "a,b", *(f"{100 + n},{400 + n}" for n in range(60)))
    told = full.do("match", "tune", "--labels", file, "--side", "crm", "--precision", 0.8, "--output", "json").json
    assert (told["enough"], told["labels"]["same"]) == (True, 60)
    said = full.do("match", "tune", "--labels", file, "--side", "crm", "--precision", 0.8)
    assert "of duplicates: crmsync match dedupe --side crm --min-score P" in said.out


def test_without_a_pair_that_is_the_same_nothing_can_be_proved(full: Shop) -> None:
    said = full.do("match", "tune", "--labels", write(full, "crm,pm,verdict", "100,201,different"))
    assert said.code == 2
    assert "crmsync match sample" in said.err


# sample, and crmsync test


@pytest.fixture
def sampled(full: Shop) -> Shop:
    """Forty pairs, judged by somebody who knows, beside the mapping that names them."""
    file = full.folder / "mappings/labels.csv"
    full.do("match", "sample", "-n", 40, "-o", file, "--show-pii")
    head, *rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    for row in rows:
        row[2] = "same" if int(row[0]) % 100 == int(row[1]) % 100 or row[:2] == ["1", "7"] else "different"
    full.edit(
        "mappings/account-customer.yaml", "  decide: [ico]",
        "  labels: labels.csv\n  min_precision: 0.99\n  decide: [ico]",
    )  # fmt: skip
    write(full, *(",".join(row) for row in [head, *rows]), name="mappings/labels.csv")
    return full


def test_a_sample_holds_what_is_compared_and_waits_for_verdicts(full: Shop) -> None:
    file = full.folder / "s.csv"
    said = full.do("match", "sample", "-n", 30, "-o", file)
    assert said.out.startswith(f"30 pairs written to {file}, 30 of them to be judged\nwithout email, which a contract")
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert list(rows[0]) == ["crm", "pm", "verdict", "score", *(f"{side}.{name}" for name in ("domain", "ico", "name")
                             for side in ("crm", "pm"))]  # fmt: skip
    assert {row["verdict"] for row in rows} == {""}
    assert any(row["crm.name"].endswith("s.r.o.") for row in rows)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_sample_does_not_write_over_verdicts(full: Shop) -> None:
    file = write(full, "crm,pm,verdict", "1,7,same", name="s.csv")
    before = file.read_bytes()
    said = full.do("match", "sample", "-n", 10, "-o", file)
    assert said.code == 2
    assert f"to keep them: crmsync match sample --labels {file} -o NEW.csv" in said.err
    assert file.read_bytes() == before
    assert full.do("match", "sample", "-n", 10, "-o", file, "--force").code == 0
    assert file.read_bytes() != before


def test_a_sample_keeps_what_is_judged_already(full: Shop) -> None:
    file = full.folder / "s.csv"
    full.do("match", "sample", "--labels", labels(full), "-n", 40, "-o", file)
    verdicts = [row["verdict"] for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))]
    assert 0 < verdicts.count("same") + verdicts.count("different") <= 20
    assert len(verdicts) == 40


def test_a_sample_of_one_side_is_for_training_and_tuning_on_that_side(full: Shop) -> None:
    """Account 400 + n is account 100 + n once more; where n is divisible by three it is another firm of its group."""
    for n in range(0, 60, 2):
        name = "'Holding ' || name" if n % 3 == 0 else "upper(name)"
        full.sql("crm", "INSERT INTO accounts (id, type, name, website) "
                 f"SELECT ?, type, {name}, website FROM accounts WHERE id = ?", 400 + n, 100 + n)  # fmt: skip
    file, more = full.folder / "doubles.csv", full.folder / "more.csv"
    assert "24 of them to be judged" in full.do("match", "sample", "--side", "crm", "-n", 24, "-o", file).out
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert list(rows[0]) == ["first", "second", "verdict", "score", *(f"{which}.{name}" for name in ("domain", "name")
                             for which in ("first", "second"))]  # fmt: skip
    verdicts = [_is_double(row["first"], row["second"]) for row in rows]
    told = {"same": verdicts.count("same"), "different": verdicts.count("different")}
    assert all(told.values())
    judged = write(full, "first,second,verdict", *(f"{row['first']},{row['second']},{verdict}"
                   for row, verdict in zip(rows, verdicts, strict=True)))  # fmt: skip
    for command in (("train", "-o", full.folder / "doubles.match.yaml"), ("tune", "--precision", 0.5)):
        said = full.do("match", *command, "--labels", judged, "--side", "crm", "--output", "json").json["labels"]
        assert {name: said[name] for name in told} == told
    full.do("match", "sample", "--labels", judged, "--side", "crm", "-n", 30, "-o", more)
    kept = {
        (row["first"], row["second"]): row["verdict"]
        for row in csv.DictReader(io.StringIO(more.read_text("utf-8-sig")))
    }
    assert {keys: verdict for keys, verdict in kept.items() if verdict} == {
        keys: _is_double(*keys) for keys, verdict in kept.items() if verdict
    }
    assert set(kept.values()) == {"same", "different", ""}


def _is_double(first: str, second: str) -> str:
    return "same" if first[1:] == second[1:] and int(first) % 100 % 3 else "different"


def test_thresholds_of_one_side_that_nothing_proves_ask_for_labels_of_that_side(full: Shop) -> None:
    said = full.do("match", "tune", "--side", "crm", "--labels", write(full, "a,b,verdict", "100,101,different"))
    assert said.code == 2
    assert "crmsync match sample -s account-customer --side crm -o pairs.csv" in said.err


def test_matching_that_is_right_passes_without_any_system(sampled: Shop) -> None:
    for name in ("crm", "pm"):
        (sampled.folder / f"{name}.db").unlink()
    said = sampled.do("test")
    assert (said.code, said.err) == (0, "")
    assert " labelled pairs would be linked, 0 wrong: precision 1.0000 (at least 0." in said.out
    told = sampled.do("test", "--output", "json").json["mappings"]["account-customer"]["match"]
    assert f"(at least {told['at_least']:.4f}, by 95 %)" in said.out
    assert not (sampled.folder / "crm.db").exists()


def test_matching_that_links_what_is_different_fails_and_names_the_pairs(sampled: Shop) -> None:
    file = sampled.folder / "mappings/labels.csv"
    file.write_text(file.read_text("utf-8").replace("105,205,same", "105,205,different").replace(
        "\n1,7,same", "\n1,7,different"), "utf-8")  # fmt: skip
    said = sampled.do("test")
    assert said.code == 2
    assert "account-customer: precision is 0." in said.out
    assert "would be linked (" in said.out
    assert "mappings/labels.csv:" in said.out
    assert {each["rule"] for each in sampled.do("test", "--output", "json").json["findings"]} >= {
        "test/precision", "test/wrong-link"
    }  # fmt: skip


def test_matching_that_links_nothing_fails(sampled: Shop) -> None:
    sampled.edit("mappings/account-customer.yaml", "link_at: 0.93", "link_at: 1")
    write(sampled, "crm,pm,verdict,crm.name,pm.name", "1,2,same,Alfa,Beta", name="mappings/labels.csv")
    said = sampled.do("test")
    assert said.code == 2
    assert "nothing would be linked" in said.out


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["crm,pm,crm.name,pm.name", "1,2,A,B"], "there is no column verdict"),
        (["crm,pm,verdict,crm.nam,pm.name", "1,2,same,A,B"], "column 'crm.nam' is nothing that is compared"),
        (["crm,pm,verdict,crm.name", "1,2,same,A"], "no field has a column for both sides"),
        (["crm,pm,verdict,crm.name,pm.name", "1,2,yes,A,B"], "'yes' is no verdict"),
        (["crm,pm,verdict,crm.name,pm.name", "1,2,0,A,B", "1,2,1,A,B"], "line 2 says the opposite"),
    ],
)
def test_labels_that_cannot_be_used_fail_the_test(sampled: Shop, lines: list[str], words: str) -> None:
    write(sampled, *lines, name="mappings/labels.csv")
    said = sampled.do("test")
    assert said.code == 2
    assert words in said.out


@pytest.mark.parametrize("head", ["crm,pm", "crm,pm,verdict"])
def test_labels_without_values_are_refused_with_how_to_get_them(sampled: Shop, head: str) -> None:
    file = write(sampled, head, "1,7,same", name="mappings/labels.csv")
    said = sampled.do("test")
    assert said.code == 2
    assert f"crmsync match sample -s account-customer --labels {file} -o NEW.csv writes them" in said.out


def test_where_nothing_is_labelled_nothing_is_said_of_matching(shop: Shop) -> None:
    said = shop.do("test")
    assert (said.code, "labelled" in said.out) == (0, False)


def test_a_project_with_errors_is_not_tested(shop: Shop) -> None:
    shop.edit("mappings/account-customer.yaml", "as: company", "as: firm")
    assert shop.do("test").code == 2


# propose, and what the commands share


def test_a_proposal_is_told_with_what_decided(full: Shop) -> None:
    said = full.do("match", "propose", "--output", "json")
    told = said.json["mappings"]["account-customer"]
    assert said.code == (3 if told["questions"] else 0)
    assert told["linked"]["by"]["ico equal"] == 1
    assert told["linked"]["new"] == sum(told["linked"]["by"].values())
    assert told["left_out"] == {"crm": {"out_of_scope": 1}, "pm": {"out_of_scope": 1}}
    again = full.do("match", "propose")
    assert "account-customer: linked 0 pairs; " in again.out
    assert full.customers()[7][0] == "KOVOTRANS ZILINA"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("evaluate", "-s", "nothing", "--truth", "t.csv"), "no mapping is named nothing"),
        (("evaluate", "--side", "erp", "--truth", "t.csv"), "account-customer has no side erp"),
        (("evaluate", "--truth", "t.csv"), "t.csv: No such file or directory"),
        (("propose", "-s", "nothing"), "no mapping is named nothing"),
    ],
)
def test_what_is_not_there_is_named(shop: Shop, words: tuple[str, ...], told: str) -> None:
    said = shop.do("match", *words)
    assert said.code == 2
    assert told in said.err


def test_a_mapping_that_does_not_match_has_nothing_to_measure(shop: Shop) -> None:
    text = (shop.folder / "mappings/account-customer.yaml").read_text("utf-8")
    start, end = text.index("match:\n"), text.index("create:")
    (shop.folder / "mappings/account-customer.yaml").write_text(text[:start] + text[end:], "utf-8")
    for command in (("propose",), ("train",)):
        said = shop.do("match", *command)
        assert said.code == 2
        assert "has no match:" in said.err
