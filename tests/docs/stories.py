"""Where does each console example of a page begin?

The second word behind its fence says so: `init` in the project that `crmsync init` makes, `synced` after its first run,
`demo` in that of examples/demo.
A block without one goes on where the one before ended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.docs.keyboard import Keyboard
from tests.docs.pages import ROOT, Block, blocks

INIT: Final = ("crmsync init shop", "cd shop")
SYNCED: Final = (*INIT, "crmsync run --first-load")
DEMO: Final = (f"{sys.executable} {ROOT}/examples/demo/build.py demo", "cd demo")
START: Final[Mapping[str, Sequence[str]]] = {
    "nothing": (), "init": INIT, "synced": SYNCED, "readme": INIT, "demo": DEMO,
}  # fmt: skip
A_DAY_OF_WORK: Final = (  # what the README says has happened since the last run
    ("crm", "UPDATE accounts SET name = 'Mlyn Nitra SE' WHERE id = 2"),
    ("crm", "INSERT INTO accounts (type, name, ico) VALUES ('customer', 'Novák  s.r.o.', '31322832')"),
    ("crm", "UPDATE accounts SET description = 'Call before noon.' WHERE id = 3"),
    ("pm", "UPDATE customers SET notes = 'Never on Fridays.' WHERE id = 10"),
    ("pm", "UPDATE customers SET customer_name = 'KOVOTRANS', status = 'on_hold' WHERE id = 7"),
)


def stories(page: str) -> Iterator[list[Block]]:
    """The console blocks of a page, those that go on together in one list."""
    story: list[Block] = []
    for block in blocks(page, "console"):
        if len(block.info) > 1 and story:
            yield story
            story = []
        story.append(block)
    if story:
        yield story


def begin(keyboard: Keyboard, story: Sequence[Block]) -> None:
    """Bring the keyboard to where the story begins."""
    word = story[0].info[1]
    for line in START[word]:
        _do(keyboard, line)
    if word == "readme":
        _live_a_day(keyboard)


def _live_a_day(keyboard: Keyboard) -> None:
    """The project with the README's own mapping, after a first run and a day of work in both systems."""
    Path("mappings/account-customer.yaml").write_text(blocks("README.md", "yaml")[0].text, "utf-8")
    _do(keyboard, "crmsync run --first-load")
    for system, statement in A_DAY_OF_WORK:
        _do(keyboard, f'sqlite3 {system}.db "{statement}"')


def _do(keyboard: Keyboard, line: str) -> None:
    code, said = keyboard.type(line)
    assert code == 0, said
