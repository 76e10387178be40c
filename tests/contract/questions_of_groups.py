"""Questions: groups and filters."""

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

SHOW = {"show": {"id": "$show"}}
ROOT = {"group": {"id": "$root"}}
NO_GROUP = {"group": {"id": NOTHING}}
FILTER = {"filter": {"id": "$filter"}}
NO_FILTER = {"filter": {"id": NOTHING}}

GROUPS = (
    Ask(
        "a group",
        "job.GroupInterface/CreateSubGroup",
        {**ROOT, "name": "comp"},
        keep={"group": "group.id"},
        values=("group.name", "group.level", "group.department"),
    ),
    Ask("a group of a taken name", "job.GroupInterface/CreateSubGroup", {**ROOT, "name": "comp"}),
    Ask("a group of a long name", "job.GroupInterface/CreateSubGroup", {**ROOT, "name": "x" * 37}),
    Ask("a group in no group", "job.GroupInterface/CreateSubGroup", {**NO_GROUP, "name": "comp"}),
    Ask(
        "a group in a group",
        "job.GroupInterface/CreateSubGroup",
        {"group": {"id": "$group"}, "name": "inner"},
        keep={"inner": "group.id"},
        values=("group.level",),
    ),
    Ask(
        "finding a group",
        "job.GroupInterface/FindGroup",
        {"show": "c$run", "name": "comp"},
        values=("group.name", "group.min_cores", "group.max_cores"),
    ),
    Ask(
        "finding a group that is not there",
        "job.GroupInterface/FindGroup",
        {"show": "c$run", "name": "nope"},
    ),
    Ask(
        "finding a group of no show",
        "job.GroupInterface/FindGroup",
        {"show": "nope$run", "name": "comp"},
    ),
    Ask("a group by a wrong id", "job.GroupInterface/GetGroup", {"id": NOTHING}),
    Ask(
        "a group of another name",
        "job.GroupInterface/SetName",
        {"group": {"id": "$group"}, "name": "light"},
    ),
    Ask(
        "a group of a name that is too long",
        "job.GroupInterface/SetName",
        {"group": {"id": "$group"}, "name": "x" * 37},
    ),
    Ask("another name for no group", "job.GroupInterface/SetName", {**NO_GROUP, "name": "x"}),
    Ask(
        "jobs into a group",
        "job.GroupInterface/ReparentJobs",
        {"group": {"id": "$group"}, "jobs": {"jobs": [{"id": "$job"}]}},
    ),
    Ask(
        "a group's jobs",
        "job.GroupInterface/GetJobs",
        {"group": {"id": "$group"}},
        values=("jobs.jobs.0.group",),
    ),
    Ask(
        "no jobs into a group",
        "job.GroupInterface/ReparentJobs",
        {"group": {"id": "$group"}, "jobs": {"jobs": [{"id": NOTHING}]}},
    ),
    Ask("deleting a group with jobs", "job.GroupInterface/Delete", {"group": {"id": "$group"}}),
    Ask("deleting a root group", "job.GroupInterface/Delete", ROOT),
    Ask("deleting no group", "job.GroupInterface/Delete", NO_GROUP),
    Ask(
        "a department that is not there",
        "job.GroupInterface/SetDepartment",
        {"group": {"id": "$group"}, "dept": "nope$run"},
    ),
    Ask(
        "a group's department",
        "job.GroupInterface/SetDepartment",
        {"group": {"id": "$group"}, "dept": "Lighting"},
    ),
    Ask(
        "a priority for a group",
        "job.GroupInterface/SetDefaultJobPriority",
        {"group": {"id": "$group"}, "priority": 42},
    ),
    Ask(
        "most cores of a group",
        "job.GroupInterface/SetMaxCores",
        {"group": {"id": "$group"}, "max_cores": 12.5},
    ),
    Ask(
        "too few cores for a group",
        "job.GroupInterface/SetMaxCores",
        {"group": {"id": "$group"}, "max_cores": 0.5},
    ),
    Ask(
        "default cores of a group's jobs",
        "job.GroupInterface/SetDefaultJobMinCores",
        {"group": {"id": "$group"}, "min_cores": 2},
    ),
    Ask(
        "a group by id",
        "job.GroupInterface/GetGroup",
        {"id": "$group"},
        values=(
            "group.name",
            "group.department",
            "group.default_job_priority",
            "group.max_cores",
            "group.default_job_min_cores",
        ),
    ),
    Ask("a group's groups", "job.GroupInterface/GetGroups", {"group": {"id": "$group"}}),
    Ask(
        "a group in itself",
        "job.GroupInterface/ReparentGroups",
        {"group": {"id": "$group"}, "groups": {"groups": [{"id": "$group"}]}},
    ),
    Ask(
        "a group in its own group",
        "job.GroupInterface/SetGroup",
        {"group": {"id": "$group"}, "parent_group": {"id": "$inner"}},
    ),
    Ask(
        "no groups into a group",
        "job.GroupInterface/ReparentGroups",
        {"group": {"id": "$group"}, "groups": {"groups": []}},
    ),
    Ask(
        "a group to its parent's parent",
        "job.GroupInterface/SetGroup",
        {"group": {"id": "$inner"}, "parent_group": {"id": "$root"}},
    ),
    Ask(
        "a whiteboard with groups",
        "show.ShowInterface/GetJobWhiteboard",
        SHOW,
        later=True,
    ),
    Ask("a group that is deleted", "job.GroupInterface/Delete", {"group": {"id": "$inner"}}),
    Ask("a group that is gone", "job.GroupInterface/GetGroup", {"id": "$inner"}),
)


