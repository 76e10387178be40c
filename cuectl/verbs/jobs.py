"""Jobs: looking at them, and changing them."""

import click

from cuectl.changes import How, change, change_options, is_everything
from cuectl.farm import Farm
from cuectl.kinds import GET_JOBS, JOB, JOB_CHANGES
from cuectl.lists import Shown, list_options, show_named
from cuectl.selection import Selection, choosing
from cuectl.tables import JOBS
from cuectl.verb import verb

SECTION = "Jobs"
A_JOB = "demo-sh010-lena_comp_v003"
PAUSE = "job.JobInterface/Pause"
SET_PRIORITY = "job.JobInterface/SetPriority"
ADD_COMMENT = "job.JobInterface/AddComment"


@verb(
    GET_JOBS,
    examples=(
        "cuectl jobs --mine",
        "cuectl jobs --show demo --failed",
        "cuectl jobs --where 'dead>2 or paused' --sort-by dead",
        "cuectl jobs --count-by show,user --sum core-hours",
    ),
)
@choosing(JOB)
@list_options
def jobs(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List jobs: all that are pending, or these."""
    show_named(farm, JOBS, jobs, shown)


comment_option = click.option(
    "--comment", "--reason", "-m", "comment", metavar="TEXT", help="Why, as a comment on it."
)


@verb(PAUSE, examples=(f"cuectl pause {A_JOB}", "cuectl pause --show demo --comment 'bad plate'"))
@choosing(JOB, *JOB_CHANGES)
@comment_option
@change_options
def pause(farm: Farm, jobs: Selection, comment: str | None, how: How) -> None:
    """Pause jobs: their running frames go on."""
    names = jobs.names(farm, unless="isPaused")
    done = change(
        farm, how, PAUSE, {each: {"job": each} for each in names}, everything=is_everything(jobs)
    )
    leave_comment(farm, done, comment)


def leave_comment(farm: Farm, names: list[str], comment: str | None) -> None:
    """Say why on each of these jobs, if there is anything to say."""


@verb(SET_PRIORITY, examples=(f"cuectl priority {A_JOB} 200", "cuectl priority --mine 120"))
@choosing(JOB, *JOB_CHANGES)
@click.argument("priority", type=int)
@change_options
def priority(farm: Farm, jobs: Selection, priority: int, how: How) -> None:
    """Set the priority of jobs: higher ones run first."""
    requests = {each: {"job": each, "val": priority} for each in jobs.names(farm)}
    told, everything = f"-> {priority}", is_everything(jobs)
    change(farm, how, SET_PRIORITY, requests, told=told, everything=everything)


VERBS = (jobs, pause, priority)
