// Compiled with the types of a browser alone, never run.
import { Sojourn, toFile, verifyWebhook } from "sojourn";

const client = new Sojourn({ apiKey: "key", baseUrl: "https://example.com" });

export async function upload(input: HTMLInputElement, stop: AbortSignal) {
  const file = input.files?.[0];
  if (!file) return;
  await client.files.upload(file, { signal: stop });
  const { id } = await client.executions.start({ workflow: "x", input: { file, more: toFile("text", "a.txt") } });
  for await (const event of client.executions.events(id, {}, { signal: stop })) console.log(event.type);
  await verifyWebhook("whsec_", new Headers(), new Uint8Array());
}
