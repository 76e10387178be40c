"""comment.CommentInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def save(farm: Farm, request: Any, answer: Any) -> None:
    """Change subject and text, and nothing else. One that is not there is no error."""
    if comment := farm.comments.get(request.comment.id):
        fill(comment, subject=request.comment.subject, message=request.comment.message)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """The job or host knows when it has no comment left."""
    comment = by_id(farm.comments, request.comment.id)
    parent = farm.parent_of[comment.id]
    about = farm.jobs.get(parent) or farm.hosts[parent]
    farm.disown(comment.id)
    del farm.comments[comment.id]
    fill(about, has_comment=bool(farm.comments_on(about)))


METHODS: Mapping[str, Handler] = {
    "Delete": delete,
    "Save": save,
}
