import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { UpgradeNews } from "../shared/agent-message.ts";
import { writeDurably } from "../shared/durable-file.ts";
import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import { isReleaseVersion } from "../shared/release.ts";

/** What the agent leaves: the version and nothing else. */
const REQUEST = "upgrade-request";
/** What it is left in answer: the news as JSON, without the type. */
const RESULT = "upgrade-result";
const LOOK_EVERY_MS = 2_000;
const MAX_DETAIL = 1_000;
const outcomes = ["done", "rolled-back", "failed"] as const;

/**
 * How an agent becomes another version. It has no rights on its own program: it leaves word of what its
 * operator wants, somebody with these rights looks there, and leaves word of what came of it.
 */
export interface Upgrades extends Part {
  /** Whether there is somebody who looks. */
  readonly isPossible: boolean;
  request(version: string): void;
}

export function createUpgrades({
  dir,
  tell,
  logger,
}: {
  /** Where word is left; null when nobody looks. */
  readonly dir: string | null;
  /** Tells the coordinator; false when it cannot be told now. */
  readonly tell: (news: UpgradeNews) => boolean;
  readonly logger: Logger;
}): Upgrades {
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();

  async function request(version: string): Promise<void> {
    const refuse = (detail: string) => {
      logger.warn({ version, reason: detail }, "An upgrade was asked for that is not possible");
      tell({ type: "upgrade", version: version.slice(0, 64), state: "failed", detail });
    };
    if (dir === null) return refuse("nobody on this machine installs upgrades: install.sh did not install this agent");
    if (!isReleaseVersion(version)) return refuse("this is no version");
    try {
      // Of an upgrade before, whose end is old news.
      await unlinkIfThere(join(dir, RESULT));
      await writeDurably(dir, REQUEST, `${version}\n`);
    } catch (thrown) {
      return refuse(errorText(thrown));
    }
    logger.info({ version }, "The operator asks for an upgrade");
    tell({ type: "upgrade", version, state: "requested" });
  }

  async function look(path: string): Promise<void> {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return;
      throw thrown;
    }
    const news = readResult(text);
    if (news === null) logger.warn("What was left of an upgrade's end cannot be read");
    else if (!tell(news)) return;
    else logger.info({ version: news.version, state: news.state, detail: news.detail }, "An upgrade has ended");
    await unlinkIfThere(path);
  }

  return {
    isPossible: dir !== null,
    request: (version) => void request(version),
    async start() {
      if (dir === null) return;
      timer = setInterval(() => {
        looking = look(join(dir, RESULT)).catch((thrown) =>
          logger.warn({ reason: errorText(thrown) }, "It cannot be told how an upgrade ended"),
        );
      }, LOOK_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== "ENOENT") throw thrown;
  });
}

/** Null when it is no result. */
function readResult(text: string): UpgradeNews | null {
  let result: { version?: unknown; state?: unknown; detail?: unknown } | null;
  try {
    result = JSON.parse(text);
  } catch {
    return null;
  }
  const { version, detail } = result ?? {};
  const state = outcomes.find((known) => known === result?.state);
  if (typeof version !== "string" || !isReleaseVersion(version) || state === undefined) return null;
  return {
    type: "upgrade",
    version,
    state,
    ...(typeof detail === "string" && { detail: detail.slice(0, MAX_DETAIL) }),
  };
}
