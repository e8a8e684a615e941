import { describe, expect, test } from "vitest";
import { type Running, supervise } from "../../../../coordinator/cli/start/supervise.ts";
import { until } from "../../../support/until.ts";

/** A process that ends when told. */
function pretend(): Running & { end(how: string): void; stops: number } {
  let end: (how: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const running = {
    ended,
    end,
    stops: 0,
    async stop() {
      running.stops++;
      end("exit code 0");
    },
  };
  return running;
}

describe("supervision", () => {
  test("starts again what ended, also after a failure to start, and says so", async () => {
    const said: string[] = [];
    const runs = [pretend()];
    let failures = 1;
    const supervision = supervise({
      name: "it",
      first: runs[0] as Running,
      async startAgain() {
        if (failures-- > 0) throw new Error("no luck");
        runs.push(pretend());
        return runs.at(-1) as Running;
      },
      say: (text) => said.push(text),
    });
    runs[0]?.end("exit code 1");
    await until(
      () => runs.length,
      (count) => count === 2,
    );
    expect(said.map((text) => text.replace(/[\d.]+ s/, "N s"))).toEqual([
      "it ended (exit code 1); starting it again in N s",
      "it: no luck",
      "it did not start; starting it again in N s",
    ]);
    await supervision.stop();
    expect(runs.map(({ stops }) => stops)).toEqual([0, 1]);
  });

  test("starts nothing again once it is stopped", async () => {
    const first = pretend();
    let starts = 0;
    const supervision = supervise({
      name: "it",
      first,
      async startAgain() {
        starts++;
        return pretend();
      },
      say: () => undefined,
    });
    first.end("exit code 1");
    await supervision.stop();
    expect(starts).toBe(0);
  });
});
