// The list of sources: how far each is, and what can be done with it.

import * as api from "./api.js";
import { byId, icon, make, showError } from "./element.js";
import { clock } from "./time.js";

const BUSY_MS = 1_000;
const IDLE_MS = 8_000;
const PAUSE = "M9 6.5v11M15 6.5v11";
const RESUME = "M9 6.5v11l8.5-5.5z";
const REMOVE = "M5 7.5h14M9.5 7.5v-2h5v2M7 7.5l.8 11h8.4l.8-11M10.5 11v4.5M13.5 11v4.5";
const MOVING = new Set(["waiting", "running", "catching-up"]);

/** @param {import("./types.js").Source} source */
const isBusy = (source) => source.kind === "file" && MOVING.has(source.state);

/** What moves comes first, then what failed, then the rest by name. @param {import("./types.js").Source} source */
const place = (source) => (isBusy(source) ? "0" : source.state === "failed" ? "1" : "2") + (source.name || source.source_id);

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
  nameOf(id) {
    return this.all.find((source) => source.source_id === id)?.name || id;
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
      const facts = JSON.stringify(source);
      const drawn = this.items.get(source.source_id);
      const item = drawn?.facts === facts ? drawn.item : this.item(source);
      if (drawn && drawn.item !== item) drawn.item.replaceWith(item);
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
      this.items.set(source.source_id, { facts, item });
    }
    this.summarise();
  }

  summarise() {
    const busy = this.all.filter(isBusy);
    const failed = this.all.filter((source) => source.state === "failed").length;
    byId("sources-count", HTMLElement).textContent = `${this.all.length} ${this.all.length === 1 ? "source" : "sources"}`;
    byId("sources-busy", HTMLElement).textContent = busy.length ? `${busy.length} being read` : "";
    byId("sources-dot", HTMLElement).dataset.state = busy.length ? "running" : failed ? "failed" : "indexed";
  }

  /** @param {import("./types.js").Source} source */
  item(source) {
    const item = make("li", { class: "source", "data-id": source.source_id });
    const state = make("span", { class: "state" }, make("span", { class: "dot", "data-state": source.state }), source.state);
    const words = [source.category, source.duration_ms === null ? "" : clock(source.duration_ms), source.rows ? `${source.rows} samples` : ""];
    item.append(
      make("div", { class: "source-head" }, make("strong", { title: source.source_id }, source.name || source.source_id), state),
      make("div", { class: "source-facts" }, words.filter(Boolean).join(" · ")),
    );
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
    pause.hidden = !paused && !isBusy(source);
    const remove = button(`Remove ${name}`, REMOVE);
    remove.onclick = () => {
      if (confirm(`Remove ${name}? Its moments and what is stored of it are deleted; a file that lies elsewhere stays.`)) {
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
