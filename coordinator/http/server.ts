import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Server as TlsServer } from "node:tls";
import type { FastifyInstance, FastifyServerOptions } from "fastify";
import { fastify } from "fastify";
import { ConfigError, errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { LINK_PATH, TUNNEL_PATH } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentIdentities } from "../agents/identity.ts";
import type { AgentLinks } from "../agents/link.ts";
import type { AgentTunnels } from "../agents/tunnel.ts";
import type { LiveClients } from "../live/clients.ts";
import { LIVE_PATH } from "../live/clients.ts";
import { SecretRefused } from "../secrets/refusal.ts";
import type { Scope } from "../store/api-tokens.ts";
import type { AuditStore } from "../store/audit.ts";
import { DependencyRefused } from "../store/dependencies.ts";
import type { Access, Caller } from "./access.ts";
import { allows } from "./access.ts";
import { auditOf } from "./audit.ts";
import type { ServerCertificate } from "./certificate.ts";
import { Problem } from "./problem.ts";
import { bearerMatches } from "./token.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** Enough for the largest monitor with a body, and for little else. */
const MAX_BODY_BYTES = 262_144;
/** How long a client may take to send a request, in ms. */
const REQUEST_TIMEOUT_MS = 15_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
    /** What a caller must be allowed; when not told, `read` to get something and `write` to change it. */
    scope?: Scope;
    /** What the audit log calls it, where the path does not say it. */
    action?: string;
  }
  interface FastifyRequest {
    /** Null before it is known, and on what is open. */
    caller: Caller | null;
    /** What the audit log is to tell of this change. */
    auditDetail: Readonly<Record<string, unknown>> | null;
  }
}

export interface HttpServer extends Part {
  /** The port listened on, once started. */
  port(): number;
}

/**
 * The HTTP server: a bearer token on everything but health, problem documents for
 * every error, and the upgrade of agents' links.
 */
