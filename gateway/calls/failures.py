"""What a client is told when a call to Cuebot has failed."""

from gateway.codec.error_details import details_to_json
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.upstream.interface import CallFailed, Reason

UNREACHABLE = (Reason.NOT_CONNECTED, Reason.REFUSED, Reason.LOST)


def error_for(failed: CallFailed) -> GatewayError:
    """The answer to a request whose call has failed.

    Cuebot's own status passes as it is. What went wrong on the way says that it was the way.
    """
    code, message = failed.code, failed.details
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
    )
