"""Statistics that are kept while things change, so that a farm of any size is counted at no cost.

A layer, a job, a group and a show each have a `Tally`. What a frame does is added to those of its
layer, its job, and, as long as the job is pending, its group and its show.
"""

from collections import Counter
from collections.abc import Mapping


class Tally:
    """The frames by state, the cores in use, and all that was ever rendered, below one thing."""

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
        """Count what another has now, or with -1 no more: states, cores and jobs, not the past."""
        for state, number in other.states.items():
            self.states[state] += sign * number
        self.reserved += sign * other.reserved
        self.gpus += sign * other.gpus
        self.jobs += sign * other.jobs

    def note_try(
        self, *, succeeded: bool, seconds: int, core_seconds: int, gpu_seconds: int
    ) -> None:
        """Count a frame's try that has ended, whatever becomes of the frame."""
        if not succeeded:
            self.failed += 1
            self.failed_core_sec += core_seconds
            self.failed_gpu_sec += gpu_seconds
            return
        self.low_sec = min(self.low_sec, seconds) if self.rendered else seconds
        self.high_sec = max(self.high_sec, seconds)
        self.rendered += 1
        self.rendered_sec += seconds
        self.rendered_core_sec += core_seconds
        self.rendered_gpu_sec += gpu_seconds

    @property
    def pending_frames(self) -> int:
        """What has still to start."""
        return self.states["WAITING"] + self.states["DEPEND"]

    @property
    def finished(self) -> bool:
        """Whether every frame has succeeded or was eaten."""
        return not any(
            number for state, number in self.states.items() if state not in ("SUCCEEDED", "EATEN")
        )

    def frame_stats(self) -> Mapping[str, int | float]:
        """The fields of `job.LayerStats` and `job.JobStats`."""
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

    def group_stats(self) -> Mapping[str, int | float]:
        """The fields of `job.GroupStats`. Only pending jobs count."""
        return {
            "running_frames": self.states["RUNNING"],
            "dead_frames": self.states["DEAD"],
            "depend_frames": self.states["DEPEND"],
            "waiting_frames": self.states["WAITING"],
            "pending_jobs": self.jobs,
            "reserved_cores": self.reserved / 100,
            "reserved_gpus": self.gpus,
        }

    def show_stats(self) -> Mapping[str, int | float]:
        """The fields of `show.ShowStats`: what is pending now, and what there ever was."""
        return {
            "running_frames": self.states["RUNNING"],
            "dead_frames": self.states["DEAD"],
            "pending_frames": self.pending_frames,
            "pending_jobs": self.jobs,
            "created_job_count": self.created_jobs,
            "created_frame_count": self.created_frames,
            "rendered_frame_count": self.rendered,
            "failed_frame_count": self.failed,
            "reserved_cores": self.reserved / 100,
            "reserved_gpus": self.gpus,
        }
