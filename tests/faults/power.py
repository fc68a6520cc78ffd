"""Who uploads until the power goes, and who looks afterwards: `python -m tests.faults.power write|check ...`.

What lives here: both processes, over the middleware itself. What must not: disks. `write FOLDER SEED durable|careless`
goes on for ever and prints what it was told, when it was told; `check FOLDER` reads such lines and prints what is not
there.
"""

from __future__ import annotations

import posix
import random
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.faults.calling import Here
from tests.partials.uploads import noise

#: Most files are small, some are a megabyte: the least and the most bytes of each kind.
SIZES = ((1, 4_096), (1, 100_000), (1, 4_096), (100_000, 1 << 20))


def tell(*words: object) -> None:
    """One line, in one write: two threads talk."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def size_of(random_: random.Random, number: int) -> int:
    """A size of the number's kind."""
    return random_.randint(*SIZES[number % len(SIZES)])


def content_of(name: str) -> bytes:
    """A name says its content: `w-NUMBER-SIZE.bin`."""
    _kind, number, size = name.removesuffix(".bin").split("-")
    return noise(int(size), int(number))


def whole_files(here: Here, seed: str) -> None:
    """One after the other, each in one request."""
    random_ = random.Random(f"whole {seed}")
    for number in range(1_000_000):
        name = f"w-{number}-{size_of(random_, number)}.bin"
        answer = here.put(name, content_of(name))
        assert answer.status == 201, answer
        tell("whole", name)


def in_pieces(here: Here, seed: str) -> None:
    """One after the other, each in several requests; every fifth is never finished."""
    random_ = random.Random(f"pieces {seed}")
    for number in range(1_000_000):
        name = f"t-{number}-{size_of(random_, number)}.bin"
        content = content_of(name)
        path, offset = here.create(name, len(content)), 0
        tell("piece", name, path, 0)
        end = len(content) if number % 5 else random_.randrange(len(content))
        while offset < end:
            answer = here.patch(path, offset, content[offset : min(end, offset + random_.randint(1, 400_000))])
            assert answer.status == 204, answer
            offset = int(answer.headers["upload-offset"])
            tell("piece", name, path, offset)
        if offset == len(content):
            tell("stored", name, path, offset)


def write(folder: Path, seed: str, durable: str) -> None:
    """Both at once, until the end of this process."""
    here = Here(folder, durable=durable == "durable")

    def run(kind: Callable[[Here, str], None]) -> None:
        try:
            kind(here, seed)
        finally:
            traceback.print_exc()
            posix._exit(1)  # not half of it

    for kind in (whole_files, in_pieces):
        threading.Thread(target=run, args=(kind,)).start()


def check(folder: Path, lines: list[str]) -> list[str]:
    """What was told and is not so, and what is visible and not whole."""
    here = Here(folder, durable=False)  # what it stores itself need not last
    files = here.files()
    broken = [f"broken {name}" for name, content in files.items() if content != content_of(name)]
    told = [line.split() for line in lines]
    must = {words[1] for words in told if words[0] in ("whole", "stored")}
    lost = [f"lost {name}" for name in must - files.keys()]
    offsets = {(words[1], words[2]): int(words[3]) for words in told if words[0] == "piece"}
    for (name, path), offset in offsets.items():
        if name not in must:
            lost += resumed(here, name, path, offset)
    return broken + lost


def resumed(here: Here, name: str, path: str, told: int) -> list[str]:
    """Go on with it as its client does; what is wrong with it."""
    content, found = content_of(name), here.offset(path)
    if found is None or found < told:
        return [f"offset {name}: {told} was told, {found} is there"]
    if found < len(content) and here.patch(path, found, content[found:]).status != 204:
        return [f"stuck {name}: at {found}"]
    return [] if here.files().get(name) == content else [f"changed {name}"]


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), *sys.argv[3:5])
    else:
        for complaint in check(Path(sys.argv[2]), sys.stdin.read().splitlines()):
            tell(complaint)
