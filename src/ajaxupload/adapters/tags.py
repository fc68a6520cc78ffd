"""The widget's tags as HTML, for the doors whose frameworks write pages with functions (Flask, Pyramid).

What lives here: text made of text, escaped once and marked as HTML the way Jinja2, Mako and Chameleon agree on. What
must not: any framework, any URL (a door knows how to make those), any limit (the widget asks the endpoint).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from html import escape

from ajaxupload.assets import asset_url
from ajaxupload.config import EndpointSettings
from ajaxupload.errors import ConfigError
from ajaxupload.registry import nearest

__all__ = ["Html", "assets", "element", "find", "form", "names_in", "slug_of"]

#: Attributes that belong to the file input; all others are the element's.
_OF_INPUT = ("accept", "multiple", "required", "capture", "disabled")


class Html(str):
    """Text that is HTML already: template engines that escape by themselves ask for `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def assets(url: Callable[[str], str], nonce: str = "") -> Html:
    """What a page's head needs. `url` makes the address of one of the widget's files, to which the version is added;
    `nonce` is for pages whose Content-Security-Policy asks for one."""

    def versioned(name: str) -> str:
        return escape(url(name) + "?" + asset_url(name).partition("?")[2])

    shared = _attributes({"nonce": nonce or None})
    return Html(
        f'<link rel="stylesheet" href="{versioned("ajax-upload.css")}"{shared}>\n'
        f'<script src="{versioned("ajax-upload.js")}" defer{shared}></script>'
    )


def element(
    settings: EndpointSettings,
    url: str,
    attributes: Mapping[str, object],
    *,
    label: str = "Choose files",
    field: str = "file",
) -> Html:
    """`<ajax-upload>` around a label and a plain file input, which is all that a browser without JavaScript sees.

    `attributes` are written as they are called, with hyphens for underscores; True is one without a value, False and
    None are none. Those that a file input has as well go there.
    """
    usual = {"multiple": settings.max_files > 1, "accept": ",".join(settings.allow) or None}
    given = {name.rstrip("_").replace("_", "-"): value for name, value in {**usual, **attributes}.items()}
    identity = str(given.pop("id", "") or f"ajax-upload-{secrets.token_hex(4)}")
    own: dict[str, object] = {"id": identity, "type": "file", "name": field}
    own |= {name: given.pop(name) for name in _OF_INPUT if name in given}
    return Html(
        f"<ajax-upload{_attributes({'endpoint': url} | given)}>"
        f'<label for="{escape(identity)}">{escape(label)}</label> <input{_attributes(own)}></ajax-upload>'
    )


def form(url: str, content: Html, hidden: Mapping[str, str], *, button: str = "Upload") -> Html:
    """A form around the element that posts to the endpoint by itself where there is no JavaScript.

    The hidden fields stand before the file, where the server can read them before the first byte of it.
    """
    fields = "".join(
        f"<input{_attributes({'type': 'hidden', 'name': name, 'value': value})}>" for name, value in hidden.items()
    )
    return Html(
        f'<form method="post" enctype="multipart/form-data" action="{escape(url)}">'
        f"{fields}{content}<noscript><button>{escape(button)}</button></noscript></form>"
    )


def find(endpoints: Mapping[str, EndpointSettings], wanted: str) -> str:
    """The name in `endpoints` of the one that a page calls `wanted`: its name, its path, or "" where there is only
    one. Raises ConfigError naming the nearest."""
    if not wanted and len(endpoints) == 1:
        return next(iter(endpoints))
    for name, settings in endpoints.items():
        if wanted in (name, name.removeprefix("ajaxupload."), settings.path):
            return name
    known = [settings.path for settings in endpoints.values()]
    raise ConfigError(f"ajax_upload(): unknown endpoint {wanted!r}{nearest(wanted, known)}")


def names_in(path: str) -> list[str]:
    """The names of an endpoint's path: "/album/{slug}/upload" has "slug"."""
    return re.findall(r"\{(\w+)\}", path)


def slug_of(path: str) -> str:
    """A word for an endpoint's path, as routes need one: "/album/{slug}/upload" is "album_slug_upload"."""
    return "_".join("".join(char if char.isalnum() else " " for char in path).split())


def _attributes(values: Mapping[str, object]) -> str:
    shown = ((name, value) for name, value in values.items() if value is not None and value is not False)
    return "".join(f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in shown)
