// Dialogs in place, over the farm: what is done with its rows, and what is known of one.
import { at, away, button, copyable, entry, keep, linkTo, make, plain, post, put, shown, sizeFrom, tell } from "./base.js";
import { namesFor } from "./form.js";

const dialog = make("dialog", { id: "action", "aria-labelledby": "action-title" });
document.body.append(dialog);
export const closeDialog = () => dialog.close();

// The focus is where it is wanted (`autofocus`), or where Enter does nothing. Returns the dialog.
export function open(title, ...content) {
  const heading = make("h2", { id: "action-title", tabindex: -1 }, title);
  dialog.replaceChildren(heading, ...content);
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? heading).focus();
  return dialog;
}

// Whether the reader wants what is asked, and the button is called.
export function isSure(title, text, details, name) {
  return new Promise((answer) => {
    const yes = () => { answer(true); closeDialog(); };
    open(title, make("p", {}, text), make("pre", { tabindex: 0 }, details),
      make("p", { class: "row" }, button(name, yes, { class: "danger" }), button("Cancel", closeDialog)));
    dialog.addEventListener("close", () => answer(false), { once: true });
  });
}

// Asks for what an action needs beside its `bodies`, one for each of the rows with these `names`, and
// calls it. `gone` is said of a row that Cuebot no longer has.
export function openAction({ action, names, bodies, nouns, of, isFinal, gone, completions }) {
  const isOne = names.length === 1;
  const title = isOne ? `${action.title}: ${names[0]}` : `${action.title}: ${names.length} ${nouns[1]}`;
  const asked = action.asks.map((each) => new Asked(each, bodies, completions));
  const filled = () => bodies.map((body) => asked.reduce((found, each) => each.fill(found), structuredClone(body)));
  const told = make("p", { role: "status" });
  const run = make("button", { class: isFinal ? "danger" : "main", autofocus: !asked.length && !isFinal }, action.title);
  const cancel = button("Cancel", closeDialog);
  const explorer = isOne && make("a", {
    href: linkTo("explore", action.method.slice(1), { body: JSON.stringify(bodies[0]) }),
    onclick: (event) => {
      const body = JSON.stringify(filled()[0]);
      keep("row", JSON.stringify({ sent: action.method + body, question: title, of }));
      event.target.href = linkTo("explore", action.method.slice(1), { body });
    },
  }, "Open in the explorer");
  const submit = async (event) => {
    event.preventDefault();
    const present = asked.map((each) => each.present);
    if (present.length && present.every(Boolean)) {
      tell(told, "soft", `It is already ${present.join(", ")}`);
      return;
    }
    run.disabled = true;
    tell(told, "soft", "Running…");
    try {
      const problem = isOne ? await callOne(action, filled()[0], gone) : await callAll(action, filled(), names);
      if (problem) tell(told, "down", problem);
      else {
        tell(told, "good", isOne ? "Done" : `Done: ${names.length} of ${names.length}`);
        run.remove();
        cancel.textContent = "Close";
        cancel.focus();
      }
    } catch (error) {
      tell(told, "down", away(error));
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
  const response = await post(method, body);
  const content = await response.json();
  if (response.ok) return "";
  const isOfRow = content.error === "NOT_FOUND" && !asks.some(({ path }) => content.message.startsWith(`${path.split(".")[0]}:`));
  return gone && isOfRow ? gone : plain(content.message);
}

async function callAll({ method }, bodies, names) {
  const response = await post("/batch", bodies.map((body, id) => ({ id, method, request: body })));
  const answers = await response.json();
  if (!response.ok) return plain(answers.message);
  const failed = answers.filter(({ error }) => error);
  return failed.length && `${answers.length - failed.length} of ${answers.length} done; ${names[failed[0].id]}: ${plain(failed[0].error.message)}`;
}

let ids = 0;

// One value that is asked for; where rows have different ones, an empty field leaves each its own.
class Asked {
  #asked; #initial; #control;

  constructor(asked, bodies, completions) {
    const { path, title, number, unit, choices, of } = asked;
    const values = bodies.map((body) => at(body, path));
    const differs = values.some((each) => each !== values[0]);
    const known = differs ? undefined : values[0];
    this.#asked = asked;
    this.#initial = known === undefined ? "" : unit ? shown(known, unit) : String(known);
    const list = choices || number ? undefined : namesFor(completions, of, path.split(".").pop(), known);
    const isOther = list && known;
    const id = `asked-${ids += 1}`;
    const shared = { id, required: !differs, autofocus: true };
    this.#control = choices
      ? make("select", shared, ["", ...choices].map((each) => make("option", { value: each, selected: each === this.#initial }, each || "–")))
      : entry({
        ...shared, value: isOther ? "" : this.#initial, inputmode: number && !unit ? "decimal" : "text",
        placeholder: differs ? "they differ: empty leaves each its own" : isOther ? `now: ${known}` : "", list,
        onfocus: ({ target }) => target.select(),
      });
    this.element = make("div", { class: "field" }, make("label", { for: id }, title), this.#control,
      unit && make("small", {}, unit === "seconds" ? "in seconds" : "such as 4 GB"));
  }

  // The value that all have, if no other one is typed.
  get present() { return this.#control.value.trim() === this.#initial && this.#initial; }

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
  let before = "";
  const list = make("dl"), note = make("p", { class: "down", role: "status", hidden: true });
  open(title, make("p", { class: "soft" }, `In “${of}”.`), note, list,
    make("p", { class: "row" }, button("Close", closeDialog, { autofocus: true })));
  return (texts, gone) => {
    note.hidden = Boolean(texts);
    note.textContent = texts ? "" : gone;
    const now = texts ? JSON.stringify([...texts]) : before;
    if (now !== before) list.replaceChildren(...[...texts].map(([name, { text, copy }]) => make("div", {}, make("dt", {}, name), make("dd", {}, copy && text !== "–" ? copyable(text) : text))));
    before = now;
  };
}
