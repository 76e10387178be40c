"""The choice of what carries the calls."""

import pytest

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings
from gateway.core.upstream.cuebot import channel_of
from gateway.core.upstream.grpcio import GrpcioChannel

CHOSEN = {"cuebot_transport": "http2"}


def test_grpcio_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our HTTP/2 was taken out; who asks for that is refused."""
    monkeypatch.setattr("gateway.core.upstream.cuebot.find_spec", lambda name: None)
    assert channel_of(Settings()) is GrpcioChannel
    with pytest.raises(ConfigurationError, match="CUEBOT_TRANSPORT"):
        channel_of(Settings.model_validate(CHOSEN))