export function createHttpServer({
  host,
  port,
  certificate,
  proxies,
  access,
  audit,
  agentToken,
  links,
  tunnels,
  identities,
  live,
  routes,
  logger,
}: {
  readonly host: string;
  readonly port: number;
  /** What it shows over TLS; null where it speaks plain HTTP. */
  readonly certificate: ServerCertificate | null;
  readonly proxies: TrustedProxies;
  readonly access: Access;
  readonly audit: Pick<AuditStore, "record">;
  /** The token that agents share which were not enrolled; null where all of them are. */
  readonly agentToken: string | null;
  /** Null where agents do not link. */
  readonly links: AgentLinks | null;
  /** Null where there is no Redis for agents. */
  readonly tunnels: AgentTunnels | null;
  readonly identities: Pick<AgentIdentities, "authenticate">;
  /** Null where nobody looks on. */
  readonly live: LiveClients | null;
  readonly routes: (app: FastifyInstance) => void;
  readonly logger: Logger;
}): HttpServer {
  const app = fastify({
    https: certificate && { ...certificate.options, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    trustProxy: proxies.isTrusted,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  } as FastifyServerOptions);
  // Fastify serves over TLS with a server of node:https.
  certificate?.serve(app.server as unknown as TlsServer);

  app.decorateRequest("caller", null);
  app.decorateRequest("auditDetail", null);
  app.addHook("onRequest", async (request, reply) => {
    const { open, scope = isRead(request.method) ? "read" : "write" } = request.routeOptions.config;
    if (open) return;
    request.caller = await access.callerOf(request.headers.authorization);
    if (request.caller === null) {
      reply.header("www-authenticate", "Bearer");
      throw new Problem(401, "A valid bearer token is needed: Authorization: Bearer <token>.");
    }
    if (!allows(request.caller.scope, scope)) {
      throw new Problem(403, `This token may ${request.caller.scope}; this needs one that may ${scope}.`);
    }
  });
  app.addHook("onSend", async (request, reply, payload) => {
    // An answer without a caller is to nobody who may change anything.
    if (!request.caller || isRead(request.method) || reply.statusCode >= 400) return payload;
    const entry = auditOf(request, reply.getHeader("location"));
    await audit
      .record(entry)
      .catch((thrown) => logger.error({ ...entry, reason: errorText(thrown) }, "A change is not in the audit log"));
    return payload;
  });
  app.setNotFoundHandler((request) => {
    throw new Problem(404, `There is nothing at ${request.method} ${request.url.split("?", 1)[0]}.`);
  });
  app.setErrorHandler((thrown, request, reply) => {
    const problem = toProblem(thrown);
    if (problem.status >= 500) {
      logger.error({ method: request.method, url: request.url, reason: errorText(thrown) }, "A request failed");
    }
    return reply.code(problem.status).header("content-type", "application/problem+json").send(JSON.stringify(problem));
  });
  routes(app);

  app.server.on("upgrade", (request, socket, head) => {
    const path = request.url?.split("?", 1)[0];
    const { authorization } = request.headers;
    if (path === LIVE_PATH && live) {
      // A browser cannot send the header: it says the token in its first message.
      if (authorization === undefined) return live.accept(request, socket, head, null);
      return void check(request, socket, "A live client", access.callerOf, (caller) =>
        live.accept(request, socket, head, caller),
      );
    }
    if (path === TUNNEL_PATH && tunnels) {
      return void check(request, socket, "An agent's tunnel", identities.authenticate, (identity) =>
        tunnels.accept(request, socket, head, identity),
      );
    }
    if (path !== LINK_PATH || !links) return refuse(socket, 404);
    if (agentToken !== null && bearerMatches(authorization, agentToken)) {
      return links.accept(request, socket, head, null);
    }
    void check(request, socket, "An agent's link", identities.authenticate, (identity) =>
      links.accept(request, socket, head, identity),
    );
  });

  /** Goes on with an upgrade when it is known whose it is. */
  async function check<Who>(
    request: IncomingMessage,
    socket: Duplex,
    what: string,
    whose: (authorization: string | undefined) => Promise<Who | null>,
    goOn: (who: Who) => void,
  ): Promise<void> {
    const from = proxies.addressOf(request);
    const onError = (thrown: Error) => logger.debug({ from, reason: errorText(thrown) }, `${what} broke`);
    socket.on("error", onError);
    try {
      const who = await whose(request.headers.authorization);
      if (socket.destroyed) return;
      if (who === null) {
        logger.warn({ from }, `${what} was refused: wrong token`);
        return refuse(socket, 401);
      }
      socket.off("error", onError);
      goOn(who);
    } catch (thrown) {
      logger.warn({ from, reason: errorText(thrown) }, `${what} could not be checked`);
      refuse(socket, 503);
    }
  }

  return {
    port: () => (app.server.address() as { port: number }).port,
    async start() {
      try {
        await app.listen({ host, port });
        await certificate?.start();
      } catch (thrown) {
        const { code } = thrown as NodeJS.ErrnoException;
        if (code === "EADDRINUSE") throw new ConfigError(`PORT ${port} of ${host} is in use by another program`);
        if (code === "EACCES")
          throw new ConfigError(`PORT ${port} of ${host} needs rights that this user does not have`);
        if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
          throw new ConfigError(`HOST ${host} is no address of this machine`);
        throw thrown;
      }
    },
    async stop() {
      links?.close();
      tunnels?.close();
      live?.close();
      await certificate?.stop();
      await app.close();
    },
  };
}

const isRead = (method: string): boolean => method === "GET" || method === "HEAD";

function refuse(socket: Duplex, status: 401 | 404 | 503): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
}

function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof SecretRefused || thrown instanceof DependencyRefused)
    return new Problem(422, thrown.message, thrown.errors);
  const { statusCode, message } = thrown as { statusCode?: number; message?: string };
  // What fastify itself refuses: a body that is too large, no JSON, of another type.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Problem(statusCode, message ?? "The request is wrong.");
  if (isUnavailable(thrown)) return new Problem(503, "A store does not answer at the moment; see /readyz.");
  return new Problem(500, "Something failed in the coordinator; its log says what.");
}

/** Connection failures, and PostgreSQL's classes 08 and 57 (Appendix A, "PostgreSQL Error Codes"). */
function isUnavailable(thrown: unknown): boolean {
  const code = String((thrown as { code?: unknown }).code ?? "");
  return /^(08|57)...$/.test(code) || /^(ECONN|ETIMEDOUT|EPIPE)/.test(code) || /timeout/i.test(errorText(thrown));
}
