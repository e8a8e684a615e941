import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { findRedis } from "../../coordinator/embedded/redis.ts";
import { startTestClickHouse, startTestPostgres } from "./servers.ts";

/** Starts, once for a whole run, what all tests share, and stops it in the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The compiler does not renew what is put together: the agent in one file, and the page.
  for (const script of ["install/bundle-agent.js", "install/bundle-page.js"]) execFileSync(process.execPath, [script]);
  await haveRedis();
  const [postgres, clickHouse] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  project.provide("postgresUrl", postgres.url);
  project.provide("clickHouseUrl", clickHouse.url);
  return async () => {
    await Promise.all([postgres.stop(), clickHouse.stop()]);
  };
}

async function haveRedis(): Promise<void> {
  if ((await findRedis()) !== null) return;
  const mayInstall = process.getuid?.() === 0 && existsSync("/etc/debian_version");
  if (!mayInstall) throw new Error("The tests need redis-server 6.2+ on the PATH: sudo apt-get install redis-server");
  console.log("Installing redis-server for the tests (apt-get install redis-server)");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-q"], { stdio: "ignore", env });
  execFileSync("apt-get", ["install", "-yq", "--no-install-recommends", "redis-server"], { stdio: "ignore", env });
}
