"""Opening a file below a folder, wherever names, links and renames try to lead.

Linux has a call for this (openat2 with RESOLVE_BENEATH, since 5.6): links are followed as long as
they stay below. Without it, the path is walked name by name, and no link is followed at all.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Sequence

OPENAT2 = 437
"""The number of the system call, on all architectures."""
RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH = 0x02, 0x08
TRIES = 16
"""For a path in which something is being renamed."""
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""A FIFO, or a device, does not block whoever opens it so."""


class NoFolder(OSError):
    """The folder below which files are opened is not there, or may not be read."""


class OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_below(folder: str, names: Sequence[str]) -> int:
    """A descriptor of the file with these names below a folder. Blocks. Raises OSError: EXDEV and
    ELOOP for a link that is not followed; NoFolder.
    """
    try:
        top = os.open(folder, FOLDER)
    except OSError as error:
        raise NoFolder(error.errno, error.strerror) from None
    try:
        if KERNEL_RESOLVES:
            return open_beneath(top, "/".join(names))
        return open_name_by_name(top, names)
    finally:
        os.close(top)


def open_beneath(top: int, path: str) -> int:
    """By the kernel. Raises OSError."""
    how = OpenHow(FILE, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    name = ctypes.c_char_p(os.fsencode(path))
    code = 0
    for _ in range(TRIES):
        found = LIBC.syscall(OPENAT2, top, name, ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return int(found)
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code))


def open_name_by_name(top: int, names: Sequence[str]) -> int:
    """Without a link on the way. Raises OSError."""
    folder = os.dup(top)
    try:
        for name in names[:-1]:
            try:
                below = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except NotADirectoryError:
                if is_link(name, folder):
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
                raise
            os.close(folder)
            folder = below
        return os.open(names[-1], FILE | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def kernel_resolves() -> bool:
    """Whether the kernel has openat2, and lets this process call it."""
    top = os.open("/", FOLDER)
    try:
        os.close(open_beneath(top, "."))
    except OSError:
        return False
    finally:
        os.close(top)
    return True


LIBC = ctypes.CDLL(None, use_errno=True)
KERNEL_RESOLVES = kernel_resolves()
