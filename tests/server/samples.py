"""Requests by hand: what is served and what is refused, byte by byte (RFC 9112, RFC 9110)."""

from gateway.server.accept import Acceptor
from gateway.server.engine import OwnEngine
from gateway.server.http1.heads import MAX_HEADERS, TARGET_MAX_BYTES
from gateway.server.http1.parser import HEAD_MAX_BYTES, SLICE_BYTES
from tests.support.servers import Gateway, token

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_GROUPS = "/job.GroupInterface/GetGroups"
SMALLEST = b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 2"


def raw(
    *lines: bytes,
    start: bytes = b"POST " + SHOWS.encode() + b" HTTP/1.1",
    host: bytes | None = b"Host: gateway",
    body: bytes = b"",
) -> bytes:
    """A request with a token, of these lines as they are."""
    authorization = f"Authorization: Bearer {token()}".encode()
    given = [start, *([] if host is None else [host]), authorization, *lines, b"", body]
    return b"\r\n".join(given)


def to(target: bytes, start: bytes = b"POST %b HTTP/1.1", **more: bytes) -> bytes:
    """A request to this target, with a body."""
    return raw(b"Content-Length: 2", start=start.replace(b"%b", target), body=b"{}", **more)


def chunked(body: bytes) -> bytes:
    """A request with this body, whose chunks are as they are given."""
    return raw(CHUNKED, body=body)


