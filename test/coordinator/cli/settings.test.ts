import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readAccess } from "../../../coordinator/cli/settings.ts";
import { tempDir } from "../../support/temp-dir.ts";

it("takes the token from the environment, else from the data directory", async () => {
  const dir = await tempDir();
  try {
    const env = { WATCHPOST_DATA: dir.path };
    expect(readAccess(env).token).toBeNull();
    await writeFile(join(dir.path, "admin-token"), "wpa_kept\n");
    expect(readAccess(env).token).toBe("wpa_kept");
    expect(readAccess({ ...env, WATCHPOST_TOKEN: "wpa_given" }).token).toBe("wpa_given");
  } finally {
    await dir.remove();
  }
});

it("asks where it is told, else at PORT, else where `watchpost start` is, else at 8080", async () => {
  const dir = await tempDir();
  try {
    const env = { WATCHPOST_DATA: dir.path };
    expect(readAccess(env).url).toBe("http://127.0.0.1:8080");
    await writeFile(join(dir.path, "url"), "http://127.0.0.1:18080\n");
    expect(readAccess(env).url).toBe("http://127.0.0.1:18080");
    expect(readAccess({ ...env, PORT: "9000" }).url).toBe("http://127.0.0.1:9000");
    expect(readAccess({ ...env, PORT: "9000", WATCHPOST_URL: "https://watch.example/" }).url).toBe(
      "https://watch.example",
    );
  } finally {
    await dir.remove();
  }
});

it("refuses what is no URL, naming the variable", () => {
  expect(() => readAccess({ WATCHPOST_URL: "watch.example" })).toThrow(/WATCHPOST_URL must be a URL/);
});
