import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts", "human/index": "src/human/index.ts", "eigenpal/index": "src/eigenpal/index.ts" },
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: true,
  sourcemap: true,
  fixedExtension: true,
});
