"""`quota`: what a principal may have stored at an endpoint by whole files, what gives room back, and the setting."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from webob import Request

from ajaxupload import AjaxUpload, upload_endpoint
from ajaxupload.config import load, short_form
from ajaxupload.errors import ConfigError
from ajaxupload.partials.file.accounts import Accounts
from tests.support.quotas import TEN, Site, refused


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, allow_delete=True)


# ---- whole files -----------------------------------------------------------------------------------------------------


def test_what_fits_is_stored_and_what_does_not_is_told_how_much_is_left(site: Site) -> None:
    assert site.put(6 << 10).status_code == 201
    refused(site.put(5 << 10), "4 KiB of 10 KiB is left")
    assert site.put(4 << 10).status_code == 201
    refused(site.put(1), "nothing of 10 KiB is left")
    assert site.put(0).status_code == 201
    assert (site.stored(), site.standing()) == (TEN, (TEN, 0))


def test_a_declared_size_is_refused_before_a_byte_is_read(site: Site) -> None:
    class Unread:
        def read(self, *_size: int) -> bytes:
            raise AssertionError("somebody reads")

    environ: dict[str, Any] = {"wsgi.input": Unread(), "CONTENT_LENGTH": "10485760"}
    asked: Any = Request.blank("/a.bin", method="PUT", environ=environ)
    refused(asked.get_response(site.endpoint))


def test_each_principal_has_a_quota_and_all_strangers_have_one(site: Site) -> None:
    for who in ("ann", "bob", None):
        site.who = who
        assert site.put(TEN).status_code == 201
        refused(site.put(1))
    assert site.stored() == 3 * TEN


def test_a_form_of_three_files_whose_third_does_not_fit_stores_none(site: Site) -> None:
    refused(site.form(4 << 10, 4 << 10, 4 << 10), "2 KiB of 10 KiB is left")
    assert (site.stored(), site.standing()) == (0, (0, 0))
    assert site.form(4 << 10, 4 << 10, 2 << 10).status_code == 200
    assert (site.stored(), site.standing()) == (TEN, (TEN, 0))


@pytest.mark.parametrize("key", [{}, {"Idempotency_Key": "k"}])
def test_a_file_of_unknown_size_is_refused_while_it_is_read(tmp_path: Path, key: dict[str, str]) -> None:
    site = Site(tmp_path, "3 MiB")
    refused(site.form(4 << 20, **key))
    assert (site.stored(), site.standing()) == (0, (0, 0))
    assert not list(tmp_path.rglob("*.part"))
    assert site.form(3 << 20, **key).status_code == 200
    assert (site.stored(), site.standing()) == (3 << 20, (3 << 20, 0))


def test_what_breaks_off_gives_its_room_back(site: Site) -> None:
    asked: Any = Request.blank("/a.bin", method="PUT", body=bytes(100))
    asked.content_length = 9000
    assert asked.get_response(site.endpoint).status_code == 400
    assert site.standing() == (0, 0)


def test_a_validator_that_refuses_gives_the_room_back(tmp_path: Path) -> None:
    site = Site(tmp_path, validators=[lambda upload: False])
    assert site.put(100).status_code == 422
    assert site.form(100, 100).status_code == 422
    assert site.standing() == (0, 0)


def test_what_was_repeated_with_its_key_counts_once(site: Site) -> None:
    for _ in range(2):
        assert site.put(TEN, Idempotency_Key="k").status_code == 201
    assert (site.stored(), site.standing()) == (TEN, (TEN, 0))


def test_what_was_deleted_is_given_back(site: Site) -> None:
    reply = site.put(TEN).json
    refused(site.put(1))
    site.who = "bob"
    assert site.ask("DELETE", reply["deleteUrl"]).status_code == 404
    site.who = "ann"
    assert site.ask("DELETE", reply["deleteUrl"]).json["success"]
    assert site.standing() == (0, 0)
    assert site.put(TEN).status_code == 201


def test_a_file_that_replaces_another_takes_over_its_room(tmp_path: Path) -> None:
    site = Site(tmp_path, collision="replace")
    for size in (4000, 5000, 4500):
        assert site.put(size).status_code == 201
        assert site.standing() == (size, 0)
    site.who = "bob"
    assert site.put(3000).status_code == 201
    assert (site.standing("ann"), site.standing("bob"), site.stored()) == ((0, 0), (3000, 0), 3000)


def test_it_works_where_nothing_is_resumable(tmp_path: Path) -> None:
    site = Site(tmp_path, resumable=False)
    assert site.put(TEN).status_code == 201
    refused(site.put(1))


def test_two_endpoints_count_for_themselves(tmp_path: Path) -> None:
    table = {"backend": "default", "quota": 100}
    settings = {"class": "local", "upload_dir": str(tmp_path / "in")}
    app = AjaxUpload(
        lambda *_: [], {"backends": {"default": settings}, "endpoints": {"/a": dict(table), "/b": dict(table)}}
    )
    for path in ("/a", "/b"):
        for status in (201, 413):
            asked: Any = Request.blank(f"{path}/x.bin", method="PUT", body=bytes(100))
            assert asked.get_response(app).status_code == status


# ---- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        ("10 apples", "quota must be a size such as"),
        ("nowhere.at:all", "cannot be imported"),
        (0, "quota must be at least 1"),
        (lambda: 5, "must take the arguments (request, upload)"),
        ([], "quota must be a size such as '10 GiB', or a function"),
    ],
)
def test_what_is_no_quota_is_said_at_start(quota: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(short_form("/upload", "memory", {"quota": quota}))
    assert words in str(caught.value)


def test_sizes_and_dotted_paths_are_read() -> None:
    def read(quota: Any) -> Any:
        return load(short_form("/upload", "memory", {"quota": quota})).endpoints["/upload"].quota

    assert read("10 MiB") == 10 << 20
    assert read("1024") == 1024
    assert read("json:loads.__class__") is type(json.loads)


def test_a_store_elsewhere_needs_a_directory_to_remember_it_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set partials_dir"):
        upload_endpoint("memory", quota="1 MiB")
    upload_endpoint("memory", quota="1 MiB", partials_dir=str(tmp_path / "kept"))


def test_an_account_that_cannot_be_kept_lets_nothing_in(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    next(site.root.rglob("books")).write_bytes(b"no database" * 1000)
    with caplog.at_level(logging.ERROR, "ajaxupload"):
        assert [site.put(1).status_code, site.create(1).status_code] == [503, 503]
    assert site.stored() == 0


def down(*_args: Any, **_more: Any) -> Any:
    raise OSError(5, "the disk is gone")


def test_what_is_stored_counts_though_that_could_not_be_noted_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Accounts, "settle", down)
        assert site.put(6 << 10).status_code == 201
    assert "could not be noted" in caplog.text
    assert (site.stored(), site.standing()) == (6 << 10, (6 << 10, 0))


def test_what_could_not_be_given_back_is_given_back_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Accounts, "release", down)
        refused(site.form(6 << 10, 6 << 10))
    assert "given back later" in caplog.text
    assert site.standing() == (0, 6 << 10)
    assert site.put(TEN).status_code == 201


def test_a_file_is_deleted_though_its_room_could_not_be_given_back(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reply = site.put(TEN).json
    monkeypatch.setattr(Accounts, "forget", down)
    assert site.ask("DELETE", reply["deleteUrl"]).json["success"]
    assert "still counts for its quota" in caplog.text
    assert site.stored() == 0
    assert site.endpoint.engine.quota.look_through() == 1
    assert site.standing() == (0, 0)


def test_a_directory_that_cannot_keep_accounts_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "quota").touch()
    with pytest.raises(ConfigError, match="who has stored how much"):
        Site(tmp_path, partials_dir=str(tmp_path / "kept"))


def test_two_stores_have_a_quota_each(tmp_path: Path) -> None:
    """Endpoints made by `upload_endpoint` have one path, and these have one place for their books."""
    sites = [
        Site(tmp_path, media_root=str(tmp_path / "media"), upload_dir=name, partials_dir=str(tmp_path / "partials"))
        for name in ("one", "two")
    ]
    assert [site.put(8 << 10).status_code for site in sites] == [201, 201]
    assert [site.standing() for site in sites] == [(8 << 10, 0)] * 2
    refused(sites[0].put(8 << 10))


def test_a_file_of_which_nobody_knows_the_name_takes_nobodys_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was to be a.bin became another name, and the disk was full when that should have been noted."""
    site = Site(tmp_path)
    assert site.put(8 << 10, "a.bin").status_code == 201
    site.who = "bob"

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.CRITICAL, "ajaxupload"):
        patched.setattr(site.endpoint.engine.quota.accounts, "settle", full)
        assert site.put(1 << 10, "a.bin").status_code == 201
    assert [site.standing(who) for who in ("ann", "bob")] == [(8 << 10, 0), (1 << 10, 0)]
    assert site.endpoint.engine.quota.look_through() == 1, "it is not known to be there"
    assert [site.standing(who) for who in ("ann", "bob")] == [(8 << 10, 0), (0, 0)]
