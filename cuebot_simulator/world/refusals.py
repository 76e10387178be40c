"""Refusals of the simulated Cuebot, with the codes of the real one and its own texts.

Cuebot's servants catch Spring's "nothing found" in some methods and answer NOT_FOUND. Everywhere
else the exception ends in its server interceptor, which answers INTERNAL with the exception's
class and text, a newline, and the text again (OpenCue's CueServerInterceptor). Where the text is
that of a library (the database, Spring, Java), only its class is kept here.
"""

from typing import Any

from grpc import StatusCode

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
NOTHING_FOUND_CLASS = "org.springframework.dao.EmptyResultDataAccessException"
SEVERAL_FOUND_CLASS = "org.springframework.dao.IncorrectResultSizeDataAccessException"
DUPLICATE_CLASS = "org.springframework.dao.DuplicateKeyException"
VIOLATION_CLASS = "org.springframework.dao.DataIntegrityViolationException"
BAD_QUERY_CLASS = "org.springframework.jdbc.BadSqlGrammarException"
CUEBOT_CLASS = "com.imageworks.spcue.SpcueRuntimeException"
MODIFICATION_CLASS = "com.imageworks.spcue.EntityModificationError"

JOB_NOT_FOUND = "Job not found"
NAMED_JOB = "job.JobInterface"
"""The service whose methods answer so for everything that they do not find."""
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
"""Methods that catch "nothing found", and give its text."""
NUL = "\0"


class Missing(Exception):
    """Nothing in the farm has the requested key."""


class Refusal(Exception):
    """A request that Cuebot refuses. Its code and text go to the client."""

    def __init__(self, text: str, code: StatusCode = StatusCode.INTERNAL) -> None:
        super().__init__(text)
        self.code = code


class JavaException(Refusal):
    """A refusal that reads like an uncaught Java exception."""

    def __init__(self, java_class: str, text: str) -> None:
        super().__init__(f"{java_class}: {text}\n{text}")
        self.line = f"{java_class}: {text}"
        """The exception as a part of another one's text."""


class Unanswered(Exception):
    """A call that Cuebot never answers, so that its client's deadline passes."""


def not_found(method: str) -> Refusal:
    """The answer of a method (`job.JobInterface/GetJob`) about a missing thing."""
    if method in CAUGHT_METHODS:
        return Refusal(NOTHING_FOUND, StatusCode.NOT_FOUND)
    if method.startswith(NAMED_JOB):
        return Refusal(JOB_NOT_FOUND, StatusCode.NOT_FOUND)
    return JavaException(NOTHING_FOUND_CLASS, NOTHING_FOUND)


def found_several(count: int) -> JavaException:
    """The answer about a name that `count` things have. No method catches it."""
    return JavaException(SEVERAL_FOUND_CLASS, f"Incorrect result size: expected 1, actual {count}")


def null_pointer(text: str = "") -> Refusal:
    java_class = "java.lang.NullPointerException"
    return JavaException(java_class, text) if text else Refusal(f"{java_class}\nnull")


def illegal_argument(text: str) -> Refusal:
    return JavaException("java.lang.IllegalArgumentException", text)


def violation(text: str) -> JavaException:
    return JavaException(VIOLATION_CLASS, text)


def bad_query(text: str) -> JavaException:
    return JavaException(BAD_QUERY_CLASS, text)


def duplicate(what: str) -> JavaException:
    """A second `service of the name shell`."""
    return JavaException(DUPLICATE_CLASS, f"there is a {what} already")


def still_used(what: str, by: str) -> JavaException:
    """Something that cannot be deleted because of others that refer to it."""
    return violation(f'the {what} is still referenced from table "{by}"')


def check_length(text: str, most: int) -> None:
    """Raise Refusal for a text that does not fit into its column of `most` characters."""
    check_text(text)
    if len(text) > most:
        raise violation(f"a text is longer than {most} characters")


def check_text(text: str) -> None:
    if NUL in text:
        raise violation("a text has a NUL in it")


def check_texts(message: Any) -> None:
    """Raise Refusal if any text in a message has a NUL in it, which the database cannot hold."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else (value,):
            if field.message_type:
                check_texts(each)
            elif field.type == field.TYPE_STRING:
                check_text(each)
