import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../coordinator/embedded/free-port.ts";
import { until } from "../../support/until.ts";
import { readCpuTimes } from "../process-cpu.ts";
import type { Scope } from "../scope.ts";

const CONFIG = `modules:
  http: { prober: http, http: { preferred_ip_protocol: ip4, tls_config: { insecure_skip_verify: true } } }
  tcp: { prober: tcp, tcp: { preferred_ip_protocol: ip4 } }
`;

/**
 * Prometheus' prober, if it is installed (Debian: prometheus-blackbox-exporter), asked
 * over connections that are kept.
 * @returns null when it is not installed; else what measures it: µs of its CPU time per
 *   probe in a closed loop
 */
export async function startBlackboxExporter(
  scope: Scope,
  dir: string,
): Promise<
  ((probe: { module: "http" | "tcp"; target: string; inFlight: number; ms: number }) => Promise<number>) | null
> {
  const port = await freePort();
  const configFile = `${dir}/blackbox.yml`;
  await writeFile(configFile, CONFIG);
  const child = spawn(
    "prometheus-blackbox-exporter",
    [`--config.file=${configFile}`, `--web.listen-address=127.0.0.1:${port}`, "--log.level=error"],
    { stdio: "ignore" },
  );
  const started = await new Promise<boolean>((resolve) => {
    child.once("spawn", () => resolve(true)).once("error", () => resolve(false));
  });
  if (!started) return null;
  const agent = new Agent({ keepAlive: true });
  scope.add({
    async stop() {
      agent.destroy();
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  });
  const ask = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ host: "127.0.0.1", port, path, agent }, (response) => {
        let text = "";
        response.on("data", (data) => (text += data));
        response.on("end", () => resolve(text));
      }).on("error", reject);
    });
  await until(
    () => ask("/-/healthy").catch(() => ""),
    (text) => text !== "",
  );

  return async ({ module, target, inFlight, ms }) => {
    const path = `/probe?module=${module}&target=${encodeURIComponent(target)}`;
    let probes = 0;
    let open = true;
    const loop = async () => {
      while (open) {
        if (!/^probe_success 1$/m.test(await ask(path))) throw new Error(`blackbox_exporter failed: ${path}`);
        probes++;
      }
    };
    const loops = Promise.all(Array.from({ length: inFlight }, loop));
    const before = readCpuTimes().ofTree(child.pid as number);
    await Promise.race([sleep(ms), loops]);
    const cpuMs = readCpuTimes().ofTree(child.pid as number) - before;
    const made = probes;
    open = false;
    await loops;
    return (cpuMs * 1_000) / made;
  };
}
