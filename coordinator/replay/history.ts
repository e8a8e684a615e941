import type { MonitorSpec } from "../../shared/monitor.ts";
import type { KnownRegion, Revision } from "../schedule/history.ts";
import { membersAt } from "../schedule/history.ts";

/** From this instant on, to below `to`, in ms since the epoch; null while it lasts. */
export interface Span {
  readonly from: number;
  readonly to: number | null;
}

/** When trouble was held back that these suspect regions alone saw; to `to` included. */
export interface Hold {
  readonly from: number;
  readonly to: number;
  readonly regions: readonly string[];
}

/** What a monitor's verdict depended on beside its results, over time. */
export interface History {
  /** In ascending order; the first may be before what is looked at. */
  readonly revisions: readonly Revision[];
  readonly regions: readonly KnownRegion[];
  /** When which region had no vote. */
  readonly impairments: ReadonlyArray<Span & { readonly region: string }>;
  readonly holds: readonly Hold[];
  readonly maintenance: readonly Span[];
}

/** An instant at which some of it changed. */
export interface Turn {
  /** In ms since the epoch; with half a ms more, after what came in that ms. */
  readonly at: number;
  /** The monitor's version from here on, when that is what changed. */
  readonly revision: Revision | null;
  /** Whether the monitor was judged again because of it, and not only at the next result. */
  readonly wakes: boolean;
  /** Whether what was held back was not any more. */
  readonly releases: boolean;
}

/** The turns after an instant, in ascending order. */
export function turnsAfter({ revisions, regions, impairments, holds, maintenance }: History, begin: number): Turn[] {
  const edges = (spans: readonly Span[]) => spans.flatMap(({ from, to }) => (to === null ? [from] : [from, to]));
  const woken = [...edges(impairments), ...edges(maintenance)];
  const unnoticed = [
    ...regions.flatMap(({ since, until }) => (until === null ? [since] : [since, until])),
    ...holds.map(({ from }) => from),
  ];
  const turn: Omit<Turn, "at"> = { revision: null, wakes: false, releases: false };
  const turns: Turn[] = [
    ...revisions.map((revision) => ({ ...turn, at: revision.validFrom, revision })),
    ...woken.map((at) => ({ ...turn, at, wakes: true })),
    ...unnoticed.map((at) => ({ ...turn, at })),
    // What came in that very ms was taken before.
    ...holds.map(({ to }) => ({ ...turn, at: to + 0.5, wakes: true, releases: true })),
  ];
  return turns.filter(({ at }) => at > begin).sort((a, b) => a.at - b.at);
}

/**
 * What held at an instant. That a region was suspect is kept where it held anything back.
 * @param validFrom since when the version of the monitor was valid that was so then.
 */
export function circumstancesAt(
  { regions, impairments, holds, maintenance }: History,
  { regions: wanted }: MonitorSpec,
  validFrom: number,
  at: number,
) {
  const isOn = ({ from, to }: Span) => from <= at && (to === null || at < to);
  const impaired = new Set(impairments.filter(isOn).map(({ region }) => region));
  const members = wanted === "all" ? membersAt(regions, at) : [...wanted].sort();
  return {
    regions: members.filter((region) => !impaired.has(region)),
    cameUpAt: new Map(
      wanted === "all"
        ? regions
            .filter(({ since, until }) => since <= at && (until === null || at < until))
            .map(({ region, since }) => [region, since])
        : [],
    ),
    suspects: holds.filter(({ from, to }) => validFrom <= from && from <= at && at <= to).flatMap((one) => one.regions),
    maintenance: maintenance.some(isOn),
  };
}
