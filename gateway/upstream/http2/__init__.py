"""gRPC's unary calls over HTTP/2, without a thread and with few objects per call.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md over RFC 9113. What grpc.aio spends
on a call (100 µs of CPU and more, most of it between its own thread and the event loop) is several
times what all the rest of a small request takes.

Each file needs only those below it:

| `channel`    | one endpoint: connected when it is wanted, again when it is lost                |
| `connection` | one connection: who is given which frame, frames about all of it, how it ends   |
| `settings`   | what each side tells the other of itself                                        |
| `answers`    | what the frames that come for a call make of it                                 |
| `flood`      | frames that bring nothing, and how many of them are borne                       |
| `calls`      | which calls wait and which are being made, and how they end                     |
| `sending`    | requests on their way out: flow control                                         |
| `outbox`     | bytes on their way out: one write for those of one moment                       |
| `stream`     | one call: what is to be sent yet, and what has come                             |
| `status`     | what becomes of a call                                                          |
| `headers`    | HPACK                                                                           |
| `frames`     | numbers and bytes                                                               |
"""
