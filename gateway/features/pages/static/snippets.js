// The same call in other languages.
import { base, parametersOf, readable } from "./base.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function viewOf(view) {
  const text = readable(parametersOf(view));
  return text && `?${text}`;
}

function python(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((each) => python(each, indent)).join(", ")}]`;
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each, indent)}`).join(", ")}}`;
}

export const SNIPPETS = {
  curl: (path, body, view) => `curl -sS ${quoted(base + path + viewOf(view))} -H "Authorization: Bearer $TOKEN" -d ${quoted(JSON.stringify(body))}`,
  Python: (path, body, view) => [
    "import os", "", "import httpx", "", "answer = httpx.post(",
    `    ${JSON.stringify(base + path + viewOf(view))},`,
    `    json=${python(body)},`,
    "    headers={\"Authorization\": f\"Bearer {os.environ['TOKEN']}\"},",
    "    timeout=35,", ")", "answer.raise_for_status()", "print(answer.json())",
  ].join("\n"),
  JavaScript: (path, body, view) => [
    `const response = await fetch(${JSON.stringify(base + path + viewOf(view))}, {`,
    "  method: \"POST\",",
    "  headers: { Authorization: `Bearer ${process.env.TOKEN}` },",
    `  body: JSON.stringify(${JSON.stringify(body)}),`,
    "});", "if (!response.ok) throw new Error(await response.text());", "console.log(await response.json());",
  ].join("\n"),
  cuectl: (path, body, view) => [
    `cuectl call ${path.slice(1)}`,
    ...(Object.keys(body).length ? [quoted(JSON.stringify(body))] : []),
    ...Object.entries(view).map(([name, value]) => `--${name} ${quoted(value)}`),
  ].join(" "),
};
