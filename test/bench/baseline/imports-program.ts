/** A process that has loaded all that an agent loads, and does nothing. */
await import("../../../agent/agent.ts");
process.send?.({ loaded: true });
process.on("disconnect", () => process.exit(0));
