"""Questions: shows, their subscriptions, departments, tasks and services."""

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

SHOW = {"show": {"id": "$show"}}
OTHER = {"show": {"id": "$other"}}
MISSING = {"show": {"id": NOTHING}}

FIRST = (
    Ask(
        "the allocation that all have",
        "facility.AllocationInterface/Find",
        {"name": "local.general"},
        keep={"allocation": "allocation.id"},
        values=("allocation.name", "allocation.tag", "allocation.facility"),
    ),
    Ask("an allocation by id", "facility.AllocationInterface/Get", {"id": "$allocation"}),
    Ask(
        "a new show",
        "show.ShowInterface/CreateShow",
        {"name": "c$run"},
        keep={"show": "show.id"},
        values=(
            "show.name",
            "show.active",
            "show.default_min_cores",
            "show.default_max_cores",
            "show.default_min_gpus",
            "show.default_max_gpus",
            "show.booking_enabled",
            "show.dispatch_enabled",
            "show.comment_email",
        ),
    ),
    Ask(
        "another new show, in capitals",
        "show.ShowInterface/CreateShow",
        {"name": "O-$run"},
        keep={"other": "show.id"},
        values=("show.name",),
    ),
)


NAMES = (
    Ask("a show without a name", "show.ShowInterface/CreateShow", {"name": ""}),
    Ask("a show with one letter", "show.ShowInterface/CreateShow", {"name": "a"}),
    Ask("a show with blanks in its name", "show.ShowInterface/CreateShow", {"name": "a b/c!"}),
    Ask("a show with a long name", "show.ShowInterface/CreateShow", {"name": "x" * 60 + "$run"}),
    Ask(
        "a show with a name of 36 characters",
        "show.ShowInterface/CreateShow",
        {"name": "x" * 30 + "$run"},
        keep={"long": "show.id"},
    ),
    Ask("a show with a name of 37", "show.ShowInterface/CreateShow", {"name": "x" * 31 + "$run"}),
    Ask("finding a show of no name", "show.ShowInterface/FindShow", {"name": ""}),
    Ask("finding a show that is not there", "show.ShowInterface/FindShow", {"name": "nope$run"}),
    Ask("finding a show", "show.ShowInterface/FindShow", {"name": "c$run"}, values=("show.name",)),
    Ask("finding a show in capitals", "show.ShowInterface/FindShow", {"name": "C$run"}),
    Ask(
        "a show's root group",
        "show.ShowInterface/GetRootGroup",
        SHOW,
        keep={"root": "group.id"},
        values=(
            "group.name",
            "group.level",
            "group.department",
            "group.default_job_priority",
            "group.min_cores",
            "group.max_cores",
        ),
    ),
    Ask("the root group of no show", "show.ShowInterface/GetRootGroup", MISSING),
    Ask("a show's groups", "show.ShowInterface/GetGroups", SHOW),
    Ask("a show's jobs when there are none", "show.ShowInterface/GetJobs", SHOW),
    Ask("a show's whiteboard", "show.ShowInterface/GetJobWhiteboard", SHOW),
    Ask("the whiteboard of no show", "show.ShowInterface/GetJobWhiteboard", MISSING),
    Ask("all shows", "show.ShowInterface/GetShows"),
    Ask("all active shows", "show.ShowInterface/GetActiveShows"),
)


TAKEN = (
    Ask(
        "a show to be doubled",
        "show.ShowInterface/CreateShow",
        {"name": "d$run"},
        keep={"first_double": "show.id"},
    ),
    Ask(
        "a show with a taken name",
        "show.ShowInterface/CreateShow",
        {"name": "d$run"},
        keep={"second_double": "show.id"},
        values=("show.name",),
    ),
    Ask("finding a show whose name two have", "show.ShowInterface/FindShow", {"name": "d$run"}),
    Ask(
        "the root group of the first of two",
        "show.ShowInterface/GetRootGroup",
        {"show": {"id": "$first_double"}},
        values=("group.name",),
    ),
    Ask(
        "the root group of the second of two",
        "show.ShowInterface/GetRootGroup",
        {"show": {"id": "$second_double"}},
        values=("group.name",),
    ),
    Ask(
        "finding a group of two shows",
        "job.GroupInterface/FindGroup",
        {"show": "d$run", "name": "d$run"},
    ),
    Ask(
        "finding a filter of two shows",
        "filter.FilterInterface/FindFilter",
        {"show": "d$run", "name": "x"},
    ),
    Ask(
        "archiving into one of two shows",
        "show.ShowInterface/Archive",
        {"show": {"id": "$other"}, "target_show_name": "d$run"},
    ),
    Ask("jobs of two shows", "job.JobInterface/GetJobs", {"r": {"shows": ["d$run"]}}),
    Ask(
        "deleting the second of two shows",
        "show.ShowInterface/Delete",
        {"show": {"id": "$second_double"}},
    ),
    Ask("finding a show whose name two had", "show.ShowInterface/FindShow", {"name": "d$run"}),
)


