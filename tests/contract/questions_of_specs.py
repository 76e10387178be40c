"""Questions: which job specs are launched, what comes of them, and what is said of the others.

The specs have the parts that OpenCue's DTD knows, in its order or not.
"""

import re

from tests.contract.asking import Question as Ask

DTD = "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd"
SHOW = "c$run"
TAG = "contract"
"""No host has it, so that frames wait."""


def layer(
    name: str = "render",
    *,
    kind: str = "Render",
    head: str = "<cmd>nuke -F #IFRAME#</cmd><range>1-10</range><chunk>1</chunk>",
    more: str = f"<tags>{TAG}</tags>",
    tail: str = "<services><service>shell</service></services>",
) -> str:
    """A layer: `more` comes after its chunk, `tail` at its end."""
    return f'<layer name="{name}" type="{kind}">\n{head}{more}{tail}\n</layer>\n'


def job(*layers: str, name: str = "a_v001", head: str = "") -> str:
    """A job, with one layer if none are given. `head` comes before its layers."""
    inside = "".join(layers or (layer(),))
    return f'<job name="{name}">\n{head}<layers>\n{inside}</layers>\n</job>\n'


def depend(kind: str, inside: str) -> str:
    return f'<depend type="{kind}" anyframe="False">\n{inside}</depend>\n'


def spec(
    *jobs: str,
    dtd: str | None = DTD,
    facility: str = "local",
    show: str = SHOW,
    shot: str = "sh010",
    user: str = "alice",
    uid: str = "<uid>1001</uid>",
    depends: str = "",
) -> str:
    """A whole spec, with one job if none are given."""
    doctype = f'<!DOCTYPE spec PUBLIC "SPI Cue Specification Language" "{dtd}">\n' if dtd else ""
    inside = "".join(jobs or (job(),))
    return (
        f'<?xml version="1.0"?>\n{doctype}<spec>\n<facility>{facility}</facility>'
        f"<show>{show}</show><shot>{shot}</shot><user>{user}</user>{uid}\n"
        f"{inside}<depends>\n{depends}</depends>\n</spec>\n"
    )


def with_dtd(version: str) -> str:
    return DTD.replace("1.15", version)


LAUNCH = "job.JobInterface/LaunchSpec"
WAIT = "job.JobInterface/LaunchSpecAndWait"
SERVICES = "<services><service>shell</service></services>"
CMD, RANGE, CHUNK = "<cmd>x</cmd>", "<range>1-10</range>", "<chunk>1</chunk>"


def launch(name: str, text: str) -> Ask:
    return Ask(f"launch: {name}", LAUNCH, {"spec": text}, values=("names",))


def launch_job(name: str, text: str) -> Ask:
    return launch(name, spec(text))


def launch_layer(name: str, text: str, job_name: str = "layer_v001") -> Ask:
    return launch(name, spec(job(text, name=job_name)))


NOT_XML = (
    launch("nothing", ""),
    launch("blanks", "  \n "),
    launch("no XML", "this is no XML"),
    launch("text before the XML", f"x{spec()}"),
    launch("text after the root", f"{spec()}x"),
    launch("another root after the root", f"{spec()}<spec/>"),
    launch("only a declaration", '<?xml version="1.0"?>'),
    launch("cut within a tag", spec()[:400]),
    launch("cut after a tag", spec().partition("</layer>")[0]),
    launch("cut within text", spec().partition("IFRAME")[0]),
    launch("tags that cross", spec().replace("</layer>", "</job>")),
    launch("a tag that is closed twice", spec().replace("</layers>", "</layers></layers>")),
    launch("an ampersand", spec().replace("nuke", "a && b")),
    launch("an angle bracket", spec().replace("nuke", "a < b")),
    launch("an attribute without quotes", spec().replace('"a_v001"', "a_v001")),
    launch("an attribute without a value", spec().replace('name="a_v001"', "name")),
    launch("an attribute twice", spec().replace('type="Render"', 'type="Render" type="Util"')),
    launch("a control character", spec().replace("nuke", "\x01")),
    launch("an entity that is not declared", spec().replace("nuke", "&tool;")),
    launch("no quotes at all", "<spec"),
)

