import fc from "fast-check";
import { expect, test } from "vitest";
import { createProgress } from "../../../coordinator/dispatch/progress.ts";

test("the watermark stands before the first slot that has not ended, in whatever order they end", () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.array(fc.nat(), { maxLength: 50 }), (first, order) => {
      const progress = createProgress(first);
      expect(progress.watermark).toBe(first - 1);
      const open = new Map(order.map(() => [progress.next, progress.begin()]));
      for (const pick of order) {
        const slots = [...open.keys()];
        const slot = slots[pick % slots.length] as number;
        open.get(slot)?.();
        open.delete(slot);
        expect(progress.watermark).toBe(Math.min(...open.keys(), first + order.length) - 1);
      }
    }),
  );
});
