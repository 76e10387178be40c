"""A gateway's process: started on its core, measured by the kernel, stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CPU_CLOCK_OF_PROCESS = 2
"""clock_getcpuclockid(3): the scheduler's exact count for all threads, including ended ones."""
RESET_PEAK = "5"
"""proc(5), clear_refs: resets the peak of the resident set."""
PATIENCE = 10
"""Seconds a process has to end."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program, with the processes it has started."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path

    def family(self) -> list[int]:
        """The ids of the process and of its descendants."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(stat.parent.name))
        family = [self.process.pid]
        for pid in family:
            family += parents.get(pid, ())
        return family

    def cpu_seconds(self) -> float:
        """Processor time so far, user and system, of the whole family."""
        return sum(cpu_seconds_of(pid) for pid in self.family())

    def waited_seconds(self) -> float:
        """How long its threads have been ready to run while others had the processor."""
        return sum(map(waited_seconds_of, self.family()))

    def reset_peak(self) -> None:
        """Forget the peak of memory up to now."""
        for pid in self.family():
            Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)

    def resident_mb(self) -> float:
        """The resident set now, in MB; the sum over the family."""
        return sum(status_kb_of(pid, "VmRSS:") for pid in self.family()) / 1024

    def peak_mb(self) -> float:
        """The largest resident set since the last reset, in MB; the sum over the family."""
        return sum(status_kb_of(pid, "VmHWM:") for pid in self.family()) / 1024

    def check(self) -> None:
        """Raise RuntimeError, with the last lines of its output, if the program has ended."""
        if (status := self.process.poll()) is not None:
            raise RuntimeError(f"{self.name} has ended with {status}:\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of its output."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-20:])


def cpu_seconds_of(pid: int) -> float:
    """Processor time of one process, in seconds."""
    return time.clock_gettime(~pid << 3 | CPU_CLOCK_OF_PROCESS)


def waited_seconds_of(pid: int) -> float:
    """The run-queue time of one process (schedstat's second number), in seconds."""
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[1]) for stat in stats) / 1e9


def status_kb_of(pid: int, name: str) -> int:
    """A line of /proc/pid/status, in KB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """This thread runs there and nowhere else meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    command: Sequence[str | Path], environ: Mapping[str, str], core: set[int], output: Path
) -> Iterator[Child]:
    """The program, pinned to `core` with all its threads and children; its output in a file."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with output.open("wb") as file, on_cores(core):  # which a child has from its parent
        process = subprocess.Popen(  # noqa: S603 - our own commands
            list(map(str, command)),
            env=kept | dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Child(Path(command[0]).name, process, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
