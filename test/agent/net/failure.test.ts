import { describe, expect, test } from "vitest";
import { CheckFailure, failureOf } from "../../../agent/net/failure.ts";
import type { PhaseName } from "../../../shared/result.ts";

const coded = (code: string, more: object = {}) => Object.assign(new Error("raw message"), { code, ...more });

describe("the error codes", () => {
  test.each<[unknown, PhaseName, string]>([
    [coded("ENOTFOUND"), "dnsMs", "dns_not_found"],
    [coded("ENODATA"), "dnsMs", "dns_not_found"],
    [coded("EBADNAME"), "dnsMs", "dns_not_found"],
    [coded("ETIMEOUT"), "dnsMs", "dns_timeout"],
    [coded("ESERVFAIL"), "dnsMs", "dns_failed"],
    [coded("EREFUSED"), "dnsMs", "dns_failed"],
    [coded("ESOMETHINGNEW"), "dnsMs", "dns_failed"],
    [coded("ECONNREFUSED"), "dnsMs", "agent_network"],
    [coded("ECONNREFUSED"), "connectMs", "connect_refused"],
    [coded("ETIMEDOUT"), "connectMs", "connect_timeout"],
    [coded("ECONNRESET"), "connectMs", "connect_reset"],
    [coded("EHOSTUNREACH"), "connectMs", "connect_unreachable"],
    [coded("ENETUNREACH"), "connectMs", "connect_unreachable"],
    [coded("ESOMETHINGNEW"), "connectMs", "connect_failed"],
    [coded("CERT_HAS_EXPIRED"), "tlsMs", "tls_expired"],
    [coded("CERT_NOT_YET_VALID"), "tlsMs", "tls_not_yet_valid"],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "tlsMs", "tls_self_signed"],
    [coded("SELF_SIGNED_CERT_IN_CHAIN"), "tlsMs", "tls_untrusted"],
    [coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "tlsMs", "tls_untrusted"],
    [coded("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "tlsMs", "tls_untrusted"],
    [coded("ERR_TLS_CERT_ALTNAME_INVALID"), "tlsMs", "tls_hostname_mismatch"],
    [coded("EPROTO"), "tlsMs", "tls_failed"],
    [coded("ECONNRESET"), "tlsMs", "tls_failed"],
    [
      coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", { reason: "certificate required" }),
      "firstByteMs",
      "tls_failed",
    ],
    [new Error("something new"), "tlsMs", "tls_failed"],
    [coded("ECONNRESET"), "firstByteMs", "http_reset"],
    [coded("EPIPE"), "firstByteMs", "http_reset"],
    [new CheckFailure("http_status", "the response's status is 503"), "transferMs", "http_status"],
    [coded("EMFILE"), "connectMs", "agent_resources"],
    [coded("ENOBUFS"), "connectMs", "agent_resources"],
    [coded("EADDRNOTAVAIL"), "connectMs", "agent_resources"],
    [coded("EACCES"), "connectMs", "agent_network"],
    [coded("EPERM"), "connectMs", "agent_network"],
    [new TypeError("undefined is not a function"), "firstByteMs", "agent_internal"],
    [undefined, "connectMs", "agent_internal"],
    ["thrown text", "dnsMs", "agent_internal"],
  ])("%s in %s is %s", (thrown, phase, code) => {
    expect(failureOf(thrown, phase).code).toBe(code);
  });

  test("come with one line that is not the raw message where the code says it all", () => {
    expect(failureOf(coded("ECONNREFUSED"), "connectMs").message).toBe("the connection was refused");
    expect(failureOf(new Error(`a\nb ${"c".repeat(1_000)}`), "tlsMs").message).toMatch(/^[^\n]{100,300}$/);
  });
});
