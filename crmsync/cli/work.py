"""One pair after the other, one key an answer: how does a person get through a queue of a hundred? review work."""

from __future__ import annotations

import getpass
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import click

from crmsync.cli import pair, render
from crmsync.cli.actions import Teller
from crmsync.cli.chosen import Filter, chosen, filter_flags
from crmsync.cli.flags import Settings, global_flags, show_pii_flag, usage

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review
    from crmsync.run.match.queue import Pair
    from crmsync.run.world import Stopped, World

Verb: TypeAlias = Literal["same", "different", "later"]
VERBS: Final[dict[str, Verb]] = {"s": "same", "d": "different", "l": "later"}
HELP: Final = """\
  s  same: the two are one            d  different: they are two, do not ask again
  l  later: ask this one last         u  undo the last answer
  o  the other candidates             v  the values of all fields
  q  quit: what is answered is kept   ?  this help"""
PROMPT: Final = "(s)ame (d)ifferent (l)ater (u)ndo (o)thers (v)alues (q)uit (?) "


@dataclass(frozen=True, slots=True)
class Done:
    """One answer of this sitting, so that it can be undone. `ended`: the other questions that it ended."""

    place: int
    asked: Review
    verb: Verb
    ended: tuple[Review, ...] = ()


@dataclass
class Sitting:
    """A person at work: the queue, where they are, and what they have done."""

    world: World
    teller: Teller
    queue: Sequence[Review]
    who: str
    read: Callable[[], str]
    place: int = 0
    done: list[Done] = field(default_factory=list)

    # The loop -----------------------------------------------------------------------------------------------

    def go(self) -> None:
        """Until the queue is empty, or whoever answers goes. Every answer is kept at once."""
        while self._turn():
            pass

    def _turn(self) -> bool:
        """One question, or the end of the queue; False: no more."""
        if self.place == len(self.queue):
            return self._end()
        asked = self.world.ledger.review(self.queue[self.place].n)
        if asked.state != "open":
            self._pass_by(asked)
            return True
        shown = self._show(asked)
        while True:
            key = self._key()
            match key:
                case "" | "q":
                    return False
                case "u" if self.done:
                    self._undo()
                    return True
                case "s" | "d" | "l":
                    if self._answer(asked, VERBS[key]):
                        return True
                case _:
                    self._tell(key, shown)

    def _end(self) -> bool:
        """The last answer can be undone too."""
        if not self.done:
            return False
        click.echo("that was the last one: u takes it back, any other key ends ", nl=False)
        if self._pressed() != "u":
            return False
        self._undo()
        return True

    def _pass_by(self, asked: Review) -> None:
        """What ended by an answer of this sitting was told then."""
        if not any(asked.n == each.n for done in self.done for each in done.ended):
            by = f" by {asked.who}" if asked.who else ""
            render.say(f"review {asked.n} is {asked.state}{by} meanwhile: passed by")
        self.place += 1

    # Keys ---------------------------------------------------------------------------------------------------

    def _key(self) -> str:
        click.echo(PROMPT, nl=False)
        return self._pressed()

    def _pressed(self) -> str:
        key = self.read().lower()
        click.echo(render.clean(key) if key.isprintable() else "")
        return key

    def _tell(self, key: str, shown: Pair) -> None:
        """What changes nothing."""
        if key == "?":
            render.say(HELP)
        elif key == "u":
            render.say("nothing was answered in this sitting; crmsync review reopen N takes back what was before")
        elif key == "o":
            pair.show_others(self.teller, shown)
        elif key == "v":
            pair.show_pair(self.teller, shown)
        else:
            render.say("no such key; ? tells which there are")

    # Answers ------------------------------------------------------------------------------------------------

    def _answer(self, asked: Review, verb: Verb) -> bool:
        """False: it cannot be answered so."""
        from crmsync.ledger.nouns import ReviewNotOpen
        from crmsync.run.match import queue
        from crmsync.run.world import Stopped, utc_now

        around = queue.others_about(self.world, [asked])
        try:
            if verb == "later":
                with self.world.writing() as ledger:
                    ledger.mark_later(asked.n, self.who, utc_now())
            else:
                queue.give(self.world, [queue.prepared(self.world, asked, verb, None, self.who)], self.who)
        except ReviewNotOpen:
            return True  # somebody was quicker: the next look tells who
        except Stopped as stopped:
            _say_why(stopped)
            return False
        ended = tuple(each for each in around if self.world.ledger.review(each.n).state != "open")
        self.done.append(Done(self.place, asked, verb, ended))
        self.place += 1
        for line in self._became(asked, verb, ended):
            render.say(line)
        return True

    def _became(self, asked: Review, verb: Verb, ended: Sequence[Review]) -> Iterator[str]:
        yield f"{pair.records(self.teller, asked)}: {verb}"
        if ended:
            yield "  with it these questions end, they are skipped:"
        for each in ended:
            yield f"  review {each.n}: {pair.records(self.teller, each)}"

    def _undo(self) -> None:
        from crmsync.ledger.nouns import ReviewNotOpen
        from crmsync.run.match import judge
        from crmsync.run.world import Stopped

        last = self.done.pop()
        try:
            if last.verb == "later":
                with self.world.writing() as ledger:
                    ledger.mark_later(last.asked.n, last.asked.later_who, last.asked.later)
            else:
                judge.reopen(self.world, last.asked.n, self.who)
        except ReviewNotOpen as error:
            render.say(f"that is not possible: {error}")
            return
        except Stopped as stopped:
            _say_why(stopped)
            return
        self.place = last.place
        render.say(f"review {last.asked.n} is asked again")
        if last.ended and last.asked.side is not None:
            render.say("what ended with it is asked again by the next run, and by crmsync match dedupe --ask")

    # What is seen -------------------------------------------------------------------------------------------

    def _show(self, asked: Review) -> Pair:
        from crmsync.run.match.queue import pair_of

        render.say()
        render.say(_ruled(f"{self.place + 1} of {len(self.queue)}, {self.tally()}"))
        render.say(f"review {asked.n}, {asked.kind}  {pair.records(self.teller, asked)}")
        render.say(asked.message)
        if asked.later is not None:
            render.say(f"put off by {asked.later_who}, {render.when(asked.later)}")
        shown = pair_of(self.world, self.world.project.mapping(asked.mapping), asked)
        pair.show_pair(self.teller, shown, rest=False, others=False)
        return shown

    def tally(self) -> str:
        """`3 same, 8 different, 1 later`."""
        counts = Counter(each.verb for each in self.done)
        return ", ".join(f"{counts[verb]} {verb}" for verb in VERBS.values())


