"""What people search for, and the methods that have to come first, best first."""

from collections.abc import Mapping
from random import Random

JOB, LAYER, FRAME = "job.JobInterface", "job.LayerInterface", "job.FrameInterface"
HOST = "host.HostInterface"

FIRST: Mapping[str, tuple[str, ...]] = {
    # by what is wanted
    "pause job": (f"{JOB}/Pause", f"{JOB}/Resume"),
    "unpause": (f"{JOB}/Resume",),
    "retry dead frames": (f"{JOB}/RetryFrames", f"{LAYER}/RetryFrames", f"{FRAME}/Retry"),
    "eat dead frames": (f"{JOB}/EatFrames",),
    "skip frame": (f"{FRAME}/Eat",),
    "host down": (f"{HOST}/GetHosts",),
    "hosts that are down": (f"{HOST}/GetHosts",),
    "change priority": (f"{JOB}/SetPriority", "job.GroupInterface/SetDefaultJobPriority"),
    "list jobs": (f"{JOB}/GetJobs",),
    "list limits": ("limit.LimitInterface/GetAll", f"{LAYER}/GetLimits"),
    "list allocations": ("facility.AllocationInterface/GetAll",),
    "list job dependencies": (f"{JOB}/GetDepends",),
    "move job": (f"{JOB}/SetGroup", "job.GroupInterface/ReparentJobs"),
    "move host": (f"{HOST}/SetAllocation", "facility.AllocationInterface/ReparentHosts"),
    "move hosts": ("facility.AllocationInterface/ReparentHosts", f"{HOST}/SetAllocation"),
    "kill job": (f"{JOB}/Kill",),
    "stop job": (f"{JOB}/Kill",),
    "kill frame": (f"{FRAME}/Kill", f"{JOB}/KillFrames"),
    "kill frames": (f"{JOB}/KillFrames", f"{LAYER}/KillFrames", f"{FRAME}/Kill"),
    "lock host": (f"{HOST}/Lock",),
    "max cores of a job": (f"{JOB}/SetMaxCores",),
    "job priority": (f"{JOB}/SetPriority",),
    "set max cores": (f"{JOB}/SetMaxCores", f"{LAYER}/SetMaxCores"),
    "submit job": (f"{JOB}/LaunchSpec", f"{JOB}/LaunchSpecAndWait"),
    "add comment": (f"{JOB}/AddComment", f"{HOST}/AddComment"),
    "follow job": (f"{JOB}/GetUpdatedFrames",),
    "delay layer": (f"{LAYER}/SetStartAfter",),
    "who owns a host": (f"{HOST}/GetOwner",),
    "raise priority": (f"{JOB}/SetPriority",),  # no method has both words
    # by one word
    "log": (f"{JOB}/FindJob", f"{JOB}/GetJob"),
    "dead": (f"{JOB}/FindJob",),
    "cores": (f"{JOB}/SetMaxCores",),
    "retry": (f"{FRAME}/Retry", f"{JOB}/RetryFrames"),
    "eat": (f"{FRAME}/Eat", f"{JOB}/EatFrames", f"{LAYER}/EatFrames"),
    "move": (f"{JOB}/SetGroup", f"{HOST}/SetAllocation"),
    "pause": (f"{JOB}/Pause",),
    "kill": (f"{JOB}/Kill", f"{FRAME}/Kill"),
    "priority": (f"{JOB}/SetPriority",),
    "down": (f"{HOST}/GetHosts",),
    "licenses": ("limit.LimitInterface/GetAll",),
    "jobs": (f"{JOB}/GetJobs",),
    # in another form, or mistyped
    "pausing jobs": (f"{JOB}/Pause",),
    "retries": (f"{JOB}/SetMaxRetries", f"{FRAME}/Retry"),
    "pasue job": (f"{JOB}/Pause",),
    "rerty ded frmes": (f"{JOB}/RetryFrames", f"{LAYER}/RetryFrames"),
    "priorty": (f"{JOB}/SetPriority",),
    "getjbs": (f"{JOB}/GetJobs",),
    # by name
    "GetJobs": (f"{JOB}/GetJobs",),
    "show getshows": ("show.ShowInterface/GetShows",),
    "/frame.FrameInterface/Eat": (f"{FRAME}/Eat",),
    "Job/GetJobs": (),
    "dropdep frame.frameinterface": (f"{FRAME}/DropDepends",),
}
NOTHING = ("nothing like that", "zzzzzz", "zzzzzz yyyyyy job", " ", "")
"""What finds nothing."""


def queries(words: list[str], number: int) -> list[str]:
    """Queries of one to three of the words, in other forms, or mistyped."""
    random = Random(number)  # noqa: S311 - nothing is secret
    made = []
    for _ in range(number):
        chosen = [random.choice(words) for _ in range(random.randint(1, 3))]
        made.append(" ".join(varied(word, random) for word in chosen))
    return made


def varied(word: str, random: Random) -> str:
    at = random.randrange(len(word))
    return random.choice(
        (
            word,
            word.title(),
            word + random.choice(("s", "es", "ing", "ed", "y")),
            word[: at + 1],
            word[:at] + word[at + 1 :],
            word[:at] + random.choice("aeinst/.") + word[at:],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        )
    )
