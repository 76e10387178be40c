"""gRPC's unary calls over HTTP/2, without a thread and with few objects per call.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md over RFC 9113. What grpc.aio spends
on a call (100 µs of CPU and more, most of it between its own thread and the event loop) is several
times what all the rest of a small request takes.
"""
