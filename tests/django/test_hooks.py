"""What a project puts around and into the view: hooks, `authorize`, decorators, receivers of the signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from ajaxupload import AbstractUploadBackend, AjaxUpload, Upload, UploadError
from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.adapters.django.signals import file_uploaded
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import NotAuthenticated
from ajaxupload.request import UploadRequest

from .conftest import Site
from .wire import post_form


class Noting(MemoryUploadBackend):
    """Keeps what its hooks were given, as django-ajax-uploader's backends took it."""

    calls: ClassVar[list[Any]] = []
    files: ClassVar[dict[str, bytes]] = {}

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        self.calls.append(("update_filename", type(request).__name__, filename, args, kwargs))
        return f"{kwargs['slug']}-{filename}"

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        done = super().upload_complete(request, filename, *args, **kwargs) or {}
        self.calls.append(("upload_complete", request.POST.dict(), request.path))
        return {**done, "caption": request.POST.get("caption"), "user": str(getattr(request, "user", ""))}


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
