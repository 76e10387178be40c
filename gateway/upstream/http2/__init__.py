"""gRPC's unary calls over HTTP/2, without a thread and with few objects per call.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md over RFC 9113. What grpc.aio spends
on a call (100 µs of CPU and more, most of it between its own thread and the event loop) is several
times what all the rest of a small request takes.

Each file needs only those below it. From `core` down there is no I/O, no clock and no event loop:

| `channel`    | one endpoint: connected when it is wanted, again when it is lost                  |
| `connect`    | from a host name to a connection                                                  |
| `connection` | a core on an event loop: transport, deadlines, pings, futures, one write for many |
| `core`       | what each frame means: bytes in, calls to sinks out                               |
| `calls`      | which calls wait and which are under way, and how they end; how much is too much  |
| `streams`    | one call: what has come, and what is to be sent within the peer's windows         |
| `outcome`    | the failures that HTTP/2 and gRPC's trailers stand for                            |
| `progress`   | frames that bring nothing, counted against what a connection brings               |
| `headers`    | header blocks (HPACK)                                                             |
| `wire`       | frames and their numbers                                                          |
"""
