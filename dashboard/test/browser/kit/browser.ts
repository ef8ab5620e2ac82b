import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type Server, startServer } from "./server";

/** Where Debian installs Chromium. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/**
 * A slow machine, to find what counts on a fast one: every answer of the API comes so many milliseconds later, and the
 * page's processor is so many times slower. SOJOURN_TEST_LAG and SOJOURN_TEST_SLOWDOWN set them. Default: neither.
 */
export const slow = {
  lag: Number(process.env.SOJOURN_TEST_LAG ?? 0),
  rate: Number(process.env.SOJOURN_TEST_SLOWDOWN ?? 1),
};

/** What a page must never do; every page of a visitor is watched for it. */
export interface Watch {
  /** Errors on the console and exceptions that nobody caught. */
  errors: string[];
  /** Reports of the content security policy. */
  csp: string[];
  /** Dialogs, which only injected code opens. */
  dialogs: string[];
  /** Requests to other origins. */
  outside: string[];
}

/** A person with a browser window. */
export interface Visitor {
  page: Page;
  context: BrowserContext;
  watch: Watch;
  /** Opens a path of the dashboard. */
  open(path: string): Promise<void>;
}

export interface VisitOptions {
  theme?: "light" | "dark";
  width?: number;
  /** The key to sign in with; null: nobody signs in. Default: the server's. */
  key?: string | null;
  /** Whether the visitor stays for the file's other tests. Default: the window is closed after the test. */
  stays?: boolean;
}

/** A server and a browser for the tests of a file. */
export function inBrowser(data?: string) {
  let server: Server;
  let browser: Browser;
  const leaving: BrowserContext[] = [];
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer(data),
      chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] }),
    ]);
  });
  afterEach(async () => {
    await Promise.all(leaving.splice(0).map((context) => context.close()));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function visit(options: VisitOptions = {}): Promise<Visitor> {
    const { theme = "light", width = 1280, key = server.key, stays = false } = options;
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
    if (!stays) leaving.push(context);
    context.setDefaultTimeout(30_000);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    if (slow.rate > 1) {
      const session = await context.newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: slow.rate });
    }
    if (slow.lag > 0) {
      await page.route("**/v1/**", async (route) => {
        await setTimeout(slow.lag * (0.5 + Math.random()));
        await route.continue().catch(() => undefined);
      });
    }
    const watch: Watch = { errors: [], csp: [], dialogs: [], outside: [] };
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      // An answer that is no success is on the console whatever the page makes of it.
      if (message.text().startsWith("Failed to load resource")) return;
      (/^CSP: |Content Security Policy|TrustedHTML|TrustedScript/.test(message.text()) ? watch.csp : watch.errors).push(
        message.text(),
      );
    });
    page.on("pageerror", (error) => watch.errors.push(String(error)));
    page.on("dialog", (dialog) => {
      watch.dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (/^https?:/.test(url.protocol) && url.origin !== server.url) watch.outside.push(request.url());
    });
    const open = async (path: string) => {
      await page.goto(server.url + path);
    };
    if (key !== null) {
      await open(`/signin#${key}`);
      await page.waitForURL((url) => url.pathname !== "/signin");
    }
    return { page, context, watch, open };
  }

  return {
    get server() {
      return server;
    },
    visit,
  };
}

/** Holds that a page did nothing that it must never do. */
export function isQuiet(watch: Watch) {
  expect(watch).toEqual({ errors: [], csp: [], dialogs: [], outside: [] });
}

/** What was copied last. */
export const copied = (page: Page): Promise<string> => page.evaluate(() => navigator.clipboard.readText());

/** The file that an action of the page saves, as text. */
export async function saved(page: Page, act: () => Promise<void>): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}
