import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { selfSigned, type TestCertificate, testAuthority } from "../../support/certificates.ts";
import { httpCheck } from "../../support/checks.ts";
import { hangingTarget, httpTarget, type Target, tcpTarget } from "../../support/targets.ts";
import { testProbes } from "./support.ts";

const DAY_MS = 86_400_000;
const past = (days: number) => new Date(Date.now() - days * DAY_MS);

describe("https", () => {
  const targets: Target[] = [];
  afterEach(async () => {
    await Promise.all(targets.splice(0).map((target) => target.stop()));
  });
  const authority = testAuthority();
  const probes = testProbes({ authority: authority.cert });

  async function serve(certificate: TestCertificate): Promise<number> {
    const target = await httpTarget((_request, response) => response.end("safe"), certificate);
    targets.push(target);
    return target.port;
  }

  test("of a trusted authority is up, with a TLS phase", async () => {
    const port = await serve(authority.issue());
    for (const host of ["127.0.0.1", "localhost"]) {
      const seen = await probes.http(httpCheck(`https://${host}:${port}/`, { ipVersion: "4" }));
      expect(seen).toMatchObject({ failure: null, statusCode: 200, bodyBytes: 4 });
      expect(seen.certificate?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(seen.certificate?.expiresAt).toBeGreaterThan(Date.now());
      expect(seen.phases.tlsMs).toBeGreaterThan(0);
      const sum = Object.values(seen.phases).reduce((total, ms) => total + ms, 0);
      expect(sum).toBeCloseTo(seen.latencyMs, 2);
    }
  });

  test("makes the full handshake every time", async () => {
    let resumed = 0;
    const target = await httpTarget((request, response) => {
      if ((request.socket as unknown as { isSessionReused(): boolean }).isSessionReused()) resumed++;
      response.end();
    }, authority.issue());
    targets.push(target);
    for (let round = 0; round < 3; round++) await probes.http(httpCheck(`https://127.0.0.1:${target.port}/`));
    expect({ resumed, connections: target.connections }).toEqual({ resumed: 0, connections: 3 });
  });

  test.each([
    ["an expired certificate", () => authority.issue({ notBefore: past(60), notAfter: past(1) }), "tls_expired"],
    ["a certificate of the future", () => authority.issue({ notBefore: past(-1) }), "tls_not_yet_valid"],
    ["a self-signed certificate", () => selfSigned(), "tls_self_signed"],
    ["an unknown authority", () => testAuthority("Another").issue(), "tls_untrusted"],
    ["a certificate for another name", () => authority.issue({ names: ["other.example"] }), "tls_hostname_mismatch"],
  ])("finds %s, and ignores it when told to", async (_what, certificate, code) => {
    const port = await serve(certificate());
    const seen = await probes.http(httpCheck(`https://127.0.0.1:${port}/`));
    expect(seen.failure?.code).toBe(code);
    expect(Object.keys(seen.phases)).toEqual(["connectMs", "tlsMs"]);
    // What was refused is evidence.
    expect(seen.certificate?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect((await probes.http(httpCheck(`https://127.0.0.1:${port}/`, { ignoreTls: true }))).failure).toBeNull();
  });

  test.each([
    ["a server that is silent", () => hangingTarget(), "tls_timeout"],
    ["a server that speaks plain HTTP", () => httpTarget((_request, response) => response.end()), "tls_failed"],
    ["a server that hangs up", () => tcpTarget((socket) => socket.once("data", () => socket.end())), "tls_failed"],
    [
      "a server that resets",
      () => tcpTarget((socket) => socket.once("data", () => socket.resetAndDestroy())),
      "tls_failed",
    ],
  ])("names %s", async (_what, start, code) => {
    const target = await start();
    targets.push(target);
    const seen = await probes.http(httpCheck(`https://127.0.0.1:${target.port}/`, { timeoutMs: 400 }));
    expect(seen.failure?.code).toBe(code);
    expect(Object.keys(seen.phases)).toEqual(["connectMs", "tlsMs"]);
  });

  test("a redirect from http to https keeps to the rules of both", async () => {
    const secure = await serve(authority.issue());
    const plain = await httpTarget((_request, response) =>
      response.writeHead(301, { location: `https://127.0.0.1:${secure}/` }).end(),
    );
    targets.push(plain);
    const seen = await probes.http(httpCheck(`http://127.0.0.1:${plain.port}/`));
    expect(seen).toMatchObject({ failure: null, statusCode: 200 });
    expect(Object.keys(seen.phases)).toEqual(["connectMs", "firstByteMs", "transferMs", "tlsMs"]);
  });

  test("a server that dies amid the response is a reset", async () => {
    const secure = await serve(authority.issue());
    // A relay that passes the handshake and the request, and cuts the response.
    const relay = await tcpTarget((client) => {
      const server = connect(secure, "127.0.0.1");
      server.on("error", () => undefined);
      let passed = 0;
      server.on("data", (chunk) => {
        passed += chunk.length;
        if (passed > 1_200) client.resetAndDestroy();
        else client.write(chunk);
      });
      client.pipe(server);
    });
    targets.push(relay);
    const seen = await probes.http(httpCheck(`https://127.0.0.1:${relay.port}/`));
    expect(["http_reset", "tls_failed"]).toContain(seen.failure?.code);
  });
});
