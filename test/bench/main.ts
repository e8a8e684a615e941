import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorText } from "../../shared/errors.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { Benchmark } from "./benchmark.ts";
import { benchmarks } from "./benchmarks.ts";
import { describeMachine } from "./machine.ts";
import { reportOf, tableOf } from "./report.ts";
import { createScope } from "./scope.ts";

const usage = `npm run bench -- [NAME…] [--json] [--seconds N] [--scale X] [--profile DIR]
${Object.entries(benchmarks)
  .map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`)
  .join("\n")}
  --json         one object on the last line of each
  --seconds N    how long each measured window lasts, in whole seconds
  --scale X      what rates and sizes are multiplied by
  --profile DIR  keeps CPU profiles of the measured programs there
`;

const note = (text: string) => process.stderr.write(`${text}\n`);

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string" },
      scale: { type: "string", default: "1" },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const seconds = values.seconds === undefined ? null : Number(values.seconds);
  const scale = Number(values.scale);
  if (seconds !== null && !(Number.isInteger(seconds) && seconds >= 1 && seconds <= 3_600))
    throw new Error("--seconds must be a whole number from 1 to 3600");
  if (!(scale > 0 && scale <= 1_000)) throw new Error("--scale must be above 0 and at most 1000");
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined) throw new Error(`no benchmark is called ${unknown}`);
  const chosen = Object.entries(benchmarks).filter(([name]) => positionals.length === 0 || positionals.includes(name));
  return { ...values, seconds, scale, chosen };
}

type Options = ReturnType<typeof readArguments>;

async function runOne(name: string, benchmark: Benchmark, options: Options): Promise<void> {
  const { seconds, scale, profile: profileDir } = options;
  const dir = await tempDir();
  const scope = createScope(note);
  const interrupted = new Promise<never>((_, reject) => {
    const interrupt = (signal: NodeJS.Signals) => reject(new Error(`ended by ${signal}`));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  });
  try {
    const work = benchmark.run({
      seconds,
      scale,
      profileDir,
      dir: dir.path,
      scope,
      note: (text) => note(`${name}: ${text}`),
    });
    const report = reportOf(name, describeMachine(), await Promise.race([work, interrupted]));
    process.stdout.write(`${tableOf(report)}\n\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  } finally {
    await scope.close();
    await dir.remove();
    process.removeAllListeners("SIGINT").removeAllListeners("SIGTERM");
  }
}

let options: Options;
try {
  options = readArguments();
} catch (thrown) {
  note(`bench: ${errorText(thrown)}\n${usage}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
try {
  for (const [name, benchmark] of options.chosen) await runOne(name, benchmark, options);
  process.exit(0);
} catch (thrown) {
  note(`bench: ${thrown instanceof Error ? thrown.stack : errorText(thrown)}`);
  process.exit(1);
}
