// Follow a file that is being scored: how far it is, its results and errors, cancel it, mend it.

import { find, make, makeTable, makeTerms, say, showNumber, showSeconds, sleep } from "./elements.js";
import { ask, askDocument, hasKey, sendFile } from "./service.js";

const FINAL = ["completed", "failed", "canceled", "expired"];
const WAITING = { validating: "Looking through the file", queued: "In line", running: "Scoring", finalizing: "Nearly done" };
const OUTCOMES = {
  all_succeeded: "Done: every row has a prediction",
  partial: "Done: some rows have no prediction",
  all_failed: "Done: no row has a prediction",
};
const ENDS = { failed: "Stopped", canceled: "Canceled", expired: "Out of time" };
const LOOK_SECONDS = 1;
const AGAIN_SECONDS = 3;

/** How the batch stood when it was last read. */
let batch = null;
/** Which batch is followed; another one ends it. */
let following = null;
const fileNames = new Map();

/** Make the buttons ready; call it once. */
export function startBatch() {
  find("batch-cancel").addEventListener("click", () => act(() => askDocument(batch.urls.cancel, { method: "POST" })));
  find("mend").addEventListener("submit", (event) => {
    event.preventDefault();
    mend();
  });
  for (const id of ["batch-results", "batch-errors"]) {
    find(id).addEventListener("click", (event) => hasKey() && downloadWithKey(event));
  }
  window.addEventListener("hashchange", followAddress);
}

/** Show a batch until it is final. Its id goes behind the address, so that it is found again after a reload. */
export function followBatch(accepted, fileName) {
  fileNames.set(accepted.id, fileName);
  history.pushState(null, "", `#${accepted.id}`);
  follow(accepted.id, accepted);
  find("batch-title").focus();
}

/** Follow the batch that the address names, if it does. */
export function followAddress() {
  const id = location.hash.slice(1);
  if (/^bat_[0-9a-f]+$/.test(id)) follow(id);
}

/** Look at a batch until it is final, or another one is followed. */
async function follow(id, known = null) {
  const own = (following = Symbol(id));
  if (known) show(known);
  else if (batch?.id !== id) showUnknown();
  while (following === own && !(batch?.id === id && FINAL.includes(batch.status))) {
    const seconds = await look(id, own);
    await sleep(seconds);
  }
}

/** Read and show the batch; returns in how many seconds to look again. */
async function look(id, own) {
  try {
    const read = await askDocument(`/v1/batches/${id}`);
    if (following === own) show(read);
    return LOOK_SECONDS;
  } catch (error) {
    if (following !== own) return 0;
    say(find("batch-trouble"), error.retryable ? `${error.message} Looking again …` : error.message);
    if (!error.retryable) following = null;
    return error.retryAfterSeconds ?? AGAIN_SECONDS;
  }
}

function showUnknown() {
  batch = null;
  find("batch").hidden = false;
  find("batch-title").textContent = "Your file";
  find("batch-status").textContent = "";
  find("batch-progress").value = 0;
  for (const id of ["batch-figures", "batch-codes"]) find(id).replaceChildren();
  for (const id of ["batch-results", "batch-errors", "batch-cancel", "mend"]) find(id).hidden = true;
}

function show(read) {
  batch = read;
  const isFinal = FINAL.includes(batch.status);
  // Who canceled it need not be told.
  say(find("batch-trouble"), batch.status === "canceled" ? "" : batch.error?.detail ?? "");
  find("batch").hidden = false;
  find("batch-title").textContent = fileNames.get(batch.id) ?? "Your file";
  find("batch-status").textContent = describeStatus();
  find("batch-progress").value = batch.status === "completed" ? 100 : batch.percent;
  find("batch-figures").replaceChildren(...makeTerms(listFigures(isFinal)));
  showCodes();
  offer(find("batch-results"), isFinal && batch.counts.succeeded + batch.counts.failed > 0, batch.urls.results);
  offer(find("batch-errors"), isFinal && batch.counts.failed > 0, batch.urls.errors);
  find("batch-cancel").hidden = isFinal;
  find("mend").hidden = !(batch.status === "completed" && batch.counts.failed > 0);
  tell();
}

function describeStatus() {
  if (batch.status === "completed") return `${OUTCOMES[batch.outcome] ?? "Done"}.`;
  const kept = batch.outcome === "none" ? "no row was scored" : "what is done can be downloaded";
  const what = WAITING[batch.status] ?? `${ENDS[batch.status]}: ${kept}`;
  return batch.status === "running" ? `${what}: ${batch.percent} %` : `${what}.`;
}

/** Tell those who hear the page, at every quarter and every change. */
function tell() {
  const quarter = 25 * Math.floor(batch.percent / 25);
  const text = batch.status === "running" ? `Scoring: ${quarter} %` : describeStatus();
  if (find("batch-said").textContent !== text) find("batch-said").textContent = text;
}

function listFigures(isFinal) {
  const { total, succeeded, failed } = batch.counts;
  const done = showNumber(succeeded + failed);
  const figures = [
    ["Rows done", total === null ? done : `${done} of ${showNumber(total)}`],
    ["With errors", showNumber(failed)],
  ];
  if (batch.rows_per_second) figures.push(["Speed", `${showSpeed(batch.rows_per_second)} rows/s`]);
  if (batch.eta_seconds) figures.push(["Time left", `about ${showSeconds(batch.eta_seconds)}`]);
  if (isFinal && batch.expires_at) figures.push(["Kept until", new Date(batch.expires_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })]);
  return figures;
}

function showSpeed(speed) {
  return showNumber(speed < 10 ? speed : Math.round(speed));
}

function showCodes() {
  const counts = Object.entries(batch.errors_by_code).sort(([, one], [, other]) => other - one);
  const rows = counts.map(([code, count]) => [code, showNumber(count)]);
  find("batch-codes").replaceChildren(...(rows.length ? [makeTable("Errors by code", ["Code", "Rows"], rows)] : []));
}

function offer(link, isOffered, url) {
  link.hidden = !isOffered;
  link.href = url;
}

/** Do what changes the batch, and follow it again. */
async function act(change) {
  try {
    await follow(batch.id, await change());
  } catch (error) {
    say(find("batch-trouble"), error.text ?? String(error));
  }
}

async function mend() {
  const file = find("mend-chosen").files[0];
  refuseMend(file ? "" : "Choose the mended file first.");
  if (!file) return;
  try {
    const changed = await sendFile(batch.urls.retry, file);
    find("mend").reset();
    follow(batch.id, changed);
    find("batch-title").focus();
  } catch (error) {
    refuseMend(error.notes?.map((note) => note.detail).join(" ") || error.text || String(error));
  }
}

function refuseMend(text) {
  find("mend-error").textContent = text;
  find("mend-chosen").setAttribute("aria-invalid", String(text !== ""));
  if (text) find("mend-chosen").focus();
}

/** A link cannot carry a key, so the file is fetched with it and then handed over. */
async function downloadWithKey(event) {
  event.preventDefault();
  const link = event.currentTarget;
  try {
    const file = await (await ask(link.getAttribute("href"))).blob();
    const url = URL.createObjectURL(file);
    const name = link.id.replace("batch-", `${batch.id}-`);
    Object.assign(make("a"), { href: url, download: `${name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    say(find("batch-trouble"), error.text ?? String(error));
  }
}
