"""Questions: limits, facilities and allocations, what is too long, and what is not there at all."""

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

HOST = {"host": {"id": "$host"}}
SHOW = {"show": {"id": "$show"}}

LIMITS = (
    Ask(
        "a limit",
        "limit.LimitInterface/Create",
        {"name": "lim$run", "max_value": 5},
        keep={"limit": "limit.id"},
        values=(
            "limit.name",
            "limit.max_value",
            "limit.current_running",
            "limit.type",
            "limit.enforcement",
        ),
    ),
    Ask("finding a limit", "limit.LimitInterface/Find", {"name": "lim$run"}),
    Ask("a limit by id", "limit.LimitInterface/Get", {"id": "$limit"}),
    Ask("a limit by a wrong id", "limit.LimitInterface/Get", {"id": NOTHING}),
    Ask(
        "a limit for a layer",
        "job.LayerInterface/AddLimit",
        {"layer": {"id": "$layer"}, "limit_id": "$limit"},
    ),
    Ask(
        "a limit for a layer again",
        "job.LayerInterface/AddLimit",
        {"layer": {"id": "$layer"}, "limit_id": "$limit"},
    ),
    Ask(
        "a layer with a limit",
        "job.LayerInterface/GetLayer",
        {"id": "$layer"},
        values=("layer.limits",),
    ),
    Ask(
        "the limits of a layer with one",
        "job.LayerInterface/GetLimits",
        {"layer": {"id": "$layer"}},
        values=("limits.0.name",),
    ),
    Ask(
        "no limit for a layer",
        "job.LayerInterface/DropLimit",
        {"layer": {"id": "$layer"}, "limit_id": "$limit"},
    ),
    Ask(
        "a layer without a limit",
        "job.LayerInterface/GetLayer",
        {"id": "$layer"},
        values=("layer.limits",),
    ),
    Ask("a limit's most", "limit.LimitInterface/SetMaxValue", {"name": "lim$run", "max_value": 6}),
    Ask(
        "a limit of another name",
        "limit.LimitInterface/Rename",
        {"old_name": "lim$run", "new_name": "lin$run"},
    ),
    Ask(
        "a limit of a taken name",
        "limit.LimitInterface/Create",
        {"name": "lin$run", "max_value": 5},
        values=("limit.name",),
    ),
    Ask("all limits", "limit.LimitInterface/GetAll"),
    Ask("finding a limit whose name two have", "limit.LimitInterface/Find", {"name": "lin$run"}),
    Ask(
        "the most of a limit whose name two have",
        "limit.LimitInterface/SetMaxValue",
        {"name": "lin$run", "max_value": 6},
    ),
    Ask(
        "renaming a limit whose name two have",
        "limit.LimitInterface/Rename",
        {"old_name": "lin$run", "new_name": "lio$run"},
    ),
    Ask("deleting a limit whose name two have", "limit.LimitInterface/Delete", {"name": "lin$run"}),
    Ask("finding a limit that is not there", "limit.LimitInterface/Find", {"name": "nope$run"}),
    Ask(
        "the most of no limit",
        "limit.LimitInterface/SetMaxValue",
        {"name": "nope$run", "max_value": 6},
    ),
    Ask(
        "renaming no limit",
        "limit.LimitInterface/Rename",
        {"old_name": "nope$run", "new_name": "x$run"},
    ),
    Ask("deleting no limit", "limit.LimitInterface/Delete", {"name": "nope$run"}),
    Ask(
        "a limit to be deleted", "limit.LimitInterface/Create", {"name": "lix$run", "max_value": 1}
    ),
    Ask("deleting a limit", "limit.LimitInterface/Delete", {"name": "lix$run"}),
    Ask("deleting a limit again", "limit.LimitInterface/Delete", {"name": "lix$run"}),
)


