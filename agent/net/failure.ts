import { type CheckErrorCode, errorText } from "../../shared/errors.ts";
import type { PhaseName } from "../../shared/result.ts";

/** Why a check failed: a word for programs and a line for people. */
export interface Failure {
  readonly code: CheckErrorCode;
  readonly message: string;
}

/** A failure that is already named, thrown by the step that found it. */
export class CheckFailure extends Error implements Failure {
  override readonly name = "CheckFailure";
  readonly code: CheckErrorCode;
  constructor(code: CheckErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const MAX_MESSAGE = 300;

/** What each phase makes of a connection that broke in it. */
const broken: Readonly<Record<PhaseName, readonly [CheckErrorCode, string]>> = {
  dnsMs: ["dns_failed", "the connection to the name server broke"],
  connectMs: ["connect_reset", "the connection was reset while it was made"],
  tlsMs: ["tls_failed", "the connection was closed during the TLS handshake"],
  firstByteMs: ["http_reset", "the connection was closed before a response"],
  transferMs: ["http_reset", "the connection was closed before the response was complete"],
};

type Named = readonly [code: CheckErrorCode, text: string];

/** Errors of the system, of OpenSSL's certificate check and of c-ares, by their code. */
const named: Readonly<Record<string, Named | "broken">> = {
  ECONNRESET: "broken",
  ECONNABORTED: "broken",
  EPIPE: "broken",
  ERR_STREAM_PREMATURE_CLOSE: "broken",

  ECONNREFUSED: ["connect_refused", "the connection was refused"],
  ETIMEDOUT: ["connect_timeout", "the connection timed out"],
  EHOSTUNREACH: ["connect_unreachable", "the host cannot be reached"],
  EHOSTDOWN: ["connect_unreachable", "the host cannot be reached"],
  ENETUNREACH: ["connect_unreachable", "the network cannot be reached"],

  ENETDOWN: ["agent_network", "the agent's network is down"],
  EACCES: ["agent_network", "the agent's machine forbids the connection"],
  EPERM: ["agent_network", "the agent's machine forbids the connection"],
  EAFNOSUPPORT: ["agent_network", "the agent's machine does not speak this IP version"],
  EMFILE: ["agent_resources", "the agent has too many open files"],
  ENFILE: ["agent_resources", "the agent's machine has too many open files"],
  ENOBUFS: ["agent_resources", "the agent's machine has no buffers left"],
  ENOMEM: ["agent_resources", "the agent's machine has no memory left"],
  EADDRNOTAVAIL: ["agent_resources", "the agent's machine has no local address or port left"],

  CERT_HAS_EXPIRED: ["tls_expired", "the certificate has expired"],
  CERT_NOT_YET_VALID: ["tls_not_yet_valid", "the certificate is not valid yet"],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["tls_self_signed", "the certificate is self-signed"],
  SELF_SIGNED_CERT_IN_CHAIN: ["tls_untrusted", "the certificate's authority is not trusted"],
  UNABLE_TO_GET_ISSUER_CERT: ["tls_untrusted", "the certificate's issuer is not known"],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["tls_untrusted", "the certificate's issuer is not known"],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["tls_untrusted", "the certificate's issuer is not known: is the chain complete?"],
  CERT_UNTRUSTED: ["tls_untrusted", "the certificate is not trusted"],
  CERT_REJECTED: ["tls_untrusted", "the certificate is rejected"],
  CERT_REVOKED: ["tls_untrusted", "the certificate is revoked"],
  CERT_SIGNATURE_FAILURE: ["tls_untrusted", "the certificate's signature is wrong"],
  CERT_CHAIN_TOO_LONG: ["tls_untrusted", "the certificate's chain is too long"],
  INVALID_CA: ["tls_untrusted", "the certificate's authority may not issue certificates"],
  INVALID_PURPOSE: ["tls_untrusted", "the certificate is not for servers"],
  PATH_LENGTH_EXCEEDED: ["tls_untrusted", "the certificate's chain is longer than its authority allows"],
  HOSTNAME_MISMATCH: ["tls_hostname_mismatch", "the certificate is for another name"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["tls_hostname_mismatch", "the certificate is for another name"],

  ENOTFOUND: ["dns_not_found", "the name does not exist"],
  ENODATA: ["dns_not_found", "the name has no address"],
  EBADNAME: ["dns_not_found", "the name is malformed"],
  ETIMEOUT: ["dns_timeout", "the name server did not answer"],
  ESERVFAIL: ["dns_failed", "the name server failed"],
  EREFUSED: ["dns_failed", "the name server refused the query"],
  ENOTIMP: ["dns_failed", "the name server does not answer such queries"],
  EFORMERR: ["dns_failed", "the name server could not read the query"],
  EBADRESP: ["dns_failed", "the name server's answer is malformed"],
};

/**
 * Names what a step threw. `phase` is the one it happened in: a broken
 * connection means something else in each.
 */
export function failureOf(thrown: unknown, phase: PhaseName | null): Failure {
  if (thrown instanceof CheckFailure) return { code: thrown.code, message: clip(thrown.message) };
  const { code = "", reason } = Object(thrown) as { code?: unknown; reason?: unknown };
  const key = typeof code === "string" ? code : "";
  // The agent's own resolver is not there: no word about the target.
  if (phase === "dnsMs" && key === "ECONNREFUSED") {
    return { code: "agent_network", message: "the agent's name server cannot be reached" };
  }
  const found = named[key];
  if (found === "broken") {
    const [code, message] = broken[phase ?? "connectMs"];
    return { code, message };
  }
  if (found) return { code: found[0], message: found[1] };
  if (key.startsWith("ERR_SSL_") || key === "EPROTO" || phase === "tlsMs") {
    return { code: "tls_failed", message: clip(`the TLS connection failed: ${reason ?? errorText(thrown)}`) };
  }
  if (phase === "dnsMs" && key !== "")
    return { code: "dns_failed", message: clip(`the name was not resolved: ${key}`) };
  if (phase === "connectMs" && key !== "") return { code: "connect_failed", message: clip(`no connection: ${key}`) };
  return { code: "agent_internal", message: clip(errorText(thrown)) };
}

function clip(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE - 1)}…`;
}
