"""The ways in which networks and S3 servers fail, as the proxy does them.

What lives here: one function for each. What must not: when they strike.

`python -m tests.s3.faults ENDPOINT SECONDS` runs a proxy in a process of its own, in which each answer waits so long,
and prints its port.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
import time

from tests.s3.proxy import Call, Fault, Proxy

__all__ = [
    "answer",
    "confirming",
    "error_in_success",
    "flipped",
    "lost",
    "reset",
    "slow",
    "stall",
    "throttled",
    "wrong_etag",
]


def answer(status: int, code: str) -> Fault:
    """The server refuses, after it took the body."""

    def fault(call: Call) -> bytes:
        for _ in call.body():
            pass
        return _error(status, code, call.method)

    return fault


def reset(after: int = 0) -> Fault:
    """The connection is reset when so many bytes of the body have come."""

    def fault(call: Call) -> None:
        seen = 0
        for block in call.body():
            seen += len(block)
            if seen >= after:
                break
        _reset(call.client)

    return fault


def stall(seconds: float) -> Fault:
    """The server takes the body and says nothing for so long, then hangs up."""

    def fault(call: Call) -> None:
        for _ in call.body():
            pass
        call.proxy.ended.wait(seconds)
        _reset(call.client)

    return fault


def lost(call: Call) -> None:
    """The server does it, and its answer gets lost."""
    call.forward()
    _reset(call.client)


def wrong_etag(call: Call) -> bytes:
    """The server received other bytes, as its ETag shows. (It did not: but who could tell?)"""
    head, body = call.forward()
    return re.sub(rb'(?i)(\r\netag: *"?)[0-9a-f]{8}', rb"\g<1>deadbeef", head) + body


def confirming(*, right: bool, then: Fault = lambda call: b"".join(call.forward())) -> Fault:
    """The server names the checksum that it found, as Amazon's does and none of ours; or another one."""

    def fault(call: Call) -> bytes:
        said = then(call) or b""
        told = re.search(rb"(?i)\r\nx-amz-checksum-\w+: *[^\r]{4}", call.head)
        line = told[0] if told and right else told[0][:-4] + b"AAAA" if told else b""
        rest = call.head[told.end() :].partition(b"\r\n")[0] if told else b""
        head, _, body = said.partition(b"\r\n\r\n")
        return head + line + rest + b"\r\n\r\n" + body

    return fault


def flipped(call: Call) -> bytes:
    """Other bytes arrive than were sent."""
    head, body = call.forward(lambda block: bytes(block).replace(b"\x00", b"\x01"))
    return head + body


def slow(seconds: float) -> Fault:
    """A far-away server: each answer takes so long."""

    def fault(call: Call) -> bytes:
        head, body = call.forward()
        time.sleep(seconds)
        return head + body

    return fault


def throttled(rate: int) -> Fault:
    """A thin line: so many bytes in a second."""

    def fault(call: Call) -> bytes:
        call.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)

        def taking_its_time(block: bytes) -> bytes:
            time.sleep(len(block) / rate)
            return bytes(block)

        return b"".join(call.forward(taking_its_time))

    return fault


def error_in_success(call: Call) -> bytes:
    """CompleteMultipartUpload's own way: status 200, and then it fails."""
    for _ in call.body():
        pass
    return _error(200, "InternalError", call.method)


def _error(status: int, code: str, method: str) -> bytes:
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
    )
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    return head if method == "HEAD" else head + text


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


if __name__ == "__main__":
    print(Proxy(sys.argv[1], slow(float(sys.argv[2]))).port, flush=True)
