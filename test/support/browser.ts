import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";
import { startNamespace, whyNoNamespaces } from "./namespaces.ts";
import { startSocksProxy } from "./socks.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const names = ["chromium", "chromium-browser", "google-chrome"];
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser with a fresh profile, that talks to nobody but the pages it is given. */
export type TestBrowser = Pick<Browser, "newContext" | "close">;

/** The Chromium on the PATH; null when there is none. */
export function findChromium(): string | null {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find((path) => existsSync(path)) ?? null;
}

/**
 * Starts one where it does not see this machine's network change, where that can be had: whenever an interface comes
 * or goes, as with tests that make some, Chromium breaks off every request that is under way.
 */
export async function startBrowser(executablePath: string): Promise<TestBrowser> {
  return (await whyNoNamespaces()) === null
    ? startApart(executablePath)
    : chromium.launch({ executablePath, args: flags });
}

const PORT = 1080;
const relay = `
const { writeFileSync } = require("node:fs");
const { connect, createServer } = require("node:net");
const [, path, ready] = process.argv;
createServer((client) => {
  const proxy = connect(path);
  client.pipe(proxy).pipe(client);
  for (const [one, other] of [[client, proxy], [proxy, client]])
    one.on("error", () => other.destroy()).on("close", () => other.destroy());
}).listen(${PORT}, "127.0.0.1", () => writeFileSync(ready, ""));
`;

/** In a network of its own, in which it finds this machine's ports by way of a Unix socket. */
async function startApart(executablePath: string): Promise<TestBrowser> {
  const dir = await tempDir();
  const path = join(dir.path, "proxy");
  const proxy = await startSocksProxy(path);
  const ready = join(dir.path, "ready");
  const network = await startNamespace(process.execPath, "-e", relay, path, ready);
  async function stop(): Promise<void> {
    await network.stop();
    await proxy.stop();
    await dir.remove();
  }
  try {
    await until(() => existsSync(ready), Boolean);
    const within = join(dir.path, "chromium");
    await writeFile(within, `#!/bin/sh\nexec ${[...network.enter, executablePath].join(" ")} "$@"\n`);
    await chmod(within, 0o755);
    const proxied = [`--proxy-server=socks5://127.0.0.1:${PORT}`, "--proxy-bypass-list=<-loopback>"];
    const browser = await chromium.launch({ executablePath: within, args: [...flags, ...proxied] });
    return {
      newContext: (options) => browser.newContext(options),
      async close() {
        await browser.close();
        await stop();
      },
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
