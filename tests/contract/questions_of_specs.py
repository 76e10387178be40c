"""Questions: which job specs are launched, and what is said of those that are not."""

import re

from tests.contract.asking import Question
from tests.contract.job_specs import DTD, depend, job, layer, spec, with_dtd

LAUNCH = "job.JobInterface/LaunchSpec"
WAIT = "job.JobInterface/LaunchSpecAndWait"
SERVICES = "<services><service>shell</service></services>"
CMD, RANGE, CHUNK = "<cmd>x</cmd>", "<range>1-10</range>", "<chunk>1</chunk>"


def launch(name: str, text: str) -> Question:
    return Question(f"launch: {name}", LAUNCH, {"spec": text}, values=("names",))


def launch_job(name: str, text: str) -> Question:
    return launch(name, spec(text))


def launch_layer(name: str, text: str, job_name: str = "layer_v001") -> Question:
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
