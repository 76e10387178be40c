"""Questions: what is done to jobs and frames, and how jobs end."""

from collections.abc import Mapping
from typing import Any

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask
from tests.contract.job_specs import job, spec

JOB = {"job": {"id": "$job"}}
NO_JOB = {"job": {"id": NOTHING}}
FRAME = {"frame": {"id": "$frame"}}
NO_FRAME = {"frame": {"id": NOTHING}}
FULL = "c$run-sh010-alice_a_v001"

OF_NO_JOB: Mapping[str, Mapping[str, Any]] = {
    "AddComment": {"new_comment": {"user": "a", "subject": "b", "message": "c"}},
    "AddRenderPartition": {"host": "nope", "username": "nobody"},
    "AddSubscriber": {"subscriber": "a@b.example"},
    "CreateDependencyOnFrame": {"frame": {"id": "$frame"}},
    "CreateDependencyOnJob": {"on_job": {"id": "$job"}},
    "CreateDependencyOnLayer": {"layer": {"id": "$layer"}},
    "DropDepends": {},
    "EatFrames": {},
    "GetComments": {},
    "GetCurrent": {},
    "GetDepends": {},
    "GetWhatDependsOnThis": {},
    "GetWhatThisDependsOn": {},
    "Kill": {"reason": "contract"},
    "KillFrames": {"reason": "contract"},
    "MarkAsWaiting": {},
    "MarkDoneFrames": {},
    "Pause": {},
    "ReorderFrames": {"range": "1-10", "order": "REVERSE"},
    "Resume": {},
    "RetryFrames": {},
    "RunFilters": {},
    "SetAutoEat": {"value": True},
    "SetGroup": {"group_id": "$root"},
    "SetMaxCores": {"val": 1},
    "SetMaxGpus": {"val": 1},
    "SetMaxRetries": {"max_retries": 1},
    "SetMinCores": {"val": 1},
    "SetMinGpus": {"val": 1},
    "SetPriority": {"val": 1},
    "ShutdownIfCompleted": {},
    "StaggerFrames": {"range": "1-10", "stagger": 2},
}
"""Methods that are asked about a job which is not there, with the rest of their requests."""

