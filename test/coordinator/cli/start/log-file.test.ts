import { readdir, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLogFile } from "../../../../coordinator/cli/start/log-file.ts";
import { tempDir } from "../../../support/temp-dir.ts";

test("a log file is appended to, for its owner alone, and set aside when it is large", async () => {
  const dir = await tempDir();
  const path = join(dir.path, "it.log");
  const first = openLogFile(path);
  first.write("one");
  first.close();
  const second = openLogFile(path);
  second.write("two");
  second.close();
  expect(await readFile(path, "utf8")).toBe("one\ntwo\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);

  await truncate(path, 10 * 1024 * 1024 - 2);
  const third = openLogFile(path);
  third.write("three");
  third.write("four");
  third.close();
  expect(await readFile(path, "utf8")).toBe("four\n");
  expect((await readdir(dir.path)).sort()).toEqual(["it.log", "it.log.1"]);
  await dir.remove();
});
