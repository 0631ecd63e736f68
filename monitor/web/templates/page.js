// Keeps pages fresh while somebody looks at them. Without it they work as well, and stand still.
"use strict";

const PICTURES_MS = 5000;
const RENEW_MS = 15000;
const SOON_MS = 300;
const LISTEN_AGAIN_MS = 5000;
const PATIENCE_MS = 10000;
const SILENT_MS = 25000; // the server says something every ten seconds

let heard = Date.now(); // when the server last said how things stand
let lost = false;

/** Say in the first place that what is shown may be wrong, until the page has been taken anew. */
function lose(words) {
  if (lost) return;
  lost = true;
  document.body.classList.add("lost");
  const since = new Date(heard).toTimeString().slice(0, 8);
  let line = document.getElementById("headline");
  if (!line) {
    line = document.createElement("p");
    line.id = "lost";
    line.setAttribute("role", "alert");
    document.querySelector("main").prepend(line);
  }
  line.className = "bad";
  line.textContent = `${words} since ${since}: nothing here is current`;
  document.title = `${line.textContent} · Emberwatch`;
  // Those that hang would keep the browser from asking for the page.
  for (const picture of loading.values()) picture.src = "";
  loading.clear();
}

function findAgain() {
  heard = Date.now();
  lost = false;
  document.body.classList.remove("lost");
  document.getElementById("lost")?.remove();
}

/** The page as the server has it now; null where it has none, which is said then. */
async function takePage() {
  try {
    const answer = await fetch(location.href, {
      headers: { accept: "text/html" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    // The login is over: the server takes the browser to where one logs in.
    if (answer.redirected || answer.status === 401) location.reload();
    else if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.getElementById("main")) return page;
      lose("No page of Emberwatch");
    } else lose(`Emberwatch answers with error ${answer.status}`);
  } catch {
    lose("No connection to Emberwatch");
  }
  return null;
}

/** Take the page anew from the server, and put its main part in place of the one that is shown. */
async function renew() {
  const next = await takePage();
  if (!next) return;
  findAgain();
  document.title = next.title;
  const writing = document.activeElement?.closest("main form");
  if (writing?.querySelector("input:not([type=hidden]), select")?.closest("form") === writing) return;
  const focused = document.activeElement?.id;
  const scrolled = window.scrollY;
  keepPictures(next);
  document.querySelector("main").replaceWith(next.querySelector("main"));
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
let renewing = false;
let again = false;
/** One at a time, and once more where something happened meanwhile. */
function renewSoon() {
  again = again || renewing;
  if (renewing) return;
  soon ??= setTimeout(async () => {
    soon = null;
    renewing = true;
    await renew().finally(() => (renewing = false));
    if (again) renewSoon();
    again = false;
  }, SOON_MS);
}

let source = null;
let told = 0; // when the live updates last said something, or were asked for
let states = null;
function listen(kind) {
  source?.close();
  source = new EventSource("/api/v1/live");
  told = Date.now();
  const take = (message) => {
    told = heard = Date.now();
    const news = JSON.parse(message.data);
    let stale = lost || (news.gone ?? []).length > 0;
    if (kind === "wall") {
      const headline = document.getElementById("headline");
      stale ||= headline.textContent !== news.headline;
      for (const camera of news.cameras) stale = show(camera) || stale;
    } else {
      // Any change of an alert may have changed an event; the first message only says how it is.
      const now = JSON.stringify(news.cameras.map((c) => [c.name, c.alerts]));
      stale ||= states !== null && states !== now;
      states = now;
    }
    if (stale) renewSoon();
  };
  source.addEventListener("state", take);
  source.addEventListener("change", take);
  source.addEventListener("beat", () => {
    told = heard = Date.now();
    if (lost) renewSoon();
  });
  const mine = source;
  source.addEventListener("error", () => {
    renewSoon(); // says whether the connection is gone, or the login
    // After any other answer than the stream the browser gives up by itself.
    if (mine.readyState === EventSource.CLOSED) {
      setTimeout(() => mine === source && listen(kind), LISTEN_AGAIN_MS);
    }
  });
}

/** A connection that is dead, or a daemon that hangs, ends nothing: it is only silent. */
function mindSilence() {
  const now = Date.now();
  if (now - heard > SILENT_MS) lose("No connection to Emberwatch");
  if (now - told > SILENT_MS) listen(document.body.dataset.live);
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

const loading = new Map(); // the next picture of each that is under way
function freshPictures() {
  if (document.visibilityState !== "visible") return;
  for (const picture of seen) {
    if (loading.has(picture)) continue;
    const url = new URL(picture.src);
    url.search = `?at=${Date.now()}`;
    const next = new Image();
    const over = () => loading.get(picture) === next && loading.delete(picture);
    next.onload = () => over() && (picture.src = next.src);
    next.onerror = over;
    loading.set(picture, next);
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
  setInterval(() => (lost ? renewSoon() : freshPictures()), PICTURES_MS);
  setInterval(() => document.visibilityState === "visible" && renewSoon(), RENEW_MS);
  setInterval(mindSilence, 1000);
}
