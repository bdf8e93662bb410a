// Plays a moment in its own tile; one at a time.

import { clipAddress, send } from "./api.js";
import { make } from "./element.js";

const SHORTEST_CLIP_MS = 8_000;
const AFTER_MS = 3_000;
const LONGEST_CLIP_MS = 600_000;
const FAR_MS = 4_000;
const BEFORE_PEAK_MS = 1_000;

/**
 * The span to play for a moment: from its start, a little beyond its end, so that a single sample is something to watch.
 * @param {import("./types.js").Moment} moment
 * @returns {{startMs: number, endMs: number}}
 */
export function spanOf(moment) {
  const wanted = Math.max(moment.end_ms + AFTER_MS, moment.start_ms + SHORTEST_CLIP_MS);
  return { startMs: moment.start_ms, endMs: Math.min(wanted, moment.start_ms + LONGEST_CLIP_MS) };
}

/**
 * Seconds into the clip at which to begin: its start, unless the best moment is far behind it.
 * @param {import("./types.js").Moment} moment
 * @returns {number}
 */
export function beginSeconds(moment) {
  const until = moment.peak_ms - moment.start_ms;
  return until > FAR_MS && until < LONGEST_CLIP_MS ? (until - BEFORE_PEAK_MS) / 1000 : 0;
}

/** @type {(() => void) | null} */
let stopCurrent = null;

/** Stops what plays; true when something did. */
export function stop() {
  const playing = stopCurrent;
  stopCurrent = null;
  playing?.();
  return playing !== null;
}

/**
 * Plays a moment over its picture.
 * @param {import("./types.js").Moment} moment
 * @param {HTMLElement} frame the box of the picture
 * @param {string} words what the video shows, for people who do not see it
 */
export function play(moment, frame, words) {
  stop();
  const { startMs, endMs } = spanOf(moment);
  const video = make("video", { controls: "", playsinline: "", "aria-label": words });
  frame.classList.add("loading");
  video.onloadeddata = () => frame.classList.replace("loading", "playing");
  video.onerror = () => explain(frame, video.src);
  video.src = clipAddress(moment.source_id, startMs, endMs);
  video.currentTime = beginSeconds(moment);
  frame.append(video);
  stopCurrent = () => {
    video.onerror = null;
    video.removeAttribute("src");
    video.load();
    video.remove();
    frame.classList.remove("loading", "playing");
    frame.querySelector(".trouble")?.remove();
  };
  video.play().catch(() => undefined); // refused without a gesture: the controls are there
  video.focus({ preventScroll: true });
}

/**
 * Asks the service why a clip does not play, and shows its words on the picture.
 * @param {HTMLElement} frame @param {string} address
 */
async function explain(frame, address) {
  let words = "This browser cannot play the clip.";
  try {
    await send(address, { method: "GET", headers: { Range: "bytes=0-0" } });
  } catch (error) {
    if (error instanceof Error) words = error.message;
  }
  stop();
  const trouble = make("p", { class: "trouble", role: "alert" }, words);
  frame.append(trouble);
  stopCurrent = () => trouble.remove();
}
