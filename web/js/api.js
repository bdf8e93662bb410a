// The API of the service that serves this page. The session cookie goes along by itself.

/** A refusal, with the words that the service has for people. */
export class Problem extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
async function problemOf(response) {
  const document = await response.json().catch(() => null);
  return new Problem(response.status, document?.detail ?? `The service answered ${response.status} ${response.statusText}.`);
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function send(path, init) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer. Is it running?");
  }
  if (response.status === 401 && path !== "/v1/session") location.reload(); // the session is over: the page asks for a key again
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** @param {string} method @param {unknown} body @returns {RequestInit} */
function json(method, body) {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

/** @param {string} id */
const sourcePath = (id) => `/v1/sources/${encodeURIComponent(id)}`;

/** @param {string} key */
export const signIn = (key) => send("/v1/session", json("POST", { key }));
export const signOut = () => send("/v1/session", { method: "DELETE" });

/** @returns {Promise<{roles: string[]}>} */
export const session = async () => (await send("/v1/session")).json();

/**
 * Searches with what a question holds; aborted by `signal` when a newer one begins.
 * @param {import("./types.js").Question} question
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Answer>}
 */
export async function search(question, signal) {
  const filters = {
    sources: question.source ? [question.source] : [],
    categories: question.category ? [question.category] : [],
  };
  const like = question.like && { source_id: question.like.source_id, t_ms: question.like.t_ms };
  const request = { ...(question.text && { text: question.text }), ...(like && { like }), filters, limit: 24 };
  if (!question.picture) return (await send("/v1/search", { ...json("POST", request), signal })).json();
  const form = new FormData();
  form.set("request", JSON.stringify(request));
  form.set("image", question.picture, "picture.jpg");
  return (await send("/v1/search", { method: "POST", body: form, signal })).json();
}

/** @param {string} cursor @returns {Promise<import("./types.js").Answer>} */
export const searchOn = async (cursor) => (await send("/v1/search", json("POST", { cursor, limit: 24 }))).json();

/**
 * The sources that this session sees, at most 2,000.
 * @returns {Promise<import("./types.js").Source[]>}
 */
export async function sources() {
  /** @type {import("./types.js").Source[]} */
  const all = [];
  let cursor = "";
  do {
    const page = await (await send(`/v1/sources?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json();
    all.push(...page.sources);
    cursor = page.next_cursor ?? "";
  } while (cursor && all.length < 2000);
  return all;
}

/** @param {string} id @param {object} wish */
export const putSource = (id, wish) => send(sourcePath(id), json("PUT", wish));
/** @param {string} id @param {object} changes */
export const patchSource = (id, changes) => send(sourcePath(id), json("PATCH", changes));
/** @param {string} id */
export const removeSource = (id) => send(sourcePath(id), { method: "DELETE" });

/**
 * The address of a clip of any span; the session cookie opens it.
 * @param {string} id @param {number} startMs @param {number} endMs
 */
export const clipAddress = (id, startMs, endMs) => `${sourcePath(id)}/clip?start_ms=${startMs}&end_ms=${endMs}`;

/** @param {string} id @param {number} tMs */
export const thumbnailAddress = (id, tMs) => `${sourcePath(id)}/thumbnail?t_ms=${tMs}`;

/**
 * Uploads a file as the media of a source. `fetch` does not tell how far an upload is, so this is an XMLHttpRequest.
 * @param {string} id @param {File} file @param {(part: number) => void} onProgress
 * @returns {Promise<void>}
 */
export function upload(id, file, onProgress) {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Problem(0, "The connection broke off before the file was there."));
    request.onload = async () => {
      const response = new Response(request.responseText, { status: request.status });
      if (response.ok) resolve();
      else reject(await problemOf(response));
    };
    request.open("PUT", `${sourcePath(id)}/media?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  });
}
