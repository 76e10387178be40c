"""Questions: shows, how they are called and set."""

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
