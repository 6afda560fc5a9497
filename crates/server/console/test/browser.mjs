// Debian's Chromium, driven by playwright-core: nothing is fetched, and a page that asks anything of anybody else is a fault.
import { chromium } from "playwright-core";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** With a new user data directory, as playwright makes one for each launch. */
export function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A page of somebody who has signed in. `faults` collects what the page should not do. */
export async function signedIn(opened, console, name, options = {}) {
  const context = await opened.newContext({ viewport: { width: 1600, height: 1000 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    // A cut connection is said by the browser itself.
    if (message.type() === "error" && !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_FAILED|network error/.test(message.text())) page.faults.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== console) page.faults.push(`asks ${request.url()}`);
  });
  await page.goto(`http://${console}/`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.keyboard.press("Enter");
  return page;
}
