"""Questions: layers, and what waits for what."""

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

JOB = {"job": {"id": "$job"}}
LAYER = {"layer": {"id": "$layer"}}
NO_LAYER = {"layer": {"id": NOTHING}}
FRAME = {"frame": {"id": "$frame"}}

LAYERS = (
    Ask("no cores for a layer", "job.LayerInterface/SetMinCores", {**LAYER, "cores": 0}),
    Ask(
        "a layer with no cores",
        "job.LayerInterface/GetLayer",
        {"id": "$layer"},
        values=("layer.min_cores",),
    ),
    Ask("very few cores for a layer", "job.LayerInterface/SetMinCores", {**LAYER, "cores": 0.001}),
    Ask("most cores of a layer", "job.LayerInterface/SetMaxCores", {**LAYER, "cores": 1.5}),
    Ask("little memory for a layer", "job.LayerInterface/SetMinMemory", {**LAYER, "memory": 1}),
    Ask(
        "a layer with little memory",
        "job.LayerInterface/GetLayer",
        {"id": "$layer"},
        values=("layer.min_memory", "layer.max_cores"),
    ),
    Ask(
        "very much memory for a layer",
        "job.LayerInterface/SetMinMemory",
        {**LAYER, "memory": 1000000000000},
    ),
    Ask("GPU memory for a layer", "job.LayerInterface/SetMinGpuMemory", {**LAYER, "gpu_memory": 1}),
    Ask("the old way to set GPU memory", "job.LayerInterface/SetMinGpu", {**LAYER, "gpu": 1}),
    Ask("GPUs for a layer", "job.LayerInterface/SetMinGpus", {**LAYER, "min_gpus": 1}),
    Ask("cores for no layer", "job.LayerInterface/SetMinCores", {**NO_LAYER, "cores": 1}),
    Ask("no tags for a layer", "job.LayerInterface/SetTags", {**LAYER, "tags": []}),
    Ask("an empty tag for a layer", "job.LayerInterface/SetTags", {**LAYER, "tags": [""]}),
    Ask("tags for a layer", "job.LayerInterface/SetTags", {**LAYER, "tags": ["contract"]}),
    Ask("bad tags for a layer", "job.LayerInterface/SetTags", {**LAYER, "tags": ["con tract!"]}),
    Ask(
        "a layer with tags", "job.LayerInterface/GetLayer", {"id": "$layer"}, values=("layer.tags",)
    ),
    Ask(
        "an output of a layer",
        "job.LayerInterface/RegisterOutputPath",
        {**LAYER, "spec": "/a/b.#.exr"},
    ),
    Ask(
        "an output of a layer again",
        "job.LayerInterface/RegisterOutputPath",
        {**LAYER, "spec": "/a/b.#.exr"},
    ),
    Ask(
        "the outputs of a layer",
        "job.LayerInterface/GetOutputPaths",
        LAYER,
        values=("output_paths",),
    ),
    Ask(
        "staggering a layer's frames",
        "job.LayerInterface/StaggerFrames",
        {**LAYER, "range": "1-10", "stagger": 2},
    ),
    Ask(
        "reordering a layer's frames",
        "job.LayerInterface/ReorderFrames",
        {**LAYER, "range": "1-10", "order": "FIRST"},
    ),
    Ask(
        "reordering by a range that is none",
        "job.LayerInterface/ReorderFrames",
        {**LAYER, "range": "abc", "order": "FIRST"},
    ),
    Ask("a layer's time-out", "job.LayerInterface/SetTimeout", {**LAYER, "timeout": 10}),
    Ask(
        "a layer's time-out without a word",
        "job.LayerInterface/SetTimeoutLLU",
        {**LAYER, "timeout_llu": 10},
    ),
    Ask(
        "whether a layer is threaded",
        "job.LayerInterface/SetThreadable",
        {**LAYER, "threadable": False},
    ),
    Ask(
        "no memory optimizer", "job.LayerInterface/EnableMemoryOptimizer", {**LAYER, "value": False}
    ),
    Ask(
        "starting a layer later than one may",
        "job.LayerInterface/SetStartAfter",
        {**LAYER, "start_after": 99999999999, "username": "alice"},
    ),
    Ask(
        "a limit that is not there for a layer",
        "job.LayerInterface/AddLimit",
        {**LAYER, "limit_id": NOTHING},
    ),
    Ask(
        "dropping a limit that is not there",
        "job.LayerInterface/DropLimit",
        {**LAYER, "limit_id": NOTHING},
    ),
    Ask("killing a layer's frames", "job.LayerInterface/KillFrames", {**LAYER, "reason": "x"}),
    Ask("killing the frames of no layer", "job.LayerInterface/KillFrames", NO_LAYER),
)


