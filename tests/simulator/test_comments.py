"""comment.CommentInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.new_entities import add_comment
from tests.simulator.in_process import UNCAUGHT, Cuebot


def job_comments(cuebot: Cuebot) -> list[Any]:
    job = cuebot.job("demo-sh010-artist1_light_v012")
    return list(cuebot("JobInterface/GetComments", job={"id": job.id}).comments.comments)


def host_comments(cuebot: Cuebot) -> list[Any]:
    host = cuebot.host("render-node-06")
    return list(cuebot("HostInterface/GetComments", host={"id": host.id}).comments.comments)


def test_a_saved_comment_has_another_subject_and_text(cuebot: Cuebot) -> None:
    """CommentDaoJdbc.updateComment leaves user and time alone, and misses no missing comment."""
    [before] = job_comments(cuebot)
    changed = {"id": before.id, "subject": "S", "message": "M", "user": "eve", "timestamp": 1}
    cuebot("CommentInterface/Save", comment=changed)
    [after] = job_comments(cuebot)
    assert (after.subject, after.message) == ("S", "M")
    assert (after.user, after.timestamp) == (before.user, before.timestamp)
    cuebot("CommentInterface/Save", comment={"id": "x"})
    assert job_comments(cuebot) == [after]


@pytest.mark.parametrize("about", ["job", "host"])
def test_without_its_last_comment_a_thing_has_none(cuebot: Cuebot, about: str) -> None:
    """CommentDaoJdbc.deleteComment takes back the flag of the job or host with its last one."""
    comments = job_comments if about == "job" else host_comments
    [first] = comments(cuebot)
    thing = (cuebot.farm.jobs.get(cuebot.farm.parent_of[first.id])) or cuebot.farm.hosts[
        cuebot.farm.parent_of[first.id]
    ]
    assert thing.has_comment
    second = add_comment(cuebot.farm, thing, user="u", subject="s", text="t")
    cuebot("CommentInterface/Delete", comment={"id": first.id})
    assert [each.id for each in comments(cuebot)] == [second.id]
    assert thing.has_comment
    cuebot("CommentInterface/Delete", comment={"id": second.id})
    assert comments(cuebot) == []
    assert not thing.has_comment
    refusal = cuebot.refusal("CommentInterface/Delete", comment={"id": second.id})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_comments_of_one_second_are_different(cuebot: Cuebot) -> None:
    """Every comment has an id of its own, also when others were deleted before it."""
    job = cuebot.farm.jobs[cuebot.job("demo-sh010-artist1_light_v012").id]
    first, second = (add_comment(cuebot.farm, job, user="u", subject="s", text="t") for _ in "ab")
    cuebot("CommentInterface/Delete", comment={"id": first.id})
    third = add_comment(cuebot.farm, job, user="u", subject="s", text="t")
    assert third.id != second.id
    assert len(job_comments(cuebot)) == 3
