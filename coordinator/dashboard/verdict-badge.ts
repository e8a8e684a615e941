import type { MonitorRow } from "../http/api-types.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";
import { verdictWords } from "./words.ts";

/** A verdict in shape, word and colour, for how long it has stood, and what is special about it. */
export function verdictBadge(
  { verdict, since, suspected, flapping }: MonitorRow["status"],
  clock: PageClock,
): HTMLElement {
  return h(
    "div",
    {},
    h("span", { class: `state ${verdict}` }, icon(verdict), verdictWords[verdict]),
    suspected
      ? h("span", { class: "chip", title: "A result did not fit: every region is being asked again" }, "in doubt")
      : null,
    flapping ? h("span", { class: "chip", title: "It changes too often to tell of each change" }, "flapping") : null,
    h("span", { class: "sub" }, "for ", age(since, "span", clock)),
  );
}

/** All of a status that its badge shows. */
export function badgeKey({ verdict, since, suspected, flapping }: MonitorRow["status"]): unknown {
  return [verdict, since, suspected, flapping];
}
