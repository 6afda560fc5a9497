// The pictures of docs/console: `node test/screenshots.mjs DIR`, or `make screenshots`.
import { join } from "node:path";
import { browser, signedIn } from "./browser.mjs";
import { House } from "./house.mjs";
import { furnish } from "./showcase.mjs";

const into = process.argv[2];
const house = await House.empty("MERIDIAN-GROUP");
const opened = await browser();
try {
  await furnish(house);
  const failing = house.instructions("--status", "failing").find((each) => each.waits);
  /** Name, address and pixels of height. */
  const shots = [
    ["today", "/", 960],
    ["instruction", `/instruction/${failing.number}`, 900],
    ["cash", "/cash/HALVORSEN-CASH/EUR", 760],
    ["approvals", "/exceptions/approvals", 440],
    ["breaks", "/exceptions/breaks", 320],
    ["ledger", "/ledger", 760],
  ];
  for (const theme of ["light", "dark"]) {
    const page = await signedIn(opened, house.console, "omar.control", { viewport: { width: 1600, height: 960 }, colorScheme: theme });
    await page.waitForSelector('.liveness[data-state="live"]');
    for (const [name, place, height] of shots) {
      if (theme === "dark" && !["today", "instruction", "cash"].includes(name)) continue;
      await page.setViewportSize({ width: 1600, height });
      await page.goto(`http://${house.console}/#${place}`);
      await page.waitForFunction(() => !/Asking…|Reading the log…/.test(document.querySelector("main").textContent));
      await page.waitForTimeout(700);
      await page.screenshot({ path: join(into, `${name}-${theme}.png`) });
      console.log(`console: ${name}-${theme}.png`);
    }
    if (page.faults.length > 0) throw new Error(page.faults.join("\n"));
    await page.context().close();
  }
} finally {
  await opened.close();
  await house.close();
}
