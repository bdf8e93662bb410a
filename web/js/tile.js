// A moment as a picture with its time, which plays in place.

import { byId, icon, make } from "./element.js";
import { play } from "./player.js";

const PLAY = "M9 6.5v11l8.5-5.5z";
const LOOK_AGAIN_MS = [1_500, 4_000];
const LIVE_MS = 30_000;

/**
 * @typedef {object} TileText
 * @property {string} name
 * @property {string} time
 * @property {number} [liveUntilMs] when the tile is no longer what happens now
 * @property {string} [noClip] why there is nothing to play: the picture alone is shown
 */

/** Until when a moment of the wall clock is called live. @param {number} ms */
export const liveUntil = (ms) => ms + LIVE_MS;

/**
 * @param {import("./types.js").Moment} moment
 * @param {TileText} text
 * @param {...HTMLElement} facts what stands under the picture, beside the name
 * @returns {HTMLLIElement}
 */
export function tile(moment, text, ...facts) {
  const { name, time, noClip } = text;
  const words = time ? `${name}, ${time}` : name;
  const frame = make("div", { class: "frame" });
  const shown = noClip ? still(words, noClip) : player(moment, frame, words);
  shown.prepend(picture(moment.thumbnail_url));
  if (time) shown.append(make("span", { class: "tile-time" }, time));
  frame.append(shown);
  addBadge(shown, text.liveUntilMs ?? 0);
  const [first, ...others] = facts;
  const under = make("div", { class: "tile-words" }, make("span", { class: "tile-name", title: name }, name), ...(first ? [first] : []));
  return make("li", { class: "tile" }, frame, make("div", { class: "tile-under" }, under, ...others));
}

/** @param {import("./types.js").Moment} moment @param {HTMLElement} frame @param {string} words */
function player(moment, frame, words) {
  const start = make("button", { class: "tile-shown tile-play", type: "button", "aria-label": `Play ${words}` }, make("span", { class: "tile-icon" }, icon(PLAY)));
  start.onclick = () => play(moment, frame, words);
  return start;
}

/** @param {string} words @param {string} why */
function still(words, why) {
  return make("div", { class: "tile-shown", tabindex: "0", role: "img", "aria-label": `${words}. ${why}` }, make("span", { class: "tile-why" }, why));
}

/** A picture that may not be there yet: it is asked for again, twice. @param {string} address */
function picture(address) {
  const image = make("img", { src: address, alt: "", loading: "lazy", decoding: "async" });
  const waits = [...LOOK_AGAIN_MS];
  image.onload = () => {
    image.classList.remove("absent");
    image.parentElement?.querySelector(".tile-none")?.remove();
  };
  image.onerror = () => {
    image.classList.add("absent");
    const wait = waits.shift();
    if (wait) setTimeout(() => (image.src = address), wait);
    else if (!image.parentElement?.querySelector(".tile-none")) image.after(make("span", { class: "tile-none" }, "No picture is kept"));
  };
  return image;
}

/** Says that this happens now, for as long as that is true. @param {HTMLElement} place @param {number} untilMs */
function addBadge(place, untilMs) {
  if (untilMs <= Date.now()) return;
  const badge = make("span", { class: "live-badge" }, "Live");
  place.append(badge);
  if (untilMs !== Infinity) setTimeout(() => badge.remove(), untilMs - Date.now());
}

/** Lets arrow keys walk over the tiles of a list as they lie; above the first row is the search box. @param {HTMLElement} list */
export function walkByArrows(list) {
  list.addEventListener("keydown", (event) => {
    if (!(event.target instanceof HTMLElement) || !event.target.classList.contains("tile-shown")) return;
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const tiles = [...list.querySelectorAll(".tile-shown")];
    const at = tiles.indexOf(event.target) + step;
    const next = at < 0 ? byId("text", HTMLInputElement) : tiles[at];
    if (next instanceof HTMLElement) next.focus();
  });
}
