import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, address, api, queryString, send } from "./api";

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  vi.stubGlobal(
    "fetch",
    vi.fn(
      async () =>
        new Response(status === 204 ? null : text, {
          status,
          headers: { "Content-Type": "application/json", ...headers },
        }),
    ),
  );
}

const asked = () => vi.mocked(fetch).mock.calls[0] as [string, RequestInit];

async function refused(): Promise<ApiError> {
  const error = await api.get("/v1/info").then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

afterEach(() => vi.unstubAllGlobals());

describe("addresses", () => {
  it("puts the path together and escapes what is in it", () => {
    expect(address("/v1/executions/{id}/signals/{name}", { id: "exec_1", name: "a/b?c" })).toBe(
      "/ui/v1/executions/exec_1/signals/a%2Fb%3Fc",
    );
  });

  it("writes lists with commas and maps with brackets, and leaves out what is empty", () => {
    const query = queryString({
      status: ["failed", "running"],
      metadata: { customer: "1&2" },
      limit: 0,
      workflow_id: "",
      cursor: undefined,
      trigger: [],
    });
    expect([...new URLSearchParams(query)]).toEqual([
      ["status", "failed,running"],
      ["metadata[customer]", "1&2"],
      ["limit", "0"],
    ]);
    expect(queryString({ cursor: undefined })).toBe("");
  });
});

describe("a request", () => {
  it("goes below /ui with its body as JSON, and answers with the body", async () => {
    answer(201, { id: "exec_1" });
    const started = await api.post("/v1/executions", {
      body: { workflow_id: "echo", input: {} },
      headers: { "Idempotency-Key": "k" },
    });
    expect(started).toEqual({ id: "exec_1" });
    const [url, init] = asked();
    expect(url).toBe("/ui/v1/executions");
    expect(init).toMatchObject({ method: "POST", body: '{"workflow_id":"echo","input":{}}', redirect: "error" });
    expect(init.headers).toMatchObject({ "Content-Type": "application/json", "Idempotency-Key": "k" });
  });

  it("answers undefined when there is nothing in the answer", async () => {
    answer(204, "");
    expect(await api.delete("/v1/executions/{id}", { path: { id: "exec_1" } })).toBeUndefined();
  });
});

describe("a refusal", () => {
  it("says what the server said", async () => {
    answer(
      409,
      {
        type: "t",
        title: "Conflict",
        status: 409,
        detail: "It is completed.",
        code: "already_terminal",
        execution_status: "completed",
        errors: [{ field: "input.qty", code: "out_of_range", message: "at most 10" }],
        request_id: "req_body",
      },
      { "Content-Type": "application/problem+json", "X-Request-Id": "req_header" },
    );
    expect(await refused()).toMatchObject({
      status: 409,
      code: "already_terminal",
      detail: "It is completed.",
      message: "It is completed.",
      executionStatus: "completed",
      errors: [{ field: "input.qty", code: "out_of_range", message: "at most 10" }],
      requestId: "req_body",
      retryAfter: undefined,
      temporary: false,
    });
  });

  it("is temporary when it may pass, and says when to come back", async () => {
    answer(
      429,
      { type: "t", title: "t", status: 429, detail: "slow down", code: "rate_limited" },
      { "Content-Type": "application/problem+json; charset=utf-8", "Retry-After": "7", "X-Request-Id": "req_1" },
    );
    expect(await refused()).toMatchObject({ code: "rate_limited", retryAfter: 7, temporary: true, requestId: "req_1" });
  });

  it("of somebody between the server and the page keeps the status and invents nothing", async () => {
    answer(502, "<html>Bad gateway</html>", { "Content-Type": "text/html" });
    expect(await refused()).toMatchObject({ status: 502, code: "unexpected", errors: [], temporary: true });
    answer(500, "not JSON", { "Content-Type": "application/problem+json" });
    expect(await refused()).toMatchObject({ status: 500, code: "unexpected" });
  });

  it("of the network is unreachable, and one that was called off is no error of the server", async () => {
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => Promise.reject(new TypeError("Failed to fetch"))),
    );
    expect(await refused()).toMatchObject({ status: 0, code: "unreachable", temporary: true });
    const off = new AbortController();
    off.abort();
    const aborted = new DOMException("aborted", "AbortError");
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => Promise.reject(aborted)),
    );
    await expect(send("/ui/v1/info", { signal: off.signal })).rejects.toBe(aborted);
  });
});
