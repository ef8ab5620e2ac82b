import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// The scheme and the session are known before the first paint: nothing flashes in the wrong colours.
const blockFirstPaint: Plugin = {
  name: "block-first-paint",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

export default defineConfig({
  plugins: [react(), blockFirstPaint],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // For `npm run dev`: what the server answers comes from one that runs beside it.
  server: {
    proxy: Object.fromEntries(
      ["/ui", "/docs", "/openapi.json"].map((path) => [path, process.env.SOJOURN_BASE_URL ?? "http://127.0.0.1:7373"]),
    ),
  },
  build: {
    outDir: "dist",
    // The placeholder for builds without Node is in the repository; compress.mjs takes away what an earlier build left.
    emptyOutDir: false,
    target: ["chrome123", "firefox121", "safari17.5"],
    // The content security policy allows no inline script and no data: but in images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // scripts/compress.mjs holds the budget, of gzip and of the first page.
    chunkSizeWarningLimit: 1000,
    manifest: "manifest.json",
  },
});
