"""Compatibility profiles of which something is wrong."""

from pathlib import Path

import pytest

from gateway.core.errors import ConfigurationError
from gateway.features.catalog import load_profile

NO_METHOD = "is not a method such as job.JobInterface/GetJobs"
NO_PATH = "is not a path of fields such as show.name"


def problem_of(folder: Path, text: str | bytes) -> str:
    """What is said about a profile with this text, after the name of its file."""
    path = folder / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as raised:
        load_profile(str(path))
    (line,) = raised.value.problems
    assert "\n" not in line
    start = f"COMPAT_PROFILE: {path}: "
    assert line.startswith(start)
    return line.removeprefix(start)
