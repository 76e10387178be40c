"""SETTINGS: what each side tells the other of itself (RFC 9113 section 6.5)."""

from gateway.upstream.http2.calls import Calls
from gateway.upstream.http2.frames import (
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    LARGEST_WINDOW,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    SETTING,
    SETTINGS,
    Reason,
    broken,
    frame,
)
from gateway.upstream.http2.headers import LARGEST_HEADERS
from gateway.upstream.http2.sending import Sending

OUR_FRAME = 64 * 1024
"""The largest frame that we take."""


def our_settings(largest_message: int) -> bytes:
    """The frame that says what we take; a call's window has room for the largest answer."""
    settings = (
        (HEADER_TABLE_SIZE, 0),
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, min(largest_message + OUR_FRAME, LARGEST_WINDOW)),
        (MAX_FRAME_SIZE, OUR_FRAME),
        (MAX_HEADER_LIST_SIZE, LARGEST_HEADERS),
    )
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*each) for each in settings))


def keep_to(payload: bytes, calls: Calls, sending: Sending) -> None:
    """Keep to the other side's settings from now on.

    Raises BrokenConnection for those that the protocol does not allow.
    """
    if len(payload) % SETTING.size:
        broken("settings of a wrong size", Reason.FRAME_SIZE_ERROR)
    for name, value in SETTING.iter_unpack(payload):
        if name == MAX_CONCURRENT_STREAMS:
            calls.most = value
        elif name == MAX_HEADER_LIST_SIZE:
            calls.most_headers = value
        elif name == MAX_FRAME_SIZE:
            sending.set_frame_size(value)
        elif name == INITIAL_WINDOW_SIZE:
            sending.set_initial_window(value)
