"""Questions: jobs, as they are read and changed."""

from collections.abc import Mapping
from typing import Any

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask
from tests.contract.questions_of_specs import job, spec

JOB = {"job": {"id": "$job"}}
NO_JOB = {"job": {"id": NOTHING}}
LAYER = {"layer": {"id": "$layer"}}
NO_LAYER = {"layer": {"id": NOTHING}}
FULL = "c$run-sh010-alice_a_v001"

READS = (
    Ask(
        "finding a job in capitals",
        "job.JobInterface/FindJob",
        {"name": "C$run-SH010-alice_A_v001"},
        values=("job.name",),
    ),
    Ask("finding a job that is not there", "job.JobInterface/FindJob", {"name": "nope$run"}),
    Ask("a job by id", "job.JobInterface/GetJob", {"id": "$job"}),
    Ask("a job by a wrong id", "job.JobInterface/GetJob", {"id": NOTHING}),
    Ask("a job by what is no id", "job.JobInterface/GetJob", {"id": "nope"}),
    Ask("a job by no id", "job.JobInterface/GetJob", {"id": ""}),
    Ask("a job as it is now", "job.JobInterface/GetCurrent", JOB),
    Ask(
        "whether a job is pending",
        "job.JobInterface/IsJobPending",
        {"name": FULL},
        values=("value",),
    ),
    Ask(
        "whether a job is pending, in capitals",
        "job.JobInterface/IsJobPending",
        {"name": "C$run-SH010-alice_A_v001"},
        values=("value",),
    ),
    Ask(
        "whether a missing job is pending",
        "job.JobInterface/IsJobPending",
        {"name": "nope$run"},
        values=("value",),
    ),
    Ask("jobs by show", "job.JobInterface/GetJobs", {"r": {"shows": ["c$run"]}}),
    Ask(
        "job names by show and user",
        "job.JobInterface/GetJobNames",
        {"r": {"shows": ["c$run"], "users": ["alice"], "jobs": [FULL]}},
        values=("names",),
    ),
    Ask("jobs by a wrong id", "job.JobInterface/GetJobs", {"r": {"ids": [NOTHING]}}),
    Ask("jobs of a missing show", "job.JobInterface/GetJobs", {"r": {"shows": ["nope$run"]}}),
    Ask(
        "jobs by a part of their names",
        "job.JobInterface/GetJobNames",
        {"r": {"substr": ["c$run-sh010-alice_a_"]}},
        values=("names",),
    ),
    Ask(
        "jobs by a part with a wild card",
        "job.JobInterface/GetJobNames",
        {"r": {"substr": ["c$run-sh_10%_a_v"]}},
        values=("names",),
    ),
    Ask(
        "jobs by a regular expression",
        "job.JobInterface/GetJobNames",
        {"r": {"regex": ["^c$run-sh010-alice_a_v[0-9]+$$"]}},
        values=("names",),
    ),
    Ask(
        "jobs by an expression with an open group",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["("]}},
    ),
    Ask(
        "jobs by an expression with an open set",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["["]}},
    ),
    Ask(
        "jobs by an expression that repeats nothing",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["*a"]}},
    ),
    Ask(
        "jobs by an expression that ends early",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["a\\"]}},
    ),
    Ask(
        "jobs by an expression with a bad range",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["[z-a]"]}},
    ),
    Ask(
        "jobs by an expression with a bad number",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["a{300}"]}},
    ),
    Ask(
        "jobs by an expression that closes too much",
        "job.JobInterface/GetJobs",
        {"r": {"regex": ["a)"]}},
    ),
    Ask(
        "a job's layers",
        "job.JobInterface/GetLayers",
        JOB,
        keep={"layer": "layers.layers.0.id", "movie": "layers.layers.1.id"},
        values=(
            "layers.layers.0.name",
            "layers.layers.0.limits",
            "layers.layers.0.type",
            "layers.layers.0.min_cores",
            "layers.layers.0.max_cores",
            "layers.layers.0.tags",
            "layers.layers.0.range",
            "layers.layers.0.chunk_size",
            "layers.layers.0.is_threadable",
            "layers.layers.0.services",
            "layers.layers.0.dispatch_order",
            "layers.layers.1.dispatch_order",
            "layers.layers.1.layer_stats.depend_frames",
        ),
    ),
    Ask("the layers of no job", "job.JobInterface/GetLayers", NO_JOB),
    Ask(
        "a job's frames",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"limit": 2}},
        keep={"frame": "frames.frames.0.id", "second": "frames.frames.1.id"},
        values=(
            "frames.frames.0.name",
            "frames.frames.1.name",
            "frames.frames.0.number",
            "frames.frames.0.state",
            "frames.frames.0.exit_status",
            "frames.frames.0.dispatch_order",
            "frames.frames.0.checkpoint_state",
            "frames.frames.0.last_resource",
            "frames.frames.0.retry_count",
        ),
    ),
    Ask("a job's frames without a limit", "job.JobInterface/GetFrames", JOB),
    Ask("less than no frames", "job.JobInterface/GetFrames", {**JOB, "req": {"limit": -1}}),
    Ask(
        "frames on a page before the first",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"page": -1, "limit": 2}},
        values=("frames.frames.0.name",),
    ),
    Ask(
        "frames on the second page",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"page": 2, "limit": 2}},
        values=("frames.frames.0.name",),
    ),
    Ask(
        "frames by a range",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"frame_range": "2-3", "limit": 9}},
        values=("frames.frames.0.name",),
    ),
    Ask(
        "frames by a range that is none",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"frame_range": "abc", "limit": 9}},
    ),
    Ask(
        "frames by memory",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"memory_range": "0-5", "limit": 1}},
    ),
    Ask(
        "frames by memory that is none",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"memory_range": "abc", "limit": 9}},
    ),
    Ask(
        "frames by states",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"states": {"frame_states": ["DEPEND"]}, "limit": 9}},
        values=("frames.frames.0.name", "frames.frames.0.state"),
    ),
    Ask(
        "frames by layers",
        "job.JobInterface/GetFrames",
        {**JOB, "req": {"layers": ["movie"], "limit": 9}},
        values=("frames.frames.0.name",),
    ),
    Ask("the frames of no job", "job.JobInterface/GetFrames", {**NO_JOB, "req": {"limit": 1}}),
    Ask("frames that changed since nothing", "job.JobInterface/GetUpdatedFrames", JOB, deadline=1),
    Ask(
        "frames that changed since long ago",
        "job.JobInterface/GetUpdatedFrames",
        {**JOB, "last_check": 1000},
        deadline=1,
    ),
    Ask(
        "frames that will change",
        "job.JobInterface/GetUpdatedFrames",
        {**JOB, "last_check": 2147483647},
        values=("state",),
    ),
    Ask("frames that changed in no job", "job.JobInterface/GetUpdatedFrames", NO_JOB),
    Ask("a frame by id", "job.FrameInterface/GetFrame", {"id": "$frame"}),
    Ask("a frame by a wrong id", "job.FrameInterface/GetFrame", {"id": NOTHING}),
    Ask(
        "finding a frame",
        "job.FrameInterface/FindFrame",
        {"job": FULL, "layer": "render", "frame": 1},
        values=("frame.name",),
    ),
    Ask(
        "finding a frame that is not there",
        "job.FrameInterface/FindFrame",
        {"job": FULL, "layer": "render", "frame": 99},
    ),
    Ask(
        "finding frames",
        "job.FrameInterface/GetFrames",
        {"job": FULL, "r": {"limit": 1}},
        values=("frames.frames.0.name",),
    ),
    Ask(
        "finding frames of no job",
        "job.FrameInterface/GetFrames",
        {"job": "nope$run", "r": {"limit": 1}},
    ),
    Ask(
        "a layer by id",
        "job.LayerInterface/GetLayer",
        {"id": "$layer"},
        values=("layer.name", "layer.limits", "layer.parent_id"),
    ),
    Ask("a layer by a wrong id", "job.LayerInterface/GetLayer", {"id": NOTHING}),
    Ask(
        "finding a layer",
        "job.LayerInterface/FindLayer",
        {"job": FULL, "layer": "render"},
        values=("layer.limits",),
    ),
    Ask(
        "finding a layer that is not there",
        "job.LayerInterface/FindLayer",
        {"job": FULL, "layer": "nope"},
    ),
    Ask(
        "finding a layer of no job",
        "job.LayerInterface/FindLayer",
        {"job": "nope$run", "layer": "render"},
    ),
    Ask(
        "a layer's frames",
        "job.LayerInterface/GetFrames",
        {**LAYER, "s": {"limit": 1}},
        values=("frames.frames.0.name",),
    ),
    Ask("the frames of no layer", "job.LayerInterface/GetFrames", {**NO_LAYER, "s": {"limit": 1}}),
    Ask("a layer's limits", "job.LayerInterface/GetLimits", LAYER),
    Ask("the limits of no layer", "job.LayerInterface/GetLimits", NO_LAYER),
    Ask("a layer's outputs", "job.LayerInterface/GetOutputPaths", LAYER),
)

FRAME = {"frame": {"id": "$frame"}}
NO_FRAME = {"frame": {"id": NOTHING}}

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
