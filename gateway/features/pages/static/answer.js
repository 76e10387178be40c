// An answer as a table that can be sorted, as a tree, or as JSON.
import { at, button, isNumber, isObject, make, mark, shown, sorted, tableOf } from "./base.js";

const MOST_ROWS = 300, MOST_COLUMNS = 60;

// The one list of objects in an answer, or in its only object, and the path to it.
export function rowsOf(answer, path = []) {
  if (!isObject(answer)) return null;
  const values = Object.entries(answer);
  const lists = values.filter(([, each]) => Array.isArray(each) && each.every(isObject));
  if (lists.length === 1) return { path: [...path, lists[0][0]], rows: lists[0][1] };
  return values.length === 1 && path.length < 2 ? rowsOf(values[0][1], [...path, values[0][0]]) : null;
}

// Puts the answer into `place`; of one that may be `cut`, this is said; `wanted` is the form that the reader has chosen, if any, `download`
// saves its rows, and `unitAt` knows the units of numbers.
export function showAnswer(place, answer, { cut, wanted, choose, download, unitAt }) {
  const { path, rows } = rowsOf(answer) ?? {};
  const forms = { ...(rows?.length ? { Table: () => sortable(rows, (column) => unitAt([...path, ...column.split(".")])) } : {}), Tree: () => make("div", { class: "tree" }, treeOf(answer)), JSON: () => make("pre", { tabindex: 0 }, JSON.stringify(answer, null, 2)) };
  const initial = forms[wanted] ? wanted : rows?.length ? "Table" : "JSON";
  const content = make("div");
  const buttons = Object.keys(forms).map((name) => button(name, () => { choose(name); show(name); }));
  const show = (name) => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.textContent === name));
    content.replaceChildren(forms[name]());
  };
  show(initial);
  const csv = download && rows?.length ? button("CSV", download, { "aria-label": "Download as CSV" }) : null;
  const most = cut && rows?.length ? make("span", { class: "alert" }, `${rows.length} rows, there may be more`) : null;
  place.replaceChildren(make("div", { class: "row", role: "group", "aria-label": "Show the answer as" }, buttons, csv, most), content);
}

function columnsOf(rows) {
  const found = new Set();
  const walk = (value, path) => {
    if (isObject(value) && path.split(".").length < 3) {
      for (const [name, inner] of Object.entries(value)) walk(inner, path ? `${path}.${name}` : name);
    } else if (path) found.add(path);
  };
  rows.slice(0, 50).forEach((row) => walk(row, ""));
  const rank = (path) => (path === "name" ? 0 : path === "id" ? 2 : 1);
  return [...found].sort((one, other) => rank(one) - rank(other)).slice(0, MOST_COLUMNS);
}

function sortable(rows, unitOf) {
  const columns = columnsOf(rows);
  const units = new Map(columns.map((path) => [path, unitOf(path)]));
  let order = "", most = MOST_ROWS;
  const body = make("tbody");
  const more = make("p");
  const heads = columns.map((path) => make("th", { scope: "col" }, button(path, () => {
    order = order === path ? `-${path}` : path;
    heads.forEach((each, place) => mark(each, "aria-sort", columns[place] === path && (order === path ? "ascending" : "descending")));
    fill();
  })));
  const fill = () => {
    const all = order ? sorted(rows, order) : rows;
    body.replaceChildren(...all.slice(0, most).map((row) => make("tr", {}, columns.map((path) => {
      const value = at(row, path);
      const unit = units.get(path);
      return make("td", { class: isNumber(value) && unit !== "time" ? "number" : "", title: unit && String(value) }, shown(value, unit));
    }))));
    const left = all.length - most;
    more.replaceChildren(...(left > 0 ? [button(`${left} more rows`, () => { most += 1000; fill(); })] : []));
  };
  fill();
  return make("div", {}, tableOf("Rows of the answer", heads, body), more);
}

function treeOf(value) {
  return Object.entries(value).map(([name, inner]) => {
    if (inner === null || typeof inner !== "object") return make("p", {}, `${name}: `, make("b", {}, JSON.stringify(inner)));
    const count = Array.isArray(inner) ? ` [${inner.length}]` : "";
    const branch = make("details", {
      ontoggle: () => branch.childElementCount > 1 || branch.append(...treeOf(inner)),
    }, make("summary", {}, name + count));
    return branch;
  });
}
