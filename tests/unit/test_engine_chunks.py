"""Chunks as a backend wants them: of one size, and bytes unless it takes lent buffers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.body import Block
from ajaxupload.engine.hooks import for_backend


@given(st.lists(st.binary(max_size=50)), st.integers(min_value=1, max_value=64))
def test_buffer_size_makes_every_chunk_exactly_that_long_but_the_last(blocks: list[bytes], size: int) -> None:
    parts: list[Block] = [*blocks]
    chunks = [bytes(chunk) for chunk in for_backend(parts, size, lent=True)]
    assert b"".join(chunks) == b"".join(blocks)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= size for chunk in chunks)


def test_a_backend_that_does_not_take_lent_buffers_gets_bytes() -> None:
    lent: list[Block] = [memoryview(b"ab"), bytearray(b"cd"), b"ef"]
    assert [type(chunk) for chunk in for_backend(lent, None, lent=False)] == [bytes, bytes, bytes]
    assert list(for_backend(lent, None, lent=True)) == lent
