"""What `serve` has the C library do with memory that is free."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")

HEAPS_OF_THREADS = """
import ctypes, os, tempfile
from threading import Barrier, Thread
from gateway_cli.serving.process import give_back_memory

give_back_memory()
barrier = Barrier(4)

def work():
    block = bytes(100_000)  # too large for Python's own allocator
    barrier.wait()

threads = [Thread(target=work) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(os.fsencode(file.name), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap "))
"""


def test_threads_have_no_heaps_of_their_own() -> None:
    """What a large job in one thread has needed is there for the others, too."""
    ran = subprocess.run(  # noqa: S603 - it is our own command
        [sys.executable, "-c", HEAPS_OF_THREADS], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) == 1
