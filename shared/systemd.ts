import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Whoever started this process and wants to know how it is. */
export interface Supervisor {
  /** It takes a process for stuck that has not been alive for so long, in ms; null when it does not watch. */
  readonly patienceMs: number | null;
  /** @throws Error when it cannot be told. */
  tell(news: News): Promise<void>;
}

export interface News {
  /** The work has begun. */
  readonly ready?: boolean;
  /** The work goes on. */
  readonly alive?: boolean;
  /** The end has begun. */
  readonly stopping?: boolean;
  /** How it is, in a few words for people. */
  readonly status?: string;
}

/** systemd takes far less, unless the machine is out of everything; in ms. */
const NOTIFY_DEADLINE_MS = 5_000;
/** What systemd sets for a service that notifies (sd_notify(3), sd_watchdog_enabled(3)); for that process alone. */
const variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/**
 * systemd, where it started this process as a service that notifies; else null. Node cannot
 * send datagrams, so that each message is sent by systemd-notify.
 */
export function systemdOf(env: NodeJS.ProcessEnv): Supervisor | null {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, PATH } = env;
  if (!NOTIFY_SOCKET) return null;
  const isWatched = Number(WATCHDOG_USEC) > 0 && (!WATCHDOG_PID || Number(WATCHDOG_PID) === process.pid);
  return {
    patienceMs: isWatched ? Number(WATCHDOG_USEC) / 1_000 : null,
    async tell({ ready, alive, stopping, status }) {
      const message = [
        ready && "READY=1",
        alive && "WATCHDOG=1",
        stopping && "STOPPING=1",
        status !== undefined && `STATUS=${status.replace(/\s+/g, " ").slice(0, 300)}`,
      ];
      await execute(
        "systemd-notify",
        message.filter((line) => typeof line === "string"),
        { env: { PATH, NOTIFY_SOCKET }, timeout: NOTIFY_DEADLINE_MS, killSignal: "SIGKILL" },
      );
    },
  };
}

/** The environment for a child, which must not speak to systemd in this process's name. */
export function withoutSystemd(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !variables.some((variable) => variable === name)));
}
