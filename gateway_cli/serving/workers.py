"""WORKERS: several serving processes, and a supervisor that starts them and forwards signals.

Each has a listening socket of its own on the same port (SO_REUSEPORT), so that the kernel spreads
the connections. The supervisor keeps the sockets: while a process is replaced, its connections
wait.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import structlog
import uvloop

from gateway.core.errors import ConfigurationError
from gateway.core.logs import configure_logging
from gateway.core.processes import Worker
from gateway.core.settings.model import Settings
from gateway_cli.serving.drain import Server, handling
from gateway_cli.serving.listen import listen_further, listen_together
from gateway_cli.serving.process import serve

log = structlog.stdlib.get_logger("gateway.workers")

SPAWN = multiprocessing.get_context("spawn")
"""Not fork: gRPC has threads."""
RESTART_INTERVAL_SECONDS = 1.0
"""Shortest time between a worker's start and that of its successor."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - a directory of our own is made in it
"""Linux keeps its files in memory."""
NAME_PREFIX = "cuebot-gateway-"
ABANDONED_AFTER_SECONDS = 600.0
"""Workers that share numbers write them every second."""


def run_workers(settings: Settings, load: Callable[[], Settings]) -> None:
    """Run WORKERS processes until a signal stops them, and replace those that die.

    Raises ConfigurationError if the first one cannot start.
    """
    with ExitStack() as stack:
        further = stack.enter_context(listen_further(settings))
        folder = stack.enter_context(shared_folder())
        supervisor = Supervisor(settings, load, further, folder)
        stack.enter_context(handling(FORWARDED, supervisor.forward))
        supervisor.start_first()
        supervisor.run()


@dataclass(slots=True)
class Running:
    """A worker."""

    slot: int
    process: SpawnProcess
    began: float
    """Monotonic time of its start."""


class Supervisor:
    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        further: Sequence[socket.socket],
        folder: str,
    ) -> None:
        """All workers share `further` sockets, for the ports of features, and `folder`."""
        self._settings = settings
        self._load = load
        self._further = further
        self._folder = folder
        self._began = time.time()
        self._listeners = listen_together(settings.rest_host, settings.rest_port, settings.workers)
        self._workers: list[Running] = []
        self._stopping = False
        self._reloaded = False
        """Whether there has been a SIGHUP, so that the settings may have changed."""

    def start_first(self) -> None:
        """Start the first worker. Raises ConfigurationError if it cannot start."""
        report, its_end = SPAWN.Pipe(duplex=False)
        self._start(0, its_end)
        its_end.close()
        with report, suppress(EOFError):
            if problems := report.recv():
                self._workers.pop().process.join()
                raise ConfigurationError(*problems)

    def run(self) -> None:
        """Start the others, and replace workers until the last one has stopped."""
        for slot in range(1, len(self._listeners)):
            self._start(slot)
        while self._workers:
            wait([worker.process.sentinel for worker in self._workers])
            for worker in [each for each in self._workers if not each.process.is_alive()]:
                self._workers.remove(worker)
                if not self._stopping:
                    log.error("a worker has died", exitcode=worker.process.exitcode)
                    time.sleep(max(worker.began + RESTART_INTERVAL_SECONDS - time.monotonic(), 0))
                self._start(worker.slot)

    def _start(self, slot: int, report: Connection | None = None) -> None:
        """Start a worker with the listening socket of its slot, unless the gateway is stopping.

        Signals are blocked meanwhile; in the new process, until it handles them.
        """
        resource_tracker.ensure_running()  # its start would unblock signals
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        try:
            if self._stopping:
                return
            worker = Worker(self._folder, slot, self._began)
            sockets = self._listeners[slot], *self._further
            process = SPAWN.Process(
                target=work,
                args=(self._settings, self._load, sockets, worker, report, self._reloaded),
            )
            process.start()
            self._workers.append(Running(slot, process, time.monotonic()))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)

    def forward(self, number: int, frame: object) -> None:
        """Forward SIGHUP; the first SIGTERM or SIGINT as SIGTERM, the second one as SIGQUIT.

        The sockets are closed before the workers close theirs; otherwise the kernel would still
        accept connections that nobody serves.
        """
        if number == signal.SIGHUP:
            self._reloaded = True
        else:
            number = signal.SIGQUIT if self._stopping else signal.SIGTERM
            self._stopping = True
            for listener in (*self._listeners, *self._further):
                listener.close()
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid or 0, number)


def work(
    settings: Settings,
    load: Callable[[], Settings],
    sockets: Sequence[socket.socket],
    worker: Worker,
    report: Connection | None,
    reload: bool,
) -> None:
    """Run a worker: it serves on the first socket, and features on the others.

    It reports the problems that keep it from starting, or none. With `reload`, it reads the
    settings again.
    """
    os.setpgid(0, 0)  # a terminal's signals go to the supervisor only
    configure_logging(settings.log_level, settings.log_format)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def started(server: Server) -> None:
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(parent.sentinel)
            server.should_exit = True

        loop.add_reader(parent.sentinel, orphaned)
        if report is not None:
            report.send(())

    try:
        uvloop.run(
            serve(
                settings,
                sockets[0],
                load,
                started,
                further=sockets[1:],
                worker=worker,
                reload=reload,
                first=report is not None,
            )
        )
    except ConfigurationError as error:
        if report is None:
            for problem in error.problems:
                log.error("a worker cannot start", problem=problem)
        else:
            report.send(error.problems)
    if not parent.is_alive():  # the supervisor would clean up
        shutil.rmtree(worker.folder, ignore_errors=True)


def shared_folder() -> AbstractContextManager[str]:
    """A private folder that workers share; abandoned ones are removed."""
    place = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else tempfile.gettempdir()
    for folder in Path(place).glob(f"{NAME_PREFIX}[0-9]*-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{NAME_PREFIX}{os.getpid()}-", dir=place)
