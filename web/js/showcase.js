// What is in the index, before anybody has asked for anything: what cameras show now, and a picture from the middle of files.

import { thumbnailAddress } from "./api.js";
import { byId, make } from "./element.js";
import { tile, walkByArrows } from "./tile.js";
import { clock } from "./time.js";

const SHOWN = 8;
const LIVE_SHOWN = 4;
const LOOK_EVERY_MS = 10_000;
const BACK_MS = 6_000;
const LIVE_MS = 60_000;

export class Showcase {
  constructor() {
    this.section = byId("showcase", HTMLElement);
    this.list = byId("showcase-tiles", HTMLUListElement);
    this.drawn = "";
    /** @type {Map<string, {moment: import("./types.js").Moment, item: HTMLLIElement}>} */
    this.live = new Map();
    walkByArrows(this.list);
  }

  /** @param {import("./types.js").Source[]} sources @param {boolean} wanted whether there is room for it now */
  show(sources, wanted) {
    const live = sources.filter(isLive).slice(0, LIVE_SHOWN);
    const files = sources.filter((source) => source.kind === "file" && source.duration_ms && source.rows);
    const shown = [...live, ...files].slice(0, SHOWN);
    this.section.hidden = !wanted || shown.length === 0;
    const drawn = JSON.stringify(shown.map((source) => [source.source_id, source.name, source.life]));
    if (this.section.hidden) return;
    if (drawn === this.drawn) return live.forEach((source) => this.look(source));
    this.drawn = drawn;
    this.live.clear();
    this.list.replaceChildren(...shown.map((source) => (source.kind === "file" ? tileOf(source) : this.liveTile(source))));
  }

  /** @param {import("./types.js").Source} source */
  liveTile(source) {
    const moment = latest(source);
    const item = tile(moment, { name: source.name || source.source_id, time: "", liveUntilMs: Infinity }, make("span", { class: "tile-facts" }, source.category));
    this.live.set(source.source_id, { moment, item });
    return item;
  }

  /** Turns the tile of a camera to what it shows now: every ten seconds the picture, at once what plays. @param {import("./types.js").Source} source */
  look(source) {
    const shown = this.live.get(source.source_id);
    if (!shown) return;
    const { thumbnail_url: pictured, ...now } = latest(source);
    const age = now.peak_ms - Number(new URL(shown.moment.thumbnail_url, location.href).searchParams.get("t_ms"));
    Object.assign(shown.moment, now, age >= LOOK_EVERY_MS && { thumbnail_url: pictured });
    const image = shown.item.querySelector("img");
    if (image && age >= LOOK_EVERY_MS) image.src = pictured;
  }
}

/** Whether there is a picture of now. @param {import("./types.js").Source} source */
const isLive = (source) => source.kind === "camera" && source.state === "running" && source.record && Date.now() - (source.last_t_ms ?? 0) < LIVE_MS;

/** The last seconds of a camera, as a moment. @param {import("./types.js").Source} source @returns {import("./types.js").Moment} */
function latest(source) {
  const t_ms = source.last_t_ms ?? 0;
  return { source_id: source.source_id, start_ms: t_ms - BACK_MS, end_ms: t_ms, peak_ms: t_ms - BACK_MS, thumbnail_url: thumbnailAddress(source.source_id, t_ms) };
}

/** @param {import("./types.js").Source} source */
function tileOf(source) {
  const duration = source.duration_ms ?? 0;
  const middle = Math.floor(duration / 2);
  const moment = { source_id: source.source_id, start_ms: 0, end_ms: duration, peak_ms: 0, thumbnail_url: thumbnailAddress(source.source_id, middle) };
  return tile(moment, { name: source.name || source.source_id, time: clock(duration) }, make("span", { class: "tile-facts" }, source.category));
}
