"""Running the corpora's own script against a server that may write nowhere but where it stores.

What lives here: the server's place, and one run of `run_corpus.py`. What must not: expectations of ours; the corpora
have theirs.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wire.servers import APPS, Server, faults, running

SHARD = 100  # names in one run: the script looks at every file stored so far, four times for each name


@dataclass(frozen=True)
class Box:
    """A server of a user without rights, and the folder that is all it may write to."""

    server: Server
    corpora: Path

    @property
    def media(self) -> Path:
        """Where files are stored."""
        return self.server.root / "media"

    def empty(self) -> None:
        """Ready for the next run."""
        for path in self.media.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def run(self, what: str, endpoint: str, *options: str, script: Path | None = None) -> list[str]:
        """Run the script. The lines of the cases that failed; an AssertionError where it did not get to its end."""
        self.empty()
        url, watched = f"http://{self.server.host}{endpoint}", self.server.root
        command = [sys.executable, str(script or self.corpora / "run_corpus.py"), what, "--url", url]
        command += ["--root", str(self.media), "--watch", str(watched), "--timeout", "30", *options]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        lines = run.stdout.splitlines()
        assert lines, run.stderr
        assert lines[-1].startswith(f"{what}: "), run.stdout[-2000:] + run.stderr
        return lines[:-1]

    def run_names(self, endpoint: str, *options: str, only: Any = lambda case: True) -> tuple[int, list[str]]:
        """The same for the names, in shards: how many were sent, and the failures."""
        cases = json.loads((self.corpora / "names" / "manifest.json").read_text(encoding="utf-8"))
        cases = [case for case in cases if only(case)]
        failures = []
        for start in range(0, len(cases), SHARD):
            with tempfile.TemporaryDirectory() as folder:
                script = Path(folder) / "run_corpus.py"  # which reads the manifest beside it
                script.symlink_to(self.corpora / "run_corpus.py")
                (Path(folder) / "names").mkdir()
                manifest = Path(folder) / "names" / "manifest.json"
                manifest.write_text(json.dumps(cases[start : start + SHARD]), encoding="utf-8")
                failures += self.run("names", endpoint, *options, script=script)
        return len(cases), failures


def nobody() -> int | None:
    """Whom to become: somebody who may do nothing, where we may become anybody, else we stay who we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


@contextmanager
def box(corpora: Path, name: str = "cheroot") -> Iterator[Box]:
    """Start that server in a folder of its own, outside of the tests' own folders, which only we may enter."""
    uid = nobody()
    with tempfile.TemporaryDirectory(prefix="ajaxupload-corpora-") as place:
        root = Path(place) / "watched"
        private = Path(place) / "private"
        for folder in (Path(place), root, private):
            folder.mkdir(exist_ok=True)
            if uid is not None:
                os.chown(folder, uid, uid)
        command = [sys.executable, "-m", f"{APPS}.unprivileged", name, *([] if uid is None else [str(uid)])]
        # Coverage is measured elsewhere: this user could not write it down.
        env = {"AJAXUPLOAD_WIRE_PRIVATE": str(private), "COVERAGE_PROCESS_START": None, "COVERAGE_PROCESS_CONFIG": None}
        # Its log is not watched: a second worker may say that it is there after the first has answered.
        with running(name, command, root, env=env, log=Path(place) / "server.log") as server:
            yield Box(server, corpora)
        assert not faults(server.said)
        assert sorted(os.listdir(place)) == ["private", "server.log", "watched"]
        assert os.listdir(root) == ["media"]
