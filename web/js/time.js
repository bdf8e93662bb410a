// Times and names as people read them. Pure.

/** @param {number} ms @returns {string} 0:04, 12:30, 1:02:03 */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * When a hit was: the wall clock where it is known, else its place in the file.
 * @param {import("./types.js").Hit} hit
 * @returns {string}
 */
export function when(hit) {
  if (!hit.captured_at) return clock(hit.peak_ms);
  return new Date(hit.captured_at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** @param {number} bytes @returns {string} */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** step;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/**
 * A source id made from a file's name or address. Letters and digits of other scripts are left out; a random end keeps two
 * files of one name apart.
 * @param {string} name
 * @returns {string}
 */
export function sourceIdFor(name) {
  const stem = name.replace(/[?#].*$/, "").replace(/[\\/]+$/, "").split(/[\\/]/).at(-1)?.replace(/\.[^.]*$/, "") ?? "";
  const plain = stem.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40) || "video";
  const random = Array.from(crypto.getRandomValues(new Uint8Array(3)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${plain}-${random}`;
}
