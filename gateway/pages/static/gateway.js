// The gateway itself, for tokens with `status`.
import { make } from "./base.js";

const time = (text) => (text ? new Date(text).toLocaleString() : "never");
const STATES = { answers: ["answers", "good"], hangs: ["does not answer calls", "down"], away: ["cannot be reached", "down"] };

export function showGateway(place, { cuebot, schema, problem, load }) {
  const rows = cuebot.states.map(({ endpoint, state, reason }) => make("tr", {}, make("td", {}, endpoint),
    make("td", {}, make("span", { class: STATES[state][1] }, STATES[state][0])), make("td", { class: "text" }, reason)));
  place.replaceChildren(
    make("div", { class: "panels" },
      make("section", { class: "panel" }, make("h2", {}, "Cuebot"),
        make("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": "Cuebots" }, make("table", {},
          make("thead", {}, make("tr", {}, ["Cuebot", "State", "Reason"].map((each) => make("th", { scope: "col" }, each)))),
          make("tbody", {}, rows)))),
      make("section", { class: "panel" }, make("h2", {}, "Load"), make("dl", {},
        entry("Requests in flight", `${load.inFlight} of ${load.most}`),
        entry("Long answers in flight", `${load.long} of ${load.longLimit}`),
        entry("Shed", load.longLimit < load.most
          ? "New calls with long answers are refused: the gateway is behind" : "Nothing", load.longLimit < load.most ? "down" : "good"))),
      make("section", { class: "panel" }, make("h2", {}, "Schema"), make("dl", {}, schema ? [
        entry("From", schema.source + (schema.confirmed ? "" : " (not confirmed by Cuebot)")),
        entry("Changed", time(schema.changedAt)),
        entry("Checked", time(schema.lookedAt)),
        entry("For your token", `${schema.methods} methods in ${schema.interfaces} interfaces`),
        ...(schema.skipped.length ? [entry("Not served", schema.skipped.join(", "), "down")] : []),
        entry("Digest", schema.digest.slice(0, 12)),
      ] : entry("There is none", "yet")), problem ? make("p", { class: "down" }, problem) : null)));
}

function entry(name, text, kind = "") {
  return make("div", {}, make("dt", {}, name), make("dd", { class: kind }, text));
}
