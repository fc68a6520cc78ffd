"""Death at any system call (F02): what was told stays true, and the upload is finished exactly once."""

from __future__ import annotations

import functools
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.partials import Record
from tests.partials.tripping import KILLED, Trip, in_child, numbers
from tests.partials.uploads import ID, Site, nobody, noise, remains, sha
from tests.support.tally import Tally

CONTENT = noise(5_000)
WHEN = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


def prepared(folder: Path, **options: Any) -> Site:
    """An upload with all its bytes, which nobody has finished."""
    site = Site(folder, **options)
    site.open(len(CONTENT)).close()
    site.write(0, CONTENT[:3_000])
    site.write(3_000, CONTENT[3_000:])
    return site


def check_once(folder: Path, expected: dict[str, str], **options: Any) -> None:
    """In a new process' place: it finishes, it is there once, and nothing else is."""
    site = Site(folder, **options)
    assert site.status() == len(CONTENT)
    upload = site.finish()
    assert site.files() == expected
    assert site.finish().filename == upload.filename, "asked again, the same"
    assert site.files() == expected
    assert sorted(name.rpartition(".")[2] for name in remains(site.store)) == ["json", "log"]
    incoming = folder / ".stored.ajaxupload" / "incoming"
    assert [path for path in incoming.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.slow
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.faults)])
@WHEN
@pytest.mark.parametrize("collision", ["suffix", "error", "replace"])
def test_killed_at_every_call_of_finishing_it_is_stored_once(
    tmp_path: Path, after: bool, collision: str, step: int, tally: Tally
) -> None:
    ours = {"a.bin": sha(CONTENT)}
    template = tmp_path / "template"
    prepared(template, collision=collision)
    for number in numbers(step):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        site = Site(folder, collision=collision)
        trip = Trip(number)

        def die(site: Site = site, trip: Trip = trip) -> None:
            with trip.killing(after=after):
                site.finish()

        code = in_child(die)
        check_once(folder, ours, collision=collision)
        shutil.rmtree(folder)
        if code == 0:
            break
        assert code == KILLED
    assert number > 50
    tally("F02", "killed at each call of finishing", runs=number // step, faults=number // step)


@pytest.mark.slow
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.faults)])
@WHEN
def test_killed_while_another_file_has_the_name_it_is_stored_once_beside_it(
    tmp_path: Path, after: bool, step: int, tally: Tally
) -> None:
    template = tmp_path / "template"
    prepared(template)
    (template / "stored" / "a.bin").write_bytes(b"somebody else's")
    for number in numbers(step):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        site = Site(folder)
        trip = Trip(number)

        def die(site: Site = site, trip: Trip = trip) -> None:
            with trip.killing(after=after):
                site.finish()

        code = in_child(die)
        again = Site(folder)
        name = again.finish().filename
        assert name.startswith("a-")
        assert again.files() == {"a.bin": sha(b"somebody else's"), name: sha(CONTENT)}, number
        shutil.rmtree(folder)
        if code == 0:
            break
    tally("F02", "killed at each call of finishing", runs=number // step, faults=number // step)


def life(site: Site) -> None:
    """Everything that one upload goes through."""
    with site.open(len(CONTENT)) as partial:
        request = site.request(CONTENT[:2_000])
        site.resumable.write(request, partial, partial.offset, request.upload_body)
    site.write(site.status(), CONTENT[2_000:4_000])
    site.write(site.status(), CONTENT[4_000:])
    site.finish()


@pytest.mark.slow
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.faults)])
@WHEN
def test_killed_at_any_call_of_its_life_it_is_gone_on_with_and_stored_once(
    tmp_path: Path, after: bool, step: int, tally: Tally
) -> None:
    """What was synced when it died is still counted; the rest is sent again."""
    for number in numbers(step):
        folder = tmp_path / str(number)
        site = Site(folder)
        trip = Trip(number)

        def die(site: Site = site, trip: Trip = trip) -> None:
            with trip.killing(after=after):
                life(site)

        code = in_child(die)
        again = Site(folder)
        again.open(len(CONTENT)).close()
        upload = again.resume(CONTENT, step=999)
        assert again.files() == {upload.filename: sha(CONTENT)}, number
        shutil.rmtree(folder)
        if code == 0:
            break
        assert code == KILLED
    assert number > 100
    tally("F02", "killed at each call of an upload's life", runs=number // step, faults=number // step)


@pytest.mark.slow
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.faults)])
@WHEN
@pytest.mark.parametrize("verb", ["remove", "append"])
def test_killed_at_any_call_of_removing_or_putting_together(
    tmp_path: Path, after: bool, verb: str, step: int, tally: Tally
) -> None:
    """A removal that was cut short is no upload, or one that can be gone on with; nothing is left after a sweep."""
    for number in numbers(step):
        folder = tmp_path / str(number)
        site = Site(folder)
        parts = [site.open(3, f"part-number-{each}", fragment=True) for each in range(2)]
        for each, part in enumerate(parts):
            part.put(part.begin(0), b"%d%d%d" % (each, each, each))
        final = site.open(6)
        trip = Trip(number)
        append = functools.partial(site.resumable.append, final, parts)
        act: Callable[[], object] = final.remove if verb == "remove" else append

        def die(trip: Trip = trip, act: Callable[[], object] = act) -> None:
            with trip.killing(after=after):
                act()

        code = in_child(die)
        for each_one in (*parts, final):
            each_one.close()
        again = Site(folder)
        with again.open(6) as found:
            assert found.offset in ((0,) if verb == "remove" else (0, 6))
            with again.find("part-number-0") as one, again.find("part-number-1") as two:
                again.resumable.append(found, [one, two])
            again.resumable.finish(again.request(), found, nobody)
        assert again.files() == {"a.bin": sha(b"000111")}, number
        shutil.rmtree(folder)
        if code == 0:
            break
        assert code == KILLED
    assert number > 5
    tally("F02", f"killed at each call, verb {verb}", runs=number // step, faults=number // step)


def send(folder: Path, content: bytes, trip: Trip, step: int) -> None:
    """As a client does; what was told to it last is in the file "told"."""
    site = Site(folder, durable=False)
    with trip.killing(after=False):
        offset = site.status()
        while offset < len(content):
            offset = site.write(offset, content[offset : offset + step])
            (folder / "told").write_text(str(offset))
        site.finish()


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [25, pytest.param(500, marks=pytest.mark.faults)])
def test_killed_at_random_moments_again_and_again(
    tmp_path: Path, rounds: int, chance: random.Random, tally: Tally
) -> None:
    """Up to ten deaths in one upload's life: every answer before each stays true, and nothing is left but its notes."""
    deaths = 0
    for round_ in range(rounds):
        folder = tmp_path / str(round_)
        content = noise(chance.randrange(1, 20_000), round_)
        Site(folder, durable=False).open(len(content)).close()
        told = folder / "told"
        for _ in range(chance.randrange(1, 10)):
            trip = Trip(chance.randrange(1, 120))
            step = chance.randrange(1, 4_000)
            code = in_child(functools.partial(send, folder, content, trip, step))
            assert code in (0, KILLED)
            deaths += code == KILLED
            with Site(folder, durable=False).find() as partial:
                acknowledged = int(told.read_text() or "0") if told.exists() else 0
                assert acknowledged <= partial.offset <= len(content)
        again = Site(folder, durable=False)
        upload = again.resume(content, step=3_000)
        assert again.files() == {upload.filename: sha(content)}
        assert orphans(again) == []
        shutil.rmtree(folder)
    tally("F02", "killed at random moments", runs=rounds, faults=deaths)


def orphans(site: Site) -> list[str]:
    """What is left of one upload that has ended, after a sweep, besides its record and ledger."""
    list(site.store.sweep())
    incoming = site.folder / ".stored.ajaxupload" / "incoming"
    left = [path.name for path in incoming.iterdir() if path.suffix != ".lock"]
    return left + [name for name in remains(site.store) if not name.endswith((".json", ".log"))]


def test_an_upload_that_two_processes_create_is_one(tmp_path: Path) -> None:
    site = Site(tmp_path)

    def create() -> None:
        Site(tmp_path).open(100).close()

    assert [in_child(create) for _ in range(2)] == [0, 0]
    with site.open(100) as partial:
        assert partial.offset == 0
        _same, new = site.store.create(Record(ID, "/upload", size=100))
        _same.close()
        assert not new