SETTINGS = (
    Ask("a comment e-mail", "show.ShowInterface/SetCommentEmail", {**SHOW, "email": "a@b.example"}),
    Ask("no comment e-mail", "show.ShowInterface/SetCommentEmail", {**SHOW, "email": ""}),
    Ask("an inactive show", "show.ShowInterface/SetActive", {**OTHER, "value": False}),
    Ask("no booking", "show.ShowInterface/EnableBooking", {**OTHER, "enabled": False}),
    Ask("no dispatching", "show.ShowInterface/EnableDispatching", {**OTHER, "enabled": False}),
    Ask("most cores", "show.ShowInterface/SetDefaultMaxCores", {**OTHER, "max_cores": 50}),
    Ask(
        "least cores above the most",
        "show.ShowInterface/SetDefaultMinCores",
        {**OTHER, "min_cores": 99.5},
    ),
    Ask(
        "least cores below nothing",
        "show.ShowInterface/SetDefaultMinCores",
        {**OTHER, "min_cores": -5},
    ),
    Ask("most cores of -1", "show.ShowInterface/SetDefaultMaxCores", {**OTHER, "max_cores": -1}),
    Ask("least GPUs", "show.ShowInterface/SetDefaultMinGpus", {**OTHER, "min_gpus": 1}),
    Ask("most GPUs", "show.ShowInterface/SetDefaultMaxGpus", {**OTHER, "max_gpus": -3}),
    Ask("another scheduler", "show.ShowInterface/SetSchedulerManaged", {**OTHER, "enabled": True}),
    Ask(
        "what a show was set to",
        "show.ShowInterface/FindShow",
        {"name": "o_$run"},
        values=(
            "show.active",
            "show.booking_enabled",
            "show.dispatch_enabled",
            "show.default_max_cores",
            "show.default_min_cores",
            "show.default_min_gpus",
            "show.default_max_gpus",
            "show.scheduler_managed",
        ),
    ),
    Ask("an inactive show that is not there", "show.ShowInterface/SetActive", MISSING),
    Ask("archiving a show", "show.ShowInterface/Archive", {**OTHER, "target_show_name": "c$run"}),
    Ask("a show that was archived", "show.ShowInterface/FindShow", {"name": "o_${run}_archive"}),
    Ask(
        "archiving a show of a long name",
        "show.ShowInterface/Archive",
        {"show": {"id": "$long"}, "target_show_name": "c$run"},
    ),
    Ask("the e-mail of no show", "show.ShowInterface/SetCommentEmail", MISSING),
)


LAST = (
    Ask("deleting a show with jobs", "show.ShowInterface/Delete", SHOW),
    Ask("deleting a show without any", "show.ShowInterface/Delete", OTHER),
    Ask("deleting a show that is gone", "show.ShowInterface/Delete", OTHER),
    Ask("finding a show that is gone", "show.ShowInterface/FindShow", {"name": "o_$run"}),
)


