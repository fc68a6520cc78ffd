"""What a person with a browser does, without the browser: cookies kept, forms sent, links followed.

What lives here: one visitor over plain http.client. What must not: any application.
"""

from __future__ import annotations

import http.client
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.wire.client import FORM, PATIENCE, Answer, form

__all__ = ["Visitor"]

#: What browsers say of themselves when a form is sent.
_NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}


class Visitor:
    """One browser profile on one site of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies = SimpleCookie()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """One request with the cookies so far; `headers` are named with underscores for hyphens."""
        cookie = "; ".join(f"{name}={each.value}" for name, each in self.cookies.items())
        given = {name.replace("_", "-"): value for name, value in headers.items()} | (
            {"Cookie": cookie} if cookie else {}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body or None, given)
            response = connection.getresponse()
            content, lines = response.read(), response.getheaders()
        finally:
            connection.close()
        for name, value in lines:
            if name.lower() == "set-cookie":
                self.cookies.load(value)
        return Answer(response.status, lines, content, {name.lower(): value for name, value in lines})

    def fill_in(self, path: str, **fields: str) -> Answer:
        """Send a form without files."""
        body = urlencode(fields).encode()
        return self.ask("POST", path, body, **_NAVIGATION, Content_Type="application/x-www-form-urlencoded")

    def send_files(self, path: str, *parts: tuple[str, str | None, bytes]) -> Answer:
        """Send a form with files as a browser without JavaScript does."""
        return self.ask("POST", path, form(*parts), **_NAVIGATION, Content_Type=FORM.partition(": ")[2])
