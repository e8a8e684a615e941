import type { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";
import type { Result } from "../../shared/result.ts";
import type { Attempt } from "./attempt.ts";

/**
 * TLS over a fresh connection; the phase `tlsMs`. The certificate is judged for
 * `host` unless `ignoreTls`. Sessions are never resumed: every check makes the
 * full handshake. Of the socket's two ways to its peer's certificate only
 * `getPeerX509Certificate` works.
 */
export type Secure = (socket: Socket, host: string, ignoreTls: boolean, attempt: Attempt) => Promise<TLSSocket>;

/** One secure context serves all checks: making one costs a fifth of a check. */
export function createSecure(secureContext: SecureContext): Secure {
  return (socket, host, ignoreTls, attempt) =>
    new Promise((resolve, reject) => {
      attempt.phases.enter("tlsMs");
      // Node hands it out once.
      let shown: X509Certificate | undefined;
      const secured: TLSSocket = tlsConnect({
        socket,
        secureContext,
        host,
        // A server name is a DNS name, never an address (RFC 6066 §3).
        servername: isIP(host) === 0 ? host : "",
        rejectUnauthorized: !ignoreTls,
        ALPNProtocols: ["http/1.1"],
        checkServerIdentity: (name) => wrongName(shown ?? secured.getPeerX509Certificate(), name),
      });
      // Before it asks for the names to be compared, Node makes objects of the whole chain, which
      // costs a seventh of a check. `wrongName` takes what it needs by itself.
      secured.getPeerCertificate = () => unread;
      // Emitted when the handshake is done, before Node judges the certificate and lets go of one that
      // it refuses. The event is Node's own; without it there is no evidence, and all else stays right.
      secured.prependOnceListener("secure", () => {
        shown = secured.getPeerX509Certificate();
        attempt.seen.certificate = certificateOf(shown);
      });
      secured.once("secureConnect", () => resolve(secured));
      secured.on("error", reject);
      attempt.onDeadline((failure) => {
        socket.destroy();
        secured.destroy();
        reject(failure);
      });
    });
}

/** What is kept of a certificate, also of one that is refused: which it was, and until when it holds. */
function certificateOf(certificate: X509Certificate | undefined): Result["certificate"] {
  const expiresAt = Date.parse(certificate?.validTo ?? "");
  if (!certificate || Number.isNaN(expiresAt)) return undefined;
  return { fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(), expiresAt };
}

const unread = {} as never;

/** What Node's own comparison says of the peer's certificate and a name; undefined when it is right. */
function wrongName(certificate: X509Certificate | undefined, name: string): Error | undefined {
  if (certificate === undefined) return new Error("the server has no certificate");
  const names = { subject: {}, subjectaltname: certificate.subjectAltName } as PeerCertificate;
  if (checkServerIdentity(name, names) === undefined) return undefined;
  // Without alternative names the subject's common name counts.
  return checkServerIdentity(name, certificate.toLegacyObject());
}
