"""Failure of any system call (F04): an error that passes, no descriptor kept, it can be gone on with."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from ajaxupload.errors import StorageFull, StorageUnavailable, UploadError
from tests.partials.test_crashes import CONTENT, life, prepared
from tests.partials.tripping import Trip, numbers
from tests.partials.uploads import ID, Site, open_files, sha
from tests.support.tally import Tally

CODES = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES, errno.EINTR)
EACH_CALL = pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.faults)])


@pytest.mark.slow
@EACH_CALL
@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])
def test_any_failing_call_of_finishing_loses_nothing_and_is_told(
    tmp_path: Path, code: int, forever: bool, step: int, tally: Tally
) -> None:
    template = tmp_path / "template"
    prepared(template)
    for number in numbers(step):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        site = Site(folder)
        before = open_files(folder)
        trip = Trip(number)
        try:
            with trip.failing(code, forever=forever):
                site.finish()
        except UploadError as error:
            assert not error.permanent, (trip.names[number - 1], error)
            assert isinstance(error, StorageFull if code == errno.ENOSPC else StorageUnavailable)
        assert open_files(folder) == before, trip.names[number - 1]
        again = Site(folder)
        upload = again.finish()
        assert again.files() == {upload.filename: sha(CONTENT)}, trip.names[number - 1 :]
        shutil.rmtree(folder)
        if not trip.reached:
            break
    tally("F04", "a failing call of finishing", runs=number // step, faults=number // step)


@pytest.mark.slow
@EACH_CALL
@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.__getitem__)
def test_any_failing_call_of_its_life_leaves_it_as_it_was_or_gone(
    tmp_path: Path, code: int, step: int, tally: Tally
) -> None:
    for number in numbers(step):
        folder = tmp_path / str(number)
        site = Site(folder)
        before = open_files(folder)
        trip = Trip(number)
        try:
            with trip.failing(code):
                life(site)
        except UploadError as error:
            assert not error.permanent, (trip.names[number - 1], error)
        assert open_files(folder) == before, trip.names[number - 1]
        again = Site(folder)
        again.open(len(CONTENT)).close()
        upload = again.resume(CONTENT, step=999)
        assert again.files() == {upload.filename: sha(CONTENT)}, trip.names[number - 1]
        shutil.rmtree(folder)
        if not trip.reached:
            break
    tally("F04", "a failing call of an upload's life", runs=number // step, faults=number // step)


def test_a_failed_answer_never_told_an_offset_that_is_not_there(tmp_path: Path) -> None:
    """A write that failed for a full disk counts as far as it came."""
    site = Site(tmp_path)
    site.open(len(CONTENT)).close()
    for number in range(1, 40):
        with site.find(ID) as partial:
            at = partial.offset
            request = site.request(CONTENT[at : at + 100])
            trip = Trip(number)
            try:
                with trip.failing(errno.ENOSPC):
                    told = site.resumable.write(request, partial, at, request.upload_body)
            except StorageFull:
                told = at
        assert told <= site.status() <= at + 100
        assert (tmp_path / "partials" / ID[:2] / f"{ID}.part").read_bytes()[:told] == CONTENT[:told]
