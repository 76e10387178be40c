"""comment.CommentInterface."""

from typing import Any

from cuebot_simulator.services.handlers import Methods, requested
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm


def save(farm: Farm, request: Any, answer: Any) -> None:
    """Change subject and text only. A missing comment is no error."""
    if comment := farm.comments.get(request.comment.id):
        fill(comment, subject=request.comment.subject, message=request.comment.message)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    comment = requested(farm, request, "comment")
    parent = farm.parent_of[comment.id]
    about = farm.jobs.get(parent) or farm.hosts[parent]
    farm.disown(comment.id)
    del farm.comments[comment.id]
    fill(about, has_comment=bool(farm.comments_on(about)))


METHODS: Methods = {"Delete": delete, "Save": save}
