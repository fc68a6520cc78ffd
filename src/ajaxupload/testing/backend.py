"""`BackendContract`: what every backend promises, as tests.

What lives here: the promises of `AbstractUploadBackend`'s docstrings, one test each; those of the hooks' order are in
order.py. What must not: anything that only one store can do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..backends.base import AbstractUploadBackend
from ..engine.hooks import ability
from ..errors import NotFound
from ..naming import safe_name
from .driving import Crash, Sweep, begin, cut, descriptors_fall_to, elsewhere, finish, noise, open_descriptors, send
from .order import OrderContract

__all__ = ["BackendContract"]


class BackendContract(OrderContract):
    """Subclass it, say how yours is made and looked at, and run it with pytest.

    `make_backend` is a must; `read`, `stored` and `leftovers` should look at the store from outside, not through the
    backend. `startup` has been called on none of what it returns: call it in your own set-up, where it belongs. Where
    what is stored is not what was sent (images are re-encoded), override `content` and `same`; where equal names may
    meet (COLLISION "replace"), test that by yourself.
    """

    #: What the hooks get as the web framework's request.
    request: Any = None
    #: Uploads of one name at the same time.
    threads = 50
    #: As clients call them; stored as `naming.safe_name` makes them.
    odd_names = (
        "a file.txt", "ünïcödé.txt", "e\u0301 decomposed.txt", "日本語.txt", "😀.png", "100%.txt", "a#b?c&d+e=f;g.txt",
        "it's \"quoted\".txt", "no extension", "two.dots.tar.gz", "-dash", ".hidden", "C:\\windows\\name.txt",
        "new\nline.txt", "é" * 300 + ".txt", "x" * 300, "trailing dot.", "%2e%2e%2fescape", "con.txt", "",
    )  # fmt: skip

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        """A fresh instance, with these options beside its own."""
        raise NotImplementedError

    def read(self, result: Mapping[str, Any]) -> bytes:
        """What is stored, by the reply of `upload_complete` (`filename` is always in it)."""
        backend = self.make_backend()
        assert backend.open is not None, "override read(): this backend has no open()"
        with backend.open(result["filename"]) as file:
            return file.read()

    def stored(self) -> Collection[str]:
        """The names of all that is visible."""
        raise NotImplementedError

    def leftovers(self) -> Collection[str]:
        """The names of all that is in the store and not visible, such as unfinished uploads of whatever process."""
        raise NotImplementedError

    def content(self, size: int, seed: int = 0) -> bytes:
        """What to upload: about `size` bytes, differing by `seed`."""
        return noise(size, seed)

    def same(self, stored: bytes, sent: bytes) -> bool:
        """Is that what must have been stored for this?"""
        return stored == sent

    def upload(
        self, name: str, content: bytes, *, sizes: tuple[int, ...] = (1000,), wait: bool = False
    ) -> dict[str, Any]:
        """A whole upload, as the engine does it."""
        backend = self.make_backend()
        filename = begin(backend, name, len(content), self.request)
        send(backend, cut(content, sizes))
        if wait:
            backend.upload_waits(filename)
        return finish(backend, filename, self.request)

    def holds(self, result: Mapping[str, Any], content: bytes) -> bool:
        """Is `content` stored under the name in `result`, visibly?"""
        return result["filename"] in self.stored() and self.same(self.read(result), content)

    # ---- bytes

    def test_a_file_is_invisible_until_it_is_complete(self) -> None:
        backend, content, before = self.make_backend(), self.content(3000), sorted(self.stored())
        filename = begin(backend, "a.bin", len(content), self.request)
        assert sorted(self.stored()) == before, "visible after setup"
        for block in cut(content, [1000]):
            send(backend, [block])
            assert backend.BUFFER_SIZE or sorted(self.stored()) == before, "visible after a chunk"
        backend.upload_waits(filename)
        assert sorted(self.stored()) == before, "visible while it waits"
        result = finish(backend, filename, self.request)
        assert self.holds(result, content)
        assert len(self.stored()) == len(before) + 1
        assert not self.leftovers()

    def test_an_empty_file_is_a_file(self) -> None:
        content = self.content(0)
        assert self.holds(self.upload("empty.bin", content), content)

    def test_a_file_of_unknown_size_is_stored_whole(self) -> None:
        backend, content = self.make_backend(), self.content(5000)
        filename = begin(backend, "unknown.bin", None, self.request)
        send(backend, cut(content, [4096]))
        assert self.holds(finish(backend, filename, self.request), content)

    def test_the_sizes_of_chunks_do_not_matter(self) -> None:
        content = self.content(20_011)
        for number, sizes in enumerate(((1,), (7, 1, 4099), (20_011,), (65_536,), (1, 20_010), (4096, 1, 3, 511))):
            assert self.holds(self.upload(f"cut-{number}.bin", content, sizes=sizes), content), sizes

    def test_a_megabyte_in_large_and_small_chunks_is_stored_whole(self) -> None:
        content = self.content((1 << 20) + 1, seed=1)
        assert self.holds(self.upload("large.bin", content, sizes=(262_144, 1)), content)

    # ---- names

    def test_odd_names_are_stored_and_found(self) -> None:
        for number, name in enumerate(self.odd_names):
            content = self.content(100 + number, seed=number)
            assert self.holds(self.upload(safe_name(name), content), content), ascii(name)

    def test_names_in_folders_are_stored_and_found(self) -> None:
        for number, name in enumerate(("one/two.bin", "one/two/three.bin", "one/zwölf/drei vier.bin")):
            content = self.content(200 + number)
            assert self.holds(self.upload(name, content), content), name

    def test_the_same_name_twice_keeps_both(self) -> None:
        first, second = self.content(1000, seed=1), self.content(1000, seed=2)
        results = self.upload("twice.bin", first), self.upload("twice.bin", second)
        assert results[0]["filename"] != results[1]["filename"]
        assert self.holds(results[0], first)
        assert self.holds(results[1], second)

    def test_many_at_once_under_one_name_are_all_kept(self) -> None:
        results: dict[int, dict[str, Any]] = {}
        start, before = threading.Barrier(self.threads), len(self.stored())

        def one(number: int) -> None:
            start.wait(60)
            results[number] = self.upload("race.bin", self.content(2000 + number, number), wait=number % 2 == 0)

        workers = [threading.Thread(target=one, args=(number,)) for number in range(self.threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert len(results) == self.threads, "an upload failed: see the log"
        assert len({result["filename"] for result in results.values()}) == self.threads
        assert all(self.holds(result, self.content(2000 + number, number)) for number, result in results.items())
        assert len(self.stored()) == before + self.threads
        assert not self.leftovers()

    # ---- leaving nothing

    def test_abort_after_any_hook_leaves_nothing(self) -> None:
        kept = self.upload("name.bin", self.content(500))
        before, content = sorted(self.stored()), self.content(3000, seed=3)
        for last in ("setup", "upload_chunk", "upload_waits", "upload_complete"):
            backend = self.make_backend()
            filename = begin(backend, "name.bin", len(content), self.request)
            if last != "setup":
                send(backend, cut(content, [999]))
            if last == "upload_waits":
                backend.upload_waits(filename)
            if last == "upload_complete":
                finish(backend, filename, self.request)
            for time in ("first", "second"):
                backend.upload_aborted(filename)
                assert sorted(self.stored()) == before, f"{last}, {time} abort"
                assert not self.leftovers(), f"{last}, {time} abort"
        assert self.holds(kept, self.content(500))

    def test_abort_of_one_that_never_began_is_harmless(self) -> None:
        kept, before = self.upload("begun.bin", self.content(500)), sorted(self.stored())
        self.make_backend().upload_aborted(kept["filename"])
        assert sorted(self.stored()) == before

    def test_no_descriptor_is_left_open(self) -> None:
        self.upload("first.bin", self.content(10), wait=True)  # what is opened once for all is open now
        before = open_descriptors()
        for number in range(20):
            self.upload("again.bin", self.content(1000, number), wait=number % 3 == 0)
            backend = self.make_backend()
            filename = begin(backend, "again.bin", None, self.request)
            send(backend, [self.content(1000)])
            backend.upload_aborted(filename)
        assert descriptors_fall_to(before)

    def test_waiting_uploads_hold_no_descriptors_and_complete_in_any_order(self) -> None:
        self.upload("first.bin", self.content(10), wait=True)
        before, waiting = open_descriptors(), []
        for number in range(30):
            backend = self.make_backend()
            filename = begin(backend, "waits.bin", None, self.request)
            send(backend, [self.content(1000, number)])
            backend.upload_waits(filename)
            waiting.append((number, backend, filename))
        assert descriptors_fall_to(before + 3)
        for number, backend, filename in reversed(waiting):
            assert self.holds(finish(backend, filename, self.request), self.content(1000, number))
        assert not self.leftovers()

    def test_what_a_killed_process_left_is_cleared_and_the_living_are_spared(self) -> None:
        before, content = len(self.stored()), self.content(5000, seed=5)
        living = self.make_backend(), self.make_backend()
        names = [begin(backend, "living.bin", None, self.request) for backend in living]
        for backend in living:
            send(backend, [content[:2500]])
        send(living[1], [content[2500:]])
        living[1].upload_waits(names[1])
        for last in ("setup", "upload_chunk", "upload_waits"):
            assert elsewhere(Crash(self.make_backend(), last), "killed.bin", content) == -9, last
        self.make_backend().startup()
        assert elsewhere(Sweep(self.make_backend())) == 0, "another process could not clear up"
        self.make_backend().clean()
        send(living[0], [content[2500:]])
        for backend, name in zip(living, names, strict=True):
            assert self.holds(finish(backend, name, self.request), content)
        assert len(self.stored()) == before + 2
        assert not self.leftovers()

    # ---- options and abilities

    def test_an_unknown_option_is_told_with_the_nearest(self) -> None:
        error = self.raised(TypeError, lambda: type(self.make_backend())(bufer_size=1))
        assert "buffer_size" in str(error), error

    def test_startup_and_clean_may_come_again(self) -> None:
        kept = self.upload("kept.bin", self.content(500))
        for _ in range(2):
            self.make_backend().startup()
            assert self.make_backend().clean(older_than=0) == 0
        assert self.holds(kept, self.content(500))

    def test_reread_if_offered_reads_what_came_before_it_is_visible(self) -> None:
        backend, content = self.make_backend(), self.content(4000)
        reread = ability(backend, "reread")
        if reread is None:
            return
        name = begin(backend, "reread.bin")
        send(backend, cut(content, (1000,)))
        for _ in range(2):
            with reread() as file:
                assert file.read() == content
        assert self.holds(finish(backend, name), content)

    def test_open_if_offered_reads_what_is_stored_and_nothing_else(self) -> None:
        backend, content = self.make_backend(), self.content(4000)
        if backend.open is None:
            return
        with backend.open(self.upload("folder/open.bin", content)["filename"]) as file:
            assert self.same(file.read(), content)
        for name in (
            "missing.bin",
            "folder",
            "missing/open.bin",
            "../open.bin",
            "/etc/passwd",
            "folder/../x",
            "a\0b",
            "",
        ):
            self.raised(NotFound, backend.open, name)

    def test_delete_if_offered_removes_one_and_no_other(self) -> None:
        backend = self.make_backend()
        if backend.delete is None:
            return
        content = self.content(20)
        kept, gone = self.upload("delete.bin", content), self.upload("delete.bin", self.content(10))
        backend.delete(gone["filename"])
        assert gone["filename"] not in self.stored()
        assert self.holds(kept, content)
        for name in (gone["filename"], "missing.bin", "../delete.bin", "a\0b", ""):
            self.raised(NotFound, backend.delete, name)

    def test_url_if_offered_is_text_or_nothing(self) -> None:
        backend = self.make_backend()
        if backend.url is not None:
            url = backend.url(self.upload("a url & 100%.bin", self.content(10))["filename"])
            assert url is None or not set(url) & set(' "<>\\^`{|}'), "percent-encode it (RFC 3986 section 2)"

    def test_store_name_if_offered_is_the_same_for_every_instance(self) -> None:
        names = [each.store_name() for each in (self.make_backend(), self.make_backend()) if each.store_name]
        assert names[:1] == names[1:]

    def raised(self, kind: type[Exception], function: Callable[..., object], *args: object) -> Exception:
        """The error that `function(*args)` must raise, whatever else would be easier."""
        try:
            found = function(*args)
        except kind as error:
            return error
        raise AssertionError(f"{function.__name__}{args!a} gave {found!r} instead of {kind.__name__}")
