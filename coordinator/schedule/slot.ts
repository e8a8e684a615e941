/** Time is cut into slots of one second: slot s holds the instants from s·1000 to below (s+1)·1000 ms since the epoch. */
export const SLOT_MS = 1_000;

/**
 * How many slots after the one in which it was made a change takes effect: every
 * coordinator has heard of it by then, and all of them plan the same.
 */
const SLOTS_TO_EFFECT = 2;

/** The slot of an instant. */
export const slotAt = (instant: number): number => Math.floor(instant / SLOT_MS);

/** The first slot in which a change made at an instant counts. */
export const effectiveSlot = (madeAt: number): number => slotAt(madeAt) + SLOTS_TO_EFFECT;
