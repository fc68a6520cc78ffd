"""Pages that were written for the valums script, as django-ajax-uploader shipped it, go on working.

What lives here: qq.FileUploader and qq.FileUploaderBasic: options, callbacks, class names, wire format, templates.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab
from tests.browser.scripted import Server
from tests.browser.state import Fault

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]

# As old pages have it: a script in the head, an inline script further down that uses it at once.
BODY = """<h1>Import</h1><div id="file-uploader"><noscript><p>Please enable JavaScript.</p></noscript></div>
<script nonce="test">
  window.calls = [];
  const note = (name) => (...args) => { calls.push([name, ...args]); };
  window.uploader = new qq.FileUploader({
    action: '/upload',
    element: document.getElementById('file-uploader'),
    onSubmit: note('submit'),
    onProgress: note('progress'),
    onComplete: note('complete'),
    onAllComplete: (uploads) => calls.push(['all', uploads.map(({ file, response }) => [file.name, response.success])]),
    onCancel: note('cancel'),
    showMessage: note('message'),
    params: { csrf_token: 'tok', csrf_name: 'csrfmiddlewaretoken', csrf_xname: 'X-CSRFToken', album: 'a b' },
    %s
  });
</script>"""
# What a page of django-ajax-uploader's README looks like, jQuery included; only the script's path is new.
README_PAGE = """<!doctype html>
<html><head><title>Import</title>
<script src="https://ajax.googleapis.com/ajax/libs/jquery/1.6.1/jquery.min.js"></script>
<script src="/static/js/fileuploader.js"></script>
<link href="/static/css/fileuploader.css" media="screen" rel="stylesheet" type="text/css">
<script>
$(function () {
  var uploader = new qq.FileUploader({
    action: "/upload",
    element: $('#file-uploader')[0],
    multiple: true,
    onComplete: function (id, fileName, responseJSON) {
      if (responseJSON.success) { alert("success!"); } else { alert("upload failed!"); }
    },
    onAllComplete: function (uploads) { alert("All complete!"); },
    params: { 'csrf_token': 'token', 'csrf_name': 'csrfmiddlewaretoken', 'csrf_xname': 'X-CSRFToken' }
  });
});
</script></head>
<body><div id="file-uploader"><noscript><p>Please enable JavaScript to use file uploader.</p></noscript></div></body>
</html>"""
JQUERY = """function $(what) {
  if (typeof what !== 'function') return document.querySelectorAll(what);
  document.addEventListener('DOMContentLoaded', what);
}"""


def open_page(visit: OPEN, options: str = "", **more: Any) -> Tab:
    """A page in the old manner, with more options."""
    return visit(body=BODY % options, defer=False, **more)


def calls(tab: Tab, name: str) -> list[list[Any]]:
    """What a callback was given, call by call."""
    return [call[1:] for call in tab.page.evaluate("calls") if call[0] == name]


def finished(tab: Tab, times: int = 1) -> None:
    """Wait for onAllComplete."""
    tab.until(lambda: len(calls(tab, "all")) >= times)


def test_the_readmes_page_works_with_the_scripts_path_changed_only(new_tab: OPEN, server: Server, make: MAKE) -> None:
    server.state.policy = ""
    server.state.pages["/import.html"] = README_PAGE
    tab = new_tab()
    tab.page.route(
        "https://ajax.googleapis.com/**", lambda route: route.fulfill(body=JQUERY, content_type="text/javascript")
    )
    tab.page.goto("/import.html")
    tab.choose(make("a.txt"), make("b.txt"))
    tab.until(lambda: "All complete!" in tab.dialogs)
    assert tab.dialogs == ["success!", "success!", "All complete!"]
    assert tab.page.locator(".qq-upload-list .qq-upload-success").count() == 2
    assert sorted(one.name for one in server.state.stored) == ["a.txt", "b.txt"]


def test_the_wire_format_is_the_old_one(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit)
    tab.choose(make("läng.txt"))
    finished(tab)
    (post,) = server.state.sent("POST")
    assert post.query == {"album": "a b", "qqfile": "läng.txt"}
    assert post.headers["x-csrftoken"] == "tok"
    assert post.headers["x-requested-with"] == "XMLHttpRequest"
    assert post.headers["x-file-name"] == "l%C3%A4ng.txt"
    assert post.headers["content-type"] == "application/octet-stream"


def test_the_callbacks_get_ids_names_amounts_and_the_servers_json(visit: OPEN, make: MAKE) -> None:
    tab = open_page(visit)
    tab.choose(make("a.txt", 1000), make("b.txt", 2000))
    finished(tab)
    assert calls(tab, "submit") == [[0, "a.txt"], [1, "b.txt"]]
    assert [0, "a.txt", 1000, 1000] in calls(tab, "progress")
    done = {name: response for _, name, response in calls(tab, "complete")}
    assert done["b.txt"]["success"] is True
    assert done["b.txt"]["filename"] == "b.txt"
    assert sorted(calls(tab, "all")[0][0]) == [["a.txt", True], ["b.txt", True]]
    assert tab.page.evaluate("uploader.getInProgress()") == 0


def test_a_refusal_reaches_show_message_and_the_list(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.faults = [Fault("POST", 422, {"success": False, "error": "Infected"})]
    tab = open_page(visit)
    tab.choose(make("a.txt"))
    finished(tab)
    assert calls(tab, "message") == [["Infected"]]
    assert calls(tab, "complete")[0][2]["success"] is False
    item = tab.page.locator(".qq-upload-list .qq-upload-fail")
    assert item.locator(".qq-upload-failed-text").is_visible()
    assert item.locator(".qq-upload-cancel, .qq-upload-spinner").count() == 0
    tab.forget("422")


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        ("allowedExtensions: ['jpg', 'PNG'],", "a.txt", "a.txt cannot be uploaded here. Allowed: jpg, PNG."),
        ("sizeLimit: 1000,", "big.txt", "big.txt is too large. The limit is 1,000 bytes."),
        ("minSizeLimit: 10,", "a.txt", "a.txt is too small. At least 10 bytes is needed."),
        ("", "empty.txt", "empty.txt is empty."),
        ("filesLimit: 1,", "a.txt", "Only one file can be uploaded."),
        (
            "allowedExtensions: ['jpg'], messages: { typeError: '{file}: only {extensions}!' },",
            "a-very-long-name-that-nobody-can-read.txt",
            "a-very-long-name-th…-can-read.txt: only jpg!",
        ),
        ("filesLimit: 1, messages: { filesLimitError: 'At most {filesLimit}!' },", "a.txt", "At most 1!"),
        ("sizeLimit: 1000, messages: { sizeError: '{file} > {sizeLimit}' },", "big.txt", "big.txt > 1,000 bytes"),
    ],
)
def test_a_fault_refuses_the_whole_choice_with_one_message(
    visit: OPEN, server: Server, make: MAKE, options: str, name: str, message: str
) -> None:
    tab = open_page(visit, options)
    content = {"big.txt": "x" * 1001, "empty.txt": ""}.get(name, "hello")
    tab.choose(make("fine.jpg", 500), make(name, content))
    tab.until(lambda: calls(tab, "message"))
    assert calls(tab, "message") == [[message]]
    assert server.state.stored == []


def test_submit_may_say_no(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit, "onSubmit: (id, name) => name !== 'no.txt',")
    tab.choose(make("no.txt"), make("yes.txt"))
    finished(tab)
    assert [one.name for one in server.state.stored] == ["yes.txt"]
    assert calls(tab, "complete")[0][:2] == [1, "yes.txt"]


def test_a_callback_that_throws_is_the_pages_fault_and_stops_nothing(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit, "maxConnections: 1, onComplete: () => { throw new Error('mine'); },")
    tab.choose(make("a.txt"), make("b.txt"))
    finished(tab)
    assert len(server.state.stored) == 2
    assert calls(tab, "all") == [[[["a.txt", True], ["b.txt", True]]]]
    tab.forget("exception: mine")


def test_cancel_in_the_list_stops_the_upload(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit)
    tab.speed(1 << 20)
    tab.choose(make("film.bin", 5 << 20))
    tab.page.locator(".qq-upload-size", has_text=" of 5 MiB").wait_for()
    assert tab.page.evaluate("uploader.getInProgress()") == 1
    tab.page.get_by_role("link", name="Cancel film.bin").click()
    assert calls(tab, "cancel") == [[0, "film.bin"]]
    assert tab.page.locator(".qq-upload-list li").count() == 0
    assert server.state.stored == []


def test_set_params_counts_for_later_files_nested_values_too(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit)
    tab.page.evaluate("uploader.setParams({ tags: ['x', 'y'], where: { room: 3 }, now: () => 'later' })")
    tab.choose(make("a.txt"))
    finished(tab)
    query = server.state.sent("POST")[0].query
    assert query == {"tags[0]": "x", "tags[1]": "y", "where[room]": "3", "now": "later", "qqfile": "a.txt"}


TEMPLATES = """
    template: '<div class="mine"><div class="mine-drop">Drop</div><b class="mine-button">Up!</b>' +
      '<ol class="mine-list"></ol></div>',
    fileTemplate: '<li class="row"><i class="mine-file"></i><i class="mine-spin"></i><i class="mine-size"></i>' +
      '<a class="mine-cancel" href="#">x</a></li>',
    classes: { button: 'mine-button', drop: 'mine-drop', dropActive: 'on', list: 'mine-list', file: 'mine-file',
      spinner: 'mine-spin', size: 'mine-size', cancel: 'mine-cancel', success: 'good', fail: 'bad' },"""


def test_templates_and_classes_are_the_pages(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.policy = ""
    tab = open_page(visit, TEMPLATES)
    tab.choose(make("a.txt"))
    finished(tab)
    assert tab.page.locator(".mine .mine-list > li.row.good .mine-file").inner_text() == "a.txt"
    assert tab.page.get_by_role("button", name="Up!").count() == 1


def test_under_trusted_types_html_templates_give_way_to_the_default(visit: OPEN, make: MAKE) -> None:
    tab = open_page(visit, TEMPLATES.split("classes:", maxsplit=1)[0])
    tab.choose(make("a.txt"))
    finished(tab)
    assert tab.page.locator(".qq-upload-list .qq-upload-success").count() == 1
    assert tab.page.locator(".mine").count() == 0
    tab.forget("TrustedHTML")


def test_templates_as_elements_work_under_trusted_types(visit: OPEN, make: MAKE) -> None:
    make_row = """(() => {
      const row = document.createElement('li');
      for (const part of ['file', 'spinner', 'size', 'cancel'])
        row.append(Object.assign(document.createElement('span'), { className: 'qq-upload-' + part }));
      row.className = 'custom';
      return row;
    })()"""
    tab = open_page(visit, f"fileTemplate: {make_row},")
    tab.choose(make("a.txt"), make("b.txt"))
    finished(tab)
    assert tab.page.locator("li.custom.qq-upload-success").count() == 2


def test_a_list_elsewhere_is_used_instead_of_the_templates(visit: OPEN, make: MAKE) -> None:
    body = '<ul id="there"></ul>' + BODY % "listElement: document.getElementById('there'),"
    tab = visit(body=body, defer=False)
    tab.choose(make("a.txt"))
    finished(tab)
    assert tab.page.locator("#there > .qq-upload-success").count() == 1
