"""busboy, multer and @tus/server with its file store, each in a few lines of Node.js (node_programs/).

What lives here: starting them. What must not: installing (the Makefile does it from package.json).
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.contender import Contender, Site, Way, program

__all__ = ["BUSBOY", "MULTER", "TUS", "contender"]

BUSBOY, MULTER, TUS = "busboy", "multer", "@tus/server"
_PROGRAMS = {BUSBOY: ("busboy.mjs", "busboy"), MULTER: ("multer.mjs", "multer"), TUS: ("tus.mjs", "@tus/server")}
_HERE = Path(__file__).resolve().parents[1]


def contender(name: str) -> Contender:
    """One of them."""
    script, package = _PROGRAMS[name]

    def command(site: Site) -> list[str]:
        return ["node", str(_HERE / "node_programs" / script), str(site.port), str(site.files)]

    def needs() -> str:
        there = (_HERE / "node_modules" / package / "package.json").is_file()
        return program("node") or ("" if there else f"no npm package {package}")

    return Contender(name, command, Way(tus="/files") if name == TUS else Way(form="/form"), needs)
