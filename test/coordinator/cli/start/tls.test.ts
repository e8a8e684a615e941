import { expect, test } from "vitest";
import { runAllInOne } from "../../../../coordinator/cli/start/run.ts";
import { ConfigError } from "../../../../shared/errors.ts";

test("everything on one machine is not served over TLS, and says so before it starts anything", async () => {
  for (const env of [{ TLS_CERT: "/tmp/cert.pem" }, { TLS_KEY: "/tmp/key.pem" }]) {
    const start = runAllInOne({
      env: { ...env, WATCHPOST_DATA: "/proc/nowhere" },
      demo: false,
      out: () => undefined,
      signal: AbortSignal.abort(),
    });
    await expect(start).rejects.toThrow(ConfigError);
    await expect(start).rejects.toThrow(/^TLS_CERT and TLS_KEY are for `watchpost coordinator`/);
  }
});
