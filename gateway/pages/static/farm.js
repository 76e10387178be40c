// The farm: panels that the profile defines, each a read as a table, kept fresh.
import { at, button, duration, isNumber, isSure, keep, make, mayBeCut, put, request, shown, sorted } from "./base.js";
import { watch } from "./watch.js";

const LIVE_SECONDS = 20;  // a stream is never silent for longer
const linkTo = (kind, path, parameters) => `#${kind}/${path}?${new URLSearchParams(parameters)}`;

// Shows the panels, or the one of the route. Returns what ends it.
export function openFarm(place, { panels, destroys }, { path, parameters }) {
  const chosen = panels.find(({ id }) => id === path);
  const views = (chosen ? [chosen] : panels.filter(({ given }) => !given.length))
    .map((panel) => new View(panel, parameters, destroys, panel === chosen));
  place.replaceChildren(
    ...(chosen ? [make("p", { class: "crumbs" }, make("a", { href: "#farm" }, "Farm"), " › ", views[0].title)] : []),
    make("div", { class: chosen ? "" : "panels" }, views.map(({ element }) => element)),
    ...(views.length ? [] : [make("p", {}, "There are no panels for this token. Its methods are in the ",
      make("a", { href: "#explore" }, "explorer"), ".")]),
  );
  let stop = () => {};
  const toggle = () => {  // a tab that nobody sees has no stream
    stop();
    stop = document.hidden ? () => {} : watch(views);
  };
  const clock = setInterval(() => views.forEach((each) => each.age()), 1000);
  document.addEventListener("visibilitychange", toggle);
  toggle();
  return () => {
    clearInterval(clock);
    document.removeEventListener("visibilitychange", toggle);
    stop();
    menu.hidePopover();
  };
}

class View {
  #panel; #parameters; #destroys; #heardAt = 0; #live = false; #answer = null; #shown = [];
  #fresh = make("span", { class: "fresh soft" }, "…");
  #summary = make("p", { class: "soft" });
  #trouble = make("p", { class: "bad", role: "status", hidden: true });
  #done = make("p", { role: "status", hidden: true });
  #filter = null;
  #table;

