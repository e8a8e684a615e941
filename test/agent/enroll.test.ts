import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { enroll } from "../../agent/enroll.ts";
import { readCredential } from "../../shared/credential.ts";
import { newSecret } from "../../shared/id.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";

let coordinator: TestCoordinator;
let dir: Awaited<ReturnType<typeof tempDir>>;
let output: string;
beforeAll(async () => {
  [coordinator, dir] = await Promise.all([
    startTestCoordinator("redis", { publicUrl: "https://elsewhere.example" }),
    tempDir(),
  ]);
});
afterAll(async () => {
  await coordinator?.stop();
  await dir?.remove();
});
let made = 0;
beforeEach(() => {
  output = join(dir.path, `credential-${++made}`);
});

async function newToken(): Promise<string> {
  return (await coordinator.call("POST", "/v1/enrollment-tokens", { region: "eu-west" })).body.token;
}

/** Runs `watchpost agent enroll` as it is built. */
async function command(args: readonly string[], input = "", env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["dist/coordinator/cli/main.js", "agent", "enroll", ...args], {
    env: { PATH: process.env.PATH, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
    });
  }
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code, text };
}

test("the token from standard input becomes a credential that only its owner reads", async () => {
  const token = await newToken();
  const { code, text } = await command(
    ["--coordinator", `${coordinator.url}/`, "--token-file", "-", "--output", output],
    `${token}\n`,
  );
  expect([code, text]).toEqual([0, expect.stringMatching(/^Enrolled as agt_\w{20} in eu-west; the credential is in /)]);
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  const credential = readCredential(await readFile(output, "utf8"));
  // As it was reached, not as the coordinator thinks that it is called.
  expect(credential).toMatchObject({ region: "eu-west", coordinatorUrl: coordinator.url });
  expect(text).not.toContain(credential.secret);
  expect(text).not.toContain(token);
});

test("the token may be in a file that a setting names", async () => {
  const file = join(dir.path, "token");
  await writeFile(file, `  ${await newToken()}\n`);
  const { code } = await command(["--coordinator", coordinator.url, "--output", output], "", {
    WATCHPOST_ENROLLMENT_TOKEN_FILE: file,
  });
  expect(code).toBe(0);
});

test("what is wrong is one line, and the exit code tells whose fault it is", async () => {
  const token = await newToken();
  const at = (url: string, ...more: string[]) =>
    command(["--coordinator", url, "--output", output, ...more], `${token}\n`);
  expect(await at(coordinator.url)).toMatchObject({
    code: 2,
    text: expect.stringMatching(/^watchpost: --token-file /),
  });
  expect(await at("watch.example", "--token-file", "-")).toMatchObject({
    code: 2,
    text: expect.stringContaining("--coordinator must be an http:// or https:// URL"),
  });
  const port = await freePort();
  const { code, text } = await at(`http://127.0.0.1:${port}`, "--token-file", "-");
  expect([code, text.trim()]).toEqual([
    1,
    `watchpost: the coordinator is not reachable at http://127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
  ]);
  expect(await at(coordinator.url, "--token-file", join(dir.path, "none"))).toMatchObject({
    code: 1,
    text: expect.stringContaining("the token cannot be read from"),
  });
});

test("each refusal is told in words", async () => {
  const token = await newToken();
  await enroll({ coordinatorUrl: coordinator.url, token, output });
  const again = { coordinatorUrl: coordinator.url, output: `${output}-2` };
  await expect(enroll({ ...again, token })).rejects.toThrow("This enrolment token was used already");
  await expect(enroll({ ...again, token: newSecret("wpe") })).rejects.toThrow("is not known here");
  await expect(enroll({ ...again, token: "hunter2" })).rejects.toThrow(/^this is no enrolment token/);
  await expect(stat(again.output)).rejects.toThrow("ENOENT");
});

test("a clock that is off is refused, and the token is good for when it is right", async () => {
  const token = await newToken();
  const draft = { coordinatorUrl: coordinator.url, token, output };
  await expect(enroll({ ...draft, now: () => Date.now() - 3_600_000 })).rejects.toThrow(
    /^The clock of this machine is (1h|3600s|3599s|59m|60m) behind the coordinator's/,
  );
  await enroll(draft);
});

test("a token of another region than was said makes no agent, and is good for its own", async () => {
  const args = ["--coordinator", coordinator.url, "--token-file", "-", "--output", output];
  const token = `${await newToken()}\n`;
  const { code, text } = await command([...args, "--region", "us-east"], token);
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/must be eu-west, of which this enrolment token is, and not us-east; or left out/),
  ]);
  await expect(stat(output)).rejects.toThrow("ENOENT");
  expect((await command([...args, "--region", "eu-west"], token)).code).toBe(0);
});

test("a token is not spent where its credential cannot be kept", async () => {
  const token = await newToken();
  const draft = { coordinatorUrl: coordinator.url, token };
  await expect(enroll({ ...draft, output: join(dir.path, "nowhere", "credential") })).rejects.toThrow(
    /^nothing can be written to .*nowhere/,
  );
  if (process.getuid?.() !== 0) {
    await mkdir(join(dir.path, "locked"));
    await chmod(join(dir.path, "locked"), 0o500);
    await expect(enroll({ ...draft, output: join(dir.path, "locked", "credential") })).rejects.toThrow(
      /^nothing can be written to/,
    );
  }
  await enroll({ ...draft, output });
});

test.each([
  [200, "<html>", /what answers at http:\S+ \(with HTTP 200\) is not a coordinator/],
  [404, "{}", /with HTTP 404/],
  [201, '{"v":1}', /is no credential: region must be/],
  [429, '{"detail":"Too many\\nenrolments."}', /^Too many enrolments\.$/],
])("an answer of %d with %s is told as what it is", async (status, body, message) => {
  const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const coordinatorUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(enroll({ coordinatorUrl, token: newSecret("wpe"), output })).rejects.toThrow(message);
});
