import { step } from "../../../../coordinator/verdict/machine.ts";
import { newcomersOf } from "../../../../coordinator/verdict/newcomers.ts";
import type { Arrival, Ballot, Outcome, Subject, VerdictState } from "../../../../coordinator/verdict/state.ts";
import { initialState } from "../../../../coordinator/verdict/state.ts";
import { createHeap } from "./heap.ts";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import type { Reference } from "./reference.ts";
import { isIn, spanAt } from "./spans.ts";
import type { World } from "./world.ts";

/** How far back a step looks. What reached the coordinator earlier counts as having come then. */
const MAX_BEHIND_MS = 3_000;
/** A confirmation check that has waited so long for an agent is not run. */
const MAX_ASKED_WAIT_MS = 10_000;

/** How long after it has come up a region has its first check. */
const TAKES_EFFECT_MS = 2_000;

type Delivery = Arrival<Ballot>;

export interface Course {
  readonly steps: number;
  readonly confirms: number;
}

/** Drives the machine through a world, and tells the reference what it was given and what came of it. */
export function simulate(world: World, reference: Reference): Course {
  const { policy, span } = world;
  const random = createRandom(~world.seed);
  const coming = createHeap<Delivery>(({ receivedAt }) => receivedAt);
  for (const delivery of scheduled(world, random)) coming.push(delivery);
  for (const delivery of askedByOthers(world)) coming.push(delivery);
  /** A region that was asked for a check of an instant is not asked for another one. */
  const asked = new Set(world.askedByOthers);
  const overlays = [...world.maintenance, ...world.paused]
    .flatMap(({ from, to }) => [from, to])
    .map((at) => at + random.int(0, 1_000))
    .sort((a, b) => a - b);
  // What is costly and needs no witness is looked at in some histories only.
  const isStrict = world.seed % 8 === 0;
  // A store need not keep that time went on and nothing else: when nothing came of a step, nothing fell due, and
  // nothing falls due earlier than before.
  const isFrugal = world.seed % 2 === 0;

  let outcome: Outcome<Ballot> = { state: initialState, votes: [], effects: [], dueAt: null };
  let due = Number.POSITIVE_INFINITY;
  let ready: Delivery[] = [];
  let gathered = Number.POSITIVE_INFINITY;
  let steps = 0;
  let confirms = 0;
  for (;;) {
    const wake = Math.min(due, gathered, overlays[0] ?? Number.POSITIVE_INFINITY);
    const next = coming.peek();
    if (next && next.receivedAt <= wake) {
      ready.push(coming.pop() as Delivery);
      gathered = Math.min(gathered, next.receivedAt + random.int(0, Math.max(50, world.lateMs)));
      continue;
    }
    const away = spanAt(world.away, wake);
    const now = away ? away.to : wake;
    if (now > span.to) break;
    if (away) {
      while ((coming.peek()?.receivedAt ?? Number.POSITIVE_INFINITY) <= now) ready.push(coming.pop() as Delivery);
      if (world.awayIs === "process") {
        // The queue kept what came: it is received when the process is back, maybe after its first step.
        const receivedAt = now + random.pick([0, 150]);
        ready = ready.map((delivery) => ({ ...delivery, receivedAt }));
      }
      if (ready.some(({ receivedAt }) => receivedAt > now)) {
        for (const delivery of ready) coming.push(delivery);
        ready = [];
      }
    }
    while ((overlays[0] ?? Number.POSITIVE_INFINITY) <= now) overlays.shift();
    const subject: Subject<Ballot> = {
      state: outcome.state,
      votes: outcome.votes,
      policy: { ...policy, enabled: !isIn(world.paused, now) },
      ...circumstancesAt(world, now),
      maintenance: isIn(world.maintenance, now),
    };
    for (const delivery of ready) reference.hears(delivery, Math.max(delivery.receivedAt, now - MAX_BEHIND_MS));
    const before = outcome;
    outcome = step(isStrict ? (JSON.parse(JSON.stringify(subject)) as typeof subject) : subject, ready, now);
    reference.sees(before.state, outcome, now);
    const hasMovedOn =
      before.dueAt !== null && outcome.dueAt !== null && now < before.dueAt && before.dueAt <= outcome.dueAt;
    if (isFrugal && hasMovedOn && outcome.effects.length === 0 && !isChanged(before.state, outcome.state)) {
      outcome = { ...outcome, state: before.state, dueAt: before.dueAt };
    }
    if (isStrict) reference.expectNothing(step({ ...subject, ...outcome }, ready, now), now);
    for (const effect of outcome.effects) {
      if (effect.type !== "confirm") continue;
      confirms++;
      if (asked.has(effect.at)) continue;
      for (const region of effect.regions) {
        if (random.chance(world.answerLoss)) continue;
        const waited = random.chance(0.8) ? random.int(5, 200) : random.int(0, 12_000);
        if (now + waited > effect.at + MAX_ASKED_WAIT_MS) continue;
        for (const delivery of check(world, random, region, effect.at, random.int(1, 1_000), now + waited)) {
          coming.push(delivery);
        }
      }
    }
    ready = [];
    gathered = Number.POSITIVE_INFINITY;
    due = outcome.dueAt === null ? Number.POSITIVE_INFINITY : outcome.dueAt + random.int(0, world.lateMs);
    steps++;
  }
  return { steps, confirms };
}

