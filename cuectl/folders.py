"""Files of the user: settings and caches, which nobody else can read."""

import os
import sys
from pathlib import Path

from cuectl import PROGRAM


def config_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData/Roaming") / PROGRAM
    if sys.platform == "darwin" and "XDG_CONFIG_HOME" not in os.environ:
        return Path.home() / "Library/Application Support" / PROGRAM
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / PROGRAM


def cache_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / PROGRAM
    if sys.platform == "darwin" and "XDG_CACHE_HOME" not in os.environ:
        return Path.home() / "Library/Caches" / PROGRAM
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / PROGRAM


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 600, as a whole or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_if_there(path: Path) -> bytes:
    """The content of a file; nothing without it."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
