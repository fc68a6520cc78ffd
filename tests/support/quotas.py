"""A site with a quota, for the tests of quotas: one endpoint, asked in process, and what its books say.

What lives here: helpers that more than one of them uses. What must not: tests.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.upload import Upload

__all__ = ["TEN", "Site", "refused"]

TEN = 10 << 10  # the quota of most tests here


class Site:
    """One endpoint into `root`/in, where `who` uploads."""

    def __init__(self, root: Path, quota: Any = TEN, **settings: Any) -> None:
        self.root = root
        self.who: str | None = "ann"
        self.endpoint = upload_endpoint(
            "local",
            **{"upload_dir": str(root / "in"), "quota": quota, "durable": False, **settings},
            authorize=lambda *_: self.who,
        )

    def ask(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked: Any = Request.blank(url, method=method, body=body, headers=named)
        return asked.get_response(self.endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here

    def put(self, size: int, name: str = "a.bin", **headers: str) -> Response:
        return self.ask("PUT", f"/{name}", bytes(size), **headers)

    def form(self, *sizes: int, **headers: str) -> Response:
        """So many files of unknown size."""
        lines = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="%d.bin"\r\n\r\n%s\r\n' % (number, bytes(size))
            for number, size in enumerate(sizes)
        )
        return self.ask("POST", "/", lines + b"--x--\r\n", Content_Type="multipart/form-data; boundary=x", **headers)

    def tus(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        if method == "PATCH":
            headers["Content_Type"] = "application/offset+octet-stream"
        return self.ask(method, url, body, Tus_Resumable="1.0.0", **headers)

    def create(self, size: int | None, **headers: Any) -> Response:
        length: dict[str, Any] = {"Upload_Defer_Length": "1"} if size is None else {"Upload_Length": str(size)}
        name = base64.b64encode(b"t.bin").decode()
        return self.tus("POST", "/", Upload_Metadata=f"filename {name}", **length, **headers)

    def stored(self) -> int:
        return sum(path.stat().st_size for path in (self.root / "in").iterdir())

    def standing(self, who: str | None = "ann") -> tuple[int, int]:
        quota = self.endpoint.engine.quota
        return quota.accounts.standing(quota.claim(Upload(principal=who)).account)


def refused(answer: Response, *words: str) -> None:
    assert answer.status_code == 413
    assert answer.json["code"] == "quota_exceeded"
    assert answer.json["preventRetry"] is True
    for word in words:
        assert word in answer.json["error"]
