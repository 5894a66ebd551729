// What the rest of the page makes of the document. Text is always set as text, never read as markup.

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Return the element with this id. */
export function find(id) {
  return document.getElementById(id);
}

/** Return a new element with this content: texts and elements. */
export function make(name, ...content) {
  const element = document.createElement(name);
  element.append(...content);
  return element;
}

/** Show a text in an element that is hidden while it has none. */
export function say(element, text) {
  element.textContent = text;
  element.hidden = text === "";
}

/** Return a table; rows: arrays of texts. */
export function makeTable(caption, headings, rows) {
  const head = make("tr", ...headings.map((heading) => Object.assign(make("th", heading), { scope: "col" })));
  const body = rows.map((cells) => make("tr", ...cells.map((cell) => make("td", cell))));
  return make("table", make("caption", caption), make("thead", head), make("tbody", ...body));
}

/** Return terms and what they are as the content of a `dl`. */
export function makeTerms(pairs) {
  return pairs.map(([term, text]) => make("div", make("dt", term), make("dd", text)));
}

export function showNumber(number) {
  return numbers.format(number);
}

/** Return a time as people say it. */
export function showSeconds(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Return when all of that time has passed. */
export function sleep(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
