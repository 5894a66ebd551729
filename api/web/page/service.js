// Asks the API of this service. The key is held here and nowhere else: in no URL, no cookie, no storage of the browser.

let key = "";

/** Why the service did not do what it was asked. */
export class Problem extends Error {
  /** document: of the service, as RFC 9457 says. */
  constructor(document, retryAfter = null) {
    super(document.detail);
    this.code = document.code;
    this.retryable = Boolean(document.retryable);
    /** What is wrong with single fields: `{pointer, code, detail}`. */
    this.notes = document.errors ?? [];
    this.retryAfterSeconds = Number(retryAfter) || null;
  }

  /** What to tell a person. */
  get text() {
    const again = this.retryAfterSeconds ? ` Try again in ${this.retryAfterSeconds} s.` : " Try again.";
    return this.retryable ? this.message + again : this.message;
  }
}

export function useKey(text) {
  key = text;
}

export function hasKey() {
  return key !== "";
}

function withKey(headers) {
  return hasKey() ? { ...headers, Authorization: `Bearer ${key}` } : headers;
}

/** Ask, and return the response; throws Problem. */
export async function ask(path, { method = "GET", headers = {}, body, signal } = {}) {
  let response;
  try {
    response = await fetch(path, { method, headers: withKey(headers), body, signal, cache: "no-store" });
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable("The service cannot be reached.");
  }
  if (!response.ok) {
    throw readProblem(await response.text(), response.status, response.headers.get("Retry-After"));
  }
  return response;
}

/** Ask, and return the document that is answered; throws Problem. */
export async function askDocument(path, options) {
  return (await ask(path, options)).json();
}

/**
 * Send a file, and return the document that is answered; throws Problem.
 *
 * XMLHttpRequest, because fetch does not tell how much has been sent. onSent: is told the share, 0 to 1.
 */
export function sendFile(path, file, { signal, onSent } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(withKey({ "Content-Type": "text/csv" }))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onSent?.(total ? loaded / total : 1);
    request.onload = () => {
      const { status, responseText } = request;
      if (status < 300) resolve(JSON.parse(responseText));
      else reject(readProblem(responseText, status, request.getResponseHeader("Retry-After")));
    };
    // A browser does not say which; a file that was saved again after it was chosen cannot be read.
    request.onerror = () => reject(unreachable("The connection broke, or the file was changed since you chose it: choose it again."));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function unreachable(detail) {
  return new Problem({ code: "unreachable", detail, retryable: true });
}

function readProblem(text, status, retryAfter) {
  try {
    return new Problem(JSON.parse(text), retryAfter);
  } catch {
    // Something between us and the service answered.
    return new Problem({ code: "unknown", detail: `The answer was ${status}.`, retryable: status >= 500 }, retryAfter);
  }
}
