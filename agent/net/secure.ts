import { isIP, type Socket } from "node:net";
import { type SecureContext, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { Attempt } from "./attempt.ts";

/**
 * TLS over a fresh connection; the phase `tlsMs`. The certificate is judged for
 * `host` unless `ignoreTls`. Sessions are never resumed: every check makes the
 * full handshake.
 */
export type Secure = (socket: Socket, host: string, ignoreTls: boolean, attempt: Attempt) => Promise<TLSSocket>;

/** One secure context serves all checks: making one costs a fifth of a check. */
export function createSecure(secureContext: SecureContext): Secure {
  return (socket, host, ignoreTls, attempt) =>
    new Promise((resolve, reject) => {
      attempt.phases.enter("tlsMs");
      const secured = tlsConnect({
        socket,
        secureContext,
        host,
        // A server name is a DNS name, never an address (RFC 6066 §3).
        servername: isIP(host) === 0 ? host : "",
        rejectUnauthorized: !ignoreTls,
        ALPNProtocols: ["http/1.1"],
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
