import { formatLatency } from "../quantities.ts";
import type { Child } from "./dom.ts";
import { h } from "./dom.ts";
import { errorMessage } from "./error-message.ts";
import { icon } from "./icons.ts";
import type { RegionState } from "./region-state.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";
import { errorInWords, statusWords } from "./words.ts";

const hidden = (text: string) => h("span", { class: "visually-hidden" }, text);

/** What a region says: its status, latency or trouble, and how long ago. */
export function regionCell(state: RegionState, clock: PageClock): Child[] {
  if (state.kind === "none") return [h("span", { class: "state muted" }, icon("none"), hidden("Not checked"))];
  if (state.kind === "awaited") return [h("span", { class: "state unknown" }, icon("unknown"), "No result yet")];
  const { last } = state;
  const checked = h("span", { class: "sub" }, age(last.lastCheckAt, "ago", clock));
  if (state.kind === "stale") return [h("span", { class: "state unknown" }, icon("unknown"), "No news"), checked];
  const trouble = last.error && errorInWords(last.error.code, last.statusCode);
  return [
    h(
      "span",
      { class: `state ${last.status}` },
      icon(last.status),
      hidden(`${statusWords[last.status]}: `),
      trouble ?? formatLatency(last.latencyMs),
    ),
    h(
      "span",
      { class: "sub" },
      trouble === null ? null : `${formatLatency(last.latencyMs)} · `,
      age(last.lastCheckAt, "ago", clock),
    ),
  ];
}

/** The whole story of a cell, for its tooltip. */
export function regionTooltip(state: RegionState): string {
  if (state.kind === "none") return "Not checked";
  if (state.kind === "awaited") return "This region has not reported yet";
  const { status, latencyMs, statusCode, address, error } = state.last;
  const story = [
    state.kind === "stale"
      ? `Last seen ${statusWords[status].toLowerCase()}, too long ago to count`
      : statusWords[status],
    formatLatency(latencyMs),
    statusCode === null ? null : `status ${statusCode}`,
    address,
    error === null ? null : `${error.code}: ${error.message}`,
  ];
  return story.filter((part) => part !== null).join(" · ");
}

/** What the target or the agent said, for where there is room for it. */
export function regionMessage(state: RegionState): HTMLElement | null {
  if (state.kind !== "fresh" || state.last.error === null) return null;
  return errorMessage(state.last.error);
}
