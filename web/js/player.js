// Plays a moment in its own tile; one at a time.

import { clipAddress, Problem, send } from "./api.js";
import { make } from "./element.js";
import { isWallClock } from "./time.js";

const SHORTEST_CLIP_MS = 8_000;
const AFTER_MS = 3_000;
const LONGEST_CLIP_MS = 600_000;
const LONGEST_LIVE_CLIP_MS = 120_000;
const FAR_MS = 4_000;
const BEFORE_PEAK_MS = 1_000;
const JUST_NOW_MS = 30_000;
const UNRECORDED_MS = 1_000;
const SHORTEST_LIVE_CLIP_MS = 2_000;

/**
 * The span to play for a moment: from its start, a little beyond its end, so that a single sample is something to watch. The
 * service waits for the end of a span that is about to be recorded: what is live is asked for up to where it surely is.
 * @param {import("./types.js").Moment} moment @param {number} [nowMs]
 * @returns {{startMs: number, endMs: number}}
 */
export function spanOf(moment, nowMs = Date.now()) {
  const longest = isWallClock(moment.start_ms) ? LONGEST_LIVE_CLIP_MS : LONGEST_CLIP_MS;
  const isInReach = moment.peak_ms - moment.start_ms < longest;
  const startMs = isInReach ? moment.start_ms : moment.peak_ms - BEFORE_PEAK_MS;
  const wanted = Math.max(moment.end_ms + AFTER_MS, startMs + SHORTEST_CLIP_MS);
  const recordedMs = isWallClock(startMs) ? Math.max(nowMs - UNRECORDED_MS, startMs + SHORTEST_LIVE_CLIP_MS) : Infinity;
  return { startMs, endMs: Math.min(wanted, startMs + longest, recordedMs) };
}

/**
 * Seconds into the clip at which to begin: its start, unless the best moment is far behind it.
 * @param {import("./types.js").Moment} moment @param {number} startMs
 * @returns {number}
 */
export function beginSeconds(moment, startMs) {
  const until = moment.peak_ms - startMs;
  return until > FAR_MS ? (until - BEFORE_PEAK_MS) / 1000 : 0;
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
  video.onerror = () => explain(moment, frame, words, video.src);
  if (isWallClock(endMs) && endMs > Date.now() - JUST_NOW_MS) {
    video.onended = () => offer(frame, "Play what came after", () => play(after(moment, startMs + 1000 * video.duration), frame, words));
  }
  video.src = clipAddress(moment.source_id, startMs, endMs);
  video.currentTime = beginSeconds(moment, startMs);
  frame.append(video);
  stopCurrent = () => {
    video.onerror = video.onended = null;
    video.removeAttribute("src");
    video.load();
    video.remove();
    frame.classList.remove("loading", "playing");
    frame.querySelector(".after")?.remove();
  };
  video.play().catch(() => undefined); // refused without a gesture: the controls are there
  video.focus({ preventScroll: true });
}

/** What a live source shows from `endMs` on, when a clip of it has come to its end. @param {import("./types.js").Moment} moment @param {number} endMs */
function after(moment, endMs) {
  const startMs = Math.round(endMs);
  return { ...moment, start_ms: startMs, end_ms: startMs, peak_ms: startMs };
}

/**
 * Shows a button over the end of a clip.
 * @param {HTMLElement} frame @param {string} words @param {() => void} act
 */
function offer(frame, words, act) {
  const button = make("button", { class: "primary", type: "button" }, words);
  button.onclick = act;
  frame.querySelector(".after")?.remove();
  frame.append(make("div", { class: "after" }, button));
}

/**
 * Asks the service why a clip does not play, and shows its words on the picture; what is only just happening can be asked for again.
 * @param {import("./types.js").Moment} moment @param {HTMLElement} frame @param {string} words @param {string} address
 */
async function explain(moment, frame, words, address) {
  const isRecorded = isWallClock(moment.start_ms);
  const isJustNow = isRecorded && Date.now() - moment.start_ms < JUST_NOW_MS;
  let reason = "This browser cannot play the clip.";
  try {
    await send(address, { method: "GET", headers: { Range: "bytes=0-0" } });
  } catch (error) {
    if (error instanceof Error) reason = error.message;
    if (isRecorded && error instanceof Problem && error.status === 404) {
      reason = isJustNow ? "This moment is not recorded yet." : "Nothing is recorded of this moment.";
    }
  }
  stop();
  const trouble = make("div", { class: "trouble" }, make("p", { role: "alert" }, reason));
  if (isJustNow) {
    const again = make("button", { type: "button" }, "Try again");
    again.onclick = () => play(moment, frame, words);
    trouble.append(again);
  }
  frame.append(trouble);
  stopCurrent = () => trouble.remove();
}
