// Dialogs in place, over the farm: what is done with its rows, and what is known of one.
import { at, button, keep, linkTo, make, plain, put, request, shown, sizeFrom } from "./base.js";
import { namesFor } from "./form.js";

const dialog = make("dialog", { id: "action", "aria-labelledby": "action-title" });
document.body.append(dialog);
export const closeDialog = () => dialog.close();

function open(title, ...content) {
  dialog.replaceChildren(make("h2", { id: "action-title" }, title), ...content);
  dialog.showModal();
}

const sent = (content) => ({
  method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json" }, body: JSON.stringify(content),
});

// Asks for what an action needs beside its `bodies`, one for each of the rows with these `names`, and
// calls it. `gone` is said of a row that Cuebot no longer has.
export function openAction({ action, names, bodies, of, isFinal, gone, completions }) {
  const isOne = names.length === 1;
  const title = isOne ? `${action.title}: ${names[0]}` : `${action.title}: all ${names.length}`;
  const asked = action.asks.map((each) => new Asked(each, bodies, completions));
  const filled = () => bodies.map((body) => asked.reduce((found, each) => each.fill(found), structuredClone(body)));
  const told = make("p", { role: "status" });
  const run = make("button", { class: isFinal ? "danger" : "main", autofocus: !asked.length && !isFinal }, "Run");
  const cancel = button("Cancel", closeDialog, { autofocus: !asked.length && isFinal });
  const explorer = isOne && make("a", {
    href: linkTo("explore", action.method.slice(1), { body: JSON.stringify(bodies[0]) }),
    onclick: (event) => {
      const body = JSON.stringify(filled()[0]);
      keep("row", JSON.stringify({ sent: action.method + body, question: title, of }));
      event.target.href = linkTo("explore", action.method.slice(1), { body });
    },
  }, "Open in the explorer");
  const tell = (kind, text) => {
    told.className = kind;
    told.textContent = text;
  };
  const submit = async (event) => {
    event.preventDefault();
    run.disabled = true;
    tell("soft", "Running…");
    try {
      const problem = isOne ? await callOne(action, filled()[0], gone) : await callAll(action, filled(), names);
      if (problem) tell("down", problem);
      else {
        tell("good", isOne ? "Done" : `Done: ${names.length} of ${names.length}`);
        run.remove();
        cancel.textContent = "Close";
        cancel.focus();
      }
    } catch (error) {
      tell("down", `The gateway is not responding: ${error.message}`);
    }
    run.disabled = false;
  };
  open(title,
    make("p", { class: "soft" }, `In “${of}”. ${action.about ? `${action.about}. ` : ""}${isFinal ? "Cuebot has no undo." : ""}`),
    isOne ? "" : make("pre", { tabindex: 0 }, names.join("\n")),
    make("form", { onsubmit: submit }, asked.map(({ element }) => element), told,
      make("p", { class: "row" }, run, cancel, explorer)));
}

// What is wrong, if anything.
async function callOne({ method, asks }, body, gone) {
  const response = await request(method, sent(body));
  const content = await response.json();
  if (response.ok) return "";
  const isOfRow = content.error === "NOT_FOUND" && !asks.some(({ path }) => content.message.startsWith(`${path.split(".")[0]}:`));
  return gone && isOfRow ? gone : plain(content.message);
}

async function callAll({ method }, bodies, names) {
  const response = await request("/batch", sent(bodies.map((body, id) => ({ id, method, request: body }))));
  const answers = await response.json();
  if (!response.ok) return plain(answers.message);
  const failed = answers.filter(({ error }) => error);
  return failed.length && `${answers.length - failed.length} of ${answers.length} done; ${names[failed[0].id]}: ${plain(failed[0].error.message)}`;
}

let ids = 0;

// One value that is asked for; where rows have different ones, an empty field leaves each its own.
class Asked {
  #asked; #known; #initial; #control;

  constructor(asked, bodies, completions) {
    const { path, title, number, unit, choices, of } = asked;
    const values = bodies.map((body) => at(body, path));
    const differs = values.some((each) => each !== values[0]);
    this.#asked = asked;
    this.#known = differs ? undefined : values[0];
    this.#initial = this.#known === undefined ? "" : unit ? shown(this.#known, unit) : String(this.#known);
    const id = `asked-${ids += 1}`;
    const shared = { id, required: !differs, autofocus: true };
    this.#control = choices
      ? make("select", shared, ["", ...choices].map((each) => make("option", { value: each, selected: each === this.#initial }, each || "–")))
      : make("input", {
        ...shared, value: this.#initial, autocomplete: "off", spellcheck: "false", inputmode: number && !unit ? "decimal" : "text",
        placeholder: differs ? "they differ: empty leaves each its own" : "", list: number ? null : namesFor(completions, of, path.split(".").pop()),
        onfocus: ({ target }) => target.select(),
      });
    this.element = make("div", { class: "field" }, make("label", { for: id }, title), this.#control,
      unit && make("small", {}, unit === "seconds" ? "in seconds" : "such as 4 GB"));
  }

  fill(body) {
    const { path, number, unit, choices } = this.#asked;
    const text = this.#control.value.trim();
    if (text === this.#initial) return body;
    const value = choices?.[0] === "true" ? text === "true" : !number ? text
      : unit && unit !== "seconds" ? sizeFrom(text, unit) : Number.isFinite(Number(text)) ? Number(text) : text;
    return text || !this.#control.placeholder ? put(body, path, value) : body;
  }
}

// Shows what is known of a row. Returns what shows it again: its texts by title, or else what to say
// of a row that is gone.
export function openDetails(title, of) {
  const list = make("dl"), note = make("p", { class: "down", role: "status", hidden: true });
  open(title, make("p", { class: "soft" }, `In “${of}”.`), note, list,
    make("p", { class: "row" }, button("Close", closeDialog, { autofocus: true })));
  return (texts, gone) => {
    note.hidden = Boolean(texts);
    note.textContent = texts ? "" : gone;
    if (texts) list.replaceChildren(...[...texts].map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  };
}
