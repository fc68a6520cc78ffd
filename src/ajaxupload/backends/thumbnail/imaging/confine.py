"""What the kernel still does for a process that decodes files from outside: next to nothing.

What lives here: a system call filter (seccomp(2)) for Linux on x86-64 and arm64, in the kernel's own tiny language.
What must not: limits of time and memory (worker.py), which hold on every POSIX system.

From `confine` on the process can read and write the descriptors that it has or is handed, and take memory. It can open
no file, make no socket, start no program, and send no signal to others: a decoder that a crafted picture took over has
nothing to take from here. What is refused fails with EPERM, as it does for anybody without rights.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence

__all__ = ["confine"]

#: System call -> its number on x86-64 and on arm64 (asm/unistd_64.h, asm-generic/unistd.h). What memory, pipes, clocks
#: and the end of a process take, and nothing that names a file, an address or another process.
_ALLOWED = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "poll": (7, None), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "pwrite64": (18, 68),
    "readv": (19, 65), "writev": (20, 66), "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233),
    "select": (23, None), "pselect6": (270, 72),
    "nanosleep": (35, 101), "getpid": (39, 172), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "exit": (60, 93), "fcntl": (72, 25), "ftruncate": (77, 46), "gettimeofday": (96, 169),
    "getrusage": (98, 165), "sysinfo": (99, 179), "sigaltstack": (131, 132), "gettid": (186, 178),
    "futex": (202, 98), "sched_getaffinity": (204, 123), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115),
    "exit_group": (231, 94), "newfstatat": (262, 79), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "getrandom": (318, 278), "rseq": (334, 293), "restart_syscall": (219, 128), "membarrier": (324, 283),
}  # fmt: skip
#: Allowed where the first argument is this process: limits of one's own (0 is oneself), and `abort`.
_OWN_LIMITS, _OWN_SIGNAL = (302, 261), (234, 131)
#: A thread of this process, told from a process by a flag. The newer call has its flags in memory, where no filter can
#: look: it is said not to exist, and then the C library takes the older one.
_THREAD, _THREAD_FLAG, _NEWER = (56, 220), 0x10000, (435, 435)

#: machine -> its column above, and AUDIT_ARCH of linux/audit.h.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000  # the bit that marks calls of x86-64's other ABI, which would go around the numbers above

# linux/filter.h: load a word of `struct seccomp_data`, compare it, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE, _MISSING = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38  # SECCOMP_RET_ALLOW, _ERRNO: EPERM, ENOSYS
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2  # prctl(2)

Instruction = tuple[int, int, int, int]  # code, skip if true, skip if false, operand


def confine(*, threads: bool = False) -> bool:
    """Give up, for ever, what decoding does not need. False where the system has no such filter.

    `threads`: may there be more of them? libheif starts one even when it is told not to.
    """
    machine = _MACHINES.get(platform.machine())
    if not sys.platform.startswith("linux") or machine is None:
        return False
    code = b"".join(struct.pack("=HBBI", *each) for each in _program(*machine, os.getpid(), threads=threads))
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(program), 0, 0)


def _program(column: int, architecture: int, pid: int, *, threads: bool) -> Sequence[Instruction]:
    numbers = [found for each in _ALLOWED.values() if (found := each[column]) is not None]
    refuse: Instruction = (_RETURN, 0, 0, _REFUSE)
    return [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        refuse,
        (_LOAD, 0, 0, _NR),
        (_AT_LEAST, 0, 1, _X32),
        refuse,
        *_only_where(_OWN_LIMITS[column], _EQUAL, 0),
        *_only_where(_OWN_SIGNAL[column], _EQUAL, pid),
        *(_only_where(_THREAD[column], _HAS, _THREAD_FLAG) if threads else ()),
        (_EQUAL, 0, 1, _NEWER[column]),
        (_RETURN, 0, 0, _MISSING),
        *((_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]


def _only_where(number: int, test: int, first: int) -> list[Instruction]:
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (test, 0, 1, first),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
