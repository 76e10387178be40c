// Answers that are kept fresh: by an event stream where the gateway serves them, else by polling.
import { request } from "./base.js";

const STREAMS = 4;  // a browser opens six connections to a host, and calls need some
const POLL_SECONDS = 10, COMES_BACK_SECONDS = 2;
let streams = 0, areServed = true;

const pause = (seconds, signal) => new Promise((done) => {
  const timer = setTimeout(done, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

// Asks until it is stopped. `heard` gets each answer, and null when nothing has changed; `missed`
// the message of an error; the second argument says whether a stream brings them.
export function watch(path, rows, { heard, missed }) {
  const stop = new AbortController();
  follow(path, rows, { heard, missed }, stop.signal);
  return () => stop.abort();
}

async function follow(path, rows, { heard, missed }, signal) {
  let etag = "";
  await pause(0, signal);  // streams that have just been left give back their places
  while (!signal.aborted) {
    const wants = areServed && streams < STREAMS;
    let wait = POLL_SECONDS;
    if (wants) streams += 1;
    try {
      const accept = wants ? "text/event-stream, application/json;q=0.9" : "application/json";
      const headers = { Accept: accept, ...(etag && !wants ? { "If-None-Match": etag } : {}) };
      const response = await request(path, { headers, signal, cache: "no-store" });
      const type = response.headers.get("content-type") ?? "";
      if (type.startsWith("text/event-stream")) {
        await listen(response.body, rows, { heard, missed });
        wait = COMES_BACK_SECONDS;
      } else if (response.status === 304) {
        heard(null, false);
      } else {
        const content = await response.json();
        if (wants && response.ok) areServed = false;
        if (!response.ok) throw Object.assign(new Error(content.message), { response });
        etag = response.headers.get("etag") ?? "";
        heard(content, false);
      }
    } catch (error) {
      if (signal.aborted) return;
      missed(error.response ? error.message : `The gateway is not responding: ${error.message}`);
      wait = Math.max(wait, Number(error.response?.headers.get("retry-after") ?? 0));
    } finally {
      if (wants) streams -= 1;
    }
    await pause(wait, signal);
  }
}

// Reads events until the stream ends.
export async function listen(body, rows, { heard, missed }) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", answer = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const { event, data } = read(block);
      if (event === "snapshot") heard(answer = data, true);
      else if (event === "change" && answer) heard(answer = changed(answer, rows, data), true);
      else if (event === "error") missed(data.message ?? "Cuebot has an error");
      else if (!event && answer) heard(null, true);
    }
  }
}

function read(block) {
  let event = "", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5);
  }
  return { event, data: data ? JSON.parse(data) : null };
}

function changed(answer, path, change) {
  const [name, ...rest] = path;
  if (rest.length) return { ...answer, [name]: changed(answer[name], rest, change) };
  const news = new Map(change.changed.map((row) => [row.id, row]));
  const gone = new Set(change.removed);
  const kept = answer[name].filter(({ id }) => !gone.has(id)).map((row) => news.get(row.id) ?? row);
  return { ...answer, [name]: [...kept, ...change.added] };
}
