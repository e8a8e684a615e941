import { expect, test } from "vitest";
import { secretTexts, withoutSecrets } from "../../shared/secret-texts.ts";

const shown = (secret: unknown, text: string): string => withoutSecrets(text, secretTexts(secret));

test.each([
  ["a secret as it is", 'a "b" c%', 'no: a "b" c%', "no: ***"],
  ["a secret within JSON", 'a "b" c%', 'no: {"key":"a \\"b\\" c%"}', 'no: {"key":"***"}'],
  ["a secret within a URL", "a b/c", "no: /x?key=a%20b%2Fc", "no: /x?key=***"],
  ["each of a list, the longest first", ["abc", "abcdef"], "abcdef abc", "*** ***"],
  ["each value of a map", { authorization: "Bearer abc" }, "you sent Bearer abc", "you sent ***"],
  ["a URL", "https://a.example/services/T0/secretpart?x=1", "https://a.example/services/T0/secretpart?x=1", "***"],
  ["a URL's path", "https://a.example/hooks/secretpart", "POST /hooks/secretpart", "POST ***"],
  ["a part of a URL's path", "https://a.example/hooks/secretpart", "no hook secretpart", "no hook ***"],
  ["a value of a URL's query, decoded", "https://a.example/?t=secret%3Dvalue", "t is secret=value", "t is ***"],
  ["nothing for a setting that is left out", undefined, "a text", "a text"],
  ["nothing for an empty one", "", "a text", "a text"],
])("leaves out %s", (_what, secret, text, expected) => expect(shown(secret, text)).toBe(expected));
