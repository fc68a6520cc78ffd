"""Who can use it: by keyboard, by ear, in the dark, without motion, in other languages and directions.

What lives here: each accessibility rule as a test, the languages, and the policies that the page may send.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import INNER, Tab, form
from tests.browser.scripted import STATIC, Server
from tests.browser.state import Fault

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]
MB = 1 << 20
SNAPSHOT = """
- text: Choose files
- button "Choose files"
- paragraph: "or drop here, or paste. Up to 2 GiB each. No more than 5 files. Allowed: .pdf, .txt."
- list "Files":
  - listitem:
    - text: report.pdf Uploaded, 4.9 KiB
    - button "Remove report.pdf"
  - listitem:
    - text: "notes.txt Failed: This file holds a virus."
    - button "Remove notes.txt"
  - listitem:
    - text: "more.txt Failed: The server answered 404."
    - button "Try more.txt again"
    - button "Remove more.txt"
- status: 2 of 3 files failed
- alert: "more.txt: The server answered 404."
""".strip()


def bring_to(state: str, tab: Tab, server: Server, make: MAKE) -> None:
    """Idle, busy (with every kind of row), failed or done."""
    if state == "failed":
        refusal = {"success": False, "error": "This file holds a virus."}
        server.state.faults = [Fault("POST", status, refusal, path="/upload") for status in (422, 400)]
        tab.choose(make("invoice.pdf"), make("letter.pdf"), make("huge.iso", 11_000_000))
        tab.wait("failed", 2)
        tab.forget("422", "400")
    if state == "busy":
        tab.choose(make("done.txt"))
        tab.wait("done")
        tab.speed(MB)
        tab.choose(*(make(f"{number}.bin", 5 * MB) for number in range(4)))
        tab.page.get_by_role("button", name="Pause 1.bin").click()
        tab.until("document.querySelectorAll('.au-item progress')[1].value > 0.1")
    if state == "done":
        tab.choose(make("a.txt"), make("b.txt"))
        tab.wait("done", 2)


@pytest.mark.parametrize("state", ["idle", "busy", "failed", "done"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: OPEN, server: Server, make: MAKE, axe: Path, scheme: str, state: str) -> None:
    tab = visit('max-size="10 MB" directory', color_scheme=scheme)
    bring_to(state, tab, server, make)
    assert tab.axe(axe) == []


@pytest.mark.parametrize("state", ["busy", "failed"])
def test_axe_finds_nothing_on_a_phone(visit: OPEN, server: Server, make: MAKE, axe: Path, state: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = visit('max-size="10 MB"', **phone)
    bring_to(state, tab, server, make)
    assert tab.axe(axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_unfinished_upload(
    visit: OPEN, server: Server, make: MAKE, axe: Path, scheme: str
) -> None:
    server.state.limits = {"resumable": "/files/"}
    tab = visit("chunk-size=256KiB", color_scheme=scheme)
    tab.speed(MB)
    tab.choose(make("film.bin", 3 * MB))
    tab.until("document.querySelector('.au-item progress')?.value > 0.1")
    tab.page.reload()
    tab.wait("unfinished")
    assert tab.axe(axe) == []


def test_the_aria_snapshot_of_an_upload_reads_like_a_sentence(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = {"max_size": 2 << 30, "max_files": 5, "allow": [".pdf", ".txt"]}
    tab = visit("concurrency=1")
    refusal = {"success": False, "error": "This file holds a virus."}
    faults = [Fault("POST", 422, refusal, path="/upload", skip=1), Fault("POST", 404, {}, path="/upload", skip=1)]
    server.state.faults = faults
    tab.choose(make("report.pdf", 5000), make("notes.txt"), make("more.txt"))
    tab.wait("failed", 2)
    assert tab.widget.aria_snapshot() == SNAPSHOT
    tab.forget("422", "404")


def test_by_keyboard_alone_a_file_is_chosen_sent_and_removed(visit: OPEN, make: MAKE) -> None:
    tab = visit()
    tab.page.keyboard.press("Tab")
    assert tab.focused() == "file"
    tab.page.keyboard.press("Enter")
    tab.until(lambda: tab.choosers)
    tab.choosers[0].set_files(make("k.txt"))
    tab.wait("done")
    tab.page.keyboard.press("Tab")
    assert tab.focused() == "Remove k.txt"
    tab.page.keyboard.press("Space")
    assert tab.page.locator(".au-item").count() == 0
    assert tab.focused() == "file"


def test_the_focus_goes_to_the_next_row_then_the_one_before_then_the_input(visit: OPEN, make: MAKE) -> None:
    tab = visit("concurrency=1")
    tab.choose(make("a.txt"), make("b.txt"), make("c.txt"))
    tab.wait("done", 3)
    tab.page.get_by_role("button", name="Remove b.txt").press("Enter")
    assert tab.focused() == "Remove c.txt"
    tab.page.keyboard.press("Enter")
    assert tab.focused() == "Remove a.txt"
    tab.page.keyboard.press("Enter")
    assert tab.focused() == "file"


def test_the_focus_survives_the_end_of_the_upload_it_stood_on(visit: OPEN, make: MAKE) -> None:
    tab = visit()
    tab.speed(MB)
    tab.choose(make("film.bin", MB))
    tab.page.get_by_role("button", name="Pause film.bin").focus()
    tab.wait("done")
    assert tab.focused() == "Remove film.bin"


def test_the_focus_ring_is_drawn_on_the_button_that_the_input_hides_behind(visit: OPEN) -> None:
    tab = visit("directory")
    rings = "[...document.querySelectorAll('.au-button')].map((one) => getComputedStyle(one).outlineStyle)"
    assert tab.page.evaluate(rings) == ["none", "none"]
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate(rings) == ["solid", "none"]
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate(rings) == ["none", "solid"]


def test_every_target_is_at_least_24_pixels_and_nothing_hidden_takes_the_focus(
    visit: OPEN, server: Server, make: MAKE
) -> None:
    tab = visit()
    bring_to("busy", tab, server, make)
    sizes = tab.page.evaluate(
        """[...document.querySelectorAll('ajax-upload :is(button, label)')]
          .filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect())
          .map(({ width, height }) => Math.min(width, height))"""
    )
    assert len(sizes) > 8
    assert min(sizes) >= 24
    assert tab.page.locator("ajax-upload [aria-hidden=true] :is(button, input, a, [tabindex])").count() == 0


def test_nothing_moves_for_those_who_asked_for_stillness(visit: OPEN, server: Server, make: MAKE) -> None:
    moves = "document.querySelector('.au-item progress').getAnimations().length"
    for motion, count in (("reduce", 0), ("no-preference", 1)):
        tab = visit(reduced_motion=motion)
        server.state.rate = 20_000
        tab.choose(make("a.bin", 20_000))
        tab.wait("processing")
        assert tab.page.evaluate(moves) == count
        server.state.rate = 0
        tab.wait("done")


def test_forced_colours_keep_the_bar_and_the_buttons_visible(visit: OPEN, make: MAKE) -> None:
    tab = visit(forced_colors="active")
    tab.speed(MB)
    tab.choose(make("film.bin", 2 * MB))
    tab.until("document.querySelector('.au-item progress')?.value > 0.3")
    look = """selector => {
      const { color, backgroundColor, borderStyle } = getComputedStyle(document.querySelector(selector));
      return { differs: color !== backgroundColor, borderStyle };
    }"""
    assert tab.page.evaluate(look, ".au-item progress") == {"differs": True, "borderStyle": "solid"}
    assert tab.page.evaluate(look, ".au-item button:not([hidden])") == {"differs": True, "borderStyle": "solid"}
    tab.wait("done")


@pytest.mark.parametrize(
    ("lang", "said", "shown"),
    [
        ("de", "a.txt hochgeladen", "Hochgeladen, 1,5 KiB"),
        ("fr", "a.txt envoyé", "Envoyé, 1,5 Kio"),
        ("es", "a.txt subido", "Subido, 1,5 KiB"),
        ("zh", "已上传 1 个文件", "已上传\uff0c1.5 KiB"),
    ],
)
def test_other_languages_in_texts_and_numbers(visit: OPEN, make: MAKE, lang: str, said: str, shown: str) -> None:
    texts = json.loads((STATIC / "strings" / f"{lang}.json").read_text())
    tab = visit(f"strings=/static/strings/{lang}.json", lang=lang)
    assert tab.page.locator(".au-hint").inner_text() == texts["drop"]
    tab.choose(make("a.txt", 1500))
    status = tab.wait("done").locator(".au-status").inner_text()
    assert status.replace("\u202f", " ").replace("\xa0", " ") == shown
    assert tab.said() == said
    assert tab.page.get_by_role("button", name=texts["remove"].replace("{file}", "a.txt")).count() == 1


def test_texts_can_be_replaced_for_all_elements_or_for_one(visit: OPEN, make: MAKE) -> None:
    head = """<script nonce="test">document.addEventListener('DOMContentLoaded', () => {
      AjaxUpload.strings.done = 'All yours';
      document.querySelector('ajax-upload').strings = { remove: 'Away with {file}' };
    })</script>"""
    tab = visit(head=head)
    tab.choose(make("a.txt"))
    assert tab.wait("done").locator(".au-status").inner_text() == "All yours"
    assert tab.page.get_by_role("button", name="Away with a.txt").count() == 1


def test_a_missing_catalogue_leaves_english(visit: OPEN, make: MAKE) -> None:
    tab = visit("strings=/static/strings/tlh.json", lang="tlh")
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert tab.said() == "a.txt uploaded"
    tab.forget("404")


def test_a_language_that_intl_does_not_understand_breaks_nothing(visit: OPEN, make: MAKE) -> None:
    tab = visit(lang="en_US.UTF-8")
    tab.choose(make("a.txt"))
    tab.wait("done")


def test_right_to_left_mirrors_the_layout(visit: OPEN, make: MAKE) -> None:
    tab = visit(lang="ar", dir="rtl")
    tab.choose(make("a.txt"))
    row = tab.wait("done")
    boxes = [row.locator(part).bounding_box() for part in (".au-thumb", ".au-main", "button:not([hidden])")]
    thumb, main, button = (box["x"] if box else -1 for box in boxes)
    assert thumb > main > button > 0
    width = tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


def test_dark_or_light_is_the_pages_choice(visit: OPEN) -> None:
    background = "getComputedStyle(document.querySelector('ajax-upload')).backgroundColor"
    dark = visit(color_scheme="dark").page.evaluate(background)
    assert dark != visit(color_scheme="light").page.evaluate(background) == "rgb(255, 255, 255)"
    assert visit(color_scheme="light", style="main { color-scheme: dark }").page.evaluate(background) == dark


def test_variables_set_anywhere_above_theme_it(visit: OPEN) -> None:
    tab = visit(style="body { --au-accent: rgb(1, 2, 3); --au-radius: 0px }")
    assert tab.page.evaluate("getComputedStyle(document.querySelector('.au-button')).backgroundColor") == "rgb(1, 2, 3)"
    assert tab.page.evaluate("getComputedStyle(document.querySelector('ajax-upload')).borderRadius") == "0px"


def test_a_pages_reset_does_not_undress_it(visit: OPEN) -> None:
    """A cascade layer would lose against every unlayered reset; single classes do not."""
    reset = "* { margin: 0; padding: 0; border: 0 } button, label { background: none; color: red } ul { padding: 3em }"
    tab = visit(style=reset)
    look = "button => [getComputedStyle(button).paddingTop, getComputedStyle(button).borderTopWidth]"
    assert tab.page.locator(".au-button").evaluate(look) == ["9.6px", "1px"]


def test_no_style_attribute_in_its_dom_and_no_policy_violation(visit: OPEN, server: Server, make: MAKE) -> None:
    """Every tab of these tests sends the strict policy with Trusted Types; a violation would be a console error."""
    tab = visit()
    assert "trusted-types 'none'" in server.state.policy
    bring_to("busy", tab, server, make)
    assert tab.page.locator("ajax-upload[style], ajax-upload [style]").count() == 0


def test_it_is_importable_as_a_module(visit: OPEN, make: MAKE) -> None:
    head = "<script type=module nonce=test>import '/static/ajax-upload.js'; window.kind = typeof AjaxUpload</script>"
    tab = visit(script="strings/de.json", head=head, body=form(inner=INNER))
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert tab.page.evaluate("kind") == "function"
    tab.errors.clear()  # the JSON that stood in for the classic script


def test_loaded_twice_it_is_defined_once(visit: OPEN, make: MAKE) -> None:
    tab = visit(head='<script src="/static/ajax-upload.min.js" defer></script>')
    tab.choose(make("a.txt"))
    tab.wait("done")
    assert tab.page.locator(".au-list").count() == 1
