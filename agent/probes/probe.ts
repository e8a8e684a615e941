import type { MonitorType } from "../../shared/monitor.ts";
import type { OpenCheck } from "../check-secrets.ts";
import type { Observation } from "../net/attempt.ts";

export type CheckOf<T extends MonitorType> = Extract<OpenCheck, { readonly type: T }>;

/** Performs a check of one type within its `timeoutMs` and tells what it saw. Never throws. */
export type Probe<T extends MonitorType> = (check: CheckOf<T>) => Promise<Observation>;

/** One probe for every type a monitor can have; a missing one does not compile. */
export type Probes = { readonly [T in MonitorType]: Probe<T> };
