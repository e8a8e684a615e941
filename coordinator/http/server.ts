import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { fastify } from "fastify";
import { ConfigError, errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { LINK_PATH } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentIdentities } from "../agents/identity.ts";
import type { AgentLinks } from "../agents/link.ts";
import type { LiveClients } from "../live/clients.ts";
import { LIVE_PATH } from "../live/clients.ts";
import { Problem } from "./problem.ts";
import { bearerMatches } from "./token.ts";

/** Enough for the largest monitor with a body, and for little else. */
const MAX_BODY_BYTES = 262_144;
/** How long a client may take to send a request, in ms. */
const REQUEST_TIMEOUT_MS = 15_000;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
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
  adminToken,
  agentToken,
  links,
  identities,
  live,
  routes,
  logger,
}: {
  readonly host: string;
  readonly port: number;
  readonly adminToken: string;
  /** The token that agents share which were not enrolled; null where all of them are. */
  readonly agentToken: string | null;
  /** Null where agents do not link. */
  readonly links: AgentLinks | null;
  readonly identities: Pick<AgentIdentities, "authenticate">;
  /** Null where nobody looks on. */
  readonly live: LiveClients | null;
  readonly routes: (app: FastifyInstance) => void;
  readonly logger: Logger;
}): HttpServer {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });

  app.addHook("onRequest", async (request, reply) => {
    if (request.routeOptions.config.open) return;
    if (bearerMatches(request.headers.authorization, adminToken)) return;
    reply.header("www-authenticate", "Bearer");
    throw new Problem(401, "A valid bearer token is needed: Authorization: Bearer <token>.");
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
      const isAllowed = bearerMatches(authorization, adminToken);
      if (!isAllowed && authorization !== undefined) return refuse(socket, 401);
      return live.accept(request, socket, head, isAllowed);
    }
    if (path !== LINK_PATH || !links) return refuse(socket, 404);
    if (agentToken !== null && bearerMatches(authorization, agentToken)) {
      return links.accept(request, socket, head, null);
    }
    void acceptEnrolled(request, socket, head, links);
  });

  async function acceptEnrolled(request: IncomingMessage, socket: Duplex, head: Buffer, links: AgentLinks) {
    const from = request.socket.remoteAddress;
    const onError = (thrown: Error) => logger.debug({ from, reason: errorText(thrown) }, "An agent's link broke");
    socket.on("error", onError);
    try {
      const identity = await identities.authenticate(request.headers.authorization);
      if (socket.destroyed) return;
      if (identity !== null) {
        socket.off("error", onError);
        return links.accept(request, socket, head, identity);
      }
      logger.warn({ from }, "Refused an agent's link: wrong token");
      refuse(socket, 401);
    } catch (thrown) {
      logger.warn({ from, reason: errorText(thrown) }, "An agent's link could not be checked");
      refuse(socket, 503);
    }
  }

  return {
    port: () => (app.server.address() as { port: number }).port,
    async start() {
      try {
        await app.listen({ host, port });
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
      live?.close();
      await app.close();
    },
  };
}

function refuse(socket: Duplex, status: 401 | 404 | 503): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
}

function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
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