GRAMMAR = (
    launch("no doctype", spec(dtd=None)),
    launch("a DTD that is not there", spec(dtd=with_dtd("9.9"))),
    launch("a DTD newer than Cuebot", spec(dtd=with_dtd("1.16"))),
    launch(
        "a doctype without a DTD",
        re.sub(" PUBLIC .*>", ">", spec()),
    ),
    launch("a DTD from elsewhere", spec(dtd="http://nowhere.example/cjsl-1.15.dtd")),
    launch_job("another element among variables", job(head="<env><os/></env>")),
    launch("another element among dependencies", spec(depends="<job name='abc'/>")),
    launch_layer("another element among outputs", layer(tail="<outputs><os/></outputs>")),
    launch_layer("text among services", layer(tail="<services>shell</services>")),
    launch_layer(
        "an attribute over several lines", layer().replace(' type="Render"', '\n\n  type="Foo"')
    ),
    launch_layer(
        "two attributes that are not known", layer().replace(' type="Render"', ' b="1" a="2"')
    ),
    launch_job(
        "a comment and a CDATA section",
        job(layer(head="<cmd><![CDATA[a & b]]></cmd><!-- x -->" + RANGE + CHUNK), name=""),
    ),
    launch("the doctype of something else", spec().replace("DOCTYPE spec", "DOCTYPE job")),
    launch("another root", spec().replace("<spec>", "<job>").replace("</spec>", "</job>")),
    launch("a root that is not known", f'<!DOCTYPE spec SYSTEM "{DTD}"><html/>'),
    launch_job("an element that is not known", job(head="<colour>red</colour>")),
    launch_job("an element that is not known, in a layer", job(layer(more="<colour>red</colour>"))),
    launch_job("text in a job", job(head="text")),
    launch_job("an element in a text", job(head="<paused><b/></paused>")),
    launch_job("a known element in a text", job(head="<paused><os>x</os></paused>")),
    launch("nothing in a spec", f"{spec().partition('<spec>')[0]}<spec></spec>"),
    launch("only a show", f"{spec().partition('<spec>')[0]}<spec><show>x</show></spec>"),
    launch(
        "a show after a shot",
        spec().replace("<show>c$run</show>", "").replace("</shot>", "</shot><show>c$run</show>"),
    ),
    launch("two shows", spec(show="c$run</show><show>c$run")),
    launch("no user", spec().replace("<user>alice</user>", "")),
    launch("a uid before the user", spec(uid="").replace("<user>", "<uid>1</uid><user>")),
    launch(
        "a facility after the show",
        spec()
        .replace("<facility>local</facility>", "")
        .replace("</show>", "</show><facility>local</facility>"),
    ),
    launch("an email after the uid", spec(uid="<uid>1</uid><email>a@b.example</email>")),
    launch("a job after the dependencies", spec().replace("</depends>", "</depends>" + job())),
    launch_job(
        "paused after the layers", job().replace("</layers>", "</layers><paused>1</paused>")
    ),
    launch_job(
        "retries before the priority", job(head="<maxretries>1</maxretries><priority>1</priority>")
    ),
    launch_job("priority twice", job(head="<priority>1</priority><priority>2</priority>")),
    launch_job("no name", job().replace(' name="a_v001"', "")),
    launch_job(
        "an attribute of a job that is not known", job().replace("<job", '<job colour="red"')
    ),
    launch_job("an empty name", job(name="")),
    launch_job("a name with blanks", job(name="b v 001")),
    launch_job("a name with a slash", job(name="b/v001")),
    launch_job("no layer", job(" ")),
    launch_job("no layers", '<job name="a_v001"></job>\n'),
    launch_layer("a type that is not known", layer(kind="Foo")),
    launch_layer("a type in capitals", layer(kind="RENDER")),
    launch_layer("the type Pre", layer(kind="Pre")),
    launch_layer("no type", layer().replace(' type="Render"', "")),
    launch_layer("a layer without a name", layer().replace(' name="render"', "")),
    launch_layer("a layer's name with blanks", layer("a b c")),
    launch_layer("nothing in a layer", '<layer name="render" type="Render"></layer>'),
    launch_layer("a range before the command", layer(head=RANGE + CMD + CHUNK)),
    launch_layer("no range", layer(head=CMD + CHUNK)),
    launch_layer("no chunk", layer(head=CMD + RANGE)),
    launch_layer("cores after memory", layer(more="<memory>1g</memory><cores>1</cores>")),
    launch_layer(
        "limits before tags", layer(more="<limits><limit>x</limit></limits><tags>general</tags>")
    ),
    launch_layer("no limit in limits", layer(more="<limits></limits>")),
    launch_layer("no service in services", layer(tail="<services></services>")),
    launch_layer("services twice", layer(tail=SERVICES * 2)),
    launch_layer("env after services", layer(tail=SERVICES + "<env/>")),
    launch_layer("a key without a name", layer(tail="<env><key>1</key></env>" + SERVICES)),
    launch_layer(
        "an output without a name", layer(tail=SERVICES + "<outputs><output>x</output></outputs>")
    ),
    launch("a dependency without jobs", spec(depends=depend("JOB_ON_JOB", ""))),
    launch(
        "a dependency without its second job",
        spec(depends=depend("JOB_ON_JOB", "<depjob>a_v001</depjob>")),
    ),
    launch(
        "a dependency of a type that is not known",
        spec(depends=depend("FOO", "<depjob>a_v001</depjob><onjob>b_v001</onjob>")),
    ),
    launch(
        "a dependency without a type",
        spec(
            depends=depend("JOB_ON_JOB", "<depjob>a_v001</depjob><onjob>b_v001</onjob>").replace(
                ' type="JOB_ON_JOB"', ""
            )
        ),
    ),
    launch_job("a local booking without its attributes", job(head="<localbook/>")),
    launch_job(
        "a local booking with an attribute that is not known",
        job(head=('<localbook host="h" cores="1" memory="1" threads="1" gpu="1" gpus="1"/>')),
    ),
    launch("1.8 without a uid", spec(dtd=with_dtd("1.8"), uid="")),
    launch("a priority by 1.10", spec(job(head="<priority>1</priority>"), dtd=with_dtd("1.10"))),
    launch("most cores by 1.12", spec(job(head="<maxcores>1</maxcores>"), dtd=with_dtd("1.12"))),
    launch("GPUs by 1.11", spec(job(layer(more="<gpus>1</gpus>")), dtd=with_dtd("1.11"))),
    launch("a time-out by 1.9", spec(job(layer(more="<timeout>1</timeout>")), dtd=with_dtd("1.9"))),
    launch("outputs by 1.13", spec(job(layer(tail=SERVICES + "<outputs/>")), dtd=with_dtd("1.13"))),
    launch("a GPU by 1.6", spec(job(layer(more="<gpu>1</gpu>")), dtd=with_dtd("1.6"))),
    launch("an OS by 1.5", spec(job(head="<os>x</os>"), dtd=with_dtd("1.5"))),
    launch(
        "a frame to wait for by 1.14",
        spec(
            dtd=with_dtd("1.14"),
            depends=depend(
                "LAYER_ON_FRAME",
                "<depjob>a_v001</depjob><deplayer>render</deplayer>"
                "<onjob>a_v001</onjob><onframe>0001-render</onframe>",
            ),
        ),
    ),
)

