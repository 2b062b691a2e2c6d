"""Two systems, edited at random and synced now and then, with a memory of their own of what was agreed.

Runs die, answers are lost and writes are refused on the way: what holds of a run holds of one that was taken up.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crmsync.connectors.base import Refused
from crmsync.core.model import SIDES
from tests.run.killing import Killed, Killer
from tests.run.losing import Losing, after, around, before, begin_anew, half, spoilt_by, well
from tests.run.small import Small

names = st.sampled_from(["Alfa", " Beta  s.r.o. ", "Žltý kôň", "Łódź Sp. z o.o.", "", "  ", "x" * 50])
texts = st.sampled_from([None, "", "a", "b", "Dlhší text s diakritikou"])
tags = st.one_of(st.none(), st.lists(st.sampled_from(["x", "y", "z"]), unique=True))
modes = st.sampled_from(["batch", "delta"])
deaths = st.lists(st.integers(0, 20), min_size=1, max_size=2)
faults = st.lists(st.sampled_from([well, before, after, half]), min_size=1, max_size=4)  # patience lasts for five
ASKED = ("notes", "amount", "currency")
more = st.fixed_dictionaries({
    "visits": st.integers(0, 3), "notes": st.sampled_from(["n", "m", "o"]), "amount": st.integers(1, 3),
    "currency": st.sampled_from(["EUR", "CZK", "PLN"]),
})  # fmt: skip
asked = more.flatmap(lambda values: st.sampled_from([{name: values[name]} for name in ASKED]))
statuses = st.sampled_from(["open", "won", "done"])
TO_CRM = {"open": "Running", "won": "Won", "done": "Closed", None: None}


def clean(name: str) -> str:
    return " ".join(name.split())


class SyncMachine(RuleBasedStateMachine):
    """`agreed` is our own memory, by company: never ask the ledger what the ledger should know."""

    kind = "memory"

    @initialize()
    def start(self) -> None:
        self.small = Small(self.kind)
        self.made = 0
        self.synced = False
        self.losing: dict[str, Losing] = {name: around(self.small.world, name) for name in ("crm", "pm")}
        self.agreed: dict[int, dict[str, Any]] = {}
        self.partner: dict[int, int] = {}
        self.said: dict[int, Any] = {}
        for name in ("Alfa", "Beta"):  # two that are linked: most of what can go wrong needs a base
            self._company(name, "customer", ["x"], "a")
        self._sync("batch")

    def teardown(self) -> None:
        if hasattr(self, "small"):
            self.small.close()

    # What people do

    @rule(name=names, customer=st.booleans(), tag=tags, nick=texts)
    def company_appears(self, name: str, customer: bool, tag: Any, nick: Any) -> None:
        self._company(name, "customer" if customer else "prospect", tag, nick)

    def _company(self, name: str, kind: str, tag: Any, nick: Any) -> None:
        self.made += 1
        company = {"id": self.made, "name": name, "type": kind, "tags": tag}
        filled = {"nick": nick, "visits": 0, "notes": "begin", "amount": 0, "currency": "EUR"}
        self.small.crm.put("company", {**company, "ids": {"code": f"C{self.made}"}, **filled})

    @precondition(lambda self: self.made)
    @rule(data=st.data(), name=names, nick=texts, tag=tags, more=more)
    def crm_edits(self, data: st.DataObject, name: str, nick: Any, tag: Any, more: Any) -> None:
        companies = self.small.crm.records("company")
        if not companies:
            return
        key = data.draw(st.sampled_from(sorted(companies)))
        old = companies[key]
        changed = {**more, "name": name, "nick": nick, "tags": tag, "visits": (old.get("visits") or 0) + more["visits"]}
        field = data.draw(st.sampled_from(sorted(changed)))
        self.small.crm.put("company", {**old, field: changed[field]})

    @precondition(lambda self: self.partner)
    @rule(data=st.data(), status=statuses, nick=texts, tag=tags, more=more)
    def pm_edits(self, data: st.DataObject, status: str, nick: Any, tag: Any, more: Any) -> None:
        clients = self.small.pm.records("client")
        key = data.draw(st.sampled_from(sorted(clients)))
        old = clients[key]
        visits = (old.get("visits") or 0) + more["visits"]
        changed = {**more, "status": status, "nick": nick, "labels": tag, "visits": visits}
        field = data.draw(st.sampled_from([*sorted(changed), "title"]))
        self.small.pm.put("client", {**old, field: changed.get(field, "Somebody else's name")})

    @precondition(lambda self: self.made)
    @rule(data=st.data(), number=st.integers(1, 3))
    def deal_appears(self, data: st.DataObject, number: int) -> None:
        self.made += 1
        company = data.draw(st.integers(1, self.made))
        deal = {"id": self.made, "company": company, "number": self.made, "title": f"deal {number}"}
        self.small.crm.put("deal", deal)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def type_changes(self, data: st.DataObject) -> None:
        companies = self.small.crm.records("company")
        if companies:
            key = data.draw(st.sampled_from(sorted(companies)))
            kind = "prospect" if companies[key]["type"] == "customer" else "customer"
            self.small.crm.put("company", {**companies[key], "type": kind})

    @precondition(lambda self: self.partner)
    @rule(data=st.data(), ours=asked, theirs=asked, mode=modes)
    def both_edit(self, data: st.DataObject, ours: Any, theirs: Any, mode: str) -> None:
        """Two people at once, in fields about which a third one may have to be asked."""
        key = data.draw(st.sampled_from(sorted(self.partner)))
        company = self.small.crm.records("company")[key,]
        client = self.small.pm.records("client")[self.partner[key],]
        self.small.crm.put("company", {**company, **ours})
        self.small.pm.put("client", {**client, **theirs})
        self._sync(mode)

    @precondition(lambda self: self.partner)
    @rule(data=st.data())
    def company_goes(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.partner)))
        company = self.small.crm.records("company")[key,]
        self.small.crm.put("company", {**company, "gone": True})

    # What must hold

    @rule(mode=modes)
    def sync(self, mode: str) -> None:
        self._sync(mode)

    @rule(mode=modes, deaths=deaths)
    def sync_with_runs_that_die(self, mode: str, deaths: list[int]) -> None:
        def die(mode: str) -> None:
            for point in deaths:
                self._run_and_die(mode, point)

        self._sync(mode, die)

    def _run_and_die(self, mode: str, point: int) -> None:
        self.small.world.effect = Killer(point)
        try:
            self.small.run(mode)
        except Killed:
            pass
        finally:
            self.small.world.effect = nullcontext

    @rule(mode=modes, crm=faults, pm=faults)
    def sync_with_answers_that_are_lost(self, mode: str, crm: list[Any], pm: list[Any]) -> None:
        self._be("crm", crm)
        self._be("pm", pm)
        self._sync(mode)
        assert not self._refused() - self._asked()

    def _be(self, system: str, plan: list[Any], then: Any = well) -> None:
        """How the next calls of this system end, in a process that has all its patience."""
        losing = self.losing[system]
        losing.plan, losing.then = list(plan), then
        begin_anew(self.small.world, system, losing)

    def _refused(self) -> set[Any]:
        letters = self.small.world.ledger.dead_letters("company-client", "open")
        return {letter.key for letter in letters if letter.kind == "write"}

    def _asked(self) -> set[Any]:
        """A record about which a person is asked keeps its letter, where nothing is left to be written but that."""
        return {review.keys[0] for review in self.small.world.ledger.reviews("company-client")}

    @precondition(lambda self: self.partner)
    @rule(data=st.data(), mode=modes)
    def a_write_is_refused_until_its_record_is_mended(self, data: st.DataObject, mode: str) -> None:
        self._sync(mode)
        key = data.draw(st.sampled_from(sorted(self.partner)))
        self._say(key, web="bad.example")
        writes = self.small.plan(mode)[0].writes
        calm = self.small.everything()
        self._be("pm", [], spoilt_by("bad.example", Refused))
        for _ in range(2):
            self.small.run(mode)
            assert not writes or (key,) in self._refused()
        assert self.small.everything() == calm
        self._be("pm", [])
        self._say(key, web="good.example")
        self._sync(mode)
        assert not self._refused() - self._asked()

    def _say(self, key: int, **values: Any) -> None:
        company = self.small.crm.records("company")[key,]
        self.small.crm.put("company", {**company, **values})

    def _sync(self, mode: str, disturb: Callable[[str], None] = lambda _: None) -> None:
        """`disturb` is what happens before the run that ends: the same must hold of all of it together."""
        before = self.small.everything()
        mode = mode if self.synced else "batch"
        disturb(mode)
        report = self.small.run(mode)
        self.synced = True
        after = self.small.everything()
        self.everything_read_is_in_one_bucket(report, mode, before)
        self.nobody_wrote_to_an_owner(before, after)
        self.both_sides_agree(before, after)
        self.a_second_run_has_nothing_to_do(after)

    @rule(mode=modes)
    def plan(self, mode: str) -> None:
        """A plan changes nothing, and says what the run will do."""
        if not self.synced and mode == "delta":
            return
        before = self.small.everything()
        planned, lines = self.small.plan(mode)
        again, same = self.small.plan(mode)
        assert lines == same
        assert planned.to_json() == again.to_json()
        assert self.small.everything() == before

    def everything_read_is_in_one_bucket(self, report: Any, mode: str, before: Any) -> None:
        if mode == "batch":
            read = report.mappings["company-client"].read
            assert read[0] == len(before["company"])
            assert report.mappings["deal-task"].read[0] == len(before["deal"])

    def nobody_wrote_to_an_owner(self, before: Any, after: Any) -> None:
        for key, old in before["company"].items():
            for name in ("name", "ids", "type", "web", "gone", "active"):
                assert after["company"][key].get(name) == old.get(name)
        for key, old in before["client"].items():
            for name in ("status", "lead", "phase"):
                assert after["client"][key].get(name) == old.get(name)

    def both_sides_agree(self, before: Any, after: Any) -> None:
        clients = {record["code"]: (key[0], record) for key, record in after["client"].items()}
        assert len(clients) == len(after["client"]), "a company was made twice"
        for (key,), company in after["company"].items():
            if company["type"] != "customer" or not clean(company["name"]) or len(clean(company["name"])) > 40:
                continue
            if company.get("gone"):
                self.what_is_gone_is_archived(key, before, after)
                continue
            made, client = clients[company["ids"]["code"]]
            assert client["title"] == clean(company["name"])
            if client.get("status"):
                assert company["delivery"] == TO_CRM[client["status"]]
            assert self.partner.setdefault(key, made) == made
            old = self.agreed.get(key)
            if old:
                self.edits_came_through(key, made, old, before, company, client)
            self.said[made] = {name: value for name, value in client.items() if name != "updated"}
            kept = {name: self.settled(name, key, company, client) for name in ASKED}
            self.agreed[key] = {
                **kept,
                "nick": (company.get("nick"), client.get("nick")), "tags": (company.get("tags"), client.get("labels")),
                "visits": (company.get("visits"), client.get("visits")),
            }  # fmt: skip

    def edits_came_through(self, key: int, made: int, old: Any, before: Any, company: Any, client: Any) -> None:
        was = before["company"][key,], before["client"][made,]
        counted = sum((was[side].get("visits") or 0) - (old["visits"][side] or 0) for side in SIDES)
        assert company["visits"] == client["visits"] == old["visits"][0] + counted
        nicks = was[0].get("nick"), was[1].get("nick")
        if nicks[0] != old["nick"][0]:  # the CRM's edit wins, alone or against another
            assert company["nick"] == client["nick"] == nicks[0]
        elif nicks[1] != old["nick"][1]:
            assert company["nick"] == client["nick"] == nicks[1]
        tags = [set(was[side].get(name) or []) for side, name in ((0, "tags"), (1, "labels"))]
        olds = [set(old["tags"][side] or []) for side in SIDES]
        spoke = [was[side].get(name) is not None for side, name in ((0, "tags"), (1, "labels"))]
        added = {t for side in SIDES if spoke[side] for t in tags[side] - olds[side]}
        removed = {t for side in SIDES if spoke[side] for t in olds[side] - tags[side]}
        expected = ((olds[0] | olds[1]) - removed) | added
        asked = was[0], was[1], (company, client)
        self.contested_stays_and_the_rest_goes(["notes"], old, *asked)
        self.contested_stays_and_the_rest_goes(["amount", "currency"], old, *asked)
        if added or removed:
            assert set(company["tags"] or []) == set(client["labels"] or []) == expected

    def contested_stays_and_the_rest_goes(self, names: list[str], old: Any, crm: Any, pm: Any, after: Any) -> None:
        """Fields that move together: each to one side; where two edits meet, or they would go both ways, none moves."""
        edits = {n: (crm[n] != old[n][0], pm[n] != old[n][1]) for n in names if crm[n] != pm[n]}
        moves = set(edits.values())
        if len(moves) > 1 or (True, True) in moves:
            assert [(after[0][n], after[1][n]) for n in names] == [(crm[n], pm[n]) for n in names]
        else:
            winner = pm if (False, True) in moves else crm
            assert [(after[0][n], after[1][n]) for n in names] == [(winner[n], winner[n]) for n in names]

    def settled(self, name: str, key: int, company: Any, client: Any) -> Any:
        """What both sides said when they last agreed."""
        if company[name] == client[name] or key not in self.agreed:
            return company[name], client[name]
        return self.agreed[key][name]

    def what_is_gone_is_archived(self, key: int, before: Any, after: Any) -> None:
        """Unless its client was edited since: then a person is asked."""
        made = self.partner[key]
        client = before["client"][made,]
        contested = any(len({self.agreed[key][name][0], client[name]}) > 1 for name in ASKED)
        if {name: value for name, value in client.items() if name != "updated"} == self.said[made] and not contested:
            assert after["client"][made,]["active"] is False
        elif client.get("active") is not False:
            assert after["client"][made,].get("active") is not False

    def a_second_run_has_nothing_to_do(self, after: Any) -> None:
        for mode in ("delta", "batch"):
            report, _ = self.small.plan(mode)
            assert report.writes == 0
            assert self.small.run(mode).writes == 0
        assert self.small.everything() == after

    @invariant()
    def the_ledger_is_there(self) -> None:
        if hasattr(self, "small"):
            assert self.small.world.ledger.live_links("company-client") >= 0


class SqliteMachine(SyncMachine):
    kind = "sqlite"


TestInMemory = SyncMachine.TestCase
TestInMemory.settings = settings(max_examples=30, stateful_step_count=20)
TestOnSqlite = SqliteMachine.TestCase
TestOnSqlite.settings = settings(max_examples=5, stateful_step_count=15)

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("in_memory")]
