"""comment.CommentInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.additions import add_comment
from tests.simulator.desk import UNCAUGHT, Desk


def job_comments(desk: Desk) -> list[Any]:
    job = desk.job("demo-sh010-artist1_light_v012")
    return list(desk("JobInterface/GetComments", job={"id": job.id}).comments.comments)


def host_comments(desk: Desk) -> list[Any]:
    host = desk.host("render-node-06")
    return list(desk("HostInterface/GetComments", host={"id": host.id}).comments.comments)


def test_a_saved_comment_has_another_subject_and_text(desk: Desk) -> None:
    """CommentDaoJdbc.updateComment leaves user and time alone, and misses no missing comment."""
    [before] = job_comments(desk)
    changed = {"id": before.id, "subject": "S", "message": "M", "user": "eve", "timestamp": 1}
    desk("CommentInterface/Save", comment=changed)
    [after] = job_comments(desk)
    assert (after.subject, after.message) == ("S", "M")
    assert (after.user, after.timestamp) == (before.user, before.timestamp)
    desk("CommentInterface/Save", comment={"id": "x"})
    assert job_comments(desk) == [after]


@pytest.mark.parametrize("about", ["job", "host"])
def test_without_its_last_comment_a_thing_has_none(desk: Desk, about: str) -> None:
    """CommentDaoJdbc.deleteComment takes back the flag of the job or host with its last one."""
    comments = job_comments if about == "job" else host_comments
    [first] = comments(desk)
    thing = (desk.farm.jobs.get(desk.farm.parent_of[first.id])) or desk.farm.hosts[
        desk.farm.parent_of[first.id]
    ]
    assert thing.has_comment
    second = add_comment(desk.farm, thing, user="u", subject="s", text="t")
    desk("CommentInterface/Delete", comment={"id": first.id})
    assert [each.id for each in comments(desk)] == [second.id]
    assert thing.has_comment
    desk("CommentInterface/Delete", comment={"id": second.id})
    assert comments(desk) == []
    assert not thing.has_comment
    refusal = desk.refusal("CommentInterface/Delete", comment={"id": second.id})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_comments_of_one_second_are_different(desk: Desk) -> None:
    """Every comment has an id of its own, also when others were deleted before it."""
    job = desk.farm.jobs[desk.job("demo-sh010-artist1_light_v012").id]
    first, second = (add_comment(desk.farm, job, user="u", subject="s", text="t") for _ in "ab")
    desk("CommentInterface/Delete", comment={"id": first.id})
    third = add_comment(desk.farm, job, user="u", subject="s", text="t")
    assert third.id != second.id
    assert len(job_comments(desk)) == 3
