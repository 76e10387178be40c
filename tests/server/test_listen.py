"""Listening sockets."""

import pytest

from gateway.errors import ConfigurationError
from gateway.server.listen import listen_together


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
