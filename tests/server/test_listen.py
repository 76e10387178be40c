"""Listening sockets."""

import errno
import socket
import sys

import pytest

from gateway.errors import ConfigurationError
from gateway.server.listen import deafen, listen, listen_together


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can filter what a socket hears")
def test_a_deaf_listener_keeps_whom_it_has_and_takes_nobody_else() -> None:
    """Who is in its queue is served; who comes later is neither taken nor reset."""
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()) as early,
        socket.socket() as late,
    ):
        late.setblocking(False)
        early.sendall(b"before")
        deafen(listener)
        assert late.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        accepted, _ = listener.accept()
        with accepted:
            early.sendall(b" and after")
            early.shutdown(socket.SHUT_WR)
            assert accepted.makefile("rb").read() == b"before and after"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_sockets_on_one_port_share_it_with_nobody_else() -> None:
    """Several processes of one gateway can listen together, and another gateway is told no."""
    together = listen_together("127.0.0.1", 0, 3)
    try:
        ports = {each.getsockname()[1] for each in together}
        assert len(ports) == 1
        with pytest.raises(ConfigurationError, match="is in use"):
            listen_together("127.0.0.1", ports.pop(), 2)
    finally:
        for each in together:
            each.close()
