// Adding videos and cameras: files from this computer, or paths and addresses that the service reads itself.

import * as api from "./api.js";
import { byId, make, showError } from "./element.js";
import { isCamera, nameAt, size, sourceIdFor } from "./time.js";

export class Adding {
  /** @param {() => void} onAdded */
  constructor(onAdded) {
    this.onAdded = onAdded;
    this.panel = byId("adding", HTMLElement);
    this.uploads = byId("uploads", HTMLUListElement);
    this.error = byId("adding-error", HTMLElement);
    const file = byId("video-file", HTMLInputElement);
    byId("video-choose", HTMLButtonElement).onclick = () => file.click();
    file.onchange = () => {
      this.take([...(file.files ?? [])]);
      file.value = "";
    };
    byId("address-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.addAddress();
    };
    const address = byId("address", HTMLInputElement);
    address.oninput = () => this.explain(address.value);
  }

  /** Shows the panel inside `section`; there is one, and it moves. @param {HTMLElement} section */
  placeIn(section) {
    const place = section.querySelector(".adding-place");
    if (place && this.panel.parentElement !== place) place.append(this.panel);
    this.panel.hidden = false;
  }

  /** Uploads files one after the other. @param {File[]} files */
  async take(files) {
    showError(this.error);
    const category = byId("category", HTMLInputElement).value.trim();
    const items = files.map((file) => this.item(file));
    for (const [index, file] of files.entries()) {
      const item = items[index];
      if (item) await this.upload(file, category, item);
    }
  }

  /** @param {File} file */
  item(file) {
    const bar = make("progress", { max: "1", value: "0", "aria-label": `Upload of ${file.name}` });
    const words = make("span", { class: "upload-words" }, `${file.name} · ${size(file.size)}`);
    const item = make("li", { class: "upload" }, words, bar);
    this.uploads.append(item);
    return { item, bar, words };
  }

  /**
   * @param {File} file @param {string} category
   * @param {{item: HTMLLIElement, bar: HTMLProgressElement, words: HTMLElement}} shown
   */
  async upload(file, category, shown) {
    const id = sourceIdFor(file.name);
    try {
      await api.upload(id, file, (part) => {
        shown.bar.value = part;
      });
      if (category) await api.patchSource(id, { category });
      shown.item.remove();
      this.onAdded();
    } catch (error) {
      shown.bar.remove();
      shown.item.classList.add("failed");
      shown.words.append(make("span", { class: "error", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  /** Says what becomes of a camera's password while its address is typed. @param {string} address */
  explain(address) {
    byId("camera-hint", HTMLElement).hidden = !isCamera(address);
  }

  async addAddress() {
    const address = byId("address", HTMLInputElement);
    const given = byId("name", HTMLInputElement);
    const category = byId("category", HTMLInputElement).value.trim();
    const url = address.value.trim();
    const name = given.value.trim() || nameAt(url);
    try {
      await api.putSource(sourceIdFor(isCamera(url) ? name.replaceAll(".", "-") : name), { url, name, category });
      address.value = given.value = "";
      this.explain("");
      showError(this.error);
      this.onAdded();
    } catch (error) {
      showError(this.error, error);
      address.select();
    }
  }
}
