"""Files get into the list and onto the wire: chosen, dropped, pasted, checked against the limits, sent as agreed.

What lives here: healthy servers only. Faults and resuming are in test_resuming.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import INNER, SCRIPT, form, sha256
from tests.browser.scripted import Server
from tests.browser.state import Fault, Stored

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]


def test_a_chosen_file_is_one_raw_post_as_the_valums_script_sent_it(visit: OPEN, server: Server, make: MAKE) -> None:
    file = make("läng name & co+1%.txt", "hello")
    tab = visit()
    tab.choose(file)
    tab.wait("done")
    assert server.state.stored == [Stored("raw", file.name, 5, sha256(file))]
    (post,) = server.state.sent("POST")
    assert post.query == {"qqfile": file.name}
    assert unquote(post.headers["x-file-name"]) == file.name
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["accept"] == "application/json"
    assert post.headers["x-requested-with"] == "XMLHttpRequest"
    assert len(post.headers["idempotency-key"]) > 30


def test_a_dropped_file_is_sent(visit: OPEN, server: Server) -> None:
    tab = visit()
    files = tab.make_files(("d.txt", "dropped", "text/plain"))
    tab.page.dispatch_event("ajax-upload", "dragenter", {"dataTransfer": files})
    assert tab.widget.get_attribute("dragover") == ""
    tab.page.dispatch_event("ajax-upload", "dragleave", {"dataTransfer": files})
    assert tab.widget.get_attribute("dragover") is None
    tab.page.dispatch_event("ajax-upload", "drop", {"dataTransfer": files})
    tab.wait("done")
    assert [file.name for file in server.state.stored] == ["d.txt"]


def test_a_dropped_folder_of_120_files_is_sent_whole_in_order_of_names(visit: OPEN, server: Server, make: MAKE) -> None:
    """Browsers hand out 100 entries at a time; whoever asks once loses the rest."""
    for number in range(120):
        make(f"folder/sub/f{number}.txt", f"file {number}")
    make("folder/empty.txt", "")
    tab = visit()
    tab.drop(make("folder/top.txt").parent)
    tab.until(lambda: tab.said() == "122 files uploaded", timeout=30)
    assert len({file.name for file in server.state.stored}) == 122
    names = tab.page.locator(".au-name").all_inner_texts()
    assert names[:4] == ["folder/empty.txt", "folder/sub/f0.txt", "folder/sub/f1.txt", "folder/sub/f2.txt"]


def test_a_folder_chosen_by_its_own_button_is_sent_with_its_paths(visit: OPEN, server: Server, make: MAKE) -> None:
    folder = make("album/one.txt").parent
    make("album/two.txt")
    tab = visit("directory")
    tab.page.get_by_label("Choose a folder").set_input_files(folder)
    tab.wait("done", 2)
    assert sorted(tab.page.locator(".au-name").all_inner_texts()) == ["album/one.txt", "album/two.txt"]


def test_a_pasted_picture_is_sent_but_not_from_a_text_field(visit: OPEN, server: Server) -> None:
    tab = visit(body=form() + '<input id="text" aria-label="Text">')
    script = """selector => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File(['img'], 'image.png', {type: 'image/png'}));
      const event = new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true});
      document.querySelector(selector).dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert tab.page.evaluate(script, "#text") is False
    assert tab.page.evaluate(script, "body") is True
    tab.wait("done")
    assert [file.name for file in server.state.stored] == ["image.png"]


def test_of_two_elements_only_the_focused_one_takes_a_paste(visit: OPEN) -> None:
    tab = visit(body=form() + form(inner=INNER.replace("file", "second")))
    tab.page.locator("ajax-upload[ready]").nth(1).wait_for()
    tab.page.evaluate(
        """() => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File(['x'], 'image.png'));
          const event = new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true});
          document.querySelectorAll('ajax-upload')[1].input.dispatchEvent(event);
        }"""
    )
    tab.wait("done")
    assert tab.page.locator("ajax-upload").nth(0).locator(".au-item").count() == 0


def test_files_chosen_before_the_script_ran_are_not_lost(new_tab: OPEN, server: Server, make: MAKE) -> None:
    tab = new_tab()
    held: list[Route] = []
    tab.page.route(f"**/{SCRIPT}", lambda route: held.append(route))  # noqa: PLW0108 -- a builtin cannot be a handler
    page = '<script src="/static/' + SCRIPT + '" async></script>' + form()
    server.state.pages["/page.html"] = "<!doctype html><title>Early</title>" + page
    tab.page.goto("/page.html", wait_until="commit")
    tab.choose(make("early.txt"))
    tab.until(lambda: held)
    held[0].continue_()
    tab.wait("done")
    assert [file.name for file in server.state.stored] == ["early.txt"]


