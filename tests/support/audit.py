"""Reading an audit log in tests."""

import json
from pathlib import Path
from typing import Any

KILL = "/job.JobInterface/Kill"


def lines_of(log: Path) -> list[dict[str, Any]]:
    text = log.read_text(encoding="utf-8")
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.splitlines() if line]


def outcomes(log: Path) -> list[dict[str, Any]]:
    return [line for line in lines_of(log) if line["phase"] == "outcome"]


def killing(number: int | str) -> dict[str, object]:
    """The JSON of a request to KILL that tells it from others."""
    return {"job": {"id": f"job-{number}"}, "username": "lena"}
