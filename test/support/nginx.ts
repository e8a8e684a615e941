import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { until } from "./until.ts";

/** Whether this machine has nginx; CI installs it. */
export const hasNginx = ["/usr/sbin/nginx", ...(process.env.PATH ?? "").split(":").map((dir) => `${dir}/nginx`)].some(
  existsSync,
);

/**
 * nginx with our sample as its site, but for the names of files, the ports and the coordinator.
 * @param dir where it may write
 */
export async function startNginx(options: {
  readonly dir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly coordinatorPort: number;
  readonly cert: string;
  readonly key: string;
}): Promise<{ stop(): Promise<void> }> {
  const { dir, httpPort, httpsPort, coordinatorPort, cert, key } = options;
  const sample = await readFile(new URL("../../install/proxy/nginx.conf", import.meta.url), "utf8");
  const changes = [
    ["server 127.0.0.1:8080;", `server 127.0.0.1:${coordinatorPort};`],
    ["  listen 80;\n  listen [::]:80;\n", `  listen 127.0.0.1:${httpPort};\n`],
    ["  listen 443 ssl;\n  listen [::]:443 ssl;\n", `  listen 127.0.0.1:${httpsPort} ssl;\n`],
    ["/etc/letsencrypt/live/watch.example/fullchain.pem", cert],
    ["/etc/letsencrypt/live/watch.example/privkey.pem", key],
  ] as const;
  let site: string = sample;
  for (const [from, to] of changes) {
    if (!site.includes(from)) throw new Error(`the sample has no ${from}`);
    site = site.replaceAll(from, to);
  }
  await mkdir(join(dir, "temp"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/temp;`);
  const conf = join(dir, "nginx.conf");
  await writeFile(join(dir, "site.conf"), site);
  await writeFile(
    conf,
    `daemon off; master_process off; pid ${dir}/pid; error_log stderr;
     events {}
     http { access_log off; ${temp.join(" ")} include ${dir}/site.conf; }`,
  );
  const command = existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";
  execFileSync(command, ["-t", "-q", "-p", dir, "-e", "stderr", "-c", conf], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const child = spawn(command, ["-p", dir, "-e", "stderr", "-c", conf], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "close");
  await until(
    () => isOpen(httpsPort),
    (open) => open,
  );
  return {
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
