// The list of sources: how far each is, and what can be done with it.

import * as api from "./api.js";
import { byId, icon, make, showError } from "./element.js";
import { clock, length, moment } from "./time.js";

const BUSY_MS = 1_000;
const IDLE_MS = 8_000;
const PAUSE = "M9 6.5v11M15 6.5v11";
const RESUME = "M9 6.5v11l8.5-5.5z";
const REMOVE = "M5 7.5h14M9.5 7.5v-2h5v2M7 7.5l.8 11h8.4l.8-11M10.5 11v4.5M13.5 11v4.5";
const MOVING = new Set(["waiting", "running", "catching-up"]);
const CLOCK_OFF_MS = 2_000;
const QUIET_MS = 60_000;

/** @param {import("./types.js").Source} source */
const isBusy = (source) => source.kind === "file" && MOVING.has(source.state);

/** A camera that does not come, or a file that cannot be read. @param {import("./types.js").Source} source */
const isTroubled = (source) => source.state === "failed" || (source.kind !== "file" && source.state === "waiting" && source.error !== null);

/** A camera that runs, or a program that has sent a picture within the last minute. @param {import("./types.js").Source} source */
const isLive = (source) => source.state === "running" && (source.kind === "camera" || (source.kind === "push" && ageOf(source) < QUIET_MS));

/** How old the newest picture is. @param {import("./types.js").Source} source */
const ageOf = (source) => (source.last_sample_at === null ? Infinity : Date.now() - Date.parse(source.last_sample_at));

/** What moves comes first, then what is in trouble, then what is live, then the rest by name. @param {import("./types.js").Source} source */
const place = (source) => (isBusy(source) ? "0" : isTroubled(source) ? "1" : source.kind !== "file" ? "2" : "3") + (source.name || source.source_id);

export class Sources {
  /**
   * @param {boolean} manages whether this session may change sources
   * @param {() => void} onChange called when the list has changed
   */
  constructor(manages, onChange) {
    this.manages = manages;
    this.onChange = onChange;
    /** @type {import("./types.js").Source[]} */
    this.all = [];
    this.dialog = byId("sources", HTMLDialogElement);
    this.list = byId("source-list", HTMLUListElement);
    this.error = byId("sources-error", HTMLElement);
    /** @type {Map<string, {facts: string, item: HTMLLIElement}>} */
    this.items = new Map();
    this.timer = 0;
    byId("open-sources", HTMLButtonElement).onclick = () => this.open();
    byId("close-sources", HTMLButtonElement).onclick = () => this.dialog.close();
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // its backdrop
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.refresh();
    });
  }

  open() {
    this.dialog.showModal();
    this.refresh();
  }

  /** @param {string} id */
  find(id) {
    return this.all.find((source) => source.source_id === id);
  }

  /** Reads the list now, and again soon while something moves. */
  async refresh() {
    clearTimeout(this.timer);
    try {
      this.all = await api.sources();
      showError(this.error);
      this.draw();
      this.onChange();
    } catch (error) {
      showError(this.error, error);
    }
    clearTimeout(this.timer); // another call may have finished meanwhile
    const soon = this.all.some(isBusy) || this.dialog.open;
    if (!document.hidden) this.timer = window.setTimeout(() => this.refresh(), soon ? BUSY_MS : IDLE_MS);
  }

  /** Draws only what has changed, so that focus and hover stay where they are. */
  draw() {
    const seen = new Set(this.all.map((source) => source.source_id));
    for (const [id, { item }] of this.items) {
      if (!seen.has(id)) {
        item.remove();
        this.items.delete(id);
      }
    }
    const sorted = [...this.all].sort((one, other) => place(one).localeCompare(place(other)));
    for (const [index, source] of sorted.entries()) {
      const facts = JSON.stringify({ ...source, ...(source.kind === "file" ? {} : { last_t_ms: 0, last_sample_at: "", searchable_seconds: 0, samples_per_second: 0, live: isLive(source) }) });
      const drawn = this.items.get(source.source_id);
      const item = drawn?.facts === facts ? drawn.item : this.item(source);
      if (source.kind !== "file") tell(item, source); // every second, beside buttons that keep their focus
      if (drawn && drawn.item !== item) drawn.item.replaceWith(item);
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
      this.items.set(source.source_id, { facts, item });
    }
    this.summarise();
  }

  summarise() {
    const busy = this.all.filter(isBusy);
    const troubled = this.all.filter(isTroubled).length;
    const live = this.all.filter(isLive).length;
    byId("sources-count", HTMLElement).textContent = `${this.all.length} ${this.all.length === 1 ? "source" : "sources"}`;
    byId("sources-busy", HTMLElement).textContent = [live ? `${live} live` : "", busy.length ? `${busy.length} being read` : ""].filter(Boolean).join(" · ");
    byId("sources-dot", HTMLElement).dataset.state = troubled ? "failed" : busy.length ? "running" : "indexed";
  }

  /** @param {import("./types.js").Source} source */
  item(source) {
    const item = make("li", { class: "source", "data-id": source.source_id });
    item.append(
      make("div", { class: "source-head" }, make("strong", { title: source.source_id }, source.name || source.source_id), state(source)),
      make("div", { class: "source-facts" }, source.kind === "file" ? fileFacts(source) : liveKind(source)),
    );
    if (source.kind !== "file") item.append(make("div", { class: "source-live" }));
    if (isBusy(source)) item.append(progress(source));
    if (source.error) item.append(make("p", { class: "error" }, source.error));
    if (this.manages) item.append(this.actions(source));
    return item;
  }

  /** @param {import("./types.js").Source} source */
  actions(source) {
    const name = source.name || source.source_id;
    const paused = source.wanted === "paused";
    const pause = button(paused ? `Resume ${name}` : `Pause ${name}`, paused ? RESUME : PAUSE);
    pause.onclick = () => this.change(() => api.patchSource(source.source_id, { wanted: paused ? "running" : "paused" }));
    pause.hidden = !paused && !isBusy(source) && source.kind !== "camera";
    const remove = button(`Remove ${name}`, REMOVE);
    remove.onclick = () => {
      const kept = source.kind === "file" ? "what is stored of it are deleted; a file that lies elsewhere stays" : "all that is recorded of it are deleted";
      if (confirm(`Remove ${name}? Its moments and ${kept}.`)) {
        this.change(() => api.removeSource(source.source_id));
      }
    };
    return make("div", { class: "source-actions" }, pause, remove);
  }

  /** @param {() => Promise<unknown>} act */
  async change(act) {
    try {
      await act();
      await this.refresh();
    } catch (error) {
      showError(this.error, error);
    }
  }
}

