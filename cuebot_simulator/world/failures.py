"""How the simulated Cuebot says no, in the words and codes of the real one.

Cuebot's servants catch Spring's "nothing found" in some methods and answer NOT_FOUND. Everywhere
else the exception ends in its server interceptor, which answers INTERNAL with the exception's
class and text, a newline, and the text again (OpenCue's CueServerInterceptor).
"""

from grpc import StatusCode

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
NOTHING_FOUND_CLASS = "org.springframework.dao.EmptyResultDataAccessException"

JOB_NOT_FOUND = "Job not found"
NAMED_JOB = "job.JobInterface"
"""The service whose methods say so of everything that they do not find."""
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
    "job.JobInterface/FindJob",
    "job.JobInterface/GetJob",
    "job.LayerInterface/FindLayer",
    "job.LayerInterface/GetLayer",
    "service.ServiceInterface/GetService",
    "show.ShowInterface/FindShow",
    "subscription.SubscriptionInterface/Get",
)
"""Methods that catch it, and give its text."""


class Missing(Exception):
    """Nothing in the farm has the key that was asked for."""


class Refusal(Exception):
    """A request that Cuebot will not do. Its code and text go to the client."""

    def __init__(self, text: str, code: StatusCode = StatusCode.INTERNAL) -> None:
        super().__init__(text)
        self.code = code


class JavaException(Refusal):
    """A refusal that reads like a Java exception that nobody caught."""

    def __init__(self, java_class: str, text: str) -> None:
        super().__init__(f"{java_class}: {text}\n{text}")
        self.text = text
        self.line = f"{java_class}: {text}"
        """The exception as a part of another one's text."""


class Unanswered(Exception):
    """A call that Cuebot never answers, so that its client's deadline passes."""


def java_exception(java_class: str, text: str) -> JavaException:
    return JavaException(java_class, text)


def null_pointer(text: str = "") -> Refusal:
    """What Java says of something that is not there, and should be."""
    if not text:
        return Refusal("java.lang.NullPointerException\nnull")
    return java_exception("java.lang.NullPointerException", text)


def illegal_argument(text: str) -> Refusal:
    return java_exception("java.lang.IllegalArgumentException", text)


def found_several(count: int) -> JavaException:
    """What Cuebot says when so many things have a name that it looks for. It is never caught."""
    return java_exception(
        "org.springframework.dao.IncorrectResultSizeDataAccessException",
        f"Incorrect result size: expected 1, actual {count}",
    )


def not_found(method: str) -> Refusal:
    """What a method (`job.JobInterface/GetJob`) answers about a thing that does not exist."""
    if method in CAUGHT_METHODS:
        return Refusal(NOTHING_FOUND, StatusCode.NOT_FOUND)
    if method.startswith(NAMED_JOB):
        return Refusal(JOB_NOT_FOUND, StatusCode.NOT_FOUND)
    return java_exception(NOTHING_FOUND_CLASS, NOTHING_FOUND)
