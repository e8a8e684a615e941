import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { CertificateStore } from "../store/certificates.ts";

/** People are told when a certificate has so many days left: time for a person, then for a hurry. */
const TELL_AT_DAYS = [1, 3, 7, 14];
const LOOK_EVERY_MS = 60_000;

/** Looks for certificates that soon expire, as the latest checks saw them. Every coordinator may: each is told once. */
export function createCertificateWatch({
  certificates,
  everyMs = LOOK_EVERY_MS,
  logger,
}: {
  readonly certificates: CertificateStore;
  readonly everyMs?: number;
  readonly logger: Logger;
}): Part {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const found = await certificates.noticeExpiring(TELL_AT_DAYS);
      if (found > 0) logger.info({ certificates: found }, "Certificates expire soon");
    } catch (thrown) {
      logger.warn({ reason: errorText(thrown) }, "It could not be looked for certificates that expire");
    }
  }

  return {
    async start() {
      timer = setInterval(() => {
        looking ??= look().finally(() => {
          looking = undefined;
        });
      }, everyMs);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
