import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeDurably } from "../../shared/durable-file.ts";
import { tempDir } from "../support/temp-dir.ts";

test("a file is there and whole, for its owner alone, and nothing beside it", async () => {
  const dir = await tempDir();
  onTestFinished(() => dir.remove());
  await writeDurably(dir.path, "a.jsonl", "kept\n");
  expect(await readdir(dir.path)).toEqual(["a.jsonl"]);
  expect(await readFile(join(dir.path, "a.jsonl"), "utf8")).toBe("kept\n");
  expect((await stat(join(dir.path, "a.jsonl"))).mode & 0o777).toBe(0o600);
});

test("of a file that cannot be put in its place nothing is left", async () => {
  const dir = await tempDir();
  onTestFinished(() => dir.remove());
  await mkdir(join(dir.path, "taken"));
  await expect(writeDurably(dir.path, "taken", "lost\n")).rejects.toThrow("EISDIR");
  expect(await readdir(dir.path)).toEqual(["taken"]);
});
