// Folds that load when they are opened, keys, and the live tail. The pages can be read without it.
// What comes from the server is markup that the server has escaped; nothing here builds markup from text.
"use strict";

const SOONEST_MS = 1500, LATEST_MS = 8000, SLOWER = 1.25; // while nothing is new, it is looked for ever less often
const ONE = "[data-stop]";

// -- folds -----------------------------------------------------------------------------------------------------------

const loading = new WeakMap();

function load(fold) {
  const place = fold.dataset.src;
  if (!place) return Promise.resolve();
  if (!loading.has(fold)) {
    loading.set(fold, fetch(place, { headers: { "X-Part": "1" } }).then(async (response) => {
      if (!response.ok) throw new Error(response.status);
      fold.querySelector(":scope > .inner").innerHTML = await response.text();
      delete fold.dataset.src;
    }).catch(() => loading.delete(fold)));
  }
  return loading.get(fold);
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches("details[data-src]") && event.target.open) load(event.target);
}, true);

// The turns of a session open by themselves as they come near; what is above the eye stays where it is.
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    load(entry.target).then(() => { if (!entry.target.dataset.src) entry.target.open = true; });
  }
}, { rootMargin: "0px 0px 900px 0px" });

function watch(root) {
  for (const fold of root.querySelectorAll("details[data-auto]")) near.observe(fold);
}

// -- keys ------------------------------------------------------------------------------------------------------------

let here = null;

const stops = () => [...document.querySelectorAll(ONE)].filter((each) => each.offsetParent !== null);

function handle(stop) {
  return stop.querySelector(":scope > details > summary, :scope > summary, td.title a, .title a") || stop;
}

function go(stop) {
  if (!stop) return;
  if (here) here.classList.remove("here");
  here = stop;
  here.classList.add("here");
  handle(stop).focus({ preventScroll: true });
  const box = stop.getBoundingClientRect();
  const head = document.querySelector(".top").offsetHeight + 8;
  if (box.top < head || box.bottom > innerHeight) scrollBy(0, box.top - head - (box.height < innerHeight / 2 ? innerHeight / 4 : 0));
}

function step(by) {
  const all = stops();
  if (!all.length) return false;
  if (!here || !here.isConnected) here = document.activeElement.closest(ONE);
  const place = all.indexOf(here);
  if (place < 0) { go(by > 0 ? all.find((each) => each.getBoundingClientRect().bottom > 60) || all[0] : all.at(-1)); return true; }
  const next = all[place + by];
  if (next) go(next);
  return Boolean(next);
}

function open() {
  if (!here) return false;
  const fold = here.matches("details") ? here : here.querySelector(":scope > details");
  if (fold) { fold.open = !fold.open; return true; }
  const link = here.querySelector("a");
  if (link) link.click();
  return Boolean(link);
}

const follow = (selector) => { const link = document.querySelector(selector); if (link) link.click(); return Boolean(link); };

// An arrow scrolls as ever while the end of what is in focus is out of sight.
function reaches(by) {
  if (!here) return true;
  const box = here.getBoundingClientRect();
  return by > 0 ? box.bottom <= innerHeight + 1 : box.top >= 0;
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => reaches(1) && step(1),
  ArrowUp: () => reaches(-1) && step(-1),
  o: open,
  h: () => follow("a[rel=prev]"),
  l: () => follow("a[rel=next]"),
  ArrowLeft: () => follow("a[rel=prev]"),
  ArrowRight: () => follow("a[rel=next]"),
  u: () => follow("a[rel=up]"),
  g: () => { go(stops()[0]); return true; },
  G: () => { go(stops().at(-1)); return true; },
  "/": () => { const field = document.getElementById("search"); if (field) { field.focus(); field.select(); } return Boolean(field); },
  "?": () => { const keys = document.getElementById("keys"); if (keys) keys.showModal(); return Boolean(keys); },
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.matches("input, textarea, select")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && (target === document.body || target.matches("main, .said")) && open()) event.preventDefault();
  else if (/^[1-9]$/.test(event.key)) { const tab = document.querySelectorAll(".tabs a")[event.key - 1]; if (tab) tab.click(); }
  else if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]()) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const stop = event.target.closest(ONE);
  if (stop && stop !== here) { if (here) here.classList.remove("here"); here = stop; }
});

for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", KEYS["?"]);
}

// -- what is new -----------------------------------------------------------------------------------------------------

// A list that is drawn anew keeps the focus, and what the eye is on stays where it was.
function swap(list, markup) {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("[id]") : null;
  const marked = here && list.contains(here) ? here.id : "";
  const anchor = scrollY > 0 ? stops().find((each) => each.getBoundingClientRect().top >= 0) : null;
  const before = anchor ? anchor.getBoundingClientRect().top : 0;
  list.innerHTML = markup;
  const again = anchor && document.getElementById(anchor.id);
  if (again) scrollBy(0, again.getBoundingClientRect().top - before);
  const mark = marked && document.getElementById(marked);
  if (mark) { here = mark; mark.classList.add("here"); if (focused) handle(mark).focus({ preventScroll: true }); }
}

// New turns come below. Who reads above stays there; who is at the end goes along.
function append(list, markup) {
  const follows = innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  const made = document.createElement("template");
  made.innerHTML = markup;
  for (const turn of made.content.querySelectorAll(".turn")) {
    if (document.getElementById(turn.id)) turn.remove(); else turn.classList.add("is-new");
  }
  const rows = [...made.content.children];
  list.append(...rows);
  for (const row of rows) watch(row);
  if (follows && rows.length) Promise.all(rows.map((row) => {
    const fold = row.querySelector("details[data-auto]");
    return fold ? load(fold).then(() => { fold.open = true; }) : null;
  })).then(() => rows.at(-1).scrollIntoView({ block: "end" }));
}

// Returns whether there was something new.
async function look(list) {
  if (document.hidden) return false;
  const place = new URL(list.dataset.live, location.href);
  place.searchParams.set("after", list.dataset.newest);
  const response = await fetch(place);
  if (response.status !== 200) return false;
  if (list.dataset.reload !== undefined) { location.reload(); return true; }
  const markup = await response.text();
  list.dataset.newest = response.headers.get("X-Newest");
  if (list.dataset.swap !== undefined) swap(list, markup); else append(list, markup);
  return true;
}

for (const list of document.querySelectorAll("[data-live]")) {
  if (!list.dataset.live) continue;
  const said = document.getElementById("live");
  if (said) said.hidden = false;
  let wait = SOONEST_MS, timer = 0;
  const plan = () => { timer = setTimeout(again, wait); };
  const again = async () => {
    timer = 0;
    const isNew = await look(list).catch(() => false);
    wait = isNew ? SOONEST_MS : Math.min(wait * SLOWER, LATEST_MS);
    plan();
  };
  plan();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !timer) return;
    clearTimeout(timer);
    wait = SOONEST_MS;
    plan();
  });
}

watch(document);
