import { expect, onTestFinished, test } from "vitest";
import { openDataDir, spaceTrouble } from "../../../../coordinator/cli/start/data-dir.ts";
import { tempDir } from "../../../support/temp-dir.ts";

test("says how much room is left where there is too little for the data", async () => {
  const parent = await tempDir();
  onTestFinished(parent.remove);
  const dir = await openDataDir(`${parent.path}/data`);
  expect(await spaceTrouble(dir, 0)).toBeNull();
  expect(await spaceTrouble(dir, Number.POSITIVE_INFINITY)).toMatch(
    /^only \d+ MB are free where \S+\/data is: make room, or set WATCHPOST_DATA; on a full disk nothing is kept$/,
  );
});
