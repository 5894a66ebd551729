// Form fields that are made from the features of a model, and what is wrong with their values beside them.

import { find, make } from "./elements.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const KINDS = { number: "A number", integer: "A whole number", category: "One of these", text: "A text" };

/** One input with its label, its hint and what is wrong with it. */
export class Field {
  constructor(id, label, hint, input) {
    this.element = find("field-template").content.cloneNode(true).firstElementChild;
    this.input = input;
    const [name, ...notes] = this.element.children;
    [this.hint, this.error, this.warning] = notes;
    input.id = id;
    name.htmlFor = id;
    name.append(label);
    this.hint.append(hint);
    notes.forEach((note, index) => (note.id = `${id}-note-${index}`));
    input.setAttribute("aria-describedby", notes.map((note) => note.id).join(" "));
    this.hint.after(input);
  }

  /** Say what is wrong; nothing clears it. */
  refuse(text = "") {
    this.error.textContent = text;
    this.input.setAttribute("aria-invalid", String(text !== ""));
  }

  /** Say what is doubtful; nothing clears it. */
  warn(text = "") {
    this.warning.textContent = text;
  }
}

/** Return a field for the value of a feature. */
export function makeValueField(feature) {
  const input = feature.type === "category" ? makeChoice(feature.categories) : makeInput(feature.type);
  const label = feature.unit ? `${feature.name} (${feature.unit})` : feature.name;
  return new Field(`row-${feature.name}`, label, [feature.description, describeRange(feature)].filter(Boolean).join(" "), input);
}

/** Return a field for the header of the column that is a feature. */
export function makeColumnField(feature) {
  return new Field(`column-${feature.name}`, `Column of ${feature.name}`, "", makeInput("text"));
}

/** Return what the service is sent: a number, a text, or null for nothing. */
export function readValue(feature, input) {
  const text = input.value.trim();
  if (text === "") return null;
  const isNumber = feature.type === "number" || feature.type === "integer";
  return isNumber && NUMBER.test(text) ? Number(text) : text;
}

/** Return what is wrong with a value: what the service says, but of a form, not of JSON. */
export function explain(feature, input, note) {
  if (note.code !== "not_a_number") return note.detail;
  const text = input.value.trim();
  const pointed = text.replace(",", ".");
  return NUMBER.test(pointed) ? `Write ${pointed} with a point.` : `"${text}" is not a number; write one such as ${feature.example}.`;
}

function makeInput(type) {
  const input = make("input");
  // Not a number input: that would hide from us what was typed and is no number.
  input.inputMode = { number: "decimal", integer: "numeric" }[type] ?? "text";
  input.autocomplete = "off";
  return input;
}

function makeChoice(categories) {
  const choice = make("select", Object.assign(make("option", "Choose…"), { value: "" }));
  choice.append(...categories.map((category) => Object.assign(make("option", category), { value: category })));
  return choice;
}

function describeRange({ type, minimum, maximum, example }) {
  const from = minimum === null ? "" : ` from ${minimum}`;
  const to = maximum === null ? "" : ` ${from ? "to" : "up to"} ${maximum}`;
  return `${KINDS[type]}${from}${to}, such as ${example}.`;
}
