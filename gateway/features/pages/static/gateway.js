// The gateway itself, for tokens with `status`.
import { duration, make, tableOf } from "./base.js";

const STATES = { answers: ["answers", "good"], hangs: ["does not answer calls", "down"], away: ["cannot be reached", "down"] };

const ago = (text) => `${duration((Date.now() - new Date(text)) / 1000)} ago`;
const time = (text) => (text ? make("time", { datetime: text, title: new Date(text).toLocaleString() }, ago(text)) : "never");
const ms = (number) => (number < 1000 ? `${number < 10 ? number : Math.round(number)} ms` : `${Math.round(number / 100) / 10} s`);

export function showGateway(place, { cuebot, schema, problem, load, refused }) {
  const cuebots = cuebot.states.map(({ endpoint, state, reason, latency }) => [
    endpoint, make("span", { class: STATES[state][1] }, STATES[state][0]), latency ? ms(latency.medianMs) : "–",
    latency ? ms(latency.p99Ms) : "–", latency?.calls ?? 0, reason]);
  const { sinceStart, lastMinute, words } = refused;
  const now = (cause) => lastMinute[cause] ?? 0;
  const refusals = Object.keys(sinceStart).sort((one, other) => now(other) - now(one) || sinceStart[other] - sinceStart[one])
    .map((cause) => [words[cause] ?? cause, now(cause) ? make("span", { class: "alert" }, now(cause)) : 0, sinceStart[cause]]);
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
  return tableOf(label, cells("th", heads), make("tbody", {}, rows.map((row) => make("tr", {}, cells("td", row)))));
}

function entry(name, text, kind = "") {
  return make("div", {}, make("dt", {}, name), make("dd", { class: kind }, text));
}
