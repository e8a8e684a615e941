import { afterEach, describe, expect, test } from "vitest";
import { createAddressPolicy } from "../../../agent/net/address-policy.ts";
import { observe } from "../../../agent/net/attempt.ts";
import { createConnect } from "../../../agent/net/connect.ts";
import { hangingTarget, type Target, tcpTarget, unacceptingTarget } from "../../support/targets.ts";

describe("connecting to a name with several addresses", () => {
  const targets: Target[] = [];
  afterEach(async () => {
    await Promise.all(targets.splice(0).map((target) => target.stop()));
  });
  async function running(start: Promise<Target>): Promise<Target> {
    const target = await start;
    targets.push(target);
    return target;
  }

  function connectTo(
    addresses: readonly string[],
    port: number,
    options: { allowPrivate?: boolean; timeoutMs?: number } = {},
  ) {
    const { allowPrivate = true, timeoutMs = 3_000 } = options;
    const connect = createConnect({
      resolve: async () => addresses,
      refuses: createAddressPolicy({ allowPrivate }),
    });
    return observe(
      timeoutMs,
      () => performance.now(),
      async (attempt) => {
        (await connect({ host: "many.example", port, ipVersion: "any" }, attempt)).destroy();
      },
    );
  }

  test("takes the next when one refuses", async () => {
    const { port } = await running(hangingTarget());
    expect(await connectTo(["127.0.0.2", "::1", "127.0.0.1"], port)).toMatchObject({
      failure: null,
      address: "127.0.0.1",
    });
  });

  test("starts the next beside one that hangs, and the first to answer wins", async () => {
    const hanging = await running(unacceptingTarget());
    // 127.0.0.1 lets connections hang; the same port of 127.0.0.2 answers.
    await running(tcpTarget((socket) => socket.destroy(), "127.0.0.2", hanging.port));
    const seen = await connectTo(["127.0.0.1", "127.0.0.2"], hanging.port);
    expect(seen).toMatchObject({ failure: null, address: "127.0.0.2" });
    expect(seen.phases.connectMs).toBeGreaterThanOrEqual(245);
  });

  test("fails with what the target said when all fail, not with what the agent lacks", async () => {
    const { port } = await running(hangingTarget());
    const seen = await connectTo(["127.0.0.2", "127.0.0.3"], port);
    expect(seen.failure?.code).toBe("connect_refused");
  });

  test("skips the addresses that are forbidden, and says so when none is left", async () => {
    const { port } = await running(hangingTarget());
    expect(await connectTo(["169.254.169.254", "127.0.0.1"], port)).toMatchObject({
      failure: null,
      address: "127.0.0.1",
    });
    const none = await connectTo(["169.254.169.254", "10.0.0.1"], port, { allowPrivate: false });
    expect(none).toMatchObject({ address: "169.254.169.254", failure: { code: "address_forbidden" } });
  });

  test("gives up all of them at the deadline", async () => {
    const hanging = await running(unacceptingTarget());
    const seen = await connectTo(["127.0.0.1", "127.0.0.1"], hanging.port, { timeoutMs: 350 });
    expect(seen.failure?.code).toBe("connect_timeout");
  });

  test("goes to no other address when the connection breaks later", async () => {
    const resetting = await running(tcpTarget((socket) => socket.once("data", () => socket.resetAndDestroy())));
    const other = await running(tcpTarget((socket) => socket.end("bye"), "127.0.0.2", resetting.port));
    const connect = createConnect({
      resolve: async (host) => (host === "many.example" ? ["127.0.0.1", "127.0.0.2"] : [host]),
      refuses: createAddressPolicy({ allowPrivate: true }),
    });
    const clock = () => performance.now();
    await observe(3_000, clock, async (attempt) => {
      const socket = await connect({ host: "many.example", port: resetting.port, ipVersion: "any" }, attempt);
      socket.resume().write("break");
      await new Promise((resolve) => socket.once("close", resolve));
      // Connections are taken in the order in which they were made: any that was made before this one counts too.
      const last = await connect({ host: "127.0.0.2", port: resetting.port, ipVersion: "any" }, attempt);
      await new Promise((resolve) => last.resume().once("end", resolve));
      last.destroy();
    });
    expect([resetting.connections, other.connections]).toEqual([1, 1]);
  });

  test("leaves no connection open when the check is over", async () => {
    const closed: Promise<unknown>[] = [];
    const target = await running(
      tcpTarget((socket) => {
        closed.push(new Promise((resolve) => socket.once("close", resolve)));
        socket.resume();
      }),
    );
    await connectTo(["127.0.0.1"], target.port);
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });
});