SUBSCRIPTIONS = (
    Ask(
        "a subscription",
        "show.ShowInterface/CreateSubscription",
        {**SHOW, "allocation_id": "$allocation", "size": 10, "burst": 20},
        keep={"subscription": "subscription.id"},
        values=("subscription.name", "subscription.size", "subscription.burst"),
    ),
    Ask(
        "the same subscription again",
        "show.ShowInterface/CreateSubscription",
        {**SHOW, "allocation_id": "$allocation", "size": 10, "burst": 20},
    ),
    Ask(
        "a subscription to no allocation",
        "show.ShowInterface/CreateSubscription",
        {**SHOW, "allocation_id": NOTHING, "size": 10, "burst": 20},
    ),
    Ask(
        "a subscription of no show",
        "show.ShowInterface/CreateSubscription",
        {**MISSING, "allocation_id": "$allocation", "size": 10, "burst": 20},
    ),
    Ask(
        "finding a subscription",
        "subscription.SubscriptionInterface/Find",
        {"name": "local.general.c$run"},
        values=("subscription.name",),
    ),
    Ask(
        "finding a subscription that is not there",
        "subscription.SubscriptionInterface/Find",
        {"name": "local.general.nope$run"},
    ),
    Ask(
        "finding a subscription by half a name",
        "subscription.SubscriptionInterface/Find",
        {"name": "nope"},
    ),
    Ask("a subscription by id", "subscription.SubscriptionInterface/Get", {"id": "$subscription"}),
    Ask("a subscription by a wrong id", "subscription.SubscriptionInterface/Get", {"id": NOTHING}),
    Ask(
        "a subscription's size",
        "subscription.SubscriptionInterface/SetSize",
        {"subscription": {"id": "$subscription"}, "new_size": 7},
    ),
    Ask(
        "a subscription's burst",
        "subscription.SubscriptionInterface/SetBurst",
        {"subscription": {"id": "$subscription"}, "burst": -1},
    ),
    Ask(
        "the size of no subscription",
        "subscription.SubscriptionInterface/SetSize",
        {"subscription": {"id": NOTHING}, "new_size": 7},
    ),
    Ask(
        "a show's subscriptions",
        "show.ShowInterface/GetSubscriptions",
        SHOW,
        values=("subscriptions.subscriptions.0.size", "subscriptions.subscriptions.0.burst"),
    ),
    Ask(
        "deleting no subscription",
        "subscription.SubscriptionInterface/Delete",
        {"subscription": {"id": NOTHING}},
    ),
    Ask(
        "deleting a subscription",
        "subscription.SubscriptionInterface/Delete",
        {"subscription": {"id": "$subscription"}},
    ),
    Ask(
        "deleting a subscription again",
        "subscription.SubscriptionInterface/Delete",
        {"subscription": {"id": "$subscription"}},
    ),
)


DEPARTMENTS = (
    Ask(
        "a show's departments",
        "show.ShowInterface/GetDepartments",
        SHOW,
        keep={"department": "departments.departments.0.id"},
    ),
    Ask(
        "a show's department",
        "show.ShowInterface/GetDepartment",
        {**SHOW, "department": "Unknown"},
        values=("department.dept", "department.name"),
    ),
    Ask(
        "a department that the show does not have",
        "show.ShowInterface/GetDepartment",
        {**SHOW, "department": "nope$run"},
    ),
    Ask("all departments", "department.DepartmentInterface/GetDepartmentNames"),
    Ask(
        "a new department", "department.DepartmentInterface/AddDepartmentName", {"name": "dept$run"}
    ),
    Ask(
        "a department of a taken name",
        "department.DepartmentInterface/AddDepartmentName",
        {"name": "dept$run"},
    ),
    Ask(
        "removing a department",
        "department.DepartmentInterface/RemoveDepartmentName",
        {"name": "dept$run"},
    ),
    Ask(
        "removing a department again",
        "department.DepartmentInterface/RemoveDepartmentName",
        {"name": "dept$run"},
    ),
    Ask(
        "a task",
        "department.DepartmentInterface/AddTask",
        {"department": {"id": "$department"}, "shot": "sh010", "min_cores": 3},
        values=("task.shot", "task.min_cores", "task.name"),
    ),
    Ask(
        "the same task again",
        "department.DepartmentInterface/AddTask",
        {"department": {"id": "$department"}, "shot": "sh010", "min_cores": 3},
    ),
    Ask(
        "a task of no department",
        "department.DepartmentInterface/AddTask",
        {"department": {"id": NOTHING}, "shot": "sh010", "min_cores": 3},
    ),
    Ask(
        "a department's tasks",
        "department.DepartmentInterface/GetTasks",
        {"department": {"id": "$department"}},
        keep={"task": "tasks.tasks.0.id"},
        values=("tasks.tasks.0.shot", "tasks.tasks.0.min_cores"),
    ),
    Ask(
        "a task's cores",
        "task.TaskInterface/SetMinCores",
        {"task": {"id": "$task"}, "new_min_cores": 4},
    ),
    Ask(
        "the cores of no task",
        "task.TaskInterface/SetMinCores",
        {"task": {"id": NOTHING}, "new_min_cores": 4},
    ),
    Ask(
        "clearing a task's adjustments",
        "task.TaskInterface/ClearAdjustments",
        {"task": {"id": "$task"}},
    ),
    Ask("deleting a task", "task.TaskInterface/Delete", {"task": {"id": "$task"}}),
    Ask("deleting a task again", "task.TaskInterface/Delete", {"task": {"id": "$task"}}),
    Ask(
        "a department's cores",
        "department.DepartmentInterface/SetManagedCores",
        {"department": {"id": "$department"}, "managed_cores": 10},
    ),
    Ask(
        "a department after that",
        "show.ShowInterface/GetDepartment",
        {**SHOW, "department": "Unknown"},
        values=("department.min_cores",),
    ),
    Ask(
        "tasks at once",
        "department.DepartmentInterface/AddTasks",
        {"department": {"id": "$department"}, "tmap": {"sh020": 100}},
    ),
    Ask(
        "tasks after that",
        "department.DepartmentInterface/GetTasks",
        {"department": {"id": "$department"}},
        values=("tasks.tasks.0.shot", "tasks.tasks.1.shot"),
    ),
    Ask(
        "clearing a department's adjustments",
        "department.DepartmentInterface/ClearTaskAdjustments",
        {"department": {"id": "$department"}},
    ),
    Ask(
        "clearing a department",
        "department.DepartmentInterface/ClearTasks",
        {"department": {"id": "$department"}},
    ),
    Ask(
        "a managed department",
        "department.DepartmentInterface/EnableTiManaged",
        {"department": {"id": "$department"}, "ti_task": "x", "managed_cores": 5},
    ),
    Ask(
        "a department that is managed",
        "show.ShowInterface/GetDepartment",
        {**SHOW, "department": "Unknown"},
        values=("department.min_cores", "department.ti_managed", "department.ti_task"),
    ),
    Ask(
        "a department no more managed",
        "department.DepartmentInterface/DisableTiManaged",
        {"department": {"id": "$department"}},
    ),
    Ask(
        "deleting a department",
        "department.DepartmentInterface/Delete",
        {"department": {"id": "$department"}},
    ),
)


