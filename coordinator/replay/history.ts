import type { MonitorSpec } from "../../shared/monitor.ts";
import type { KnownRegion, Revision } from "../schedule/history.ts";
import { membersAt } from "../schedule/history.ts";
import { HELD_AT_MOST_MS } from "../verdict/machine.ts";

/** From this instant on, to below `to`, in ms since the epoch; null while it lasts. */
export interface Span {
  readonly from: number;
  readonly to: number | null;
}

/** What a monitor's verdict depended on beside its results, over time. */
export interface History {
  /** In ascending order; the first may be before what is looked at. */
  readonly revisions: readonly Revision[];
  readonly regions: readonly KnownRegion[];
  /** When which region had no vote. */
  readonly impairments: ReadonlyArray<Span & { readonly region: string }>;
  readonly maintenance: readonly Span[];
}

/** An instant at which some of it changed. */
export interface Turn {
  readonly at: number;
  /** The monitor's version from here on, when that is what changed. */
  readonly revision: Revision | null;
  /** Whether the monitor was judged again because of it, and not only at the next result. */
  readonly wakes: boolean;
}

/** The turns after an instant, in ascending order. */
export function turnsAfter({ revisions, regions, impairments, maintenance }: History, begin: number): Turn[] {
  const edges = (spans: readonly Span[]) => spans.flatMap(({ from, to }) => (to === null ? [from] : [from, to]));
  const woken = [...edges(impairments), ...edges(maintenance)];
  const unnoticed = [
    ...regions.flatMap(({ since, until }) => (until === null ? [since] : [since, until])),
    ...impairments.map(({ from }) => from - HELD_AT_MOST_MS),
  ];
  const turns: Turn[] = [
    ...revisions.map((revision) => ({ at: revision.validFrom, revision, wakes: false })),
    ...woken.map((at) => ({ at, revision: null, wakes: true })),
    ...unnoticed.map((at) => ({ at, revision: null, wakes: false })),
  ];
  return turns.filter(({ at }) => at > begin).sort((a, b) => a.at - b.at);
}

/**
 * What held at an instant. That a region was suspect is not kept: it counts as such in
 * the time before its vote was taken in which that holds anything back.
 */
export function circumstancesAt(
  { regions, impairments, maintenance }: History,
  wanted: MonitorSpec["regions"],
  at: number,
) {
  const isOn = ({ from, to }: Span) => from <= at && (to === null || at < to);
  const impaired = new Set(impairments.filter(isOn).map(({ region }) => region));
  const members = wanted === "all" ? membersAt(regions, at) : [...wanted].sort();
  return {
    regions: members.filter((region) => !impaired.has(region)),
    suspects: impairments.filter(({ from }) => at < from && from <= at + HELD_AT_MOST_MS).map(({ region }) => region),
    maintenance: maintenance.some(isOn),
  };
}
