import type { MonitorRow } from "../http/api-types.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";
import { verdictWords } from "./words.ts";

/** A verdict in shape, word and colour, and for how long it has stood. */
export function verdictBadge({ verdict, since }: MonitorRow["status"], clock: PageClock): HTMLElement {
  return h(
    "div",
    {},
    h("span", { class: `state ${verdict}` }, icon(verdict), verdictWords[verdict]),
    h("span", { class: "sub" }, "for ", age(since, "span", clock)),
  );
}