SERVICES = (
    Ask(
        "a service",
        "service.ServiceInterface/GetService",
        {"name": "shell"},
        values=(
            "service.name",
            "service.min_cores",
            "service.min_memory",
            "service.threadable",
            "service.tags",
        ),
    ),
    Ask("a service that is not there", "service.ServiceInterface/GetService", {"name": "nope$run"}),
    Ask("all services", "service.ServiceInterface/GetDefaultServices"),
    Ask(
        "a new service",
        "service.ServiceInterface/CreateService",
        {
            "data": {
                "name": "svc$run",
                "min_cores": 100,
                "min_memory": 3355443,
                "tags": ["general"],
                "min_memory_increase": 2097152,
            }
        },
        keep={"service": "service.id"},
        values=("service.name", "service.min_cores", "service.tags", "service.min_memory"),
    ),
    Ask(
        "a service of a taken name",
        "service.ServiceInterface/CreateService",
        {
            "data": {
                "name": "svc$run",
                "min_cores": 100,
                "min_memory": 3355443,
                "tags": ["general"],
                "min_memory_increase": 2097152,
            }
        },
    ),
    Ask(
        "a service without an increase",
        "service.ServiceInterface/CreateService",
        {"data": {"name": "svd$run", "min_cores": 100, "tags": ["general"]}},
    ),
    Ask(
        "a service that is changed",
        "service.ServiceInterface/Update",
        {
            "service": {
                "id": "$service",
                "name": "svc$run",
                "min_cores": 200,
                "tags": ["util"],
                "min_memory": 3355443,
                "min_memory_increase": 2097152,
            }
        },
    ),
    Ask(
        "a service after its change",
        "service.ServiceInterface/GetService",
        {"name": "svc$run"},
        values=("service.min_cores", "service.tags"),
    ),
    Ask(
        "an override",
        "show.ShowInterface/CreateServiceOverride",
        {
            **SHOW,
            "service": {
                "name": "svc$run",
                "min_cores": 300,
                "tags": ["general"],
                "min_memory": 3355443,
                "min_memory_increase": 2097152,
            },
        },
        values=("service_override.data.name", "service_override.data.min_cores"),
    ),
    Ask(
        "the same override again",
        "show.ShowInterface/CreateServiceOverride",
        {
            **SHOW,
            "service": {
                "name": "svc$run",
                "min_cores": 300,
                "tags": ["general"],
                "min_memory": 3355443,
                "min_memory_increase": 2097152,
            },
        },
    ),
    Ask(
        "a show's override",
        "show.ShowInterface/GetServiceOverride",
        {**SHOW, "name": "svc$run"},
        keep={"override": "service_override.id"},
    ),
    Ask("a show's overrides", "show.ShowInterface/GetServiceOverrides", SHOW),
    Ask(
        "an override that is not there",
        "show.ShowInterface/GetServiceOverride",
        {**SHOW, "name": "nope$run"},
    ),
    Ask(
        "deleting an override",
        "service.ServiceOverrideInterface/Delete",
        {"service": {"id": "$override"}},
    ),
    Ask("deleting a service", "service.ServiceInterface/Delete", {"service": {"id": "$service"}}),
    Ask(
        "deleting a service again",
        "service.ServiceInterface/Delete",
        {"service": {"id": "$service"}},
    ),
)
