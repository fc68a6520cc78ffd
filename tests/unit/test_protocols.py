"""Each protocol's requests in its clients' words, and the shape of its answers; tests/wire has them on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import MalformedForm
from ajaxupload.protocols.base import Protocol, form_of
from ajaxupload.request import UploadRequest

PAGE: dict[str, Any] = {"Accept": "text/html,*/*;q=0.8"}
JSON: dict[str, Any] = {"Accept": "application/json"}


class Memory(MemoryUploadBackend):
    """A store of this file's own, whose files are served somewhere."""

    files: ClassVar[dict[str, bytes]] = {}

    def url(self, filename: str) -> str | None:
        return f"/é/{filename}" if "served" in filename else None


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Memory.files.clear()
    yield
    Memory.files.clear()


def ask(
    method: str,
    path: str,
    body: bytes = b"hello",
    kind: str = "",
    settings: dict[str, Any] | None = None,
    **headers: Any,
) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked: Any = Request.blank(path, method=method, body=body, headers=named)
    if kind:
        asked.environ["CONTENT_TYPE"] = kind
    return asked.get_response(upload_endpoint(Memory, **(settings or {})))  # type: ignore[no-any-return]  # untyped


def form(*parts: tuple[str, str | None, str]) -> bytes:
    lines = []
    for name, filename, value in parts:
        end = "" if filename is None else f'; filename="{filename}"'
        lines.append(f'--B\r\nContent-Disposition: form-data; name="{name}"{end}\r\n\r\n{value}\r\n')
    return "".join([*lines, "--B--\r\n"]).encode()


def post_form(*parts: tuple[str, str | None, str], path: str = "/", **more: Any) -> Response:
    return ask("POST", path, form(*parts), "multipart/form-data; boundary=B", **more)


# ---- raw ------------------------------------------------------------------------------------------------------------

DISPOSITION = "Content-Disposition"


@pytest.mark.parametrize(
    ("method", "path", "headers", "stored"),
    [
        ("PUT", "/a.txt", {}, "a.txt"),
        ("PUT", "/b/a.txt", {}, "a.txt"),
        ("POST", "/?filename=a%20b.txt", {}, "a b.txt"),
        ("POST", "/?name=a.txt", {}, "a.txt"),
        ("POST", "/?filename=%FFa.txt", {}, "_a.txt"),
        ("POST", "/", {DISPOSITION: 'attachment; filename="h%C3%A9.txt"'}, "hé.txt"),
        ("POST", "/", {DISPOSITION: "attachment; filename=a.txt"}, "a.txt"),
        ("POST", "/", {DISPOSITION: "attachment; filename*=UTF-8'de'na%C3%AFve%20x.txt"}, "naïve x.txt"),
        ("POST", "/", {DISPOSITION: "attachment; filename=\"x.txt\"; filename*=utf-8''y.txt"}, "y.txt"),
        ("POST", "/", {DISPOSITION: "attachment; filename*=x'y'z"}, "file.txt"),
        ("POST", "/", {DISPOSITION: "inline"}, "file.txt"),
        ("POST", "/", {"X-File-Name": "h%C3%A9.txt"}, "hé.txt"),
        ("POST", "/", {"X-File-Name": "é.txt".encode().decode("latin-1")}, "é.txt"),
        ("POST", "/", {}, "file.txt"),
        ("PUT", "/", {}, "file.txt"),
    ],
)
def test_a_raw_body_gets_its_name_from_wherever_there_is_one(
    method: str, path: str, headers: dict[str, Any], stored: str
) -> None:
    answer = ask(method, path, kind="text/plain; charset=utf-8", **headers)
    assert (answer.status_code, Memory.files) == (201 if method == "PUT" else 200, {stored: b"hello"})
    assert answer.json["success"] is True


def test_a_query_that_is_not_percent_encoded_is_utf_8_as_well() -> None:
    asked: Any = Request.blank("/", method="POST", body=b"x")
    asked.environ["QUERY_STRING"] = "qqfile=hé.txt".encode().decode("latin-1")
    assert asked.get_response(upload_endpoint(Memory)).status_code == 200
    assert list(Memory.files) == ["hé.txt"]


def test_neither_a_name_nor_a_byte_is_no_file_but_an_empty_file_with_a_name_is_one() -> None:
    for method in ("POST", "PUT"):
        assert ask(method, "/", b"").json["code"] == "no_file"
    assert Memory.files == {}
    assert ask("PUT", "/empty.txt", b"").status_code == 201
    assert Memory.files == {"empty.txt": b""}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/mixed; boundary=B"])
def test_a_body_labelled_as_a_form_is_a_file_only_when_it_is_named(kind: str) -> None:
    assert ask("POST", "/", kind=kind).status_code == 415
    assert ask("POST", "/done", kind=kind).status_code == 415
    answer = ask("POST", "/?filename=a.bin", kind=kind)
    assert (answer.status_code, answer.json["type"]) == (200, "text/plain")
    assert Memory.files == {"a.bin": b"hello"}


