// Events as they happen. One connection per stream however many watch it; none while the tab is hidden. The browser comes
// back by itself after a broken connection, with Last-Event-ID; where it gives up (the server refused, or was away for a
// moment), the stream is opened again after the last event that was seen.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { address, type Schemas } from "./api";
import { parseJSON } from "./exact";

export type LiveEvent = Schemas["Event"];
export type LiveState =
  /** Nothing on the page follows anything. */
  | "off"
  | "connecting"
  | "live"
  /** The connection broke and is being opened again: what is shown may be old. */
  | "reconnecting"
  /** The tab is hidden or was told to pause. */
  | "paused";

export interface Watcher {
  onEvent?: (event: LiveEvent) => void;
  /** Events may be missing before the next one (after a pause of a project's stream, or a restore): load again. */
  onGap?: () => void;
  /** The execution is final, or was deleted: nothing more will come. */
  onEnd?: (end: Schemas["StreamEnd"]) => void;
}

const kinds: Record<LiveEvent["type"], true> = {
  created: true,
  ready: true,
  claimed: true,
  returned: true,
  lease_lost: true,
  step_started: true,
  step_completed: true,
  step_failed: true,
  sleep_started: true,
  progressed: true,
  suspended: true,
  woken: true,
  attempt_failed: true,
  retried: true,
  cancel_requested: true,
  finalizing: true,
  completed: true,
  failed: true,
  cancelled: true,
  rejected: true,
  wait_started: true,
  signalled: true,
  wait_ended: true,
};

const firstRetry = 1_000;
const lastRetry = 15_000;

class Stream {
  readonly watchers = new Set<Watcher>();
  state: LiveState = "connecting";
  #source: EventSource | undefined;
  #last = "";
  #ended = false;
  #broken = false;
  #retry = firstRetry;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly template: string,
    readonly path: Record<string, string>,
    after: string,
  ) {
    this.#last = after;
  }

  open(): void {
    if (this.#source || this.#ended) return;
    clearTimeout(this.#timer);
    const query = this.#last === "" ? undefined : { after: this.#last };
    const source = new EventSource(address(this.template, this.path, query));
    this.#source = source;
    this.#set(this.#broken ? "reconnecting" : "connecting");
    source.onopen = () => {
      this.#retry = firstRetry;
      this.#broken = false;
      this.#set("live");
    };
    source.onerror = () => {
      this.#broken = true;
      this.#set("reconnecting");
      // Otherwise the browser comes back by itself.
      if (source.readyState === EventSource.CLOSED) {
        this.#source = undefined;
        this.#timer = setTimeout(() => this.open(), this.#retry);
        this.#retry = Math.min(this.#retry * 2, lastRetry);
      }
    };
    for (const kind of Object.keys(kinds)) {
      source.addEventListener(kind, (message) => {
        const { data, lastEventId } = message as MessageEvent<string>;
        this.#last = lastEventId;
        const event = parseJSON(data) as LiveEvent;
        for (const watcher of this.watchers) watcher.onEvent?.(event);
      });
    }
    source.addEventListener("reset", (message) => {
      this.#last = (message as MessageEvent<string>).lastEventId;
      for (const watcher of this.watchers) watcher.onGap?.();
    });
    source.addEventListener("end", (message) => {
      this.#ended = true;
      this.close("off");
      const end = JSON.parse((message as MessageEvent<string>).data) as Schemas["StreamEnd"];
      for (const watcher of this.watchers) watcher.onEnd?.(end);
    });
  }

  close(state: "paused" | "off"): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#broken = false;
    this.#set(this.#ended ? "off" : state);
  }

  /** Opens after a pause. A project's stream without a place begins now, so what happened meanwhile is not in it. */
  resume(): void {
    const gap = this.#last === "" && !this.#ended;
    this.open();
    if (gap) for (const watcher of this.watchers) watcher.onGap?.();
  }

  #set(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    changed();
  }
}

