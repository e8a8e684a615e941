import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { FoundRelease, Releases } from "../../releases/releases.ts";
import { LATEST } from "../../releases/releases.ts";
import type { SigningKey } from "../../releases/signing-key.ts";
import type { AgentReleaseKey } from "../api-types.ts";
import { Problem } from "../problem.ts";

/** So many files are on their way at once; whoever comes then comes again. */
const MAX_DOWNLOADS = 32;
/** A download that makes no progress for so long is given up, in ms. */
const IDLE_MS = 60_000;
const SIGNATURE = ".sig";

const types: Readonly<Record<string, string>> = {
  ".gz": "application/gzip",
  ".sh": "text/x-shellscript; charset=utf-8",
};

/**
 * The agent's releases for whoever installs one: `/install.sh`, and below
 * `/agent/releases/` the manifest of a version or of `latest`, its signature (`.sig`) and
 * its files. Open, since they hold no secret and a new server has no token. Only what a
 * manifest names is served.
 */
export function agentReleaseRoutes(
  app: FastifyInstance,
  { releases, signingKey, dir }: { readonly releases: Releases; readonly signingKey: SigningKey; readonly dir: string },
): void {
  let downloads = 0;

  async function find(version: string): Promise<FoundRelease> {
    const release = await releases.get(version);
    if (release) return release;
    const others = await releases.versions();
    throw new Problem(
      404,
      others.length > 0
        ? `There is no release ${version} of the agent in ${dir}; there are ${others.slice(0, 10).join(", ")}.`
        : `There is no release of the agent in ${dir}: run npm run build:agent, or set WATCHPOST_AGENT_RELEASES.`,
    );
  }

  async function sendFile(release: FoundRelease, name: string, request: FastifyRequest, reply: FastifyReply) {
    const found = release.file(name);
    if (!found) throw new Problem(404, `The release ${release.version} has no file of that name.`);
    const { file, path } = found;
    const { size } = await stat(path).catch(() => ({ size: null }));
    if (size !== file.size) {
      throw new Problem(500, `${name} of ${release.version} is not what its manifest says: run npm run build:agent.`);
    }
    if (downloads >= MAX_DOWNLOADS) {
      reply.header("retry-after", "10");
      throw new Problem(503, "Too many files are being downloaded at the moment.");
    }
    const etag = `"${file.sha256}"`;
    // Asked for again each time: one version may be built twice.
    reply.headers({ ...headers, etag, "accept-ranges": "bytes" });
    reply.type(types[extname(name)] ?? "text/plain; charset=utf-8");
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    const from = startOf(request, etag, size);
    if (from !== null) reply.code(206).header("content-range", `bytes ${from}-${size - 1}/${size}`);
    reply.header("content-length", size - (from ?? 0));
    if (request.method === "HEAD") return reply.send(Readable.from([]));
    downloads++;
    reply.raw.once("close", () => downloads--);
    reply.raw.setTimeout(IDLE_MS);
    return reply.send(createReadStream(path, { start: from ?? 0 }));
  }

  const open = { config: { open: true } };
  app.get("/install.sh", open, async (request, reply) => sendFile(await find(LATEST), "install.sh", request, reply));
  app.get<{ Params: { version: string } }>("/agent/releases/:version", open, async ({ params }, reply) => {
    const { version } = params;
    const isSignature = version.endsWith(SIGNATURE);
    const { manifest } = await find(isSignature ? version.slice(0, -SIGNATURE.length) : version);
    reply.headers(headers);
    if (!isSignature) return reply.type("text/plain; charset=utf-8").send(manifest);
    return reply.type("application/octet-stream").send(await signingKey.sign(manifest));
  });
  app.get<{ Params: { version: string; name: string } }>(
    "/agent/releases/:version/:name",
    open,
    async (request, reply) => sendFile(await find(request.params.version), request.params.name, request, reply),
  );
  app.get("/v1/agents/release-key", async (): Promise<AgentReleaseKey> => {
    return { key: (await signingKey.publicKey()).toString("base64url") };
  });
}

const headers = { "cache-control": "no-cache", "x-content-type-options": "nosniff" };

/** Where the rest begins that a client asks for which has the beginning (RFC 9110 §14.2); null for all of it. */
function startOf({ headers }: FastifyRequest, etag: string, size: number): number | null {
  const [, from] = /^bytes=(\d{1,12})-$/.exec(headers.range ?? "") ?? [];
  const isSame = headers["if-range"] === undefined || headers["if-range"] === etag;
  return from !== undefined && isSame && Number(from) < size ? Number(from) : null;
}
