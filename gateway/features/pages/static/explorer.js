// The explorer: methods by what people do with them, a form for each, its answer, and its code.
import { away, button, copyText, entry, isObject, keep, kept, make, mark, mayBeCut, parametersOf, plain, post, queryOf, readable, save, tell } from "./base.js";
import { isSure } from "./dialog.js";
import { showAnswer, rowsOf } from "./answer.js";
import { Schemas, formOf } from "./form.js";
import { described, ranked } from "./search.js";
import { SNIPPETS } from "./snippets.js";

const VIEW = ["fields", "where", "sort", "limit"];
const FEW_METHODS = 30, MOST_VIEWS = 2;

export class Explorer {
  #panels; #schemas; #methods = []; #destroys; #groups; #views;
  #element; #list; #search; #count; #work; #chosen = "";

  constructor(document, panels) {
    this.#panels = panels;
    this.#destroys = new Set(panels.destroys);
    this.#schemas = new Schemas(document, panels.completions);
    for (const [path, { post, get }] of Object.entries(document.paths)) {
      if (!post?.tags || ["health", "batch"].includes(post.tags[0])) continue;
      const method = described({ path, summary: post.summary ?? "", readsOnly: Boolean(get), others: post["x-aliases"] ?? [] });
      this.#methods.push({ ...method, post, summary: post.summary ?? "", views: get?.parameters ?? [] });
    }
    this.#groups = this.#grouped();
    this.#views = panels.panels.filter(({ given }) => !given.length).map((panel) => ({
      ...described({ path: `/farm.${panel.id}/${panel.title}`, summary: "", readsOnly: true, others: [] }), panel }));
    this.#search = entry({
      id: "search", type: "search",
      placeholder: "retry dead frames, host down, …", oninput: () => this.#fill(), onkeydown: (event) => this.#keys(event),
    });
    this.#count = make("p", { class: "soft", role: "status" });
    this.#list = make("div", { class: "list", onkeydown: (event) => this.#keys(event) });
    this.#work = make("div");
    this.#element = make("div", { class: "explorer" },
      make("div", {}, make("label", { for: "search" }, "Search methods ",
        make("span", { class: "soft keys" }, "(/ to search, ↓ ↑ and Enter to open)")), this.#search, this.#count, this.#list),
      this.#work);
  }

  open(place, { path, parameters }) {
    const method = this.#methodAt(`/${path}`);
    this.#element.classList.toggle("chosen", Boolean(method));
    this.#chosen = method?.path ?? "";
    if (!this.#element.isConnected) {
      place.replaceChildren(this.#element);
      this.#fill();
    }
    this.#mark();
    if (method) this.#work.replaceChildren(new Work(this, method, parameters).element);
    else {
      this.#work.replaceChildren(make("p", { class: "soft" }, path
        ? `There is no ${path} here, or your token may not call it.`
        : "Choose a method: what it reads or changes is said beside its name."));
    }
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  get schemas() { return this.#schemas; }
  kind({ path, readsOnly }) { return readsOnly ? "reads" : this.#destroys.has(path) ? "destroys" : "changes"; }

  #methodAt(path) {
    return this.#methods.find((each) => each.path === path || each.paths.includes(path.toLowerCase()));
  }

  // By what they are about: first the common ones, then reads, and what destroys last.
  #grouped() {
    const groups = new Map(this.#panels.objects.map(({ title }) => [title, []]));
    const common = this.#panels.objects.flatMap((each) => each.common);
    const titles = new Map(this.#panels.objects.flatMap(({ title, services }) => services.map((each) => [each, title])));
    for (const method of this.#methods) {
      const title = titles.get(method.service) ?? method.service.split(".").pop().replace(/Interface$/, "");
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push(method);
    }
    const order = ["reads", "changes", "destroys"];
    const rank = (method) => (common.includes(method.path)
      ? common.indexOf(method.path) - common.length : order.indexOf(this.kind(method)));
    for (const found of groups.values()) found.sort((one, other) => rank(one) - rank(other));
    return [...groups].filter(([, found]) => found.length);
  }

  #fill() {
    const query = this.#search.value.trim();
    const found = query ? ranked(query, this.#methods) : this.#methods;
    this.#count.textContent = `${query ? `${found.length} of ` : ""}${this.#methods.length} methods`;
    const words = query.split(/\s+/);
    const views = query ? this.#views.filter((view) => words.every((word) => ranked(word, [view]).length)).slice(0, MOST_VIEWS).map(({ panel }) => make("li", {}, make("a", { href: `#farm/${panel.id}` },
      panel.title, " ", make("span", { class: "kind" }, "farm")))) : [];
    const listed = (methods) => make("ul", {}, methods.map((method) => this.#entry(method)));
    this.#list.replaceChildren(...(query ? [views.length && make("ul", {}, views), listed(found)].filter(Boolean) : this.#groups.map(([title, methods], place) => {
      const group = make("details", {}, make("summary", {}, `${title} `, make("span", { class: "soft" }, methods.length)));
      const open = () => group.childElementCount > 1 || group.append(listed(methods));
      group.addEventListener("toggle", open);
      const has = methods.some(({ path }) => path === this.#chosen);
      group.open = this.#methods.length <= FEW_METHODS || (this.#chosen ? has : !place);
      if (group.open) open();
      return group;
    })));
    this.#mark();
  }

  #entry(method) {
    const [service, name] = method.path.slice(1).split("/");
    const kind = this.kind(method);
    return make("li", {}, make("a", { href: `#explore${method.path}`, "data-path": method.path },
      method.summary || name, " ", kind === "reads" ? null : make("span", { class: `kind${kind === "destroys" ? " bad" : ""}` }, kind),
      make("code", {}, `${service.split(".").pop()}/${name}`)));
  }

  #mark() {
    for (const link of this.#list.querySelectorAll("a")) mark(link, "aria-current", link.dataset.path === this.#chosen && "true");
  }

  // Arrows go through the list, Enter opens, Escape clears the search.
  #keys(event) {
    const stops = [...this.#list.querySelectorAll("summary, details[open] a, :scope > ul a")];
    const place = stops.indexOf(document.activeElement);
    if (event.key === "ArrowDown") (stops[place + 1] ?? stops.at(-1))?.focus();
    else if (event.key === "ArrowUp") (place > 0 ? stops[place - 1] : this.#search).focus();
    else if (event.key === "Escape") {
      this.#search.value = "";
      this.#fill();
      this.#search.focus();
    } else if (event.key === "Enter" && event.target === this.#search) {
      stops.find(({ dataset }) => dataset.path)?.click();
    } else return;
    event.preventDefault();
  }
}

