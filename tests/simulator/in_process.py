"""Calls to the simulated Cuebot without a server between: what it answers, and how it refuses."""

from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from cuebot_simulator.answers import answer_to
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.refusals import Refusal
from cuebot_simulator.world.state import Farm
from tests.contract.asking import without_library_words

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
UNCAUGHT = (
    f"org.springframework.dao.EmptyResultDataAccessException: {NOTHING_FOUND}\n{NOTHING_FOUND}"
)
"""What Cuebot says of a thing that is not there: caught (NOT_FOUND), and uncaught (INTERNAL)."""

VIOLATION = ("INTERNAL", "org.springframework.dao.DataIntegrityViolationException: ...")
BAD_QUERY = ("INTERNAL", "org.springframework.jdbc.BadSqlGrammarException: ...")
"""How the database refuses, without its words."""

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"
SMOKE = "demo-sh020-marco_smoke_v001"
ROTO = "northwind-ep02_031-artist1_roto_v001"
FINISHED = "demo-sh020-priya_comp_v007"
HARBOR = "harbor-hb110-tomas_light_v004"
"""Jobs of the demo's farm."""


class Cuebot:
    """On a stopped clock. `cuebot("ShowInterface/FindShow", name="demo").show` is a call."""

    def __init__(self, farm: Farm, clock: StoppedClock) -> None:
        self.farm = farm
        self.clock = clock
        self.methods = {
            f"{name.rpartition('.')[2]}/{method.name}": method
            for name in farm.messages.services
            for method in farm.messages.pool.FindServiceByName(name).methods
        }

    def __call__(self, name: str, /, **values: Any) -> Any:
        """The answer to `Interface/Method`, asked with these fields."""
        method = self.methods[name]
        request = GetMessageClass(method.input_type)(**values)
        answer = answer_to(self.farm, method, request)
        return type(answer).FromString(answer.SerializeToString())

    def refusal(self, name: str, /, **values: Any) -> tuple[str, str]:
        """The code and the text of a call that fails, without the words of libraries."""
        with pytest.raises(Refusal) as caught:
            self(name, **values)
        return caught.value.code.name, without_library_words(str(caught.value))

    def wait(self, seconds: float = 1.0) -> None:
        """Let time pass, and happen what is due by then."""
        self.clock.advance(seconds)
        self.farm.catch_up()

    def job(self, name: str) -> Any:
        """A job by name, finished or not."""
        found = self("JobInterface/GetJobs", r={"jobs": [name], "include_finished": True})
        return found.jobs.jobs[0]

    def layer(self, job: str, name: str) -> Any:
        """A layer of a pending job."""
        return self("LayerInterface/FindLayer", job=job, layer=name).layer

    def frames(self, job: str, *states: str) -> list[Any]:
        """The frames of a job that are in one of these states."""
        wanted = {"limit": 1000, "states": {"frame_states": states}}
        found = self("JobInterface/GetFrames", job=self.job(job), req=wanted)
        return list(found.frames.frames)

    def host(self, name: str) -> Any:
        return self("HostInterface/FindHost", name=name).host
