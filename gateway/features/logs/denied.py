"""What the audit log has of a log that was denied: its path, since no body says which one."""

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.state import Slot

IS_OF_LOG = Slot(lambda: True)


def note_log(context: RequestContext) -> None:
    IS_OF_LOG.of(context)


def add_path(context: RequestContext, fields: dict[str, object]) -> None:
    if IS_OF_LOG.peek(context):
        fields["path"] = context.request.logged_path


async def nothing_to_read() -> None:
    """`ReadDenied` of a request without a body."""
