// The search box: words, a picture or a moment, filters, and the state of the answer.

import * as api from "./api.js";
import { byId, make, showError } from "./element.js";
import { PictureChip } from "./picture.js";
import { stop } from "./player.js";

export class Search {
  /**
   * @param {import("./hits.js").Hits} hits
   * @param {() => void} onView called when what is to be shown may have changed
   */
  constructor(hits, onView) {
    this.hits = hits;
    this.onView = onView;
    this.text = byId("text", HTMLInputElement);
    this.source = byId("filter-source", HTMLSelectElement);
    this.category = byId("filter-category", HTMLSelectElement);
    this.more = byId("more", HTMLButtonElement);
    this.error = byId("search-error", HTMLElement);
    this.chip = new PictureChip(() => this.run());
    this.asked = false;
    /** The last search, answered or not; null before the first. @type {AbortController | null} */
    this.running = null;
    /** @type {string | null} */
    this.cursor = null;
    this.listen();
  }

  listen() {
    byId("search-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.run();
    };
    this.source.onchange = this.category.onchange = () => {
      if (this.asked) this.run();
    };
    this.text.oninput = () => {
      if (this.text.value === "" && !this.chip.picture && !this.chip.like) this.clear();
    };
    this.more.onclick = () => this.runOn();
    const file = byId("picture-file", HTMLInputElement);
    byId("picture-choose", HTMLButtonElement).onclick = () => file.click();
    file.onchange = () => {
      const chosen = file.files?.[0];
      if (chosen) this.takePicture(chosen);
      file.value = "";
    };
  }

  /** @returns {import("./types.js").Question} */
  question() {
    const { picture, like } = this.chip;
    return { text: this.text.value.trim(), picture, like, source: this.source.value, category: this.category.value };
  }

  /** Searches for a picture, together with the words that stand in the box. @param {Blob} file */
  async takePicture(file) {
    try {
      await this.chip.take(file);
    } catch (error) {
      showError(this.error, error);
      return;
    }
    await this.run();
  }

  /** @param {import("./types.js").Hit} hit */
  takeMoment(hit) {
    this.text.value = "";
    this.chip.takeMoment({ source_id: hit.source_id, t_ms: hit.peak_ms, thumbnail_url: hit.thumbnail_url });
    window.scrollTo({ top: 0, behavior: "smooth" });
    return this.run();
  }

  async run() {
    const question = this.question();
    if (!question.text && !question.picture && !question.like) return this.clear();
    this.remember(question);
    this.running?.abort();
    const running = (this.running = new AbortController());
    document.body.classList.add("searching");
    try {
      const answer = await api.search(question, running.signal);
      stop();
      this.hits.show(answer);
      this.describe(answer);
    } catch (error) {
      if (running.signal.aborted) return;
      this.hits.clear();
      this.describe(null);
      showError(this.error, error);
    }
    document.body.classList.remove("searching");
    this.asked = true;
    this.onView();
  }

  async runOn() {
    if (this.cursor === null) return;
    try {
      const answer = await api.searchOn(this.cursor);
      this.hits.add(answer);
      this.turnTo(answer);
    } catch (error) {
      showError(this.error, error);
    }
  }

  clear() {
    this.running?.abort();
    document.body.classList.remove("searching");
    stop();
    this.hits.clear();
    this.describe(null);
    this.asked = false;
    if (location.search) history.pushState(null, "", location.pathname);
    this.onView();
  }

  /** Says what the answer is. @param {import("./types.js").Answer | null} answer */
  describe(answer) {
    showError(this.error);
    const none = answer !== null && answer.hits.length === 0;
    const place = byId("not-found", HTMLElement);
    place.hidden = answer === null || (answer.found && !none);
    place.classList.toggle("none", none);
    byId("notice", HTMLElement).textContent = answer?.notice ?? "";
    byId("notice", HTMLElement).hidden = !answer?.notice;
    this.turnTo(answer);
    const count = answer ? `${answer.hits.length}${answer.next_cursor ? "+" : ""} ${answer.hits.length === 1 ? "moment" : "moments"}` : "";
    byId("meta", HTMLElement).textContent = answer ? `${count} in ${Math.round(answer.took_ms.total)} ms · ${answer.space}` : "";
  }

  /** @param {import("./types.js").Answer | null} answer */
  turnTo(answer) {
    this.cursor = answer?.next_cursor ?? null;
    this.more.hidden = this.cursor === null;
  }

  /** Puts words and filters into the address bar, so that a search can be kept and gone back to. @param {import("./types.js").Question} question */
  remember(question) {
    const { text, source, category } = question;
    const address = new URLSearchParams(Object.entries({ q: text, source, category }).filter(([, value]) => value));
    const path = `${location.pathname}${address.size ? `?${address}` : ""}`;
    if (path !== location.pathname + location.search) history.pushState(null, "", path);
  }

  /** Takes words and filters from the address bar. */
  restore() {
    const address = new URLSearchParams(location.search);
    this.text.value = address.get("q") ?? "";
    choose(this.source, address.get("source") ?? "");
    choose(this.category, address.get("category") ?? "");
    this.chip.clear();
    return this.run();
  }

  /** Offers the sources and categories that there are. @param {import("./types.js").Source[]} sources */
  offer(sources) {
    const categories = [...new Set(sources.map((source) => source.category).filter(Boolean))].sort();
    fill(this.source, "All sources", sources.map((source) => [source.source_id, source.name || source.source_id]));
    fill(this.category, "All categories", categories.map((category) => [category, category]));
    this.category.hidden = categories.length === 0 && this.category.value === "";
  }
}

/** @param {HTMLSelectElement} select @param {string} all @param {[string, string][]} options */
function fill(select, all, options) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options === wanted) return;
  select.dataset.options = wanted;
  const { value } = select;
  select.replaceChildren(make("option", { value: "" }, all), ...options.map(([id, name]) => make("option", { value: id }, name)));
  choose(select, value);
}

/** Chooses a value, adding it when it is not on offer (yet). @param {HTMLSelectElement} select @param {string} value */
function choose(select, value) {
  if (value && ![...select.options].some((option) => option.value === value)) select.append(make("option", { value }, value));
  select.value = value;
}
