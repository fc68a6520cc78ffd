"""`AjaxFileUploader` as a view: what it takes, what hooks get, what the answers are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from ajaxupload import AbstractUploadBackend, AjaxUpload, ConfigError, Upload, UploadError
from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.adapters.django.signals import file_uploaded
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import NotAuthenticated
from ajaxupload.request import UploadRequest

from .conftest import Site
from .wire import post_form, post_raw


def test_a_form_is_stored_and_answered_with_json(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_form(client, "/upload/", ("file", "notes.txt", b"twelve bytes"))
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json; charset=utf-8"
    answer = json.loads(reply.content)
    assert answer["success"] is True
    assert answer["path"] == answer["url"] == "/media/uploads/notes.txt"
    assert (uploads / "notes.txt").read_bytes() == b"twelve bytes"


def test_the_seeds_raw_request_is_stored(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_raw(client, "/upload/?qqfile=n%C3%A9.txt", b"raw", X_Requested_With="XMLHttpRequest")
    assert reply.json()["filename"] == "né.txt"
    assert (uploads / "né.txt").read_bytes() == b"raw"


def test_several_files_come_together(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_form(client, "/upload/", ("a", "one.txt", b"1"), ("b", "two.txt", b"2"), ("a", "three.txt", b"3"))
    assert [each["name"] for each in reply.json()["files"]] == ["one.txt", "two.txt", "three.txt"]
    assert sorted(file.name for file in uploads.iterdir()) == ["one.txt", "three.txt", "two.txt"]


def test_put_takes_its_name_from_what_is_below_the_url(site: Site, uploads: Path) -> None:
    client = site(path("upload/<path:tail>", AjaxFileUploader()))
    reply = client.put("/upload/føø.txt", b"put", content_type="text/plain")
    assert reply.status_code == 201
    assert reply["Location"] == "/media/uploads/f%C3%B8%C3%B8.txt"
    assert (uploads / "føø.txt").read_bytes() == b"put"


def test_a_refusal_has_its_status_and_reason(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader(max_size="10 bytes")))
    reply = post_form(client, "/upload/", ("file", "notes.txt", b"eleven byte"))
    assert reply.status_code == 413
    assert "10 bytes" in reply.json()["error"]
    assert list(uploads.iterdir()) == []


def test_get_describes_the_endpoint(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(max_size="2 MiB", allow=["image/*"])))
    reply = client.get("/upload/")
    assert reply.json()["max_size"] == 2 << 20
    assert reply["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert "Accept" in reply["Vary"]
    page = client.get("/upload/", headers={"Accept": "text/html"})
    assert b'accept="image/*"' in page.content


def test_head_is_get_without_content(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = client.head("/upload/")
    assert reply.content == b""
    assert reply["Content-Length"] == client.get("/upload/")["Content-Length"]


def test_options_and_preflight_have_no_content_and_no_type(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(allowed_origins=["https://www.example.com"])))
    reply = client.options("/upload/")
    assert (reply.status_code, reply.get("Content-Type")) == (204, None)
    asked = {"Origin": "https://www.example.com", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/upload/", headers=asked)
    assert preflight["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert "X-CSRFToken" in preflight["Access-Control-Allow-Headers"]


def test_another_method_is_refused(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = client.delete("/upload/")
    assert reply.status_code == 405
    assert "POST" in reply["Allow"]


# ---- what may stand for a backend -----------------------------------------------------------------------------------


class Noting(MemoryUploadBackend):
    """Keeps what its hooks were given, as the seed's backends took it."""

    calls: ClassVar[list[Any]] = []
    files: ClassVar[dict[str, bytes]] = {}

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        self.calls.append(("update_filename", type(request).__name__, filename, args, kwargs))
        return f"{kwargs['slug']}-{filename}"

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        done = super().upload_complete(request, filename, *args, **kwargs) or {}
        self.calls.append(("upload_complete", request.POST.dict(), request.path))
        return {**done, "caption": request.POST.get("caption"), "user": str(getattr(request, "user", ""))}


