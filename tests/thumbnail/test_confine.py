"""What the decoder's process may still do: nothing but decode."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import PIL
import pytest

from ajaxupload.backends.thumbnail import imaging
from ajaxupload.backends.thumbnail.child import Child, Limits
from ajaxupload.backends.thumbnail.imaging import confine as module

pytestmark = pytest.mark.slow

IMAGING = Path(imaging.__file__).parent
PROGRAM = """
import ctypes, mmap, os, resource, signal, socket, subprocess, sys, threading, time
from importlib.util import module_from_spec, spec_from_file_location
sys.modules["imaging"] = module_from_spec(
    spec_from_file_location("imaging", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]]))
from imaging.confine import confine
parent, pipe = os.getppid(), os.pipe()
thread = threading.Thread(target=time.time)
assert confine(threads=THREADS)
try:
    ACTION
except OSError as error:
    os.write(1, b"EPERM" if error.errno == 1 else str(error).encode())
except RuntimeError as error:
    os.write(1, str(error).encode())
else:
    os.write(1, b"done")
"""

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="no system call filter here"
)


def attempt(action: str, *, threads: bool = False) -> str:
    """What becomes of it in a process that is confined; a signal as a number below zero."""
    program = PROGRAM.replace("ACTION", action).replace("THREADS", str(threads))
    done = subprocess.run([sys.executable, "-c", program, str(IMAGING)], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else str(done.returncode)


@linux
@pytest.mark.parametrize(
    "action",
    [
        "open('/etc/passwd')",
        "open('/tmp/x', 'w')",
        "os.listdir('/')",
        "os.mkdir('/tmp/x')",
        "os.unlink('/tmp/x')",
        "os.readlink('/proc/self/exe')",
        "socket.socket()",
        "socket.socketpair()",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['true'])",
        "os.kill(parent, 0)",
        "os.setpriority(os.PRIO_PROCESS, 0, 5)",
        "resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1))",
        "os.pipe()",
        "os.memfd_create('x')",
    ],
)
def test_it_may_not(action: str) -> None:
    assert attempt(action) == "EPERM"


@linux
@pytest.mark.parametrize(
    "action",
    [
        "bytearray(100 << 20)",
        "mmap.mmap(-1, 4096)",
        "os.write(pipe[1], b'x'); os.read(pipe[0], 1)",
        "time.sleep(0.01)",
        "os.urandom(8)",
        "resource.setrlimit(resource.RLIMIT_CPU, (5, resource.RLIM_INFINITY))",
    ],
)
def test_it_may(action: str) -> None:
    assert attempt(action) == "done"


@linux
def test_its_own_end_is_as_usual() -> None:
    assert attempt("os.abort()") == "-6"
    assert attempt("ctypes.string_at(0)") == "-11"


@linux
def test_threads_are_for_those_who_need_them() -> None:
    assert "can't start" in attempt("thread.start()")
    assert attempt("thread.start(); thread.join()", threads=True) == "done"
    assert attempt("os.fork()", threads=True) == "EPERM"


@linux
def test_a_child_is_confined() -> None:
    child = Child(Limits(200 << 20, 5, 5), ["PNG"])
    try:
        assert child.confined
        status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
        assert "Seccomp:\t2\n" in status
    finally:
        child.end()


def test_a_system_without_a_filter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not module.confine()


def test_each_call_has_a_number_of_its_own_on_both_machines() -> None:
    for column in (0, 1):
        numbers = [each[column] for each in module._ALLOWED.values() if each[column] is not None]
        assert len(numbers) == len(set(numbers))


def test_what_runs_in_the_child_imports_nothing_else_of_ours() -> None:
    """The law of the folder: it is loaded alone."""
    code = PROGRAM.partition("from imaging.confine")[0] + "sys.path.append(sys.argv[2])\nimport imaging.worker\n"
    code += "print(*(name for name in sys.modules if 'ajaxupload' in name))"
    command = [sys.executable, "-I", "-S", "-c", code, str(IMAGING), str(Path(PIL.__file__).parents[1])]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == ""
