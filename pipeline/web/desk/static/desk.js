// The pages work without this: it logs in by the address's fragment, moves through a chart by
// the arrow keys, focuses the search, and fetches the page anew while it is looked at: at once when
// something is said about an alert, every ten seconds, and sooner where a page waits for an answer.
"use strict";

const REFRESH_MS = 10_000;

// As the server sent it: what the reader opened or moved to is no news.
let shown = document.querySelector("main").innerHTML;

function logInByFragment() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  const field = document.getElementById("key");
  if (!key || !field) return;
  history.replaceState(null, "", location.pathname + location.search);
  field.value = key;
  field.form.submit();
}

function columns() {
  return [...document.querySelectorAll(".plot .column")];
}

// One tab stop for a chart: the chosen column, or the newest.
function makeReachable() {
  const all = columns();
  const one = all.find((each) => each.classList.contains("chosen")) ?? all.at(-1);
  one?.setAttribute("tabindex", "0");
}

function onKey(event) {
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !typing) {
    const search = document.getElementById("q");
    if (search) {
      event.preventDefault();
      search.focus();
    } else {
      location.assign("/desk/series");
    }
    return;
  }
  const column = event.target.closest?.(".column");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!column || !step) return;
  event.preventDefault();
  const all = columns();
  const next = all[all.indexOf(column) + step];
  if (!next) return;
  column.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

// Who reads with the focus inside, selects or types is not disturbed.
function isBusy(main) {
  const inside = document.activeElement !== main && main.contains(document.activeElement);
  return document.hidden || inside || !getSelection().isCollapsed;
}

async function replaceMain(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (answer.redirected) {
    location.assign(answer.url);
    return false;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  const main = document.querySelector("main");
  const wanted = fresh.dataset.live;
  if (wanted === undefined) delete main.dataset.live;
  else main.dataset.live = wanted;
  // What is replaced is lost to a screen reader's place in it, and may be read out again.
  if (fresh.innerHTML === shown) return true;
  shown = fresh.innerHTML;
  const open = [...main.querySelectorAll("details[open]")].map((each) => each.id);
  const scrolled = document.querySelector(".scroll")?.scrollTop ?? 0;
  main.replaceChildren(...fresh.childNodes);
  for (const each of main.querySelectorAll("details")) each.open = open.includes(each.id);
  const scroll = document.querySelector(".scroll");
  if (scroll) scroll.scrollTop = scrolled;
  makeReachable();
  return true;
}

// Set again, the same text would be read out again.
function say(name) {
  const status = document.querySelector(".live");
  if (status.textContent !== status.dataset[name]) status.textContent = status.dataset[name];
}

async function renew() {
  const main = document.querySelector("main[data-live]");
  if (!main || isBusy(main)) return;
  try {
    if (await replaceMain(location.pathname + location.search)) say("updated");
  } catch {
    say("stale");
  }
}

// A page that waits for something says how soon to look again.
function pause() {
  return Number(document.querySelector("main").dataset.live) || REFRESH_MS;
}

async function refresh() {
  await renew();
  setTimeout(refresh, pause());
}

// A browser opens few connections to a host: only the page that is looked at holds one.
let stream = null;

function listen() {
  if (document.hidden || !document.querySelector("main[data-live]")) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    stream = new EventSource("/desk/stream");
    stream.onmessage = (event) => { if (event.data) renew(); };
  }
}

// A point's stories come without a jump to the top of a new page.
async function onClick(event) {
  const link = event.target.closest?.("main .column, .figures a");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
  if (!link || !plain) return;
  const address = new URL(link.getAttribute("href"), location.href);
  if (address.pathname !== location.pathname) return;
  event.preventDefault();
  try {
    if (!(await replaceMain(address.pathname + address.search))) return;
  } catch {
    location.assign(address);
    return;
  }
  history.pushState(null, "", address.pathname + address.search);
  document.querySelector(".column.chosen")?.focus({ preventScroll: true });
  document.getElementById("stories")?.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", onKey);
addEventListener("click", onClick);
addEventListener("popstate", () => replaceMain(location.pathname + location.search).catch(() => location.reload()));
logInByFragment();
makeReachable();
addEventListener("visibilitychange", listen);
listen();
setTimeout(refresh, pause());
