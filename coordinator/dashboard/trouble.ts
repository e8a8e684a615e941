import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import { h, renderIfChanged } from "./dom.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";

/** Says, while loading fails, why, and how old the page is. */
export function createTroubleBanner(clock: PageClock, retry: () => void) {
  const text = h("p");
  const element = h(
    "div",
    { class: "trouble", hidden: true },
    text,
    h("button", { type: "button", onclick: retry }, "Try now"),
  );
  let loadedAt: string | null = null;

  return {
    element,
    show(thrown: unknown): void {
      const reason =
        thrown instanceof ApiProblem
          ? `The coordinator cannot answer: ${thrown.message}`
          : `The coordinator does not answer (${(thrown as Error).message}).`;
      if (element.hidden) announce(reason);
      element.hidden = false;
      renderIfChanged(text, [reason, loadedAt], () => [
        h("strong", {}, reason),
        loadedAt === null ? " Nothing could be loaded yet." : " What is shown is ",
        loadedAt === null ? null : age(loadedAt, "span", clock),
        loadedAt === null ? null : " old.",
        " Trying again.",
      ]);
    },
    clear(): void {
      loadedAt = new Date(clock.now()).toISOString();
      if (element.hidden) return;
      element.hidden = true;
      announce("The coordinator answers again.");
    },
  };
}