def _say_why(stopped: Stopped) -> None:
    for finding in stopped.findings:
        render.say(f"that is not possible: {finding.message}")
        render.say(f"    {finding.mend}")


def _ruled(text: str) -> str:
    """A line across the screen, so that the eye finds where the next one begins."""
    width = min(shutil.get_terminal_size().columns, 80)
    return f"── {text} ".ljust(width, "─")


def key_by_key() -> str:
    """One key of a terminal; of anything else the next character that is no blank. "" at the end."""
    if sys.stdin.isatty():
        try:
            return click.getchar()
        except EOFError:
            return ""
    while (char := sys.stdin.read(1)).isspace():
        pass
    return char


@click.command()
@filter_flags
@show_pii_flag
@global_flags
def work(settings: Settings, show_pii: bool, **filters: Any) -> None:
    """Go through the pairs that may be one, one key an answer.

    The likeliest first, those that share a record together, those put off last. Every answer is kept at once: quit, or
    be cut off, whenever you like. Keys: s same, d different, l later, u undo, o other candidates, v all values, q quit.

    \b
      crmsync review work
      crmsync review work -s account-customer --min-score 0.9
      echo sddl | crmsync review work
    """
    from crmsync.run.match.queue import in_order

    if settings.json:
        raise usage("review work speaks with a person", "crmsync review list --output json, then review resolve N")
    with settings.world(create=True) as world:
        only, known = Filter(**filters), {mapping.name for mapping in world.project.mappings}
        asked = in_order(each for each in chosen(world, "open", only) if each.mapping in known)
        if not asked:
            render.say("no pair is to be judged")
            return
        teller = Teller.of(world, show_pii)
        sitting = Sitting(world, teller, asked, getpass.getuser(), key_by_key)
        sitting.go()
        numbers = {each.n for each in asked}
        left = sum(each.n in numbers for each in chosen(world, "open", only))
        render.say()
        judged = any(each.verb != "later" for each in sitting.done)
        render.say(f"{sitting.tally()}; {left} of these left{'; next: crmsync run' if judged else ''}")
