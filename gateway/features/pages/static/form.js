// Forms made from the schemas of requests in /openapi.json.
import { button, entry, get, isObject, make, queryOf } from "./base.js";

let ids = 0;

export class Schemas {
  #schemas; #completions;

  constructor(document, completions) {
    this.#schemas = document.components.schemas;
    this.#completions = completions;
  }

  // A schema without references and null: with `type`, the `name` of its message, `choices` of an enum.
  resolve(schema) {
    const { description } = schema;
    let found = schema, name = "";
    for (;;) {
      if (found.$ref) {
        name = found.$ref.split("/").pop();
        found = this.#schemas[name] ?? {};
      } else if (found.anyOf) {
        const text = found.anyOf.find((each) => each.enum);
        if (text) return { type: "enum", choices: text.enum, description, name };
        found = found.anyOf.find((each) => each.type !== "null") ?? {};
      } else break;
    }
    const types = [found.type].flat().filter((each) => each && each !== "null");
    const type = found.enum ? "enum" : types.length > 1 ? types.at(-1) : types[0] ?? "object";
    const isMap = type === "object" && !found.properties;
    return { ...found, type: isMap ? "map" : type, choices: found.enum, description: description ?? found.description, name };
  }

  namesFor(message, field) { return namesFor(this.#completions, message.replace(/-Input$/, ""), field); }
}

const lists = new Map();

// The id of a list with names for a field but the `present` one, which is filled when it is first asked for.
export function namesFor(completions, message, field, present) {
  const found = completions.find((each) => (message && each.message === message) || each.fields.includes(field));
  if (!found) return undefined;
  const key = JSON.stringify([found.method, present]);
  if (!lists.has(key)) {
    const list = make("datalist", { id: `names-${ids += 1}` });
    document.body.append(list);
    lists.set(key, list);
    const view = found.names.length > 1 ? { fields: found.names.at(-1) } : {};
    get(found.method + queryOf(found.request, view)).then((answer) => {
      const names = found.names.reduce((inner, name) => inner.flatMap((each) => each?.[name] ?? []), [answer]);
      list.append(...[...new Set(names)].filter((each) => each !== present).slice(0, 5000).map((value) => make("option", { value })));
    }, () => lists.delete(key));
  }
  return lists.get(key).id;
}

// The fields of a request, with what is known of some (`notes`). `changed` gets the body whenever it differs.
export function formOf(schemas, schema, body, changed, notes) {
  const { properties = {} } = schemas.resolve(schema);
  const names = Object.keys(properties);
  if (!names.length) return make("p", { class: "soft" }, "It needs nothing.");
  return make("div", {}, fields(schemas, properties, body, changed, 0, notes));
}

function fields(schemas, properties, body, changed, depth, notes = {}) {
  const current = { ...body };
  return Object.entries(properties).map(([name, schema]) => {
    const set = (value) => {
      if (value === undefined) delete current[name];
      else current[name] = value;
      changed({ ...current });
    };
    const found = schemas.resolve(schema);
    return row(schemas, name, { ...found, description: found.description ?? notes[name] }, current[name], set, depth);
  });
}

const isReference = ({ type, name, properties }) => type === "object" && name.endsWith("-Input")
  && properties?.id && properties?.name;
const isNamed = (value) => value === undefined || typeof value === "string"
  || (isObject(value) && Object.keys(value).every((key) => (key === "id" || key === "name")));
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// `job search criteria` for job.JobSearchCriteria-Input.
const words = (message) => (message.replace(/-Input$/, "").split(".").pop().match(/[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g) ?? []).join(" ").toLowerCase();

// A row of a form: label, control, and what the field means.
function row(schemas, name, schema, value, set, depth) {
  const { type, description } = schema;
  const about = description && type !== "enum" ? make("small", {}, description.replaceAll("`", "")) : null;
  if (isReference(schema) && isNamed(value)) {
    const known = typeof value === "string" ? value : value?.id ?? value?.name ?? "";
    const id = `field-${ids += 1}`;
    const input = text(id, known, (typed) => set(!typed ? undefined : UUID.test(typed) ? { id: typed } : { name: typed }));
    input.placeholder = "name or id";
    input.addEventListener("focus", () => complete(input, schemas, schema.name, name), { once: true });
    return make("div", { class: "field" }, make("label", { for: id }, name), input, about);
  }
  if (type === "object") {
    const inner = make("div");
    const fill = () => inner.childElementCount || inner.append(...fields(
      schemas, schema.properties, isObject(value) ? value : {},
      (found) => set(Object.keys(found).length ? found : undefined), depth + 1));
    const nested = make("details", { class: "nested", ontoggle: fill }, make("summary", {}, name, " ", make("span", { class: "soft" }, words(schema.name))), about, inner);
    if (value !== undefined || depth === 0) nested.open = true;
    if (nested.open) fill();
    return nested;
  }
  if (type === "array") return list(schemas, name, schemas.resolve(schema.items), value ?? [], set, depth, about);
  const id = `field-${ids += 1}`;
  return make("div", { class: "field" }, make("label", { for: id }, name),
    control(schemas, id, name, schema, value, set), about);
}

function text(id, value, set, attributes = {}) {
  return entry({ id, value: value ?? "", ...attributes, oninput: (event) => set(event.target.value) });
}

function complete(input, schemas, message, field) {
  const list = schemas.namesFor(message, field);
  if (list) input.setAttribute("list", list);
}

function choice(id, choices, value, set) {
  const options = ["", ...choices].map((each) => make("option", { value: each, selected: String(value ?? "") === each }, each || "–"));
  return make("select", { id, onchange: (event) => set(event.target.value) }, options);
}

// One value. What is empty is not set.
function control(schemas, id, name, schema, value, set) {
  const { type, choices, format } = schema;
  if (type === "boolean") return choice(id, ["true", "false"], value, (each) => set(each ? each === "true" : undefined));
  if (type === "enum") return choice(id, choices, value, (each) => set(each || undefined));
  if (type === "map" || type === "object") {
    return make("textarea", {
      id, placeholder: "JSON",
      oninput: ({ target }) => {
        let problem = "";
        try {
          set(target.value.trim() ? JSON.parse(target.value) : undefined);
        } catch (error) {
          problem = error.message;
        }
        target.setCustomValidity(problem);
      },
    }, value === undefined ? "" : JSON.stringify(value));
  }
  const isNumber = type === "integer" || type === "number";
  const read = (typed) => {
    if (typed === "") return undefined;
    const number = Number(typed);
    return isNumber && Number.isFinite(number) && (format !== "int64" || Number.isSafeInteger(number)) ? number : typed;
  };
  if (name === "spec" || name === "message") {
    return make("textarea", { id, spellcheck: "false", oninput: ({ target }) => set(target.value || undefined) }, value ?? "");
  }
  const input = text(id, value, (typed) => set(read(typed)), isNumber ? { inputmode: "decimal" } : {});
  input.addEventListener("focus", () => complete(input, schemas, "", name), { once: true });
  return input;
}

// A repeated field: boxes for an enum, else a control for each item, and one more.
function list(schemas, name, item, value, set, depth, about) {
  if (item.type === "enum") {
    const chosen = new Set(value);
    const boxes = item.choices.map((each) => make("label", {}, make("input", {
      type: "checkbox", checked: chosen.has(each),
      onchange: ({ target }) => {
        if (target.checked) chosen.add(each); else chosen.delete(each);
        set(chosen.size ? item.choices.filter((one) => chosen.has(one)) : undefined);
      },
    }), ` ${each}`));
    return make("fieldset", {}, make("legend", {}, name), about, make("div", { class: "checks" }, boxes));
  }
  const items = [...value];
  const tell = () => {
    const found = items.filter((each) => each !== undefined && each !== "");
    set(found.length ? found : undefined);
  };
  const place = make("div", { class: "items" });
  const add = (number) => {
    const put = (found) => {
      items[number] = found;
      tell();
      if (item.type !== "object" && found !== undefined && number === place.childElementCount - 1) add(number + 1);
    };
    const id = `field-${ids += 1}`;
    if (item.type === "object") {
      const inner = fields(schemas, item.properties, items[number] ?? {}, put, depth + 1);
      const box = make("fieldset", {}, make("legend", {}, `${name} ${number + 1}`), inner,
        button("Remove", () => { items[number] = undefined; box.remove(); tell(); }));
      place.append(box);
    } else {
      const one = control(schemas, id, name, item, items[number], put);
      one.setAttribute("aria-label", `${name} ${number + 1}`);
      place.append(one);
    }
  };
  items.forEach((_, number) => add(number));
  if (item.type !== "object") add(items.length);
  const more = item.type === "object" ? button("Add", () => add(items.length), { "aria-label": `Add to ${name}` }) : null;
  return make("div", { class: "field" }, make("span", { class: "label" }, name), make("div", {}, place, more), about);
}
