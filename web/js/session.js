// Signing in and out. The key is exchanged for a cookie that scripts cannot read, and is kept nowhere.

import * as api from "./api.js";
import { byId, showError } from "./element.js";

/** Takes a key from the address (`#key=fb_…`), once: it leaves the address bar before anything else happens. */
function keyInAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key !== null) history.replaceState(history.state, "", location.pathname + location.search);
  return key;
}

// A key typed or clicked into the address of an open page does not load it anew by itself.
window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#key=")) location.reload();
});

/**
 * Makes sure that there is a session, asking for a key where there is none.
 * @returns {Promise<{roles: string[]}>} what the session may do
 */
export async function begin() {
  const key = keyInAddress();
  try {
    if (key) await api.signIn(key);
    const session = await api.session();
    return session.roles.length ? session : await askForKey();
  } catch (error) {
    return askForKey(error);
  }
}

/**
 * @param {unknown} [error] why the page asks
 * @returns {Promise<{roles: string[]}>}
 */
function askForKey(error) {
  const section = byId("sign-in", HTMLElement);
  const field = byId("key", HTMLInputElement);
  const place = byId("sign-in-error", HTMLElement);
  section.hidden = false;
  showError(place, error);
  field.focus();
  return new Promise((resolve) => {
    byId("sign-in-form", HTMLFormElement).onsubmit = async (event) => {
      event.preventDefault();
      try {
        await api.signIn(field.value.trim());
        const session = await api.session();
        field.value = "";
        section.hidden = true;
        resolve(session);
      } catch (refusal) {
        showError(place, refusal);
        field.select();
      }
    };
  });
}

/** Ends the session and begins anew. */
export async function end() {
  await api.signOut().catch(() => undefined);
  location.assign(location.pathname);
}
