"""The element as a part of its form: what is sent, what is required, what holds it back, life without JavaScript.

What lives here: the form's side only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import INNER, SCRIPT, document, form
from tests.browser.scripted import Server
from tests.browser.state import Fault
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]
MB = 1 << 20


def test_the_form_sends_what_the_server_called_the_files(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit("concurrency=1", inner=INNER + '<input type="hidden" name="title" value="Mine">')
    tab.choose(make("a.txt"), make("b.txt"))
    tab.wait("done", 2)
    tab.page.click("#send")
    tab.page.get_by_role("heading", name="Thanks").wait_for()
    assert server.state.forms == [{"title": ["Mine"], "docs": ["id1", "id2"]}]


@pytest.mark.parametrize(
    ("reply", "value"),
    [({"token": "signed"}, "signed"), ({"id": None, "filename": "stored.txt"}, "stored.txt")],
)
def test_a_signed_token_goes_before_the_id_and_the_name_after_it(
    visit: OPEN, server: Server, make: MAKE, reply: dict[str, object], value: str
) -> None:
    server.state.reply = reply
    tab = visit()
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert tab.page.evaluate("new FormData(document.querySelector('form')).getAll('docs')") == [value]


def test_a_removed_file_is_not_sent(visit: OPEN, make: MAKE) -> None:
    tab = visit("concurrency=1")
    tab.choose(make("a.txt"), make("b.txt"))
    tab.wait("done", 2)
    tab.page.get_by_role("button", name="Remove a.txt").click()
    assert tab.page.evaluate("new FormData(document.querySelector('form')).getAll('docs')") == ["id2"]


def test_the_name_may_stand_on_the_element(visit: OPEN, make: MAKE) -> None:
    tab = visit("name=attachments")
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert tab.page.evaluate("[...new FormData(document.querySelector('form'))]") == [["attachments", "id1"]]


def test_required_holds_the_form_until_a_file_is_stored(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit(inner=INNER.replace("multiple", "multiple required"))
    tab.page.click("#send")
    assert tab.page.url.endswith("/page.html")
    assert tab.widget.evaluate("element => element.validationMessage") == "Please choose a file."
    assert tab.focused() == "file"
    tab.choose(make("a.txt"))
    tab.wait("done")
    tab.page.click("#send")
    tab.page.get_by_role("heading", name="Thanks").wait_for()


def test_a_running_upload_holds_the_form(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.speed(MB)
    tab.choose(make("film.bin", 2 * MB))
    tab.wait("sending")
    tab.page.click("#send")
    assert tab.widget.evaluate("element => element.validationMessage") == "Please wait until the upload is finished."
    assert server.state.forms == []
    tab.wait("done")
    tab.page.click("#send")
    tab.page.get_by_role("heading", name="Thanks").wait_for()


def test_a_failed_file_holds_the_form_until_it_is_removed(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    server.state.faults = [Fault("POST", 422, {"error": "No."}, path="/upload")]
    tab.choose(make("x.txt"))
    tab.wait("failed")
    tab.page.click("#send")
    assert tab.widget.evaluate("element => element.validationMessage").startswith("x.txt was not uploaded.")
    assert server.state.forms == []
    tab.page.get_by_role("button", name="Remove x.txt").click()
    tab.page.click("#send")
    tab.page.get_by_role("heading", name="Thanks").wait_for()
    tab.forget("422")


def test_reset_empties_the_list_and_stops_what_runs(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit('max-size="50 MB"')
    tab.choose(make("a.txt"), make("big.bin", 51_000_000))
    tab.wait("done")
    tab.speed(MB)
    tab.choose(make("film.bin", 20 * MB))
    tab.wait("sending")
    tab.page.get_by_role("button", name="Reset").click()
    assert tab.page.locator(".au-item").count() == 0
    assert tab.page.evaluate("[...new FormData(document.querySelector('form'))]") == []
    assert tab.widget.evaluate("element => element.checkValidity()") is True


def test_leaving_the_page_asks_only_while_something_is_sent(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.speed(MB)
    tab.choose(make("film.bin", 3 * MB))
    tab.wait("sending")
    tab.page.locator("h1").click()  # browsers ask only after the person has touched the page
    tab.page.reload()
    assert tab.dialogs == ["beforeunload"]
    tab.speed()
    tab.choose(make("a.txt"))
    tab.wait("done")
    tab.page.locator("h1").click()
    tab.page.reload()
    assert tab.dialogs == ["beforeunload"]


def test_a_disabled_fieldset_disables_the_element(visit: OPEN, make: MAKE) -> None:
    tab = visit(body=f"<form><fieldset disabled><ajax-upload endpoint=/upload>{INNER}</ajax-upload></fieldset></form>")
    assert tab.page.locator("#file").is_disabled()
    files = tab.make_files(("d.txt", "dropped", "text/plain"))
    tab.page.dispatch_event("ajax-upload", "drop", {"dataTransfer": files})
    tab.page.wait_for_timeout(100)
    assert tab.page.locator(".au-item").count() == 0
    tab.page.evaluate("document.querySelector('fieldset').disabled = false")
    assert tab.page.locator("#file").is_enabled()


def test_without_multiple_the_new_file_takes_the_place_of_the_old(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit('max-size="100"', inner=INNER.replace("multiple", ""))
    for name in ("first.txt", "second.txt"):
        tab.choose(make(name))
        tab.page.locator(".au-item[data-state=done]", has_text=name).wait_for()
    assert tab.page.evaluate("[...new FormData(document.querySelector('form'))]") == [["docs", "id2"]]
    tab.choose(make("big.bin", 101))
    tab.wait("refused")
    name = tab.row("done").locator(".au-name").inner_text()
    assert name == "second.txt", "a file that may not be added replaces nothing"


def test_a_label_elsewhere_stays_as_it_is_and_a_button_is_drawn(visit: OPEN) -> None:
    element = '<ajax-upload endpoint="/upload"><input id="f" type="file"></ajax-upload>'
    tab = visit(body='<label for="f">Attachments</label>' + element)
    assert tab.page.locator("main > label").get_attribute("class") is None
    assert tab.page.locator("ajax-upload > label").inner_text() == "Choose a file"


def test_an_element_made_by_script_brings_its_own_input(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit(body="<form></form>")
    tab.page.evaluate(
        """() => {
          const element = document.createElement('ajax-upload');
          element.setAttribute('endpoint', '/upload');
          element.setAttribute('name', 'made');
          element.toggleAttribute('multiple');
          document.querySelector('form').append(element);
          window.taken = element.add([new File(['x'], 'by-script.txt')]).then((items) => items.length);
        }"""
    )
    tab.wait("done")
    assert tab.page.evaluate("taken") == 1
    tab.choose(make("a.txt"))
    tab.wait("done", 2)
    assert tab.page.evaluate("new FormData(document.querySelector('form')).getAll('made').length") == 2


def test_moved_within_the_page_the_upload_goes_on(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.speed(MB)
    tab.choose(make("film.bin", MB))
    tab.wait("sending")
    tab.page.evaluate("document.querySelector('form').prepend(document.querySelector('ajax-upload'))")
    tab.wait("done")
    assert len(server.state.sent("POST")) == 1


def test_what_has_the_focus_keeps_it_while_the_element_is_drawn(new_tab: OPEN, server: Server) -> None:
    tab = new_tab()
    page = document(form())
    server.state.policy = ""
    server.state.pages["/page.html"] = page.replace(f'<script src="/static/{SCRIPT}" defer></script>', "")
    tab.page.goto("/page.html")
    tab.page.focus("#file")
    tab.page.add_script_tag(url=f"/static/{SCRIPT}")
    tab.page.locator("ajax-upload[ready]").wait_for()
    assert tab.focused() == "file"


def documented(server: Server, number: int) -> None:
    """Serve an HTML block of the documentation, as it stands, with the tags of the first."""
    text = (ROOT / "docs" / "reference" / "widget.md").read_text()
    blocks = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    tags = blocks[0].split("<form")[0] if number else ""
    server.state.pages["/page.html"] = f"<!doctype html><html lang=en><title>Documented</title>{tags}{blocks[number]}"


def test_the_documentations_first_page_works(new_tab: OPEN, server: Server, make: MAKE) -> None:
    documented(server, 0)
    tab = new_tab()
    tab.page.goto("/page.html")
    tab.page.get_by_label("Choose files").set_input_files(make("a.txt"))
    tab.wait("done")
    assert [one.name for one in server.state.stored] == ["a.txt"]


def test_the_documentations_form_works(new_tab: OPEN, server: Server, make: MAKE) -> None:
    documented(server, 1)
    tab = new_tab()
    tab.page.goto("/page.html")
    tab.page.get_by_label("Your name").fill("Ann")
    tab.page.get_by_label("Your papers").set_input_files([make("a.txt"), make("b.txt")])
    tab.wait("done", 2)
    tab.page.get_by_role("button", name="Apply").click()
    tab.page.get_by_role("heading", name="Thanks").wait_for()
    (form_sent,) = server.state.forms
    assert (form_sent["who"], sorted(form_sent["papers"])) == (["Ann"], ["id1", "id2"])


def test_without_javascript_the_plain_form_posts(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit(action="/upload", java_script_enabled=False)
    tab.choose(make("nojs.txt"), make("two.txt"))
    tab.page.click("#send")
    tab.page.get_by_role("heading", name="Stored").wait_for()
    assert [(one.proto, one.name) for one in server.state.stored] == [
        ("multipart", "nojs.txt"),
        ("multipart", "two.txt"),
    ]
