import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const path = "/v1/maintenance";
const weekly = { days: ["sun"], from: "02:00", to: "04:00", timeZone: "Europe/Berlin" };
const cron = { expression: "0 3 * * *", duration: "2h", timeZone: "UTC" };
const nights = { name: "Nights", when: { weekly } };

test("a window is made with every default, read, listed, changed and removed", async () => {
  const made = await coordinator.call("POST", path, nights);
  expect(made).toMatchObject({
    status: 201,
    body: { name: "Nights", enabled: true, monitors: [], tags: [], types: [], reason: "", when: { weekly } },
  });
  expect(Date.parse(made.body.next.from)).toBeGreaterThan(Date.now() - 7_200_000);
  const own = `${path}/${made.body.id}`;
  expect(await coordinator.call("GET", own)).toEqual({ status: 200, body: made.body });
  expect((await coordinator.call("GET", path)).body.data).toContainEqual(made.body);

  const changed = await coordinator.call("PATCH", own, { when: { weekly: null, cron }, tags: ["shop"] });
  expect(changed).toMatchObject({ status: 200, body: { name: "Nights", tags: ["shop"], when: { cron } } });
  expect(changed.body.when).toEqual({ cron });
  expect((await coordinator.call("PATCH", own, { enabled: false })).body).toMatchObject({ active: false, next: null });

  expect((await coordinator.call("DELETE", own)).status).toBe(204);
  for (const [method, body] of [["GET"], ["PATCH", {}], ["DELETE"]] as const)
    expect((await coordinator.call(method, own, body)).status).toBe(404);
});

test("lists come in pages", async () => {
  const ids = [];
  for (const name of ["One", "Two", "Three"])
    ids.push((await coordinator.call("POST", path, { ...nights, name })).body.id);
  const first = (await coordinator.call("GET", `${path}?limit=2`)).body;
  const second = (await coordinator.call("GET", `${path}?limit=2&cursor=${first.nextCursor}`)).body;
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
  expect(second.nextCursor).toBeNull();
});

const once = (from: string, to: string) => ({ when: { once: { from, to } } });

describe("a wrong field is named with the rule that it breaks", () => {
  test.each([
    [{ name: "" }, "name", "must not be empty"],
    [{ name: "a\u0000b" }, "name", "must not hold control characters"],
    [{ monitors: ["shop"] }, "monitors.0", "must be a monitor's id"],
    [{ tags: ["a", "a"] }, "tags", "must not name one twice"],
    [{ until: 1 }, "until", "is not a known field"],
    [{ when: {} }, "when", "must hold one of once, weekly and cron"],
    [{ when: { weekly, cron } }, "when", "must hold one of once, weekly and cron"],
    [once("2026-05-01T10:00:00Z", "2026-05-01T09:00:00Z"), "when.once.to", "must be later than its beginning"],
    [
      once("2026-05-01T10:00:00", "2026-05-01T11:00:00Z"),
      "when.once.from",
      "must be a time in ISO 8601 with its offset, such as 2026-01-31T22:00:00Z",
    ],
    [{ when: { weekly: { ...weekly, days: [] } } }, "when.weekly.days", "must name a day"],
    [{ when: { weekly: { ...weekly, from: "24:00" } } }, "when.weekly.from", "must be a time such as 22:00"],
    [
      { when: { weekly: { ...weekly, timeZone: "Europe/Nowhere" } } },
      "when.weekly.timeZone",
      "must be a time zone such as Europe/Berlin",
    ],
    [
      { when: { weekly: { ...weekly, days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], to: weekly.from } } },
      "when.weekly.to",
      "must leave some time without maintenance: pause what is not to be watched",
    ],
    [
      { when: { cron: { ...cron, expression: "0 0 0 * * *" } } },
      "when.cron.expression",
      "must be five cron fields: minute, hour, day of the month, month, day of the week",
    ],
    [{ when: { cron: { ...cron, expression: "0 0 30 2 *" } } }, "when.cron.expression", "must come round some day"],
    [{ when: { cron: { ...cron, duration: "8d" } } }, "when.cron.duration", "must be from 1m to 7d, such as 90s or 5m"],
  ])("%j", async (changes, field, rule) => {
    const { status, body } = await coordinator.call("POST", path, { ...nights, ...changes });
    expect({ status, errors: body.errors }).toEqual({ status: 422, errors: [{ field, rule }] });
  });
});
