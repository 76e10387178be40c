"""An error of Cuebot's with details."""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from tests.support.servers import Context

DETAILS = (
    error_details_pb2.ErrorInfo(reason="R", domain="d"),
    error_details_pb2.DebugInfo(detail="x" * 7),
)


def status_of(*messages: Any) -> bytes:
    status = status_pb2.Status(code=9, message="Cuebot's own")
    for each in messages:
        status.details.add().Pack(each)
    status.details.append(any_pb2.Any(type_url="type.googleapis.com/studio.Unknown", value=b"\xff"))
    payload: bytes = status.SerializeToString()
    return payload


DETAILED = status_of(*DETAILS)


async def detailed(request: bytes, context: Context) -> bytes:
    context.set_trailing_metadata((("grpc-status-details-bin", DETAILED),))
    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Cuebot's own")
    raise AssertionError
