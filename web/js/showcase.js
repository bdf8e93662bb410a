// What is in the index, before anybody has asked for anything: a picture from the middle of some sources.

import { thumbnailAddress } from "./api.js";
import { byId, make } from "./element.js";
import { tile, walkByArrows } from "./tile.js";
import { clock } from "./time.js";

const SHOWN = 8;

export class Showcase {
  constructor() {
    this.section = byId("showcase", HTMLElement);
    this.list = byId("showcase-tiles", HTMLUListElement);
    this.drawn = "";
    walkByArrows(this.list);
  }

  /** @param {import("./types.js").Source[]} sources @param {boolean} wanted whether there is room for it now */
  show(sources, wanted) {
    const shown = sources.filter((source) => source.kind === "file" && source.duration_ms && source.rows).slice(0, SHOWN);
    this.section.hidden = !wanted || shown.length === 0;
    const drawn = JSON.stringify(shown.map((source) => [source.source_id, source.name, source.life]));
    if (this.section.hidden || drawn === this.drawn) return;
    this.drawn = drawn;
    this.list.replaceChildren(...shown.map(tileOf));
  }
}

/** @param {import("./types.js").Source} source */
function tileOf(source) {
  const duration = source.duration_ms ?? 0;
  const middle = Math.floor(duration / 2);
  const moment = { source_id: source.source_id, start_ms: 0, end_ms: duration, peak_ms: 0, thumbnail_url: thumbnailAddress(source.source_id, middle) };
  return tile(moment, source.name || source.source_id, clock(duration), make("span", { class: "tile-facts" }, source.category));
}