MEANING = (
    launch("a show that is not there", spec(show="nope$run")),
    launch("an empty shot", spec(shot="")),
    launch("a short shot", spec(shot="ab")),
    launch("a shot with a slash", spec(shot="sh/010")),
    launch("root", spec(user="root")),
    launch("uid 0", spec(uid="<uid>0</uid>")),
    launch("a uid that is no number", spec(uid="<uid>abc</uid>")),
    launch_job("a short name", job(name="x")),
    launch_job("a name with a colon", job(name="a:v001")),
    launch_job("a priority that is no number", job(head="<priority>high</priority>")),
    launch_job("an empty priority", job(head="<priority></priority>")),
    launch_job("retries that are no number", job(head="<maxretries>x</maxretries>")),
    launch_job("two layers of one name", job(layer(), layer())),
    launch_job("only a Post layer", job(layer(kind="Post"))),
    launch_layer("a short layer name", layer("x")),
    launch_layer("a layer name with a colon", layer("a:bcd")),
    launch_layer("an empty range", layer(head=CMD + "<range></range>" + CHUNK)),
    launch_layer("a range that is none", layer(head=CMD + "<range>a-b</range>" + CHUNK)),
    launch_layer(
        "a range backwards", layer(head=CMD + "<range>10-1</range>" + CHUNK), "backwards_v001"
    ),
    launch_layer("a chunk that is no number", layer(head=CMD + RANGE + "<chunk>x</chunk>")),
    launch_layer("a chunk of 0", layer(head=CMD + RANGE + "<chunk>0</chunk>")),
    launch_layer("cores that are no number", layer(more="<cores>many</cores>")),
    launch_layer("memory that is no number", layer(more="<memory>lots</memory>")),
    launch_layer("a tag that is none", layer(more="<tags>a</tags>")),
    launch_layer("a time-out that is no number", layer(more="<timeout>x</timeout>")),
    launch_layer(
        "a limit that is not there",
        layer(more="<limits><limit>nope$run</limit></limits>"),
        "limit_v001",
    ),
    launch_layer(
        "more frames than a job may have", layer(head=CMD + "<range>1-100001</range>" + CHUNK)
    ),
    launch(
        "a dependency of a job with a bad name",
        spec(depends=depend("JOB_ON_JOB", "<depjob>x</depjob><onjob>y</onjob>")),
    ),
    launch(
        "a dependency on a layer with a bad name",
        spec(
            depends=depend(
                "LAYER_ON_LAYER",
                "<depjob>a_v001</depjob><deplayer>x</deplayer>"
                "<onjob>a_v001</onjob><onlayer>y</onlayer>",
            )
        ),
    ),
    launch(
        "a dependency on a frame with a bad name",
        spec(
            depends=depend(
                "LAYER_ON_FRAME",
                "<depjob>a_v001</depjob><deplayer>render</deplayer>"
                "<onjob>a_v001</onjob><onframe>x</onframe>",
            )
        ),
    ),
)

