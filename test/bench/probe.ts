import { startBlackboxExporter } from "./baseline/blackbox-exporter.ts";
import type { ProbeKind } from "./bench-check.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import type { ProbeOrder, Way } from "./probe-program.ts";
import { startProgram } from "./program.ts";
import type { Scope } from "./scope.ts";
import { quantile } from "./statistics.ts";
import { startTarget, type Target } from "./target.ts";

/** Windows of one way take turns with those of the others, so that a busy moment meets them all. */
const ROUNDS = 3;
const SECONDS = 2;
const WARM_UP_MS = 1_000;
const IN_FLIGHT = 50;

const kinds: Readonly<Record<ProbeKind, readonly Way[]>> = {
  http: ["watchpost", "bare", "undici"],
  https: ["watchpost", "bare", "undici"],
  tcp: ["watchpost", "bare"],
};

export const probe: Benchmark = {
  about: "CPU per HTTP, HTTPS and TCP check in the agent, in a closed loop, 50 in flight",
  async run({ scope, dir, note, profileDir, ...setting }) {
    const ms = (setting.seconds ?? SECONDS) * 1_000;
    const rounds = Math.max(1, Math.round(ROUNDS * setting.scale));
    const target = await startTarget(scope, dir);
    const runners = await startRunners(scope, target, { dir, profileDir });
    const askBlackbox = await startBlackboxExporter(scope, dir);
    if (askBlackbox === null) note("prometheus-blackbox-exporter is not installed: left out");
    else runners.push(...blackboxRunners(askBlackbox, target));

    for (const { kind, way, measure } of runners) {
      note(`warming up: ${kind}, ${way}`);
      await measure(Math.min(ms, WARM_UP_MS));
    }
    const seen = new Map<Runner, number[]>(runners.map((runner) => [runner, []]));
    for (let round = 1; round <= rounds; round++) {
      note(`round ${round} of ${rounds}`);
      for (const runner of runners) seen.get(runner)?.push(await runner.measure(ms));
    }
    const figuresOf = (wanted: string): Figures =>
      Object.fromEntries(
        [...seen]
          .filter(([{ way }]) => way === wanted)
          .map(([{ kind }, values]) => [
            `${kind}CpuUsPerCheck`,
            quantile(
              [...values].sort((a, b) => a - b),
              0.5,
            ),
          ]),
      );
    return {
      figures: figuresOf("watchpost"),
      baselines: {
        bare: figuresOf("bare"),
        undiciClientPerCheck: figuresOf("undici"),
        ...(askBlackbox && { blackboxExporter: figuresOf("blackbox") }),
      },
    };
  },
};

interface Runner {
  readonly kind: ProbeKind;
  readonly way: Way | "blackbox";
  /** µs of CPU time per check. */
  readonly measure: (ms: number) => Promise<number>;
}

async function startRunners(
  scope: Scope,
  target: Target,
  where: { dir: string; profileDir: string | undefined },
): Promise<Runner[]> {
  const runners: Runner[] = [];
  for (const [kind, ways] of Object.entries(kinds) as [ProbeKind, readonly Way[]][]) {
    for (const way of ways) runners.push({ kind, way, measure: await startProbeLoop(scope, target, kind, way, where) });
  }
  return runners;
}

/** Starts a process that makes checks in one way, and returns what measures it: µs of CPU time per check. */
export async function startProbeLoop(
  scope: Scope,
  target: Target,
  kind: ProbeKind,
  way: Way,
  { dir, profileDir }: { dir: string; profileDir?: string | undefined },
): Promise<(ms: number) => Promise<number>> {
  const program = scope.add(
    startProgram(new URL("./probe-program", import.meta.url), {
      env: { WAY: way, KIND: kind, URL: urlOf(target, kind), AUTHORITY: target.authority },
      logFile: `${dir}/probe-${kind}-${way}.log`,
      profileDir: way === "watchpost" ? profileDir : undefined,
    }),
  );
  await program.message();
  return async (ms) => {
    program.send({ ms, inFlight: IN_FLIGHT } satisfies ProbeOrder);
    return (await program.message<{ usPerCheck: number }>(ms + 30_000)).usPerCheck;
  };
}

function blackboxRunners(
  ask: NonNullable<Awaited<ReturnType<typeof startBlackboxExporter>>>,
  target: Target,
): Runner[] {
  return (Object.keys(kinds) as ProbeKind[]).map((kind) => ({
    kind,
    way: "blackbox",
    measure: (ms) =>
      ask(
        kind === "tcp"
          ? { module: "tcp", target: new URL(target.url).host, inFlight: IN_FLIGHT, ms }
          : { module: "http", target: urlOf(target, kind), inFlight: IN_FLIGHT, ms },
      ),
  }));
}

const urlOf = (target: Target, kind: ProbeKind): string => (kind === "https" ? target.secureUrl : target.url);