/** The state of a source in a word. @param {import("./types.js").Source} source */
function state(source) {
  const isQuiet = source.kind === "push" && !isLive(source) && source.state === "running";
  const shown = isLive(source) ? "live" : isQuiet ? "quiet" : source.state;
  return make("span", { class: "state" }, make("span", { class: "dot", "data-state": isTroubled(source) ? "failed" : shown }), shown);
}

/** Says how a live source is doing now. @param {HTMLLIElement} item @param {import("./types.js").Source} source */
function tell(item, source) {
  item.querySelector(".source-live")?.replaceChildren(...liveFacts(source).map((fact) => make("span", {}, fact)));
}

/** @param {(string | false | null)[]} facts */
const joined = (facts) => facts.filter(Boolean).join(" · ");

/** @param {import("./types.js").Source} source */
function fileFacts(source) {
  return joined([source.category, source.duration_ms !== null && clock(source.duration_ms), source.rows ? `${source.rows} samples` : ""]);
}

/** What a live source is: what does not change while it runs. @param {import("./types.js").Source} source */
function liveKind(source) {
  const { camera } = source;
  const off = camera?.clock_off_ms ?? 0;
  return joined([
    source.category,
    source.kind === "push" ? "pictures sent by a program" : "camera",
    camera?.width ? `${camera.width} × ${camera.height}` : "",
    source.kind === "camera" && !source.record && "not recorded",
    Math.abs(off) > CLOCK_OFF_MS && `its clock is ${length(Math.abs(off))} ${off > 0 ? "ahead" : "behind"}`,
  ]);
}

/** @param {import("./types.js").Source} source @returns {string[]} */
function liveFacts(source) {
  const facts = [
    source.kind === "camera" && source.since_ms !== null && `since ${moment(source.since_ms)}`,
    source.last_sample_at !== null && `last picture ${length(ageOf(source))} ago`,
    isLive(source) && source.samples_per_second !== null && `${source.samples_per_second.toFixed(1)} a second`,
    isLive(source) && source.searchable_seconds !== null && `found after ${source.searchable_seconds.toFixed(1)} s`,
  ];
  return facts.filter((fact) => fact !== false);
}

/** @param {string} words @param {string} path */
function button(words, path) {
  return make("button", { class: "icon-button", type: "button", title: words, "aria-label": words }, icon(path));
}

/** @param {import("./types.js").Source} source */
function progress(source) {
  const bar = make("progress", { max: "1", "aria-label": `Read of ${source.name || source.source_id}` });
  if (source.progress !== null) bar.value = source.progress;
  return bar;
}
