import { join } from "node:path";
import { isIdOf, writeBearer } from "../shared/agent-secret.ts";
import type { ValuesOf } from "../shared/env.ts";
import { flag, readSettings, secret, text, url, wholeNumber } from "../shared/env.ts";
import { ConfigError } from "../shared/errors.ts";
import { newId } from "../shared/id.ts";
import { programSettings } from "../shared/program-settings.ts";
import type { QueueServer } from "../shared/queues.ts";
import { queueServerFrom, queueSettings } from "../shared/queues.ts";
import { isRegion, regionPattern, regionRule } from "../shared/region.ts";
import { authoritiesSetting, readAuthorities } from "./authorities.ts";
import { CREDENTIAL_FILE, type LiveCredential, openCredential } from "./credential.ts";
import { type Anchor, parseAnchor } from "./net/anchor.ts";
import { queueServerOf } from "./queue-server.ts";
import { stateDirectory } from "./state-directory.ts";

const MAX_ANCHORS = 2;

export const MAX_PROCESSES = 64;

/** Every setting of an agent. */
export const agentSettings = {
  credentialFile: text({
    variable: CREDENTIAL_FILE,
    form: "a file",
    fallback: null,
    about:
      "The credential that enrolment made, which says the agent's id, region, coordinator and queues; when it is not set, systemd's credential `agent`. Without one, the next three are required, and the queue server.",
  }),
  region: text({
    variable: "WATCHPOST_REGION",
    form: "a slug such as eu-west",
    pattern: regionPattern,
    rule: regionRule,
    fallback: null,
    about: "The region whose checks this agent performs; an enrolled agent knows its own.",
  }),
  coordinatorUrl: url({
    variable: "WATCHPOST_COORDINATOR_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "The coordinator's base URL, for the agent's link; an enrolled agent knows it.",
  }),
  caFile: authoritiesSetting,
  agentToken: secret({
    variable: "WATCHPOST_AGENT_TOKEN",
    about: "The token that the agent presents on its link, the same for all that are not enrolled.",
  }),
  agentId: text({
    variable: "WATCHPOST_AGENT_ID",
    pattern: /^[A-Za-z0-9_.-]{1,64}$/,
    rule: "must be 1 to 64 letters, digits, _, . or -",
    fallback: null,
    about: "The agent's id; a new one per process unless set. That of an enrolled agent is in its credential.",
  }),
  ...queueSettings,
  processes: wholeNumber({
    variable: "WATCHPOST_AGENT_PROCESSES",
    min: 1,
    max: MAX_PROCESSES,
    fallback: 1,
    about:
      "How many agents to run, each in a process and so on a core of its own: ID-1, ID-2 and so on. Each has a spool of its own and all that the other settings allow; the first has the health port.",
  }),
  concurrency: wholeNumber({
    variable: "WATCHPOST_AGENT_CONCURRENCY",
    min: 1,
    max: 10_000,
    unit: "checks",
    fallback: 500,
    about: "How many checks may be in flight at once.",
  }),
  bodiesMaxMb: wholeNumber({
    variable: "WATCHPOST_AGENT_BODIES_MB",
    min: 16,
    max: 16_384,
    unit: "MB",
    fallback: 64,
    about:
      "How much of bodies all checks together may hold in memory: bodies over 64 KB that an assertion reads or that are being decompressed. A check that finds no room is an error of the agent, agent_resources, and no vote.",
  }),
  allowPrivateAddresses: flag({
    variable: "WATCHPOST_ALLOW_PRIVATE_ADDRESSES",
    fallback: false,
    about: "Lets checks reach loopback and private addresses. Cloud metadata and link-local stay out of reach.",
  }),
  canaries: {
    variable: "WATCHPOST_CANARIES",
    form: "up to two of host:port or http(s)://…, separated by commas",
    about:
      "Places that answer whenever this agent's network works, best of two that have nothing to do with each other. While none of them does, or the resolver or the gateway is gone, failing checks are errors of the agent, agent_network, and no votes; a region all of whose agents see that is impaired.",
    fallback: [] as readonly Anchor[],
    read: readCanaries,
  },
  spoolDir: text({
    variable: "WATCHPOST_AGENT_SPOOL_DIR",
    form: "a directory",
    fallback: null,
    about:
      "Where results wait on disk while the queue server does not take them. When it is not set, spool-REGION in systemd's STATE_DIRECTORY, or in ./.watchpost-agent.",
  }),
  spoolMaxMb: wholeNumber({
    variable: "WATCHPOST_AGENT_SPOOL_MAX_MB",
    min: 10,
    max: 1_000_000,
    unit: "MB",
    fallback: 100,
    about: "How large that spool may become; the oldest results are then dropped.",
  }),
  spoolMaxAgeHours: wholeNumber({
    variable: "WATCHPOST_AGENT_SPOOL_MAX_AGE_HOURS",
    min: 1,
    max: 8_760,
    unit: "hours",
    fallback: 24,
    about: "Spooled results that are older are dropped.",
  }),
  upgradeDir: text({
    variable: "WATCHPOST_UPGRADE_DIR",
    form: "a directory",
    fallback: null,
    about:
      "Where the agent leaves word of an upgrade that its operator asks for, and reads what became of it; set by the unit that install.sh lays out, beside which somebody looks there.",
  }),
  healthPort: wholeNumber({
    variable: "WATCHPOST_HEALTH_PORT",
    min: 0,
    max: 65_535,
    fallback: 8081,
    about: "The port of /healthz and /readyz on 127.0.0.1; 0 turns them off.",
  }),
  ...programSettings,
};

