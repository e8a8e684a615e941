import { createTargets } from "../../coordinator/dispatch/targets.ts";
import { createSecretBox } from "../../coordinator/secrets/box.ts";
import { parseKeys } from "../../coordinator/secrets/keys.ts";
import { createLogger } from "../../shared/logger.ts";

/** What the tests' coordinators seal secrets with. */
export const secretKey = "dGhlIGtleSBvZiBhbGwgY29vcmRpbmF0b3JzIGluIHQ=";
export const testBox = createSecretBox(parseKeys(secretKey));
export const targetOf = createTargets({ box: testBox, logger: createLogger({ level: "silent", name: "test" }) });
