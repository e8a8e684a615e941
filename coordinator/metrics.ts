import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The coordinator's own figures, for `/metrics`. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Names and units follow https://prometheus.io/docs/practices/naming/. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: `watchpost_${name}`, help, labelNames, registers });
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ) => new Histogram<Label>({ name: `watchpost_${name}`, help, buckets, labelNames, registers });
  const rows = [1, 10, 50, 100, 500, 1_000, 2_500, 5_000];
  const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
  const waits = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];
  return {
    taken: counter("results_taken_total", "Results that came through the results queues and are fit."),
    stored: counter("results_stored_total", "Results inserted into ClickHouse."),
    repeated: counter("results_repeated_total", "Results dropped because the same check's was there already."),
    quarantined: counter("quarantined_total", "What came through the results queues and is not fit.", ["reason"]),
    unasked: counter(
      "results_unasked_total",
      "Results that are no votes: of checks that were not scheduled, or not due yet.",
    ),
    misses: counter("misses_stored_total", "Checks without a result, by reason.", ["reason"]),
    lostMisses: counter("misses_lost_total", "Reports of missed checks that could not be kept."),
    spoolExpired: counter("spool_expired_blocks_total", "Spooled blocks given up because of their age."),
    deliveries: counter("deliveries_total", "Tries to tell people, by type of channel and outcome.", [
      "type",
      "outcome",
    ]),
    questionsSkipped: counter(
      "questions_skipped_total",
      "Doubts of which nobody was asked, because their monitors had been asked about too often.",
    ),
    verdictChanges: counter("verdict_changes_total", "Changes of verdicts, by the new one.", ["to"]),
    incidentsOpened: counter("incidents_opened_total", "Incidents opened, by kind and level.", ["kind", "level"]),
    detectSeconds: histogram(
      "incident_detect_seconds",
      "From the end of a target's first failing check to the suspicion, per incident.",
      waits,
    ),
    confirmSeconds: histogram(
      "incident_confirm_seconds",
      "From the suspicion of an incident to its confirmation.",
      waits,
    ),
    impairments: counter("region_impairments_total", "How often a region was found impaired.", ["region"]),
    jobResults: histogram("results_per_job", "Results in one job of a results queue.", rows),
    insertRows: histogram("insert_rows", "Rows in one insert into ClickHouse.", rows),
    storeSeconds: histogram("store_seconds", "Duration of one successful flush into a store.", seconds, ["store"]),
    dispatchLateness: histogram(
      "dispatch_lateness_seconds",
      "How long before (negative) or after its instant a check was pushed to its region's queue.",
      [-2, -1, -0.5, -0.25, -0.1, 0, 0.1, 0.25, 0.5, 1, 5, 30],
    ),
    /** A figure that is looked up whenever it is asked for. */
    gauge(name: string, help: string, read: () => number): void {
      new Gauge({
        name: `watchpost_${name}`,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    /** The same for several figures; those that cannot be had at the moment are left out. */
    gauges<Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
      read: () => Promise<Array<readonly [Record<Label, string>, number]>>,
    ): void {
      new Gauge<Label>({
        name: `watchpost_${name}`,
        help,
        labelNames,
        registers,
        async collect() {
          this.reset();
          for (const [labels, value] of await read()) this.set(labels, value);
        },
      });
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
