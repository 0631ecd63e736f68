// Keeps pages fresh while somebody looks at them. Without it they work as well, and stand still.
"use strict";

const PICTURES_MS = 5000;
const RENEW_MS = 15000;
const SOON_MS = 300;
const CLASSES = { watched: "good", down: "bad", stale: "bad" };

/** Take the page anew from the server, and put its main part in place of the one that is shown. */
async function renew() {
  const writing = document.activeElement?.closest("main form");
  if (writing?.querySelector("input:not([type=hidden]), select")?.closest("form") === writing) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.id;
  const scrolled = window.scrollY;
  keepPictures(next);
  document.querySelector("main").replaceWith(next.querySelector("main"));
  document.title = next.title;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.scrollTo(window.scrollX, scrolled);
  watchPictures();
}

/** Pictures that are shown already stay, so that nothing flickers. */
function keepPictures(next) {
  for (const card of next.querySelectorAll("[data-camera]")) {
    const old = cardOf(card.dataset.camera)?.querySelector("img");
    const fresh = card.querySelector("img");
    if (old && fresh) fresh.replaceWith(old);
  }
}

function cardOf(camera) {
  return document.querySelector(`[data-camera="${CSS.escape(camera)}"]`);
}

/** What has changed of one camera; true where the page must be taken anew. */
function show(camera) {
  const card = cardOf(camera.name);
  if (!card || card.dataset.state !== camera.state || card.dataset.sight !== camera.sight) return true;
  const scores = card.querySelector(".scores");
  const known = Object.entries(camera.scores ?? {}).sort((a, b) => b[1] - a[1]);
  if (known.length === 0) return false;
  scores.replaceChildren(
    ...known.flatMap(([label, score]) => {
      const number = document.createElement("b");
      number.textContent = score.toFixed(2);
      const text = document.createElement("span");
      text.append(`${label} `, number);
      return [text, " "];
    }),
  );
  return false;
}

let soon = null;
function renewSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    renew().catch(() => {});
  }, SOON_MS);
}

function listen(kind) {
  const source = new EventSource("/api/v1/live");
  let first = true;
  const take = (message) => {
    const news = JSON.parse(message.data);
    let stale = (news.gone ?? []).length > 0;
    if (kind === "wall") {
      const headline = document.getElementById("headline");
      stale ||= headline.textContent !== news.headline;
      for (const camera of news.cameras) stale = show(camera) || stale;
    } else {
      // Any change of an alert may have changed an event; the first message only says how it is.
      const states = JSON.stringify(news.cameras.map((c) => [c.name, c.alerts]));
      stale ||= !first && states !== listen.states;
      listen.states = states;
    }
    first = false;
    document.body.classList.remove("lost");
    if (stale) renewSoon();
  };
  source.addEventListener("state", take);
  source.addEventListener("change", take);
  source.addEventListener("error", () => document.body.classList.add("lost"));
}

const seen = new Set();
let observer = null;
function watchPictures() {
  observer?.disconnect();
  seen.clear();
  observer = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target);
  });
  for (const picture of document.querySelectorAll(".wall img")) observer.observe(picture);
}

function freshPictures() {
  if (document.visibilityState !== "visible") return;
  for (const picture of seen) {
    const url = new URL(picture.src);
    url.search = `?at=${Date.now()}`;
    const next = new Image();
    next.onload = () => (picture.src = next.src);
    next.src = url.href;
  }
}

/** Coming from a mail or another site, the browser has not sent the cookie of a login that holds. */
async function alreadyLoggedIn() {
  const answer = await fetch(location.href, { redirect: "manual" });
  if (answer.type === "opaqueredirect") location.replace(document.body.dataset.next);
}

if (document.body.dataset.page === "login") {
  alreadyLoggedIn().catch(() => {});
}
if (document.body.dataset.live) {
  listen(document.body.dataset.live);
  watchPictures();
  setInterval(freshPictures, PICTURES_MS);
  setInterval(() => document.visibilityState === "visible" && renewSoon(), RENEW_MS);
}
