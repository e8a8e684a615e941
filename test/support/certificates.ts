import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** A certificate and its key, as node:tls takes them. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names or IPv4 addresses that it is for. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;

/** A certificate authority of the test's own; `issue` makes certificates that it vouches for. */
export function testAuthority(name = "Test authority") {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = build({ subject: name, issuer: name, publicKey, signer: privateKey, authority: true });
  return {
    cert: certificate,
    issue(options: CertificateOptions = {}): TestCertificate {
      const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        cert: build({ subject: "leaf", issuer: name, publicKey: pair.publicKey, signer: privateKey, ...options }),
        key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

/** A certificate that nobody but itself vouches for. */
export function selfSigned(options: CertificateOptions = {}): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    cert: build({ subject: "self", issuer: "self", publicKey, signer: privateKey, ...options }),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** An X.509 certificate, RFC 5280 §4.1, signed with ECDSA and SHA-256. */
function build(
  options: CertificateOptions & {
    readonly subject: string;
    readonly issuer: string;
    readonly publicKey: KeyObject;
    readonly signer: KeyObject;
    readonly authority?: boolean;
  },
): string {
  const { names = ["localhost", "127.0.0.1"], authority = false } = options;
  const notBefore = options.notBefore ?? new Date(Date.now() - DAY_MS);
  const notAfter = options.notAfter ?? new Date(Date.now() + 30 * DAY_MS);
  const algorithm = sequence(oid("2a8648ce3d040302"));
  const altNames = names.map((name) =>
    isIPv4(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name)),
  );
  const extensions = [
    extension("551d13", sequence(...(authority ? [der(0x01, Buffer.from([0xff]))] : []))),
    ...(authority ? [] : [extension("551d11", sequence(...altNames))]),
  ];
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
    algorithm,
    commonName(options.issuer),
    sequence(time(notBefore), time(notAfter)),
    commonName(options.subject),
    createPublicKey(options.publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, options.signer);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** One value in DER, X.690 §8.1. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x04, value));
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(text)))));
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`));
}
