import type * as Http from "node:http";

interface Host {
  Deno?: unknown;
  process?: { getBuiltinModule?: (name: string) => unknown };
}

/**
 * A fetch over the http module of Node, for what a worker sends: texts, answered by texts. It takes a third of the
 * processor time of the global fetch. Undefined where there is no such module, and on Deno, whose http module goes on
 * waiting for the answer to a request that was destroyed.
 */
export function httpFetch(baseUrl: string): typeof fetch | undefined {
  if ((globalThis as Host).Deno !== undefined) return undefined;
  const { protocol } = new URL(baseUrl);
  // Not imported, so that bundlers for browsers need not know of it.
  const http = (globalThis as Host).process?.getBuiltinModule?.(`node:${protocol.slice(0, -1)}`) as
    | typeof Http
    | undefined;
  if (!http?.request || !http.Agent) return undefined;
  const agent = new http.Agent({ keepAlive: true });
  const send = (address: string, init: RequestInit): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const { signal } = init;
      const headers = init.headers as Record<string, string | number>;
      const body = init.body as string | undefined;
      headers["Content-Length"] = body === undefined ? 0 : Buffer.byteLength(body);
      const request = http.request(address, { method: init.method ?? "GET", headers, agent }, (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", fail);
        response.on("aborted", () => fail(new Error("the connection was closed in the middle of the answer")));
        response.on("end", () => {
          signal?.removeEventListener("abort", stop);
          const status = response.statusCode ?? 0;
          resolve({
            status,
            ok: status >= 200 && status < 300,
            headers: new LazyHeaders(response.headers),
            text: () => text,
          });
        });
      });
      const fail = (error: unknown) => {
        signal?.removeEventListener("abort", stop);
        reject(error);
      };
      const stop = () => request.destroy(new Error("aborted"));
      request.on("error", fail);
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop, { once: true });
      request.end(body);
    });
  return send as typeof fetch;
}

/** The headers of an answer, as far as they are asked for. */
class LazyHeaders {
  constructor(readonly headers: Http.IncomingHttpHeaders) {}

  get(name: string): string | null {
    const value = this.headers[name.toLowerCase()];
    return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
  }
}
