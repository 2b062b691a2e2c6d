"""Two records that may be one, seen and judged by a person: review list, show, resolve and work."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crmsync.core.model import Hold
from crmsync.ledger.nouns import NewDuplicate
from crmsync.ledger.store import Ledger
from tests.cli.shop import Said, Shop

M = "account-customer"
NOTHING = (None, None)
NOW = "2026-11-20T02:00:02.000+00:00"
ACCOUNTS = {21: "Lesy Tatry s.r.o.", 22: "Lesy Tatier, a.s.", 23: "Pekáreň Orava spol. s r.o.", 24: "Autoservis Hron"}
CUSTOMERS = {31: "Lesy Tatry", 32: "Lesy Tatra", 33: "PEKAREN ORAVA", 34: "Autoškola Hron"}
PAIRS = {(21, 31): 0.91, (21, 32): 0.88, (22, 32): 0.85, (23, 33): 0.97, (24, 34): 0.8}  # reviews 1 to 5


def asking(shop: Shop, write: Callable[[Any], object]) -> None:
    with closing(Ledger.open(f"sqlite:///{shop.folder}/.crmsync/ledger.db")) as ledger, ledger.writing() as writer:
        write(writer)


@pytest.fixture
def queue(synced: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Five questions which is which; the first three share records."""
    for number, name in ACCOUNTS.items():
        synced.sql(
            "crm",
            "INSERT INTO accounts (id, type, name, email) VALUES (?, 'customer', ?, 'eva@tatry.sk')",
            number,
            name,
        )
    for number, name in CUSTOMERS.items():
        values = (number, name, "eva@tatry.sk")
        synced.sql("pm", "INSERT INTO customers (id, customer_name, contact_email, status, kind) "
                   "VALUES (?, ?, ?, 'active', 'external')", *values)  # fmt: skip
    holds = [
        Hold(M, ((left,), (right,)), "match", "", NOTHING, NOTHING, f"may be the same ({score}): name {score}", score)
        for (left, right), score in PAIRS.items()
    ]
    asking(synced, lambda writer: writer.save_holds(M, [], holds, "r1", NOW))
    monkeypatch.setattr("getpass.getuser", lambda: "eva")
    return synced