const streams = new Map<string, Stream>();
const listeners = new Set<() => void>();
let summary: LiveState = "off";
let pausedByUser = false;

// The one mark of the page says the worst of its streams.
const order: LiveState[] = ["reconnecting", "connecting", "paused", "live"];

function changed(): void {
  const states = new Set([...streams.values()].map((stream) => stream.state));
  const next = order.find((state) => states.has(state)) ?? "off";
  if (next === summary) return;
  summary = next;
  for (const listener of listeners) listener();
}

const mayRun = () => !pausedByUser && document.visibilityState !== "hidden";

function apply(): void {
  for (const stream of streams.values()) {
    if (mayRun()) stream.resume();
    else stream.close("paused");
  }
}
document.addEventListener("visibilitychange", apply);

function watch(template: string, path: Record<string, string>, after: string, watcher: Watcher): () => void {
  const key = address(template, path);
  let stream = streams.get(key);
  if (!stream) {
    stream = new Stream(template, path, after);
    streams.set(key, stream);
    if (mayRun()) stream.open();
    else stream.close("paused");
    changed();
  }
  stream.watchers.add(watcher);
  const joined = stream;
  return () => {
    joined.watchers.delete(watcher);
    // A page that follows the same stream may be drawn in the same moment.
    queueMicrotask(() => {
      if (joined.watchers.size > 0 || streams.get(key) !== joined) return;
      streams.delete(key);
      joined.close("off");
      changed();
    });
  };
}

/** Follows the events of the whole project, from now. Not for keys without executions:read: pass enabled false. */
export function watchProject(watcher: Watcher): () => void {
  return watch("/v1/events", {}, "", watcher);
}

/** Follows one execution from the revision after, so that none is missed between loading it and following it. */
export function watchExecution(id: string, after: number, watcher: Watcher): () => void {
  return watch("/v1/executions/{id}/events", { id }, String(after), watcher);
}

function useWatcher(watcher: Watcher): Watcher {
  const current = useRef(watcher);
  useEffect(() => {
    current.current = watcher;
  });
  return useRef<Watcher>({
    onEvent: (event) => current.current.onEvent?.(event),
    onGap: () => current.current.onGap?.(),
    onEnd: (end) => current.current.onEnd?.(end),
  }).current;
}

/** Calls onEvent with every event of the project while the component is drawn. */
export function useProjectEvents(
  onEvent: (event: LiveEvent) => void,
  options: { onGap?: () => void; enabled?: boolean } = {},
): void {
  const watcher = useWatcher({ onEvent, ...(options.onGap ? { onGap: options.onGap } : {}) });
  const enabled = options.enabled ?? true;
  useEffect(() => (enabled ? watchProject(watcher) : undefined), [enabled, watcher]);
}

/** Calls onEvent with the events of an execution that follow the revision `after` while the component is drawn. */
export function useExecutionEvents(
  id: string,
  onEvent: (event: LiveEvent) => void,
  options: { after?: number; onEnd?: Watcher["onEnd"]; onGap?: () => void; enabled?: boolean } = {},
): void {
  const watcher = useWatcher({
    onEvent,
    ...(options.onGap ? { onGap: options.onGap } : {}),
    ...(options.onEnd ? { onEnd: options.onEnd } : {}),
  });
  const enabled = options.enabled ?? true;
  // The place only matters when the stream opens; later ones are its own.
  const after = useRef(options.after ?? 0);
  after.current = options.after ?? after.current;
  useEffect(() => (enabled ? watchExecution(id, after.current, watcher) : undefined), [enabled, id, watcher]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** How fresh the page is: the worst state of its streams. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(subscribe, () => summary);
}

/** Stops and starts all streams by hand; they stop by themselves while the tab is hidden. */
export function setLivePaused(paused: boolean): void {
  pausedByUser = paused;
  apply();
}

export const livePaused = (): boolean => pausedByUser;
