// The page: signs in, then joins search, hits, sources and adding.

import { Adding } from "./adding.js";
import { byId } from "./element.js";
import { Hits } from "./hits.js";
import { stop } from "./player.js";
import { Search } from "./search.js";
import { begin, end } from "./session.js";
import { Showcase } from "./showcase.js";
import { Sources } from "./sources.js";

const EDITABLE = "input, textarea, select, [contenteditable]";
const VIDEO_NAME = /\.(mp4|m4v|mov|mkv|webm|ts|mts|m2ts|3gp)$/i;

/** @param {File} file */
const isVideo = (file) => file.type.startsWith("video/") || VIDEO_NAME.test(file.name);

async function start() {
  const session = await begin();
  const manages = session.roles.includes("manage");
  const hits = new Hits((id) => sources.find(id), (hit) => search.takeMoment(hit));
  const search = new Search(hits, view);
  const sources = new Sources(manages, () => {
    search.offer(sources.all);
    view();
  });
  const showcase = new Showcase();
  const adding = new Adding(() => {
    if (sources.all.length === 0) sources.open(); // where the first video can be watched as it is read
    else sources.refresh();
  });

  /** Shows the part of the page that fits: a first video to add, an invitation to search, or an answer. */
  function view() {
    const empty = sources.all.length === 0 && manages && !search.asked;
    byId("first", HTMLElement).hidden = !empty;
    byId("welcome", HTMLElement).hidden = empty || search.asked;
    showcase.show(sources.all, !empty && !search.asked);
    if (manages) adding.placeIn(empty ? byId("first", HTMLElement) : byId("sources", HTMLElement));
    byId("main", HTMLElement).dataset.view = empty ? "first" : search.asked ? "answer" : "welcome";
  }

  byId("top-actions", HTMLElement).hidden = byId("search", HTMLElement).hidden = false;
  byId("sign-out", HTMLButtonElement).onclick = end;
  window.onpopstate = () => search.restore();
  listenForKeys(search, hits);
  listenForDrops((files) => {
    const picture = files.find((file) => file.type.startsWith("image/"));
    const videos = files.filter(isVideo);
    if (picture) search.takePicture(picture);
    if (videos.length && manages) {
      if (sources.all.length) sources.open();
      adding.take(videos);
    }
  });
  document.onpaste = (event) => {
    const picture = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
    if (picture) search.takePicture(picture);
  };
  await sources.refresh();
  if (search.text.value || search.running) return; // somebody was faster than the list of sources
  search.text.focus();
  await search.restore();
}

/** `/` goes to the search box, Escape stops what plays or clears it, the arrow down goes to the hits. @param {Search} search @param {Hits} hits */
function listenForKeys(search, hits) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (event.key === "/" && !target?.matches(EDITABLE)) {
      event.preventDefault();
      search.text.select();
      search.text.focus();
    } else if (event.key === "Escape") {
      const tile = target?.closest(".tile")?.querySelector(".tile-shown");
      if (stop()) {
        if (tile instanceof HTMLElement) tile.focus();
      } else if (target === search.text) {
        search.text.value = "";
        search.chip.clear();
        search.clear();
      }
    } else if (event.key === "ArrowDown" && target === search.text) {
      event.preventDefault();
      hits.focusFirst();
    }
  });
}

/** @param {(files: File[]) => void} onFiles */
function listenForDrops(onFiles) {
  const veil = byId("drop-veil", HTMLElement);
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    veil.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
}

start();
