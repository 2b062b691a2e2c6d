"""Where do the tests get a real MariaDB from?"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAST = ("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-log-bin")


def is_there() -> bool:
    return shutil.which("mariadbd") is not None


@contextmanager
def mariadb_url() -> Iterator[str]:
    """The SQLAlchemy URL of a server that lives as long as the block, on a unix socket in a folder of its own. It has
    no database yet: put its name before the question mark."""
    user = f"--user={getpass.getuser()}"
    with tempfile.TemporaryDirectory(prefix="crmsync-mariadb-", ignore_cleanup_errors=True) as folder:
        data, socket = f"--datadir={folder}/data", f"{folder}/socket"
        install = ["mariadb-install-db", "--no-defaults", user, data, "--auth-root-authentication-method=normal"]
        subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
        with Path(folder, "log").open("wb") as log:
            command = ["mariadbd", "--no-defaults", user, data, f"--socket={socket}", "--skip-networking", *FAST]
            server = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                _await(server, Path(socket), Path(folder, "log"))
                yield f"mariadb://root@localhost/?unix_socket={socket}&charset=utf8mb4&ssl_disabled=true"
            finally:
                server.kill()  # its folder goes anyway
                server.wait(30)


def _await(server: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    for _ in range(600):
        if socket.exists():
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"mariadbd did not start: {log.read_text(errors='replace')[-2000:]}")
