import { readFile, rename, writeFile } from "node:fs/promises";
import { errorText } from "../../../shared/errors.ts";
import { demoMonitors } from "../../demo/monitors.ts";
import { createDemoTarget, type DemoPorts } from "../../demo/target.ts";
import type { CoordinatorApi } from "./api.ts";
import type { Steps } from "./steps.ts";
import type { Running } from "./supervise.ts";

/** What `demo.json` in the data directory says: that this directory was set up, and with which demo. */
interface DemoRecord {
  /** Where the demo monitors look; null when there are none. */
  readonly ports: DemoPorts | null;
  readonly monitorsMade: boolean;
}

export interface DemoOptions {
  readonly path: string;
  /** Whether a data directory without a record gets a demo. */
  readonly wanted: boolean;
  readonly api: CoordinatorApi;
  readonly steps: Steps;
}

export interface Demo extends Pick<Running, "stop"> {
  /** On a new data directory, makes the monitors; once agents are there to check them. */
  makeMonitors(): Promise<void>;
}

/**
 * Starts the demo target, on later starts where its monitors look: before agents do, which
 * would find it down. Null when there is no demo.
 */
export async function startDemo(options: DemoOptions): Promise<Demo | null> {
  const { path, api, steps } = options;
  const record = (await readRecord(path)) ?? (await newRecord(options));
  if (record.ports === null) return null;
  const target = createDemoTarget({ ports: record.ports });
  try {
    await target.start();
  } catch (thrown) {
    steps.warn("demo", `the demo target does not run, so its monitors will be down: ${errorText(thrown)}`);
    return null;
  }
  const ports = target.ports();
  return {
    stop: target.stop,
    async makeMonitors() {
      if (record.monitorsMade) return;
      // Ports first: a second start after a crash has to find them where the monitors look.
      await writeRecord(path, { ports, monitorsMade: false });
      await steps.step(
        "demo monitors",
        () => makeMonitors(api, ports),
        (made) => made.join(", "),
      );
      await writeRecord(path, { ports, monitorsMade: true });
    },
  };
}

async function newRecord({ path, wanted, api }: DemoOptions): Promise<DemoRecord> {
  const isEmpty = (await api.monitorNames()).length === 0;
  const record = { ports: wanted && isEmpty ? { http: 0, tcp: 0 } : null, monitorsMade: false };
  if (record.ports === null) await writeRecord(path, record);
  return record;
}

async function makeMonitors(api: CoordinatorApi, ports: DemoPorts): Promise<string[]> {
  const existing = await api.monitorNames();
  const missing = demoMonitors(ports).filter(({ name }) => !existing.includes(name));
  for (const document of missing) await api.createMonitor(document);
  return missing.map(({ name }) => name.replace("Demo: ", ""));
}

async function readRecord(path: string): Promise<DemoRecord | null> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  }
}

async function writeRecord(path: string, record: DemoRecord): Promise<void> {
  const partial = `${path}.new`;
  await writeFile(partial, JSON.stringify(record), { mode: 0o600 });
  await rename(partial, path);
}
