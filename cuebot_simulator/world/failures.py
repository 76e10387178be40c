"""How the simulated Cuebot says no, in the words and codes of the real one.

Cuebot's servants catch Spring's "nothing found" in some methods and answer NOT_FOUND. Everywhere
else the exception ends in its server interceptor, which answers INTERNAL with the exception's
class and text, a newline, and the text again (OpenCue's CueServerInterceptor).
"""

from grpc import StatusCode

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
NOTHING_FOUND_CLASS = "org.springframework.dao.EmptyResultDataAccessException"

CAUGHT_SERVICES = ("job.JobInterface",)
"""Services that catch it in every method."""

CAUGHT_METHODS = (
    "depend.DependInterface/GetDepend",
    "facility.AllocationInterface/Find",
    "facility.AllocationInterface/Get",
    "facility.FacilityInterface/Get",
    "filter.FilterInterface/FindFilter",
    "host.HostInterface/FindHost",
    "host.HostInterface/GetHost",
    "host.OwnerInterface/GetOwner",
    "host.ProcInterface/GetJob",
    "job.FrameInterface/FindFrame",
    "job.FrameInterface/GetFrame",
    "job.GroupInterface/FindGroup",
    "job.GroupInterface/GetGroup",
    "job.LayerInterface/FindLayer",
    "job.LayerInterface/GetLayer",
    "service.ServiceInterface/GetService",
    "show.ShowInterface/FindShow",
)
"""Single methods that do."""


class Missing(Exception):
    """Nothing in the farm has the key that was asked for."""


class Refusal(Exception):
    """A request that Cuebot will not do. Its code and text go to the client."""

    def __init__(self, text: str, code: StatusCode = StatusCode.INTERNAL) -> None:
        super().__init__(text)
        self.code = code


def java_exception(java_class: str, text: str) -> Refusal:
    """A refusal that reads like a Java exception that nobody caught."""
    return Refusal(f"{java_class}: {text}\n{text}")


def illegal_argument(text: str) -> Refusal:
    return java_exception("java.lang.IllegalArgumentException", text)


def found_several(count: int) -> Refusal:
    """What Cuebot says when so many things have a name that it looks for. It is never caught."""
    return java_exception(
        "org.springframework.dao.IncorrectResultSizeDataAccessException",
        f"Incorrect result size: expected 1, actual {count}",
    )


def not_found(method: str) -> Refusal:
    """What a method (`job.JobInterface/GetJob`) answers about a thing that does not exist."""
    if method.partition("/")[0] in CAUGHT_SERVICES or method in CAUGHT_METHODS:
        return Refusal(NOTHING_FOUND, StatusCode.NOT_FOUND)
    return java_exception(NOTHING_FOUND_CLASS, NOTHING_FOUND)
