// The TypeScript SDK's driver of the scenarios: a worker with their handlers, or a client that does what it reads. See
// the README one folder up. SOJOURN_SDK is where the built SDK lies.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const sdk = await import(pathToFileURL(process.env.SOJOURN_SDK).href);
const client = new sdk.Sojourn();

switch (process.argv[2]) {
  case "client":
    await serve();
    break;
  case "worker":
    await (await import("./worker.mjs")).work(sdk, client);
    break;
  default:
    throw new Error("say client or worker");
}

// Commands run side by side, so that one may wait for what another does.
async function serve() {
  const running = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    running.push(
      execute(command.do, command.with ?? {}).then(
        (ok) => print({ seq: command.seq, ok: ok ?? null }),
        (error) => print({ seq: command.seq, error: failure(error) }),
      ),
    );
  }
  await Promise.all(running);
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function failure(error) {
  return {
    kind: kind(error),
    code: error.code ?? "",
    message: String(error.message),
    status: error.status,
    fields: Array.isArray(error.errors) ? error.errors.map((e) => e.field) : undefined,
  };
}

function kind(error) {
  const conflicts = ["already_terminal", "not_awaiting", "not_finished"];
  if (error instanceof sdk.ConflictError) return conflicts.includes(error.code) ? error.code : "conflict";
  for (const [type, name] of [
    [sdk.NotFinishedError, "timeout"],
    [sdk.APITimeoutError, "timeout"],
    [sdk.UnprocessableEntityError, "idempotency_mismatch"],
    [sdk.BadRequestError, "invalid"],
    [sdk.AuthenticationError, "unauthenticated"],
    [sdk.PermissionDeniedError, "forbidden"],
    [sdk.NotFoundError, "not_found"],
    [sdk.DeletedError, "deleted"],
    [sdk.RateLimitError, "rate_limited"],
    [sdk.InternalServerError, "unavailable"],
    [sdk.APIConnectionError, "connection"],
    [sdk.ExecutionFailedError, "execution_failed"],
    [sdk.ExecutionCancelledError, "execution_cancelled"],
    [sdk.ExecutionRejectedError, "execution_rejected"],
  ]) {
    if (error instanceof type) return name;
  }
  return "other";
}

async function all(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

async function execute(verb, a) {
  const x = client.executions;
  const filter = { workflow: a.workflow, status: a.status, metadata: a.metadata, limit: a.limit, cursor: a.cursor };
  const decision = { name: a.name, comment: a.comment, by: a.by, payload: a.payload };
  switch (verb) {
    case "start":
      return x.start({
        workflow: a.workflow,
        input: a.input,
        idempotencyKey: a.idempotency_key,
        delayMs: a.delay_ms,
        timeoutMs: a.timeout_ms,
        metadata: a.metadata,
        waitMs: a.wait_ms,
        until: a.until,
        overrides: a.overrides && { steps: a.overrides },
        callbackUrl: a.callback_url,
      });
    case "get":
      return x.get(a.id, { include: ["steps", "events"].filter((name) => a[name]) });
    case "wait":
      return x.wait(a.id, { timeoutMs: a.timeout_ms, until: a.until });
    case "result":
      return x.result(a.id);
    case "list":
      return x.list(filter);
    case "list_all": {
      const ids = [];
      for await (const item of x.list(filter)) ids.push(item.id);
      return { ids };
    }
    case "cancel":
      return x.cancel(a.id, { reason: a.reason });
    case "terminate":
      return x.terminate(a.id, { reason: a.reason });
    case "delete":
      await x.delete(a.id);
      return {};
    case "signal":
      return x.signal(a.id, a.name, a.payload, { idempotencyKey: a.idempotency_key });
    case "approve":
      return x.approve(a.id, decision);
    case "reject":
      return x.reject(a.id, decision);
    case "approval_link":
      return x.createApprovalLink(a.id, { name: a.name, expiresInMs: a.expires_in_ms });
    case "upload":
      return client.files.upload(sdk.toFile(a.content, a.filename, { mimeType: a.mime_type }));
    case "download":
      return { content: await (await client.files.content(a.id)).text() };
    case "files":
      return { files: await all(client.files.list({ execution: a.id })) };
    case "deliveries":
      return { deliveries: await all(client.webhooks.listDeliveries({ execution: a.id })) };
    case "verify": {
      const secrets = (await client.webhooks.callbackSecrets()).map((s) => s.secret);
      const event = await sdk.verifyWebhook(secrets, a.headers, a.body);
      return { id: event.id, type: event.type };
    }
    case "logs": {
      const lines = [];
      for await (const line of x.logs(a.id)) lines.push(line);
      return { lines };
    }
    case "events": {
      const events = [];
      for await (const event of x.events(a.id, { after: a.after })) events.push(event);
      return { events };
    }
    default:
      throw new Error(`there is no command ${verb}`);
  }
}
