// After vite build: takes away assets that this build does not have, writes each asset's .br and .gz beside it, and
// fails when the first page is larger than its budget.
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const budget = 350 * 1024; // bytes of gzip: script and style of the first page
const dist = new URL("../dist/", import.meta.url);
const assets = new URL("assets/", dist);

const manifest = JSON.parse(await readFile(new URL("manifest.json", dist), "utf8"));
await rm(new URL("manifest.json", dist));
const built = new Set(
  Object.values(manifest).flatMap((chunk) => [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]),
);
for (const name of await readdir(assets)) {
  if (!built.has(`assets/${name}`)) await rm(new URL(name, assets));
}

const compressible = /\.(js|css|svg|html|json|txt)$/;
const sizes = new Map();
async function compress(file) {
  const url = new URL(file, dist);
  const content = await readFile(url);
  sizes.set(file, content.length);
  if (!compressible.test(file)) return;
  const br = await promisify(brotliCompress)(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  });
  const gz = await promisify(gzip)(content, { level: 9 });
  sizes.set(file, gz.length);
  await Promise.all([writeFile(new URL(`${file}.br`, dist), br), writeFile(new URL(`${file}.gz`, dist), gz)]);
}
await Promise.all([...built].map(compress));

// What a browser gets before it shows the page that most people open: the entry, what it imports, and the page's own.
const first = new Set();
function follow(key) {
  const chunk = manifest[key];
  if (!chunk || first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const file of chunk.css ?? []) first.add(file);
  for (const next of chunk.imports ?? []) follow(next);
}
follow("index.html");
follow("src/routes/executions/ExecutionsPage.tsx");
const total = [...first].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
const html = (await stat(new URL("index.html", dist))).size;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
console.log(
  `first page: ${kib(total + html)} of gzip in ${first.size} files, budget ${kib(budget)}; ${built.size} files in all`,
);
if (total + html > budget) {
  console.error("the first page is over its budget: see what it imports that could load later");
  process.exit(1);
}
