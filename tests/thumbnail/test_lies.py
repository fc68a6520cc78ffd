"""A process that decodes may have been taken over by what it decoded, or not have come to life at all.

What lives here: real processes that lie, trickle, break off or do not start. What must not: honest ones (test_pool.py).
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.backends.thumbnail import child as child_module
from ajaxupload.backends.thumbnail.child import interpreter
from ajaxupload.errors import ConfigError, Unprocessable
from tests.thumbnail.pictures import jpeg, uploaded
from tests.thumbnail.pools import pool_of

LIAR = """
import json, socket, sys
words = json.loads(sys.argv[1])
channel = socket.socket(fileno=0)
def say(message):
    text = json.dumps(message).encode()
    channel.sendall(len(text).to_bytes(4, "big") + text)
say({"ready": True})
while True:
    data, fds, _, _ = socket.recv_fds(channel, 65536, 2)
    if not data:
        break
    number = json.loads(data[4:])["job"]
    answer = ANSWER
    if isinstance(answer, bytes):
        channel.sendall(answer)
        break
    say({"job": number, **answer})
"""
GOOD = {"name": "thumbnail", "format": "JPEG", "width": 1, "height": 1, "size": 1}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"job": 0},
        {"done": None},
        {"done": {"width": 1, "height": 1, "thumbnails": []}},
        {"done": {"width": 1, "height": 1, "thumbnails": [GOOD]}},
        {"done": {"width": 1, "height": 1, "thumbnails": [GOOD, GOOD]}},
        {"done": {"width": 1, "height": 1, "thumbnails": [{**GOOD, "name": "../x"}]}},
        {"done": {"width": 1, "height": 1, "thumbnails": [{**GOOD, "format": "HTML"}]}},
        {"done": {"width": 1, "height": 1, "thumbnails": [{**GOOD, "size": -1}]}},
        {"done": {"width": "<b>", "height": 1, "thumbnails": [{**GOOD, "size": 0}]}},
        {"refused": 5},
        {"refused": [["memory"], None, None]},
        {"refused": ["pixels", "", []]},
        {"refused": []},
        {"failed": "x"},
        {"failed": -1},
        {"refused": ["no such word", "x\n" * 500, {"pixels": "<script>"}]},
        b"\xff\xff\xff\xff and more",
        b"\0\0\xff\xff" + b"[" * 65535,
        b"\0\0\0\x02{]",
        b"\0\0\0\x01[",
        b"\0\0\0\x022]",
        b"\0\0",
        b"",
    ],
    ids=lambda answer: str(answer)[:60],
)
def test_the_word_of_a_process_that_was_taken_over_is_not_believed(
    own: dict[str, Any], answer: Any, monkeypatch: pytest.MonkeyPatch, shelf: dict[str, bytes]
) -> None:
    monkeypatch.setattr(child_module, "_BOOT", LIAR.replace("ANSWER", repr(answer)))
    with pytest.raises(Unprocessable) as caught:
        uploaded(jpeg(40, 30), **own)
    assert "damaged" in caught.value.message
    assert shelf == {}


def test_one_that_hangs_up_before_we_go_on_is_judged_like_any(
    own: dict[str, Any], monkeypatch: pytest.MonkeyPatch, shelf: dict[str, bytes]
) -> None:
    send = socket.send_fds

    def send_and_pause(*given: Any) -> int:
        sent = send(*given)
        time.sleep(0.3)
        return sent

    monkeypatch.setattr(socket, "send_fds", send_and_pause)
    monkeypatch.setattr(child_module, "_BOOT", LIAR.replace("ANSWER", repr(b"\0\0\0\x01[")))
    with pytest.raises(Unprocessable, match="damaged"):
        uploaded(jpeg(40, 30), **own)
    assert shelf == {}


def test_a_full_disk_is_not_the_pictures_fault(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_BOOT", LIAR.replace("ANSWER", "{'failed': 28}"))
    with pytest.raises(OSError, match="No space left"):
        uploaded(jpeg(40, 30), **own)


@pytest.mark.slow
def test_one_that_trickles_its_answer_is_not_waited_for(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is for the whole answer, not for each of its bytes."""
    slow = LIAR.replace(
        "    answer = ANSWER", "    import time\n    while True: channel.sendall(b'\\0'); time.sleep(0.2)"
    )
    monkeypatch.setattr(child_module, "_BOOT", slow)
    own["TIME_LIMIT"] = 0.5
    start = time.monotonic()
    with pytest.raises(Unprocessable):
        uploaded(jpeg(40, 30), **own)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("boot", ["raise SystemExit(3)", "import no_such_module_at_all", "print('hello')"])
def test_one_that_does_not_start_is_told_with_the_reason(
    own: dict[str, Any], boot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "_BOOT", boot)
    with pytest.raises(OSError, match="did not start: exit status"):
        uploaded(jpeg(40, 30), **own)
    assert pool_of(own).pids() == []
    monkeypatch.undo()
    uploaded(jpeg(40, 30), **own)


def test_an_import_that_fails_in_it_is_told(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_paths", lambda formats: ["/nowhere"])
    with pytest.raises(OSError, match="ModuleNotFoundError: No module named 'PIL'"):
        uploaded(jpeg(40, 30), **own)


def test_a_system_without_descriptors_in_messages_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("socket.send_fds")
    interpreter.cache_clear()
    with pytest.raises(ConfigError, match="set sandbox = false"):
        ThumbnailUploadBackend(STORE="memory").startup()
    ThumbnailUploadBackend(STORE="memory", SANDBOX=False).startup()


def test_inside_a_server_that_embeds_python_the_interpreter_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for embedded in ("/usr/sbin/uwsgi", "", None):
        monkeypatch.setattr(sys, "executable", embedded)
        interpreter.cache_clear()
        assert Path(interpreter()).name.startswith("python")
    monkeypatch.setattr(sys, "prefix", "/nowhere")
    monkeypatch.setattr(sys, "base_prefix", "/nowhere/else")
    interpreter.cache_clear()
    with pytest.raises(ConfigError, match="or set sandbox = false"):
        interpreter()
    interpreter.cache_clear()
