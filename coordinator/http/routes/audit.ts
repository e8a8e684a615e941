import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { isoTime } from "../../../shared/clock.ts";
import type { AuditEntry, AuditStore } from "../../store/audit.ts";
import { page, pageQuery, readCursor, validate } from "../validate.ts";

const word = z.string().max(200).optional();
const listQuery = z.strictObject({ ...pageQuery, actor: word, action: word, subject: word });
const position = z.object({ id: z.int() });

/** `/v1/audit`: who did what, newest first. */
export function auditRoutes(app: FastifyInstance, { audit }: { readonly audit: AuditStore }): void {
  app.get("/v1/audit", { config: { scope: "admin" } }, async ({ query }) => {
    const { limit, cursor, ...filter } = validate(listQuery, query);
    const found = await audit.list(limit + 1, filter, readCursor(position, cursor)?.id ?? null);
    return page(found, limit, present, ({ id }) => ({ id }));
  });
}

function present({ at, ...entry }: AuditEntry) {
  return { ...entry, at: isoTime(at) };
}
