"""Statistics that are updated with every change, so that a farm of any size is counted at once.

A layer, a job, a group and a show each have a `Tally`. A frame counts in those of its layer and its
job, and, as long as the job is pending, of its group and its show.
"""

from collections import Counter
from collections.abc import Mapping


class Tally:
    """Frames by state, cores in use, and finished tries, below one thing."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.reserved = 0
        """Hundredths of cores, so that sums stay exact."""
        self.gpus = 0
        self.jobs = 0
        """Pending ones."""
        self.layers = 0
        self.created_jobs = 0
        self.created_frames = 0
        self.rendered = 0
        self.rendered_sec = 0
        self.rendered_core_sec = 0
        self.rendered_gpu_sec = 0
        self.failed = 0
        self.failed_core_sec = 0
        self.failed_gpu_sec = 0
        self.low_sec = 0
        self.high_sec = 0
        self.max_rss = 0

    def take_in(self, other: "Tally", sign: int = 1) -> None:
        """Add (1) or subtract (-1) the present of another: states, cores and jobs, not its past."""
        for state, number in other.states.items():
            self.states[state] += sign * number
        self.reserved += sign * other.reserved
        self.gpus += sign * other.gpus
        self.jobs += sign * other.jobs

    def note_try(self, succeeded: bool, seconds: int, core: int, gpu: int = 0) -> None:
        """Count a finished try. `core` and `gpu` are seconds, times cores or GPUs."""
        if not succeeded:
            self.failed += 1
            self.failed_core_sec += core
            self.failed_gpu_sec += gpu
            return
        self.low_sec = min(self.low_sec, seconds) if self.rendered else seconds
        self.high_sec = max(self.high_sec, seconds)
        self.rendered += 1
        self.rendered_sec += seconds
        self.rendered_core_sec += core
        self.rendered_gpu_sec += gpu

    @property
    def pending_frames(self) -> int:
        return self.states["WAITING"] + self.states["DEPEND"]

    @property
    def finished(self) -> bool:
        """Whether every frame has succeeded or was eaten."""
        return not any(
            number for state, number in self.states.items() if state not in ("SUCCEEDED", "EATEN")
        )

    def stats(self) -> Mapping[str, int | float]:
        """The fields of LayerStats, JobStats, GroupStats and ShowStats, which have some each."""
        average = self.rendered_core_sec // self.rendered if self.rendered else 0
        return {
            "total_layers": self.layers,
            "total_frames": self.states.total(),
            "waiting_frames": self.states["WAITING"],
            "running_frames": self.states["RUNNING"],
            "dead_frames": self.states["DEAD"],
            "eaten_frames": self.states["EATEN"],
            "depend_frames": self.states["DEPEND"],
            "succeeded_frames": self.states["SUCCEEDED"],
            "pending_frames": self.pending_frames,
            "pending_jobs": self.jobs,
            "created_job_count": self.created_jobs,
            "created_frame_count": self.created_frames,
            "avg_frame_sec": self.rendered_sec // self.rendered if self.rendered else 0,
            "low_frame_sec": self.low_sec,
            "high_frame_sec": self.high_sec,
            "avg_core_sec": average,
            "rendered_frame_count": self.rendered,
            "failed_frame_count": self.failed,
            "remaining_core_sec": self.pending_frames * average,
            "total_core_sec": self.rendered_core_sec + self.failed_core_sec,
            "rendered_core_sec": self.rendered_core_sec,
            "failed_core_sec": self.failed_core_sec,
            "total_gpu_sec": self.rendered_gpu_sec + self.failed_gpu_sec,
            "rendered_gpu_sec": self.rendered_gpu_sec,
            "failed_gpu_sec": self.failed_gpu_sec,
            "max_rss": self.max_rss,
            "reserved_cores": self.reserved / 100,
            "reserved_gpus": self.gpus,
        }
