// The gateway itself, for tokens with `status`.
import { duration, make } from "./base.js";

const STATES = { answers: ["answers", "good"], hangs: ["does not answer calls", "down"], away: ["cannot be reached", "down"] };
// What is refused, for people; other causes keep their words.
const CAUSES = {
  places: "Too many requests at once (MAX_IN_FLIGHT)", long_answers: "Load shedding: too many long answers at once",
  answer_memory: "No memory for large answers (MAX_ANSWER_MEMORY)", bodies: "No memory for large bodies", decoding: "Too many large bodies to decode",
  waits: "Too many GETs wait for a change", watchers: "Too many event streams, or what they ask",
  connections: "Too many connections (MAX_CONNECTIONS)", connections_per_address: "Too many connections from one address",
  unfinished: "Too many unfinished requests", stopping: "The gateway was stopping", no_schema: "No schema yet", no_keys: "No keys of the identity provider yet",
  store: "The shared store is away", keys: "Too many idempotency keys", audit_log: "The audit log cannot be written", rate_limit: "Over the rate limit",
  no_token: "Without a token", malformed: "Tokens that cannot be read", algorithm: "Tokens with an algorithm that is not accepted",
  signature: "Tokens with a wrong signature", unknown_key: "Tokens with an unknown key", expired: "Expired tokens",
  not_yet_valid: "Tokens that are not valid yet", claims: "Tokens with wrong claims", denied: "Tokens on the deny list",
};

const ago = (text) => `${duration((Date.now() - new Date(text)) / 1000)} ago`;
const time = (text) => (text ? make("time", { datetime: text, title: new Date(text).toLocaleString() }, ago(text)) : "never");
const ms = (number) => (number < 1000 ? `${number < 10 ? number : Math.round(number)} ms` : `${Math.round(number / 100) / 10} s`);

export function showGateway(place, { cuebot, schema, problem, load, refused }) {
  const cuebots = cuebot.states.map(({ endpoint, state, reason, latency }) => [
    endpoint, make("span", { class: STATES[state][1] }, STATES[state][0]), latency ? ms(latency.medianMs) : "–",
    latency ? ms(latency.p99Ms) : "–", latency?.calls ?? 0, reason]);
  const { sinceStart, lastMinute } = refused;
  const now = (cause) => lastMinute[cause] ?? 0;
  const refusals = Object.keys(sinceStart).sort((one, other) => now(other) - now(one) || sinceStart[other] - sinceStart[one])
    .map((cause) => [CAUSES[cause] ?? cause, now(cause) ? make("span", { class: "alert" }, now(cause)) : 0, sinceStart[cause]]);
  const sheds = load.longLimit < load.most;
  place.replaceChildren(make("div", { class: "panels" },
    panel("Cuebot", "Latency: of the last minute's calls, at most 512 of each",
      table("Cuebots", ["Cuebot", "State", "Median", "p99", "Calls", "Reason"], [2, 3, 4], cuebots)),
    panel("Load", sheds ? "Load is shed: new calls with long answers are refused" : "No load is shed", make("dl", {},
      entry("Requests in flight", `${load.inFlight} of ${load.most}`),
      entry("Long answers in flight", `${load.long} of ${load.longLimit}`, sheds ? "down" : ""))),
    panel("Refused", refusals.length ? "Requests, by reason" : "Nothing has been refused",
      refusals.length ? table("Refusals", ["Why", "Last minute", "Since the start"], [1, 2], refusals) : null,
      make("p", { class: "soft" }, "The gateway was started ", time(refused.startedAt))),
    panel("Schema", "", problem ? make("p", { class: "down" }, problem) : null, make("dl", {}, schema ? [
      entry("Changed", time(schema.changedAt)),
      entry("Checked", time(schema.lookedAt)),
      entry("From", schema.source + (schema.confirmed ? "" : " (not confirmed by Cuebot)")),
      entry("For your token", `${schema.methods} methods in ${schema.interfaces} interfaces`),
      ...(schema.skipped.length ? [entry("Not served", schema.skipped.join(", "), "down")] : []),
    ] : entry("There is none", "yet")),
    schema ? make("details", { open: place.querySelector("details")?.open }, make("summary", {}, "Digest"), make("code", {}, schema.digest)) : null)));
}

function panel(title, summary, ...content) {
  return make("section", { class: "panel" }, make("h2", {}, title), summary && make("p", { class: "soft" }, summary), content);
}

function table(label, heads, numbers, rows) {
  const kind = (place) => (numbers.includes(place) ? "number" : "text");
  const cells = (tag, row) => row.map((each, place) => make(tag, { class: kind(place), scope: tag === "th" && "col" }, String(each) === each || each instanceof Node ? each : each.toLocaleString()));
  return make("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": label }, make("table", {},
    make("thead", {}, make("tr", {}, cells("th", heads))), make("tbody", {}, rows.map((row) => make("tr", {}, cells("td", row))))));
}

function entry(name, text, kind = "") {
  return make("div", {}, make("dt", {}, name), make("dd", { class: kind }, text));
}