CHANGES = (
    *(
        Ask(f"{method} of no job", f"job.JobInterface/{method}", {**NO_JOB, **rest})
        for method, rest in OF_NO_JOB.items()
    ),
    Ask("pausing a job without an id", "job.JobInterface/Pause", {}),
    Ask("pausing a job", "job.JobInterface/Pause", JOB),
    Ask("a paused job", "job.JobInterface/GetJob", {"id": "$job"}, values=("job.is_paused",)),
    Ask("resuming a job", "job.JobInterface/Resume", JOB),
    Ask("a negative priority", "job.JobInterface/SetPriority", {**JOB, "val": -5}),
    Ask("negative most cores", "job.JobInterface/SetMaxCores", {**JOB, "val": -3}),
    Ask("many least cores", "job.JobInterface/SetMinCores", {**JOB, "val": 100000}),
    Ask("GPUs of a job", "job.JobInterface/SetMinGpus", {**JOB, "val": 2}),
    Ask(
        "a job after its changes",
        "job.JobInterface/GetJob",
        {"id": "$job"},
        values=("job.priority", "job.max_cores", "job.min_cores", "job.min_gpus", "job.is_paused"),
    ),
    Ask("few retries", "job.JobInterface/SetMaxRetries", {**JOB, "max_retries": 3}),
    Ask("negative retries", "job.JobInterface/SetMaxRetries", {**JOB, "max_retries": -1}),
    Ask("too many retries", "job.JobInterface/SetMaxRetries", {**JOB, "max_retries": 100}),
    Ask(
        "a job's subscriber", "job.JobInterface/AddSubscriber", {**JOB, "subscriber": "a@b.example"}
    ),
    Ask(
        "a comment on a job",
        "job.JobInterface/AddComment",
        {**JOB, "new_comment": {"user": "alice", "subject": "s", "message": "m"}},
    ),
    Ask(
        "a job's comments",
        "job.JobInterface/GetComments",
        JOB,
        keep={"comment": "comments.comments.0.id"},
        values=(
            "comments.comments.0.user",
            "comments.comments.0.subject",
            "comments.comments.0.message",
        ),
    ),
    Ask(
        "saving a comment",
        "comment.CommentInterface/Save",
        {"comment": {"id": "$comment", "user": "alice", "subject": "t", "message": "n"}},
    ),
    Ask("deleting a comment", "comment.CommentInterface/Delete", {"comment": {"id": "$comment"}}),
    Ask(
        "deleting a comment again",
        "comment.CommentInterface/Delete",
        {"comment": {"id": "$comment"}},
    ),
    Ask("an empty comment", "job.JobInterface/AddComment", {**JOB, "new_comment": {}}),
    Ask(
        "a job to a group of another show",
        "job.JobInterface/SetGroup",
        {**JOB, "group_id": "$resting_root"},
    ),
    Ask("a job to its own group", "job.JobInterface/SetGroup", {**JOB, "group_id": "$root"}),
    Ask("a job to no group", "job.JobInterface/SetGroup", {**JOB, "group_id": NOTHING}),
    Ask("running filters", "job.JobInterface/RunFilters", JOB),
    Ask(
        "staggering a job's frames",
        "job.JobInterface/StaggerFrames",
        {**JOB, "range": "1-10", "stagger": 2},
    ),
    Ask(
        "reordering a job's frames",
        "job.JobInterface/ReorderFrames",
        {**JOB, "range": "1-10", "order": "REVERSE"},
    ),
    Ask("a frame that waits is killed", "job.FrameInterface/Kill", FRAME),
    Ask("eating no frame", "job.FrameInterface/Eat", NO_FRAME),
    Ask("killing no frame", "job.FrameInterface/Kill", NO_FRAME),
    Ask("retrying no frame", "job.FrameInterface/Retry", NO_FRAME),
    Ask(
        "a checkpoint of no frame",
        "job.FrameInterface/SetCheckpointState",
        {**NO_FRAME, "state": "ENABLED"},
    ),
    Ask(
        "a checkpoint of a frame",
        "job.FrameInterface/SetCheckpointState",
        {**FRAME, "state": "ENABLED"},
    ),
    Ask("a frame's depends", "job.FrameInterface/GetWhatThisDependsOn", FRAME),
    Ask("the depends of no frame", "job.FrameInterface/GetWhatThisDependsOn", NO_FRAME),
    Ask("how a frame is shown", "job.FrameInterface/GetFrameStateDisplayOverrides", FRAME),
    Ask(
        "showing a frame's state otherwise",
        "job.FrameInterface/SetFrameStateDisplayOverride",
        {
            **FRAME,
            "override": {
                "state": "WAITING",
                "text": "later",
                "color": {"red": 1, "green": 2, "blue": 3},
            },
        },
    ),
    Ask(
        "how a frame is shown now",
        "job.FrameInterface/GetFrameStateDisplayOverrides",
        FRAME,
        values=("overrides.overrides.0.text",),
    ),
    Ask("eating frames", "job.JobInterface/EatFrames", {**JOB, "req": {"frames": ["0002-render"]}}),
    Ask(
        "an eaten frame",
        "job.FrameInterface/FindFrame",
        {"job": FULL, "layer": "render", "frame": 2},
        later=True,
        values=("frame.state",),
    ),
    Ask(
        "retrying frames",
        "job.JobInterface/RetryFrames",
        {**JOB, "req": {"frames": ["0002-render"]}},
    ),
    Ask(
        "a frame that waits again",
        "job.FrameInterface/FindFrame",
        {"job": FULL, "layer": "render", "frame": 2},
        later=True,
        values=("frame.state",),
    ),
    Ask(
        "marking frames done",
        "job.JobInterface/MarkDoneFrames",
        {**JOB, "req": {"frames": ["0003-render"]}},
    ),
    Ask(
        "marking frames as waiting",
        "job.JobInterface/MarkAsWaiting",
        {**JOB, "req": {"layers": ["movie"], "limit": 9}},
    ),
    Ask(
        "a frame that was marked as waiting",
        "job.FrameInterface/FindFrame",
        {"job": FULL, "layer": "movie", "frame": 1},
        later=True,
        values=("frame.state",),
    ),
)


ENDS = (
    Ask("killing a job without a reason", "job.JobInterface/Kill", {"job": {"id": "$three"}}),
    Ask(
        "eating all frames at failure",
        "job.JobInterface/SetAutoEat",
        {"job": {"id": "$three"}, "value": True},
    ),
    Ask(
        "a job that nobody gave a reason to kill",
        "job.JobInterface/GetJob",
        {"id": "$three"},
        values=("job.state", "job.auto_eat"),
    ),
    Ask(
        "killing a job",
        "job.JobInterface/Kill",
        {"job": {"id": "$three"}, "reason": "contract", "username": "alice"},
    ),
    Ask(
        "whether a killed job is pending",
        "job.JobInterface/IsJobPending",
        {"name": "c$run-sh010-alice_three_v001"},
        later=True,
        values=("value",),
    ),
    Ask(
        "finding a killed job", "job.JobInterface/FindJob", {"name": "c$run-sh010-alice_three_v001"}
    ),
    Ask("a killed job by id", "job.JobInterface/GetJob", {"id": "$three"}, values=("job.state",)),
    Ask(
        "finished jobs",
        "job.JobInterface/GetJobs",
        {"r": {"ids": ["$three"], "include_finished": True}},
        values=("jobs.jobs.0.state",),
    ),
    Ask(
        "killing a job again",
        "job.JobInterface/Kill",
        {"job": {"id": "$three"}, "reason": "contract"},
    ),
    Ask("pausing a killed job", "job.JobInterface/Pause", {"job": {"id": "$three"}}),
    Ask(
        "launching a killed job again",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="Three-V001"))},
        values=("jobs.jobs.0.name",),
    ),
)
