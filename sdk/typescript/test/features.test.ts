// Streams of events, files and webhooks against the real server.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, inject, test } from "vitest";
import {
  BadRequestError,
  type ConflictError,
  type Context,
  EventsResetError,
  type FileReference,
  fileReference,
  NotFoundError,
  type ProjectEvent,
  toFile,
  verifyWebhook,
} from "../src/index.js";
import { EventParser } from "../src/internal/sse.js";
import { failure, sharedClient, unique, until } from "./kit/kit.js";
import { startProxy } from "./kit/proxy.js";
import { serve } from "./kit/worker.js";

const client = sharedClient();

describe("events", () => {
  test("of an execution: all of them, in order, to the end", async () => {
    const { id } = await client.executions.start({ workflow: "steps", input: { number: 20 } });
    const seen: number[] = [];
    let last = "";
    for await (const event of client.executions.events(id)) {
      expect(event.execution_id).toBe(id);
      seen.push(event.revision);
      last = `${event.type} ${event.status}`;
    }
    const { events } = await client.executions.get(id, { include: ["events"] });
    expect(seen).toEqual(events?.map((e) => e.revision));
    expect(last).toBe("completed completed");
    const rest: number[] = [];
    for await (const event of client.executions.events(id, { after: 3 })) rest.push(event.revision);
    expect(rest).toEqual(seen.filter((revision) => revision > 3));
  });

  test("a stream that is cut goes on where it was", async () => {
    const proxy = await startProxy(inject("server").url);
    try {
      const careful = sharedClient({ baseUrl: proxy.url });
      let cut = 0;
      proxy.fault = () => (++cut % 2 === 1 && cut < 4 ? "half-answer" : undefined);
      const { id } = await client.executions.start({ workflow: "steps", input: { number: 20 }, waitMs: 10_000 });
      const seen: number[] = [];
      for await (const event of careful.executions.events(id)) seen.push(event.revision);
      const { events } = await client.executions.get(id, { include: ["events"] });
      expect(seen).toEqual(events?.map((e) => e.revision));
      expect(cut).toBeGreaterThan(1);
    } finally {
      await proxy.close();
    }
  });

  test("of something that is not there, and a caller that stops listening", async () => {
    const missing = failure(client.executions.events("exec_00000000000000000000000000").next());
    expect(await missing).toBeInstanceOf(NotFoundError);
    const { id } = await client.executions.start({ workflow: "queued" });
    for await (const event of client.executions.events(id)) {
      expect(event.type).toBe("created");
      break;
    }
    const abort = new AbortController();
    const stream = client.executions.events(id, { after: 1 }, { signal: abort.signal });
    const next = failure(stream.next());
    setTimeout(() => abort.abort(new Error("enough")), 50);
    expect((await next).message).toBe("enough");
    const ahead = await failure(client.executions.events(id, { after: 1000 }).next());
    expect(ahead).toBeInstanceOf(EventsResetError);
    await client.executions.cancel(id);
  });

  test("of the project: filtered, with a cursor to go on from", async () => {
    const workflow = unique("ev");
    await client.workflows.create({ name: workflow });
    const abort = new AbortController();
    const stream = client.events({ workflows: [workflow], kinds: ["created", "cancelled"] }, { signal: abort.signal });
    const first = stream.next();
    // The stream begins now: start until it has seen one.
    const ids: string[] = [];
    const seen = await until("the first event", async () => {
      ids.push((await client.executions.start({ workflow })).id);
      return Promise.race([first, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100))]);
    });
    const event = seen.value as ProjectEvent;
    expect(ids).toContain(event.execution_id);
    expect(event).toMatchObject({ type: "created", workflow, id: expect.any(String) });
    await client.executions.cancel(event.execution_id);
    abort.abort();
    const again = new AbortController();
    const types: string[] = [];
    for await (const later of client.events({ workflows: [workflow], after: event.id }, { signal: again.signal })) {
      types.push(later.type);
      if (later.type === "cancelled") break;
    }
    expect(types.at(-1)).toBe("cancelled");
  });

  test("are parsed in whatever pieces they come", () => {
    const text =
      'retry: 10\r\n: comment\r\nid: 1\r\nevent: created\r\ndata: {"a":\r\ndata: 1}\r\n\r\nid: 2\n\ndata\ndata: x\r\rid:3\ndata:y\n\n';
    const whole = new EventParser();
    const all = whole.push(text);
    expect(all).toEqual([
      { id: "1", event: "created", data: '{"a":\n1}' },
      { id: "2", event: "message", data: "\nx" },
      { id: "3", event: "message", data: "y" },
    ]);
    expect(whole.retryMs).toBe(10);
    const pieces = new EventParser();
    expect([...text].flatMap((character) => pieces.push(character))).toEqual(all);
    expect(pieces.lastId).toBe("3");
  });
});

