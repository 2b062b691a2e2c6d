from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shop import Shop, new_shop


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMSYNC_DEBUG", raising=False)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A fresh project: nothing has run yet."""
    return new_shop(tmp_path / "shop", capsys)


@pytest.fixture
def synced(shop: Shop) -> Shop:
    """A project after its first run: accounts 1, 2 and 3 are customers 7, 9 and 10."""
    assert shop.do("run", "--first-load").code == 0
    return shop
