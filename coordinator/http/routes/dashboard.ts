import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";

/** What `install/bundle-page.js` has made: beside what this file was built into, or in `dist` from the sources. */
const folder = new URL(import.meta.url.endsWith(".ts") ? "../../../dist/page/" : "../../../page/", import.meta.url);

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

/** More than two digits could not be read in a tab. */
const MAX_ON_ICON = 99;

const headers = {
  // Nothing inline, nothing from elsewhere, no markup made out of text.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // Kept by the browser, asked for again each time: an upgrade shows at once, and costs a 304 when there was none.
  "cache-control": "no-cache",
};

interface Asset {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

/**
 * The dashboard: the page at `/`, all it is made of below `/assets/`, without a
 * token, since it holds no data. Only files found at start are served, by their
 * exact names.
 */
export function dashboardRoutes(app: FastifyInstance): void {
  const assets = readAssets();

  function send(name: string, request: FastifyRequest, reply: FastifyReply) {
    const asset = assets.get(name);
    if (!asset)
      throw new Problem(404, assets.size > 0 ? "There is no such asset." : "The page is not built: npm run build.");
    reply.headers({ ...headers, etag: asset.etag });
    if (namesTag(request.headers["if-none-match"], asset.etag)) return reply.code(304).send();
    return reply.type(asset.type).send(asset.body);
  }

  const open = { config: { open: true } };
  app.get("/", open, (request, reply) => send("index.html", request, reply));
  app.get<{ Querystring: { down?: string } }>("/icon.svg", open, ({ query }, reply) => {
    const down = Number(query.down);
    if (!Number.isInteger(down) || down < 1) throw new Problem(422, "down: must be a whole number from 1");
    return reply
      .headers(headers)
      .type(types[".svg"] as string)
      .send(iconOf(down));
  });
  app.get<{ Params: { "*": string } }>("/assets/*", open, (request, reply) =>
    send(request.params["*"], request, reply),
  );
}

/** The icon in the colour of trouble, with how many monitors are down. */
function iconOf(down: number): string {
  const text = down > MAX_ON_ICON ? `${MAX_ON_ICON}+` : String(down);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#c0232c"/><text x="16" y="${text.length > 2 ? 21 : 23}" fill="#fff" font-family="sans-serif" font-weight="700" font-size="${text.length > 2 ? 15 : 20}" text-anchor="middle">${text}</text></svg>`;
}

function readAssets(): Map<string, Asset> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => extname(name) in types);
  return new Map(names.map((name) => [name, readAsset(name)]));
}

function readAsset(name: string): Asset {
  const body = readFileSync(new URL(name, folder));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { body, type: types[extname(name)] as string, etag };
}

/** Whether an If-None-Match header names the tag (RFC 9110 §13.1.2, weak comparison). */
function namesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