describe("files", () => {
  const bytes = new Uint8Array(100_000).map((_, i) => i % 251);
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  test("are uploaded from anything, read back, listed and deleted", async () => {
    for (const file of [
      toFile(bytes, "a.pdf"),
      toFile(new Blob([bytes]), "a.pdf", { mimeType: "application/pdf" }),
      new File([bytes], "a.pdf", { type: "application/pdf" }),
      toFile(Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]), "a.pdf"),
      toFile(new Blob([bytes]).stream(), "a.pdf"),
    ]) {
      const stored = await client.files.upload(file);
      expect(stored).toMatchObject({ filename: "a.pdf", mime_type: "application/pdf", size: bytes.length, sha256 });
      expect(await client.files.get(stored.id)).toMatchObject({ sha256 });
      const content = await client.files.content(fileReference(stored));
      expect(
        createHash("sha256")
          .update(new Uint8Array(await content.arrayBuffer()))
          .digest("hex"),
      ).toBe(sha256);
      await client.files.delete(stored.id);
      expect(await failure(client.files.get(stored.id))).toBeInstanceOf(NotFoundError);
    }
    const part = await client.files.upload(toFile("0123456789", "ä ☃.txt"));
    expect(part.filename).toBe("ä ☃.txt");
    const range = await client.files.content(part.id, { headers: { Range: "bytes=2-4" } });
    expect([range.status, await range.text()]).toEqual([206, "234"]);
  });

  test("stand anywhere in an input, and in what handlers and steps return", async () => {
    const { name } = await serve(async (ctx: Context, input: { documents: { scan: FileReference }[] }) => {
      const scan = input.documents[0]?.scan as FileReference;
      const text = await ctx.step("read", async ({ signal }) => {
        const content = await ctx.files.content(scan, { signal });
        return content.text();
      });
      const upper = await ctx.step("write", () => toFile(text.toUpperCase(), "upper.txt"));
      return { upper, blob: new Blob([text], { type: "text/plain" }) };
    });
    const { id } = await client.executions.start({
      workflow: name,
      input: { documents: [{ scan: toFile("hello", "scan.txt") }] },
    });
    const ended = await client.executions.wait(id);
    expect(ended.status, ended.error).toBe("completed");
    const output = ended.output as { upper: FileReference; blob: FileReference };
    expect(output.upper).toMatchObject({ fileId: expect.stringMatching(/^file_/), filename: "upper.txt", size: 5 });
    expect(await (await client.files.content(output.upper)).text()).toBe("HELLO");
    expect(await (await client.files.content(output.blob)).text()).toBe("hello");
    const names: string[] = [];
    for await (const file of client.files.list({ execution: id, limit: 1 })) names.push(file.filename);
    expect(names.sort()).toEqual(["file", "scan.txt", "upper.txt"]);
  });

  test("errors: an unknown reference, and a file that is in use", async () => {
    const unknown = { file: { fileId: "file_00000000000000000000000000" } };
    const error = await failure<BadRequestError>(client.executions.start({ workflow: "queued", input: unknown }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.errors[0]?.field).toContain("input.file");
    const { id, input } = await client.executions.start({ workflow: "queued", input: { file: toFile("x", "x.txt") } });
    const reference = input?.file as FileReference;
    const inUse = await failure<ConflictError>(client.files.delete(reference));
    expect(inUse.code).toBe("file_in_use");
    await client.executions.cancel(id);
  });
});

