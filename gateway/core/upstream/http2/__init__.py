"""gRPC's unary calls over HTTP/2, without a thread and with few objects per call.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md over RFC 9113. grpc.aio's CPU time
per call (100 µs and more, mostly between its own thread and the event loop) is several times that
of the rest of a small request.

Each file needs only those below it. From `core` down there is no I/O, no clock and no event loop:

    channel     one endpoint: from a host name to a connection, and again after a loss
    connection  a core on an event loop: transport, futures, batched writes
    timers      deadlines of calls, silence, pings
    core        the frames of a connection: bytes in, calls to sinks out
    answers     the frames of answers
    calls       waiting and active calls, and how they end
    streams     one call: received data, and data to send within the peer's windows
    settings    ours and the peer's
    headers     header blocks (HPACK), and the failures that they and resets mean
    wire        frames, their numbers, and the limit on those without progress
"""
