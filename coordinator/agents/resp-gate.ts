/** A command holds no more words; BullMQ's longest have a few dozen. */
const MAX_WORDS = 1_024;
/** No word is longer, in bytes: a batch of checks with the largest bodies that goes back to its queue fits. */
export const MAX_WORD_BYTES = 16 * 2 ** 20;
/** No command is longer, in bytes. */
const MAX_COMMAND_BYTES = 2 * MAX_WORD_BYTES;
/** No word of the login is longer, in bytes. */
const MAX_LOGIN_WORD_BYTES = 512;

const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const ASTERISK = 0x2a;
const DOLLAR = 0x24;

/**
 * Commands that change who a connection belongs to. No rule can take them from a user: after a
 * RESET a connection is the default user's, who has every right where Redis has no password.
 */
const REFUSED = new Set(["auth", "hello", "reset"]);
const LONGEST_REFUSED = 5;

/** What a connection to Redis must not carry. The message is for the log and for the agent. */
export class RespRefusal extends Error {
  override readonly name = "RespRefusal";
}

/** Follows what a client sends to Redis, command by command. */
export interface RespGate {
  /**
   * Looks at the next bytes.
   * @returns how many of them may be passed on: all, or those up to the end of the login, which the
   * server has to accept before it gets anything else.
   * @throws RespRefusal when none may, nor any after them.
   */
  take(bytes: Buffer): number;
  /** Whether the login has passed. */
  readonly isLoggedIn: boolean;
}

/**
 * A gate that lets commands through in RESP arrays of bulk strings only, the first of which is
 * `AUTH user password` and the only one of its kind. It is stricter than Redis wherever
 * that reads sloppily, so that both always agree on where a command begins. Bodies are skipped, not looked at.
 * See https://redis.io/docs/latest/develop/reference/protocol-spec/.
 */
export function createRespGate(user: string): RespGate {
  /** What comes next. */
  let expects: "array" | "bulk" | "number" | "line feed" | "body" | "body's end" = "array";
  let isArray = true;
  let number = 0;
  let digits = 0;
  /** Words of the command that are still to come, with the one under way. */
  let words = 0;
  /** Bytes of the word under way that are still to come. */
  let left = 0;
  let size = 0;
  let isFirstWord = true;
  /** Words whose text matters, and the parts of the one under way. */
  let spelled: string[] = [];
  let parts: Buffer[] | null = null;
  let isLoggedIn = false;

  function beginCommand(): void {
    if (number < 1 || number > MAX_WORDS) throw new RespRefusal(`a command of ${number} words`);
    if (!isLoggedIn && number !== 3) throw new RespRefusal("the first command must be AUTH with a user and a password");
    words = number;
    size = 0;
    isFirstWord = true;
    expects = "bulk";
  }

  function beginWord(): void {
    size += number;
    const most = isLoggedIn ? MAX_WORD_BYTES : MAX_LOGIN_WORD_BYTES;
    if (number > most || size > MAX_COMMAND_BYTES) throw new RespRefusal(`a command with ${number} bytes in one word`);
    left = number;
    parts = !isLoggedIn || (isFirstWord && number <= LONGEST_REFUSED) ? [] : null;
    expects = left === 0 ? "body's end" : "body";
    left += 2;
  }

  /** Whether the login ends here. */
  function endWord(): boolean {
    if (parts) {
      const text = Buffer.concat(parts).toString("latin1");
      if (!isLoggedIn) spelled.push(text);
      else if (REFUSED.has(text.toLowerCase())) throw new RespRefusal(`${text.toUpperCase()} after the login`);
      parts = null;
    }
    isFirstWord = false;
    expects = --words === 0 ? "array" : "bulk";
    if (isLoggedIn || words > 0) return false;
    const [command = "", name = ""] = spelled;
    if (command.toLowerCase() !== "auth") throw new RespRefusal("the first command must be AUTH");
    if (name !== user) throw new RespRefusal("a login as another user");
    spelled = [];
    isLoggedIn = true;
    return true;
  }

  function takeDigit(byte: number): void {
    const digit = byte - ZERO;
    // As Redis reads numbers: no sign, no leading zero; nine digits are beyond every limit.
    if (digit < 0 || digit > 9 || (digits > 0 && number === 0) || digits === 9) throw new RespRefusal("no RESP");
    number = number * 10 + digit;
    digits++;
  }

  return {
    get isLoggedIn() {
      return isLoggedIn;
    },
    take(bytes) {
      const { length } = bytes;
      for (let at = 0; at < length; ) {
        if (expects === "body") {
          const end = Math.min(length, at + left - 2);
          parts?.push(Buffer.from(bytes.subarray(at, end)));
          left -= end - at;
          at = end;
          if (left === 2) expects = "body's end";
          continue;
        }
        const byte = bytes[at++] as number;
        if (expects === "number") {
          if (byte !== CR || digits === 0) takeDigit(byte);
          else expects = "line feed";
        } else if (expects === "line feed") {
          if (byte !== LF) throw new RespRefusal("no RESP");
          if (isArray) beginCommand();
          else beginWord();
        } else if (expects === "body's end") {
          if (byte !== (left === 2 ? CR : LF)) throw new RespRefusal("no RESP");
          if (--left === 0 && endWord()) return at;
        } else {
          isArray = expects === "array";
          if (byte !== (isArray ? ASTERISK : DOLLAR)) throw new RespRefusal("no RESP array of bulk strings");
          number = 0;
          digits = 0;
          expects = "number";
        }
      }
      return length;
    },
  };
}
