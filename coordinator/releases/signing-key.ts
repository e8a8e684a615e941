import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { SecretBox } from "../secrets/box.ts";
import type { DeploymentStore } from "../store/deployment.ts";

/** What the deployment signs agents' releases with: ECDSA on P-256 with SHA-256, which every OpenSSL verifies. */
export interface SigningKey {
  /** The signature as DER. @throws Error when the key cannot be had now. */
  sign(text: string): Promise<Buffer>;
  /** The public half as SPKI in DER. @throws Error when the key cannot be had now. */
  publicKey(): Promise<Buffer>;
}

/** Its name in the store, and what it is sealed for. */
const NAME = "release-key";

/** The key is made when it is first asked for; all coordinators of the deployment have the same. */
export function createSigningKey({
  store,
  box,
}: {
  readonly store: DeploymentStore;
  readonly box: SecretBox;
}): SigningKey {
  let loaded: Promise<KeyObject> | null = null;

  function key(): Promise<KeyObject> {
    loaded ??= load().catch((thrown) => {
      loaded = null;
      throw thrown;
    });
    return loaded;
  }

  async function load(): Promise<KeyObject> {
    const sealed = (await store.get(NAME)) ?? (await store.keep(NAME, box.seal(newKey(), NAME)));
    const opened = createPrivateKey({
      key: Buffer.from(box.open(sealed, NAME), "base64"),
      format: "der",
      type: "pkcs8",
    });
    const resealed = box.reseal(sealed, NAME);
    if (resealed !== sealed) await store.replace(NAME, sealed, resealed);
    return opened;
  }

  return {
    sign: async (text) => sign("sha256", Buffer.from(text), await key()),
    publicKey: async () => createPublicKey(await key()).export({ format: "der", type: "spki" }),
  };
}

/** PKCS #8 in DER, in base64. */
function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
}
