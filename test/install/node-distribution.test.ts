import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyIntegrity } from "../../install/agent-release/node-distribution.ts";
import { tempDir } from "../support/temp-dir.ts";

test("a package with another digest than the pinned one is refused", async () => {
  const dir = await tempDir();
  const file = join(dir.path, "package.tgz");
  await writeFile(file, "abc");
  // FIPS 180-4's own example.
  const pinned = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
  await verifyIntegrity(file, pinned);
  await writeFile(file, "abd");
  await expect(verifyIntegrity(file, pinned)).rejects.toThrow(/is not what is pinned/);
  await dir.remove();
});
