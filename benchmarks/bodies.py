"""What a gigabyte costs on its way from gunicorn's socket to a disk: ours, ours through `wsgi.input`, and Flask's view.

    python -m benchmarks.bodies [--mib 1024] [--rounds 5]

What lives here: one raw body by curl to one gunicorn (gthread) after the other, the ways taking turns; medians of speed
and of the worker's processor time, and their ratios. Nothing is synced: Flask's view does not either. What must not:
forms, resumable uploads (resumable.py), S3.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.wire.servers import Server, running

WAYS = {"ajaxupload": "/fast/big.bin", "through wsgi.input": "/plain/big.bin", "Flask's stream": "/flask"}


def flask_app(folder: Path) -> Any:
    """As Flask's documentation reads large bodies: `request.stream` in pieces."""
    from flask import Flask, request

    app = Flask(__name__)

    @app.post("/flask")
    @app.put("/flask")
    def upload() -> str:
        with (folder / "flask.bin").open("wb") as file:
            while chunk := request.stream.read(64 << 10):
                file.write(chunk)
        return "stored"

    return app


def site() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """All of them in one application."""
    from ajaxupload import AjaxUpload

    folder = Path(os.environ["AJAXUPLOAD_WIRE_ROOT"])
    backends = {"default": {"class": "local", "upload_dir": str(folder / "ours"), "durable": False}}
    one = {"max_size": "100 GiB", "protocols": ["raw"], "resumable": False}
    endpoints = {"/fast": dict(one), "/plain": {**one, "fast_input": False}}
    return AjaxUpload(flask_app(folder), {"backends": backends, "endpoints": endpoints})


def processor(server: Server) -> float:
    """Seconds that the worker has computed."""
    (_, worker) = server.pids()
    fields = Path(f"/proc/{worker}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send(server: Server, path: str, file: Path) -> tuple[float, float]:
    """Seconds until the answer, and of the worker's processor."""
    before, began = processor(server), time.perf_counter()
    command = ["curl", "-sSf", "--noproxy", "*", "-o", os.devnull, "-H", "Expect:", "-T", str(file)]
    subprocess.run([*command, f"http://127.0.0.1:{server.port}{path}"], check=True)
    found = time.perf_counter() - began, processor(server) - before
    for stored in (*server.root.glob("ours/*.bin"), *server.root.glob("flask.bin")):
        stored.unlink()
    return found


def compare(mib: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Way -> median seconds and processor seconds for a file of so many MiB."""
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "--no-control-socket"]
    command += ["-b", "127.0.0.1:0", "benchmarks.bodies:site()"]
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "zeros")
        with file.open("wb") as zeros:
            zeros.truncate(mib << 20)
        with running("gunicorn", command, Path(folder)) as server:
            for number in range(rounds + 1):  # the first warms up
                for way, path in WAYS.items():
                    found = send(server, path, file)
                    if number:
                        taken[way].append(found)
    return {
        way: (statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times))
        for way, times in taken.items()
    }


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    found = compare(words.mib, words.rounds)
    wall, cpu = found["ajaxupload"]
    for way, (seconds, busy) in found.items():
        rate, cost = words.mib / seconds, busy / words.mib * 1024
        print(
            f"{way:<20}{rate:7.0f} MiB/s {cost:6.2f} s/GiB   {seconds / wall:5.2f} x time {busy / cpu:5.2f} x processor"
        )


if __name__ == "__main__":
    main()
