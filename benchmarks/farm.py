"""Answers of the simulated farm, serialized once: what Cuebot would say, without its delay."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from cuebot_simulator.world.messages import Messages, read_messages
from cuebot_simulator.world.studio import build_farm

RUNNING = 2  # the state of a frame


class CannedFarm:
    """A farm with this many jobs to make answers from. Needs opencue-proto."""

    def __init__(self, jobs: int) -> None:
        self.messages: Messages = read_messages()
        farm = build_farm(self.messages, jobs=jobs)
        self._jobs = list(farm.jobs.values())
        self._frame = farm.frames_of(self._jobs[0])[0]
        self._shows = list(farm.shows.values())

    def message(self, kind: str, /, **values: Any) -> bytes:
        """A message by its full name, serialized."""
        content: bytes = self.messages.new(kind, **values).SerializeToString()
        return content

    def jobs(self, count: int) -> bytes:
        """The answer of GetJobs with the first `count` jobs."""
        answer = self.messages.new("job.JobGetJobsResponse")
        answer.jobs.jobs.extend(self._jobs[:count])
        return bytes(answer.SerializeToString())

    def job(self) -> bytes:
        """The answer of FindJob."""
        return self.message("job.JobFindJobResponse", job=self._jobs[0])

    def log(self, folder: str) -> tuple[str, str, dict[bytes, bytes]]:
        """A running frame whose log is in a folder: the log's path at a gateway, the name of the
        file, and the answers by which it is found, by their requests.
        """
        job, frame = self.messages.new("job.Job"), self.messages.new("job.Frame")
        job.CopyFrom(self._jobs[0])
        job.log_dir = folder
        frame.CopyFrom(self._frame)
        frame.state = RUNNING
        jobs = self.messages.new("job.JobSearchCriteria", jobs=[job.name], include_finished=True)
        frames = self.messages.new("job.FrameSearchCriteria", frames=[frame.name], page=1, limit=2)
        found = self.messages.new("job.JobGetJobsResponse")
        found.jobs.jobs.append(job)
        of_job = self.messages.new("job.JobGetFramesResponse")
        of_job.frames.frames.append(frame)
        return (
            f"/logs/{job.name}/{frame.name}",
            f"{job.name}.{frame.name}.rqlog",
            {
                self.message("job.JobGetJobsRequest", r=jobs): found.SerializeToString(),
                self.message(
                    "job.JobGetFramesRequest",
                    job=self.messages.new("job.Job", id=job.id),
                    req=frames,
                ): of_job.SerializeToString(),
            },
        )

    def shows(self) -> bytes:
        """The answer of GetShows, with three shows."""
        answer = self.messages.new("show.ShowGetShowsResponse")
        answer.shows.shows.extend(self._shows[:3])
        return bytes(answer.SerializeToString())

    def jobs_as_json(self, count: int) -> list[dict[str, Any]]:
        """Whole jobs as CueWeb sends them back: every field, in protojson."""
        return [
            MessageToDict(job, always_print_fields_with_no_presence=True)
            for job in self._jobs[:count]
        ]
