// The moments found.

import { byId, icon, make } from "./element.js";
import { liveUntil, tile, walkByArrows } from "./tile.js";
import { clock, length, when } from "./time.js";

const LIKE = "M4 8V6.5A2.5 2.5 0 0 1 6.5 4H8m8 0h1.5A2.5 2.5 0 0 1 20 6.5V8m0 8v1.5a2.5 2.5 0 0 1-2.5 2.5H16m-8 0H6.5A2.5 2.5 0 0 1 4 17.5V16m8-1a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";

export class Hits {
  /**
   * @param {(id: string) => import("./types.js").Source | undefined} sourceOf
   * @param {(hit: import("./types.js").Hit) => void} onLike
   */
  constructor(sourceOf, onLike) {
    this.list = byId("hits", HTMLUListElement);
    this.sourceOf = sourceOf;
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
    const source = this.sourceOf(hit.source_id);
    const name = source?.name || hit.source_id;
    const text = { name, time: when(hit), liveUntilMs: source?.kind === "file" ? 0 : liveUntil(Date.parse(hit.captured_at ?? "")), noClip: noClip(hit, source) };
    const words = `${name}, ${text.time}`;
    const like = make("button", { class: "icon-button tile-like", type: "button", title: "Find moments like this", "aria-label": `Find moments like ${words}` }, icon(LIKE));
    like.onclick = () => this.onLike(hit);
    return tile(hit, text, this.facts(hit), like);
  }

  /** @param {import("./types.js").Hit} hit */
  facts(hit) {
    const lasts = hit.end_ms - hit.start_ms >= 1000;
    const inFile = lasts ? `${clock(hit.start_ms)}–${clock(hit.end_ms)}` : clock(hit.start_ms);
    const span = hit.captured_at ? (lasts ? length(hit.end_ms - hit.start_ms) : "") : inFile;
    const score = hit.confidence === null ? hit.score.toFixed(3) : `${Math.round(100 * hit.confidence)} %`;
    const meter = make("meter", { min: "0", max: "1", value: String(this.best > 0 ? Math.max(0, hit.score / this.best) : 0), "aria-label": "Score beside the best" });
    return make("span", { class: "tile-facts" }, ...(span ? [make("span", {}, span)] : []),
      make("span", { class: "tile-score", title: hit.confidence === null ? "Score of the best second" : "Confidence" }, meter, score),
      ...(hit.provisional ? [make("span", { class: "tile-fresh", title: "Only just captured: its score settles within seconds" }, "just in")] : []));
  }

  focusFirst() {
    const first = this.list.querySelector(".tile-shown");
    if (first instanceof HTMLElement) first.focus();
  }
}

/** Why a hit has nothing to play, in a few words. @param {import("./types.js").Hit} hit @param {import("./types.js").Source | undefined} source */
function noClip(hit, source) {
  if (hit.clip_url !== null) return undefined;
  return source?.kind === "camera" ? "Not recorded" : "A picture only";
}
