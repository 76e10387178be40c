// Swagger UI with the gateway's sign-in, search and errors.
import { described, ranked } from "./search.js";

const TOKEN_KEY = "cuebot-gateway token";
const signIn = document.getElementById("sign-in");
const field = document.getElementById("token");
const problem = document.getElementById("problem");

// Swagger UI follows this class, not the media query.
const dark = matchMedia("(prefers-color-scheme: dark)");
const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyScheme);
applyScheme();

function askForToken(text) {
  problem.textContent = text;
  signIn.hidden = false;
  field.focus();
}

async function open() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (!token && document.documentElement.dataset.docs === "token") {
    askForToken("");
    return;
  }
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch("openapi.json", { headers });
    const content = await response.json();
    if (response.ok) {
      signIn.hidden = true;
      show(content, token);
      return;
    }
    if ([401, 403].includes(response.status)) sessionStorage.removeItem(TOKEN_KEY);
    askForToken(content.message);
  } catch (error) {
    askForToken(`The gateway is not responding: ${error.message}`);
  }
}

signIn.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_KEY, field.value.trim());
  field.value = "";
  open();
});

// Swagger UI's own filter searches tags only. This one searches methods, and sorts them.
let methods = [];
let found = { phrase: "", places: new Map() };

function placesOf(phrase) {
  if (found.phrase !== phrase) {
    found = { phrase, places: new Map(ranked(phrase, methods).map(({ path }, at) => [path, at])) };
  }
  return found.places;
}

function opsFilter(tags, phrase) {
  if (!phrase.trim()) return tags;
  const places = placesOf(phrase);
  const place = (operation) => places.get(operation.get("path"));
  return tags
    .map((tag) => tag.set("operations", tag.get("operations")
      .filter((each) => places.has(each.get("path"))).sortBy(place)))
    .filter((tag) => tag.get("operations").size > 0)
    .sortBy((tag) => place(tag.get("operations").first()));
}

// Expand what was found, unless that would be too much to look through.
const updateFilter = (original, { specSelectors, layoutActions }) => (phrase) => {
  const action = original(phrase);
  const found = phrase ? opsFilter(specSelectors.taggedOperations(), phrase) : [];
  let count = 0;
  found.forEach((tag) => { count += tag.get("operations").size; });
  if (count <= 60) found.forEach((_, name) => layoutActions.show(["operations-tag", name], true));
  return action;
};

// Swagger UI would resolve the whole document again, for seconds, whenever an operation is opened.
// All references point into the document itself, so resolving one part takes no more than this.
async function resolveSubtree(document, path) {
  const nodeAt = (steps) => steps.reduce((node, step) => node && node[step], document);
  let remaining = 2000;  // or mutually recursive types would expand without end
  const resolve = (node, parents) => {
    if (Array.isArray(node)) return node.map((each) => resolve(each, parents));
    if (node === null || typeof node !== "object") return node;
    const { $ref: reference, ...siblings } = node;
    if (typeof reference !== "string") {
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value, parents)]));
    }
    const name = reference.split("/").pop();
    if (parents.includes(reference) || (remaining -= 1) < 0) return { title: name, type: "object" };
    const target = nodeAt(reference.slice(2).split("/"));
    const found = { ...resolve(target, [...parents, reference]), ...siblings };
    return reference.startsWith("#/components/schemas/") ? { title: name, ...found } : found;
  };
  return { spec: resolve(nodeAt(path), []), errors: [] };
}

// All methods can fail in the same ways, so one entry lists them.
function foldErrors(spec) {
  const errors = spec.components.responses;
  const lines = Object.entries(errors).map(([status, { description }]) => `- ${status}: ${description}`);
  const [{ content }] = Object.values(errors);
  for (const item of Object.values(spec.paths)) {
    for (const { security, responses } of Object.values(item)) {
      if (security) continue;
      for (const status of Object.keys(errors)) delete responses[status];
      responses.error = { description: lines.join("\n"), content };
    }
  }
}

// Headers are folded, of requests and of responses.
const folded = {
  parameters: (Original, { React }) => (props) => {
    const [isOpen, setOpen] = React.useState(false);
    return React.createElement("div", { className: isOpen ? "" : "without-headers" },
      React.createElement(Original, props),
      React.createElement("button", { type: "button", className: "btn fold", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) }, "Headers"));
  },
  headers: (Original, { React }) => (props) => React.createElement("details", null,
    React.createElement("summary", null, "Headers"), React.createElement(Original, props)),
};

function show(spec, token) {
  methods = Object.entries(spec.paths).map(([path, { post, get }]) => described({
    path,
    summary: (post ?? get).summary ?? "",
    readsOnly: Boolean(get),
    others: (post ?? get)["x-aliases"] ?? [],
  }));
  foldErrors(spec);
  const ui = window.SwaggerUIBundle({
    spec,
    dom_id: "#docs",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: true,
    syntaxHighlight: { activated: false },
    validatorUrl: null,
    plugins: [() => ({
      fn: { opsFilter, resolveSubtree },
      wrapComponents: folded,
      statePlugins: { layout: { wrapActions: { updateFilter } } },
    })],
    onComplete: () => {
      if (token) ui.preauthorizeApiKey("bearer", token);
    },
  });
}

open();
