"""Questions: one or two of each method that no other question is about."""

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

GENERAL = {"allocation": {"facility": "local", "name": "general"}}
NO_ALLOCATION = {"allocation": {"facility": "local", "name": "nope$run"}}
FILTER = {"filter": {"id": "$late_filter"}}
GROUP = {"group": {"id": "$group"}}
JOB = {"job": {"id": "$job"}}
LAYER = {"layer": {"id": "$layer"}}
FRAME = {"frame": {"id": "$frame"}}
NO_PROC = {"proc": {"id": NOTHING}}

REST = (
    Ask(
        "replacing the tasks of no department",
        "department.DepartmentInterface/ReplaceTasks",
        {"department": {"id": NOTHING}},
    ),
    Ask(
        "replacing tasks by none",
        "department.DepartmentInterface/ReplaceTasks",
        {"department": {"id": "$department"}},
    ),
    Ask(
        "replacing tasks by one",
        "department.DepartmentInterface/ReplaceTasks",
        {"department": {"id": "$department"}, "tmap": {"sh040": 100}},
    ),
    Ask(
        "hosts of an allocation by its id",
        "facility.AllocationInterface/FindHosts",
        {"allocation": {"id": "$allocation"}},
    ),
    Ask(
        "the hosts of no allocation",
        "facility.AllocationInterface/GetHosts",
        {"allocation": {"id": NOTHING}},
    ),
    Ask(
        "hosts into no allocation",
        "facility.AllocationInterface/ReparentHosts",
        {"allocation": {"id": NOTHING}},
    ),
    Ask(
        "a billable allocation",
        "facility.AllocationInterface/SetBillable",
        {**GENERAL, "value": True},
    ),
    Ask(
        "no billable allocation",
        "facility.AllocationInterface/SetBillable",
        {**NO_ALLOCATION, "value": True},
    ),
    Ask("no default allocation", "facility.AllocationInterface/SetDefault", NO_ALLOCATION),
    Ask(
        "an allocation of two words",
        "facility.AllocationInterface/SetName",
        {**GENERAL, "name": "a b"},
    ),
    Ask(
        "an allocation of another's name",
        "facility.AllocationInterface/SetName",
        {**GENERAL, "name": "desktop"},
    ),
    Ask(
        "another name for no allocation",
        "facility.AllocationInterface/SetName",
        {**NO_ALLOCATION, "name": "ab"},
    ),
    Ask(
        "another filter",
        "show.ShowInterface/CreateFilter",
        {"show": {"id": "$show"}, "name": "late"},
        keep={"late_filter": "filter.id"},
    ),
    Ask("a filter sooner", "filter.FilterInterface/RaiseOrder", FILTER),
    Ask("a filter later", "filter.FilterInterface/LowerOrder", FILTER),
    Ask("a filter first", "filter.FilterInterface/OrderFirst", FILTER),
    Ask("a filter last", "filter.FilterInterface/OrderLast", FILTER),
    Ask(
        "a filter beyond all places",
        "filter.FilterInterface/SetOrder",
        {**FILTER, "order": 2000000},
    ),
    Ask(
        "a filter of another type",
        "filter.FilterInterface/SetType",
        {**FILTER, "type": "MATCH_ANY"},
    ),
    Ask(
        "a filter on a job",
        "filter.FilterInterface/RunFilterOnJobs",
        {**FILTER, "jobs": {"jobs": [{"id": "$job"}]}},
    ),
    Ask(
        "a filter on no job",
        "filter.FilterInterface/RunFilterOnJobs",
        {**FILTER, "jobs": {"jobs": [{"id": NOTHING}]}},
    ),
    Ask(
        "a late matcher",
        "filter.FilterInterface/CreateMatcher",
        {**FILTER, "data": {"subject": "SHOT", "type": "IS", "input": "x"}},
        keep={"late_matcher": "matcher.id"},
    ),
    Ask(
        "a matcher that is changed",
        "filter.MatcherInterface/Commit",
        {
            "matcher": {
                "id": "$late_matcher",
                "subject": "USER",
                "type": "CONTAINS",
                "input": "nobody",
            }
        },
    ),
    Ask(
        "a matcher after that",
        "filter.FilterInterface/GetMatchers",
        FILTER,
        values=(
            "matchers.matchers.0.subject",
            "matchers.matchers.0.type",
            "matchers.matchers.0.input",
        ),
    ),
    Ask(
        "no matcher that is changed", "filter.MatcherInterface/Commit", {"matcher": {"id": NOTHING}}
    ),
    Ask(
        "a late action",
        "filter.FilterInterface/CreateAction",
        {**FILTER, "data": {"type": "PAUSE_JOB", "value_type": "BOOLEAN_TYPE"}},
        keep={"late_action": "action.id"},
    ),
    Ask(
        "an action of too large a number",
        "filter.FilterInterface/CreateAction",
        {
            **FILTER,
            "data": {"type": "SET_JOB_MAX_CORES", "value_type": "FLOAT_TYPE", "float_value": 10000},
        },
    ),
    Ask(
        "an action that is changed",
        "filter.ActionInterface/Commit",
        {
            "action": {
                "id": "$late_action",
                "type": "SET_JOB_PRIORITY",
                "value_type": "INTEGER_TYPE",
                "integer_value": 3,
            }
        },
    ),
    Ask(
        "an action after that",
        "filter.FilterInterface/GetActions",
        FILTER,
        values=("actions.actions.0.type", "actions.actions.0.integer_value"),
    ),
    Ask("no action that is changed", "filter.ActionInterface/Commit", {"action": {"id": NOTHING}}),
    Ask("rebooting no idle host", "host.HostInterface/RebootWhenIdle", {"host": {"id": NOTHING}}),
    Ask(
        "no host for a job",
        "host.HostInterface/RedirectToJob",
        {"host": {"id": NOTHING}, "job_id": "$job"},
    ),
    Ask("no proc without a redirect", "host.ProcInterface/ClearRedirect", NO_PROC),
    Ask("the layer of no proc", "host.ProcInterface/GetLayer", NO_PROC),
    Ask("no proc for a job", "host.ProcInterface/RedirectToJob", {**NO_PROC, "job_id": "$job"}),
    Ask(
        "no proc for a group",
        "host.ProcInterface/RedirectToGroup",
        {**NO_PROC, "group_id": "$group"},
    ),
    Ask(
        "unbooking any number for a job",
        "host.ProcInterface/UnbookToJob",
        {"r": {"jobs": ["nope$run"]}, "jobs": {"jobs": [{"id": "$job"}]}},
    ),
    Ask(
        "unbooking for a job",
        "host.ProcInterface/UnbookToJob",
        {"r": {"jobs": ["nope$run"], "max_results": [1]}, "jobs": {"jobs": [{"id": "$job"}]}},
        values=("num_procs",),
    ),
    Ask(
        "unbooking for no job",
        "host.ProcInterface/UnbookToJob",
        {"r": {"jobs": ["nope$run"], "max_results": [1]}, "jobs": {"jobs": [{"id": NOTHING}]}},
        values=("num_procs",),
    ),
    Ask(
        "unbooking for a group",
        "host.ProcInterface/UnbookToGroup",
        {"r": {"jobs": ["nope$run"], "max_results": [1]}, "group": {"id": "$group"}},
        values=("num_procs",),
    ),
    Ask(
        "unbooking for no group",
        "host.ProcInterface/UnbookToGroup",
        {"r": {"jobs": ["nope$run"], "max_results": [1]}, "group": {"id": NOTHING}},
    ),
    Ask(
        "a partition on no host, for a job",
        "job.JobInterface/AddRenderPartition",
        {**JOB, "host": "nope$run", "username": "nope$run"},
    ),
    Ask(
        "a partition on no host, for a layer",
        "job.LayerInterface/AddRenderPartition",
        {**LAYER, "host": "nope$run", "username": "nope$run"},
    ),
    Ask(
        "a partition on no host, for a frame",
        "job.FrameInterface/AddRenderPartition",
        {**FRAME, "host": "nope$run", "username": "nope$run"},
    ),
    Ask(
        "a partition on an open host, for a job",
        "job.JobInterface/AddRenderPartition",
        {**JOB, "host": "$host_name", "username": "nope$run"},
    ),
    Ask(
        "a partition on an open host, for a layer",
        "job.LayerInterface/AddRenderPartition",
        {**LAYER, "host": "$host_name", "username": "nope$run"},
    ),
    Ask(
        "a larger partition that is not there",
        "renderPartition.RenderPartitionInterface/SetMaxResources",
        {"render_partition": {"id": NOTHING}, "cores": 1},
    ),
    Ask(
        "a frame on a job",
        "job.FrameInterface/CreateDependencyOnJob",
        {**FRAME, "job": {"id": "$full"}},
        values=("depend.type", "depend.target"),
    ),
    Ask(
        "a frame on a layer",
        "job.FrameInterface/CreateDependencyOnLayer",
        {**FRAME, "layer": {"id": "$movie"}},
        values=("depend.type", "depend.target"),
    ),
    Ask("what waits for a frame", "job.FrameInterface/GetWhatDependsOnThis", FRAME),
    Ask(
        "dropping a frame's depends",
        "job.FrameInterface/DropDepends",
        {**FRAME, "target": "EXTERNAL"},
    ),
    Ask("a frame that is to depend", "job.FrameInterface/MarkAsDepend", FRAME),
    Ask("a frame that is to wait", "job.FrameInterface/MarkAsWaiting", FRAME),
    Ask("no frame that is to wait", "job.FrameInterface/MarkAsWaiting", {"frame": {"id": NOTHING}}),
    Ask(
        "a layer on a job",
        "job.LayerInterface/CreateDependencyOnJob",
        {**LAYER, "job": {"id": "$full"}},
        values=("depend.type", "depend.target"),
    ),
    Ask(
        "a layer on a frame",
        "job.LayerInterface/CreateDependencyOnFrame",
        {**LAYER, "frame": {"id": "$second"}},
        values=("depend.type",),
    ),
    Ask(
        "dropping a layer's depends",
        "job.LayerInterface/DropDepends",
        {**LAYER, "target": "EXTERNAL"},
    ),
    Ask("eating a layer's frames", "job.LayerInterface/EatFrames", {"layer": {"id": "$movie"}}),
    Ask(
        "an eaten layer",
        "job.LayerInterface/GetLayer",
        {"id": "$movie"},
        later=True,
        values=("layer.layer_stats.eaten_frames",),
    ),
    Ask("retrying a layer's frames", "job.LayerInterface/RetryFrames", {"layer": {"id": "$movie"}}),
    Ask(
        "a layer after that",
        "job.LayerInterface/GetLayer",
        {"id": "$movie"},
        later=True,
        values=("layer.layer_stats.eaten_frames", "layer.layer_stats.total_frames"),
    ),
    Ask("marking a layer done", "job.LayerInterface/MarkdoneFrames", LAYER),
    Ask("a layer's place", "job.LayerInterface/SetDispatchOrder", {**LAYER, "order": 5}),
    Ask("most GPUs of a layer", "job.LayerInterface/SetMaxGpus", {**LAYER, "max_gpus": 3}),
    Ask(
        "default most cores of a group's jobs",
        "job.GroupInterface/SetDefaultJobMaxCores",
        {**GROUP, "max_cores": 20},
    ),
    Ask(
        "default most GPUs of a group's jobs",
        "job.GroupInterface/SetDefaultJobMaxGpus",
        {**GROUP, "max_gpus": 4},
    ),
    Ask(
        "default least GPUs of a group's jobs",
        "job.GroupInterface/SetDefaultJobMinGpus",
        {**GROUP, "min_gpus": 0},
    ),
    Ask("most GPUs of a group", "job.GroupInterface/SetMaxGpus", {**GROUP, "max_gpus": -5}),
    Ask("least GPUs of a group", "job.GroupInterface/SetMinGpus", {**GROUP, "min_gpus": 1}),
    Ask("least cores of a group", "job.GroupInterface/SetMinCores", {**GROUP, "min_cores": 1.7}),
    Ask(
        "a group after all that",
        "job.GroupInterface/GetGroup",
        {"id": "$group"},
        values=(
            "group.default_job_max_cores",
            "group.default_job_max_gpus",
            "group.default_job_min_gpus",
            "group.max_gpus",
            "group.min_gpus",
            "group.min_cores",
        ),
    ),
    Ask(
        "a job in a group after all that",
        "job.JobInterface/GetJob",
        {"id": "$job"},
        values=("job.max_cores", "job.max_gpus", "job.min_gpus", "job.min_cores", "job.priority"),
    ),
    Ask(
        "an override that is changed",
        "service.ServiceOverrideInterface/Update",
        {"service": {"id": NOTHING, "name": "x"}},
    ),
    Ask(
        "an override that is not there, no more",
        "service.ServiceOverrideInterface/Delete",
        {"service": {"id": NOTHING}},
    ),
    Ask(
        "moving a task that is not there",
        "task.TaskInterface/SetMinCores",
        {"task": {"name": NOTHING}, "new_min_cores": 1},
    ),
    Ask(
        "a late task",
        "department.DepartmentInterface/AddTask",
        {"department": {"id": "$department"}, "shot": "sh050", "min_cores": 1},
    ),
    Ask(
        "late tasks",
        "department.DepartmentInterface/GetTasks",
        {"department": {"id": "$department"}},
        keep={"task": "tasks.tasks.1.id"},
        values=("tasks.tasks.0.shot", "tasks.tasks.1.shot"),
    ),
    Ask(
        "a late task's cores",
        "task.TaskInterface/SetMinCores",
        {"task": {"name": "$task"}, "new_min_cores": 4.5},
    ),
    Ask(
        "a late task's adjustments",
        "task.TaskInterface/ClearAdjustments",
        {"task": {"name": "$task"}},
    ),
    Ask(
        "negative cores of a task",
        "task.TaskInterface/SetMinCores",
        {"task": {"name": "$task"}, "new_min_cores": -2},
    ),
    Ask(
        "late tasks after that",
        "department.DepartmentInterface/GetTasks",
        {"department": {"id": "$department"}},
        values=("tasks.tasks.1.min_cores", "tasks.tasks.1.adjust_cores"),
    ),
    Ask("a late task no more", "task.TaskInterface/Delete", {"task": {"name": "$task"}}),
    Ask(
        "an owner who moves",
        "show.ShowInterface/CreateOwner",
        {"show": {"id": "$show"}, "name": "mov$run"},
        keep={"mover": "owner.id"},
    ),
    Ask(
        "a show for an owner",
        "host.OwnerInterface/SetShow",
        {"owner": {"id": "$mover"}, "show": "i$run"},
    ),
    Ask(
        "an owner who moved",
        "host.OwnerInterface/GetOwner",
        {"name": "mov$run"},
        values=("owner.show", "owner.host_count"),
    ),
    Ask("no owner any more", "host.OwnerInterface/Delete", {"owner": {"id": "$mover"}}),
)
