"""The details of a failed call: `google.rpc.Status` from the trailers, as JSON.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (grpc-status-details-bin). The
usual detail types (google.rpc.ErrorInfo, BadRequest, …) are known; of any other the type
and the bytes are sent, so that nothing is lost.
"""

import orjson
from google.protobuf import any_pb2, descriptor_pool
from google.rpc import error_details_pb2 as error_details_pb2  # fills the default pool
from google.rpc import status_pb2

from gateway.codec.encode import UNREADABLE, Encoders

TRAILER = "grpc-status-details-bin"

DETAIL_TYPES = Encoders(descriptor_pool.Default())
"""The default pool is right here: the detail types come from their package, not from Cuebot."""


def details_to_json(serialized: bytes) -> list[object]:
    """The details in a serialized Status, as JSON; none when they cannot be read as that."""
    try:
        status = status_pb2.Status.FromString(serialized)
        to_json = DETAIL_TYPES.to_json(any_pb2.Any.DESCRIPTOR)
        details = [to_json(detail) for detail in status.details]
        orjson.dumps(details)  # details that JSON cannot hold must not break the error itself
        return details
    except UNREADABLE:
        return []
