"""Two replies to one request, and in what they differ."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from gateway.cli.compare.differences import Difference, Documented, differences
from gateway.errors import Code
from gateway.schema.method import Method

UNROUTED = "Not Found"
"""What grpc-gateway says of a path that it does not have; Cuebot says more."""
GO_ERROR = frozenset({"code", "message", "details"})
OWN_ERROR = frozenset({"error", "code", "message"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What a gateway replied to a request."""

    status: int | None
    """HTTP's; None if there was no reply."""
    body: bytes = b""
    problem: str = ""
    """Why there was none."""

    @property
    def object(self) -> dict[str, object] | None:
        """Its JSON, if that is an object."""
        try:
            value = orjson.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def text(self) -> str:
        """The code and message of an error, or the beginning of what is not JSON."""
        shape = self.object
        if shape is not None and isinstance(shape.get("message"), str):
            code = shape.get("code")
            name = Code(code).name if isinstance(code, int) and code in set(Code) else str(code)
            return f"{name}: {shape['message']}"
        return self.body[:200].decode(errors="replace").strip()

    @property
    def summary(self) -> str:
        """The status and, unless it is 200, the text."""
        return "200" if self.status == 200 else f"{self.status} {self.text}".strip()


def compare(
    method: Method, here: Reply, there: Reply, documented: Documented
) -> Iterable[Difference]:
    """The differences between two replies of a method."""
    if here.status is None or there.status is None:
        yield Difference(
            "no-answer", "", here.problem or here.status, there.problem or there.status
        )
    elif here.status != there.status:
        unserved = there.status == 404 and (there.object or {}).get("message") == UNROUTED
        kind = "unserved" if unserved else "status"
        yield Difference(kind, "", here.summary, there.summary, expected=unserved)
    elif here.object is None or there.object is None:
        if here.body != there.body:
            yield Difference("not-json", "", here.text, there.text)
    elif here.status == 200:
        yield from differences(method.descriptor.output_type, here.object, there.object, documented)
    else:
        yield from compare_errors(here.object, there.object)


def compare_errors(here: dict[str, object], there: dict[str, object]) -> Iterable[Difference]:
    """The differences between two errors of one HTTP status. Their two shapes are expected."""
    for key in ("code", "message"):
        if here.get(key) != there.get(key):
            yield Difference(key, key, here.get(key), there.get(key))
    ours, theirs = here.keys() - {"details"}, there.keys()
    if ours != theirs - {"details"}:
        expected = ours == OWN_ERROR and theirs == GO_ERROR
        yield Difference("error-shape", "", sorted(here), sorted(there), expected=expected)
    if (here.get("details") or []) != (there.get("details") or []):
        yield Difference("details", "details", here.get("details"), there.get("details"))