function isChanged(before: VerdictState, after: VerdictState): boolean {
  return (Object.keys(after) as Array<keyof VerdictState>).some(
    (key) => key !== "at" && JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
}

/** Who has a vote at an instant, and whose silence or word is not what it seems. */
function circumstancesAt({ policy, regions, joins, suspected, span }: World, now: number) {
  const present = regions.filter((region) => (joins[region] ?? 0) <= now);
  const cameUpAt = new Map(present.map((region) => [region, joins[region] ?? 0]));
  return {
    regions: present,
    votingSince: Math.max(...cameUpAt.values()),
    newcomers: newcomersOf(cameUpAt, policy, span.from - 1),
    suspects: present.filter((region) => isIn(suspected[region] ?? [], now)),
  };
}

function scheduled(world: World, random: Random): Delivery[] {
  return world.regions.flatMap((region) => {
    const deliveries: Delivery[] = [];
    const skew = world.skewMs[region] ?? 0;
    for (let due = world.firstDue[region] ?? 0; due < world.span.to; due += world.policy.intervalMs) {
      if (isIn(world.paused, due) || due < (world.joins[region] ?? 0) + TAKES_EFFECT_MS) continue;
      deliveries.push(...check(world, random, region, due, 0, due - skew + random.int(0, 50)));
    }
    return deliveries;
  });
}

/** These targets are near: a result may come in the very ms in which its check was due. */
function askedByOthers(world: World): Delivery[] {
  const random = createRandom(world.seed ^ 0x51fe);
  return world.askedByOthers.flatMap((due) =>
    world.regions.flatMap((region) => {
      if (isIn(world.paused, due) || due < (world.joins[region] ?? 0) + TAKES_EFFECT_MS) return [];
      const waited = random.pick([0, 0, random.int(0, 200)]);
      return check(world, random, region, due, random.int(1, 1_000), due - (world.skewMs[region] ?? 0) + waited, 0);
    }),
  );
}

/** One check of a region, and how often and when its result comes; it takes so many ms at the least, and its result half as many. */
function check(
  world: World,
  random: Random,
  region: string,
  scheduledAt: number,
  attempt: number,
  at: number,
  leastMs = 5,
): Delivery[] {
  const within = (spans: World["down"]) => isIn(spans[region] ?? [], at);
  if (within(world.dead)) return [];
  const status = within(world.faulty)
    ? "error"
    : within(world.down)
      ? "down"
      : within(world.degraded)
        ? "degraded"
        : "up";
  const slow = status === "down" && random.chance(0.3);
  const ended =
    at + (slow ? world.policy.timeoutMs : random.int(leastMs, Math.min(leastMs * 60, world.policy.timeoutMs)));
  if (isIn(world.dead[region] ?? [], ended)) return [];
  const checkedAt = ended + (world.skewMs[region] ?? 0);
  const cut = spanAt(world.cut[region] ?? [], ended);
  if (cut && random.chance(0.5)) return [];
  const result = { region, status, scheduledAt, attempt, checkedAt } as const;
  const first =
    (cut ? cut.to : ended) +
    (random.chance(0.9)
      ? random.int(Math.floor(leastMs / 2), Math.min(leastMs * 20, world.delayMs))
      : random.int(0, world.delayMs));
  const again = random.chance(world.repetition) ? [first + random.int(0, 2 * world.policy.intervalMs)] : [];
  return [first, ...again].map((receivedAt) => ({ ...result, receivedAt }));
}