FULL = "c$run-sh010-alice_a_v001"
POST = layer("after", kind="Post")
MOVIE = layer("movie", kind="Util", head="<cmd>x</cmd><range>1</range><chunk>1</chunk>")
MOVIE_WAITS = depend(
    "LAYER_ON_LAYER",
    "<depjob>a_v001</depjob><deplayer>movie</deplayer>"
    "<onjob>a_v001</onjob><onlayer>render</onlayer>",
)

SHOWS = (
    Ask("a show with a taken name, once", "show.ShowInterface/CreateShow", {"name": "e$run"}),
    Ask("a show with a taken name, twice", "show.ShowInterface/CreateShow", {"name": "e$run"}),
    Ask(
        "a show that rests",
        "show.ShowInterface/CreateShow",
        {"name": "i$run"},
        keep={"resting": "show.id"},
    ),
    Ask(
        "letting a show rest",
        "show.ShowInterface/SetActive",
        {"show": {"id": "$resting"}, "value": False},
    ),
    Ask(
        "the root group of a show that rests",
        "show.ShowInterface/GetRootGroup",
        {"show": {"id": "$resting"}},
        keep={"resting_root": "group.id"},
    ),
)


LAUNCHES = (
    Ask(
        "launching a job",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(job(layer(), MOVIE), depends=MOVIE_WAITS)},
        values=("names",),
    ),
    Ask(
        "finding a launched job",
        "job.JobInterface/FindJob",
        {"name": FULL},
        later=True,
        keep={"job": "job.id"},
        values=(
            "job.name",
            "job.show",
            "job.shot",
            "job.user",
            "job.state",
            "job.group",
            "job.facility",
            "job.priority",
            "job.uid",
            "job.min_cores",
            "job.max_cores",
            "job.job_stats.total_frames",
            "job.job_stats.waiting_frames",
            "job.job_stats.depend_frames",
            "job.job_stats.total_layers",
            "job.os",
            "job.is_paused",
            "job.auto_eat",
            "job.has_comment",
            "job.max_gpus",
        ),
    ),
    Ask("launching it again", "job.JobInterface/LaunchSpec", {"spec": spec()}),
    Ask("launching it again, and waiting", "job.JobInterface/LaunchSpecAndWait", {"spec": spec()}),
    Ask(
        "launching with a facility that is not there",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(job(name="fac_v001"), facility="nope$run")},
        values=("names",),
    ),
    Ask(
        "waiting for a job with a facility that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="fac_v001"), facility="nope$run")},
    ),
    Ask(
        "launching with a service that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer(tail="<services><service>nope$run</service></services>"),
                    name="service_v001",
                )
            )
        },
        keep={"service_job": "jobs.jobs.0.id"},
    ),
    Ask(
        "the layers of a job with a service that is not there",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$service_job"}},
        values=("layers.layers.0.services",),
    ),
    Ask(
        "launching with a limit that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(layer(more="<limits><limit>nope$run</limit></limits>"), name="nolimit_v001")
            )
        },
    ),
    Ask(
        "launching a range that is backwards",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(layer(head="<cmd>x</cmd><range>10-1</range><chunk>1</chunk>"), name="back_v001")
            )
        },
    ),
    Ask(
        "launching the same job twice in a spec",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="twice_v001"), job(name="twice_v001"))},
    ),
    Ask(
        "launching with a dependency on no job",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(name="nodep_v001"),
                depends=depend("JOB_ON_JOB", "<depjob>nodep_v001</depjob><onjob>nope_v001</onjob>"),
            )
        },
    ),
    Ask(
        "launching and waiting for two jobs",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    POST,
                    layer(),
                    name="two_v001",
                    head="<paused>True</paused>"
                    "<priority>7</priority><maxretries>5</maxretries><autoeat>yes</autoeat>"
                    "<os>rhel9</os>",
                ),
                job(name="Three-V001"),
                depends=depend("JOB_ON_JOB", "<depjob>two_v001</depjob><onjob>Three-V001</onjob>"),
            )
        },
        keep={"two": "jobs.jobs.0.id", "three": "jobs.jobs.1.id"},
        values=(
            "jobs.jobs.0.name",
            "jobs.jobs.1.name",
            "jobs.jobs.0.is_paused",
            "jobs.jobs.0.priority",
            "jobs.jobs.0.auto_eat",
            "jobs.jobs.0.os",
            "jobs.jobs.0.job_stats.depend_frames",
            "jobs.jobs.1.job_stats.waiting_frames",
        ),
    ),
    Ask(
        "launching with an old DTD",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="old_v001"), dtd=with_dtd("1.5"))},
        values=("jobs.jobs.0.name",),
    ),
    Ask(
        "launching all that a layer may say",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer(
                        "full-Layer",
                        head="<cmd>x</cmd><range>1-20x2</range><chunk>2</chunk>",
                        more="<cores>250</cores><threadable>True</threadable><memory>512m</memory><gpus>1</gpus>"
                        "<gpu_memory>2g</gpu_memory><timeout>10</timeout><timeout_llu>5</timeout_llu>"
                        '<tags>contract</tags><env><key name="A">1</key></env>',
                        tail="<services><service>shell</service></services>"
                        '<outputs><output name="o">/a/b.#.exr</output></outputs>',
                    ),
                    name="full_v001",
                    head="<maxcores>20</maxcores><maxgpus>3</maxgpus>",
                )
            )
        },
        keep={"full": "jobs.jobs.0.id"},
        values=(
            "jobs.jobs.0.max_cores",
            "jobs.jobs.0.max_gpus",
            "jobs.jobs.0.job_stats.total_frames",
        ),
    ),
    Ask(
        "the layers of a job that says all",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$full"}},
        values=tuple(
            f"layers.layers.0.{each}"
            for each in (
                "name",
                "range",
                "chunk_size",
                "min_cores",
                "is_threadable",
                "min_memory",
                "min_gpus",
                "min_gpu_memory",
                "timeout",
                "timeout_llu",
                "tags",
                "services",
                "limits",
                "type",
                "dispatch_order",
                "command",
                "memory_optimizer_enabled",
            )
        ),
    ),
    Ask(
        "launching with no cores, and with less",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer("all", more="<cores>0</cores>"),
                    layer("all_but_two", more="<cores>-2</cores>"),
                    name="cores_v001",
                )
            )
        },
        keep={"no_cores": "jobs.jobs.0.id"},
    ),
    Ask(
        "the layers of a job with no cores, and with less",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$no_cores"}},
        values=("layers.layers.0.min_cores", "layers.layers.1.min_cores"),
    ),
    Ask(
        "launching with the uid 42 of nobody",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="uid_v001"), user="nobody", uid="<uid>42</uid>")},
        values=("jobs.jobs.0.uid", "jobs.jobs.0.user"),
    ),
    Ask(
        "launching with a long user's name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="user_v001"), user="x" * 33)},
    ),
    Ask(
        "launching with a long shot",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="shot_v001"), shot="x" * 65)},
    ),
    Ask(
        "launching with a long name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="x" * 256))},
    ),
    Ask(
        "launching with a long layer name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(layer("x" * 257), name="long_v001"))},
    ),
    Ask(
        "launching without a uid",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="nouid_v001"), uid="")},
    ),
    Ask(
        "launching for two shows of one name",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(show="e$run")},
    ),
    Ask(
        "launching for an inactive show",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(show="i$run")},
    ),
)
