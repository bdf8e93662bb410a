// The picture of a search: chosen, dropped or pasted; made small before it travels.

import { byId } from "./element.js";

const LONG_SIDE_PX = 1024;

/**
 * Decodes any picture that the browser knows and returns it upright as a JPEG of at most 1024 px.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
async function small(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This file is no picture that the browser can read: use JPEG, PNG or WebP.");
  });
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw the picture.");
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/** The chip in the search box that shows the picture, or the moment, that is searched for. */
export class PictureChip {
  /** @type {Blob | null} */
  picture = null;
  /** @type {import("./types.js").Question["like"]} */
  like = null;

  /** @param {() => void} onCleared */
  constructor(onCleared) {
    this.chip = byId("picture-chip", HTMLElement);
    this.preview = byId("picture-preview", HTMLImageElement);
    byId("picture-clear", HTMLButtonElement).onclick = () => {
      this.clear();
      onCleared();
    };
  }

  /** @param {Blob} file */
  async take(file) {
    const picture = await small(file);
    this.clear();
    this.picture = picture;
    this.show(URL.createObjectURL(picture), "Picture to search for");
  }

  /** @param {NonNullable<import("./types.js").Question["like"]>} moment */
  takeMoment(moment) {
    this.clear();
    this.like = moment;
    this.show(moment.thumbnail_url, "Moment to search for");
  }

  clear() {
    if (this.preview.src.startsWith("blob:")) URL.revokeObjectURL(this.preview.src);
    this.picture = this.like = null;
    this.chip.hidden = true;
    this.preview.removeAttribute("src");
  }

  /** @param {string} address @param {string} words */
  show(address, words) {
    this.preview.src = address;
    this.preview.alt = words;
    this.chip.hidden = false;
  }
}
