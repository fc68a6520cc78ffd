"""The demo page as HTML: a form for each endpoint, what was stored, a note of what just happened.

What lives here: text and its escaping. What must not: requests, files. Everything that came from outside goes through
`escape`, and a name through `display_name` before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from urllib.parse import quote

from ..assets import asset_url
from ..config import EndpointSettings
from ..naming import display_name
from ..validators import human_size
from .shelf import Item, Listing

__all__ = ["Shown", "View", "render"]

_DAY = 86400
_LATEST = 253_402_200_000  # the end of the year 9999, in any time zone


@dataclass(frozen=True)
class Shown:
    """A folder's list: what the folder is called, below which URL its files are, and what is in it."""

    title: str
    base: str
    listing: Listing


@dataclass(frozen=True)
class View:
    """What one rendering shows. `origin` is this server as the browser called it ("http://127.0.0.1:8000"); `note` is
    good news and `alert` bad."""

    endpoints: Sequence[EndpointSettings]
    shown: Sequence[Shown]
    origin: str
    note: str = ""
    alert: str = ""


def render(view: View) -> str:
    """The whole page."""
    title = "Not stored" if view.alert else "Stored" if view.note else "Upload"
    path = next((each.path for each in view.endpoints if "{" not in each.path), "")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title} - ajaxupload</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" type="image/svg+xml" href="/icon.svg">\n<link rel="stylesheet" href="/page.css">\n'
        f"{_widget(path) if path else ''}</head>\n<body>\n"
        f'<header><img src="/icon.svg" alt="" width="36" height="36"><h1>ajaxupload</h1></header>\n<main>\n'
        f"{''.join(_messages(view))}"
        f"{''.join(_form(each, f'file{number}', view) for number, each in enumerate(view.endpoints))}"
        f'<div id="stored">\n{"".join(map(_stored, view.shown))}</div>\n'
        f"{_command_line(view.origin + quote(path)) if path else ''}</main>\n</body>\n</html>\n"
    )


def _widget(path: str) -> str:
    """The element's files come from the endpoint. Without them, or without JavaScript, the forms are plain ones."""
    below = escape(quote(path))
    return (
        f'<link rel="stylesheet" href="{below}/{escape(asset_url("ajax-upload.css"))}">\n'
        f'<script src="{below}/{escape(asset_url("ajax-upload.js"))}" defer></script>\n'
        f'<script src="/page.js" defer></script>\n'
    )


def _messages(view: View) -> Iterator[str]:
    if view.alert:
        yield f'<p class="message bad" role="alert"><strong>Not stored.</strong> {escape(view.alert)}</p>\n'
    if view.note:
        yield f'<p class="message good" role="status"><strong>Stored:</strong> {escape(view.note)}</p>\n'


def _form(settings: EndpointSettings, ident: str, view: View) -> str:
    heading = f"<h2>{escape(settings.path)}</h2>\n" if len(view.endpoints) > 1 else ""
    if "{" in settings.path:
        return f'<section class="card">\n{heading}<p>Upload here with a word in place of each brace.</p>\n</section>\n'
    url = escape(quote(settings.path))
    accept = f' accept="{escape(",".join(settings.allow))}"' if settings.allow else ""
    multiple = " multiple" if settings.max_files > 1 else ""
    return (
        f'<section class="card">\n{heading}'
        f'<form method="post" enctype="multipart/form-data" action="{url}">\n<ajax-upload endpoint="{url}">\n'
        f'<label for="{ident}">{"Choose files" if multiple else "Choose a file"}</label>\n'
        f'<input id="{ident}" type="file" name="file" required{multiple}{accept} aria-describedby="{ident}-limits">\n'
        f"</ajax-upload>\n<button>Upload</button>\n"
        f'<p class="hint" id="{ident}-limits">{escape(_limits(settings))}</p>\n</form>\n</section>\n'
    )


def _limits(settings: EndpointSettings) -> str:
    count = f", {settings.max_files} at once" if settings.max_files > 1 else ""
    types = f" Accepted: {', '.join(settings.allow)}." if settings.allow else ""
    return f"Up to {human_size(settings.max_size)} each{count}.{types}"


def _stored(shown: Shown) -> str:
    listing = shown.listing
    heading = f"<h2>Stored in {escape(shown.title)}"
    if not listing.items:
        return (
            f"<section>\n{heading}</h2>\n"
            '<p class="empty">Nothing here yet. What you upload will show up here.</p>\n</section>\n'
        )
    rows = "".join(_row(shown.base, item) for item in listing.items)
    return (
        f'<section>\n{heading} <span class="count">{_count(listing)}</span></h2>\n<table>\n'
        f'<thead><tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Stored</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>\n</section>\n"
    )


def _count(listing: Listing) -> str:
    shown, count = len(listing.items), f"{listing.count:,}"
    if listing.partial:
        return f"{shown} of more than {count} files"
    if shown < listing.count:
        return f"the newest {shown} of {count} files, {human_size(listing.size)} in all"
    return f"{count} file{'' if count == '1' else 's'}, {human_size(listing.size)}"


def _row(base: str, item: Item) -> str:
    shown = "/".join(display_name(segment) for segment in item.name.split("/"))
    link = escape(base + quote(item.name))
    return (
        f'<tr><td><a href="{link}" download>{escape(shown)}</a></td>'
        f"<td>{human_size(item.size)}</td><td>{_when(item.modified)}</td></tr>\n"
    )


def _when(modified: float) -> str:
    # A clock that was wrong when the file came must not cost us the page.
    moment = datetime.fromtimestamp(min(max(int(modified), _DAY), _LATEST), timezone.utc).astimezone()
    return (
        f'<time datetime="{moment.isoformat()}" title="{moment:%Y-%m-%d %H:%M:%S %Z}">{_ago(modified, moment)}</time>'
    )


def _ago(modified: float, moment: datetime) -> str:
    seconds = time.time() - modified
    if not 0 <= seconds < _DAY:
        return f"{moment:%Y-%m-%d}"
    if seconds < 60:
        return "just now"
    return f"{int(seconds // 60)} min ago" if seconds < 3600 else f"{int(seconds // 3600)} h ago"


def _command_line(url: str) -> str:
    shown = escape(url)
    return (
        "<details>\n<summary>From the command line</summary>\n"
        f"<pre><code>curl -F file=@photo.jpg {shown}\ncurl -T photo.jpg {shown}/\n</code></pre>\n</details>\n"
    )