describe("webhooks", () => {
  let receiver: Server | undefined;
  afterEach(() => {
    receiver?.close();
    receiver?.closeAllConnections();
  });

  /** Receives messages; gives its address and what came. */
  async function receive(status: () => number = () => 204) {
    const messages: { headers: IncomingMessage["headers"]; body: string }[] = [];
    receiver = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      messages.push({ headers: request.headers, body });
      response.writeHead(status()).end();
    });
    await new Promise<void>((resolve) => receiver?.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`, messages };
  }

  test("a callback is verified by us and by the official library", async () => {
    const { url, messages } = await receive();
    const { id } = await client.executions.start({ workflow: "echo", input: { name: "Ada" }, callbackUrl: url });
    const message = await until("the callback", () => messages[0]);
    const secrets = (await client.webhooks.callbackSecrets()).map((s) => s.secret);
    const event = await verifyWebhook(secrets, message.headers, message.body);
    expect(event).toMatchObject({
      type: "execution.completed",
      data: { id, status: "completed", output: { name: "Ada" } },
    });
    expect(event.data).not.toHaveProperty("input");
    expect(event.data.revision).toBe((await client.executions.get(id)).revision);
    expect(event.id).toBe(message.headers["webhook-id"]);
    new Webhook(secrets[0] ?? "").verify(message.body, message.headers as Record<string, string>);
    const [delivery] = (await client.webhooks.listDeliveries({ execution: id })).data;
    expect(delivery).toMatchObject({ kind: "callback", type: "execution.completed", url });
    const delivered = await until("delivered", async () => {
      const d = await client.webhooks.delivery(delivery?.id ?? "");
      return d.state === "delivered" && d;
    });
    expect(delivered.attempt_log?.[0]).toMatchObject({ status: 204 });
    await client.webhooks.redeliver(delivered.id);
    await until("the repeat", () => messages.length === 2);
    expect(messages[1]?.headers["webhook-id"]).toBe(event.id);
    const rotated = await client.webhooks.rotateCallbackSecret({ graceMs: 60_000 });
    expect(rotated).toHaveLength(2);
  });

  test("endpoints: made, changed, tested, rotated, removed", async () => {
    const { url, messages } = await receive();
    const workflow = unique("hook");
    await serve(async () => "done", { name: workflow });
    const made = await client.webhooks.createEndpoint({
      url,
      events: ["created", "terminal"],
      workflows: [workflow],
      description: "for a test",
    });
    expect(made.secret).toMatch(/^whsec_/);
    expect(await client.webhooks.getEndpoint(made.id)).not.toHaveProperty("secret");
    await client.webhooks.testEndpoint(made.id);
    const tested = await until("the test message", () => messages[0]);
    expect((await verifyWebhook(made.secret, tested.headers, tested.body)).type).toBe("endpoint.test");
    const rotated = await client.webhooks.rotateEndpoint(made.id, { graceMs: 60_000 });
    await client.run({ workflow });
    await until("both messages", () => messages.length === 3);
    const types: string[] = [];
    for (const message of messages.slice(1)) {
      types.push((await verifyWebhook(made.secret, message.headers, message.body)).type);
      await verifyWebhook(rotated.secret, message.headers, message.body);
    }
    expect(types.sort()).toEqual(["execution.completed", "execution.created"]);
    const changed = await client.webhooks.updateEndpoint(made.id, { enabled: false });
    expect(changed).toMatchObject({ enabled: false, disabled_reason: "by_request" });
    const other = await client.webhooks.createEndpoint({ url, enabled: false });
    const ids: string[] = [];
    for await (const endpoint of client.webhooks.listEndpoints({ limit: 1 })) ids.push(endpoint.id);
    expect(ids.indexOf(other.id)).toBe(0);
    expect(ids).toContain(made.id);
    await client.webhooks.deleteEndpoint(made.id);
    expect(await failure(client.webhooks.getEndpoint(made.id))).toBeInstanceOf(NotFoundError);
  });

  test("are listened to without an address", async () => {
    const workflow = unique("listen");
    await serve(async () => "done", { name: workflow });
    const stream = client.webhooks.listen({ events: ["terminal"], workflows: [workflow] });
    const ready = (await stream.next()).value as { kind: string; secret: string };
    expect(ready.kind).toBe("ready");
    await client.run({ workflow });
    const message = (await stream.next()).value as { headers: Record<string, string>; body: string };
    const event = await verifyWebhook(ready.secret, message.headers, message.body);
    expect(event).toMatchObject({ type: "execution.completed", data: { output: "done" } });
    await stream.return();
  });
});
