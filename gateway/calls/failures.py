"""What a client is told when a call to Cuebot has failed."""

import re

from gateway.codec.error_details import details_to_json
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.upstream.interface import CallFailed, Reason

UNREACHABLE = (Reason.NOT_CONNECTED, Reason.LOST)

NO_METHOD = re.compile(r"Method not found: ([\w.]+/\w+)")
"""What grpc-java says of a method that no service of the server has."""


class NotServed(GatewayError):
    """The answer to a call of a method that this Cuebot does not have, unlike the descriptors.

    `path` is the method's.
    """

    def __init__(self, method: str) -> None:
        super().__init__(
            Code.UNIMPLEMENTED,
            f"Method not found: {method}; this Cuebot does not serve it, although the descriptors"
            " have it. To use its own: DESCRIPTOR_SOURCE=<your Cuebot's proto/src>",
        )
        self.path = f"/{method}"


def error_for(failed: CallFailed) -> GatewayError:
    """The answer to a request whose call has failed.

    Cuebot's own status passes as it is. What went wrong on the way says that it was the way.
    """
    code, message = failed.code, failed.details
    if code is Code.UNIMPLEMENTED and (absent := NO_METHOD.fullmatch(message)):
        return NotServed(absent[1])
    status: int | None = None
    if failed.reason is Reason.TOO_LARGE:
        status = 502
        message = (
            f"Cuebot's answer is larger than GRPC_MAX_RECV_MSG_MB ({message});"
            " ask for less, or raise that limit"
        )
    elif code is Code.UNAVAILABLE and failed.reason in UNREACHABLE:
        message = f"Cuebot cannot be reached: {message}"
    return GatewayError(
        code,
        message,
        status=status,
        details=details_to_json(failed.status_details) if failed.status_details else (),
        headers=RETRY_SOON if code is Code.UNAVAILABLE else None,
        cause="answer_memory" if failed.reason is Reason.NO_MEMORY else None,
    )
