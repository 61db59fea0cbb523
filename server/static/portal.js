// What pages do beyond reading and forms: moving in a list by keys, and saying that something changed. Nothing here
// moves the focus by itself or changes what a person is reading.

const list = document.querySelector("table[data-keys]");
if (list) {
  const links = () => [...list.querySelectorAll("tbody th > a")];
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!step) return;
    const all = links();
    const row = event.target.closest("tr");
    const here = all.findIndex((link) => row && row.contains(link));
    const next = all[Math.min(Math.max(here + step, 0), all.length - 1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
}

// The problems of a form, or the result of an act, first.
const first = document.querySelector("[autofocus]");
if (first) first.focus();

const news = document.querySelector("[data-news]");
const count = document.querySelector("[data-live=waiting]");

// The page as it is now, asked for under the rules of its route.
const now = async () => {
  const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

// Which places an event is about, and how that is said.
const about = {
  queue: [["/queue", "The queue has changed."]],
  case: [
    ["/cases/", "This case has changed."],
    ["/cases", "This list has changed."],
    ["/passports", "This list has changed."],
    ["/ledger", "The ledger has grown."],
  ],
};
const looked = "main table, main .timeline, main .states";

const tell = async (kind) => {
  try {
    const page = await now();
    const waiting = page.querySelector("[data-live=waiting]");
    if (count && waiting) count.textContent = waiting.textContent;
    const path = location.pathname;
    const here = about[kind].find(([place]) => (place.endsWith("/") ? path.startsWith(place) : path === place));
    const shown = document.querySelector(looked)?.textContent;
    const fresh = page.querySelector(looked)?.textContent;
    if (!here || shown === fresh || news.firstChild) return;
    news.append(here[1]);
    const show = document.createElement("a");
    show.className = "button";
    show.href = location.href;
    show.textContent = "Show it as it is now";
    news.append(show);
  } catch {
    // The next event asks again.
  }
};

// A form that was answered with a page has no address to ask for again.
if (news && window.EventSource && document.querySelector(".places")) {
  const events = new EventSource("/events");
  events.addEventListener("queue", () => tell("queue"));
  events.addEventListener("case", () => tell("case"));
}
