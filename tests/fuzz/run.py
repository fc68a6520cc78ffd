"""Targets under atheris, which looks for inputs that take ways through the code which none has taken before.

    python -m tests.fuzz.run [--minutes 10] [--keep .fuzz] [forms names ...]

What lives here: one process a target, one after the other, and the exit status. What must not: targets. What was found
to be of interest is kept below `--keep` and where the next run begins; so is an input that fails, which
`python -m tests.fuzz.run --again FILE TARGET` shows without atheris.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGETS = (
    "forms", "valid_forms", "headers", "fields", "tus", "ranges", "names", "config", "sessions",
)  # fmt: skip
#: No input may take longer; what it waits for does not count.
SECONDS = 1.0
LONGEST = 4096


def target(name: str) -> Any:
    """The module."""
    return importlib.import_module(f"tests.fuzz.{name}")


def timed(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """`check`, which must not take long either."""

    def both(data: bytes) -> None:
        began = time.thread_time()
        check(data)
        assert time.thread_time() - began < SECONDS, "this takes too long"

    return both


def prepare(found: Any, folder: Path) -> None:
    """The seeds as files, and the words as a dictionary that libFuzzer reads."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(found.SEEDS):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)
    words = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in found.WORDS if len(word) <= 64)
    (folder / "words").write_text("\n".join(words) + "\n", encoding="ascii")


def fuzz(name: str, folder: Path, seconds: int) -> None:
    """This process becomes the target's; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["ajaxupload", "multipart", "webob"]):
        found = target(name)
    prepare(found, folder)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": 30,
        "dict": folder / "words",
        "artifact_prefix": f"{folder}/failed-",
        "print_final_stats": 1,
        "rss_limit_mb": 2048,
    }
    atheris.Setup(
        [name, str(folder / "corpus"), *(f"-{key}={value}" for key, value in options.items())],
        timed(found.check),
    )
    atheris.Fuzz()


def run(names: list[str], keep: Path, minutes: float) -> int:
    """Each in a process of its own, so that one that fails stops no other. How many failed."""
    failed = []
    for name in names:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.run",
            "--one",
            name,
            "--keep",
            str(keep),
            "--minutes",
            str(minutes),
        ]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}; see {keep}/*/failed-*" if failed else "nothing failed")
    return len(failed)


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"))
    parser.add_argument("--again", type=Path, help="a file with an input that failed")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if unknown := set(words.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))} (there are {', '.join(TARGETS)})")
    if words.again:
        for name in words.targets:
            timed(target(name).check)(words.again.read_bytes())
        return 0
    if words.one:
        fuzz(words.one, words.keep / words.one, int(words.minutes * 60))
    return run(words.targets, words.keep, words.minutes)


if __name__ == "__main__":
    sys.exit(main())
