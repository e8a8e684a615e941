import { formatAgo } from "../cli/format.ts";
import { h } from "./dom.ts";

const TICK_MS = 1_000;

/** `2026-01-31 14:03:12`, in the time zone of the reader. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}

/** A span in two units: `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  if (first === -1) return "0 s";
  const [size, unit] = units[first] as (typeof units)[number];
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 && next ? ` ${rest} ${next[1]}` : ""}`;
}

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

/** Keeps every age on the page true, also while nothing new arrives. */
export function keepAges(clock: PageClock): void {
  setInterval(() => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-age]")) {
      const style = element.dataset.age as keyof typeof styles;
      const text = styles[style](clock.now() - Date.parse(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, TICK_MS);
}
