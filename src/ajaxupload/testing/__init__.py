"""What a third party runs to prove its own backend.

    class TestMyBackend(BackendContract):
        def make_backend(self, **options): ...

What lives here: contract suites, shipped, so that ours and other people's classes answer to the same tests. What must
not: fixtures of our own tests, imports of pytest (any runner that finds `test_*` methods will do).
"""

from __future__ import annotations

from .backend import BackendContract

__all__ = ["BackendContract"]