DEPENDS = (
    Ask("a job's depends", "job.JobInterface/GetDepends", JOB),
    Ask(
        "a layer on a layer",
        "job.LayerInterface/CreateDependencyOnLayer",
        {**LAYER, "depend_on_layer": {"id": "$movie"}},
        keep={"depend": "depend.id"},
        values=(
            "depend.type",
            "depend.active",
            "depend.any_frame",
            "depend.target",
            "depend.chunk_size",
            "depend.depend_er_job",
            "depend.depend_on_layer",
        ),
    ),
    Ask(
        "the same dependency again",
        "job.LayerInterface/CreateDependencyOnLayer",
        {**LAYER, "depend_on_layer": {"id": "$movie"}},
    ),
    Ask(
        "a layer on itself",
        "job.LayerInterface/CreateDependencyOnLayer",
        {**LAYER, "depend_on_layer": {"id": "$layer"}},
    ),
    Ask(
        "a layer on no layer",
        "job.LayerInterface/CreateDependencyOnLayer",
        {**LAYER, "depend_on_layer": {"id": NOTHING}},
    ),
    Ask("a dependency", "depend.DependInterface/GetDepend", {"id": "$depend"}),
    Ask("a dependency that is not there", "depend.DependInterface/GetDepend", {"id": NOTHING}),
    Ask("what a job waits for", "job.JobInterface/GetWhatThisDependsOn", JOB),
    Ask("what waits for a job", "job.JobInterface/GetWhatDependsOnThis", JOB),
    Ask("what a layer waits for", "job.LayerInterface/GetWhatThisDependsOn", LAYER),
    Ask("what waits for a layer", "job.LayerInterface/GetWhatDependsOnThis", LAYER),
    Ask("satisfying a dependency", "depend.DependInterface/Satisfy", {"depend": {"id": "$depend"}}),
    Ask(
        "a satisfied dependency",
        "depend.DependInterface/GetDepend",
        {"id": "$depend"},
        later=True,
        values=("depend.active",),
    ),
    Ask(
        "unsatisfying a dependency",
        "depend.DependInterface/Unsatisfy",
        {"depend": {"id": "$depend"}},
    ),
    Ask("satisfying no dependency", "depend.DependInterface/Satisfy", {"depend": {"id": NOTHING}}),
    Ask(
        "a job on itself",
        "job.JobInterface/CreateDependencyOnJob",
        {**JOB, "on_job": {"id": "$job"}},
    ),
    Ask(
        "a job on no job",
        "job.JobInterface/CreateDependencyOnJob",
        {**JOB, "on_job": {"id": NOTHING}},
    ),
    Ask(
        "a job on a job",
        "job.JobInterface/CreateDependencyOnJob",
        {**JOB, "on_job": {"id": "$three"}},
    ),
    Ask(
        "frame by frame",
        "job.LayerInterface/CreateFrameByFrameDependency",
        {**LAYER, "depend_layer": {"id": "$movie"}},
        values=("depend.type",),
    ),
    Ask(
        "a frame on a frame",
        "job.FrameInterface/CreateDependencyOnFrame",
        {**FRAME, "depend_on_frame": {"id": "$second"}},
        values=("depend.type", "depend.target"),
    ),
    Ask(
        "a frame on itself",
        "job.FrameInterface/CreateDependencyOnFrame",
        {**FRAME, "depend_on_frame": {"id": "$frame"}},
    ),
    Ask(
        "a frame on no frame",
        "job.FrameInterface/CreateDependencyOnFrame",
        {**FRAME, "depend_on_frame": {"id": NOTHING}},
    ),
    Ask(
        "a job on a layer of its own",
        "job.JobInterface/CreateDependencyOnLayer",
        {**JOB, "layer": {"id": "$layer"}},
    ),
    Ask("dropping depends", "job.JobInterface/DropDepends", {**JOB, "target": "ANY_TARGET"}),
)
