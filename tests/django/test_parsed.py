"""A decorator or a middleware that reads the request first: the upload is stored all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.memory import MemoryUploadBackend

from .conftest import Site
from .wire import encoded, post_form, post_raw

Touch = Callable[[HttpRequest], object]


def behind(touch: Touch, uploader: Any) -> Any:
    """The uploader behind a view that looks at the request first; Django's middleware does not see that it is
    exempt."""

    def view(request: HttpRequest) -> HttpResponse:
        touch(request)
        answer: HttpResponse = uploader(request)
        return answer

    return view


TOUCHES: dict[str, Touch] = {
    "nothing": lambda request: None,
    "POST": lambda request: request.POST.get("x"),
    "FILES": lambda request: request.FILES.get("x"),
    "body": lambda request: request.body,
    "body, then POST": lambda request: (request.body, request.POST),
}


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("size", [1000, 6 << 20], ids=["in memory", "in a temporary file"])
def test_a_form_is_stored_whoever_has_read_it(site: Site, uploads: Path, touch: str, size: int) -> None:
    view = csrf_exempt(behind(TOUCHES[touch], AjaxFileUploader()))
    client = site(path("upload/", view), DATA_UPLOAD_MAX_MEMORY_SIZE=8 << 20)
    content = b"abcdefg\n" * (size // 8)
    reply = post_form(client, "/upload/", ("caption", "Sea"), ("file", "a.txt", content), ("file", "b.txt", b"2"))
    assert [each["size"] for each in reply.json()["files"]] == [len(content), 1]
    assert (uploads / "a.txt").read_bytes() == content


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-www-form-urlencoded", "text/plain"])
def test_a_raw_body_is_stored_whoever_has_read_it(site: Site, uploads: Path, touch: str, kind: str) -> None:
    client = site(path("upload/", csrf_exempt(behind(TOUCHES[touch], AjaxFileUploader()))))
    content = b"a=1&b=2" + b"x" * 10_000
    assert client.post("/upload/?filename=a.txt", content, content_type=kind).json()["size"] == len(content)
    assert (uploads / "a.txt").read_bytes() == content


def test_the_middleware_may_parse_the_form_for_the_token(site: Site, uploads: Path) -> None:
    """A wrapper that hides that the view is exempt: Django looks for the token by itself, and finds it anywhere."""
    from .test_csrf import page, token

    client = site(page(), path("upload/", behind(TOUCHES["nothing"], AjaxFileUploader())), strict=True)
    file = ("file", "a.txt", b"x")
    assert post_form(client, "/upload/", file).status_code == 403
    late = post_form(client, "/upload/", file, ("csrfmiddlewaretoken", token(client)))
    assert late.status_code == 200
    assert (uploads / "a.txt").exists()


def test_hooks_see_all_fields_of_a_parsed_form(site: Site) -> None:
    seen: list[object] = []

    class Looking(MemoryUploadBackend):
        def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> None:
            seen.append((request.POST.dict(), dict(self.upload.fields)))

    client = site(path("upload/", csrf_exempt(behind(TOUCHES["POST"], AjaxFileUploader(Looking)))))
    post_form(client, "/upload/", ("a", "1"), ("file", "a.txt", b"x"), ("late", "2"))
    assert seen == [({"a": "1", "late": "2"}, {"a": "1", "late": "2"})]


def test_a_parsed_form_without_a_file_is_refused(site: Site) -> None:
    client = site(path("upload/", csrf_exempt(behind(TOUCHES["POST"], AjaxFileUploader()))))
    reply = post_form(client, "/upload/", ("a", "1"), ("file", "", b""))
    assert (reply.status_code, reply.json()["code"]) == (400, "no_file")


def test_limits_hold_for_a_parsed_form(site: Site, uploads: Path) -> None:
    client = site(path("upload/", csrf_exempt(behind(TOUCHES["POST"], AjaxFileUploader(max_size=3, max_files=2)))))
    assert post_form(client, "/upload/", ("file", "a.txt", b"1234")).status_code == 413
    three = [("file", f"{number}.txt", b"x") for number in range(3)]
    assert post_form(client, "/upload/", *three).json()["code"] == "too_many"
    assert list(uploads.iterdir()) == []


def test_a_form_that_django_could_not_parse_stores_nothing(site: Site, uploads: Path) -> None:
    client = site(path("upload/", csrf_exempt(behind(TOUCHES["POST"], AjaxFileUploader()))))
    assert client.post("/upload/", b"nonsense", content_type="multipart/form-data").status_code == 400
    assert not uploads.exists()


def test_a_body_that_was_read_in_part_is_a_fault_of_the_project(site: Site) -> None:
    client = site(path("upload/", csrf_exempt(behind(lambda request: request.read(10), AjaxFileUploader()))))
    with pytest.raises(RawPostDataException, match="remove that read"):
        post_raw(client, "/upload/?filename=a.txt", b"x" * 100)


def test_djangos_limit_for_bodies_in_memory_is_not_ours(site: Site) -> None:
    """DATA_UPLOAD_MAX_MEMORY_SIZE is for what Django reads."""
    client: Client = site(path("upload/", AjaxFileUploader()), DATA_UPLOAD_MAX_MEMORY_SIZE=10)
    assert post_form(client, "/upload/", ("file", "a.txt", b"x" * 1000)).status_code == 200
    assert post_raw(client, "/upload/?filename=a.txt", b"x" * 1000).status_code == 200


def test_after_the_upload_djangos_request_has_no_body_left_to_wait_for(site: Site) -> None:
    uploader = AjaxFileUploader()
    left: list[object] = []

    def view(request: HttpRequest) -> HttpResponse:
        answer = uploader(request)
        left.extend((dict(request.POST), dict(request.FILES)))
        with pytest.raises(RawPostDataException):
            _ = request.body
        return answer

    client = site(path("upload/", csrf_exempt(view)))
    body = encoded(("caption", "Sea"), ("file", "a.txt", b"x"))
    assert (
        client.post("/upload/", body, content_type="multipart/form-data; boundary=a-boundary-of-our-own").status_code
        == 200
    )
    assert left == [{"caption": ["Sea"]}, {}]
