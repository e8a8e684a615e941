/** How long a server may take to stop of itself, in ms, when its owner does not say. */
export const STOP_PATIENCE_MS = 5_000;

/** How long a server goes on when its owner was killed, in ms, so that those who use it can finish. */
export const LINGER_MS = 2_000;

/** A server that runs as a child of this process, for this process alone. */
export interface EmbeddedServer {
  /** Its address with credentials. Never to be logged. */
  readonly url: string;
  /** Its process, which may have children. */
  readonly pid: number;
  /** How long it took until it answered, in ms. */
  readonly startedMs: number;
  /** Resolves when the process is gone, asked or not, with how it ended, such as `exit code 1`. */
  readonly ended: Promise<string>;
  /**
   * Asks it to stop, kills it when it has not within `patienceMs`, and resolves
   * when it is gone. May be called at any time.
   */
  stop(patienceMs?: number): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** Where it keeps everything. Made when missing; no other server may use it. */
  readonly dataDir: string;
  /** The file to which its own output is appended. */
  readonly logFile: string;
  /** The TCP port on 127.0.0.1, so that it can come back where it was; default: a free one. */
  readonly port?: number;
}
