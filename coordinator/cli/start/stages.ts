import type { Running } from "./supervise.ts";

/** What stops after what, and the most patience with it, in ms. */
const stages = { demo: 500, agents: 1_500, coordinator: 1_300, servers: 4_000 };
type Stage = keyof typeof stages;
/** The patience with all of them together, in ms: everything is over in 5 s. */
const PATIENCE_MS = 4_500;

/** What runs, for stopping it in its order. */
export interface Stages {
  readonly stopping: boolean;
  /** To be told of everything that runs, as soon as it does. */
  add(stage: Stage, part: Pick<Running, "stop">): void;
  /** Stops the stages one after the other, each as a whole. */
  stop(): Promise<void>;
}

export function createStages(): Stages {
  const parts: Array<readonly [Stage, Pick<Running, "stop">]> = [];
  let stopping = false;
  return {
    get stopping() {
      return stopping;
    },
    add(stage, part) {
      parts.push([stage, part]);
      // What comes up while all is being stopped.
      if (stopping) void part.stop(stages[stage]);
    },
    async stop() {
      stopping = true;
      const end = performance.now() + PATIENCE_MS;
      for (const stage of Object.keys(stages) as Stage[]) {
        const patienceMs = Math.min(stages[stage], end - performance.now());
        const ofStage = parts.filter(([of]) => of === stage).reverse();
        await Promise.all(ofStage.map(([, part]) => part.stop(patienceMs)));
      }
    },
  };
}
