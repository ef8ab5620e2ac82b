import { defineConfig } from "vitest/config";

const junit = process.env.SOJOURN_TEST_JUNIT;
const wide = process.env.SOJOURN_TEST_WIDE === "1";

// The tests in a real browser against the real binary. Each file has a server and a browser of its own.
export default defineConfig({
  test: {
    environment: "node",
    include: [wide ? "test/browser/wide/**/*.test.ts" : "test/browser/*.test.ts"],
    testTimeout: wide ? 300_000 : 180_000,
    hookTimeout: wide ? 300_000 : 60_000,
    // As long as the browser's own waits.
    expect: { poll: { timeout: 30_000 } },
    // Two at a time: a person's clicks leave a processor idle. Measurements want the machine for themselves.
    fileParallelism: !wide,
    maxWorkers: 2,
    reporters: junit ? ["default", ["junit", { outputFile: junit }]] : ["default"],
  },
});
