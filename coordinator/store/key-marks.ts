import type { SecretBox } from "../secrets/box.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** Which keys have sealed what the database holds: each is marked before it seals anything. */
export interface KeyMarks {
  /**
   * Marks the box's current key, unless there is a key with which something is sealed
   * and that the box does not have.
   * @returns the ids of those keys; none when all is well
   */
  claim(box: SecretBox): Promise<string[]>;
  /** The ids of the keys that are marked. */
  list(): Promise<string[]>;
  /** Takes the mark off a key that nothing is sealed with any more. */
  remove(key: string): Promise<void>;
}

const PREFIX = "key ";
/** What is sealed as a mark; all it is for is to open. */
const MARK = "watchpost";

export function createKeyMarks(postgres: Postgres): KeyMarks {
  return {
    claim: (box) =>
      inTransaction(postgres, async (client) => {
        // Coordinators with different keys must not find the database empty at the same time.
        await client.query("LOCK TABLE deployment IN SHARE ROW EXCLUSIVE MODE");
        const { rows } = await client.query<{ name: string; value: string }>(
          "SELECT name, value FROM deployment WHERE starts_with(name, $1)",
          [PREFIX],
        );
        const foreign = rows.filter(({ name, value }) => !opens(box, value, name));
        if (foreign.length > 0) return foreign.map(({ name }) => name.slice(PREFIX.length));
        const name = PREFIX + box.currentKey;
        await client.query("INSERT INTO deployment (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
          name,
          box.seal(MARK, name),
        ]);
        return [];
      }),
    async list() {
      const { rows } = await postgres.query<{ name: string }>(
        "SELECT name FROM deployment WHERE starts_with(name, $1) ORDER BY created_at",
        [PREFIX],
      );
      return rows.map(({ name }) => name.slice(PREFIX.length));
    },
    async remove(key) {
      await postgres.query("DELETE FROM deployment WHERE name = $1", [PREFIX + key]);
    },
  };
}

function opens(box: SecretBox, sealed: string, context: string): boolean {
  try {
    return box.open(sealed, context) === MARK;
  } catch {
    return false;
  }
}
