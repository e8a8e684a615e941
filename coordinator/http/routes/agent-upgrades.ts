import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { newId } from "../../../shared/id.ts";
import { isRegion, regionRule } from "../../../shared/region.ts";
import { compareVersions } from "../../../shared/release.ts";
import type { Releases } from "../../releases/releases.ts";
import { LATEST } from "../../releases/releases.ts";
import type { AgentUpgradeStore } from "../../store/agent-upgrades.ts";
import type { Upgrade } from "../../upgrades/plan.ts";
import { planSteps } from "../../upgrades/plan.ts";
import type { Upgrades } from "../../upgrades/upgrades.ts";
import type { AgentUpgradeRow } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";
import { validate } from "../validate.ts";

const MAX_CANARY = 1_000;
const LISTED = 100;
const canaryRule = `must be a whole number from 1 to ${MAX_CANARY}`;

const draft = z.strictObject({
  region: z.string().refine(isRegion, { message: regionRule }),
  version: z.string().max(64).default(LATEST),
  canary: z.int({ error: canaryRule }).min(1, canaryRule).max(MAX_CANARY, canaryRule).default(1),
});

type ById = { Params: { id: string } };

/** `/v1/agent-upgrades`: what operators want agents to become, and how that goes. Nothing else upgrades an agent. */
export function agentUpgradeRoutes(
  app: FastifyInstance,
  {
    store,
    upgrades,
    releases,
    clock,
  }: {
    readonly store: AgentUpgradeStore;
    readonly upgrades: Pick<Upgrades, "agentsOf" | "cancel" | "wake">;
    readonly releases: Releases;
    readonly clock: Clock;
  },
): void {
  const config = { scope: "admin" } as const;

  app.post("/v1/agent-upgrades", { config }, async (request, reply) => {
    const { region, version: wanted, canary } = validate(draft, request.body);
    const release = await releases.get(wanted);
    if (release === null) {
      const others = await releases.versions();
      const rule = `must be a release that this coordinator has: ${others.slice(0, 10).join(", ") || "there is none, run npm run build:agent"}`;
      throw new Problem(422, `version: ${rule}`, [{ field: "version", rule }]);
    }
    const { version } = release;
    const candidates = await upgrades.agentsOf(region);
    if (candidates.length === 0) throw new Problem(409, `No agent of ${region} is online.`);
    const steps = planSteps(candidates, version, compareVersions);
    if (steps.every(({ state }) => state !== "waiting")) {
      const reasons = steps.map(({ agentId, detail }) => `${agentId}: ${detail}`).join("; ");
      throw new Problem(409, `No agent of ${region} can become ${version}: ${reasons}.`);
    }
    const upgrade: Upgrade = {
      id: newId("upg"),
      region,
      version,
      canary,
      state: "running",
      detail: null,
      createdBy: request.caller?.actor ?? "admin",
      createdAt: clock.now(),
      endedAt: null,
      steps,
    };
    if (!(await store.create(upgrade))) {
      throw new Problem(409, `An upgrade of ${region} is under way: see GET /v1/agent-upgrades.`);
    }
    upgrades.wake();
    request.auditDetail = { region, version, canary };
    return reply.code(201).header("location", `/v1/agent-upgrades/${upgrade.id}`).send(present(upgrade));
  });

  app.get("/v1/agent-upgrades", async () => ({ data: (await store.list(LISTED)).map(present), nextCursor: null }));

  app.get<ById>("/v1/agent-upgrades/:id", async ({ params: { id } }) => {
    const upgrade = await store.get(id);
    if (upgrade === null) throw notFound("upgrade", id);
    return present(upgrade);
  });

  app.post<ById>("/v1/agent-upgrades/:id/cancel", { config }, async ({ params: { id } }) => {
    const upgrade = await upgrades.cancel(id);
    if (upgrade === null) throw notFound("upgrade", id);
    if (upgrade.state !== "cancelled") throw new Problem(409, `The upgrade ${id} has ended already: ${upgrade.state}.`);
    return present(upgrade);
  });
}

function present({ createdAt, endedAt, steps, ...upgrade }: Upgrade): AgentUpgradeRow {
  return {
    ...upgrade,
    createdAt: isoTime(createdAt),
    endedAt: endedAt === null ? null : isoTime(endedAt),
    agents: steps.map(({ agentId, from, state, detail, askedAt }) => ({
      agentId,
      from,
      state,
      detail,
      askedAt: askedAt === null ? null : isoTime(askedAt),
    })),
  };
}
