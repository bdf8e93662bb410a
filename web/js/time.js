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
export const when = (hit) => (hit.captured_at ? moment(Date.parse(hit.captured_at)) : clock(hit.peak_ms));

/**
 * A moment of the wall clock where the user is: the time of day, and the date unless it is today's.
 * @param {number} ms @param {number} [nowMs] @returns {string}
 */
export function moment(ms, nowMs = Date.now()) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date(nowMs).toDateString();
  return isToday ? date.toLocaleTimeString([], { timeStyle: "medium" }) : date.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/**
 * A length of time in the largest unit that it fills: 4 s, 12 min, 3 h, 2 d.
 * @param {number} ms @returns {string}
 */
export function length(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, size] of /** @type {[string, number][]} */ ([["d", 86_400], ["h", 3_600], ["min", 60]])) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

/** Whether a time of a timeline is of the wall clock, as those of cameras are. @param {number} tMs */
export const isWallClock = (tMs) => tMs >= 100_000_000_000;

/** @param {number} bytes @returns {string} */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** step;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/**
 * What to call what lies at an address: a file's name; a camera by its host alone, since what stands before that is secret.
 * @param {string} address @returns {string}
 */
export function nameAt(address) {
  const last = (/** @type {string} */ path) => path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  if (!/^[a-z][a-z0-9+.-]*:/i.test(address)) return last(address) || address;
  if (!URL.canParse(address)) return isCamera(address) ? "camera" : "video";
  const { hostname, pathname } = new URL(address);
  return (!isCamera(address) && decoded(last(pathname))) || hostname || "video";
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} address */
export const isCamera = (address) => /^rtsps?:/i.test(address.trim());

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
