"""Template tags: the widget's script and style sheet, and the element with a form that works without JavaScript.

What lives here: HTML for pages. What must not: limits, which the view tells the widget by itself.

    {% load ajaxupload %}
    {% ajax_upload_assets %}                                    once a page, in <head>
    {% ajax_upload "upload" name="docs" max_files=5 %}          where the files are to be chosen
"""

from __future__ import annotations

import secrets
from typing import Any

from django import template
from django.conf import settings
from django.forms.utils import flatatt
from django.http import HttpHeaders
from django.shortcuts import resolve_url
from django.template.context import Context
from django.templatetags.static import static
from django.urls import Resolver404, resolve
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ajaxupload.adapters.django.views import uploader_of

__all__ = ["register"]

register = template.Library()

#: Attributes that belong to the native input; all others are the element's.
_OF_INPUT = ("accept", "multiple", "required", "capture", "disabled")
_USUAL_HEADER = "HTTP_X_CSRFTOKEN"


@register.simple_tag
def ajax_upload_assets(*, nonce: str = "") -> SafeString:
    """The style sheet and the script. `nonce` is for pages whose Content-Security-Policy asks for one."""
    shared = flatatt({"nonce": nonce or None})
    return format_html(
        '<link rel="stylesheet" href="{}"{}>\n<script src="{}" defer{}></script>',
        static("ajaxupload/ajax-upload.css"),
        shared,
        static("ajaxupload/ajax-upload.js"),
        shared,
    )


@register.simple_tag(takes_context=True)
def ajax_upload(
    context: Context,
    url: Any,
    *,
    form: bool = True,
    label: str = "Choose files",
    button: str = "Upload",
    field: str = "file",
    **attributes: Any,
) -> SafeString:
    """`<ajax-upload>` for the view at `url`: a URL, a name from the URLconf, or an object with get_absolute_url.

    It stands in a form of its own with the CSRF token; with `form=False` it is for a form of yours, which must hold
    {% csrf_token %}. `multiple` is on unless it is switched off. Any other attribute of the element or of its input is
    written as it is called, with _ for -: `max_size="10 MB"`, `accept="image/*"`, `required=True`.
    """
    endpoint = resolve_url(url)
    given = {"multiple": True, "accept": _accepted(endpoint)} | attributes
    identity = str(given.pop("id", "") or f"ajax-upload-{secrets.token_hex(4)}")
    own = {name: given.pop(name) for name in _OF_INPUT if name in given}
    element = format_html(
        '<ajax-upload{}><label for="{}">{}</label> <input{}></ajax-upload>',
        flatatt(_element(endpoint) | {name.replace("_", "-"): value for name, value in given.items()}),
        identity,
        label,
        flatatt({"id": identity, "type": "file", "name": field} | own),
    )
    if not form:
        return element
    return format_html(
        '<form method="post" enctype="multipart/form-data" action="{}">{}{}'
        "<noscript><button>{}</button></noscript></form>",
        endpoint,
        _token_field(context),
        element,
        button,
    )


def _element(endpoint: str) -> dict[str, Any]:
    found = {"endpoint": endpoint}
    if settings.CSRF_HEADER_NAME != _USUAL_HEADER:
        found["csrf-header"] = HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME) or settings.CSRF_HEADER_NAME
    return found


def _token_field(context: Context) -> SafeString:
    """Before the file, where the view finds it; the widget reads it from here, so that HttpOnly cookies and tokens in
    the session work as well."""
    token = context.get("csrf_token")
    if not token or token == "NOTPROVIDED":  # noqa: S105 - what Django's context processor says when there is none
        return mark_safe("")
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', token)


def _accepted(endpoint: str) -> str | None:
    """The view's `allow`, for the input's chooser, so that it is written once."""
    try:
        uploader = uploader_of(resolve(endpoint).func)
    except Resolver404:
        return None
    return ",".join(uploader.endpoint.settings.allow) or None if uploader else None
