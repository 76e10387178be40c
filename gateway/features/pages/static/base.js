// What all parts of the page need: requests with the token, elements, and texts for people.
const TOKEN_KEY = "cuebot-gateway token";
export const base = new URL(".", location.href).href.replace(/\/$/, "");
export const token = () => sessionStorage.getItem(TOKEN_KEY);
export const keepToken = (text) => sessionStorage.setItem(TOKEN_KEY, text);
export const dropToken = () => sessionStorage.removeItem(TOKEN_KEY);
// The token's user, if it has one.
export function user() {
  try {
    const claims = atob(token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (each) => each.charCodeAt(0)))).sub ?? "";
  } catch {
    return "";
  }
}
export const keep = (name, value) => sessionStorage.setItem(`cuebot-gateway ${name}`, value);
export const kept = (name) => sessionStorage.getItem(`cuebot-gateway ${name}`);
export const $ = (id) => document.getElementById(id);

export function request(path, { headers = {}, ...options } = {}) {
  const own = token() ? { Authorization: `Bearer ${token()}`, ...headers } : headers;
  return fetch(base + path, { ...options, headers: own });
}

export const post = (path, content, headers = {}, options = {}) => request(path, {
  ...options, method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json", ...headers }, body: JSON.stringify(content),
});

// What the gateway says to a token that it does not take, and what a lost connection is called.
export const isRefusal = ({ status }) => [401, 403].includes(status);
export const away = (error) => `The gateway is not responding: ${error.message}`;

export async function get(path) {
  const response = await request(path);
  const content = await response.json();
  if (response.ok) return content;
  throw Object.assign(new Error(content.message), { status: response.status });
}

// An error for people: what a Java exception says, which its name comes before and its text behind, is said once.
export const plain = (message) => String(message).replace(/(?:[\w$]+\.)+[\w$]+: ([^\n]+)\n\1/g, "$1");

// An element; `on…` are listeners, `class` and other names are attributes.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

export function button(text, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

// A field for a line of text that is no prose.
export const entry = (attributes) => make("input", { autocomplete: "off", spellcheck: "false", ...attributes });

// A table that can be scrolled by itself.
export const tableOf = (label, heads, body, attributes) => make("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": label, ...attributes },
  make("table", {}, make("thead", {}, make("tr", {}, heads)), body));

// Says what has come of something: `good`, `down`, or `soft`.
export function tell(element, kind, text) {
  element.className = kind;
  element.textContent = text;
}

// Sets an attribute, or removes it.
export const mark = (element, name, value) => (value ? element.setAttribute(name, value) : element.removeAttribute(name));

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// What a row has at a path; `sum(jobStats.runningFrames)` is a group's.
export function at(row, path) {
  const [, kind, inner] = /^(sum|min|max)\((.*)\)$/.exec(path) ?? [];
  if (kind) return row?.[kind]?.[inner];
  return path.split(".").reduce((found, name) => found?.[name], row);
}

// Whether a row fits a condition: all comparisons of one of its lists.
export function fits(row, condition) {
  return !condition || condition.some((all) => all.every(([path, operator, wanted, ago]) => {
    const found = at(row, path), value = ago ? Date.now() / 1000 - (found || NaN) : found;
    const order = isNumber(value) && isNumber(wanted) ? value - wanted : String(value) === wanted ? 0 : NaN;
    return { "=": order === 0, "!=": order !== 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0 }[operator];
  }));
}

// Puts a value at a path of a request; `[]` behind it makes a list of one.
export function put(body, path, value) {
  const names = path.replace(/\[\]$/, "").split(".");
  const last = names.pop();
  const inner = names.reduce((found, name) => (found[name] ??= {}), body);
  inner[last] = path.endsWith("[]") ? [value] : value;
  return body;
}

// A query string that people can read.
export const readable = (parameters) => new URLSearchParams(parameters).toString().replaceAll("%2C", ",");
export const linkTo = (part, path, parameters) => `#${part}/${path}?${readable(parameters)}`;

// The parameters of a view: `_where`, `_sort`, …
export const parametersOf = (view) => Object.fromEntries(Object.entries(view).filter(([, text]) => text).map(([name, text]) => [`_${name}`, text]));

