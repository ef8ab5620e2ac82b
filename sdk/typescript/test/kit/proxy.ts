import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the proxy does with one request: pass it on, or spoil it. */
export type Fault =
  /** Closes the connection without passing the request on. */
  | "refuse"
  /** Passes the request on and closes the connection when the answer comes: the server acted, the client never knows. */
  | "cut-answer"
  /** Passes it on, and sends half of the answer's body. */
  | "half-answer"
  /** Passes it on and never answers. */
  | "hang"
  /** Answers by itself. */
  | { status: number; headers?: Record<string, string>; body?: string };

/** A proxy in front of a server that spoils what it is told to. */
export interface FaultProxy {
  url: string;
  /** How many requests went through, by method and path without the query. */
  seen: Map<string, number>;
  /** Decides about each request; undefined passes it on. */
  fault: ((request: IncomingMessage) => Fault | undefined) | undefined;
  close(): Promise<void>;
}

/** Starts a proxy for a server. */
export async function startProxy(target: string): Promise<FaultProxy> {
  const to = new URL(target);
  const server: Server = createServer((incoming, outgoing) => {
    const name = `${incoming.method} ${(incoming.url ?? "").split("?")[0]}`;
    proxy.seen.set(name, (proxy.seen.get(name) ?? 0) + 1);
    const fault = proxy.fault?.(incoming);
    if (fault === "refuse") {
      incoming.socket.destroy();
      return;
    }
    if (typeof fault === "object") {
      incoming.resume();
      outgoing.writeHead(fault.status, fault.headers);
      outgoing.end(fault.body);
      return;
    }
    const onward = request(
      { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        if (fault === "cut-answer") {
          answer.resume();
          answer.once("end", () => incoming.socket.destroy());
          return;
        }
        if (fault === "hang") {
          answer.resume();
          return;
        }
        if (fault === "half-answer") {
          const parts: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => parts.push(chunk));
          answer.once("end", () => {
            const body = Buffer.concat(parts);
            outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, "content-length": String(body.length) });
            outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => incoming.socket.destroy());
          });
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => incoming.socket.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: new Map(),
    fault: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
