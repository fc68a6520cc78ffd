"""The roots: what is wrong with a configuration, and what is wrong with one request.

What lives here: the classes that all others derive from. What must not: a particular fault.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["AjaxUploadError", "ConfigError", "MissingExtra", "UploadError"]


class AjaxUploadError(Exception):
    """Root of the tree: `except AjaxUploadError` catches all that this package raises on purpose."""


class ConfigError(AjaxUploadError):
    """The settings are wrong. `problems` lists every fault found, so that one start shows them all."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        if len(self.problems) == 1:
            text = self.problems[0]
        else:
            text = f"{len(self.problems)} problems in the configuration:\n  - " + "\n  - ".join(self.problems)
        super().__init__(text)


class MissingExtra(ConfigError):
    """A configured part needs a package that is not installed; the text is the command that mends it."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs {package}: pip install 'ajaxupload[{extra}]'")


class UploadError(AjaxUploadError):
    """One request cannot be served.

    `message` is shown to the person who uploads: it says what to do and never where we live (no paths, no
    traceback). `code` is for programs and stays the same over releases. `permanent` tells clients that the same
    request will fail again, so that they do not retry by themselves. `file` is what the client called the file that
    was refused, None where it was the request as a whole.
    """

    status = 400
    code = "bad_request"
    permanent = True
    default = "The request could not be understood."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        self.message = message or self.default
        self.code = code or type(self).code
        self.headers: dict[str, str] = {}
        self.file: str | None = None
        super().__init__(self.message)
