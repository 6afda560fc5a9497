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
  /** Asks what would settle an instruction, or for what is asked for on request only. */
  const explain = async (page) => {
    await page.keyboard.press("e");
    await page.waitForSelector(".explained .changes");
  };
  const synthetic = async (page) => {
    await page.getByRole("button", { name: "Synthetic history" }).click();
    await page.waitForSelector('[role="note"]');
  };
  const failing = house.instructions("--status", "failing").find((each) => each.waits);
  /** Name, address, pixels of height, in which light, and what is done first. */
  const shots = [
    ["today", "/", 960, "light"],
    ["instruction", `/instruction/${failing.number}`, 900, "light"],
    ["approvals", "/exceptions/approvals", 440, "light"],
    ["breaks", "/exceptions/breaks", 320, "light"],
    ["ledger", "/ledger", 760, "light"],
    ["coverage", "/coverage", 760, "light"],
    ["explain", `/instruction/${failing.number}`, 560, "light", explain],
    ["limits", "/limits", 420, "light"],
    ["margin", "/margin", 760, "light", synthetic],
    ["risk", "/market", 900, "light", synthetic],
    ["report", "/report", 760, "light"],
    ["positions", "/positions", 760, "dark"],
    ["today", "/", 960, "dark"],
    ["cash", "/cash/HALVORSEN-CASH/EUR", 760, "dark"],
  ];
  for (const theme of ["light", "dark"]) {
    const page = await signedIn(opened, house.console, "omar.control", { viewport: { width: 1600, height: 960 }, colorScheme: theme });
    await page.waitForSelector('.liveness[data-state="live"]');
    for (const [name, place, height, , act] of shots.filter((shot) => shot[3] === theme)) {
      await page.setViewportSize({ width: 1600, height });
      await page.goto(`http://${house.console}/#${place}`);
      await page.waitForFunction(() => !/Asking…|Reading the log…/.test(document.querySelector("main").textContent));
      await act?.(page);
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