FILTERS = (
    Ask(
        "a filter",
        "show.ShowInterface/CreateFilter",
        {**SHOW, "name": "fil"},
        keep={"filter": "filter.id"},
        values=("filter.name", "filter.type", "filter.order", "filter.enabled"),
    ),
    Ask("a filter of a taken name", "show.ShowInterface/CreateFilter", {**SHOW, "name": "fil"}),
    Ask(
        "finding a filter whose name two have",
        "filter.FilterInterface/FindFilter",
        {"show": "c$run", "name": "fil"},
    ),
    Ask(
        "finding a filter that is not there",
        "filter.FilterInterface/FindFilter",
        {"show": "c$run", "name": "nope"},
    ),
    Ask(
        "finding a show's filter that is not there",
        "show.ShowInterface/FindFilter",
        {**SHOW, "name": "nope"},
    ),
    Ask("a show's filters", "show.ShowInterface/GetFilters", SHOW),
    Ask(
        "a matcher",
        "filter.FilterInterface/CreateMatcher",
        {**FILTER, "data": {"subject": "USER", "type": "IS", "input": "nobody"}},
        keep={"matcher": "matcher.id"},
    ),
    Ask("a filter's matchers", "filter.FilterInterface/GetMatchers", FILTER),
    Ask(
        "a matcher's filter",
        "filter.MatcherInterface/GetParentFilter",
        {"matcher": {"id": "$matcher"}},
    ),
    Ask("deleting a matcher", "filter.MatcherInterface/Delete", {"matcher": {"id": "$matcher"}}),
    Ask(
        "deleting a matcher again",
        "filter.MatcherInterface/Delete",
        {"matcher": {"id": "$matcher"}},
    ),
    Ask(
        "an action",
        "filter.FilterInterface/CreateAction",
        {
            **FILTER,
            "data": {"type": "SET_JOB_PRIORITY", "value_type": "INTEGER_TYPE", "integer_value": 5},
        },
        keep={"action": "action.id"},
    ),
    Ask(
        "an action on no group",
        "filter.FilterInterface/CreateAction",
        {
            **FILTER,
            "data": {
                "type": "MOVE_JOB_TO_GROUP",
                "value_type": "GROUP_TYPE",
                "group_value": NOTHING,
            },
        },
    ),
    Ask(
        "a filter's actions",
        "filter.FilterInterface/GetActions",
        FILTER,
        values=("actions.actions.0.type", "actions.actions.0.integer_value"),
    ),
    Ask(
        "an action's filter",
        "filter.ActionInterface/GetParentFilter",
        {"action": {"id": "$action"}},
    ),
    Ask("deleting an action", "filter.ActionInterface/Delete", {"action": {"id": "$action"}}),
    Ask("deleting an action again", "filter.ActionInterface/Delete", {"action": {"id": "$action"}}),
    Ask("a filter that is on", "filter.FilterInterface/SetEnabled", {**FILTER, "enabled": True}),
    Ask("a filter of another name", "filter.FilterInterface/SetName", {**FILTER, "name": "two"}),
    Ask("a filter's place", "filter.FilterInterface/SetOrder", {**FILTER, "order": 3}),
    Ask(
        "a filter on a group",
        "filter.FilterInterface/RunFilterOnGroup",
        {**FILTER, "group": {"id": "$root"}},
    ),
    Ask("no filter is on", "filter.FilterInterface/SetEnabled", {**NO_FILTER, "enabled": True}),
    Ask("the matchers of no filter", "filter.FilterInterface/GetMatchers", NO_FILTER),
    Ask("deleting a filter", "filter.FilterInterface/Delete", FILTER),
    Ask(
        "finding a filter that was deleted",
        "filter.FilterInterface/FindFilter",
        {"show": "c$run", "name": "two"},
        later=True,
    ),
    Ask("deleting a filter again", "filter.FilterInterface/Delete", FILTER),
)
