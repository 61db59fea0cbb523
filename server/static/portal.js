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

const tell = async (about) => {
  try {
    const page = await now();
    const waiting = page.querySelector("[data-live=waiting]");
    if (count && waiting) count.textContent = waiting.textContent;
    const shown = document.querySelector("main table, main .timeline, main .states");
    const fresh = page.querySelector("main table, main .timeline, main .states");
    const here = about === "queue" ? location.pathname === "/queue" : location.pathname.startsWith("/cases/");
    if (!here || !shown || !fresh || shown.textContent === fresh.textContent || news.firstChild) return;
    news.append(about === "queue" ? "The queue has changed." : "This case has changed.");
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