@pytest.fixture
def press(queue: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Presses these keys at `review work`."""

    def work(keys: str, *words: object) -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
        return queue.do("review", "work", *words)

    return work


def states(shop: Shop) -> dict[int, str]:
    told = shop.do("review", "list", "--state", "any", "--output", "json").json["reviews"]
    return {each["n"]: each["state"] for each in told if each["state"] != "withdrawn"}


def turns(said: Said) -> list[int]:
    """The reviews that were shown, in their order."""
    return [int(n) for n in re.findall(r"^review (\d+), (?:match|duplicate)", said.out, re.MULTILINE)]


# list


def test_the_score_of_a_question_is_listed_and_the_list_can_be_sorted_by_it(queue: Shop) -> None:
    out = queue.do("review", "list").out
    assert re.search(r"^n +state +records +kind +field +score +since", out)
    assert re.search(r"^4 +open +crm.account/23 pm.customer/33 +match +0.97", out, re.MULTILINE)
    told = queue.do("review", "list", "--sort", "score", "--limit", 2, "--output", "json").json["reviews"]
    assert [(each["n"], each["score"]) for each in told] == [(4, 0.97), (1, 0.91)]


def test_the_list_tells_why_a_likely_pair_was_not_linked(queue: Shop) -> None:
    _twice(queue, None, "1.00")
    lines = queue.do("review", "list").out.splitlines()
    assert lines[6].endswith("may be the same (1.00): told; not linked by itself: review 7 is likely, too")
    assert lines[4].endswith("name 0.97; not linked by itself: see crmsync review show 4")
    assert lines[1].endswith("may be the same (0.91): name 0.91")


def test_a_question_that_tells_why_is_listed_as_it_is(queue: Shop) -> None:
    said = "may be the same (0.99): name +4.2; a valid identifier differs"
    hold = Hold(M, ((24,), (33,)), "match", "", NOTHING, NOTHING, said, 0.99, ("a valid identifier differs",))
    asking(queue, lambda writer: writer.save_holds(M, [], [hold], "r1", NOW))
    assert queue.do("review", "list").out.splitlines()[6].endswith(said)


def test_why_pairs_were_not_linked_is_told_as_json_too(queue: Shop) -> None:
    _twice(queue, None, "1.00")
    reasons = [("an identifier differs", "a word is left over"), ("ico equal, but not unique",)]
    holds = [
        Hold(M, ((24,), (31 + n,)), "match", "", NOTHING, NOTHING, "may be the same (0.50)", 0.5, against)
        for n, against in enumerate(reasons)
    ]
    asking(queue, lambda writer: writer.save_holds(M, [], holds, "r1", NOW))
    told = [each["not_linked"] for each in queue.do("review", "list", "--output", "json").json["reviews"]]
    assert told[0] == []  # its score says it
    assert told[3] == ["see crmsync review show 4"]
    assert told[5:] == [["review 7 is likely, too"], ["review 6 is likely, too"], *map(list, reasons)]
    assert queue.do("review", "show", 9, "--output", "json").json["not_linked"] == told[8]


FILTERS = {
    "--min-score 0.88": [1, 2, 4],
    "--max-score 0.85": [3, 5],
    "--min-score 0.85 --max-score 0.9 --kind match": [2, 3],
    "--since 2026-11-20": [1, 2, 3, 4, 5],
    "--since 2026-11-20T03:00:02+01:00": [1, 2, 3, 4, 5],
    "--since 2026-11-20T02:00:03": [],
    "--ref pm.customer/32": [2, 3],
}


@pytest.mark.parametrize("words", FILTERS)
def test_questions_are_chosen_by_score_and_time(queue: Shop, words: str) -> None:
    told = queue.do("review", "list", *words.split(), "--output", "json").json["reviews"]
    assert [each["n"] for each in told] == FILTERS[words]


@pytest.mark.parametrize("words", ["--since yesterday", "--min-score 2", "--max-score high", "--ref pm.nobody/1"])
def test_a_filter_that_says_nothing_is_refused(queue: Shop, words: str) -> None:
    for command in (("list",), ("work",), ("resolve", "--all", "--take", "same")):
        assert queue.do("review", *command, *words.split()).code == 2


# show


def test_two_records_are_shown_side_by_side_with_their_differences_and_the_score_by_reasons(queue: Shop) -> None:
    out = queue.do("review", "show", 1).out
    assert re.search(r'^name +~ +"Lesy Tatry s.r.o." +"Lesy Tatry"$', out, re.MULTILINE)
    assert re.search(r"^other field +crm +pm$", out, re.MULTILINE)
    assert out.index("compared") < out.index("other field") < out.index("together")
    for words in ("asked from review_at", "linked from link_at", "not linked by itself: fewer than two fields"):
        assert words in out
    assert re.search(r"^ +2 +0.88 +crm.account/21 pm.customer/32 ", out, re.MULTILINE)
    assert "crm.account/22" not in out  # it shares no record with this one
    assert "crmsync review resolve 1 --take same  (they are linked)" in out


def _twice(shop: Shop, ico: str | None, score: str) -> str:
    """Review 6 asks about an account and a customer that say the same, review 7 about it and another such customer."""
    shop.sql("crm", "INSERT INTO accounts (id, type, name, website, ico) "
             "VALUES (25, 'customer', 'Vinice Modra', 'modra.sk', ?)", ico)  # fmt: skip
    for number in (35, 36):
        values = (number, "Vinice Modra", "modra.sk", ico)
        shop.sql("pm", "INSERT INTO customers (id, customer_name, web_domain, ico, status, kind) "
                 "VALUES (?, ?, ?, ?, 'active', 'external')", *values)  # fmt: skip
    said = f"may be the same ({score}): told"
    holds = [Hold(M, ((25,), (number,)), "match", "", NOTHING, NOTHING, said, float(score)) for number in (35, 36)]
    asking(shop, lambda writer: writer.save_holds(M, [], holds, "r1", NOW))
    return shop.do("review", "show", 6).out


def test_of_two_candidates_that_are_as_likely_none_is_linked_and_that_is_said(queue: Shop) -> None:
    assert "not linked by itself: another candidate is too close" in _twice(queue, None, "1.00")


@pytest.mark.parametrize(("ico", "score"), [("36403008", "1.00"), (None, "0.80")])
def test_why_two_were_not_linked_is_not_guessed(queue: Shop, ico: str | None, score: str) -> None:
    """An identifier that two have, or a score that has moved since: the question says it, or its own line does."""
    assert "another candidate" not in _twice(queue, ico, score)


def test_a_score_that_has_moved_since_says_so(queue: Shop) -> None:
    queue.sql("pm", "UPDATE customers SET customer_name = 'Someone Else' WHERE id = 31")
    assert (
        "asked at 0.91: the records, or what is known of others, have moved since" in queue.do("review", "show", 1).out
    )


def test_a_pair_as_json_holds_all_that_its_text_tells(queue: Shop) -> None:
    told = queue.do("review", "show", 1, "--output", "json").json
    name = next(each for each in told["fields"] if each["field"] == "name")
    assert name == {"field": "name", "compared": True, "mark": "~", "values": ["Lesy Tatry s.r.o.", "Lesy Tatry"]}
    assert [(each["n"], each["score"]) for each in told["others"]] == [(2, 0.88)]
    assert (told["score"], told["found"], told["links"]) == (0.91, [True, True], [])
    assert (told["answers"], told["against"]) == (["same", "different"], ["fewer than two fields can be compared"])
    assert next(each for each in told["points"] if each["entry"] == "name")["points"] > 0


@pytest.mark.parametrize("words", ["show 1", "show 1 --output json"])
def test_people_are_hidden_in_values_and_in_reasons_unless_asked_for(queue: Shop, words: str) -> None:
    queue.edit(
        "mappings/account-customer.yaml",
        "name: {as: company",
        "email: {as: exact, weight: 0.2}\n    name: {as: company",
    )
    assert "eva@tatry" not in queue.do("review", *words.split()).out
    assert "(about a person)" in queue.do("review", *words.split()).out
    assert "eva@tatry" in queue.do("review", *words.split(), "--show-pii").out


def _no_answer(shop: Shop) -> None:
    shop.edit("crmsync.yaml", "sqlite:///pm.db", "postgresql://nobody@127.0.0.1:1/pm?connect_timeout=2")
    shop.edit("crmsync.yaml", "connector: sql", "connector: sql\n    retry: {attempts: 1}")


def test_a_pair_is_shown_even_when_a_system_does_not_answer(queue: Shop) -> None:
    _no_answer(queue)
    out = queue.do("review", "show", 1).out
    for words in (
        "what the records say now is not known: pm: cannot reach",
        "crm.account/21 pm.customer/32",
        "--take same",
    ):
        assert words in out
    assert queue.do("review", "show", 1, "--output", "json").json["unasked"].startswith("pm: cannot reach")


def test_a_candidate_that_is_gone_is_named(queue: Shop) -> None:
    queue.sql("pm", "DELETE FROM customers WHERE id = 31")
    out = queue.do("review", "show", 1).out
    assert "pm.customer/31 is not in its system now" in out
    assert re.search(r'^name +"Lesy Tatry s.r.o." +\(absent\)$', out, re.MULTILINE)


def test_a_value_that_a_terminal_would_obey_is_shown_as_it_is(queue: Shop) -> None:
    queue.sql("pm", "UPDATE customers SET customer_name = ? WHERE id = 31", "Lesy \x1b[2J\u202e Tatry")
    assert not {"\x1b", "\u202e"} & set(queue.do("review", "show", 1).out)


# resolve, many at once


def test_many_that_are_the_same_are_linked_at_once(queue: Shop) -> None:
    said = queue.do("review", "resolve", "--all", "--kind", "match", "--min-score", 0.9, "--take", "same", "--yes")
    assert said.out == "2 reviews answered; next: crmsync run\n"
    assert states(queue) == {1: "settled", 2: "lapsed", 3: "open", 4: "settled", 5: "open"}


def test_what_an_answer_to_many_would_do_is_said_before_anybody_agrees(queue: Shop) -> None:
    said = queue.do("review", "resolve", "--all", "--min-score", 0.9, "--take", "same")
    assert said.code == 2
    assert "2 questions (2 match), score 0.91 to 0.97: each pair becomes one; 1 other question about" in said.err
    said = queue.do("review", "resolve", "--all", "--max-score", 0.9, "--take", "different")
    assert "3 questions (3 match), score 0.80 to 0.88: no such pair is asked about again" in said.err
    assert set(states(queue).values()) == {"open"}


@pytest.mark.parametrize("words", ["--all --yes", "1 2 3"])
def test_no_record_is_the_same_as_two_others(queue: Shop, words: str) -> None:
    said = queue.do("review", "resolve", *words.split(), "--take", "same")
    assert said.code == 2
    assert "these share a record: review 1 (crm.account/21 pm.customer/31); review 2 (crm.account/21 pm" in said.err
    assert "these share a record: review 2 (crm.account/21 pm.customer/32); review 3 (crm.account/22 pm" in said.err
    assert set(states(queue).values()) == {"open"}


def test_many_rivals_are_counted_and_the_first_ones_named(queue: Shop) -> None:
    holds = [
        Hold(M, ((21,), (number,)), "match", "", NOTHING, NOTHING, "may be the same (0.50): told", 0.5)
        for number in range(100, 220)
    ]
    asking(queue, lambda writer: writer.save_holds(M, [], holds, "r1", NOW))
    said = queue.do("review", "resolve", "--all", "--take", "same", "--yes")
    assert said.err.startswith("123 of 125 reviews share a record with another one of them: one at most can be")
    assert "--skip-rivals takes only the others" in said.err
    assert " and 119 more\n" in said.err
    assert len(said.err.splitlines()) <= 12


def test_pairs_that_share_a_record_can_be_left_open(queue: Shop) -> None:
    words = ("review", "resolve", "--all", "--take", "same", "--skip-rivals", "--yes")
    assert queue.do(*words).out == "2 reviews answered, 3 left open that share a record; next: crmsync run\n"
    assert states(queue) == {1: "open", 2: "open", 3: "open", 4: "settled", 5: "settled"}
    assert queue.do("review", "resolve", 1, 2, "--take", "different", "--skip-rivals").code == 2


def test_rivals_may_all_be_different(queue: Shop) -> None:
    assert queue.do("review", "resolve", "--all", "--take", "different", "--yes").code == 0
    assert set(states(queue).values()) == {"settled"}


# work


def test_the_best_comes_first_and_those_that_share_a_record_together(press: Callable[..., Said]) -> None:
    said = press("ddddd")
    assert turns(said) == [4, 1, 2, 3, 5]
    assert "── 3 of 5, 0 same, 2 different, 0 later ─" in said.out
    assert said.out.endswith("0 same, 5 different, 0 later; 0 of these left; next: crmsync run\n")
    assert said.code == 0


def test_with_an_answer_same_the_rivals_are_skipped_and_named(queue: Shop, press: Callable[..., Said]) -> None:
    said = press("dsd")
    assert turns(said) == [4, 1, 3, 5]
    assert "they are skipped:\n  review 2: crm.account/21 pm.customer/32\n" in said.out
    assert "meanwhile" not in said.out
    assert states(queue) == {1: "settled", 2: "lapsed", 3: "settled", 4: "settled", 5: "open"}
    assert "answered by eva: same, 20" in queue.do("review", "show", 1).out


def test_the_last_answers_are_undone_one_by_one(queue: Shop, press: Callable[..., Said]) -> None:
    said = press("dsuuu")
    assert turns(said) == [4, 1, 3, 1, 4]  # after the second answer, and back again
    assert "review 1 is asked again" in said.out
    assert "nothing was answered in this sitting" in said.out
    assert set(states(queue).values()) == {"open"}
    assert press("uq").out.count("nothing was answered") == 1


def test_the_very_last_answer_can_be_undone_too(queue: Shop, press: Callable[..., Said]) -> None:
    assert "that was the last one: u takes it back" in press("ddddduq").out
    assert states(queue) == {1: "settled", 2: "settled", 3: "settled", 4: "settled", 5: "open"}


def test_what_is_put_off_is_remembered_and_comes_last(queue: Shop, press: Callable[..., Said]) -> None:
    assert press("llq").out.endswith("0 same, 0 different, 2 later; 5 of these left\n")
    assert re.search(r"^4 .* 0.97 +eva +2026", queue.do("review", "list").out, re.MULTILINE)
    (told,) = (each for each in queue.do("review", "list", "--output", "json").json["reviews"] if each["n"] == 4)
    assert (told["state"], told["later"]["who"]) == ("open", "eva")
    assert "put off by eva, 20" in queue.do("review", "show", 4).out
    again = press("ddduluq")
    assert turns(again) == [2, 3, 5, 4, 5, 4, 5]
    assert "put off by eva, 20" in again.out


def test_putting_off_is_undone(queue: Shop, press: Callable[..., Said]) -> None:
    press("luq")
    assert queue.do("review", "list", "--output", "json").json["reviews"][3]["later"] is None


def test_the_other_keys_tell_and_change_nothing(queue: Shop, press: Callable[..., Said]) -> None:
    said = press("d?ovx\n Q")
    for words in ("q  quit: what is answered is kept", "2   0.88  crm.account/21", "other field", "no such key"):
        assert words in said.out
    assert turns(said) == [4, 1]
    assert list(states(queue).values()).count("open") == 4


def test_work_is_about_the_questions_that_the_filters_leave(press: Callable[..., Said]) -> None:
    assert turns(press("lllll", "--max-score", 0.9)) == [2, 3, 5]
    assert turns(press("lllll", "--ref", "crm.account/21")) == [1, 2]
    assert press("", "-s", M, "--field", "nothing").out == "no pair is to be judged\n"


def test_only_pairs_are_worked_through(queue: Shop, press: Callable[..., Said]) -> None:
    hold = Hold(M, ((1,), (7,)), "conflict", "notes", ("a", "b"), NOTHING, "both changed it")
    asking(queue, lambda writer: writer.save_holds(M, [], [hold], "r1", NOW))
    assert turns(press("lllll")) == [4, 1, 2, 3, 5]


def test_work_has_nothing_to_say_to_a_program(press: Callable[..., Said]) -> None:
    said = press("", "--output", "json")
    assert (said.code, said.json["exit"]) == (2, 2)
    assert "review work speaks with a person" in said.err


def test_questions_of_a_mapping_that_is_gone_are_left_out(queue: Shop, press: Callable[..., Said]) -> None:
    queue.edit("mappings/account-customer.yaml", "mapping: account-customer", "mapping: renamed")
    assert press("s").out == "no pair is to be judged\n"
    assert "(the mapping is gone)" in queue.do("review", "list").out


class Meanwhile(io.StringIO):
    """Keys of a person, while somebody else does something before the key at `at`."""

    def __init__(self, keys: str, at: int, act: Callable[[], object]) -> None:
        super().__init__(keys)
        self.at, self.act = at, act

    def read(self, size: int | None = -1, /) -> str:
        if self.tell() == self.at:
            self.act()
        return super().read(size)


@pytest.mark.parametrize("number", [1, 4])
def test_what_a_colleague_answers_meanwhile_is_passed_by(
    queue: Shop, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def answer() -> None:
        asking(queue, lambda writer: writer.resolve_review(number, "different", None, "adam", NOW))

    monkeypatch.setattr(sys, "stdin", Meanwhile("ddq", 0, answer))
    assert f"review {number} is settled by adam meanwhile: passed by" in queue.do("review", "work").out
    assert f"answered by adam: different, {NOW[:10]}" in queue.do("review", "show", number).out


def test_an_answer_that_has_lapsed_is_not_undone(queue: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def lapse() -> None:
        queue.sql(".crmsync/ledger", "UPDATE crmsync_review SET state = 'lapsed' WHERE n = 4")

    monkeypatch.setattr(sys, "stdin", Meanwhile("duq", 1, lapse))
    assert "that is not possible: review 4 is lapsed" in queue.do("review", "work").out


def test_a_pair_can_be_judged_while_its_system_does_not_answer(queue: Shop, press: Callable[..., Said]) -> None:
    _no_answer(queue)
    assert "what the records say now is not known" in press("dq").out
    assert states(queue)[4] == "settled"


# work, as a process


def _worker(shop: Shop, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crmsync", "-C", str(shop.folder), "review", "work"]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], **more)


def test_nothing_that_was_answered_is_lost_when_it_is_killed(queue: Shop) -> None:
    worker = _worker(queue, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin
    assert worker.stdout
    with worker, worker.stdin, worker.stdout:
        worker.stdin.write(b"d")
        worker.stdin.flush()
        while b": different" not in (line := worker.stdout.readline()):
            assert line
        os.kill(worker.pid, signal.SIGKILL)
    assert states(queue)[4] == "settled"


def _on_a_terminal(shop: Shop, keys: str, **environ: str) -> str:
    """What a terminal of 80 columns shows to who presses these keys, each after the question was shown. A key that is
    pressed before anybody listens is lost, as at any prompt: it is pressed again."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    worker = _worker(shop, stdin=theirs, stdout=theirs, stderr=theirs, env={**known, "TERM": "xterm", **environ})
    os.close(theirs)
    with worker:
        try:
            shown = _pressed(ours, keys.encode())
            assert worker.wait(timeout=30) == 0
        finally:
            worker.kill()
            os.close(ours)
    return shown.decode()


def _pressed(terminal: int, keys: bytes) -> bytes:
    shown, number = b"", 0
    while select.select([terminal], [], [], 60)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        while number < len(keys) and shown.endswith(b"(?) ") and not select.select([terminal], [], [], 1)[0]:
            os.write(terminal, keys[number : number + 1])
            number += bool(select.select([terminal], [], [], 5)[0])
    return shown


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_on_a_terminal_one_key_is_an_answer_and_differences_are_coloured(queue: Shop) -> None:
    queue.sql("crm", "UPDATE accounts SET name = ? WHERE id = 23", "Pekáreň Orava " + "a synovia " * 12)
    shown = _on_a_terminal(queue, "dq")
    assert "\x1b[33m" in shown
    assert states(queue)[4] == "settled"
    lines = COLOUR.sub("", shown).replace("\r", "").split("\n")
    assert [line for line in lines if len(line) > 80 and not line.startswith("may be")] == []


def test_on_a_terminal_without_colours_there_are_none(queue: Shop) -> None:
    shown = _on_a_terminal(queue, "sq", NO_COLOR="1")
    assert not re.search(r"\x1b\[3\d", shown)
    assert states(queue)[4] == "settled"


# duplicates


def survivors(shop: Shop) -> dict[Any, Any]:
    with closing(Ledger.open(f"sqlite:///{shop.folder}/.crmsync/ledger.db")) as ledger:
        return ledger.survivors(M, 0, [(number,) for number in ACCOUNTS])


@pytest.fixture
def twins(queue: Shop) -> Shop:
    """Review 6 asks whether accounts 21 and 22 are one, review 7 about customers 31 and 34."""
    asked = [
        NewDuplicate(M, 0, ((21,), (22,)), 0.9, "may be one", "eva", NOW),
        NewDuplicate(M, 1, ((31,), (34,)), 0.4, "may be one", "eva", NOW),
    ]
    asking(queue, lambda writer: writer.ask_duplicates(asked))
    return queue


def test_two_records_of_one_side_are_shown_and_listed_as_such(twins: Shop) -> None:
    out = twins.do("review", "show", 6).out
    assert "crm.account/21 crm.account/22" in out
    assert re.search(r'^name +~ +"Lesy Tatry s.r.o." +"Lesy Tatier, a.s."$', out, re.MULTILINE)
    assert re.search(r"^compared +crm.account/21 +crm.account/22$", out, re.MULTILINE)
    assert "(they are merged, crm.account/21 stays)" in out
    told = twins.do("review", "list", "--ref", "pm.customer/34", "--output", "json").json["reviews"]
    assert [each["n"] for each in told] == [5, 7]
    assert told[1]["records"] == "pm.customer/31 pm.customer/34"


def test_duplicates_stand_in_the_queue_and_are_judged_there(twins: Shop, press: Callable[..., Said]) -> None:
    said = press("dd", "--kind", "duplicate")
    assert turns(said) == [6, 7]
    assert (states(twins)[6], states(twins)[7]) == ("settled", "settled")


def test_duplicates_that_are_the_same_are_merged_and_that_is_undone(twins: Shop, press: Callable[..., Said]) -> None:
    said = press("suq", "--ref", "crm.account/22", "--kind", "duplicate")
    for words in (
        "crm.account/21 crm.account/22: same",
        "  review 3: crm.account/22",
        "what ended with it is asked again",
    ):
        assert words in said.out
    assert (states(twins)[6], survivors(twins)) == ("open", {})
    assert twins.do("review", "resolve", 6, "--take", "same").code == 0
    assert (states(twins)[6], survivors(twins)) == ("settled", {(22,): (21,)})
    assert twins.do("review", "reopen", 6).code == 0
    assert (states(twins)[6], survivors(twins)) == ("open", {})


def test_duplicates_that_cannot_be_merged_say_why_and_stay_open(twins: Shop, press: Callable[..., Said]) -> None:
    twins.sql("crm", "DELETE FROM accounts WHERE id = 22")
    said = press("sq", "--kind", "duplicate")
    assert "that is not possible: account-customer: there is no crm.account/22\n    look at the key\n" in said.out
    assert turns(said) == [6]  # it is not shown again
    said = twins.do("review", "resolve", 6, "--take", "same")
    assert (said.code, states(twins)[6]) == (2, "open")


def test_a_merge_of_a_record_that_is_gone_since_is_not_undone(twins: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def delete() -> None:
        twins.sql("crm", "DELETE FROM accounts WHERE id = 22")

    monkeypatch.setattr(sys, "stdin", Meanwhile("suq", 1, delete))
    said = twins.do("review", "work", "--kind", "duplicate")
    assert "that is not possible: account-customer: crm.account/22 is not in its system any more" in said.out
    assert survivors(twins) == {(22,): (21,)}
