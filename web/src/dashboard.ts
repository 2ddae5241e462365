// Pages keep themselves up to date. The first one: the server says that something changed (Server-Sent Events at /live), we
// fetch the fragments again. Others: we fetch them every few seconds (data-every). Without this script a page is complete,
// only still.

const RETRY_MS = 5_000;

interface Fragment {
  element: HTMLElement;
  url: string;
  html: string;
}

const fragments: Fragment[] = [...document.querySelectorAll<HTMLElement>("[data-fragment]")].map((element) => ({
  element,
  url: element.dataset["fragment"] ?? "",
  html: "",
}));

function show(fragment: Fragment, html: string): void {
  if (html === fragment.html) return;
  const first = fragment.html === "";
  const before = new Set([...fragment.element.querySelectorAll("[id]")].map((row) => row.id));
  const closed = [...fragment.element.querySelectorAll("details:not([open])")].map((details) => details.id);
  const focused = fragment.element.contains(document.activeElement) ? document.activeElement?.id : undefined;
  fragment.html = html;
  fragment.element.innerHTML = html; // our own server's, escaped there
  for (const id of closed) document.getElementById(id)?.removeAttribute("open");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  for (const row of fragment.element.querySelectorAll("[data-row]")) {
    if (!first && !before.has(row.id)) row.classList.add("arrived");
  }
  tick();
  markPlaying();
}

async function fetchFragment(fragment: Fragment): Promise<void> {
  const answer = await fetch(fragment.url, { headers: { accept: "text/html" }, redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    location.reload(); // the session ended: the way to the login, and back
    return;
  }
  if (!answer.ok) throw new Error(`${fragment.url}: ${answer.status}`);
  show(fragment, await answer.text());
}

// One refresh at a time; changes that arrive meanwhile are one more.
let refreshing = false;
let again = false;
let retry: number | undefined;

async function refresh(): Promise<void> {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  window.clearTimeout(retry);
  try {
    await Promise.all(fragments.map(fetchFragment));
    connected(true);
  } catch {
    connected(false);
    retry = window.setTimeout(refresh, RETRY_MS);
  }
  refreshing = false;
  if (again) {
    again = false;
    await refresh();
  }
}

function connected(yes: boolean): void {
  document.getElementById("offline")?.toggleAttribute("hidden", yes);
}

let source: EventSource | undefined;
const everyMs = 1_000 * Math.min(...fragments.map((fragment) => Number(fragment.element.dataset["every"] ?? 0)));

function listen(): void {
  if (everyMs > 0) {
    void refresh();
    return;
  }
  source?.close();
  source = new EventSource("/live");
  source.addEventListener("open", refresh);
  source.addEventListener("calls", refresh);
  source.addEventListener("error", () => {
    connected(false);
    // A refused stream (session over, server restarting) is not tried again by the browser itself.
    if (source?.readyState === EventSource.CLOSED) retry = window.setTimeout(() => void refresh().then(listen), RETRY_MS);
  });
}

// A page that nobody looks at gives its connection back.
function onVisibility(): void {
  if (document.hidden) {
    source?.close();
    source = undefined;
  } else if (source === undefined) {
    listen();
  }
}

// What takes the server long is asked for less often.
async function lookAgain(): Promise<void> {
  const began = performance.now();
  if (!document.hidden && !selecting()) await refresh();
  window.setTimeout(lookAgain, Math.max(everyMs, 20 * (performance.now() - began)));
}

// Who selects text to copy it would lose the selection.
function selecting(): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && fragments.some((fragment) => selection.containsNode(fragment.element, true));
}

function clock(seconds: number): string {
  const s = String(seconds % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${s}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${s}`;
}

function tick(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-since]")) {
    const since = Date.parse(element.dataset["since"] ?? "");
    if (!Number.isNaN(since)) element.textContent = clock(Math.max(0, Math.floor((Date.now() - since) / 1000)));
  }
}

// The player sits outside the fragments, so that a new call does not stop what somebody listens to.
const dock = document.getElementById("player");
const audio = dock?.querySelector("audio") ?? undefined;

function markPlaying(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-play]")) {
    const playing = dock !== null && !dock.hidden && link.dataset["play"] === dock.dataset["hash"];
    link.toggleAttribute("data-playing", playing);
  }
}

function play(link: HTMLAnchorElement): void {
  if (!dock || !audio) return;
  const hash = link.dataset["play"] ?? "";
  const title = dock.querySelector<HTMLAnchorElement>("[data-title]");
  if (title) {
    title.textContent = link.dataset["title"] ?? "";
    title.href = link.href;
  }
  if (dock.dataset["hash"] !== hash) audio.src = `/recordings/${hash}/audio`;
  dock.dataset["hash"] = hash;
  dock.hidden = false;
  document.body.classList.add("playing");
  void audio.play().catch(() => undefined); // the controls are there to try again
  markPlaying();
}

function closePlayer(): void {
  if (!dock || !audio) return;
  const link = document.querySelector<HTMLAnchorElement>("a[data-playing]");
  audio.pause();
  audio.removeAttribute("src");
  delete dock.dataset["hash"];
  dock.hidden = true;
  document.body.classList.remove("playing");
  markPlaying();
  link?.focus();
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
  const link = event.target.closest<HTMLAnchorElement>("a[data-play]");
  if (link && dock && audio) {
    event.preventDefault();
    play(link);
  }
  if (event.target.closest("[data-close-player]")) closePlayer();
});

// An empty filter needs no place in the address.
document.addEventListener("formdata", (event) => {
  if (!(event.target instanceof HTMLFormElement) || !event.target.matches("[data-lean]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});

if (fragments.length > 0) {
  document.addEventListener("visibilitychange", onVisibility);
  if (!document.hidden) listen();
  if (everyMs > 0) window.setTimeout(lookAgain, everyMs);
  window.setInterval(tick, 1_000);
  tick();
}
