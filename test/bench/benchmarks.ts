import type { Benchmark } from "./benchmark.ts";
import { lateness } from "./lateness.ts";
import { pipeline } from "./pipeline.ts";
import { planner } from "./planner.ts";
import { probe } from "./probe.ts";
import { queue } from "./queue.ts";
import { store } from "./store.ts";

/** Every benchmark by its name. */
export const benchmarks: Readonly<Record<string, Benchmark>> = { pipeline, lateness, planner, probe, queue, store };
