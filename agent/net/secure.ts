import { isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";
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
      const secured: TLSSocket = tlsConnect({
        socket,
        secureContext,
        host,
        // A server name is a DNS name, never an address (RFC 6066 §3).
        servername: isIP(host) === 0 ? host : "",
        rejectUnauthorized: !ignoreTls,
        ALPNProtocols: ["http/1.1"],
        checkServerIdentity: (name) => wrongName(secured, name),
      });
      // Before it asks for the names to be compared, Node makes objects of the whole chain, which
      // costs a seventh of a check. `wrongName` takes what it needs by itself.
      secured.getPeerCertificate = () => unread;
      secured.once("secureConnect", () => resolve(secured));
      secured.on("error", reject);
      attempt.onDeadline((failure) => {
        socket.destroy();
        secured.destroy();
        reject(failure);
      });
    });
}

const unread = {} as never;

/** What Node's own comparison says of the peer's certificate and a name; undefined when it is right. */
function wrongName(secured: TLSSocket, name: string): Error | undefined {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined) return new Error("the server has no certificate");
  const names = { subject: {}, subjectaltname: certificate.subjectAltName } as PeerCertificate;
  if (checkServerIdentity(name, names) === undefined) return undefined;
  // Without alternative names the subject's common name counts.
  return checkServerIdentity(name, certificate.toLegacyObject());
}
