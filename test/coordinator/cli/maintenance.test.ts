import { afterAll, beforeAll, expect, test } from "vitest";
import { watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const env = () => ({ WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken });
const maintenance = (...args: string[]) => watchpost(["maintenance", ...args], env());
const add = (yaml: string) => watchpost(["maintenance", "add", "-f", "-"], env(), { input: yaml });

test("a window is added from a file, listed, shown as it can be added again, and removed", async () => {
  expect(await maintenance()).toMatchObject({ code: 0, out: expect.stringMatching(/^No maintenance windows/) });
  const yaml = `name: Nights
tags: [database]
when:
  weekly: { days: [sat, sun], from: "22:00", to: "04:00", timeZone: Europe/Berlin }
`;
  expect(await add(yaml)).toEqual({
    code: 0,
    out: expect.stringMatching(
      /^Added Nights as mnt_\w+: tagged database, sat, sun 22:00 to 04:00 \(Europe\/Berlin\)\.\n$/,
    ),
    err: "",
  });
  expect((await maintenance()).out).toMatch(/Nights +mnt_\w+ +tagged database +sat, sun 22:00 to 04:00/);
  const shown = await maintenance("show", "Nights");
  expect(shown.code).toBe(0);
  const document = shown.out.slice(shown.out.indexOf("name:"));
  expect((await add(document.replace("Nights", "Again"))).code).toBe(0);
  expect(JSON.parse((await maintenance("show", "Again", "--json")).out)).toMatchObject({
    enabled: true,
    reason: "",
    when: { weekly: { days: ["sat", "sun"], from: "22:00", to: "04:00", timeZone: "Europe/Berlin" } },
  });
  expect(await maintenance("rm", "Nights")).toMatchObject({ code: 0, err: "" });
  expect(await maintenance("show", "Nights")).toMatchObject({ code: 1 });
});

test("a monitor is put in maintenance from now on, for a while", async () => {
  const tcp = { name: "Shop", type: "tcp", tcp: { host: "127.0.0.1", port: 9 } };
  const { body: monitor } = await coordinator.call("POST", "/v1/monitors", tcp);
  const { code, out } = await maintenance("now", "Shop", "--for", "1h", "--reason", "moves", "--json");
  expect(code).toBe(0);
  const window = JSON.parse(out);
  expect(window).toMatchObject({ monitors: [monitor.id], reason: "moves", active: true });
  expect(Date.parse(window.next.to) - Date.parse(window.next.from)).toBe(3_600_000);
  expect((await maintenance()).out).toMatch(/Shop: now .* 1 monitor .* now, until /);
});

test.each([
  [["now", "Shop", "--for", "soon"], 2, /--for soon must be a duration/],
  [["now", "Nobody", "--for", "1h"], 1, /no monitor "Nobody"/],
  [["rm", "Nothing"], 1, /no window "Nothing"/],
  [["add", "-f", "/nowhere/window.yaml"], 2, /cannot be read/],
] as const)("%j fails in words", async (args, code, message) => {
  expect(await maintenance(...args)).toMatchObject({ code, err: expect.stringMatching(message) });
});
