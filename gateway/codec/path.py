"""Places in a JSON body, and the error that names one.

A path is a linked list of (parent, segment, depth), so that walking down costs one tuple and
the text is made only when something is wrong. The depth counts protobuf messages, not JSON.
"""

from gateway.errors import Code, GatewayError
from gateway.hints import SHOWN

Path = tuple["Path | None", str | int | None, int]

ROOT: Path = (None, None, 0)
MAX_DEPTH = 100
"""How deep messages may be nested; protobuf's own limit, which it keeps only when reading."""


def child(path: Path, segment: str | int | None, levels: int = 0) -> Path:
    """The path of a member (or list item) of the value at `path`, so many messages deeper.

    Raises GatewayError when that is deeper than protobuf allows.
    """
    depth = path[2] + levels
    if depth >= MAX_DEPTH:
        raise mismatch_at(path, f"nested more than {MAX_DEPTH} levels deep")
    return (path, segment, depth)


def text(path: Path) -> str:
    """`r.shows[2]`, and an empty string for the body itself."""
    segments: list[str] = []
    at: Path | None = path
    while at is not None:
        segment = at[1]
        if isinstance(segment, int):
            segments.append(f"[{segment}]")
        elif segment is not None:
            segments.append(f".{segment[:SHOWN]}")
        at = at[0]
    return "".join(reversed(segments)).removeprefix(".")


def mismatch_at(path: Path, problem: str) -> GatewayError:
    """The 400 that names the place and the problem: `r.shows[2]: expected a string, …`."""
    return GatewayError(Code.INVALID_ARGUMENT, f"{text(path) or 'the body'}: {problem}")
