import type { FastifyRequest } from "fastify";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AuditDraft, AuditStore } from "../store/audit.ts";

const KEEP_MS = 400 * 86_400_000;
const FORGET_EVERY_MS = 3_600_000;

/** Keeps the audit log to its length. */
export function keepAuditLog(store: AuditStore, logger: Logger): Part {
  let timer: NodeJS.Timeout | undefined;
  const forget = () =>
    store
      .forget(KEEP_MS)
      .catch((thrown) => logger.warn({ reason: errorText(thrown) }, "Old audit entries could not be forgotten"));
  return {
    async start() {
      timer = setInterval(() => void forget(), FORGET_EVERY_MS);
      await forget();
    },
    async stop() {
      clearInterval(timer);
    },
  };
}

/** What a change made by this request is called in the audit log, such as `monitors.create` or `channels.test`. */
export function auditOf(request: FastifyRequest, location: unknown): AuditDraft {
  const [, resource = "", ...rest] = (request.routeOptions.url ?? "").split("/").filter((part) => part !== "");
  const verb = rest.find((part) => !part.startsWith(":"));
  const { id, region } = request.params as { id?: string; region?: string };
  // What was made is named by where it is.
  const made = typeof location === "string" ? location.split("/").at(-1) : undefined;
  return {
    actor: request.caller?.actor ?? null,
    action: request.routeOptions.config.action ?? `${resource}.${verb ?? verbs[request.method]}`,
    subject: id ?? region ?? made ?? null,
    detail: request.auditDetail ?? {},
    address: request.ip,
  };
}

const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "change", PATCH: "change", DELETE: "delete" };
