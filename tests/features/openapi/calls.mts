// Calls as they are written with openapi-fetch. They have to compile with the types that
// openapi-typescript makes of the document (`tsc --strict`), and to work.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string> };

type Schemas = components["schemas"];

const { GATEWAY_URL, TOKEN } = process.env;
const farm = createClient<paths>({
  baseUrl: GATEWAY_URL,
  headers: { Authorization: `Bearer ${TOKEN}` },
});

function ok<T>({ data, error }: { data?: T; error?: Schemas["gateway-Error"] }): T {
  if (error) throw new Error(`${error.error}: ${error.message}`);
  return data!;
}

function there<T>(value: T | null | undefined): T {
  if (value == null) throw new Error("nothing is there");
  return value;
}

// Reading.
const shows = ok(await farm.POST("/show.ShowInterface/GetShows"));
console.log("shows", there(shows.shows).shows.map((show) => show.name).join());

const jobs = ok(await farm.POST("/job.JobInterface/GetJobs", { body: { r: { shows: ["demo"] } } }));
for (const { name, jobStats, isPaused } of jobs.jobs?.jobs ?? []) {
  const dead: number = jobStats?.deadFrames ?? 0;
  console.log("job", name, dead, isPaused);
}

const ofLena = ok(await farm.GET("/job.JobInterface/GetJobs", {
  params: { query: { "r.users": ["lena"], "r.shows": ["demo"], _sort: "-priority,name", _limit: 5 } },
}));
const mine: Schemas["job.Job"][] = ofLena.jobs?.jobs ?? [];
console.log("GET", mine.map(({ user }) => user).join());

const csv: string = ok(await farm.GET("/job.JobInterface/GetJobs", {
  params: { query: { "r.users": ["lena"], "r.shows": ["demo"], _fields: "name,user", _format: "csv" } },
  parseAs: "text",
}));
console.log("csv", csv.split("\r\n")[0]);

const name = "demo-sh010-lena_comp_v003";
const job = there(ok(await farm.POST("/job.JobInterface/FindJob", { body: { name } })).job);
const cores: number = job.minCores + job.maxCores;
console.log("cores", typeof cores);

const layers = ok(await farm.GET("/job.JobInterface/GetLayers", {
  params: { query: { "job.name": name } },
}));
const [layer] = there(layers.layers).layers;
console.log("memory", BigInt(there(layer).minMemory) > 0n, there(layer).tags.length > 0);

const running = ok(await farm.POST("/job.JobInterface/GetFrames", {
  body: { job: { name }, req: { states: { frameStates: ["RUNNING"] }, limit: 10, page: 1 } },
}));
const states: Schemas["job.FrameState"][] = there(running.frames).frames.map(({ state }) => state);
console.log("states", states.every((state) => state === "RUNNING"), states.length);

const hosts = ok(await farm.POST("/host.HostInterface/GetHosts", { body: { r: { states: { state: ["UP"] } } } }));
const [host] = there(hosts.hosts).hosts;
const memory: bigint = BigInt(there(host).totalMemory);
console.log("host", there(host).lockState, memory > 0n);

const group = there(ok(await farm.POST("/job.GroupInterface/FindGroup", {
  body: { show: "demo", name: "comp" },
})).group);

// Changing.
ok(await farm.POST("/job.JobInterface/Pause", { body: { job: { id: job.id } } }));
ok(await farm.POST("/job.JobInterface/SetPriority", { body: { job: { name }, val: 120 } }));
ok(await farm.POST("/job.JobInterface/SetMaxCores", { body: { job, val: 12 } }));
const changed = there(ok(await farm.POST("/job.JobInterface/GetJob", { body: { id: job.id } })).job);
console.log("changed", changed.isPaused, changed.priority, changed.maxCores);

ok(await farm.POST("/job.JobInterface/RetryFrames", {
  body: { job: { id: job.id }, req: { states: { frameStates: ["DEAD", "EATEN"] } } },
}));
ok(await farm.POST("/job.LayerInterface/SetMinMemory", { body: { layer: { id: there(layer).id }, memory: 4194304 } }));
ok(await farm.POST("/job.LayerInterface/SetMinMemory", { body: { layer: { id: there(layer).id }, memory: "4194304" } }));
ok(await farm.POST("/job.GroupInterface/SetMinCores", { body: { group: { id: group.id }, minCores: 4 } }));
ok(await farm.POST("/host.HostInterface/Lock", { body: { host: { id: there(host).id } } }));
ok(await farm.POST("/host.HostInterface/AddTags", { body: { host: { id: there(host).id }, tags: ["loud"] } }));
ok(await farm.POST("/job.JobInterface/AddComment", {
  body: { job: { id: job.id }, newComment: { subject: "plates", message: "were late", user: "lena" } },
}));
const noted = ok(await farm.POST("/job.JobInterface/GetComments", { body: { job: { id: job.id } } }));
console.log("comment", there(noted.comments).comments[0]?.subject);

// Failing.
const { data, error, response } = await farm.POST("/job.JobInterface/FindJob", { body: { name: "nope" } });
if (data === undefined && error !== undefined) {
  const about: unknown = error.details?.[0]?.["@type"];
  console.log("error", response.status, error.error === "NOT_FOUND", error.code, about);
}

const dry = await farm.POST("/job.JobInterface/Kill", {
  params: { header: { "X-Dry-Run": "1", "Grpc-Timeout": "5S" } },
  body: { job: { id: job.id }, reason: "wrong plate" },
});
console.log("dry run", dry.response.headers.get("X-Dry-Run"));

const ready = await farm.GET("/readyz");
console.log("ready", ready.data?.status === "ok");

// What has to be a mistake, or the types say nothing.
async function mistakes(): Promise<void> {
  // @ts-expect-error: no such path
  await farm.POST("/job.JobInterface/GetJbs");
  // @ts-expect-error: changes have no GET
  await farm.GET("/job.JobInterface/Pause");
  // @ts-expect-error: a text where a list is wanted
  await farm.POST("/job.JobInterface/GetJobs", { body: { r: { users: "lena" } } });
  // @ts-expect-error: no such state
  await farm.POST("/job.JobInterface/EatFrames", { body: { req: { states: { frameStates: ["DEED"] } } } });
  // @ts-expect-error: a text where a number is wanted
  await farm.POST("/job.JobInterface/SetMaxCores", { body: { job: { name }, val: "4" } });
  // @ts-expect-error: no such parameter
  await farm.GET("/job.JobInterface/GetJobs", { params: { query: { "r.usr": ["lena"] } } });
  // @ts-expect-error: a misspelled argument (which openapi-fetch itself lets pass in a `body`)
  const wanted: Schemas["job.JobGetJobsRequest"] = { r: { usr: ["lena"] } };
  // @ts-expect-error: no such field
  there(job).nmae;
  // @ts-expect-error: 64-bit integers are texts
  const total: number = there(host).totalMemory;
  // @ts-expect-error: an object that Cuebot has not set is null
  ok(await farm.POST("/job.JobInterface/GetJobs")).jobs.jobs;
}
void mistakes;