// The query string of a GET, of a request without maps and lists of objects.
export function queryOf(body, view = {}) {
  const query = new URLSearchParams();
  const walk = (value, path) => {
    if (Array.isArray(value)) value.forEach((each) => query.append(path, each));
    else if (isObject(value)) {
      for (const [name, inner] of Object.entries(value)) walk(inner, path ? `${path}.${name}` : name);
    } else if (value !== null && value !== undefined) query.append(path, value);
  };
  walk(body, "");
  for (const [name, text] of Object.entries(parametersOf(view))) query.append(name, text);
  const text = query.toString();
  return text && `?${text}`;
}

// Whether an answer has as many rows as its request or view allows.
export function mayBeCut(count, body, view) {
  const limits = (inner) => Object.entries(inner).flatMap(([name, value]) => (
    isObject(value) ? limits(value) : /^(limit|maxResults)$/.test(name) ? [Number(value)] : []));
  return count > 0 && limits({ body, view }).includes(count);
}

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
const STEPS = { bytes: 0, kB: 1, MB: 2 };

function size(number, unit) {
  let step = STEPS[unit], left = number;
  while (Math.abs(left) >= 1024 && step < SIZES.length - 1) { left /= 1024; step += 1; }
  return `${left >= 100 ? Math.round(left) : Math.round(left * 10) / 10} ${SIZES[step]}`;
}

// The number that a text such as `4 GB` stands for, in a unit; other texts as they are.
export function sizeFrom(text, unit) {
  const [, amount, letter, behind] = /^([\d.]+)\s*([kmgtp]?)(i?b)?$/i.exec(text) ?? [];
  const power = letter || behind ? " kmgtp".indexOf(letter.toLowerCase() || " ") : STEPS[unit];
  const number = Math.round(Number(amount) * 1024 ** (power - STEPS[unit]));
  return Number.isFinite(number) ? number : text;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export const isNumber = (value) => typeof value === "number"
  || (typeof value === "string" && /^-?\d{1,19}(\.\d+)?$/.test(value));

const isEmpty = (value) => value === null || value === undefined || value === "";

// A value for people, by the unit of its field.
export function shown(value, unit) {
  if (isEmpty(value)) return "–";
  if (unit && isNumber(value)) {
    const number = Number(value);
    if (unit === "time") return number > 0 ? `${duration(Date.now() / 1000 - number)} ago` : "–";
    if (unit === "seconds") return duration(number);
    return size(number, unit);
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return numbers.format(Math.round(value * 10) / 10);
  if (Array.isArray(value)) return value.map((each) => shown(each)).join(", ") || "–";
  return typeof value === "object" ? JSON.stringify(value) : value;
}

const texts = new Intl.Collator("en", { numeric: true }), numbers = new Intl.NumberFormat();  // which take long to make

// The order of two values, or with `sign` -1 the reverse; what is empty comes last.
function compare(one, other, sign = 1) {
  if (isEmpty(one) || isEmpty(other)) return Number(isEmpty(one)) - Number(isEmpty(other));
  if (isNumber(one) && isNumber(other)) return sign * (one - other);
  return sign * texts.compare(String(one), String(other));
}

// Orders rows as `_sort` does: `-jobStats.deadFrames,name`, by a `value` of each.
export function sorted(rows, sort, value = at) {
  const keys = sort.split(",").map((key) => [key.replace(/^-/, ""), key.startsWith("-") ? -1 : 1]);
  return [...rows].sort((one, other) => keys.reduce(
    (found, [path, sign]) => found || compare(value(one, path), value(other, path), sign), 0));
}

export function save(blob, name) {
  const link = make("a", { download: name, href: URL.createObjectURL(blob) });
  link.click();
  URL.revokeObjectURL(link.href);
}

export async function copyText(element, pressed) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {  // browsers offer no clipboard over plain HTTP
    getSelection().selectAllChildren(element);
    copied = document.execCommand("copy");
  }
  pressed.textContent = copied ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { pressed.textContent = "Copy"; }, 1500);
}

// A text with a button that copies it.
export function copyable(text) {
  const element = make("span", { title: text }, text), pressed = button("Copy", () => copyText(element, pressed));
  return make("span", { class: "path" }, element, pressed);
}
