// The farm: panels that the profile defines, each a read as a table, kept fresh.
import { at, button, copyable, duration, entry, fits, isNumber, keep, kept, linkTo, make, mark, mayBeCut, parametersOf, plain, put, save, shown, sorted, tableOf, user } from "./base.js";
import { closeDialog, openAction, openDetails } from "./dialog.js";
import { watch } from "./watch.js";

const showLog = async (...of) => (await import("./log.js")).openLog(...of);

const LIVE_SECONDS = 20;  // a stream is never silent for longer
const orders = new Map(), filters = new Map();  // what the reader has chosen: by panel, by address

// Shows the panels, or the one of the route. Returns what ends it.
export function openFarm(place, all, { path, parameters }) {
  const { panels } = all;
  const chosen = panels.find(({ id }) => id === path);
  const views = (chosen ? [chosen] : panels.filter(({ given, alone }) => !given.length && !alone))
    .map((panel) => new View(panel, parameters, all, panel === chosen, () => again()));
  const rows = chosen?.about ? [rowAbout(chosen, parameters, all, views[0])] : [];
  const trail = trailTo(chosen, parameters, views[0]?.title, panels);
  const crumbs = [{ title: "Farm", hash: "#farm" }, ...trail].flatMap(({ title, hash }) => [make("a", { href: hash }, title), " › "]);
  place.replaceChildren(
    linksToAll(panels),
    ...(chosen ? [make("nav", { class: "crumbs", "aria-label": "Where this is" }, crumbs, views[0].title)] : []),
    ...beside(chosen, parameters, panels),
    make("div", { class: chosen ? "" : "panels" }, views.map(({ element }) => element)),
    ...(views.length ? [] : [make("p", {}, "There are no panels for this token. Its methods are in the ",
      make("a", { href: "#explore" }, "explorer"), ".")]),
  );
  let stop = () => {};
  const again = () => {  // a tab that nobody sees has no stream
    stop();
    stop = document.hidden ? () => {} : watch([...views, ...rows]);
  };
  const clock = setInterval(() => views.forEach((each) => each.age()), 1000);
  document.addEventListener("visibilitychange", again);
  again();
  return () => {
    clearInterval(clock);
    document.removeEventListener("visibilitychange", again);
    stop();
    menu.hidePopover();
    closeDialog();
  };
}

// The panels above one, as far as this tab has come through them.
function trailTo(panel, parameters, title, panels) {
  const of = JSON.stringify(panel?.given.map((path) => parameters.get(path)));
  const before = JSON.parse(kept("trail") ?? "[]");
  const place = before.findIndex((each) => each.of === of);
  const above = place < 0 ? before : before.slice(0, place);
  const leads = panels.find(({ id }) => id === above.at(-1)?.id)?.leads ?? [];
  const trail = leads.some((lead) => lead.panel === panel?.id) ? above : [];
  keep("trail", JSON.stringify(panel ? [...trail, { id: panel.id, hash: location.hash, title, of }] : []));
  return trail;
}

// Links to panels of the whole farm, those of the token's user first.
function linksToAll(panels) {
  const mine = panels.filter((each) => each.mine && user()).map(({ id, mine: title, given: [path] }) => [
    title, linkTo("farm", id, { [path]: user(), name: user() })]);
  const all = panels.filter(({ alone }) => alone).map(({ id, title }) => [title, `#farm/${id}`]);
  return links("Of the whole farm", [...mine, ...all]);
}

// Links to the other panels of the same object.
function beside(chosen, parameters, panels) {
  const titles = new Map(panels.flatMap(({ leads }) => leads.map(({ panel, title }) => [panel, title])));
  const found = panels.filter(({ given }) => given.length && String(given) === String(chosen?.given));
  return found.length < 2 ? [] : [links("Of the same", found.map(({ id, title }) => [titles.get(id) ?? title, linkTo("farm", id, parameters)]))];
}

const links = (label, all) => make("nav", { class: "beside", "aria-label": label },
  all.map(([title, href]) => make("a", { href, "aria-current": href === location.hash && "page" }, title)));

