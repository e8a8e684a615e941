import type { LiveEvent, VerdictCounts } from "../http/api-types.ts";
import { createAgents } from "./agents.ts";
import { createAlerts } from "./alerts.ts";
import { announce } from "./announce.ts";
import type { Api } from "./api.ts";
import { ApiProblem } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import { createDetail } from "./detail.ts";
import { h, setAttribute } from "./dom.ts";
import { createIncident } from "./incident.ts";
import { createIncidents } from "./incidents.ts";
import type { Live } from "./live.ts";
import { createMaintenance } from "./maintenance.ts";
import { createOverview } from "./overview.ts";
import type { Poller } from "./poll.ts";
import { startPolling } from "./poll.ts";
import type { PageClock } from "./times.ts";
import { createTitle } from "./title.ts";
import { createTroubleBanner } from "./trouble.ts";

/** Shows the page that the address names, and keeps it fresh. Returns what ends it. */
export function showPages({
  root,
  api,
  clock,
  connectLive,
  onSignedOut,
}: {
  readonly root: HTMLElement;
  readonly api: Api;
  readonly clock: PageClock;
  readonly connectLive: (onEvent: (event: LiveEvent) => void) => Live;
  /** Told why, or null when it was the person's wish. */
  readonly onSignedOut: (reason: string | null) => void;
}): () => void {
  let poller: Poller | undefined;
  const refresh = () => poller?.now();
  const trouble = createTroubleBanner(clock, refresh);
  const notice = h("div", { class: "notice", role: "alert", hidden: true });
  const outlet = h("main");
  const sections = [
    { link: h("a", { href: "#/" }, "Monitors"), owns: /^(#\/?(\?.*)?|#\/monitors\/.*)?$/ },
    { link: h("a", { href: "#/incidents" }, "Incidents"), owns: /^#\/incidents\b/ },
    { link: h("a", { href: "#/agents" }, "Agents"), owns: /^#\/agents$/ },
    { link: h("a", { href: "#/maintenance" }, "Maintenance"), owns: /^#\/maintenance$/ },
    { link: h("a", { href: "#/alerts" }, "Alerts"), owns: /^#\/alerts$/ },
  ];
  const live = connectLive(({ type }) => {
    if (type !== "heartbeat") poller?.hint();
  });

  const title = createTitle();
  const context: PageContext = {
    api,
    clock,
    refresh,
    title: title.page,
    notify(text) {
      const close = h("button", { type: "button", onclick: hideNotice }, "Close");
      notice.replaceChildren(h("p", {}, text), close);
      notice.hidden = false;
    },
    isSignedOutBy(thrown) {
      const isRefused = thrown instanceof ApiProblem && thrown.status === 401;
      if (isRefused) signOut("The token is not accepted: it was wrong or has been changed. Sign in again.");
      return isRefused;
    },
  };

  function hideNotice(): void {
    notice.hidden = true;
  }

  function show(view: View): void {
    poller?.stop();
    hideNotice();
    outlet.replaceChildren(view.element);
    poller = startPolling({
      load: (signal) => Promise.all([view.load(signal), countDown(signal)]),
      hasHints: () => view.isTold === true && live.connected(),
      onLoaded: trouble.clear,
      onFailed(thrown) {
        if (!context.isSignedOutBy(thrown)) trouble.show(thrown);
      },
    });
  }

  async function countDown(signal: AbortSignal): Promise<void> {
    title.down((await api.get<VerdictCounts>("/v1/verdicts", signal)).down);
  }

  function route(): void {
    for (const { link, owns } of sections) {
      setAttribute(link, "aria-current", owns.test(location.hash) ? "page" : "false");
    }
    show(viewOf(location.hash));
  }

  function viewOf(hash: string): View {
    const [, kind, id] = /^#\/(monitors|incidents)\/([A-Za-z0-9_-]+)$/.exec(hash) ?? [];
    if (id !== undefined) return kind === "monitors" ? createDetail(context, id) : createIncident(context, id);
    if (hash === "#/agents") return createAgents(context);
    if (hash === "#/maintenance") return createMaintenance(context);
    if (hash === "#/alerts") return createAlerts(context);
    const query = new URLSearchParams(/\?(.*)$/.exec(hash)?.[1]);
    return /^#\/incidents\b/.test(hash) ? createIncidents(context, query) : createOverview(context, query);
  }

  function onNavigation(): void {
    route();
    scrollTo(0, 0);
    // Tells a screen reader, and whoever goes on by keyboard, that the page is another one.
    outlet.querySelector("h1")?.focus();
  }

  function stop(): void {
    poller?.stop();
    live.close();
    removeEventListener("hashchange", onNavigation);
    title.down(0);
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  }

  function signOut(reason: string | null): void {
    stop();
    onSignedOut(reason);
  }

  root.replaceChildren(
    h(
      "header",
      { class: "top" },
      h("a", { class: "brand", href: "#/" }, h("img", { src: "/assets/icon.svg", alt: "" }), "Watchpost"),
      h("nav", { "aria-label": "Pages" }, ...sections.map(({ link }) => link)),
      h("button", { type: "button", class: "quiet", onclick: () => signOut(null) }, "Sign out"),
    ),
    trouble.element,
    notice,
    outlet,
  );
  addEventListener("hashchange", onNavigation);
  announce("");
  route();
  return stop;
}
