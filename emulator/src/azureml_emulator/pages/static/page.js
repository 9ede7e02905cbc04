// Keeps a page up to date: asks for the same address again, and takes over the parts that are marked as live.
// Everything works without it; a reload then does the same.
"use strict";

(() => {
  const SLOWEST_MS = 15000;
  const LONGEST_LOG = 4 << 20;
  const AT_THE_END = 48;
  const offline = document.getElementById("offline");
  const known = new WeakMap();
  let failures = 0;

  const parts = () => [...document.querySelectorAll("[data-live]")];
  for (const part of parts()) known.set(part, part.outerHTML);

  function told(ok) {
    failures = ok ? 0 : failures + 1;
    offline.hidden = failures < 2;
  }

  function isBeingRead(part) {
    const chosen = document.getSelection();
    return chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
  }

  function replace(part, fresh) {
    if (known.get(part) === fresh.outerHTML || isBeingRead(part)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const address = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href"));
    const ticked = new Set([...part.querySelectorAll("input:checked")].map((box) => box.value));
    const html = fresh.outerHTML;
    part.replaceWith(fresh);
    known.set(fresh, html);
    for (const box of fresh.querySelectorAll("input[type=checkbox]")) box.checked = ticked.has(box.value);
    if (address) {
      const again = address.startsWith("#")
        ? fresh.querySelector(address)
        : [...fresh.querySelectorAll("a")].find((one) => one.getAttribute("href") === address);
      again?.focus({ preventScroll: true });
    } else if (focused instanceof HTMLInputElement) {
      [...fresh.querySelectorAll("input")].find((one) => one.value === focused.value)?.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(SLOWEST_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const fresh = page.getElementById(part.id);
      if (fresh) replace(part, document.adoptNode(fresh));
      else part.removeAttribute("data-live");
    }
    document.title = page.title;
  }

  async function follow(log) {
    const answer = await fetch(`${log.dataset.tail}&after=${log.dataset.end}`, { signal: AbortSignal.timeout(SLOWEST_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - AT_THE_END;
    const text = await answer.text();
    if (text) log.append(text);
    if (log.childNodes.length > 1 && log.textContent.length > LONGEST_LOG) log.firstChild.remove();
    if (text && atEnd) log.scrollTop = log.scrollHeight;
    log.dataset.end = answer.headers.get("X-End");
    if (answer.headers.get("X-More") === "0") log.removeAttribute("data-tail");
  }

  async function attempt(work) {
    try {
      await work();
      told(true);
    } catch {
      told(false);
    }
  }

  function repeat(work, milliseconds) {
    const step = async () => {
      if (!document.hidden) await attempt(work);
      const next = milliseconds();
      if (next !== null) setTimeout(step, next * Math.min(2 ** Math.max(failures - 1, 0), 8));
    };
    const first = milliseconds();
    if (first !== null) setTimeout(step, first);
  }

  repeat(refresh, () => (parts().length ? Math.min(...parts().map((part) => Number(part.dataset.live))) : null));
  const log = document.getElementById("log");
  if (log) {
    log.scrollTop = log.scrollHeight;
    repeat(() => follow(log), () => (log.dataset.tail ? 1000 : null));
  }
})();
