// Methods by the words that people search for, by the same rule as gateway/core/schema/method_search.py,
// which describes it. A test compares what both find.
const IN_NAME = 4, IN_INTERFACE = 4, IN_SUMMARY = 1;
const SAME = 4, OTHER_FORM = 3, BEGINNING = 2, MISTYPED = 1;
const A_READ = 2;
const RUN = /[A-Za-z0-9]+/g;
const PART = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
const LITTLE = new Set(("a all an and are at by do for from how i in is it its me my of on or that"
  + " the this to who with").split(" "));
const ENDINGS = ["ies", "ied", "ing", "ed", "es", "s", "y", "e"];
const STEM_MIN_LETTERS = 3, MISTYPED_MIN_LETTERS = 4;

const wordsIn = (text) => (text.match(RUN) ?? [])
  .flatMap((run) => run.match(PART) ?? []).map((part) => part.toLowerCase());
const isPartOfPath = (word) => word.includes("/") || word.includes(".");

// A method as it is searched for; `others` are its other paths.
export function described({ path, summary, readsOnly, others }) {
  const [service, ...rest] = path.slice(1).split("/");
  const method = rest.length ? rest.at(-1) : service;
  const dot = service.lastIndexOf(".");
  const interfaceName = service.slice(dot + 1);
  const about = wordsIn(interfaceName.replace(/Interface$/, ""));
  const name = wordsIn(method);
  const inName = [...name, method.toLowerCase()];
  if (name.includes("all")) inName.push(...about.flatMap((word) => [word, `${word}s`]));
  return {
    path, service, name, readsOnly,
    places: [
      [IN_NAME, inName],
      [IN_INTERFACE, [...about, interfaceName.toLowerCase()]],
      [IN_SUMMARY, [...wordsIn(summary), ...wordsIn(service.slice(0, Math.max(dot, 0)))]],
    ],
    paths: [path, ...others].map((each) => each.toLowerCase()),
  };
}

// The methods that fit most words of the query, at least half of them; the best ones first.
export function ranked(query, methods) {
  const words = wordsOfQuery(query);
  const scores = words.map((word) => scoresFor(word, methods));
  const fitting = methods.map((_, at) => scores.filter((ofWord) => ofWord[at]).length);
  const most = Math.max(0, ...fitting);
  if (!most || 2 * most < words.length) return [];
  const sizes = new Map();
  for (const { service } of methods) sizes.set(service, (sizes.get(service) ?? 0) + 1);
  return methods
    .map((method, at) => ({
      method,
      score: scores.reduce((sum, ofWord) => sum + ofWord[at], method.readsOnly ? A_READ : 0),
    }))
    .filter((_, at) => fitting[at] === most)
    .sort((one, other) => other.score - one.score
      || one.method.name.length - other.method.name.length
      || sizes.get(other.method.service) - sizes.get(one.method.service)
      || (one.method.path < other.method.path ? -1 : 1))
    .map(({ method }) => method);
}

function scoresFor(word, methods) {
  const found = scoresBy(likeness);
  return found.some(Boolean) ? found : scoresBy((one, other) => (isMistyped(one, other) ? MISTYPED : 0));

  // Many methods have the same words.
  function scoresBy(like) {
    const known = new Map();
    const remembered = (_, other) => {
      if (!known.has(other)) known.set(other, like(word, other));
      return known.get(other);
    };
    return methods.map((method) => score(method, word, remembered));
  }
}

function score({ places, paths }, word, like) {
  if (isPartOfPath(word)) return paths.some((path) => path.includes(word)) ? IN_NAME * SAME : 0;
  return places.reduce(
    (sum, [weight, there]) => sum + weight * Math.max(0, ...there.map((each) => like(word, each))), 0);
}

function wordsOfQuery(query) {
  const words = [...new Set(query.toLowerCase().split(/\s+/).filter(Boolean).flatMap(
    (text) => (isPartOfPath(text) ? [text] : text.match(RUN) ?? [])))];
  const telling = words.filter((word) => !LITTLE.has(word));
  return telling.length ? telling : words;
}

function likeness(word, other) {
  if (word === other) return SAME;
  const stem = stemOf(word);
  if (stem === stemOf(other)) return OTHER_FORM;
  return other.startsWith(stem) ? BEGINNING : 0;
}

function stemOf(word) {
  if (word.endsWith("ss")) return word;
  const ending = ENDINGS.find((each) => word.endsWith(each)
    && word.length - each.length >= STEM_MIN_LETTERS);
  return ending ? word.slice(0, -ending.length) : word;
}

// One letter is missing, too many or another, or two neighbors have changed places.
function isMistyped(word, other) {
  if (word.length < MISTYPED_MIN_LETTERS) return false;
  const [short, long] = word.length <= other.length ? [word, other] : [other, word];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (short.length < long.length) return short.slice(at) === long.slice(at + 1);
  const swapped = `${long.charAt(at + 1)}${long.charAt(at)}${long.slice(at + 2)}`;
  return short.slice(at + 1) === long.slice(at + 1) || short.slice(at) === swapped;
}
