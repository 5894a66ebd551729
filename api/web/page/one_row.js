// Score one row: a form made from the model's features, its answer, and what is wrong beside each field.

import { find, make, makeTable, say, showSeconds } from "./elements.js";
import { explain, makeValueField, readValue } from "./fields.js";
import { Problem, askDocument } from "./service.js";

const FINAL = ["succeeded", "failed", "canceled", "expired"];
const POINTER = /^\/input\/(.*)$/;

let model;
let fields = new Map();
/** What is asked for now; a newer question ends it. */
let asking = new AbortController();

/** Make the form ready; call it once. */
export function startOneRow() {
  find("row").addEventListener("submit", (event) => {
    event.preventDefault();
    score();
  });
  find("row-example").addEventListener("click", fillInExample);
}

/** Show the fields of this model. */
export function showRowOf(chosen) {
  asking.abort();
  model = chosen;
  fields = new Map(model.features.map((feature) => [feature.name, makeValueField(feature)]));
  find("row-fields").replaceChildren(...[...fields.values()].map((field) => field.element));
  find("row-answer").replaceChildren();
  say(find("row-trouble"), "");
}

function fillInExample() {
  for (const feature of model.features) {
    fields.get(feature.name).input.value = feature.example;
  }
  clearNotes();
}

function clearNotes() {
  say(find("row-trouble"), "");
  for (const field of fields.values()) {
    field.refuse();
    field.warn();
  }
}

async function score() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  clearNotes();
  find("row-answer").replaceChildren("Asked …");
  try {
    const job = await finish(await submit(signal), signal);
    if (!signal.aborted) showJob(job);
  } catch (error) {
    if (!signal.aborted) showProblem(error);
  }
}

function submit(signal) {
  const input = Object.fromEntries(model.features.map((feature) => [feature.name, readValue(feature, fields.get(feature.name).input)]));
  const body = JSON.stringify({ model: model.name, version: model.version, input });
  const headers = { "Content-Type": "application/json", Prefer: "wait=5" };
  return askDocument("/v1/predictions", { method: "POST", headers, body, signal });
}

/** Return the job once it is final; says meanwhile where it stands in line. */
async function finish(job, signal) {
  while (!FINAL.includes(job.status)) {
    find("row-answer").replaceChildren(describeWait(job));
    job = await askDocument(job.urls.get, { headers: { Prefer: "wait=5" }, signal });
  }
  return job;
}

function describeWait({ status, queue }) {
  if (status === "running") return "A worker has it …";
  const left = queue?.eta_seconds ? `, about ${showSeconds(queue.eta_seconds)} left` : "";
  return queue ? `In line, place ${queue.position}${left} …` : "In line …";
}

function showJob(job) {
  for (const { pointer, detail } of job.warnings) {
    findField(pointer)?.warn(detail);
  }
  if (job.status === "succeeded") {
    find("row-answer").replaceChildren(...describeOutput(job));
  } else {
    showProblem(new Problem({ code: job.error.code, detail: job.error.detail, errors: job.error.errors }));
  }
}

function describeOutput({ output, model: { name, version } }) {
  const prediction = make("p", make("strong", String(output.prediction)));
  const source = Object.assign(make("p", `By ${name}, version ${version}`), { className: "hint" });
  const shares = Object.entries(output.probabilities ?? {}).sort(([, one], [, other]) => other - one);
  return shares.length ? [prediction, makeShares(shares), source] : [prediction, source];
}

function makeShares(shares) {
  const table = makeTable("Probability of each class", ["Class", "Probability", "Share"], shares.map(([label]) => [label]));
  [...table.tBodies[0].rows].forEach((row, index) => {
    const share = shares[index][1];
    const meter = Object.assign(make("meter"), { value: share, ariaLabel: `Probability of ${shares[index][0]}` });
    row.append(make("td", share.toFixed(4)), make("td", meter));
  });
  return table;
}

function showProblem(error) {
  find("row-answer").replaceChildren();
  const elsewhere = (error.notes ?? []).filter((note) => !refuseField(note));
  const isOfFields = error.notes?.length > elsewhere.length;
  // What is said beside the fields is not said once more.
  const text = elsewhere.map((note) => note.detail).join(" ") || (isOfFields ? "" : error.text ?? String(error));
  say(find("row-trouble"), text);
  document.querySelector("#row-fields [aria-invalid=true]")?.focus();
}

/** Say what is wrong beside the field that it is about; returns false if there is none. */
function refuseField(note) {
  const field = findField(note.pointer);
  const feature = field && model.features.find((one) => fields.get(one.name) === field);
  field?.refuse(feature && explain(feature, field.input, note));
  return Boolean(field);
}

function findField(pointer) {
  const name = POINTER.exec(pointer)?.[1].replaceAll("~1", "/").replaceAll("~0", "~");
  return fields.get(name);
}
