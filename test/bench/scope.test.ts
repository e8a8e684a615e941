import { expect, test } from "vitest";
import { createScope } from "./scope.ts";

test("stops everything, the latest first, also when something does not stop", async () => {
  const stopped: string[] = [];
  const warnings: string[] = [];
  const scope = createScope((text) => warnings.push(text));
  scope.add({ stop: async () => stopped.push("first") });
  scope.add({ stop: () => Promise.reject(new Error("stuck")) });
  scope.add({ stop: async () => stopped.push("last") });
  const closes = [scope.close(), scope.close()];
  await Promise.all(closes);
  expect(stopped).toEqual(["last", "first"]);
  expect(warnings).toEqual(["not stopped: stuck"]);
});

test("a second close waits for what the first has begun", async () => {
  let finish = () => {};
  const scope = createScope(() => undefined);
  let stopped = false;
  scope.add({
    stop: () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }).then(() => {
        stopped = true;
      }),
  });
  void scope.close();
  const second = scope.close().then(() => stopped);
  await Promise.resolve();
  finish();
  expect(await second).toBe(true);
});
