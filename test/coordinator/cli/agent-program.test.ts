import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { agentProgram } from "../../../coordinator/cli/agent-program.ts";

test("an agent is run from its one file where that was built, with little memory", async () => {
  const built = pathToFileURL(resolve("dist/coordinator/cli/agent-program.js")).href;
  const { path, execArgv } = ((await import(built)) as { agentProgram: typeof agentProgram }).agentProgram();
  expect(fileURLToPath(path)).toBe(resolve("dist/agent"));
  expect(execArgv).toContain("--max-semi-space-size=2");
});

test("an agent is run from its main module where nothing was built", () => {
  expect(fileURLToPath(agentProgram().path)).toBe(resolve("agent/main"));
});
