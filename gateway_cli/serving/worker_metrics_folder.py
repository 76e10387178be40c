"""The folder in which the workers of one gateway show each other their numbers."""

import os
import shutil
import tempfile
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

MEMORY = "/dev/shm"  # noqa: S108 - a directory of our own is made in it
"""Where files are in memory, on Linux."""
NAME = "cuebot-gateway-"
LEFT = 600.0
"""Seconds after which a folder that nobody has written to is nobody's. Workers do every second."""


def worker_metrics_folder() -> AbstractContextManager[str]:
    """A folder for the files of workers, which nobody else can read.

    Folders that others have left behind, since all of their processes were killed, are removed.
    """
    place = MEMORY if os.access(MEMORY, os.W_OK) else tempfile.gettempdir()
    for folder in Path(place).glob(f"{NAME}[0-9]*-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > LEFT:
                shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{NAME}{os.getpid()}-", dir=place)
