"""Listening sockets, and what the log says of them."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway_cli.serving.listen import bound_url, listen, listen_together, url_of
from tests.support.certificates import pair
from tests.support.processes import instance

ALL = "0.0.0.0"  # noqa: S104 - what this is about
NOBODY = "127.0.0.1:1"


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")


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


@pytest.mark.parametrize(
    ("host", "bound", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        (ALL, ALL, "127.0.0.1"),
        pytest.param("::", "[::]", "[::1]", marks=needs_ipv6),
        pytest.param("::1", "[::1]", "[::1]", marks=needs_ipv6),
    ],
)
def test_a_socket_is_bound_to_one_url_and_reached_by_another(
    host: str, bound: str, reached: str
) -> None:
    """All addresses are none that can be called, but they are what is bound."""
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert bound_url(listener) == f"http://{bound}:{port}"
        assert bound_url(listener, tls=True) == f"https://{bound}:{port}"
        assert url_of(listener) == f"http://{reached}:{port}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "bound"),
    [
        pytest.param({"REST_HOST": ALL}, f"http://{ALL}", id="all of IPv4"),
        pytest.param({"REST_HOST": "::"}, "http://[::]", id="all of IPv6", marks=needs_ipv6),
        pytest.param({"REST_HOST": ALL, "WORKERS": "2"}, f"http://{ALL}", id="workers"),
        pytest.param({"REST_HOST": ALL, "TLS": "1"}, f"https://{ALL}", id="TLS"),
    ],
)
def test_the_log_says_what_is_bound(environ: Mapping[str, str], bound: str, tmp_path: Path) -> None:
    """Each process has a line with the address that it listens on, not one that reaches it."""
    given = dict(environ)
    if given.pop("TLS", ""):
        given |= pair(tmp_path).environ
    with instance(NOBODY, given, ready=False, started=False) as gateway:
        for count in range(int(given.get("WORKERS", "1"))):
            assert gateway.event('"listening"', count + 1)["url"] == f"{bound}:{gateway.port}"
