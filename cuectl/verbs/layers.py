"""Layers: what their frames need, and may use."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import click

from cuectl.changes import How, change
from cuectl.columns import duration, size
from cuectl.completion import complete
from cuectl.farm import Farm, Json
from cuectl.kinds import GET_LAYERS, pending_job
from cuectl.selection import PATTERN, decorated
from cuectl.values import each_of, minutes_of, number, size_in_kb, switch, whole
from cuectl.verb import Verb, change_verb
from gateway_client.errors import CallError, InvalidCall
from gateway_client.suggestions import did_you_mean

COMP = "demo-sh010-lena_comp_v003 comp"
LEAST_CORES = 0.1


def layer_verb(method: str, examples: tuple[str, ...]) -> Callable[[Callable[..., None]], Verb]:
    """A verb that changes layers of a job, which its function gets by name, and `how`."""
    job = click.argument("job", shell_complete=complete("jobs"))
    layers = click.argument("layers", metavar="LAYER...", nargs=-1, required=True)
    made = change_verb(f"job.LayerInterface/{method}", GET_LAYERS, examples=examples)
    return lambda function: made(decorated(function, job, layers))


def change_layers(
    farm: Farm, how: How, job: str, layers: Sequence[str], told: str, **fields: Any
) -> list[Json]:
    """Make a call for each of these layers of a job; patterns are of its layers. The layers.

    Raises CallError (NOT_FOUND) before anything is called for a layer that the job does not have.
    """
    job = pending_job(farm, job)
    view = {"_fields": "name,memoryOptimizerEnabled"}
    there = {str(row["name"]): row for row in farm.rows(GET_LAYERS, {"job": job}, view)}
    names: dict[str, None] = {}
    for word in layers:
        fitting = [
            each
            for each in there
            if each == word or (PATTERN.search(word) and fnmatchcase(each, word))
        ]
        if not fitting:
            near = did_you_mean(word, there) or f"; there are {', '.join(there)}"
            raise CallError("NOT_FOUND", f"no layer {word!r} in {job}{near}; nothing was done")
        names |= dict.fromkeys(fitting)
    requests: dict[str, Json] = {each: {"job": job, "layer": each, **fields} for each in names}
    change(farm, how, requests, noun="layer", told=f"of {job} {told}")
    return [there[each] for each in names]


@layer_verb(
    "SetMinMemory",
    examples=(
        f"cuectl min-memory {COMP} 12GB",
        "cuectl min-memory demo-sh010-lena_comp_v003 '*' 8GB",
    ),
)
@click.argument("memory", metavar="SIZE", type=size_in_kb)
def min_memory(farm: Farm, job: str, layers: Sequence[str], memory: int, how: How) -> None:
    """Set how much memory a frame of layers reserves."""
    told = f"-> {size(memory * 2**10)}"
    changed = change_layers(farm, how, job, layers, told, memory=memory)
    if lowered := [str(row["name"]) for row in changed if row.get("memoryOptimizerEnabled")]:
        how.tell(
            "Cuebot may lower it again to what frames use; to keep it:"
            f" cuectl memory-optimizer {job} {' '.join(lowered)} off"
        )


@layer_verb("EnableMemoryOptimizer", examples=(f"cuectl memory-optimizer {COMP} off",))
@click.argument("on", metavar="on|off", type=switch)
def memory_optimizer(farm: Farm, job: str, layers: Sequence[str], on: bool, how: How) -> None:
    """Set whether Cuebot lowers layers' memory to what is used."""
    told = f"-> {'on' if on else 'off'}"
    change_layers(farm, how, job, layers, told, value=on)


@layer_verb("SetMinCores", examples=(f"cuectl frame-cores {COMP} 4",))
@click.argument("cores", type=number)
def frame_cores(farm: Farm, job: str, layers: Sequence[str], cores: float, how: How) -> None:
    """Set how many cores a frame of layers reserves."""
    if cores < LEAST_CORES:
        raise InvalidCall(f"a frame reserves {LEAST_CORES} cores at least")
    change_layers(farm, how, job, layers, f"-> {cores:g}", cores=cores)


@layer_verb("SetMinGpus", examples=(f"cuectl gpus {COMP} 1",))
@click.argument("gpus", metavar="N", type=whole)
def gpus(farm: Farm, job: str, layers: Sequence[str], gpus: int, how: How) -> None:
    """Set how many GPUs a frame of layers reserves."""
    change_layers(farm, how, job, layers, f"-> {gpus}", minGpus=gpus)


@layer_verb("SetTags", examples=(f"cuectl layer-tags {COMP} general,nuke",))
@click.argument("tags")
def layer_tags(farm: Farm, job: str, layers: Sequence[str], tags: str, how: How) -> None:
    """Set the tags of layers: hosts with one of them run it.

    TAGS are separated by commas.
    """
    names = each_of([tags])
    change_layers(farm, how, job, layers, f"-> {','.join(names)}", tags=names)


@layer_verb(
    "SetTimeout",
    examples=(f"cuectl timeout {COMP} 2h", f"cuectl timeout {COMP} 30m --silent"),
)
@click.argument("minutes", metavar="TIME", type=minutes_of)
@click.option("--silent", is_flag=True, help="Without a line in the log for so long.")
def timeout(
    farm: Farm, job: str, layers: Sequence[str], minutes: int, silent: bool, how: How
) -> None:
    """Set how long frames of layers may run: 2h, 90m, off.

    Cuebot kills those that run for longer; they are dead then.
    """
    told = f"-> {duration(minutes * 60) if minutes else 'off'}{' without a line' if silent else ''}"
    if silent:
        how = replace(how, method="job.LayerInterface/SetTimeoutLLU")
    change_layers(farm, how, job, layers, told, **{"timeoutLlu" if silent else "timeout": minutes})


LIMIT_ARGUMENT = click.argument("limit", shell_complete=complete("limits"))


@layer_verb("AddLimit", examples=(f"cuectl add-layer-limit {COMP} arnold",))
@LIMIT_ARGUMENT
def add_layer_limit(farm: Farm, job: str, layers: Sequence[str], limit: str, how: How) -> None:
    """Put layers under a limit."""
    change_layers(farm, how, job, layers, f"under {limit}", limitId=limit)


@layer_verb("DropLimit", examples=(f"cuectl drop-layer-limit {COMP} nuke_render",))
@LIMIT_ARGUMENT
def drop_layer_limit(farm: Farm, job: str, layers: Sequence[str], limit: str, how: How) -> None:
    """Take layers from under a limit."""
    change_layers(farm, how, job, layers, f"not under {limit}", limitId=limit)
