// Starts the page: asks for a key where one is needed, then for the models, and shows what the chosen one takes.

import { followAddress, startBatch } from "./batch.js";
import { find, make, say, sleep } from "./elements.js";
import { showFileOf, startFile } from "./file.js";
import { showRowOf, startOneRow } from "./one_row.js";
import { askDocument, useKey } from "./service.js";

const AGAIN_SECONDS = 2;
/** What a header can carry; anything else is no key. */
const KEY = /^[\x21-\x7e]+$/;

let models = [];

function start() {
  startOneRow();
  startFile();
  startBatch();
  find("key").addEventListener("submit", (event) => {
    event.preventDefault();
    enterKey(find("key-text").value.trim());
  });
  find("model-name").addEventListener("change", showModel);
  open();
}

async function enterKey(text) {
  find("key-error").textContent = "";
  if (!KEY.test(text)) {
    refuseKey(text ? "A key has letters, digits and underscores only." : "Enter the key first.");
    return;
  }
  useKey(text);
  await open();
}

function refuseKey(text) {
  find("key-error").textContent = text;
  find("key-text").setAttribute("aria-invalid", "true");
  find("key-text").focus();
}

/** Ask for the models until there is one, or a key is needed. */
async function open() {
  for (;;) {
    try {
      models = (await askDocument("/v1/models")).data;
      say(find("trouble"), models.length ? "" : "No model is served yet: a worker has to come up. Looking again …");
      if (models.length) return showPage();
    } catch (error) {
      if (error.code === "key_required") return askForKey();
      say(find("trouble"), error.retryable ? `${error.message} Looking again …` : error.message);
      if (!error.retryable) return;
    }
    await sleep(AGAIN_SECONDS);
  }
}

function askForKey() {
  const isFirst = find("key").hidden;
  find("key").hidden = false;
  if (isFirst) find("key-text").focus();
  else refuseKey("This key is unknown, revoked or expired. Ask who runs the service for another one.");
}

function showPage() {
  find("key").hidden = true;
  find("key").reset();
  const options = models.map(({ name }) => make("option", name));
  find("model-name").replaceChildren(...options);
  find("model-choice").hidden = models.length === 1;
  find("model").hidden = find("work").hidden = false;
  showModel();
  followAddress();
}

function showModel() {
  const model = models[find("model-name").selectedIndex];
  const readiness = model.ready ? "" : " No worker holds it at the moment; what you send waits.";
  find("model-description").replaceChildren(make("strong", `${model.name}, version ${model.version}. `), model.description, readiness);
  showRowOf(model);
  showFileOf(model);
}

start();
