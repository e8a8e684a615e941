import type { Scope } from "./scope.ts";

/** Named numbers; the unit is part of the name. */
export type Figures = Readonly<Record<string, number>>;

export interface Outcome {
  readonly figures: Figures;
  /** What other ways of doing the same came to in the same run; figures of the same name are compared. */
  readonly baselines: Readonly<Record<string, Figures>>;
}

export interface Setting {
  /** How long each window lasts that is measured, in whole seconds; null leaves it to the benchmark. */
  readonly seconds: number | null;
  /** What the sizes of the benchmark are multiplied by. */
  readonly scale: number;
  /** Where Node's CPU profiles of the measured programs go, if they are wanted. */
  readonly profileDir: string | undefined;
  /** An empty directory that is removed afterwards. */
  readonly dir: string;
  /** Holds all that is started. */
  readonly scope: Scope;
  /** Tells people how far it is. */
  readonly note: (text: string) => void;
}

export interface Benchmark {
  readonly about: string;
  run(setting: Setting): Promise<Outcome>;
}
