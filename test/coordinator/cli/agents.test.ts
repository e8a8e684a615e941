import { afterAll, beforeAll, expect, it } from "vitest";
import { CLOSE_REFUSED } from "../../../shared/link.ts";
import { type CliRun, watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { type EnrolledAgent, enrolledAgent } from "../../support/enrolled-agent.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
let enrolled: EnrolledAgent | undefined;
const run = (...args: string[]): Promise<CliRun> =>
  watchpost(args, { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken });
async function json(...args: string[]): Promise<any> {
  const { code, out, err } = await run(...args, "--json");
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out);
}

beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(async () => {
  await coordinator?.stop();
  await enrolled?.remove();
});

it("prints the line and the token, apart from each other, and how to end it", async () => {
  const { code, out } = await run("agents", "enroll", "--region", "eu-west", "--name", "fra1", "--expires", "15m");
  expect(code).toBe(0);
  const [, line = ""] = /^ {2}(curl .*)$/m.exec(out) ?? [];
  const [, token = ""] = /^ {2}(wpe_\w{43})$/m.exec(out) ?? [];
  expect(line).toMatch(
    new RegExp(
      `^curl -fsSL ${coordinator.url}/install.sh \\| sudo sh -s -- --coordinator ${coordinator.url} --key [\\w-]+$`,
    ),
  );
  expect(line).not.toContain(token);
  expect(out).toContain("within 15m");
  expect(out).toContain("start it with HOST=0.0.0.0; and set WATCHPOST_PUBLIC_URL for the coordinator");
  const [listed] = await json("agents", "tokens");
  expect(listed).toMatchObject({ region: "eu-west", name: "fra1", state: "open" });
  expect(JSON.stringify(listed)).not.toContain(token);
  expect(out).toContain(`\`watchpost agents tokens revoke ${listed.id}\``);
  expect(await run("agents", "tokens", "revoke", listed.id)).toMatchObject({ code: 0, out: `Revoked ${listed.id}.\n` });
  expect((await run("agents", "tokens")).out).toMatch(/eu-west +fra1 +revoked/);
  expect(await run("agents", "tokens", "revoke", listed.id)).toMatchObject({ code: 1 });
});

it("has all parts for programs", async () => {
  const made = await json("agents", "enroll", "--region", "eu-west");
  expect(made).toMatchObject({
    region: "eu-west",
    token: expect.stringMatching(/^wpe_/),
    key: expect.stringMatching(/^[\w-]+$/),
    line: expect.stringContaining(made.key),
    expiresAt: expect.any(String),
  });
});

it.each([
  [["agents", "enroll"], "--region"],
  [["agents", "enroll", "--region", "EU"], "lower-case letters"],
  [["agents", "enroll", "--region", "eu-west", "--expires", "1y"], "expiresIn"],
  [["tokens", "create", "--name", "a", "--scope", "root"], "Allowed choices are read, write, admin"],
])("%j is a wrong call", async (args, words) => {
  const { code, err } = await run(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(words)]);
});

it("rotates and revokes an agent that is linked", async () => {
  enrolled = await enrolledAgent(coordinator, "eu-west");
  const { agentId } = enrolled;
  const agent = enrolled.start();
  try {
    await until(
      () => json("agents"),
      (rows) => rows.some(({ id, online }: any) => id === agentId && online),
      { withinMs: 20_000 },
    );
    expect(await json("agents", "rotate", agentId)).toEqual({ id: agentId, generation: 2, rotated: true });
    expect(await run("agents", "revoke", agentId)).toMatchObject({
      code: 0,
      out: `Revoked ${agentId}: it is cut off, and cannot come back.\n`,
    });
    await until(
      () => agent.output(),
      (output) => output.includes(`closed with ${CLOSE_REFUSED}`),
    );
    expect((await run("agents")).out).toMatch(new RegExp(`${agentId} +eu-west +revoked`));
    expect(await run("agents", "rotate", agentId)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has been revoked/),
    });
    expect(await run("agents", "revoke", "agt_none")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no enrolled agent agt_none/),
    });
  } finally {
    await agent.end("SIGKILL");
  }
  const { out } = await run("audit", "--subject", agentId);
  const lines = out
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ {2,}/)[2]);
  expect(lines).toEqual(["agents.revoke", "agents.rotated", "agents.rotate", "agents.enroll", undefined]);
});

it("says so when an agent that is not linked is to get its secret later", async () => {
  const away = await enrolledAgent(coordinator, "us-east");
  try {
    const { code, out } = await run("agents", "rotate", away.agentId);
    expect([code, out]).toEqual([0, expect.stringMatching(/gets its new secret when it is linked/)]);
  } finally {
    await away.remove();
  }
});

it("makes, lists and deletes tokens of the API", async () => {
  expect((await run("tokens")).out).toMatch(/^No tokens but the admin token/);
  const { out } = await run("tokens", "create", "--name", "grafana");
  const [, token = "", id = ""] = /^(wpt_\w+)\n\nThat is (tok_\w+) \(grafana, read\)/.exec(out) ?? [];
  const as = (...args: string[]) => watchpost(args, { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: token });
  expect(await as("monitors")).toMatchObject({ code: 0 });
  expect(await as("tokens")).toMatchObject({ code: 2, err: expect.stringContaining("This token may read") });
  expect((await run("tokens", "list")).out).toMatch(new RegExp(`${id} +grafana +read +\\d{4}-`));
  expect(await run("tokens", "delete", id)).toMatchObject({ code: 0, out: `Deleted ${id}.\n` });
  expect(await as("monitors")).toMatchObject({ code: 2, err: expect.stringContaining("refused the token") });
  const [last] = await json("audit", "--limit", "1");
  expect(last).toMatchObject({ actor: "admin", action: "tokens.delete", subject: id });
});