def test_at_most_three_files_are_sent_at_a_time_and_all_arrive(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.page.evaluate(
        """() => {
          window.most = 0;
          const { uploader } = document.querySelector('ajax-upload');
          uploader.addEventListener('state', () => {
            most = Math.max(most, uploader.items.filter(({ state }) => /sending|processing/.test(state)).length);
          });
        }"""
    )
    tab.choose(*(make(f"{number}.bin", 50_000) for number in range(10)))
    tab.wait("done", 10)
    assert tab.page.evaluate("most") == 3
    assert len(server.state.stored) == 10


def test_limits_are_read_from_the_endpoint_and_shown(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = {"max_size": 1000, "min_size": 3, "max_files": 2, "allow": [".txt", "image/*"]}
    tab = visit()
    hint = tab.page.locator(".au-hint").inner_text()
    assert hint == "or drop here, or paste. Up to 1,000 bytes each. No more than 2 files. Allowed: .txt, image/*."
    assert tab.page.locator("#file").get_attribute("accept") == ".txt,image/*"
    bad = (make("big.txt", 1001), make("small.txt", 2), make("x.exe", 10), make("empty.txt", ""))
    tab.choose(*bad, make("1.txt"), make("2.png", 9), make("3.txt"))
    tab.wait("done", 2)
    texts = tab.page.locator("[data-state=refused] .au-status").all_inner_texts()
    assert texts == [
        "Not added: big.txt is too large. The limit is 1,000 bytes.",
        "Not added: small.txt is too small. At least 3 bytes is needed.",
        "Not added: x.exe cannot be uploaded here. Allowed: .txt, image/*.",
        "Not added: empty.txt is empty.",
        "Not added: No more than 2 files can be uploaded.",
    ]
    assert tab.alert().startswith("5 files were not added.")
    assert sorted(file.name for file in server.state.stored) == ["1.txt", "2.png"]


def test_the_narrower_of_the_pages_and_the_servers_limits_counts(visit: OPEN, server: Server) -> None:
    server.state.limits = {"max_size": 1000, "max_files": 5}
    tab = visit('max-size="2 kB" max-files="3"')
    assert tab.page.evaluate(
        "(({maxSize, maxFiles}) => [maxSize, maxFiles])(document.querySelector('ajax-upload').uploader)"
    ) == [1000, 3]
    assert visit('max-size="500"').page.evaluate("document.querySelector('ajax-upload').uploader.maxSize") == 500


def test_a_server_without_limits_is_no_problem(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = None
    tab = visit()
    tab.choose(make("a.txt"))
    tab.wait("done")
    tab.forget("404")


def test_limits_off_asks_nothing(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit("limits=off")
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert [entry.method for entry in server.state.log] == ["POST"]


def test_multipart_servers_get_the_inputs_own_field_name(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit("method=multipart")
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert server.state.forms == [{"docs": ["a.txt"]}]


@pytest.mark.parametrize(
    ("attributes", "markup"),
    [
        ("csrf-cookie=csrftoken", "<script nonce=test>document.cookie = 'csrftoken=tok%2B1'</script>"),
        ("", '<input form="other" hidden><meta name="csrf-token" content="tok+1">'),
    ],
)
def test_the_token_against_cross_site_requests_goes_along(
    visit: OPEN, server: Server, make: MAKE, attributes: str, markup: str
) -> None:
    tab = visit(attributes, head=markup)
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert server.state.sent("POST")[0].headers["x-csrftoken"] == "tok+1"


def test_djangos_hidden_field_is_the_token_of_its_form(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit(inner='<input type="hidden" name="csrfmiddlewaretoken" value="form-token">' + INNER)
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert server.state.sent("POST")[0].headers["x-csrftoken"] == "form-token"


def test_before_request_may_add_headers_and_preventing_it_pauses(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.page.evaluate(
        """() => document.addEventListener('upload-before-request', (event) => {
          if (!window.token) return event.preventDefault();
          event.detail.headers.Authorization = `Bearer ${window.token}`;
        })"""
    )
    tab.choose(make("a.txt"))
    tab.wait("paused")
    assert server.state.sent("POST") == []
    tab.page.evaluate("window.token = 'abc'")
    tab.page.get_by_role("button", name="Resume a.txt").click()
    tab.wait("done")
    assert server.state.sent("POST")[0].headers["authorization"] == "Bearer abc"


def test_auto_off_waits_for_the_start_button(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit("auto=off")
    tab.choose(make("a.txt"), make("b.txt"))
    tab.wait("queued", 2)
    tab.page.wait_for_timeout(200)
    assert server.state.sent("POST") == []
    tab.page.get_by_role("button", name="Start all files").click()
    tab.wait("done", 2)
    assert len(server.state.stored) == 2


def test_a_page_may_keep_a_file_out(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.page.evaluate(
        "document.addEventListener('upload-add', (e) => e.detail.name === 'no.txt' && e.preventDefault())"
    )
    tab.choose(make("no.txt"), make("yes.txt"))
    tab.wait("done")
    assert [file.name for file in server.state.stored] == ["yes.txt"]
    assert tab.page.locator(".au-item").count() == 1


def test_the_events_tell_the_whole_story(visit: OPEN, make: MAKE) -> None:
    tab = visit("max-size=100")
    tab.record("add", "reject", "start", "before-request", "success", "error", "cancel", "complete")
    tab.choose(make("a.txt"), make("big.txt", 200))
    tab.wait("done")
    tab.page.get_by_role("button", name="Remove a.txt").click()
    assert [[event, what] for event, what, _ in tab.until("window.seen.length > 6 && window.seen")] == [
        ["upload-add", "a.txt"],
        ["upload-reject", "big.txt"],
        ["upload-start", "a.txt"],
        ["upload-before-request", "a.txt"],
        ["upload-success", "a.txt"],
        ["upload-complete", 1],
        ["upload-cancel", "a.txt"],
    ]


def test_the_attributes_may_change_later(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.faults = [Fault("POST", 500, path="/nowhere")]
    tab = visit("endpoint=/nowhere limits=off")
    tab.widget.evaluate("element => element.setAttribute('endpoint', '/upload')")
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert server.state.sent("POST")[0].path == "/upload"