// One method: what it does, its form, its answer, and the same call elsewhere.
class Work {
  #explorer; #method; #body; #view = {}; #form = make("div"); #json; #snippet = make("pre", { id: "snippet", tabindex: 0 });
  #language; #status = make("p", { role: "status" }); #answer = make("div"); #from = make("p", { class: "soft" }); #dry = make("div");

  constructor(explorer, method, parameters) {
    this.#explorer = explorer;
    this.#method = method;
    this.#body = read(parameters.get("body")) ?? {};
    for (const [name, text] of parameters) if (name.startsWith("_")) this.#view[name.slice(1)] = text;
    this.#language = SNIPPETS[kept("language")] ? kept("language") : "curl";
    this.#json = make("textarea", { id: "json", spellcheck: "false", "aria-label": "Request as JSON", oninput: () => this.#typed() });
    this.#build();
    this.#changed();
    this.element = this.#page();
  }

  #page() {
    const { path, post, summary } = this.#method;
    const kind = this.#explorer.kind(this.#method);
    const name = path.split("/").pop();
    const about = post.description ? make("details", {}, make("summary", {}, "More about it"),
      make("p", { class: "soft" }, post.description.replaceAll("`", ""))) : null;
    const languages = Object.keys(SNIPPETS).map((each) => button(each, () => {
      keep("language", this.#language = each);
      this.#changed();
      press();
    }));
    const press = () => languages.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent === this.#language)));
    press();
    const copy = button("Copy", () => copyText(this.#snippet, copy));
    const run = button(kind === "destroys" ? "Run…" : "Run", () => this.#run(), { class: kind === "destroys" ? "danger" : "main" });
    return make("article", { "aria-labelledby": "method", onkeydown: (event) => {
      if (event.key !== "Enter") return;
      if (event.ctrlKey || event.metaKey) this.#run();
      else if (event.target.matches("input")) {
        // Enter may have chosen a suggestion: a second one runs.
        event.preventDefault();
        run.focus();
      }
    } },
    make("p", { class: "back" }, make("a", { href: "#explore" }, "‹ All methods")),
    make("h2", { id: "method" }, name, " ", make("span", { class: `kind${kind === "destroys" ? " bad" : ""}` }, kind)),
    make("p", {}, summary || "It has no description.", make("br"), make("code", { class: "soft" }, path), " ",
      make("a", { href: `docs#/${post.tags[0]}/${post.operationId}` }, "Parameters and responses")), about,
    make("div", { class: "work" },
      make("section", { "aria-label": "Request" }, this.#from, this.#form, this.#views(),
        make("details", {}, make("summary", {}, "Request as JSON"), this.#json),
        make("p", { class: "row" }, run, button("Dry run", () => this.#dryRun()), make("span", { class: "soft keys" }, "Enter twice, or Ctrl+Enter, runs"))),
      make("section", { "aria-label": "Copy as" },
        make("div", { class: "row", role: "group", "aria-label": "Copy as" }, make("span", {}, "Copy as"), languages), this.#snippet, copy, this.#dry),
      make("section", { class: "answers", "aria-label": "Answer" }, this.#status, this.#answer)));
  }

  // Of reads: which rows, which fields, in which order.
  #views() {
    const has = this.#method.views.some((each) => each.$ref?.endsWith("/_where"));
    const names = this.#method.readsOnly ? VIEW.filter((name) => has || name === "fields") : [];
    if (!names.length) return null;
    const hints = { fields: "name,jobStats.deadFrames", where: "jobStats.deadFrames>0", sort: "-priority,name", limit: "20" };
    const view = make("details", {}, make("summary", {}, has ? "Rows and fields of the answer" : "Fields of the answer"), names.map((name) => {
      const id = `view-${name}`;
      return make("div", { class: "field" }, make("label", { for: id }, `_${name}`), entry({
        id, value: this.#view[name] ?? "", placeholder: hints[name],
        oninput: ({ target }) => {
          if (target.value) this.#view[name] = target.value; else delete this.#view[name];
          this.#changed();
        },
      }));
    }));
    view.open = names.some((name) => this.#view[name]);
    return view;
  }

  #build() {
    const { schema } = this.#method.post.requestBody.content["application/json"];
    this.#form.replaceChildren(formOf(this.#explorer.schemas, schema, this.#body, (body) => {
      this.#body = body;
      this.#changed();
    }, Object.fromEntries((this.#method.post["x-sets"] ?? []).map((name) => [name, "what it is set to"]))));
  }

  #typed() {
    const body = read(this.#json.value);
    this.#json.setCustomValidity(body ? "" : "It is not a JSON object");
    if (!body) return;
    this.#body = body;
    this.#build();
    this.#changed();
  }

  #changed() {
    const { path } = this.#method;
    if (document.activeElement !== this.#json) this.#json.value = JSON.stringify(this.#body, null, 2);
    this.#snippet.textContent = SNIPPETS[this.#language](path, this.#body, this.#view);
    const row = this.#row();
    this.#from.textContent = row ? `${row.question}, in “${row.of}”` : "";
    const body = Object.keys(this.#body).length ? { body: JSON.stringify(this.#body) } : {};
    const text = readable({ ...body, ...parametersOf(this.#view) });
    history.replaceState(null, "", `#explore${path}${text && `?${text}`}`);
  }

  #send(headers = {}, more = {}) {
    return post(this.#method.path + queryOf({}, { ...this.#view, ...more }), this.#body, headers);
  }

  async #download() {
    const response = await this.#send({}, { format: "csv" });
    save(await response.blob(), `${this.#method.path.split("/").pop()}.csv`);
  }

  async #call(headers = {}) {
    const began = performance.now();
    const response = await this.#send(headers);
    const text = await response.text();
    const content = read(text) ?? text;
    return { response, content, took: Math.round(performance.now() - began) };
  }

  // Whether all that is typed is in the request: text that is no JSON is not.
  #isValid() {
    const wrong = [...this.element.querySelectorAll("textarea")].find((each) => !each.checkValidity());
    for (let each = wrong?.parentElement; each && each !== this.element; each = each.parentElement) if (each.matches("details")) each.open = true;
    wrong?.reportValidity();
    return !wrong;
  }

  async #run() {
    if (!this.#isValid()) return;
    if (this.#explorer.kind(this.#method) === "destroys" && !await this.#isSure()) return;
    tell(this.#status, "soft", "Running…");
    try {
      const { response, content, took } = await this.#call();
      const rows = response.ok ? rowsOf(content)?.rows : null;
      const isEmpty = response.ok && isObject(content) && !Object.keys(content).length;
      tell(this.#status, response.ok ? "good" : "down", response.ok
        ? `${isEmpty ? "Done: " : ""}${response.status} in ${took} ms${rows ? `, ${rows.length} rows` : ""}${reported(response)}`
        : `${response.status} ${content.error ?? ""}: ${plain(content.message ?? content)}`);
      if (isEmpty) this.#answer.replaceChildren();
      else {
        showAnswer(this.#answer, content, {
          cut: response.headers.has("x-truncated") || mayBeCut(rows?.length, this.#body, this.#view),
          wanted: response.ok ? kept("answer") : "JSON", choose: (name) => keep("answer", name),
          download: this.#method.readsOnly && (() => this.#download()), unitAt: (path) => this.#unitAt(path),
        });
      }
    } catch (error) {
      tell(this.#status, "down", away(error));
    }
  }

  async #dryRun() {
    if (!this.#isValid()) return;
    try {
      const { response, content } = await this.#call({ "X-Dry-Run": "1" });
      const lookUps = response.ok && content.before?.map(({ method }) => method.split("/").pop());
      this.#dry.replaceChildren(make("h3", {}, response.ok ? "What would be sent" : `It would be refused (${response.status})`),
        make("pre", { tabindex: 0, class: "dry" }, response.ok ? JSON.stringify(steps(content), null, 2) : content.message ?? content),
        make("p", { class: "soft" }, !response.ok ? "" : `Nothing was called: Cuebot has checked no value${lookUps.length ? `, and not whether ${lookUps.join(", ")} would find what is named` : ""}.`));
    } catch (error) {
      this.#dry.replaceChildren(make("p", { class: "down" }, away(error)));
    }
  }

  // The unit of the number at a path of an answer, which may lead through lists.
  #unitAt(path) {
    const { schemas } = this.#explorer;
    let found = schemas.resolve(this.#method.post.responses["200"].content?.["application/json"]?.schema ?? {});
    for (const name of path) {
      found = schemas.resolve(found.properties?.[name] ?? {});
      if (found.type === "array") found = schemas.resolve(found.items);
    }
    return found["x-unit"];
  }

  // The row whose dialog led here, unless the form was changed.
  #row() {
    const row = read(kept("row"));
    return row?.sent === this.#method.path + JSON.stringify(this.#body) ? row : null;
  }

  #isSure() {
    const { path, summary } = this.#method;
    const row = this.#row();
    const [title, place] = row ? [row.question, `In “${row.of}”. `] : [path.split("/").pop(), ""];
    return isSure(`${title}?`, `${place}${summary}. Cuebot has no undo.`, JSON.stringify(this.#body, null, 2), path.split("/").pop());
  }
}

// What is worth reading of a dry run: the calls, one after the other.
function steps({ method, request: body, before = [], after = [], ignoredFields = [] }) {
  return {
    ...(before.length ? { before } : {}), [method]: body, ...(after.length ? { after } : {}),
    ...(ignoredFields.length ? { ignoredFields } : {}),
  };
}

// What the gateway has done with the request beside calling Cuebot.
function reported(response) {
  return ["defaulted-fields", "ignored-fields", "replaced-fields", "truncated", "no-match"].map((name) => {
    const found = response.headers.get(`x-${name}`);
    return found ? `; ${name.replace("-fields", "")}: ${decodeURIComponent(found)}` : "";
  }).join("");
}

function read(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" ? found : null;
  } catch {
    return null;
  }
}
