import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: process.env.SOJOURN_TEST_WIDE ? [] : ["test/wide/**"],
    globalSetup: ["test/kit/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: process.env.SOJOURN_TEST_JUNIT ? ["default", "junit"] : ["default"],
    ...(process.env.SOJOURN_TEST_JUNIT ? { outputFile: { junit: process.env.SOJOURN_TEST_JUNIT } } : {}),
  },
});
