"""WORKERS=n: so many processes that serve, and one that starts them and passes signals on.

Each has a listening socket of its own on the same port (SO_REUSEPORT), so that the kernel spreads
the connections. The sockets are the supervisor's: while a process is replaced, its connections
wait.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import structlog
import uvloop

from gateway.errors import ConfigurationError
from gateway.observe.logs import configure_logging
from gateway.observe.worker_metrics import WorkerMetrics
from gateway.settings.model import Settings
from gateway_cli.serving.drain import Server, handling
from gateway_cli.serving.listen import listen_for_metrics, listen_together
from gateway_cli.serving.process import serve
from gateway_cli.serving.worker_metrics_folder import worker_metrics_folder

log = structlog.stdlib.get_logger("gateway.workers")

SPAWN = multiprocessing.get_context("spawn")
"""Not fork: gRPC has threads."""
PAUSE = 1.0
"""Seconds between a worker's start and that of its successor, at least."""
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_workers(settings: Settings, load: Callable[[], Settings]) -> None:
    """Run WORKERS processes until a signal asks them to stop, and replace those that die.

    Raises ConfigurationError when the first one cannot start with these settings.
    """
    with ExitStack() as stack:
        metrics_listener = stack.enter_context(listen_for_metrics(settings))
        folder = stack.enter_context(worker_metrics_folder()) if settings.metrics != "off" else None
        supervisor = Supervisor(settings, load, metrics_listener, folder)
        stack.enter_context(handling(PASSED_ON, supervisor.pass_on))
        supervisor.start_first()
        if settings.state is None:
            log.info(
                "workers share the limits that are kept in memory",
                workers=settings.workers,
                rate_limit_rps=settings.rate_limit_rps,
                each=round(settings.rate_limit_rps / settings.workers, 3),
            )
        supervisor.run()


@dataclass(slots=True)
class Worker:
    """A process, its place, and the seconds (monotonic) at which it was started."""

    slot: int
    process: SpawnProcess
    began: float


class Supervisor:
    """The processes, and what the supervisor has been told to do with them."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        metrics_listener: socket.socket | None,
        folder: str | None,
    ) -> None:
        """`metrics_listener` is the socket of METRICS_PORT, which all workers share; `folder` is
        that of their numbers."""
        self._settings = settings
        self._load = load
        self._metrics_listener = metrics_listener
        self._folder = folder
        self._began = time.time()
        self._listeners = listen_together(settings.rest_host, settings.rest_port, settings.workers)
        self._workers: list[Worker] = []
        self._stopping = False
        self._reloaded = False
        """Whether there has been a SIGHUP, so that the settings may be others than at the start."""

    def start_first(self) -> None:
        """Start one worker and see that it can. Raises ConfigurationError."""
        report, its_end = SPAWN.Pipe(duplex=False)
        self._start(0, its_end)
        its_end.close()
        with report, suppress(EOFError):
            if problem := report.recv():
                self._workers.pop().process.join()
                raise ConfigurationError(problem)

    def run(self) -> None:
        """Start the others, and see to all of them until the last one has stopped."""
        for slot in range(1, len(self._listeners)):
            self._start(slot)
        while self._workers:
            wait([worker.process.sentinel for worker in self._workers])
            for worker in [each for each in self._workers if not each.process.is_alive()]:
                self._workers.remove(worker)
                if not self._stopping:
                    log.error("a worker has died", exitcode=worker.process.exitcode)
                    time.sleep(max(worker.began + PAUSE - time.monotonic(), 0))
                self._start(worker.slot)

    def _start(self, slot: int, report: Connection | None = None) -> None:
        """Start a worker with the listening socket of its slot, unless it is too late for that.

        Signals are held back meanwhile, here and in the new process, where they wait until
        somebody handles them.
        """
        resource_tracker.ensure_running()  # multiprocessing's; its start would let signals through
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        try:
            if self._stopping:
                return
            worker_metrics = self._folder and WorkerMetrics(self._folder, slot, self._began)
            sockets = self._listeners[slot], self._metrics_listener
            process = SPAWN.Process(
                target=work,
                args=(self._settings, self._load, sockets, worker_metrics, report, self._reloaded),
            )
            process.start()
            self._workers.append(Worker(slot, process, time.monotonic()))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)

    def pass_on(self, number: int, frame: object) -> None:
        """SIGHUP as it is; the first SIGTERM or SIGINT as a stop, the second one as its end.

        The sockets are closed before the workers close theirs, or the kernel would go on to take
        connections that nobody serves.
        """
        if number == signal.SIGHUP:
            self._reloaded = True
        else:
            number = signal.SIGQUIT if self._stopping else signal.SIGTERM
            self._stopping = True
            for listener in (*self._listeners, self._metrics_listener):
                if listener is not None:
                    listener.close()
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid or 0, number)


def work(
    settings: Settings,
    load: Callable[[], Settings],
    sockets: tuple[socket.socket, socket.socket | None],
    worker_metrics: WorkerMetrics | None,
    report: Connection | None,
    reload: bool,
) -> None:
    """What a worker does. It reports its first problem, or that there is none.

    It listens on the first socket, and with the others on the second, that of METRICS_PORT.
    With `reload` the others have been told to reload the settings, and so does this one.
    Signals of a terminal are the supervisor's, who passes them on.
    """
    os.setpgid(0, 0)
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
            report.send("")

    try:
        uvloop.run(
            serve(
                settings,
                sockets[0],
                load,
                started,
                metrics_listener=sockets[1],
                worker_metrics=worker_metrics,
                reload=reload,
                first=report is not None,
            )
        )
    except ConfigurationError as error:
        if report is None:
            log.error("a worker cannot start", problem=str(error))
        else:
            report.send(str(error))
    if worker_metrics is not None and not parent.is_alive():  # so nobody else cleans up
        shutil.rmtree(worker_metrics.folder, ignore_errors=True)
