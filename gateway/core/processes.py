"""What the processes that serve a gateway have for its features: ports, and a shared folder."""

from typing import NamedTuple


class Port(NamedTuple):
    """A further port, on which all workers listen."""

    host: str
    port: int
    """0 for a free one."""
    host_setting: str
    """The one that names the host: `SOME_HOST`."""
    port_setting: str
    serves: str
    """What it is for, as the log says it: `scrapes`."""
    path: str
    """What there is to see."""
    without: str
    """Why a server that has one port only cannot start."""

    @property
    def settings(self) -> str:
        return f"{self.host_setting} and {self.port_setting}"


class Worker(NamedTuple):
    """One of the processes of WORKERS."""

    folder: str
    """Where they leave each other files. It is removed with the last of them, and by other gateways
    if nothing has been written in it for ten minutes.
    """
    slot: int
    """Its number, which was its predecessor's."""
    began: float
    """Unix time at which the gateway was started."""
