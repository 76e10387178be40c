// The log of a frame in a dialog, which follows it while it is written.
import { away, button, make, request } from "./base.js";
import { closeDialog, open } from "./dialog.js";

const LINES = 500, MOST_CHARACTERS = 1_000_000;
const COLOURS = /\u001b\[[0-9;:]*m/g;

export function openLog(job, frame, of) {
  const stop = new AbortController();
  const note = make("p", { class: "soft", role: "status" }, "Reading…");
  const text = make("pre", { class: "log", tabindex: 0, role: "log", "aria-label": `Log of ${frame}` });
  const dialog = open(`Log of ${frame}`, make("p", { class: "soft" }, `In “${of}”.`), text, note,
    make("p", { class: "row" }, button("Close", closeDialog, { autofocus: true })));
  dialog.addEventListener("close", () => stop.abort(), { once: true });
  follow(`/logs/${encodeURIComponent(job)}/${encodeURIComponent(frame)}?follow&lines=${LINES}`, text, note, stop.signal);
}

async function follow(path, text, note, signal) {
  const tell = (kind, told) => { note.className = kind; note.textContent = told; };
  try {
    const response = await request(path, { headers: { Accept: "text/plain" }, signal, cache: "no-store" });
    if (!response.ok) {
      const { message } = await response.json().catch(() => ({ message: `The gateway shows no logs (${response.status})` }));
      tell("down", message);
      return;
    }
    tell("soft", `The last ${LINES} lines, and what is written now`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) {
        add(text, rest);
        break;
      }
      const end = (rest + value).lastIndexOf("\n") + 1;
      add(text, (rest + value).slice(0, end));
      rest = (rest + value).slice(end);
    }
    tell("soft", `The last ${LINES} lines; nothing more is written`);
  } catch (error) {
    if (!signal.aborted) tell("down", away(error));
  }
}

// Who reads the end goes on to; who has scrolled up stays where they are.
function add(element, text) {
  const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
  element.append(text.replace(COLOURS, "").replace(/\r\n?/g, "\n"));
  if (element.textContent.length > MOST_CHARACTERS) element.textContent = element.textContent.slice(-MOST_CHARACTERS / 2);
  if (isAtEnd) element.scrollTop = element.scrollHeight;
}
