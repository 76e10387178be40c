"""Files of the user: settings and caches, which nobody else can read."""

import os
import sys
from pathlib import Path

from cuectl import PROGRAM


def config_folder() -> Path:
    return folder("XDG_CONFIG_HOME", ".config", "Library/Application Support", "Roaming")


def cache_folder() -> Path:
    return folder("XDG_CACHE_HOME", ".cache", "Library/Caches", "Local")


def folder(variable: str, usual: str, of_macos: str, of_windows: str) -> Path:
    if sys.platform == "win32":
        name = {"Roaming": "APPDATA", "Local": "LOCALAPPDATA"}[of_windows]
        return Path(os.environ.get(name) or Path.home() / "AppData" / of_windows) / PROGRAM
    if sys.platform == "darwin" and variable not in os.environ:
        return Path.home() / of_macos / PROGRAM
    return Path(os.environ.get(variable) or Path.home() / usual) / PROGRAM


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
