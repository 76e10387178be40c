// The page at `/`: signing in, its parts, and the way between them.
import { $, away, base, dropToken, get, isRefusal, keepToken, make, mark, post, request, save, tell, token } from "./base.js";
import { Explorer } from "./explorer.js";
import { openFarm } from "./farm.js";

const NAMES = { "/docs": "Documentation", "/openapi.json": "OpenAPI", "/openapi.yaml": "YAML" };
const STATUS_SECONDS = 15, SOON_SECONDS = 2;
const showStatus = async () => {
  const { showGateway } = await import("./gateway.js");
  if (shown === "gateway") showGateway($("main"), status);
};
let status = null, panels = null, explorer = null, close = () => {}, shown = "";

function askForToken(problem) {
  close();
  $("problem").textContent = problem;
  for (const id of ["main", "tabs", "sign-out", "sign-in-here"]) $(id).hidden = true;
  $("sign-in").hidden = false;
  $("token").focus();
}

async function open() {
  if (!token() && document.documentElement.dataset.docs === "token") {
    askForToken("");
    return;
  }
  try {
    await look();
    if (!status.schema) {
      setTimeout(open, SOON_SECONDS * 1000);
      return;
    }
    panels = await get("/panels.json");
    $("main").hidden = $("tabs").hidden = false;
    $("sign-out").hidden = !token();
    await show();
  } catch (error) {
    if (isRefusal(error)) dropToken();
    askForToken(error.status ? error.message : away(error));
  }
}

async function look() {
  status = await get("/status.json");
  const { version, cuebot, problem, links } = status;
  $("version").textContent = version;
  const count = cuebot.of > 1 && cuebot.usable > 0 ? `${cuebot.usable} of ${cuebot.of} ` : "";
  tell($("state"), cuebot.usable === cuebot.of && !problem ? "good" : "down",
    `Cuebot: ${count}${cuebot.usable > 0 ? "" : "not "}reachable${problem ? "; the schema has a problem" : ""}`);
  $("gateway-tab").hidden = !cuebot.states;
  if (!$("links").childElementCount) $("links").append(...links.map(linkTo));
}

setInterval(async () => {
  if (document.hidden || $("main").hidden) return;
  try {
    await look();
    if (shown === "gateway" && status.cuebot.states) await showStatus();
  } catch (error) {
    if (isRefusal(error)) {
      dropToken();
      askForToken(error.message);
    }
    tell($("state"), "down", error.status ? error.message : "The gateway is not responding");
  }
}, STATUS_SECONDS * 1000);

// In what people paste: `export TOKEN=…`, `Bearer …`.
const JWT = /[\w-]+\.[\w-]+\.[\w-]*/;

// A link cannot send a token in a header, and a URL must not contain one.
function linkTo(path) {
  const download = async (event) => {
    if (!path.startsWith("/openapi.") || !token()) return;
    event.preventDefault();
    const response = await request(path);
    save(await response.blob(), path.slice(1));
  };
  return make("a", { href: base + path, onclick: download }, NAMES[path] ?? path);
}

function route() {
  const [place, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [part, ...path] = place.split("/");
  const parts = ["farm", "explore", ...(status.cuebot.states ? ["gateway"] : [])];
  return { part: parts.includes(part) ? part : panels.panels.length ? "farm" : "explore", path: path.join("/"), parameters: new URLSearchParams(query) };
}

async function show() {
  const where = route();
  const came = shown !== "" && shown !== where.part;
  close();
  close = () => {};
  shown = where.part;
  for (const link of $("tabs").children) mark(link, "aria-current", link.hash === `#${shown}` && "page");
  const asks = shown === "farm" && !token();
  $("sign-in").hidden = !asks;
  $("sign-in-here").hidden = asks || Boolean(token());
  if (asks) {
    $("problem").textContent = "";
    $("main").replaceChildren();
    $("token").focus();
    return;
  } else if (shown === "farm") {
    close = openFarm($("main"), panels, where);
  } else if (shown === "explore") {
    if (!explorer) {
      $("main").replaceChildren(make("p", { class: "soft" }, "…"));
      explorer = new Explorer(await get("/openapi.json"), panels);
    }
    if (shown === "explore") explorer.open($("main"), route());
  } else {
    await showStatus();
  }
  if (came) $("main").focus({ preventScroll: true });
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [found] = JWT.exec($("token").value) ?? [];
  if (!found) {
    $("problem").textContent = "This is not a JWT: three parts with dots between them";
    return;
  }
  const answer = await post("/batch", [], { Authorization: `Bearer ${found}` }).catch(() => ({}));
  if (isRefusal(answer)) {  // which public pages are not to a wrong token
    $("problem").textContent = (await answer.json()).message;
    return;
  }
  keepToken(found);
  $("token").value = "";
  explorer = null;
  open();
});
$("sign-in-here").addEventListener("click", () => askForToken(""));
$("sign-out").addEventListener("click", () => {
  dropToken();
  history.replaceState(null, "", "#farm");
  location.reload();
});
addEventListener("hashchange", () => {
  if (panels && !$("main").hidden) show();
});
document.addEventListener("keydown", async (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || $("main").hidden) return;
  event.preventDefault();
  if (shown !== "explore") {
    history.pushState(null, "", "#explore");
    await show();
  }
  explorer.focusSearch();
});

open();