// The row that a panel is about, in a line of the panel's view.
function rowAbout({ about }, parameters, all, view) {
  const given = Object.entries({ name: "name", ...about.with }).map(([to, from]) => [to, parameters.get(from) ?? ""]);
  const row = new View(all.panels.find(({ id }) => id === about.panel), new URLSearchParams(given), all, false, () => {});
  row.tellIn(view, about.offers);
  return row;
}

class View {
  #panel; #parameters; #all; #again; #told; #heardAt = 0; #live = false; #answer = null; #shown = []; #isCut = false; #details = null; #line = null;
  #fresh = make("span", { class: "fresh soft" }, "…");
  #summary = make("p", { class: "soft" });
  #trouble = make("p", { class: "bad", role: "status", hidden: true });
  #filter = null;
  #table;

  constructor(panel, parameters, all, isAlone, again) {
    const body = structuredClone(panel.request);
    for (const path of panel.given) put(body, path, parameters.get(path) ?? "");
    this.#panel = panel;
    this.#parameters = parameters;
    this.#all = all;
    this.#again = again;
    this.#told = Object.fromEntries(panel.told.map((name) => [name, parameters.get(name)]));
    this.body = body;
    this.title = panel.mine && parameters.get(panel.given[0]) === user() ? `${panel.mine} (you are ${user()})` : panel.title.replace("{name}", parameters.get("name") ?? "");
    const id = `panel-${panel.id}`;
    const many = isAlone && panel.actions.some((each) => each.many);
    this.#table = new Table(panel.columns, this.#told, {
      title: this.title, name: (row) => at(row, panel.name) ?? "", order: (path) => this.#orderBy(path),
      leads: panel.leads.length + panel.actions.length || panel.details ? (row) => this.#leads(row) : null,
      corner: many && menuButton("all rows", () => this.#withAll(), "All ⋯"),
    });
    if (isAlone) {
      this.#filter = entry({
        type: "search", class: "filter", placeholder: "Filter rows", "aria-label": "Filter rows", value: filters.get(location.hash) ?? "",
        oninput: ({ target }) => {
          filters.set(location.hash, target.value);
          this.#show();
        },
      });
    }
    const form = linkTo("explore", panel.method.slice(1), { body: JSON.stringify(body), ...parametersOf(panel.view) });
    const csv = isAlone && button("CSV", () => this.#download(), { "aria-label": "Download these rows as CSV" });
    this.element = make("section", { class: "panel", "aria-labelledby": id }, make("div", { class: "row" }, make("h2", { id }, isAlone ? this.title : make("a", { href: `#farm/${panel.id}` }, this.title)),
        make("a", { href: form, "aria-label": `The call behind ${this.title}` }, "call"), this.#filter, csv, this.#fresh),
      this.#summary, this.#trouble, this.#table.element);
  }

  get method() { return this.#panel.method; }
  get rows() { return this.#panel.rows; }
  // Where there may be more rows than are shown, Cuebot's are ordered and not only these.
  get view() { return this.#isCut && this.#panel.view.limit && this.#order ? { ...this.#panel.view, sort: this.#order } : this.#panel.view; }
  get #order() { return orders.get(this.#panel.id) ?? this.#panel.view.sort ?? ""; }

  // A heading is pressed: the largest first, or the first of the alphabet; then the other way.
  #orderBy({ path, number, unit }) {
    const [first] = this.#order.split(",");
    const falls = first.replace("-", "") === path ? !first.startsWith("-") : number || unit;
    const rest = (this.#panel.view.sort ?? "").split(",").filter((each) => each && each.replace("-", "") !== path);
    orders.set(this.#panel.id, [`${falls ? "-" : ""}${path}`, ...rest].join(","));
    this.#show();
    if (this.view !== this.#panel.view) this.#again();
  }

  // The state of the only row, and what can be done with it, in the view of a panel about it.
  tellIn(view, offers) {
    this.title = view.title;
    const { line, gone } = this.#panel, state = make("span");
    const entries = () => this.#leads(this.#shown[0]).links;
    const found = ({ textContent }) => entries().find(({ title }) => title === textContent);
    const buttons = offers.map((each) => button(`${each}…`, ({ target }) => found(target).to()));
    const more = menuButton(this.#parameters.get("name"), entries), whole = make("p", { class: "row", hidden: true }, state, buttons, more);
    this.#line = (row) => {
      state.textContent = row ? line.map((column) => textIn(column, row, {})).filter((text) => text !== "–").join(", ") : gone;
      whole.hidden = false;
      more.hidden = !row;
      for (const each of buttons) each.hidden = !row || (found(each)?.off ?? true);
    };
    view.element.firstChild.after(whole);
  }

  missed(message) {
    this.#trouble.textContent = plain(message);
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
    const words = this.#filter?.value.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
    const has = (row) => {
      if (!words.length) return true;
      const text = columns.map((column) => textIn(column, row, this.#told)).join(" ").toLowerCase();
      return words.every((each) => text.includes(each));
    };
    const hidden = new Map(columns.filter(({ when }) => when).map((column) => [column.path, column.when]));
    const value = (row, by) => (fits(row, hidden.get(by)) ? at(row, by) : null);
    const rows = (this.#order ? sorted(found, this.#order, value) : found).filter(has);
    this.#isCut = mayBeCut(found.length, this.body, view);
    this.#summary.textContent = rows.length ? filled(summary, rows, this.#isCut ? "+" : "") : !found.length ? "None" : this.#isCut ? `None of these ${found.length} has that, and there may be more` : "No row has that";
    this.#table.show(this.#shown = rows, this.#order);
    this.#details?.(found);
    this.#line?.(found[0]);
  }

  // What can be done with all rows that are shown.
  #withAll() {
    return this.#panel.actions.filter(({ many }) => many).map((action) => {
      const rows = this.#shown.filter((row) => fits(row, action.when));
      const all = this.#shown.length, isAll = rows.length === all;
      const count = `${isAll ? "all" : `${rows.length} of`} ${all} ${this.#panel.nouns[all === 1 ? 0 : 1]}`;
      return { title: `${action.title}: ${count}…`, to: () => this.#act(action, rows), off: !rows.length, why: !isAll && `left out: ${action.otherwise}` };
    });
  }

  #act(action, rows) {
    openAction({
      action, names: rows.map((row) => String(at(row, this.#panel.name) || row.id)), of: this.title,
      bodies: rows.map((row) => this.#filledIn(action, row)), isFinal: this.#all.destroys.includes(action.method),
      nouns: this.#panel.nouns, gone: this.#panel.gone, completions: this.#all.completions,
    });
  }

  #showDetails({ id }, name) {
    const { columns, details, gone } = this.#panel;
    const update = openDetails(name, this.title);
    this.#details = (rows) => {
      const row = rows.find((each) => each.id === id);
      update(row && new Map([...columns, ...details].map((column) => [column.title, { text: textIn(column, row, this.#told), copy: column.copy }])), gone ?? "It is no longer there");
    };
    this.#details(this.#shown);
  }

  // Where a row leads: other panels first, then what can be done with it.
  #leads(row) {
    const name = at(row, this.#panel.name) ?? "";
    const panels = this.#panel.leads.map(({ panel, title, with: given, tells, aside, of }) => {
      const column = this.#panel.columns.find(({ path }) => path === of), its = of ? valueIn(column ?? { path: of }, row, {}) : name;
      return { panel, title, aside, to: linkTo("farm", panel, {
        ...Object.fromEntries(Object.entries({ ...given, ...tells }).map(([to, from]) => [to, from === of ? its : at(row, from)])),
        ...Object.fromEntries(Object.entries(this.#told).filter(([told, text]) => text && !tells[told])), name: its,
      }) };
    });
    const details = this.#panel.details ? [{ title: "Details", to: () => this.#showDetails(row, name) }] : [];
    const { job } = this.#told, off = !Number(row.startTime);
    const logs = job && this.method.endsWith("/GetFrames") ? [{ title: "Log", off, why: off && "it has yet to run", to: () => showLog(job, name, this.title) }] : [];
    const actions = this.#panel.actions.map((action) => ({
      title: `${action.title}…`, off: !fits(row, action.when), why: !fits(row, action.when) && action.otherwise,
      to: action.reads ? linkTo("explore", action.method.slice(1), { body: JSON.stringify(this.#filledIn(action, row)) }) : () => this.#act(action, [row]),
    }));
    return { links: [...panels, ...details, ...logs, ...actions], first: [...panels.filter(({ aside }) => !aside), ...details][0]?.to };
  }

  // The request of an action for a row.
  #filledIn({ with: ofRow, given, request: body }, row) {
    const found = structuredClone(body);
    for (const [to, from] of Object.entries(given)) put(found, to, this.#parameters.get(from));
    for (const [to, from] of Object.entries(ofRow)) put(found, to, at(row, from));
    return found;
  }

  // The rows that are shown, in this order.
  #download() {
    const { columns } = this.#panel;
    const cell = (column, row) => {
      const value = valueIn(column, row, this.#told);
      const text = column.unit === "time" && Number(value) > 0 ? new Date(1000 * value).toISOString() : String(value ?? "");
      const safe = /^([\s\p{C}]*[-+=@＝＋－＠﹦﹢﹣﹫]|[\t\r\n])/u.test(text) && !isNumber(text) ? `'${text}` : text;  // a spreadsheet runs such texts
      return `"${safe.replaceAll('"', '""')}"`;
    };
    const heads = columns.map(({ title, unit }) => (unit && unit !== "time" ? `${title} (${unit})` : title));
    const lines = [heads.map((each) => `"${each}"`), ...this.#shown.map((row) => columns.map((column) => cell(column, row)))];
    save(new Blob([lines.map((each) => `${each.join(",")}\r\n`).join("")], { type: "text/csv" }), `${this.title.replace(/[^\p{L}\p{N}_.]+/gu, "-")}-${new Date().toISOString().slice(0, 10)}.csv`);
  }
}

// What a row has in a column: the value at a path, or a text with values in braces.
function valueIn({ path, text, before, number, when }, row, told) {
  if (!fits(row, when)) return null;
  if (text) {
    const values = Object.fromEntries([...text.matchAll(/\{(.+?)\}/g)].map(([, name]) => [name, name in told ? told[name] : at(row, name)]));
    return Object.values(values).every((each) => each || each === 0) ? text.replace(/\{(.+?)\}/g, (_, name) => values[name]) : null;
  }
  const value = at(row, path);
  if (before) return String(value ?? "").split(before)[0];
  return number && isNumber(value) ? Number(value) : value;
}

const textIn = (column, row, told) => shown(valueIn(column, row, told), column.unit);

function filled(summary, rows, most) {
  return summary.map((part) => {
    if (typeof part === "string") return part;
    const { kind, path, words, when } = part;
    const fitting = rows.filter((row) => fits(row, when));
    const numbers = path ? fitting.map((row) => Number(at(row, path))).filter(Number.isFinite) : [];
    const number = kind === "count" ? fitting.length : kind === "sum" ? numbers.reduce((sum, each) => sum + each, 0) : Math[kind](...numbers);
    const text = `${shown(number)}${kind === "count" || kind === "sum" ? most : ""}`;
    return words ? `${text} ${words[text === "1" ? 0 : 1]}` : text;
  }).join("");
}

// A table whose rows stay where they are while their values change, with menus of what they lead to.
class Table {
  #columns; #told; #name; #leads; #heads; #body = make("tbody"); #rows = new Map();

  constructor(columns, told, { title, name, leads, order, corner }) {
    this.#columns = columns;
    this.#told = told;
    this.#name = name;
    this.#leads = leads;
    const head = this.#heads = columns.map((each) => make("th", { scope: "col", class: each.number ? "number" : "" },
      each.path ? button(each.title, () => order(each)) : each.title));
    this.element = tableOf(`Rows of ${title}`, [...head, make("td", {}, corner)], this.#body, { hidden: true });
  }

  show(rows, order) {
    const [first] = order.split(",");
    this.#columns.forEach(({ path }, place) => mark(this.#heads[place], "aria-sort",
      first.replace("-", "") === path && (first.startsWith("-") ? "descending" : "ascending")));
    this.element.hidden = !rows.length;
    const focused = document.activeElement;
    const most = new Map(this.#columns.filter(({ bar }) => bar === true).map(({ path }) => [
      path, Math.max(0, ...rows.map((row) => Number(at(row, path)) || 0))]));
    const before = this.#rows;
    this.#rows = new Map();
    rows.forEach((row, place) => {
      const name = this.#name(row);
      let key = String(row.id ?? name);
      while (this.#rows.has(key)) key += "+";
      const known = before.get(key) ?? this.#made(name);
      known.row = row;
      before.delete(key);
      this.#rows.set(key, known);
      this.#columns.forEach((column, number) => this.#fill(known.cells[number], column, row, most, !number));
      if (this.#body.children[place] !== known.element) {
        this.#body.insertBefore(known.element, this.#body.children[place] ?? null);
      }
    });
    for (const { element } of before.values()) element.remove();
    if (focused !== document.activeElement && focused.isConnected) focused.focus();
  }

  #made(name) {
    const cells = this.#columns.map(() => ({ element: make("td"), text: null }));
    const menu = this.#leads ? menuButton(name, () => this.#leads(made.row).links) : "";
    const element = make("tr", {}, cells.map((cell) => cell.element), make("td", {}, menu));
    const made = { element, cells, row: null };
    return made;
  }

  #fill(cell, column, row, most, leads) {
    const { path, unit, bar, alert, number, before, lead, copy } = column;
    const value = valueIn(column, row, this.#told);
    const text = shown(value, unit);
    const whole = bar === true ? most.get(path) : bar && Number(at(row, bar));
    const part = bar ? Math.min(1, Number(value) / whole || 0) : 0;
    const alerts = Array.isArray(alert) ? alert.includes(String(value)) : alert && Number(value) !== 0;
    const sign = JSON.stringify([text, part, alerts]);
    if (cell.text === sign) return;
    cell.text = sign;
    const { element } = cell;
    element.className = number ? "number" : unit || copy ? "" : before ? "text short" : "text";
    const label = bar && bar !== true && value !== null ? `${text} of ${shown(Number(at(row, bar)), unit)}` : text;
    const inner = alerts ? make("span", { class: "alert" }, label) : label;
    const { first, links } = ((leads || lead) && this.#leads?.(row)) || {};
    const link = leads ? first : Number(value) !== 0 && links?.find(({ panel }) => panel === lead)?.to;
    element.title = unit === "time" && Number(value) > 0 ? new Date(1000 * value).toLocaleString() : "";
    element.replaceChildren(typeof link === "function" ? button(inner, link, { class: "open" }) : link ? make("a", { href: link }, inner) : copy && value ? copyable(text) : inner);
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
function menuButton(name, links, text = "⋯") {
  return button(text, ({ target }) => {
    const items = links().map(({ title, to, off, why }) => make("li", {}, typeof to === "string" ? make("a", { href: to }, title)
      : button(title, () => { menu.hidePopover(); to(); }, { disabled: off }), why && make("small", {}, why)));
    menu.replaceChildren(make("p", { class: "soft" }, name), make("ul", {}, items));
    menu.showPopover();
    const { right, top, bottom } = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(4, right - width)}px`;
    menu.style.top = `${bottom + height < innerHeight ? bottom : Math.max(4, top - height)}px`;
    menu.querySelector("a, button:enabled")?.focus();
  }, { class: "more", "aria-label": `What can be done with ${name}` });
}
