import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // What one file has imported serves the next: loading it for each took a quarter of the time. A file leaves nothing behind.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more files at once only make them wait for each other.
    maxWorkers: 2,
    // Tests that mostly wait for processes may run side by side where they say so.
    maxConcurrency: 3,
  },
});
