"""The template tags, and where Django finds the widget's files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import Context, RequestContext, Template
from django.test import RequestFactory, override_settings
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader

from .conftest import Site

FILES = ("ajaxupload/ajax-upload.js", "ajaxupload/ajax-upload.css")


class Elements(HTMLParser):
    """Every start tag with its attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def rendered(text: str, **context: Any) -> str:
    request = RequestFactory().get("/")
    return Template("{% load ajaxupload %}" + text).render(RequestContext(request, context))


def elements(text: str, **context: Any) -> dict[str, dict[str, str | None]]:
    """The last element of each name."""
    return dict(Elements(rendered(text, **context)).found)


@pytest.fixture(autouse=True)
def views(site: Site) -> None:
    site(
        path("upload/", AjaxFileUploader(allow=["image/*", ".pdf"]), name="upload"),
        path("album/<slug:slug>/", AjaxFileUploader(), name="album"),
    )


def test_the_assets_are_a_style_sheet_and_a_deferred_script() -> None:
    found = elements("{% ajax_upload_assets %}")
    assert found["link"] == {"rel": "stylesheet", "href": "/static/ajaxupload/ajax-upload.css"}
    assert found["script"] == {"src": "/static/ajaxupload/ajax-upload.js", "defer": None}


def test_the_assets_carry_a_nonce() -> None:
    found = elements("{% ajax_upload_assets nonce=csp_nonce %}", csp_nonce="r4nd0m")
    assert found["link"]["nonce"] == found["script"]["nonce"] == "r4nd0m"
    assert "nonce" not in rendered("{% ajax_upload_assets nonce=csp_nonce %}")


def test_the_element_stands_in_a_form_that_works_without_it() -> None:
    text = rendered("{% ajax_upload 'upload' %}")
    order = Elements(text).found
    assert [tag for tag, _ in order] == ["form", "input", "ajax-upload", "label", "input", "noscript", "button"]
    found = dict(order)
    assert found["form"] == {"method": "post", "enctype": "multipart/form-data", "action": "/upload/"}
    assert found["ajax-upload"] == {"endpoint": "/upload/"}
    assert found["label"]["for"] == found["input"]["id"]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w{64})"', text)
    assert token
    assert text.index(token[0]) < text.index("<ajax-upload")


def test_the_input_accepts_what_the_view_allows() -> None:
    own = elements("{% ajax_upload 'upload' %}")["input"]
    assert own["accept"] == "image/*,.pdf"
    assert (own["type"], own["name"], own["multiple"]) == ("file", "file", None)
    assert elements("{% ajax_upload 'upload' accept='.txt' %}")["input"]["accept"] == ".txt"


def test_a_url_is_a_name_a_path_or_what_url_gave() -> None:
    assert elements("{% ajax_upload '/upload/' %}")["form"]["action"] == "/upload/"
    there = "{% url 'album' slug='sea' as there %}{% ajax_upload there %}"
    assert elements(there)["form"]["action"] == "/album/sea/"
    elsewhere = elements("{% ajax_upload 'https://uploads.example.com/' %}")
    assert elsewhere["form"]["action"] == "https://uploads.example.com/"
    assert "accept" not in elsewhere["input"]


def test_attributes_go_where_they_belong() -> None:
    text = "{% ajax_upload 'upload' max_size='10 MB' name='docs' required=True multiple=False id='here' auto='off' %}"
    found = elements(text)
    assert found["ajax-upload"] == {"endpoint": "/upload/", "max-size": "10 MB", "name": "docs", "auto": "off"}
    assert found["input"].keys() == {"type", "name", "id", "accept", "required"}
    assert found["label"] == {"for": "here"}


def test_without_a_form_it_is_the_element_alone() -> None:
    found = elements("{% ajax_upload 'upload' form=False %}")
    assert found.keys() == {"ajax-upload", "label", "input"}


def test_two_on_one_page_have_ids_of_their_own() -> None:
    text = rendered("{% ajax_upload 'upload' %}{% ajax_upload 'upload' %}")
    identities = re.findall(r' id="([^"]+)"', text)
    assert len(set(identities)) == 2


def test_what_is_written_is_escaped() -> None:
    text = rendered("{% ajax_upload 'upload' label=evil max_size=evil %}", evil='"><script>')
    assert "<script>" not in text


def test_another_header_name_is_told_to_the_widget() -> None:
    with override_settings(CSRF_HEADER_NAME="HTTP_X_XSRF_TOKEN"):
        assert elements("{% ajax_upload 'upload' %}")["ajax-upload"]["csrf-header"] == "X-Xsrf-Token"


def test_a_context_without_a_request_has_no_token() -> None:
    text = Template("{% load ajaxupload %}{% ajax_upload 'upload' %}").render(Context())
    assert "csrfmiddlewaretoken" not in text


@pytest.mark.parametrize("name", FILES)
def test_the_finders_know_the_widgets_files(name: str) -> None:
    """What runserver serves, with nothing but the line in INSTALLED_APPS."""
    found = finders.find(name)
    assert found
    assert Path(str(found)).read_bytes()


def test_collectstatic_collects_them(root: Path) -> None:
    with override_settings(STATIC_ROOT=root / "static"):
        call_command("collectstatic", interactive=False, verbosity=0)
    for name in FILES:
        assert (root / "static" / name).is_file()


def test_hashed_names_work(root: Path) -> None:
    """ManifestStaticFilesStorage: the usual one for production."""
    storages = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
    with override_settings(STATIC_ROOT=root / "static", STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
        found = elements("{% ajax_upload_assets %}")
    assert re.fullmatch(r"/static/ajaxupload/ajax-upload\.[0-9a-f]{12}\.js", found["script"]["src"] or "")
