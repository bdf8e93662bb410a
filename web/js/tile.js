// A moment as a picture with its time, which plays in place.

import { byId, icon, make } from "./element.js";
import { play } from "./player.js";

const PLAY = "M9 6.5v11l8.5-5.5z";

/**
 * @param {import("./types.js").Moment} moment
 * @param {string} name
 * @param {string} time
 * @param {...HTMLElement} facts what stands under the picture, beside the name
 * @returns {HTMLLIElement}
 */
export function tile(moment, name, time, ...facts) {
  const words = time ? `${name}, ${time}` : name;
  const picture = make("img", { src: moment.thumbnail_url, alt: "", loading: "lazy", decoding: "async" });
  picture.onerror = () => picture.classList.add("absent");
  const start = make("button", { class: "tile-play", type: "button", "aria-label": `Play ${words}` }, picture, make("span", { class: "tile-icon" }, icon(PLAY)));
  if (time) start.append(make("span", { class: "tile-time" }, time));
  const frame = make("div", { class: "frame" }, start);
  start.onclick = () => play(moment, frame, words);
  const [first, ...others] = facts;
  const under = make("div", { class: "tile-words" }, make("span", { class: "tile-name", title: name }, name), ...(first ? [first] : []));
  return make("li", { class: "tile" }, frame, make("div", { class: "tile-under" }, under, ...others));
}

/** Lets arrow keys walk over the tiles of a list as they lie; above the first row is the search box. @param {HTMLElement} list */
export function walkByArrows(list) {
  list.addEventListener("keydown", (event) => {
    if (!(event.target instanceof HTMLButtonElement) || !event.target.classList.contains("tile-play")) return;
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const tiles = [...list.querySelectorAll("button.tile-play")];
    const at = tiles.indexOf(event.target) + step;
    const next = at < 0 ? byId("text", HTMLInputElement) : tiles[at];
    if (next instanceof HTMLElement) next.focus();
  });
}
