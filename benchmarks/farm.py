"""Answers of the simulated farm, serialized once: what Cuebot would say, without its delay."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from cuebot_simulator.world.messages import Messages, read_messages
from cuebot_simulator.world.studio import build_farm


class CannedFarm:
    """A farm with this many jobs to make answers from. Needs opencue-proto."""

    def __init__(self, jobs: int) -> None:
        self.messages: Messages = read_messages()
        farm = build_farm(self.messages, jobs=jobs)
        self._jobs = list(farm.jobs.values())
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
