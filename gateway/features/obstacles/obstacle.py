"""An obstacle, and the error of a change that Cuebot refuses for it."""

from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.calls.failures import Explainable, subjects
from gateway.core.errors import Code
from gateway.core.profile.profile import Sign
from gateway.core.schema.method import Copies, FieldPath, Method


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why Cuebot refuses a call as things are: what a read tells of the object."""

    sign: Sign
    says: str
    """The sentence for what the read finds (`{found}`) about the request's object (`{subject}`)."""
    says_one: str
    """For one row."""
    otherwise: str
    """Without the read, or if it finds nothing that explains it."""
    method: Method
    copies: Copies
    """From the request to that of the read."""
    rows: tuple[FieldDescriptor, ...]
    """From the answer down to the list of objects that are counted; empty for a value."""
    take: FieldPath
    """The value, in the answer."""
    unless: tuple[str, ...]
    """Values that explain nothing."""


class Refused(Explainable):
    """A change that Cuebot refused as things are: 409."""

    def __init__(self, method: Method, payload: bytes, obstacle: Obstacle, cuebot: str) -> None:
        self.method, self.payload, self.obstacle = method, payload, obstacle
        self.subject = subjects(method, payload, named=True)
        message = obstacle.otherwise.format(subject=self.subject)
        super().__init__(Code.FAILED_PRECONDITION, message, status=409, cuebot=cuebot)