HEADS = {
    "a length beside chunks": raw(LENGTH, CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks beside a length": raw(CHUNKED, LENGTH, body=b"2\r\n{}\r\n0\r\n\r\n"),
    "two lengths": raw(LENGTH, b"Content-Length: 3", body=b"{} "),
    "one length twice": raw(LENGTH, LENGTH, body=b"{}"),
    "a list of lengths": raw(b"Content-Length: 2, 2", body=b"{}"),
    "a length with a plus": raw(b"Content-Length: +2", body=b"{}"),
    "a negative length": raw(b"Content-Length: -2", body=b"{}"),
    "a hexadecimal length": raw(b"Content-Length: 0x2", body=b"{}"),
    "a length in two words": raw(b"Content-Length: 2 2", body=b"{}"),
    "an empty length": raw(b"Content-Length:", body=b"{}"),
    "a length of 20 digits": raw(b"Content-Length: 99999999999999999999", body=b"{}"),
    "an unknown coding": raw(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "a coding after chunked": raw(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "a coding before chunked": raw(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked in one line twice": raw(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in two lines": raw(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "identity": raw(b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "identity beside a length": raw(b"Transfer-Encoding: identity", LENGTH, body=b"{}"),
    "an empty coding": raw(b"Transfer-Encoding:", LENGTH, body=b"{}"),
    "a quoted coding": raw(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "a coding after a tabulator": raw(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "a folded coding": raw(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "a coding in HTTP/1.0": chunked(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "bare line feeds": to(SHOWS.encode()).replace(b"\r\n", b"\n"),
    "a bare line feed after the start": to(SHOWS.encode()).replace(b"1.1\r\n", b"1.1\n"),
    "a bare line feed after a header": raw(LENGTH + b"\nA: b", body=b"{}"),
    "a bare line feed at the end": raw(b"A: b").removesuffix(b"\r\n") + b"\n",
    "a bare return in a value": raw(b"A: b\rc"),
    "a bare return after a header": raw(b"A: b\rTransfer-Encoding: chunked"),
    "a bare return after the start": to(SHOWS.encode()).replace(b"1.1\r\n", b"1.1\r"),
    "a folded line": raw(b"A: b\r\n c"),
    "a folded first line": raw(host=b" Host: gateway"),
    "a blank before the colon": raw(b"A : b"),
    "a tabulator before the colon": raw(b"A\t: b"),
    "a blank before the coding's colon": raw(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "a line without a colon": raw(b"A"),
    "a header without a name": raw(b": b"),
    "NUL in a name": raw(b"A\0B: c"),
    "a control character in a name": raw(b"A\x01B: c"),
    "another byte in a name": raw(b"A\xe9B: c"),
    "NUL in a value": raw(b"A: b\0c"),
    "a control character in a value": raw(b"A: b\x01c"),
    "DEL in a value": raw(b"A: b\x7fc"),
    "no Host": raw(host=None),
    "two Hosts": raw(b"Host: gateway"),
    "two different Hosts": raw(b"host: other"),
    "a Host with a path": raw(host=b"Host: gateway/x"),
    "a Host with a user": raw(host=b"Host: user@gateway"),
    "two words as a Host": raw(host=b"Host: gateway other"),
    "a list of Hosts": raw(host=b"Host: gateway, other:1"),
    "an unknown method": to(b"/x", start=b"FOO %b HTTP/1.1"),
    "a method in lower case": to(SHOWS.encode(), start=b"post %b HTTP/1.1"),
    "a method that is no token": to(b"/x", start=b"P(ST %b HTTP/1.1"),
    "a tabulator after the method": to(SHOWS.encode(), start=b"POST\t%b HTTP/1.1"),
    "a tabulator after the target": to(SHOWS.encode(), start=b"POST %b\tHTTP/1.1"),
    "a tabulator in the target": to(b"/x\ty"),
    "a control character in the target": to(b"/x\x01y"),
    "NUL in the target": to(b"/x\0y"),
    "another byte in the target": to("/é".encode()),
    "a fragment": to(SHOWS.encode() + b"#x"),
    "a fragment after a query": to(SHOWS.encode() + b"?a#x"),
    "an authority as the target": to(b"gateway:80"),
    "a target without a slash": to(SHOWS.encode()[1:]),
    "an asterisk as the target": to(b"*"),
    "another scheme": to(b"ftp://gateway" + SHOWS.encode()),
    "a user name in the target": to(b"http://user:word@gateway" + SHOWS.encode()),
    "a blank at the start": b" " + to(SHOWS.encode()),
    "a blank at the end of the line": to(SHOWS.encode(), start=b"POST %b HTTP/1.1 "),
    "http in lower case": to(SHOWS.encode(), start=b"POST %b http/1.1"),
    "HTTP/1.10": to(SHOWS.encode(), start=b"POST %b HTTP/1.10"),
    "HTTP/01.1": to(SHOWS.encode(), start=b"POST %b HTTP/01.1"),
    "another version": to(SHOWS.encode(), start=b"POST %b HTTP/9.9"),
    "another protocol": to(SHOWS.encode(), start=b"POST %b ICY/1.0"),
    "the start of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP": b"garbage\r\n\r\n",
    "TLS": bytes.fromhex("16030100f1010000ed0303") + b"\0" * 200,
}
BODIES = {
    "a size with 0x": chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a size with a plus": chunked(b"+2\r\n{}\r\n0\r\n\r\n"),
    "a negative size": chunked(b"-2\r\n{}\r\n0\r\n\r\n"),
    "a blank before the size": chunked(b" 2\r\n{}\r\n0\r\n\r\n"),
    "a blank after the size": chunked(b"2 \r\n{}\r\n0\r\n\r\n"),
    "a blank before the extension": chunked(b"2 ;a\r\n{}\r\n0\r\n\r\n"),
    "a tabulator after the size": chunked(b"2\t\r\n{}\r\n0\r\n\r\n"),
    "a size of 17 digits": chunked(b"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
    "no size": chunked(b"\r\n{}\r\n0\r\n\r\n"),
    "an extension only": chunked(b";a\r\n{}\r\n0\r\n\r\n"),
    "a bare line feed after the size": chunked(b"2\n{}\r\n0\r\n\r\n"),
    "a bare line feed in an extension": chunked(b"2;a\n{}\r\n0\r\n\r\n"),
    "a quoted line feed": chunked(b'2;a="\n"\r\n{}\r\n0\r\n\r\n'),
    "a bare return in an extension": chunked(b"2;a\rb\r\n{}\r\n0\r\n\r\n"),
    "a bare line feed after the data": chunked(b"2\r\n{}\n0\r\n\r\n"),
    "more data than the size": chunked(b"2\r\n{}x\r\n0\r\n\r\n"),
    "nothing after the data": chunked(b"2\r\n{}0\r\n\r\n"),
    "bare line feeds at the end": chunked(b"2\r\n{}\r\n0\n\n"),
    "a bare line feed at the end": chunked(b"2\r\n{}\r\n0\r\n\n"),
    "a bare line feed in a trailer": chunked(b"2\r\n{}\r\n0\r\nA: b\n\r\n"),
    "a length as a trailer": chunked(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"),
    "a coding as a trailer": chunked(b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
}
OTHERS = {
    "HTTP/2.0": (to(SHOWS.encode(), start=b"POST %b HTTP/2.0"), 505, 12),
    "RTSP/2.0": (b"OPTIONS * RTSP/2.0\r\nHost: gateway\r\n\r\n", 505, 12),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 505, 12),
    "CONNECT": (to(b"gateway:80", start=b"CONNECT %b HTTP/1.1"), 501, 12),
    "an upgrade": (raw(b"Connection: Upgrade", b"Upgrade: h2c", LENGTH, body=b"{}"), 400, 3),
    "a websocket": (raw(b"Connection: Upgrade", b"Upgrade: websocket"), 400, 3),
    "an unknown expectation": (raw(b"Expect: 200-ok", LENGTH, body=b"{}"), 417, 3),
    "two expectations": (raw(b"Expect: 100-continue, x", LENGTH, body=b"{}"), 417, 3),
    "a long target": (to(b"/" + b"x" * TARGET_MAX_BYTES), 414, 8),
    "a target without end": (b"POST /" + b"x" * 20_000, 414, 8),
    "many headers": (raw(*[b"A: b"] * MAX_HEADERS), 431, 8),
    "headers without end": (raw(*[b"A: b"] * 20 * MAX_HEADERS)[:-4], 431, 8),
    "a long header": (raw(b"A: " + b"b" * (HEAD_MAX_BYTES + 2 * SLICE_BYTES)), 431, 8),
    "a header without end": (raw(b"A: " + b"b" * (HEAD_MAX_BYTES + 2 * SLICE_BYTES))[:-4], 431, 8),
    "a long extension": (chunked(b"2;a=" + b"b" * (HEAD_MAX_BYTES + 2 * SLICE_BYTES)), 431, 8),
    "a long trailer": (chunked(b"0\r\nA: " + b"b" * (HEAD_MAX_BYTES + 2 * SLICE_BYTES)), 431, 8),
    "many trailers": (chunked(b"0\r\n" + b"A: b\r\n" * 2000), 431, 8),
}
REFUSED = (
    {name: (sent, 400, 3) for name, sent in HEADS.items()}
    | {name: (sent, 400, 3) for name, sent in BODIES.items()}
    | OTHERS
)
SERVED = {
    "a plain request": to(SHOWS.encode()),
    "a length of 5000 digits": raw(b"Content-Length: " + b"0" * 4999 + b"2", body=b"{}"),
    "no body": raw(),
    "chunks": chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
    "zeros before a size": chunked(b"0002\r\n{}\r\n000\r\n\r\n"),
    "an extension": chunked(b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n'),
    "a trailer": chunked(b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"),
    "a Host as a trailer": chunked(b"2\r\n{}\r\n0\r\nHost: x\r\n\r\n"),
    "another case": raw(b"TRANSFER-ENCODING: Chunked", body=b"0\r\n\r\n"),
    "zeros before a length": raw(b"Content-Length: 0002", body=b"{}"),
    "an empty line before": b"\r\n" + to(SHOWS.encode()),
    "HTTP/1.0": to(SHOWS.encode(), start=b"POST %b HTTP/1.0"),
    "HTTP/1.0 without a Host": raw(
        LENGTH, start=b"POST %b HTTP/1.0".replace(b"%b", SHOWS.encode()), host=None, body=b"{}"
    ),
    "an empty Host": to(SHOWS.encode(), host=b"Host:"),
    "an IPv6 Host": to(SHOWS.encode(), host=b"Host: [::1]:8448"),
    "a Host with an underscore": to(SHOWS.encode(), host=b"Host: cue_bot.studio.example:8448"),
    "other bytes in a value": raw(b"A: \xe9\tb", LENGTH, body=b"{}"),
    "the absolute form": to(b"http://other:80" + SHOWS.encode()),
    "the absolute form of https": to(b"HTTPS://other" + SHOWS.encode()),
    "two slashes": to(b"/" + SHOWS.encode()),
    "encoded characters": to(b"/show.%53howInterface%2fGetShows"),
    "as many headers as may be": raw(*[b"A: b"] * (MAX_HEADERS - 2)),
    "a long header": raw(b"A: " + b"b" * (HEAD_MAX_BYTES - 2 * SLICE_BYTES)),
    # llhttp takes it for HTTP/1.1, framing included.
    "RTSP/1.1": to(SHOWS.encode(), start=b"POST %b RTSP/1.1"),
    "RTSP/1.1 in chunks": chunked(b"2\r\n{}\r\n0\r\n\r\n").replace(b"HTTP/", b"RTSP/", 1),
    # RFC 9112 section 3 lets a server take any number of blanks.
    "two blanks": to(SHOWS.encode(), start=b"POST  %b  HTTP/1.1"),
}


def acceptor_of(gateway: Gateway) -> Acceptor:
    """That of the gateway's port."""
    engine = gateway.server.engine
    assert isinstance(engine, OwnEngine)
    return engine.acceptors[0]
