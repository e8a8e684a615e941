import { execFile } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tempDir } from "../../support/temp-dir.ts";

const built = resolve("dist/coordinator/cli/main.js");
let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir.remove());

/** Runs a program in an empty directory without any setting of Watchpost's. */
function run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  return new Promise((done) => {
    execFile(program, args, { cwd: dir.path, env: { PATH: path }, timeout: 20_000 }, (error, stdout, stderr) =>
      done({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr }),
    );
  });
}
const node = (...args: string[]) => run(process.execPath, ...args);

it("runs by its name through a symbolic link, as npm makes one", async () => {
  const link = join(dir.path, "watchpost");
  await symlink(built, link);
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  expect(await run(link, "--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

it("says in one line that Node is too old, and exits with 2", async () => {
  const { engines } = JSON.parse(await readFile("package.json", "utf8")) as { engines: { node: string } };
  const [major = 0, minor = 0] = engines.node.replace(">=", "").split(".").map(Number);
  const pretend = async (version: string) => {
    const file = join(dir.path, "pretend.cjs");
    await writeFile(file, `Object.defineProperty(process, "versions", { value: { node: "${version}" } });`);
    return node("--require", file, built, "--version");
  };
  for (const old of [`${major}.${minor - 1}.9`, `${major - 1}.99.0`]) {
    expect(await pretend(old)).toEqual({
      code: 2,
      stdout: "",
      stderr: `watchpost: needs Node ${major}.${minor} or newer, and this is ${old}: see https://nodejs.org\n`,
    });
  }
  for (const good of [`${major}.${minor}.0`, `${major + 2}.0.0`]) expect((await pretend(good)).code).toBe(0);
});

it("reads .env of the working directory", async () => {
  const env = join(dir.path, ".env");
  await writeFile(env, "REDIS_PORT=many\n");
  expect(await node(built, "doctor")).toMatchObject({ code: 2, stderr: expect.stringContaining("REDIS_PORT must be") });
  await writeFile(env, "");
});

it.each(["coordinator", "agent"])("lists every setting of the %s in its help", async (side) => {
  const { code, stdout } = await node(built, side, "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("REDIS_PASSWORD");
  expect(stdout).toContain("WATCHPOST_STARTUP_TIMEOUT");
  expect(stdout).toContain(side === "agent" ? "WATCHPOST_REGION" : "WATCHPOST_ADMIN_TOKEN");
});

it.each(["coordinator", "agent"])("runs the %s, which says what is missing and exits with 2", async (side) => {
  expect(await node(built, side)).toMatchObject({ code: 2, stderr: expect.stringMatching(/must be set\n$/) });
});

it.each([
  [[], 2],
  [["--help"], 0],
  [["monitors", "add", "--help"], 0],
  [["nonsense"], 2],
  [["monitors", "--colour"], 2],
])("exits after %j with %d", async (args, code) => {
  expect((await node(built, ...args)).code).toBe(code);
});
