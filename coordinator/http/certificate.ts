import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { SecureContextOptions, Server } from "node:tls";
import { createSecureContext } from "node:tls";
import { ConfigError, errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";

/** How often the files are looked at, in ms. Reading them sees every kind of replacement, also behind links. */
const LOOK_EVERY_MS = 2_000;

/** The files that TLS_CERT and TLS_KEY name. */
export interface CertificateFiles {
  /** PEM: the certificate, and after it those of the authorities between. */
  readonly cert: string;
  readonly key: string;
}

type Pair = { readonly cert: string; readonly key: string };
type TlsOptions = Pair & Pick<SecureContextOptions, "minVersion">;

/** The certificate that a server shows; while it runs, that of the files as they are. */
export interface ServerCertificate extends Part {
  readonly options: TlsOptions;
  /** The server to keep up to date; connections that it has stay as they are. */
  serve(server: Server): void;
}

/** @throws ConfigError when the files cannot be used. */
export function createServerCertificate(
  files: CertificateFiles,
  { logger, lookEveryMs = LOOK_EVERY_MS }: { readonly logger: Logger; readonly lookEveryMs?: number },
): ServerCertificate {
  const options = optionsOf(readNow(files), files);
  let shown: Pair = options;
  /** What was found last and could not be used; told once it is found again, for two files are not replaced in one instant. */
  let wrong: { readonly pair: string; told: boolean } | null = null;
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    try {
      const [cert, key] = await Promise.all([readFile(files.cert, "utf8"), readFile(files.key, "utf8")]);
      if (cert === shown.cert && key === shown.key) {
        wrong = null;
        return;
      }
      const found = optionsOf({ cert, key }, files);
      server?.setSecureContext(found);
      shown = found;
      wrong = null;
      logger.info({ validTo: new X509Certificate(cert).validTo }, "The new TLS certificate is shown from now on");
    } catch (thrown) {
      const reason = errorText(thrown);
      if (wrong?.pair !== reason) wrong = { pair: reason, told: false };
      else if (!wrong.told) {
        wrong.told = true;
        logger.error({ reason }, "The new TLS certificate cannot be used; the one before goes on being shown");
      }
    }
  }

  function lookAgain(): void {
    timer = setTimeout(() => void look().finally(() => stopped || lookAgain()), lookEveryMs);
  }

  return {
    options,
    serve(given) {
      server = given;
    },
    start: async () => lookAgain(),
    async stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function readNow(files: CertificateFiles): Pair {
  const read = (variable: string, path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (thrown) {
      throw new ConfigError(`${variable} ${path} cannot be read (${(thrown as NodeJS.ErrnoException).code})`);
    }
  };
  return { cert: read("TLS_CERT", files.cert), key: read("TLS_KEY", files.key) };
}

/** @throws ConfigError saying which file is wrong, and how. */
function optionsOf({ cert, key }: Pair, files: CertificateFiles): TlsOptions {
  const attempt = (work: () => unknown, rule: string): void => {
    try {
      work();
    } catch {
      throw new ConfigError(rule);
    }
  };
  // RFC 9325 §3.1.1: nothing below TLS 1.2.
  const options = { cert, key, minVersion: "TLSv1.2" } as const;
  attempt(() => createSecureContext({ cert }), `TLS_CERT ${files.cert} must hold a certificate in PEM`);
  attempt(
    () => createSecureContext({ key }),
    `TLS_KEY ${files.key} must hold a private key in PEM, without a passphrase`,
  );
  attempt(
    () => createSecureContext(options),
    `TLS_KEY ${files.key} is not the key of the certificate in TLS_CERT ${files.cert}`,
  );
  return options;
}