def test_put_tells_where_the_file_is_percent_encoded() -> None:
    assert ask("PUT", "/served.txt").headers["Location"].endswith("/%C3%A9/served.txt")
    assert "Location" not in ask("PUT", "/kept.txt").headers


# ---- form -----------------------------------------------------------------------------------------------------------

TWO = (("title", None, "t"), ("f", "a&b.txt", "hello"), ("f", "served.txt", "hello"), ("empty", "", ""))


@pytest.mark.parametrize(
    ("headers", "kind", "texts"),
    [
        ({}, "application/json", ['"success": true', '"filename": "served.txt"']),
        ({"Sec_Fetch_Dest": "iframe", **PAGE}, "text/html", ['"success": true', "a\\u0026b.txt"]),
        (PAGE, "text/html", ["<h1>Stored</h1>", "<li>a&amp;b.txt (5 bytes)</li>", '<a href="/é/served.txt">']),
        ({"HX_Request": "true"}, "text/html", ['<ul class="ajaxupload-stored"><li>a&amp;b.txt (5 bytes)</li>']),
    ],
)
def test_a_form_is_answered_in_the_shape_that_its_client_takes(
    headers: dict[str, Any], kind: str, texts: list[str]
) -> None:
    answer = post_form(*TWO, **headers)
    assert (answer.status_code, answer.content_type, len(Memory.files)) == (200, kind, 2)
    assert [text for text in texts if text not in answer.text] == []


def test_a_plain_form_goes_on_to_where_the_endpoint_says() -> None:
    answer = post_form(*TWO, settings={"redirect": "/thanks"}, **PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/thanks")
    assert post_form(*TWO, settings={"redirect": "/thanks"}, **JSON).status_code == 200


@pytest.mark.parametrize("parts", [(), (("title", None, "t"),), (("f", "", ""),)])
def test_a_form_without_a_file_says_so(parts: tuple[tuple[str, str | None, str], ...]) -> None:
    answer = post_form(*parts)
    assert (answer.status_code, answer.json["code"]) == (400, "no_file")


def test_inputs_that_were_left_empty_are_counted_as_fields() -> None:
    """They hold no file and no text, and a form could have millions of them."""
    empty = [("f", "", "")] * 101
    assert post_form(*empty[:100]).json["code"] == "no_file"
    assert post_form(*empty).json["code"] == "too_many"


def test_a_page_that_refuses_leads_back_within_the_site() -> None:
    refused: dict[str, Any] = {"settings": {"allow": [".png"]}, **PAGE}
    back = post_form(("f", "a.txt", "x"), Referer="http://localhost/album?x=1", **refused)
    assert (back.status_code, '<a href="http://localhost/album?x=1">Back' in back.text) == (415, True)
    for referer in ("http://elsewhere.example/", "http://localhost.example/"):
        assert '<a href="/">Back' in post_form(("f", "a.txt", "x"), Referer=referer, **refused).text


@pytest.mark.parametrize(
    ("path", "href"), [("//evil.example/x", "/evil.example/x"), ("/\xff\"'<", "/%FF%22%27%3C"), ("", "/")]
)
def test_the_way_back_is_a_path_of_this_site_whatever_the_path_is(path: str, href: str) -> None:
    asked: Any = Request.blank("/", method="POST", body=form(("f", "a.txt", "x")), headers=PAGE)
    asked.environ.update(PATH_INFO=path, CONTENT_TYPE="multipart/form-data; boundary=B")
    for settings, status in (({}, 200), ({"allow": [".png"]}, 415)):
        answer = asked.copy().get_response(upload_endpoint(Memory, **settings))
        assert (answer.status_code, f'<a href="{href}">Back</a>' in answer.text) == (status, True)


def test_htmx_2_is_told_of_a_refusal_with_200_and_htmx_4_with_the_true_status() -> None:
    for more, status in (({}, 200), ({"HX_Source": "form#x"}, 415)):
        answer = post_form(("f", "a.txt", "x"), settings={"allow": [".png"]}, HX_Request="true", **more)
        assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)


# ---- valums ---------------------------------------------------------------------------------------------------------


def test_valums_names_its_file_in_the_query_and_says_its_type_in_a_header() -> None:
    answer = ask("POST", "/?qqfile=a.bin&album=7", b"\1\2", X_Mime_Type="image/x-odd")
    assert (answer.status_code, answer.json["type"], Memory.files) == (200, "image/x-odd", {"a.bin": b"\1\2"})


@pytest.mark.parametrize("path", ["/", "/?qqfile=a.txt"])
def test_in_an_iframe_it_posts_a_form_and_reads_the_answer_out_of_html(path: str) -> None:
    answer = post_form(("qqfile", "a<b>.txt", "hello"), path=path, **PAGE)
    assert (answer.status_code, answer.content_type, "<" in answer.text) == (200, "text/html", False)
    assert answer.json["success"] is True