  constructor(panel, parameters, destroys, isAlone) {
    this.#destroys = destroys;
    const body = structuredClone(panel.request);
    for (const path of panel.given) put(body, path, parameters.get(path) ?? "");
    this.#panel = panel;
    this.#parameters = parameters;
    this.body = body;
    this.title = panel.title.replace("{name}", parameters.get("name") ?? "");
    const id = `panel-${panel.id}`;
    const many = panel.actions.some((each) => each.many) && isAlone;
    this.#table = new Table(panel.columns, (row) => this.#leads(row), this.title,
      many && menuButton("all rows", () => this.#withAll()));
    if (isAlone) {
      this.#filter = make("input", {
        type: "search", class: "filter", placeholder: "Filter rows", "aria-label": "Filter rows", autocomplete: "off",
        spellcheck: "false", oninput: () => this.#show(),
      });
    }
    const form = linkTo("explore", panel.method.slice(1), {
      body: JSON.stringify(body),
      ...Object.fromEntries(Object.entries(panel.view).map(([name, text]) => [`_${name}`, text])),
    });
    this.element = make("section", { class: "panel", "aria-labelledby": id },
      make("div", {}, make("h2", { id }, isAlone ? this.title : make("a", { href: `#farm/${panel.id}` }, this.title)),
        make("a", { href: form, "aria-label": `The call behind ${this.title}` }, "call"), this.#filter, this.#fresh),
      this.#summary, this.#trouble, this.#done, this.#table.element);
  }

  get method() { return this.#panel.method; }
  get view() { return this.#panel.view; }
  get rows() { return this.#panel.rows; }

  missed(message) {
    this.#trouble.textContent = message;
    this.#trouble.hidden = false;
  }

  age() {
    if (!this.#heardAt) return;
    const seconds = (Date.now() - this.#heardAt) / 1000;
    const isLive = this.#live && this.#trouble.hidden && seconds < LIVE_SECONDS;
    this.#fresh.textContent = isLive ? "live" : `${duration(seconds)} ago`;
  }

  heard(answer, live) {
    this.#heardAt = Date.now();
    this.#live = live;
    this.#trouble.textContent = "";
    this.#trouble.hidden = true;
    this.age();
    this.#answer = answer ?? this.#answer;  // times in it have grown older even so
    this.#show();
  }

  #show() {
    if (!this.#answer) return;
    const { rows: path, view, summary, columns } = this.#panel;
    const found = path.reduce((inner, name) => inner?.[name], this.#answer) ?? [];
    const words = this.#filter?.value.toLowerCase().split(/\s+/) ?? [];
    const fits = (row) => {
      const text = columns.map((column) => shown(at(row, column.path), column.unit)).join(" ").toLowerCase();
      return words.every((each) => text.includes(each));
    };
    const rows = (view.sort ? sorted(found, view.sort) : found).filter(fits);
    const most = mayBeCut(found.length, this.body, view) ? "+" : "";
    this.#summary.textContent = rows.length ? filled(summary, rows, most) : found.length ? "No row has that" : "None";
    this.#table.show(this.#shown = rows);
  }

  // What can be done with all rows that are shown.
  #withAll() {
    const rows = this.#shown;
    return this.#panel.actions.filter(({ many }) => many)
      .map((action) => [`${action.title}: all ${rows.length}…`, () => this.#do(action, rows)]);
  }

  async #do(action, rows) {
    const names = rows.map((row) => at(row, this.#panel.name) ?? row.id);
    const undone = this.#destroys.includes(action.method) ? " Cuebot has no undo." : "";
    if (!await isSure(`${action.title}?`, `For these ${rows.length} of “${this.title}”:${undone}`, names.join("\n"))) return;
    const items = rows.map((row, id) => ({ id, method: action.method, request: this.#filledIn(action, row) }));
    this.#done.hidden = false;
    this.#done.className = "soft";
    this.#done.textContent = `${action.title}…`;
    try {
      const response = await request("/batch", {
        method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json" }, body: JSON.stringify(items),
      });
      const answers = await response.json();
      if (!response.ok) throw new Error(answers.message);
      const failed = answers.filter(({ error }) => error);
      this.#done.className = failed.length ? "bad" : "good";
      this.#done.textContent = `${action.title}: ${answers.length - failed.length} of ${answers.length} done${
        failed.length ? `; ${names[failed[0].id]}: ${failed[0].error.message}` : ""}`;
    } catch (error) {
      this.#done.className = "bad";
      this.#done.textContent = error.message;
    }
  }

  // Where a row leads: other panels first, then forms that are filled in.
  #leads(row) {
    const name = at(row, this.#panel.name) ?? "";
    const panels = this.#panel.leads.map(({ panel, title, with: given }) => [title, linkTo("farm", panel, {
      ...Object.fromEntries(Object.entries(given).map(([to, from]) => [to, at(row, from)])), name,
    })]);
    const actions = this.#panel.actions.map((action) => {
      const body = JSON.stringify(this.#filledIn(action, row));
      const asked = { sent: action.method + body, question: `${action.title}: ${name}`, of: this.title };
      return [`${action.title}…`, linkTo("explore", action.method.slice(1), { body }), () => keep("row", JSON.stringify(asked))];
    });
    return { name, links: [...panels, ...actions], first: panels[0]?.[1] };
  }

  // The request of an action for a row.
  #filledIn({ with: ofRow, given, request: body }, row) {
    const found = structuredClone(body);
    for (const [to, from] of Object.entries(given)) put(found, to, this.#parameters.get(from));
    for (const [to, from] of Object.entries(ofRow)) put(found, to, at(row, from));
    return found;
  }
}

function filled(summary, rows, most) {
  return summary.replace(/\{count\}|\{(sum|min|max)\((.+?)\)\}/g, (_, kind, path) => {
    if (!kind) return `${rows.length}${most}`;
    const numbers = rows.map((row) => Number(at(row, path))).filter(Number.isFinite);
    const found = kind === "sum" ? numbers.reduce((sum, each) => sum + each, 0) : Math[kind](...numbers);
    return `${shown(found)}${kind === "sum" ? most : ""}`;
  });
}

// A table whose rows stay where they are while their values change, with menus of what they lead to.
class Table {
  #columns; #leads; #body = make("tbody"); #rows = new Map();

  constructor(columns, leads, title, corner) {
    this.#columns = columns;
    this.#leads = leads;
    const head = columns.map((each) => make("th", { scope: "col", class: each.number ? "number" : "" }, each.title));
    this.element = make("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": `Rows of ${title}`, hidden: true },
      make("table", {}, make("thead", {}, make("tr", {}, head, make("td", {}, corner))), this.#body));
  }

  show(rows) {
    this.element.hidden = !rows.length;
    const focused = document.activeElement;
    const most = new Map(this.#columns.filter(({ bar }) => bar === true).map(({ path }) => [
      path, Math.max(0, ...rows.map((row) => Number(at(row, path)) || 0))]));
    const before = this.#rows;
    this.#rows = new Map();
    rows.forEach((row, place) => {
      const { name, links, first } = this.#leads(row);
      const key = row.id ?? `${name}${place}`;
      const known = before.get(key) ?? this.#made(name, links);
      before.delete(key);
      this.#rows.set(key, known);
      this.#columns.forEach((column, number) => this.#fill(known.cells[number], column, row, most, number ? "" : first));
      if (this.#body.children[place] !== known.element) {
        this.#body.insertBefore(known.element, this.#body.children[place] ?? null);
      }
    });
    for (const { element } of before.values()) element.remove();
    if (focused !== document.activeElement && focused.isConnected) focused.focus();
  }

  #made(name, links) {
    const cells = this.#columns.map(() => ({ element: make("td"), text: null }));
    const menu = links.length ? menuButton(name, () => links) : "";
    const element = make("tr", {}, cells.map((cell) => cell.element), make("td", { class: "menu-cell" }, menu));
    return { element, cells };
  }

  #fill(cell, { path, unit, bar, alert, number, before }, row, most, link) {
    const value = before ? String(at(row, path) ?? "").split(before)[0] : at(row, path);
    const text = shown(number && isNumber(value) ? Number(value) : value, unit);
    const whole = bar === true ? most.get(path) : bar && Number(at(row, bar));
    const part = bar ? Math.min(1, Number(value) / whole || 0) : 0;
    const alerts = Array.isArray(alert) ? alert.includes(String(value)) : alert && Number(value) !== 0;
    const sign = JSON.stringify([text, part, alerts]);
    if (cell.text === sign) return;
    cell.text = sign;
    const { element } = cell;
    element.className = number ? "number" : unit ? "" : before ? "text short" : "text";
    const label = bar && bar !== true ? `${text} of ${shown(Number(at(row, bar)), unit)}` : text;
    const inner = alerts ? make("span", { class: "alert" }, label) : label;
    element.replaceChildren(link ? make("a", { href: link }, inner) : inner);
    if (bar) {
      const filling = make("span");
      filling.style.width = `${100 * part}%`;
      element.append(make("span", { class: "bar", "aria-hidden": "true" }, filling));
    }
  }
}

const menu = make("div", { id: "menu", popover: true, onclick: () => menu.hidePopover() });
document.body.append(menu);

// A button that opens a menu of links, or of what is done, beside itself and within the window.
function menuButton(name, links) {
  return button("⋯", ({ target }) => {
    const items = links().map(([title, to, onclick]) => make("li", {}, typeof to === "string" ? make("a", { href: to, onclick }, title) : button(title, to)));
    menu.replaceChildren(make("ul", {}, items));
    menu.showPopover();
    const { right, bottom } = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(4, right - width)}px`;
    menu.style.top = `${Math.max(4, Math.min(bottom, innerHeight - height - 4))}px`;
    menu.querySelector("a, button").focus();
  }, { class: "more", "aria-label": `What can be done with ${name}` });
}
