import { agent } from "./agent.ts";
import type { Benchmark } from "./benchmark.ts";
import { detect } from "./detect.ts";
import { lateness } from "./lateness.ts";
import { memory } from "./memory.ts";
import { pipeline } from "./pipeline.ts";
import { planner } from "./planner.ts";
import { probe } from "./probe.ts";
import { queue } from "./queue.ts";
import { store } from "./store.ts";
import { tunnel } from "./tunnel.ts";

/** Every benchmark by its name. */
export const benchmarks: Readonly<Record<string, Benchmark>> = {
  pipeline,
  probe,
  agent,
  lateness,
  detect,
  queue,
  planner,
  store,
  memory,
  tunnel,
};