/** The processes' numbers are appended, and an id has at most 64 characters. */
const MAX_ID_OF_SEVERAL = 64 - `-${MAX_PROCESSES}`.length;

type Values = ValuesOf<typeof agentSettings>;

export interface AgentConfig
  extends Pick<
    Values,
    | "processes"
    | "concurrency"
    | "bodiesMaxMb"
    | "allowPrivateAddresses"
    | "spoolMaxMb"
    | "spoolMaxAgeHours"
    | "upgradeDir"
    | "healthPort"
    | "startupTimeoutS"
    | "logLevel"
  > {
  readonly region: string;
  readonly coordinatorUrl: string;
  /** Who may vouch for the coordinator and the queue server, in PEM; null for the public authorities. */
  readonly authorities: readonly string[] | null;
  /** Null where the agent was not enrolled: it then shares its token with others. */
  readonly credential: LiveCredential | null;
  /** What the agent presents as its bearer token now. */
  readonly agentToken: () => string;
  readonly agentId: string;
  readonly queueServer: QueueServer;
  readonly canaries: readonly Anchor[];
  readonly spoolDir: string;
}

/**
 * An agent's configuration, from its environment and its credential.
 * @throws ConfigError naming the variable that is missing or wrong.
 */
export function readConfig(env: NodeJS.ProcessEnv): AgentConfig {
  const values = readSettings(agentSettings, env);
  const credential = openCredential(env);
  const authorities = values.caFile === null ? null : readAuthorities(values.caFile);
  const identity = credential ? enrolled(values, credential, authorities) : sharing(values);
  if (values.processes > 1 && values.agentId !== null && values.agentId.length > MAX_ID_OF_SEVERAL) {
    throw new ConfigError(
      `${agentSettings.agentId.variable} may have ${MAX_ID_OF_SEVERAL} characters where ${agentSettings.processes.variable} is above 1`,
    );
  }
  return {
    ...identity,
    queueServer: trusting(identity.queueServer, authorities),
    authorities,
    credential,
    processes: values.processes,
    concurrency: values.concurrency,
    bodiesMaxMb: values.bodiesMaxMb,
    allowPrivateAddresses: values.allowPrivateAddresses,
    canaries: values.canaries,
    spoolDir: values.spoolDir ?? join(stateDirectory(env), `spool-${identity.region}`),
    spoolMaxMb: values.spoolMaxMb,
    spoolMaxAgeHours: values.spoolMaxAgeHours,
    upgradeDir: values.upgradeDir,
    healthPort: values.healthPort,
    startupTimeoutS: values.startupTimeoutS,
    logLevel: values.logLevel,
  };
}

/** Over TLS, a Redis of the deployment's own is vouched for as its coordinator is. */
function trusting(server: QueueServer, authorities: readonly string[] | null): QueueServer {
  if (server.kind !== "redis" || !server.options.tls || authorities === null) return server;
  return { ...server, options: { ...server.options, tls: { ...server.options.tls, ca: [...authorities] } } };
}

type Identity = Pick<AgentConfig, "region" | "coordinatorUrl" | "agentToken" | "agentId" | "queueServer">;

/** Of an agent that shares a token with others: its settings say everything. */
function sharing(values: Values): Identity {
  const required = (key: "region" | "coordinatorUrl" | "agentToken"): string => {
    const value = values[key];
    if (value === null) throw new ConfigError(`${agentSettings[key].variable} must be set`);
    return value;
  };
  const region = required("region");
  const coordinatorUrl = required("coordinatorUrl");
  const agentToken = required("agentToken");
  if (!isRegion(region)) throw new ConfigError(`${agentSettings.region.variable} ${regionRule}`);
  return {
    region,
    coordinatorUrl,
    agentToken: () => agentToken,
    agentId: values.agentId ?? newId("agt"),
    queueServer: queueServerFrom(values),
  };
}

/** Of an enrolled agent: settings may name other addresses, but nobody else. */
function enrolled(values: Values, credential: LiveCredential, authorities: readonly string[] | null): Identity {
  const { agentId, region, coordinatorUrl } = credential.current;
  if (values.region !== null && values.region !== region) {
    throw new ConfigError(`${agentSettings.region.variable} must be ${region}, as in the agent's credential, or unset`);
  }
  if (values.agentId !== null && !isIdOf(agentId, values.agentId)) {
    throw new ConfigError(
      `${agentSettings.agentId.variable} must be ${agentId}, as in the agent's credential, or unset`,
    );
  }
  const { redisUrl, redisHost, queueDatabaseUrl } = values;
  const isServerSet = redisUrl !== null || redisHost !== null || queueDatabaseUrl !== null;
  const reachedAt = values.coordinatorUrl ?? coordinatorUrl;
  return {
    region,
    coordinatorUrl: reachedAt,
    agentToken: () => writeBearer(credential.current),
    agentId: values.agentId ?? agentId,
    queueServer: isServerSet ? queueServerFrom(values) : queueServerOf(credential, reachedAt, authorities),
  };
}

function readCanaries(text: string): readonly Anchor[] {
  const anchors = text.split(",").map((one) => parseAnchor(one.trim()));
  if (anchors.length > MAX_ANCHORS) throw new Error(`must be at most ${MAX_ANCHORS} of host:port or http(s) URLs`);
  return anchors;
}
