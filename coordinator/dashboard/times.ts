import { formatAgo, formatSpan } from "../quantities.ts";
import { h } from "./dom.ts";
import { formatTime } from "./format.ts";

const TICK_MS = 1_000;

const styles = { ago: formatAgo, span: formatSpan };

/** The browser's clock corrected to the coordinator's, in ms since the epoch: ages are between times of the latter. */
export interface PageClock {
  now(): number;
  /** Takes in a Date header; it has no fractions of a second, so smaller differences are none. */
  heard(date: string | null): void;
}

export function createPageClock(): PageClock {
  let ahead = 0;
  return {
    now: () => Date.now() - ahead,
    heard(date) {
      const difference = Date.now() - Date.parse(date ?? "");
      if (Number.isFinite(difference)) ahead = Math.abs(difference) < 2_000 ? 0 : difference;
    },
  };
}

/** A time shown as its distance from now, which `keepAges` keeps true; the time itself is the tooltip. */
export function age(iso: string, style: keyof typeof styles, clock: PageClock): HTMLTimeElement {
  const text = styles[style](clock.now() - Date.parse(iso));
  return h("time", { datetime: iso, "data-age": style, title: formatTime(iso) }, text);
}

/** Marks what is far out of sight: its ages need not be kept. With a thousand rows they cost more than all else. */
export function createSight(): IntersectionObserver {
  return new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) target.toggleAttribute("data-away", !isIntersecting);
    },
    { rootMargin: "300px 0px" },
  );
}

/** Keeps every age in sight true, also while nothing new arrives. */
export function keepAges(clock: PageClock): void {
  setInterval(() => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-age]")) {
      if (element.closest("[data-away]") !== null) continue;
      const style = element.dataset.age as keyof typeof styles;
      const text = styles[style](clock.now() - Date.parse(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, TICK_MS);
}
