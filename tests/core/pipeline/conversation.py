"""What a Cuebot has heard from a gateway, and what the gateway's client is told."""

from typing import Any

import httpx

from tests.support.opencue import message_class
from tests.support.servers import ScriptedCuebot


def filled(name: str, /, **content: Any) -> bytes:
    """The bytes of an OpenCue message."""
    payload: bytes = message_class(name)(**content).SerializeToString()
    return payload


def heard(cuebot: ScriptedCuebot) -> list[str]:
    """The paths that Cuebot was called at."""
    return [path for path, _, _ in cuebot.seen]


def request(cuebot: ScriptedCuebot, path: str, name: str) -> Any:
    """The one request that came to a method, as this message."""
    (sent,) = [payload for called, payload, _ in cuebot.seen if called == path]
    return message_class(name).FromString(sent)


def last(cuebot: ScriptedCuebot, name: str) -> Any:
    """The last request that came, as this message."""
    return message_class(name).FromString(cuebot.seen[-1][1])


def problem(answer: httpx.Response, status: int, name: str) -> str:
    """The message of an error."""
    assert (answer.status_code, answer.json()["error"]) == (status, name), answer.text
    message: str = answer.json()["message"]
    return message
