import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { tempDir } from "../../support/temp-dir.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const monitors = (...args: string[]): Promise<CliRun> => withInput("", ...args);
const withInput = (input: string, ...args: string[]): Promise<CliRun> =>
  watchpost(["monitors", ...args], { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken }, { input });
const shown = async (name: string) => JSON.parse((await monitors("show", name, "--json")).out);

describe("monitors add", () => {
  it("makes an HTTP monitor of flags", async () => {
    const run = await monitors(
      ...["add", "--name", "Shop", "--url", "https://shop.example/", "--method", "HEAD", "--interval", "30s"],
      ...["--timeout", "5s", "--regions", "eu-west,us-east", "--quorum", "2"],
    );
    expect(run).toEqual({ code: 0, out: expect.stringMatching(/^Added Shop as mon_\w+\.\n$/), err: "" });
    expect(await shown("Shop")).toMatchObject({
      type: "http",
      interval: "30s",
      timeout: "5s",
      regions: ["eu-west", "us-east"],
      quorum: 2,
      http: { url: "https://shop.example/", method: "HEAD" },
    });
  });

  it("makes a TCP monitor of flags and names it after its target", async () => {
    const run = await monitors("add", "--host", "db.example", "--port", "5432", "--regions", "all", "--json");
    expect(JSON.parse(run.out)).toMatchObject({
      name: "db.example:5432",
      type: "tcp",
      regions: "all",
      quorum: "majority",
      tcp: { host: "db.example", port: 5432 },
    });
  });

  it("takes the whole monitor from a file or from standard input", async () => {
    const yaml = (name: string) =>
      `name: ${name}\ntype: http\nhttp:\n  url: https://shop.example/\nassertions:\n  - { source: status, op: eq, value: 200 }\n`;
    const dir = await tempDir();
    try {
      await writeFile(join(dir.path, "monitor.yaml"), yaml("From a file"));
      expect(await monitors("add", "-f", join(dir.path, "monitor.yaml"))).toMatchObject({ code: 0, err: "" });
    } finally {
      await dir.remove();
    }
    expect(await withInput(yaml("From input"), "add", "--file", "-")).toMatchObject({ code: 0, err: "" });
    for (const name of ["From a file", "From input"]) {
      expect(await shown(name)).toMatchObject({ assertions: [{ source: "status", op: "eq", value: 200 }] });
    }
  });

  it.each([
    [["--url", "ftp://shop.example/"], "http.url  must be an http:// or https:// URL"],
    [["--url", "https://shop.example/", "--interval", "25h"], "interval  must be whole seconds from 1s to 24h"],
    [["--url", "https://shop.example/", "--regions", "EU"], "regions.0  must be lower-case letters"],
    [["--host", "db.example", "--port", "many"], "tcp.port  "],
  ])("tells field and rule of %j", async (flags, message) => {
    const { code, err } = await monitors("add", ...flags);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it.each([
    [[], "say what to watch"],
    [["--url", "https://shop.example/", "--port", "1"], "say what to watch"],
    [["--url", "https://shop.example/", "-f", "x.yaml"], "leave out --url"],
    [["-f", "/nonexistent/x.yaml"], "/nonexistent/x.yaml cannot be read"],
    [["--colour", "red"], "unknown option '--colour'"],
  ])("refuses %j", async (flags, message) => {
    expect(await monitors("add", ...flags)).toEqual({ code: 2, out: "", err: expect.stringContaining(message) });
  });

  it("says where a file is no YAML", async () => {
    expect(await withInput("a: [1\nb: 2", "add", "-f", "-")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/standard input cannot be read: .*line/),
    });
  });
});

describe("an existing monitor", () => {
  it("is found by id as by name", async () => {
    const { out } = await monitors("add", "--name", "Found", "--url", "https://shop.example/", "--json");
    const { id } = JSON.parse(out) as { id: string };
    expect((await shown(id)).name).toBe("Found");
    expect((await shown("Found")).id).toBe(id);
    const { out: page } = await monitors("show", "Found");
    expect(page).toMatch(/^Found is unknown since 20/);
    expect(page).toContain("No region has reported yet.");
    expect(page).toMatch(
      /^name: Found\ntype: http\nenabled: true\ninterval: 1m\n.*^http:\n {2}url: https:\/\/shop\.example\/\n/ms,
    );
  });

  it("may have a name that looks like an id", async () => {
    await monitors("add", "--name", "mon_shop", "--url", "https://shop.example/");
    expect((await shown("mon_shop")).name).toBe("mon_shop");
    expect(await monitors("show", "mon_none")).toMatchObject({ code: 1, err: expect.stringContaining("mon_none") });
  });

  it("is paused, resumed and removed", async () => {
    await monitors("add", "--name", "Passing", "--url", "https://shop.example/");
    expect(await monitors("pause", "Passing")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Paused Passing/),
    });
    expect(await shown("Passing")).toMatchObject({ enabled: false, status: { verdict: "paused" } });
    expect(await monitors("resume", "Passing", "--json")).toMatchObject({ code: 0 });
    expect(await shown("Passing")).toMatchObject({ enabled: true });
    expect(JSON.parse((await monitors("rm", "Passing", "--json")).out)).toMatchObject({
      name: "Passing",
      removed: true,
    });
    expect(await monitors("show", "Passing")).toMatchObject({
      code: 1,
      err: 'watchpost: there is no monitor "Passing": `watchpost monitors` lists them\n',
    });
  });

  it("has to be told apart from its namesakes", async () => {
    await monitors("add", "--name", "Twin", "--url", "https://a.example/");
    await monitors("add", "--name", "Twin", "--url", "https://b.example/");
    expect(await monitors("rm", "Twin")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/2 monitors are named "Twin": say which by its id, mon_\w+, mon_\w+/),
    });
  });
});

it("refuses a wrong token", async () => {
  const env = { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: "wrong" };
  expect(await watchpost(["monitors"], env)).toMatchObject({
    code: 2,
    err: expect.stringContaining("the coordinator refused the token"),
  });
});
