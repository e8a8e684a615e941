import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates } from "node:tls";
import { text } from "../shared/env.ts";
import { ConfigError } from "../shared/errors.ts";

export const authoritiesSetting = text({
  variable: "WATCHPOST_CA_FILE",
  form: "a file",
  fallback: null,
  about:
    "Certificates (PEM) of the authorities that vouch for the coordinator and the queue server, where they are no public ones. Checks go by the public ones alone.",
});

/**
 * The public authorities and those of a file.
 * @throws ConfigError when the file cannot be used
 */
export function readAuthorities(path: string): string[] {
  const { variable } = authoritiesSetting;
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new ConfigError(`${variable} ${path} cannot be read (${(thrown as NodeJS.ErrnoException).code})`);
  }
  // What holds no certificate is passed over in silence otherwise.
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (certificates.length === 0) throw new Error("none");
    createSecureContext({ ca: certificates });
  } catch {
    throw new ConfigError(`${variable} ${path} must hold certificates in PEM`);
  }
  return [...rootCertificates, ...certificates];
}
