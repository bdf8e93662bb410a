// The moments found.

import { byId, icon, make } from "./element.js";
import { tile, walkByArrows } from "./tile.js";
import { clock, when } from "./time.js";

const LIKE = "M4 8V6.5A2.5 2.5 0 0 1 6.5 4H8m8 0h1.5A2.5 2.5 0 0 1 20 6.5V8m0 8v1.5a2.5 2.5 0 0 1-2.5 2.5H16m-8 0H6.5A2.5 2.5 0 0 1 4 17.5V16m8-1a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";

export class Hits {
  /**
   * @param {(id: string) => string} nameOf
   * @param {(hit: import("./types.js").Hit) => void} onLike
   */
  constructor(nameOf, onLike) {
    this.list = byId("hits", HTMLUListElement);
    this.nameOf = nameOf;
    this.onLike = onLike;
    this.best = 0;
    walkByArrows(this.list);
  }

  /** @param {import("./types.js").Answer} answer */
  show(answer) {
    this.best = Math.max(0, ...answer.hits.map((hit) => hit.score));
    this.list.replaceChildren();
    this.list.classList.toggle("weak", !answer.found);
    this.list.hidden = answer.hits.length === 0;
    this.add(answer);
  }

  /** @param {import("./types.js").Answer} answer */
  add(answer) {
    this.list.append(...answer.hits.map((hit) => this.tile(hit)));
  }

  clear() {
    this.list.replaceChildren();
    this.list.hidden = true;
  }

  /** @param {import("./types.js").Hit} hit */
  tile(hit) {
    const name = this.nameOf(hit.source_id);
    const words = `${name}, ${when(hit)}`;
    const like = make("button", { class: "icon-button tile-like", type: "button", title: "Find moments like this", "aria-label": `Find moments like ${words}` }, icon(LIKE));
    like.onclick = () => this.onLike(hit);
    return tile(hit, name, when(hit), this.facts(hit), like);
  }

  /** @param {import("./types.js").Hit} hit */
  facts(hit) {
    const span = hit.end_ms - hit.start_ms >= 1000 ? `${clock(hit.start_ms)}–${clock(hit.end_ms)}` : clock(hit.start_ms);
    const score = hit.confidence === null ? hit.score.toFixed(3) : `${Math.round(100 * hit.confidence)} %`;
    const meter = make("meter", { min: "0", max: "1", value: String(this.best > 0 ? Math.max(0, hit.score / this.best) : 0), "aria-label": "Score beside the best" });
    return make("span", { class: "tile-facts" }, hit.captured_at ? "" : make("span", {}, span),
      make("span", { class: "tile-score", title: hit.confidence === null ? "Score of the best second" : "Confidence" }, meter, score));
  }

  focusFirst() {
    const first = this.list.querySelector("button.tile-play");
    if (first instanceof HTMLButtonElement) first.focus();
  }
}
