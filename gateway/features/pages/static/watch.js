// Answers that are kept fresh: by one event stream for all of a page, else by polling.
import { away, parametersOf, post, queryOf, request } from "./base.js";

const POLL_SECONDS = 10, COMES_BACK_SECONDS = 2;
const SILENCE_SECONDS = 40;  // the gateway breaks every silence after 15
const EVENTS = "text/event-stream";
const etags = new WeakMap();

const pause = (seconds, signal) => new Promise((done) => {
  const timer = setTimeout(done, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

// Asks until it is stopped. A question has a `method`, `body` and `view`, and the path of its `rows`;
// `heard` gets each answer, and null when nothing has changed, `missed` the message of an error. The
// second argument of `heard` says whether a stream brings them.
export function watch(questions) {
  const stop = new AbortController();
  follow(questions, stop.signal);
  return () => stop.abort();
}

async function follow(questions, signal) {
  while (!signal.aborted) {
    let wait = COMES_BACK_SECONDS;
    if (!await stream(questions, signal) && !signal.aborted) {
      const waits = await Promise.all(questions.map((each) => poll(each, signal)));
      wait = Math.max(...waits);
    }
    await pause(wait, signal);
  }
}

// Reads the stream of all questions until it ends; whether it has brought anything. What it refuses
// is polled meanwhile.
async function stream(questions, signal) {
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end, { once: true });
  const items = questions.map(({ method, body, view }, id) => ({ id, method, request: body, view: parametersOf(view) }));
  const answers = new Map(), failing = new Set();
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(end, SILENCE_SECONDS * 1000);
  };
  alive();
  try {
    const response = await post("/batch", items, { Accept: EVENTS }, { signal: over.signal, cache: "no-store" });
    if (!response.ok || !response.headers.get("content-type").startsWith(EVENTS)) return false;
    for await (const { kind, data } of events(response.body)) {
      alive();
      if (!kind) {
        for (const id of answers.keys()) if (!failing.has(id)) questions[id].heard(null, true);
        continue;
      }
      if (kind === "error") failing.add(data.id);
      else failing.delete(data.id);
      if (tell(kind, data, questions[data.id], answers)) pollOn(questions[data.id], over.signal, signal);
    }
  } catch {
    // polling tells what is wrong
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    end();
  }
  return answers.size > 0;
}

// Whether the stream has no more of a question than this.
function tell(kind, { id, data, error }, question, answers) {
  if (kind === "snapshot") answers.set(id, data);
  else if (kind === "change" && answers.has(id)) answers.set(id, changed(answers.get(id), question.rows, data));
  else if (kind === "error") question.missed(data.message);
  else if (kind === "end") question.missed(`The news has ended: ${data.reason}`);
  else if (kind === "answer" && error) question.missed(error.message);
  if (kind === "snapshot" || kind === "change") question.heard(answers.get(id), true);
  return kind === "answer";
}

async function pollOn(question, over, signal) {
  while (!over.aborted) await pause(await poll(question, signal), over);
}

// Asks once, for what has changed since. Returns the seconds until it may be asked again.
async function poll(question, signal) {
  const { method, body, view } = question, etag = etags.get(question);
  try {
    const headers = { Accept: "application/json", ...(etag ? { "If-None-Match": etag } : {}) };
    const response = await request(method + queryOf(body, view), { headers, signal, cache: "no-store" });
    if (response.status === 304) {
      question.heard(null, false);
      return POLL_SECONDS;
    }
    const content = await response.json();
    if (!response.ok) {
      question.missed(content.message);
      return Math.max(POLL_SECONDS, Number(response.headers.get("retry-after") ?? 0));
    }
    etags.set(question, response.headers.get("etag"));
    question.heard(content, false);
  } catch (error) {
    if (!signal.aborted) question.missed(away(error));
  }
  return POLL_SECONDS;
}

// The events of a stream; what only breaks a silence has no kind.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) yield read(block);
  }
}

function read(block) {
  let kind = "", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5);
  }
  return { kind, data: data ? JSON.parse(data) : null };
}

function changed(answer, path, change) {
  const [name, ...rest] = path;
  if (rest.length) return { ...answer, [name]: changed(answer[name], rest, change) };
  const news = new Map(change.changed.map((row) => [row.id, row]));
  const gone = new Set(change.removed);
  const kept = answer[name].filter(({ id }) => !gone.has(id)).map((row) => news.get(row.id) ?? row);
  return { ...answer, [name]: [...kept, ...change.added] };
}
