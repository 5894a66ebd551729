// Choose a file, check it, send it.

import { find, make, makeTable, makeTerms, say, showNumber } from "./elements.js";
import { makeColumnField } from "./fields.js";
import { sendFile } from "./service.js";
import { followBatch } from "./batch.js";

/** The service looks at the first MiB of a file that it only checks, so no more than this is sent of one. */
const CHECKED_BYTES = 4 * 1024 * 1024;
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar" };

let model;
let fields = new Map();
let sending = new AbortController();

/** Make the form ready; call it once. */
export function startFile() {
  find("file").addEventListener("submit", (event) => {
    event.preventDefault();
    run(scoreFile);
  });
  find("file-check").addEventListener("click", () => run(checkFile));
  find("file-stop").addEventListener("click", () => sending.abort());
  find("file-chosen").addEventListener("change", clearNotes);
}

/** Take files for this model. */
export function showFileOf(chosen) {
  sending.abort();
  model = chosen;
  fields = new Map(model.features.map((feature) => [feature.name, makeColumnField(feature)]));
  find("file-columns").replaceChildren(...[...fields.values()].map((field) => field.element));
  offerTemplate();
  clearNotes();
}

function offerTemplate() {
  const lines = [model.features.map(({ name }) => name), model.features.map(({ example }) => example)];
  const text = lines.map((cells) => cells.map(quote).join(",")).join("\r\n") + "\r\n";
  const link = find("file-template");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `${model.name}.csv`;
}

function quote(cell) {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : String(cell);
}

function clearNotes() {
  say(find("file-trouble"), "");
  find("preview").replaceChildren();
  refuseFile("");
  for (const field of fields.values()) {
    field.refuse();
  }
}

function refuseFile(text) {
  find("file-error").textContent = text;
  find("file-chosen").setAttribute("aria-invalid", String(text !== ""));
}

/** Do this with the chosen file, and show what is wrong with it. */
async function run(work) {
  clearNotes();
  const file = find("file-chosen").files[0];
  if (!file) {
    refuseFile("Choose a file first.");
    find("file-chosen").focus();
    return;
  }
  sending.abort();
  sending = new AbortController();
  const { signal } = sending;
  showSending(true);
  try {
    await work(file, signal);
  } catch (error) {
    if (!signal.aborted) showProblem(error);
  } finally {
    if (sending.signal === signal) showSending(false);
  }
}

async function scoreFile(file, signal) {
  const batch = await sendFile(makePath({}), file, { signal, onSent: (share) => showSent(share, file.size) });
  followBatch(batch, file.name);
}

async function checkFile(file, signal) {
  const head = file.slice(0, CHECKED_BYTES);
  const preview = await sendFile(makePath({ dry_run: "true" }), head, { signal });
  showPreview(preview, file.size / head.size);
}

function makePath(more) {
  const query = new URLSearchParams({ model: model.name, version: model.version, ...more });
  if (find("file-encoding").value) query.set("encoding", find("file-encoding").value);
  if (find("file-strict").checked) query.set("on_error", "abort");
  if (find("file-safe").checked) query.set("formulas", "escape");
  for (const [name, { input }] of fields) {
    if (input.value.trim()) query.append("column", `${name}:${input.value.trim()}`);
  }
  return `/v1/batches?${query}`;
}

function showSending(isSending) {
  showSent(0, 0);
  find("file-sending").hidden = find("file-stop").hidden = !isSending;
  find("file-check").disabled = isSending;
}

function showSent(share, bytes) {
  const megabytes = (part) => showNumber((part * bytes) / 1e6);
  find("file-sent").value = share;
  find("file-sent-text").textContent = bytes ? `${megabytes(share)} of ${megabytes(1)} MB sent` : "";
}

function showPreview(preview, times) {
  const terms = makeTerms([
    ["Rows", describeRows(preview, times)],
    ["Looked at", `the first ${showNumber(preview.sampled_rows)}`],
    ["Separated by", DELIMITERS[preview.delimiter] ?? preview.delimiter],
    ["Encoding", preview.encoding],
    ["Passed through", preview.unused_columns.join(", ") || "no other column"],
    ...(preview.formula_cells ? [["Formulas", `${showNumber(preview.formula_cells)} cells that a spreadsheet would run`]] : []),
  ]);
  const figures = Object.assign(make("dl", ...terms), { className: "figures" });
  const columns = makeTable("Which column is which feature", ["Column", "Feature"], Object.entries(preview.columns));
  find("preview").replaceChildren(make("h3", "Nothing is scored yet"), figures, columns, makeErrors(preview.sample_errors));
}

/** times: how many times as long as what the service was sent the whole file is. */
function describeRows({ estimated_rows: rows, sampled_rows: sampled }, times) {
  if (rows === null) return "not known before it is unpacked";
  return rows > sampled ? `about ${showNumber(Math.round(rows * times))}` : showNumber(rows);
}

function makeErrors(errors) {
  if (!errors.length) return make("p", "No error among these rows.");
  const rows = errors.map((row) => [String(row.row_number), row.error_column ?? "", row.error_message]);
  return makeTable("Rows that would get no prediction", ["Row", "Column", "Why"], rows);
}

function showProblem(error) {
  const notes = error.notes ?? [];
  const elsewhere = notes.filter((note) => !refuseColumn(note));
  if (elsewhere.length < notes.length) {
    find("file-options").open = true;
    document.querySelector("#file-columns [aria-invalid=true]").focus();
  }
  if (elsewhere.length) refuseFile(elsewhere.map((note) => note.detail).join(" "));
  else if (!notes.length) say(find("file-trouble"), error.text ?? String(error));
}

/** Say beside its field what is wrong with the column of a feature; returns false if it is about none. */
function refuseColumn({ pointer, detail }) {
  const field = pointer.startsWith("/columns/") && fields.get(pointer.slice("/columns/".length));
  // The service says how a query names a column; here the header is written into the field.
  if (field) field.refuse(detail.replace(/ with column=.*/s, " here."));
  return Boolean(field);
}
