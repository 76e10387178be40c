"""`X-Dry-Run`: what a call would send to Cuebot, for people who want to see that first."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import orjson

from gateway.calls.plan import Course
from gateway.codec.decode import Decoded
from gateway.errors import Code, GatewayError
from gateway.schema.method import Method

DRY_RUN = "X-Dry-Run"
"""The header of requests, and of the answers to them: nothing was called."""
KEY = DRY_RUN.lower().encode()
ON, OFF = (b"1", b"true"), (b"0", b"false")
REHEARSED = (KEY, b"1")
"""Tells the client, whatever else the answer is, that this gateway knows the header and that
nothing was called."""


def asks_dry_run(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request says `X-Dry-Run: 1` (or `true`); `0`, `false` and nothing say no.

    Raises GatewayError (INVALID_ARGUMENT) for anything else: who misspells it does not want the
    call to be made.
    """
    text = headers.get(KEY)
    if text is None:
        return False
    value = text.strip().lower()
    if value not in ON + OFF:
        raise GatewayError(Code.INVALID_ARGUMENT, "X-Dry-Run: expected 1 or 0; nothing was called")
    return value in ON


def preview(method: Method, ready: Decoded | Course) -> Iterable[bytes]:
    """JSON about the message that this call would send, in pieces.

    `{"dryRun": true, "method": gRPC path, "ignoredFields": […], "requestBytes": size on the wire,
    "request": the message}`. The message is read back from its bytes, defaults included: it says
    what Cuebot would understand, not what the client wrote. Calls that would be made before it or
    after it are in `before` and `after`, as far as their requests are known already.
    """
    about: dict[str, object] = {"dryRun": True, "method": method.path}
    if isinstance(ready, Course):
        about["before"] = [shown(step.method, payload) for step, payload in ready.look_ups]
        about["after"] = [
            *(shown(step.method, payload) for step, payload in ready.follow_ups),
            *({"method": reading.method.path} for reading in ready.readings),
        ]
    counted = {"ignoredFields": ready.ignored, "requestBytes": len(ready.payload)}
    head = orjson.dumps(about | counted)
    start, end = head[:-1] + b',"request":', b"}"
    message = method.encoders.encoder(method.descriptor.input_type)(ready.payload)
    if isinstance(message, Sequence):
        return (b"".join((start, *message, end)),)
    return chain((start,), message, (end,))


def shown(method: Method, payload: bytes) -> dict[str, object]:
    """One call of several, with its request."""
    request = method.encoders.encoder(method.descriptor.input_type)(payload)
    return {"method": method.path, "request": orjson.Fragment(b"".join(request))}