def test_its_errors_come_with_200_but_for_who_asks_for_json() -> None:
    for headers, status in (({}, 200), (JSON, 413)):
        answer = ask("POST", "/?qqfile=a.txt", settings={"max_size": 4}, **headers)
        assert (answer.status_code, answer.json["success"], answer.json["code"]) == (status, False, "too_large")


# ---- what no protocol here takes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "says"),
    [
        ("/a.txt", {"Content_Range": "bytes 0-4/10"}, "the Content-Range header"),
        ("/a.txt", {"Tus_Resumable": "1.0.0"}, "the Tus-Resumable header"),
        ("/?qqfile=a.txt&qqtotalparts=3", {}, "its part count"),
        ("/?filename=a.txt&chunk=0&chunks=2", {}, "its part count"),
        ("/?name=a.txt&offset=0&total=9", {}, "its offset"),
        ("/s3/params", {}, "its address"),
    ],
)
def test_a_piece_of_a_file_is_refused_instead_of_stored(path: str, headers: dict[str, Any], says: str) -> None:
    answer = ask("POST", path, settings={"resumable": False}, **JSON, **headers)
    assert (answer.status_code, says in answer.json["error"], Memory.files) == (501, True, {})


@pytest.mark.parametrize("filename", ["blob", "a.txt"])
def test_of_pluploads_pieces_only_what_is_called_blob_is_one(filename: str) -> None:
    fields = (("name", None, "a.txt"), ("offset", None, "0"), ("total", None, "9"))
    answer = post_form(*fields, ("f", filename, "x"), settings={"resumable": False})
    assert answer.status_code == (501 if filename == "blob" else 200)


@pytest.mark.parametrize("count", ["0", "1", " 1 "])
def test_a_file_in_one_piece_is_a_whole_one(count: str) -> None:
    assert post_form(("dztotalchunkcount", None, count), ("f", "a.txt", "x")).status_code == 200
    assert post_form(("chunk", None, "0"), ("f", "a.txt", "x")).status_code == 200


@pytest.mark.parametrize("query", ["?resumableIdentifier=5-a", "?patch=x", "?qqtimestamp=1"])
def test_a_question_of_another_protocol_gets_no_200(query: str) -> None:
    assert ask("GET", "/" + query, b"", settings={"resumable": False}).status_code == 501


def test_without_resumable_uploads_a_tus_client_hears_that_there_are_none() -> None:
    off = {"resumable": False}
    assert ask("HEAD", "/", b"", settings=off, Tus_Resumable="1.0.0").status_code == 501
    assert ask("GET", "/", b"", settings=off).json["resumable"] is None
    assert "Tus-Version" not in ask("OPTIONS", "/", b"", settings=off).headers


def test_a_query_of_201_fields_is_refused() -> None:
    assert ask("POST", "/?" + "a=1&" * 200 + "filename=x").json["code"] == "bad_request"


@pytest.mark.parametrize(
    ("protocols", "allow", "form_status", "put_status"),
    [("raw", "GET, HEAD, OPTIONS, POST, PUT", 415, 201), ("form", "GET, HEAD, OPTIONS, POST", 200, 405)],
)
def test_an_endpoint_says_what_its_protocols_take(
    protocols: str, allow: str, form_status: int, put_status: int
) -> None:
    settings = {"protocols": [protocols]}
    assert ask("OPTIONS", "/", b"", settings=settings).headers["Allow"] == allow
    assert post_form(("f", "a.txt", "x"), settings=settings).status_code == form_status
    assert ask("PUT", "/a.txt", settings=settings).status_code == put_status


def test_a_form_page_is_shown_to_a_person_also_in_a_frame() -> None:
    for destination in ("document", "iframe"):
        page = ask("GET", "/", b"", settings={"allow": ["jpg", "image/png"]}, Sec_Fetch_Dest=destination, **PAGE)
        assert 'accept="image/png,.jpg"' in page.text


def test_below_the_endpoint_there_is_nothing_to_get() -> None:
    assert ask("GET", "/c.txt", b"").status_code == 404


def test_a_digest_is_in_the_reply_under_its_algorithms_name() -> None:
    assert ask("PUT", "/a.txt", settings={"digest": "md5"}).json["md5"] == "5d41402abc4b2a76b9719d911017c592"


def test_a_protocol_has_to_be_written() -> None:
    empty = Protocol(None)  # type: ignore[arg-type]  # it asks nobody
    for method in (empty.matches, empty.handle):
        with pytest.raises(NotImplementedError):
            method(UploadRequest(Request.blank("/").environ))


def test_what_is_no_form_is_not_read_as_one() -> None:
    asked = UploadRequest(Request.blank("/", method="POST", content_type="text/plain").environ)
    with pytest.raises(MalformedForm, match="'text/plain'"):
        form_of(asked, upload_endpoint(Memory).settings)
