import type { Page } from "playwright-core";

/** When something was on the screen. Milliseconds since the page's navigation began, as performance.now says. */
export interface Painted {
  at: number;
  /** When the first click or Enter came after the watch began. */
  input: number | undefined;
  /** The same instant since the Unix epoch. */
  clock: number;
}

/**
 * Watches the page for the condition, which is evaluated in it whenever it changes, and so can use only what it is given.
 * Once the watch stands, it answers with how to wait for the first frame that shows what the condition asks for.
 */
export async function watchPaint<A>(
  page: Page,
  condition: (arg: A) => boolean,
  arg: A,
): Promise<() => Promise<Painted>> {
  const watch = await page.evaluateHandle<{ painted: Promise<Painted> }>(
    `(${install})(${condition}, ${JSON.stringify(arg)})`,
  );
  return async () => {
    const painted = await watch.evaluate((made) => made.painted);
    await watch.dispose();
    return painted;
  };
}

// Runs in the page.
function install<A>(condition: (arg: A) => boolean, arg: A): { painted: Promise<Painted> } {
  let input: number | undefined;
  const onInput = (event: Event) => {
    if (event.type === "keydown" && (event as KeyboardEvent).key !== "Enter") return;
    input ??= event.timeStamp;
  };
  for (const type of ["click", "keydown"]) addEventListener(type, onInput, { capture: true });
  const painted = new Promise<Painted>((resolve, reject) => {
    const timer = setTimeout(() => {
      observer.disconnect();
      reject(new Error(`not seen within 15 s: ${condition}, ${JSON.stringify(arg)}`));
    }, 15_000);
    const look = () => {
      if (!condition(arg)) return;
      clearTimeout(timer);
      observer.disconnect();
      for (const type of ["click", "keydown"]) removeEventListener(type, onInput, { capture: true });
      // A task that follows the frame's callbacks runs when the frame is drawn.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve({ at: performance.now(), input, clock: Date.now() });
        port2.postMessage(undefined);
      });
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    look();
  });
  return { painted };
}

/** Has every page that is opened from now on note when the first element of the selector was on the screen. */
export async function noteFirst(page: Page, selector: string): Promise<() => Promise<number>> {
  await page.addInitScript((wanted) => {
    const noted = window as unknown as { firstPaint?: number };
    const observer = new MutationObserver(() => {
      if (!document.querySelector(wanted)) return;
      observer.disconnect();
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          noted.firstPaint = performance.now();
        };
        port2.postMessage(undefined);
      });
    });
    observer.observe(document, { subtree: true, childList: true });
  }, selector);
  return async () => {
    await page.waitForFunction(() => (window as unknown as { firstPaint?: number }).firstPaint !== undefined);
    return page.evaluate(() => (window as unknown as { firstPaint: number }).firstPaint);
  };
}

/**
 * By how much other programs slow the machine down: how much longer than it should a frame takes in which the page does
 * nothing. 1 where nothing else runs.
 */
export async function slowness(page: Page): Promise<number> {
  const frames = await page.evaluate(async () => {
    const took: number[] = [];
    for (let i = 0; i < 40; i++) {
      const start = performance.now();
      await new Promise<void>((painted) => {
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => painted();
          port2.postMessage(undefined);
        });
      });
      took.push(performance.now() - start);
    }
    return took;
  });
  const ninth = frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.9)] ?? 17;
  return Math.max(1, ninth / 17);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