@pytest.mark.parametrize(
    "backend",
    [
        LocalUploadBackend,
        "local",
        "ajaxupload.backends.local.LocalUploadBackend",
        "ajaxupload.backends.local:LocalUploadBackend",
        {"class": "local"},
        {"class": LocalUploadBackend, "upload_dir": "uploads"},
        "mine",
        None,
    ],
    ids=str,
)
def test_a_backend_is_a_class_a_name_a_path_or_a_table(site: Site, uploads: Path, backend: Any) -> None:
    with override_settings(AJAXUPLOAD={"backends": {"mine": {"class": "local"}}}):
        client = site(path("upload/", AjaxFileUploader(backend)))
        post_form(client, "/upload/", ("file", "notes.txt", b"here"))
    assert (uploads / "notes.txt").read_bytes() == b"here"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((), {"max_sise": "1 MB"}), "unknown option 'max_sise'"),
        (((), {"max_size": "much"}), "max_size must be a size"),
        (((), {"UPLOAD_DIRR": "x"}), "did you mean 'upload_dir'?"),
        ((("locall",), {}), "unknown backend 'locall'; did you mean 'local'?"),
        ((("a.b.C",), {}), "cannot be imported"),
        (((3,), {}), "a backend is a class, a name"),
        ((({"upload_dir": "x"},), {}), 'needs a "class"'),
        (((), {"name": "{moth}/{name}"}), "did you mean {month}?"),
        (((), {"path": "no/slash"}), "a path looks like"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_when_the_view_is_made(arguments: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AjaxFileUploader(*arguments[0], **arguments[1])
    assert says in str(caught.value)


def test_making_a_view_touches_no_disk(root: Path) -> None:
    AjaxFileUploader()
    assert not (root / "media").exists()


# ---- hooks -----------------------------------------------------------------------------------------------------------


def test_hooks_get_djangos_request_the_urls_names_and_the_leading_fields(site: Site) -> None:
    Noting.calls.clear()
    client = site(path("album/<slug:slug>/<int:year>/", AjaxFileUploader(Noting, csrf=False)))
    parts = (("caption", "Sea"), ("file", "a.txt", b"x"), ("late", "not seen"))
    answer = post_form(client, "/album/summer/2026/", *parts).json()
    first, last = Noting.calls
    assert first == ("update_filename", "WSGIRequest", "a.txt", (), {"slug": "summer", "year": "2026"})
    assert last == ("upload_complete", {"caption": "Sea"}, "/album/summer/2026/")
    assert (answer["caption"], answer["user"]) == ("Sea", "AnonymousUser")
    assert Noting.files["summer-a.txt"] == b"x"


def test_a_name_template_uses_what_the_url_captures(site: Site, uploads: Path) -> None:
    uploader = AjaxFileUploader(name="{album}/{name}")
    client = site(path("<str:album>/", include([path("upload/", uploader)])))
    reply = post_form(client, "/summer/upload/", ("file", "a.txt", b"x"))
    assert reply.json()["filename"] == "summer/a.txt"
    assert (uploads / "summer" / "a.txt").read_bytes() == b"x"


def test_a_view_of_the_project_may_call_the_uploader(site: Site) -> None:
    uploader = AjaxFileUploader(Noting)

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        return uploader(request, slug="called")

    post_form(site(path("upload/", view)), "/upload/", ("file", "a.txt", b"x"))
    assert Noting.files["called-a.txt"] == b"x"


def test_a_hook_that_asks_for_the_body_does_not_get_the_file_away(site: Site) -> None:
    seen: list[object] = []

    class Curious(MemoryUploadBackend):
        def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> None:
            seen.extend((dict(request.POST), dict(request.FILES)))

    client = site(path("upload/", AjaxFileUploader(Curious)))
    assert post_form(client, "/upload/", ("file", "a.txt", b"whole")).json()["size"] == 5
    assert seen == [{}, {}]


def test_authorize_decides_with_djangos_request_and_names_the_principal(site: Site, uploads: Path) -> None:
    def who(request: HttpRequest, action: str, upload: Upload) -> str:
        assert isinstance(request, HttpRequest)
        return request.headers["X-Who"]

    client = site(path("upload/", AjaxFileUploader(authorize=who, name="{principal}/{name}")))
    post_form(client, "/upload/", ("file", "a.txt", b"x"), X_Who="ada")
    assert (uploads / "ada" / "a.txt").exists()


@pytest.mark.parametrize(
    ("raised", "status"), [(PermissionDenied(), 403), (Http404(), 404), (NotAuthenticated(), 401)], ids=repr
)
def test_what_authorize_raises_is_the_answer(site: Site, uploads: Path, raised: Exception, status: int) -> None:
    def refuse(request: HttpRequest, action: str, upload: Upload) -> None:
        raise raised

    client = site(path("upload/", AjaxFileUploader(authorize=refuse)))
    reply = post_form(client, "/upload/", ("file", "a.txt", b"x" * 100_000))
    assert reply.status_code == status
    assert reply["Content-Type"].startswith("application/json" if isinstance(raised, UploadError) else "text/html")
    assert not list(uploads.iterdir())


# ---- decorators ------------------------------------------------------------------------------------------------------


def test_login_required_works_around_it(site: Site, uploads: Path) -> None:
    view = login_required(AjaxFileUploader(csrf=False))
    client = site(path("upload/", view), LOGIN_URL="/login/")
    reply = post_form(client, "/upload/", ("file", "a.txt", b"x"))
    assert (reply.status_code, reply["Location"]) == (302, "/login/?next=/upload/")
    request = RequestFactory().post("/upload/?qqfile=a.txt", b"x", content_type="application/octet-stream")
    request.user = _User()  # type: ignore[assignment]  # all that login_required asks of a user
    assert view(request).status_code == 200
    assert (uploads / "a.txt").exists()


def test_method_decorator_works_on_a_subclass(site: Site) -> None:
    @method_decorator(login_required, name="__call__")
    class MembersOnly(AjaxFileUploader):
        """For members."""

    client = site(path("upload/", MembersOnly()), LOGIN_URL="/login/")
    assert post_form(client, "/upload/", ("file", "a.txt", b"x")).status_code == 302


class _User:
    is_authenticated = True


# ---- the signal ------------------------------------------------------------------------------------------------------


def test_file_uploaded_is_sent_for_each_stored_file(site: Site) -> None:
    heard: list[tuple[Any, ...]] = []

    def listen(
        sender: type, *, backend: AbstractUploadBackend, request: HttpRequest, upload: Upload, **kwargs: Any
    ) -> None:
        heard.append((sender, type(backend), request.path, upload.filename, upload.state))

    def fail(sender: type, **kwargs: Any) -> None:
        raise RuntimeError("a receiver that is broken")

    client = site(path("upload/", AjaxFileUploader(max_size=2)))
    file_uploaded.connect(fail)
    file_uploaded.connect(listen, sender=AjaxFileUploader)
    try:
        reply = post_form(client, "/upload/", ("a", "a.txt", b"1"), ("b", "b.txt", b"2"))
        post_form(client, "/upload/", ("a", "too-large.txt", b"123"))
    finally:
        file_uploaded.disconnect(listen, sender=AjaxFileUploader)
        file_uploaded.disconnect(fail)
    assert reply.status_code == 200
    facts = (AjaxFileUploader, LocalUploadBackend, "/upload/")
    assert heard == [(*facts, "a.txt", "complete"), (*facts, "b.txt", "complete")]


def test_file_uploaded_is_not_sent_for_what_django_never_saw() -> None:
    heard: list[object] = []

    def listen(sender: type, **kwargs: Any) -> None:
        heard.append(sender)

    middleware = AjaxUpload(lambda environ, start: [], path="/upload", backend="memory")
    file_uploaded.connect(listen)
    try:
        answer = UploadRequest.blank("/upload?filename=a.txt", method="PUT", body=b"x").send(middleware)
    finally:
        file_uploaded.disconnect(listen)
    assert (answer.status_code, heard) == (201, [])


def test_the_hosts_name_is_djangos(site: Site) -> None:
    """Behind a proxy that says so, the origin is compared with what the browser asked."""
    headers = {"X-Forwarded-Host": "www.example.com", "Origin": "https://www.example.com"}
    view = AjaxFileUploader()
    allowed = {"ALLOWED_HOSTS": ["testserver", "www.example.com"]}
    ask: Any = {"content_type": "application/octet-stream", "headers": headers}
    refused = site(path("upload/", view), **allowed).post("/upload/?filename=a.txt", b"x", **ask)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
    taken = site(path("upload/", view), USE_X_FORWARDED_HOST=True, **allowed)
    assert taken.post("/upload/?filename=a.txt", b"x", **ask).status_code == 200


def test_a_host_that_is_not_allowed_is_djangos_400() -> None:
    reply = Client(headers={"Host": "evil.example"}).post("/free", b"x", content_type="text/plain")
    assert reply.status_code == 400
