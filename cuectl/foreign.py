"""Words of other programs, and the lines to type instead: nothing is done for them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cuectl import PROGRAM
from gateway_client.suggestions import did_you_mean

LINES: Mapping[str, str] = MappingProxyType(
    {
        "ls": "cuectl jobs",
        "get": "cuectl jobs (or hosts, shows, procs: each list is a verb)",
        "describe": "cuectl job JOB",
        "status": "cuectl job JOB",
        "history": "cuectl jobs --finished",
        "users": "cuectl jobs --count-by user",
        "tail": "cuectl logs JOB FRAME",
        "watch": "cuectl jobs --watch, or cuectl follow JOB",
        "wait": "cuectl follow JOB",
        "submit": "cuectl launch FILE",
        "stop": "cuectl pause JOB (running frames go on), or cuectl kill JOB",
        "hold": "cuectl pause JOB",
        "unpause": "cuectl resume JOB",
        "cancel": "cuectl kill JOB",
        "delete": "cuectl kill JOB",
        "rerun": "cuectl retry JOB",
        "set": "cuectl priority JOB 200 (or max-cores, min-memory: see cuectl --help)",
        "cordon": "cuectl lock HOST",
        "uncordon": "cuectl unlock HOST",
        "ps": "cuectl procs",
    }
)


def unknown(word: str, names: Sequence[str]) -> str:
    """What to say of a word that is no verb: the line to type, or the nearest verb."""
    problem = f"there is no verb {word!r}"
    if line := LINES.get(word.lower()):
        return f"{problem}; type: {line}"
    return f"{problem}{did_you_mean(word, names) or f'; {PROGRAM} --help lists them'}"
