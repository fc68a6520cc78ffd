"""What holds for every test: which package is tested, what a test may need, and what was not run.

What lives here: nothing about uploads. A test says by a marker what it needs of the machine; where that is missing it
is skipped with the way to get it, and the end of the run lists all that was left out. With CI set, anything skipped
fails the run. With AJAXUPLOAD_EXPECT_WHEEL set, the run refuses to start on the source tree.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.support.tally"]

ROOT = Path(__file__).resolve().parent.parent
# A developer's machine is busy with other things: a slow example is no finding. (With CI set hypothesis brings its own
# profile, which also derives its examples from the test alone.)
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
APT = "apt-get install -y --no-install-recommends"
PACKAGES = {"clamd": "clamav-daemon"}  # of programs that are not called like their package


def flag(name: str) -> bool:
    """Is this environment variable set to something true?"""
    return os.environ.get(name, "").lower() not in ("", "0", "false")


# ---- which package is tested ---------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Choose hypothesis' profile, and stop if `make test` is about to test the tree instead of the wheel."""
    if not flag("CI"):
        hypothesis.settings.load_profile("quick" if flag("AJAXUPLOAD_QUICK") else "patient")
    found = importlib.util.find_spec("ajaxupload")
    origin = str(found.origin) if found else "nowhere"
    if flag("AJAXUPLOAD_EXPECT_WHEEL") and "site-packages" not in Path(origin).parts:
        pytest.exit(f"the installed wheel was to be tested, but ajaxupload is imported from {origin}", returncode=4)


# ---- what a test may need of the machine -----------------------------------------------------------------------------


def find_program(name: str) -> str | None:
    """Its path, also where Debian keeps daemons, which is not on everybody's PATH."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))


def find_chromium() -> str | None:
    """The system's Chromium; AJAXUPLOAD_CHROMIUM names another one."""
    return find_program(os.environ.get("AJAXUPLOAD_CHROMIUM") or "chromium")


def find_corpora() -> Path | None:
    """The folder of upload corpora: AJAXUPLOAD_CORPORA, else `shared/corpora` beside this checkout."""
    folder = Path(os.environ.get("AJAXUPLOAD_CORPORA") or ROOT.parent / "shared" / "corpora")
    return folder.resolve() if (folder / "MANIFEST.json").is_file() else None


def why_not(item: pytest.Item) -> Iterator[str]:
    """What `item` needs and this machine lacks, each with the way to get it."""
    if item.get_closest_marker("browser"):
        if not find_chromium():
            yield f"no Chromium: {APT} chromium fonts-dejavu-core (or set AJAXUPLOAD_CHROMIUM)"
        if not importlib.util.find_spec("playwright"):
            yield "no Playwright: pip install playwright"
    if item.get_closest_marker("corpora") and not find_corpora():
        yield "no upload corpora: set AJAXUPLOAD_CORPORA to their folder"
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if not find_program(program):
                yield f"no {program}: {APT} {PACKAGES.get(program, program)}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Ten thousand tests are a million objects, which nothing frees before the end: not to look through them again and
    again saves a third of the time that collecting them takes, and most of that of each `gc.collect` in a test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


#: Promises of the backends' contract, which is part of the package and knows none of our marks.
SLOW_PROMISES = frozenset(("test_what_a_killed_process_left_is_cleared_and_the_living_are_spared",))


@pytest.hookimpl(tryfirst=True)  # before -m is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here; mark as slow what is not ours to mark where it stands."""
    for item in items:
        if item.name in SLOW_PROMISES:
            item.add_marker(pytest.mark.slow)
        if reasons := list(why_not(item)):
            # Without the browser, the store or the right that it needs the test could only fail. Loudly: the end of the
            # run lists it with the reasons, which say how to get what is missing; and where CI is set, the run fails.
            item.add_marker(pytest.mark.skip(reason="; ".join(reasons)))  # as `why_not` found: what is missing here


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of upload corpora, for tests marked `corpora`."""
    folder = find_corpora()
    assert folder is not None, "a test that asks for the corpora must carry the marker of that name"
    return folder


# ---- what was not run ----------------------------------------------------------------------------------------------

left_out = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what -m and -k left out."""
    for item in items[:1]:
        item.config.stash[left_out] = item.config.stash.get(left_out, 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each worker of xdist has collected, and left out, the same tests: any one's count is the run's."""
    node.config.stash[left_out] = getattr(node, "workeroutput", {}).get("left_out", 0)


def not_run(config: pytest.Config) -> Counter[str]:
    """Reason -> number of tests that were skipped for it, whole modules and `xfail(run=False)` included."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    stats: dict[str, list[Any]] = reporter.stats if reporter else {}
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in stats.get("skipped", ()))
    reasons.update(report.wasxfail for report in stats.get("xfailed", ()) if "NOTRUN" in report.wasxfail)
    return reasons


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A CI run that left something out has failed, whatever the rest says."""
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(left_out, 0)  # type: ignore[attr-defined]  # xdist's
    elif flag("CI") and not_run(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The list of what was not run, and how to run it."""
    skipped, deselected = not_run(config), config.stash.get(left_out, 0)
    colour = {"red": True} if skipped and flag("CI") else {"yellow": True}
    if skipped or deselected:
        terminalreporter.section("NOT RUN", bold=True, **colour)
    for reason, count in skipped.most_common():
        terminalreporter.line(f"{count} skipped: {reason}", **colour)
    if deselected:
        rest = "`make test` and `make full` together run everything"
        terminalreporter.line(f"{deselected} left out by -m or -k; {rest}", **colour)
    if skipped and flag("CI"):
        terminalreporter.line("CI is set, where nothing may be skipped: the run has FAILED", bold=True, **colour)


@pytest.fixture(autouse=True)
def same_folder() -> Iterator[None]:
    """Leave the working directory as it was: a folder of one test's own is gone when the next one begins."""
    before = Path.cwd()
    yield
    os.chdir(before)
