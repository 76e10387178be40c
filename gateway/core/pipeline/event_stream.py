"""Event streams (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

EVENT_STREAM = "text/event-stream"
STREAM_HEADERS = ((b"content-type", EVENT_STREAM.encode()), (b"x-accel-buffering", b"no"))
"""nginx buffers answers unless they say this."""
RETRY = b"retry: 2000\n\n"
"""When a client comes back, in ms."""
COMMENT = b":\n\n"
