"""Settings, ours and the peer's (RFC 9113 section 6.5)."""

from dataclasses import dataclass, replace

from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.headers import HEADERS_MAX_BYTES
from gateway.core.upstream.http2.wire import ErrorCode, ProtocolError

FIRST_WINDOW_BYTES = 64 * 1024
"""Initial window of an answer."""
OUR_FRAME_MAX_BYTES = 64 * 1024
OUR_SETTINGS = {
    wire.HEADER_TABLE_SIZE: 0,
    wire.ENABLE_PUSH: 0,
    wire.INITIAL_WINDOW_SIZE: FIRST_WINDOW_BYTES,
    wire.MAX_FRAME_SIZE: OUR_FRAME_MAX_BYTES,
    wire.MAX_HEADER_LIST_SIZE: HEADERS_MAX_BYTES,
}

FIELDS = {
    wire.MAX_CONCURRENT_STREAMS: "max_concurrent_streams",
    wire.INITIAL_WINDOW_SIZE: "initial_window_size",
    wire.MAX_FRAME_SIZE: "max_frame_size",
    wire.MAX_HEADER_LIST_SIZE: "max_header_list_size",
}


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """What limits our requests; the peer's SETTINGS change the initial values."""

    max_concurrent_streams: int = wire.MAX_STREAM
    initial_window_size: int = wire.DEFAULT_WINDOW
    max_frame_size: int = wire.DEFAULT_FRAME_SIZE
    max_header_list_size: int = wire.MAX_WINDOW
    """Bytes of a call's headers, with a surcharge for each field. At first there is no limit."""

    def changed_by(self, payload: bytes) -> "PeerSettings":
        """The settings after a SETTINGS frame. Raises ProtocolError for invalid values."""
        if len(payload) % wire.SETTING.size:
            raise ProtocolError("settings of a wrong size", ErrorCode.FRAME_SIZE_ERROR)
        given = dict(wire.SETTING.iter_unpack(payload))
        changed = {field: given[number] for number, field in FIELDS.items() if number in given}
        settings = replace(self, **changed)
        if not wire.DEFAULT_FRAME_SIZE <= settings.max_frame_size <= wire.LARGEST_FRAME_SIZE:
            raise ProtocolError("a frame size that is not allowed")
        if settings.initial_window_size > wire.MAX_WINDOW:
            raise ProtocolError("a window that is too large", ErrorCode.FLOW_CONTROL_ERROR)
        return settings
