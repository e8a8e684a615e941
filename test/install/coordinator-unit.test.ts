import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminToken } from "../support/coordinator.ts";
import { startInternet } from "../support/internet.ts";
import { type Machine, startMachine, whyNoMachines } from "../support/machine.ts";
import { startRelay } from "../support/relay.ts";
import { testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { until } from "../support/until.ts";

const why = await whyNoMachines();
if (why !== null) console.log(`Left out, since no machine with systemd can be booted here: ${why}`);

const unit = "watchpost-coordinator.service";

describe.skipIf(why !== null)("the coordinator as a service of systemd", () => {
  const stops: Array<() => unknown> = [];
  let machine: Machine;
  let redis: Awaited<ReturnType<typeof startRelay>>;

  const later = <T>(made: T, stop: (made: T) => unknown): T => {
    stops.unshift(() => stop(made));
    return made;
  };
  const property = async (name: string) =>
    (await machine.must(`systemctl show --property ${name} --value ${unit}`)).trim();

  beforeAll(async () => {
    const internet = later(await startInternet({ places: 1, targets: 0 }), (one) => one.stop());
    const [postgres, clickhouse, queues] = await Promise.all([
      testDatabase(),
      testClickHouse(),
      testQueueServer("redis"),
    ]);
    later(null, () => Promise.all([postgres.stop(), clickhouse.stop(), queues.stop()]));
    const reach = async (url: string) => later(await startRelay(url, internet.home), (one) => one.stop());
    const { options, prefix } = queues.server as { options: { port: number; password: string }; prefix: string };
    redis = await reach(`redis://:${options.password ?? ""}@127.0.0.1:${options.port}`);
    // Installed is what is built here, wherever that is, and the Node that runs this.
    const shows = { "/opt/watchpost": process.cwd(), "/opt/node": process.execPath };
    const net = internet.places[0]?.net as string;
    machine = later(await startMachine({ net, shows }), (one) => one.stop());
    const settings = [
      `DATABASE_URL=${(await reach(postgres.url)).url}`,
      `CLICKHOUSE_URL=${(await reach(clickhouse.url)).url}`,
      `REDIS_URL=${redis.url}`,
      `QUEUE_PREFIX=${prefix}`,
      `WATCHPOST_ADMIN_TOKEN=${adminToken}`,
    ];
    await machine.write("/etc/watchpost/coordinator.env", `${settings.join("\n")}\n`, "600");
    await machine.write(`/etc/systemd/system/${unit}`, await readFile(`install/systemd/${unit}`));
    await machine.write(
      `/etc/systemd/system/${unit}.d/test.conf`,
      `[Service]\nExecStart=\nExecStart=/opt/node /opt/watchpost/dist/coordinator/main.js\nWatchdogSec=6\nTimeoutAbortSec=1\n`,
    );
    await machine.must("systemctl daemon-reload");
  }, 60_000);
  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  test("is started when it is ready, and without rights", async () => {
    await machine.must(`systemctl start ${unit} || { journalctl --no-pager -u ${unit} >&2; false; }`);
    expect(await property("ActiveState")).toBe("active");
    expect(await machine.must("curl -fsS http://127.0.0.1:8080/readyz")).toContain('"status":"ready"');
    await until(
      () => property("StatusText"),
      (text) => text === "ready",
    );
    const status = await machine.must(`cat /proc/${await property("MainPID")}/status`);
    expect(status).toMatch(/^CapEff:\s0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s1$/m);
    expect(status).not.toMatch(/^Uid:\s0\s/m);
    expect(await machine.must("stat -c %a:%U /var/lib/private/watchpost/key")).toMatch(/^600:/);
  });

  test("goes on and says what is missing while a server is away", async () => {
    const pid = await property("MainPID");
    redis.cut();
    await until(
      () => property("StatusText"),
      (text) => /^not ready: .*queue/.test(text),
    );
    redis.mend();
    await until(
      () => property("StatusText"),
      (text) => text === "ready",
    );
    expect(await property("MainPID")).toBe(pid);
  });

  test("is started again when it is frozen", async () => {
    const pid = await until(
      () => property("MainPID"),
      (id) => id !== "0",
    );
    await machine.must(`kill -STOP ${pid}`);
    await until(
      async () => [await property("ActiveState"), await property("MainPID")],
      ([state, now]) => state === "active" && now !== pid && now !== "0",
    );
    expect(await machine.must(`journalctl --no-pager -u ${unit}`)).toMatch(/Watchdog timeout/);
  });

  test("stops in good order", async () => {
    await machine.must(`systemctl stop ${unit}`);
    expect(await property("Result")).toBe("success");
  });
});