PLACES = (
    Ask(
        "a facility",
        "facility.FacilityInterface/Get",
        {"name": "local"},
        keep={"facility": "facility.id"},
        values=("facility.name",),
    ),
    Ask("a facility that is not there", "facility.FacilityInterface/Get", {"name": "nope$run"}),
    Ask(
        "a new facility",
        "facility.FacilityInterface/Create",
        {"name": "fac$run"},
        keep={"new_facility": "facility.id"},
        values=("facility.name",),
    ),
    Ask(
        "a facility of another name",
        "facility.FacilityInterface/Rename",
        {"facility": {"id": "$new_facility", "name": "fac$run"}, "new_name": "fad$run"},
    ),
    Ask("a facility of a taken name", "facility.FacilityInterface/Create", {"name": "fad$run"}),
    Ask("a facility whose name two have", "facility.FacilityInterface/Get", {"name": "fad$run"}),
    Ask(
        "deleting a facility whose name two have",
        "facility.FacilityInterface/Delete",
        {"name": "fad$run"},
    ),
    Ask("deleting no facility", "facility.FacilityInterface/Delete", {"name": "nope$run"}),
    Ask("a facility to be deleted", "facility.FacilityInterface/Create", {"name": "fae$run"}),
    Ask("deleting a facility", "facility.FacilityInterface/Delete", {"name": "fae$run"}),
    Ask(
        "a facility's allocations",
        "facility.FacilityInterface/GetAllocations",
        {"facility": {"id": "$facility", "name": "local"}},
    ),
    Ask(
        "finding an allocation that is not there",
        "facility.AllocationInterface/Find",
        {"name": "local.nope$run"},
    ),
    Ask("an allocation by a wrong id", "facility.AllocationInterface/Get", {"id": NOTHING}),
    Ask("all allocations", "facility.AllocationInterface/GetAll"),
    Ask("the default allocation", "facility.AllocationInterface/GetDefault"),
    Ask(
        "an allocation's subscriptions",
        "facility.AllocationInterface/GetSubscriptions",
        {"allocation": {"id": "$allocation"}},
    ),
    Ask(
        "a new allocation",
        "facility.AllocationInterface/Create",
        {"name": "al$run", "tag": "tag$run", "facility": {"id": "$facility", "name": "local"}},
        values=("allocation.name", "allocation.tag"),
    ),
    Ask(
        "an allocation of a taken name",
        "facility.AllocationInterface/Create",
        {"name": "al$run", "tag": "tag$run", "facility": {"id": "$facility", "name": "local"}},
    ),
    Ask(
        "an allocation without a facility",
        "facility.AllocationInterface/Create",
        {"name": "am$run", "tag": "tag$run"},
    ),
    Ask(
        "finding a new allocation",
        "facility.AllocationInterface/Find",
        {"name": "local.al$run"},
    ),
    Ask(
        "an allocation's tag",
        "facility.AllocationInterface/SetTag",
        {"allocation": {"facility": "local", "name": "local.al$run"}, "tag": "u$run"},
    ),
    Ask(
        "deleting the default allocation",
        "facility.AllocationInterface/Delete",
        {"allocation": {"facility": "local", "name": "general"}},
    ),
    Ask(
        "deleting an allocation",
        "facility.AllocationInterface/Delete",
        {"allocation": {"facility": "local", "name": "local.al$run"}},
    ),
    Ask(
        "deleting no allocation",
        "facility.AllocationInterface/Delete",
        {"allocation": {"id": NOTHING}},
    ),
    Ask("the statistics of the system", "cue.CueInterface/GetSystemStats"),
    Ask(
        "deleting no render partition",
        "renderPartition.RenderPartitionInterface/Delete",
        {"render_partition": {"id": NOTHING}},
    ),
    Ask("the history of jobs", "monitoring.MonitoringInterface/GetJobHistory"),
    Ask("the history of frames", "monitoring.MonitoringInterface/GetFrameHistory"),
    Ask("the history of layers", "monitoring.MonitoringInterface/GetLayerHistory"),
    Ask("the history of hosts", "monitoring.MonitoringInterface/GetHostHistory"),
    Ask("the statistics of the farm", "monitoring.MonitoringInterface/GetFarmStatistics"),
    Ask("the history of memory", "monitoring.MonitoringInterface/GetLayerMemoryHistory"),
)


LONG = (
    Ask("an owner of a long name", "show.ShowInterface/CreateOwner", {**SHOW, "name": "x" * 65}),
    Ask("a facility of a long name", "facility.FacilityInterface/Create", {"name": "x" * 37}),
    Ask("a filter of a long name", "show.ShowInterface/CreateFilter", {**SHOW, "name": "x" * 129}),
    Ask("a limit of a long name", "limit.LimitInterface/Create", {"name": "x" * 256}),
    Ask(
        "a department of a long name",
        "department.DepartmentInterface/AddDepartmentName",
        {"name": "x" * 37},
    ),
    Ask(
        "a service of a long name",
        "service.ServiceInterface/CreateService",
        {"data": {"name": "x" * 37, "tags": ["general"]}},
    ),
    Ask(
        "an allocation of a long name",
        "facility.AllocationInterface/Create",
        {"name": "x" * 37, "tag": "tag$run", "facility": {"name": "local"}},
    ),
    Ask(
        "an allocation of a long tag",
        "facility.AllocationInterface/Create",
        {"name": "an$run", "tag": "x" * 25, "facility": {"name": "local"}},
    ),
    Ask("a host's long tag", "host.HostInterface/AddTags", {**HOST, "tags": ["x" * 46]}),
    Ask(
        "a comment of a long name",
        "job.JobInterface/AddComment",
        {"job": {"id": "$job"}, "new_comment": {"user": "x" * 37}},
    ),
    Ask(
        "a comment of a long subject",
        "job.JobInterface/AddComment",
        {"job": {"id": "$job"}, "new_comment": {"subject": "x" * 129}},
    ),
    Ask(
        "a comment of a long text",
        "job.JobInterface/AddComment",
        {"job": {"id": "$job"}, "new_comment": {"message": "x" * 4001}},
    ),
    Ask(
        "a task of a long shot",
        "department.DepartmentInterface/AddTask",
        {"department": {"id": "$department"}, "shot": "x" * 37, "min_cores": 1},
    ),
)
