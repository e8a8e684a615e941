import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { KeyMarks } from "../store/key-marks.ts";
import type { KeyUse, SealedRows } from "../store/sealed-rows.ts";
import type { SecretBox } from "./box.ts";
import { resealSettings } from "./channel-secrets.ts";
import { changeSealed } from "./monitor-secrets.ts";
import { holdsPlainSecrets, sealPlainSecrets } from "./plain-monitors.ts";

/** A key of the deployment. */
export interface KeyState extends KeyUse {
  /** It seals what is new. */
  readonly isCurrent: boolean;
  /** This coordinator can open what it has sealed. */
  readonly isHere: boolean;
}

/** Sees to it that everything is sealed, and with the current key. */
export interface Rotation {
  /** The current key first. */
  keys(): Promise<KeyState[]>;
  /**
   * Seals with the current key what is in plain, or sealed with another one, for about so many ms. It may be
   * ended at any time and begun again. When all is done, the database forgets the other keys.
   * @returns how many monitors were done, and how many secrets are left of other keys
   */
  rotate(forMs: number): Promise<{ readonly monitors: number; readonly left: number }>;
}

export function createRotation({
  rows,
  marks,
  box,
  secretsOf,
  logger,
}: {
  readonly rows: SealedRows;
  readonly marks: Pick<KeyMarks, "list" | "remove">;
  readonly box: SecretBox;
  /** The settings of a type of channel that are secrets. */
  readonly secretsOf: (type: ChannelType) => readonly string[];
  readonly logger: Logger;
}): Rotation {
  async function keys(): Promise<KeyState[]> {
    const [uses, marked] = await Promise.all([rows.uses(), marks.list()]);
    const others = [...marked, ...box.keys, ...uses.map(({ key }) => key)];
    return [...new Set([box.currentKey, ...others])].map((key) => ({
      key,
      secrets: uses.find((use) => use.key === key)?.secrets ?? 0,
      isCurrent: key === box.currentKey,
      isHere: box.keys.includes(key),
    }));
  }

  async function doMonitor(id: string): Promise<boolean> {
    try {
      await rows.changeMonitor(id, (spec, revision, before) =>
        changeSealed(
          id,
          holdsPlainSecrets(spec) ? sealPlainSecrets(box, spec, { id, revision, before }) : spec,
          box.reseal,
        ),
      );
      return true;
    } catch (thrown) {
      logger.error({ monitor: id, reason: errorText(thrown) }, "The secrets of a monitor could not be sealed anew");
      return false;
    }
  }

  return {
    keys,
    async rotate(forMs) {
      const until = performance.now() + forMs;
      await rows.changeDeployment((name, sealed) => box.reseal(sealed, name));
      await rows.changeChannels((id, type, settings) => resealSettings(box, id, settings, secretsOf(type)));
      let monitors = 0;
      for (const id of await rows.monitorsWithout(box.currentKey)) {
        if (performance.now() > until) break;
        if (await doMonitor(id)) monitors++;
      }
      const others = (await keys()).filter(({ isCurrent }) => !isCurrent);
      const left = others.reduce((sum, { secrets }) => sum + secrets, 0);
      if (left === 0) for (const { key } of others) await marks.remove(key);
      return { monitors, left };
    },
  };
}
