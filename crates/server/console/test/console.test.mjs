// The console in a real browser against the real service: what people of each role see and do, live, and after a cut.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, signedIn } from "./browser.mjs";
import { House, TODAY } from "./house.mjs";

let house;
let opened;
const SOON = { timeout: 20_000 };

before(async () => {
  [house, opened] = await Promise.all([House.open(), browser()]);
});
after(async () => {
  await opened?.close();
  await house?.close();
});

/** Somebody at work; afterwards the page must have done nothing it should not. */
async function as(name, work) {
  const page = await signedIn(opened, house.console, name);
  try {
    await work(page);
    assert.deepEqual(page.faults, [], "what the page should not have done");
  } catch (error) {
    // What a person would have seen, for who looks into it.
    if (process.env.CONSOLE_SHOTS) await page.screenshot({ path: `${process.env.CONSOLE_SHOTS}/failed-${name}.png` });
    throw error;
  } finally {
    await page.context().close();
  }
}

const state = (page, wanted) => page.waitForSelector(`.liveness[data-state="${wanted}"]`, SOON);
const tile = (page, status) => page.locator(`.tile[data-status="${status}"] b`);
const row = (page, number) => page.locator(`.instructions tr[data-row="${number}"]`);

async function says(locator, text) {
  const wanted = text instanceof RegExp ? text : new RegExp(`^\\s*${text}\\s*$`);
  const end = Date.now() + SOON.timeout;
  for (;;) {
    const seen = await locator.textContent({ timeout: 1_000 }).catch(() => "");
    if (wanted.test(seen)) return seen;
    if (Date.now() > end) assert.match(seen, wanted);
    await new Promise((done) => setTimeout(done, 50));
  }
}

test("a trade that is published becomes visible without a touch, and so does its settlement", () =>
  as("olga.ops", async (page) => {
    await state(page, "live");
    await says(page.locator(".day").first(), /\w+ Mon 23 Nov 2026 open/);
    await says(page.locator(".instructions .note"), /^0/);
    house.buy("T-1", 5);
    const [mine] = house.instructions();
    await row(page, mine.number).waitFor(SOON);
    assert.match(await row(page, mine.number).textContent(), /unmatched.*receive.*SAP.*500\.00.*EUR.*ALPHA.*BETA/);
    await says(tile(page, "unmatched"), "1");
    house.sell("T-1", 5);
    await row(page, mine.number).waitFor({ state: "detached", ...SOON });
    await says(tile(page, "settled"), "2");
    await says(page.locator(".ticker"), new RegExp(`${mine.number} settled`));
  }));

test("an operator releases a hold by keyboard, and the pair settles", () =>
  as("olga.ops", async (page) => {
    house.buy("H-1", 7);
    house.sell("H-1", 7, { hold: true });
    const held = house.instructions("--status", "pending").find((each) => each.held);
    assert.ok(held, "one side is on hold");
    await row(page, held.number).waitFor(SOON);
    await page.keyboard.press("/");
    await page.keyboard.type("H-1 PREA");
    await page.keyboard.press("Enter");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await says(page.locator("h1"), new RegExp(`${held.number} BETA delivers 7 SAP to ALPHA against 700.00 EUR`));
    await page.keyboard.press("r");
    await page.getByLabel("Reason").fill("the client has paid");
    await page.keyboard.press("Enter");
    await says(page.locator(".toasts"), new RegExp(`Release instruction ${held.number}: done, record \\d+`));
    await says(page.locator(".instruction .title .badge").first(), "settled");
    assert.equal(house.json("instructions", "get", `${held.number}`).status, "INSTRUCTION_STATUS_SETTLED");
  }));

test("an approver sees what was asked, approves exactly that, and its maker may not", async () => {
  await as("olga.ops", async (page) => {
    await page.goto(`http://${house.console}/#/cash/ALPHA-CASH/EUR`);
    await page.getByRole("button", { name: "Transfer…" }).click();
    await page.getByLabel("Book whose cash it is").fill("ALPHA-EQ");
    await page.getByLabel("Amount").fill("250000.50");
    await page.getByLabel("Reason").fill("funding for tomorrow");
    await page.getByRole("button", { name: "Transfer", exact: true }).click();
    await says(page.locator(".toasts"), /proposal \d+ waits for a second person/);
    await page.goto(`http://${house.console}/#/exceptions/approvals`);
    await says(page.locator("pre"), /"quantity": "250000.50"/);
    assert.equal(await page.getByRole("button", { name: "Approve…" }).count(), 0, "one's own");
  });
  await as("omar.control", async (page) => {
    await says(page.locator(".top nav .count"), "1");
    await page.goto(`http://${house.console}/#/exceptions/approvals`);
    await says(page.locator("pre"), /"to": "ALPHA-CASH"[\s\S]*"quantity": "250000.50"/);
    await page.getByRole("button", { name: "Approve…" }).click();
    await page.getByLabel("Reason").fill("checked with treasury");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await says(page.locator(".toasts"), /Approve proposal \d+: done/);
    await page.goto(`http://${house.console}/#/cash/ALPHA-CASH/EUR`);
    // 1,000,000.00 − 500.00 − 700.00 + 250,000.50
    await says(page.locator(".facts.across b").first(), "1,248,800.50");
  });
});

test("a cut connection is seen at once, resumes with its token, and nothing is missing", () =>
  as("olga.ops", async (page) => {
    house.buy("C-0", 3);
    await state(page, "live");
    await says(tile(page, "unmatched"), "1");
    await house.kill();
    await state(page, "reconnecting");
    await says(page.locator(".days .alarm"), /does not answer/);
    await house.start();
    house.buy("C-1", 11);
    await state(page, "live");
    await page.waitForSelector(".liveness[data-resumed='1']", SOON);
    await says(tile(page, "unmatched"), "2");
    const numbers = house.instructions("--status", "unmatched").map((each) => each.number.toString());
    assert.equal(numbers.length, 2);
    for (const number of numbers) await row(page, number).waitFor(SOON);
    house.sell("C-1", 11);
    await row(page, numbers[1]).waitFor({ state: "detached", ...SOON });
  }));

test("an auditor reads the whole story, with postings that balance by name", () =>
  as("audra.audit", async (page) => {
    const [settled] = house.instructions("--status", "settled");
    await page.goto(`http://${house.console}/#/instruction/${settled.number}`);
    await says(page.locator(".story"), /trade captured[\s\S]*instructed[\s\S]*settled/);
    const last = page.locator(".story > li").last().locator("tr");
    const lines = (await last.allTextContents()).slice(1).map((line) => line.replaceAll("−", "-"));
    assert.ok(lines.some((line) => /ALPHA-CASHlocation-500\.00EUR/.test(line)), lines.join("\n"));
    assert.ok(lines.some((line) => /BETA-DEPOTlocation-5\.?0?0?SAP|BETA-DEPOTlocation-5/.test(line)), lines.join("\n"));
    assert.equal(await page.locator(".title .buttons button").count(), 0, "who looks changes nothing");
  }));

test("an operator takes a break on and closes it, and what it books is booked", () =>
  as("olga.ops", async (page) => {
    house.submit("olga.ops", { advice: { sender: "CUSTODIAN", id: "CAMT-1", cashEntry: { account: "ALPHA-CUST", currency: "EUR", amount: "12.34", valueDate: TODAY, code: "PMNT", narrative: "whose?" } } });
    await page.goto(`http://${house.console}/#/exceptions/breaks`);
    const line = page.locator("tr[data-row]").first();
    await says(line, /unexpected cash.*ALPHA-CUST.*12\.34.*nobody/);
    await line.getByRole("button", { name: "Assign…" }).click();
    assert.equal(await page.getByLabel("Owner").inputValue(), "olga.ops");
    await page.getByLabel("Reason").fill("mine");
    await page.getByRole("button", { name: "Assign", exact: true }).click();
    await says(line, /olga\.ops/);
    await line.getByRole("button", { name: "Close…" }).click();
    await page.getByLabel("How").selectOption("TO_BOOK");
    await page.getByLabel("Reason").fill("a dividend of the book");
    await page.getByLabel("Book or party").fill("NO-BOOK");
    await page.getByRole("button", { name: "Close it" }).click();
    await says(page.locator("dialog [role=alert]"), /NO-BOOK/);
    await page.getByLabel("Book or party").fill("ALPHA-EQ");
    await page.getByRole("button", { name: "Close it" }).click();
    await says(page.locator(".panel .missing"), "Agents and our records agree.");
  }));

test("each role sees its own: no action that would be refused, no page that would be empty", async () => {
  await as("rita.risk", async (page) => {
    await says(page.locator(".who small"), "risk-viewer");
    await says(tile(page, "settled"), /[1-9]/);
    await says(page.locator(".instructions"), /not shown to your role/);
    await page.goto(`http://${house.console}/#/exceptions`);
    await says(page.locator("main"), /is for operator, approver, auditor, administrator/);
  });
  await as("nobody.known", async (page) => {
    await says(page.locator(".days .alarm"), /nobody.known has no grant/);
  });
});

test("amounts are exact beyond what floating point holds, and stand under one another", () =>
  as("omar.control", async (page) => {
    house.submit("olga.ops", { transfer: { to: "BETA-CASH", book: "BETA-EQ", currency: "EUR", quantity: "90071992547409.93" } });
    await page.goto(`http://${house.console}/#/exceptions/approvals`);
    await page.getByRole("button", { name: "Approve…" }).click();
    await page.getByLabel("Reason").fill("a large one");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.goto(`http://${house.console}/#/cash/BETA-CASH/EUR`);
    // 1,000,000.00 + 500.00 + 700.00 + 1,100.00 + 90,071,992,547,409.93: 2^53 cents are 90,071,992,547,409.92
    await says(page.locator(".facts.across b").first(), "90,071,993,549,709.93");
    const places = await page.locator("td.figure .amount:not(.absent)").evaluateAll((all) =>
      all.map((each) => ({ column: `${each.closest("table").ariaLabel} ${each.closest("td").cellIndex}`, right: Math.round(each.getBoundingClientRect().right) })),
    );
    const columns = new Map(places.map((each) => [each.column, places.filter((other) => other.column === each.column)]));
    assert.ok(columns.size >= 2, "columns of amounts");
    for (const [column, cells] of columns) assert.equal(new Set(cells.map((each) => each.right)).size, 1, column);
  }));

test("everything is reached without a mouse, and the frame says what it is", () =>
  as("omar.control", async (page) => {
    await state(page, "live");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the page");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    for (const [key, title] of [["c", "Cash"], ["e", "Exceptions"], ["l", "Ledger"], ["v", "Coverage"], ["x", "Exposure"], ["i", "Limits"], ["q", "Risk"], ["a", "Margin"], ["p", "Positions"], ["n", "P&L"], ["m", "Reports"], ["k", "Controls"], ["s", "Service"], ["t", "Today"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForFunction((wanted) => document.title.startsWith(wanted), title, SOON);
      // Nothing is refused; that the house has recorded no prices is said on every page of results.
      await page.waitForFunction(() => [...document.querySelectorAll("main .missing.bad")].every((each) => /no set of prices/.test(each.textContent)), undefined, SOON);
    }
    await page.keyboard.press("?");
    await says(page.locator("dialog"), /light or dark/);
    await page.keyboard.press("Escape");
    // While it closes, the page behind it cannot be focused, and the focus goes back to where it was.
    await page.locator("dialog").waitFor({ state: "detached", ...SOON });
    const unnamed = await page.locator("button, input, a").evaluateAll((all) => all.filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label") || each.labels?.length)).length);
    assert.equal(unnamed, 0, "every control has a name");
    await page.locator(".tile").first().focus();
    const outline = await page.locator(".tile").first().evaluate((each) => getComputedStyle(each).outlineStyle);
    assert.equal(outline, "solid", "the focus is seen");
  }));

test("the browser is told to load and run nothing from elsewhere", async () => {
  const answer = await fetch(`http://${house.console}/`);
  const policy = answer.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const again = await fetch(`http://${house.console}/`, { headers: { "if-none-match": answer.headers.get("etag") } });
  assert.equal(again.status, 304);
  await as("olga.ops", async (page) => {
    const refused = await page.evaluate(async () => {
      const inline = document.createElement("script");
      let why = "";
      addEventListener("securitypolicyviolation", (event) => (why = event.effectiveDirective));
      try {
        inline.textContent = "window.ran = true";
      } catch {
        why = "trusted types";
      }
      document.body.append(inline);
      await new Promise((done) => setTimeout(done, 100));
      return { ran: Boolean(window.ran), why };
    });
    assert.equal(refused.ran, false);
    assert.notEqual(refused.why, "");
    page.faults.length = 0;
  });
});

test("what a delivery lacks, and what books have and earned, is shown by name", () =>
  as("rita.risk", async (page) => {
    house.buy("V-1", 5_000);
    house.sell("V-1", 5_000);
    await page.goto(`http://${house.console}/#/coverage`);
    await says(page.locator("tr.chosen"), /SAP.*BETA-DEPOT/);
    await says(page.locator(".chains > li").first(), /short.*delivers 5,000 to ALPHA.*lacks.*nobody is to deliver it/);
    await page.goto(`http://${house.console}/#/positions`);
    // Opened 1,000, bought 5 + 7 + 3 + 11 + 5,000, whatever has settled.
    await says(page.locator('tr[data-row="ALPHA-EQ/SAP/EUR"]'), /ALPHA-EQSAP6,0261,023/);
    await says(page.locator(".positions table").nth(2), /opened.*1,000.*100,000\.00/);
    await page.goto(`http://${house.console}/#/pnl`);
    // No prices are recorded: said by name, and never zero.
    await says(page.locator(".pnl"), /no set of prices and rates is recorded/);
    await page.goto(`http://${house.console}/#/report`);
    await says(page.locator(".report"), /settlement efficiency.*QCSD/);
  }));

/** A close of SAP. */
const close = (date, source, value) => ({ setReference: { priceSet: { date, snap: "CLOSE", source, version: 1, prices: [{ instrument: "SAP", currency: "EUR", value }] } } });

/** YYYYMMDD, so many days after another. */
const later = (date, days) => Number(new Date(Date.UTC(Math.floor(date / 10_000), (Math.floor(date / 100) % 100) - 1, (date % 100) + days)).toISOString().slice(0, 10).replaceAll("-", ""));

test("exposure, value at risk and concentration are there, live, and made prices say so", () =>
  as("rita.risk", async (page) => {
    const made = Array.from({ length: 252 }, (_, at) => close(later(20261118, at - 251), "SYNTHETIC", `${95 + ((at * 7) % 11)}.00`));
    house.submit("olga.ops", ...made, close(20261119, "QUOTES", "109.00"), close(20261120, "QUOTES", "110.00"));
    await page.goto(`http://${house.console}/#/exposure`);
    // 5,000 and 3 before them, bought at 100.00, are worth 110.00 and have not come: replacing them costs 50,030.00 more.
    await says(page.locator('tr[data-row^="ALPHA/BETA/EUR/20261123/"]'), /BETAALPHA2026-11-23.*50,030\.00/);
    await says(page.locator(".exposure"), /At CLOSE of 2026-11-20 from QUOTES, version 1/);
    await says(page.locator(".exposure"), /Article 378/);

    await page.goto(`http://${house.console}/#/market`);
    await says(page.locator(".market .missing.bad").first(), /has 2 closes up to 2026-11-20 and 251 are needed/);
    await page.getByRole("button", { name: "Synthetic history" }).focus();
    await page.keyboard.press("Enter");
    await says(page.locator('.market [role="note"]'), /Synthetic: 249 closes were made and not observed/);
    const { total } = house.json("risk", "var", "--sets", "CLOSE/QUOTES,CLOSE/SYNTHETIC", "--currency", "EUR");
    const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",").replace(/\.(.*)$/, (all) => all.replaceAll(",", ""));
    await says(page.locator(".market .facts.across b").first(), grouped(total.valueAtRisk));
    await says(page.locator(".market .facts.across b").nth(1), grouped(total.expectedShortfall));
    const chart = page.locator(".market .chart.worst");
    assert.match(await chart.getAttribute("aria-label"), /worst days of the history/);
    await chart.locator("canvas").waitFor(SOON);
    await says(page.locator('.market [aria-label="Worst days of all books"] tbody'), /SAP/);
    await says(page.locator('.market [aria-label="Back-test by book"]'), /all together/);
    await says(page.locator('.market [aria-label="Concentration"] tbody'), /issuer not named.*100\.00 %/);
    // A new close, and nobody touches the page.
    house.submit("olga.ops", close(20261121, "QUOTES", "90.00"));
    await says(page.locator('.market section[aria-label="Value at risk of all books"] .note'), /at the close of 2026-11-21/);
  }));

test("what would settle an instruction: by the key e, causes and the smallest changes, which then settle it", () =>
  as("olga.ops", async (page) => {
    house.buy("E-1", 4);
    house.sell("E-1", 4, { hold: true });
    const held = house.instructions("--status", "pending").find((each) => each.held);
    await page.goto(`http://${house.console}/#/instruction/${held.number}`);
    await says(page.locator("h1"), /BETA delivers 4 SAP/);
    assert.equal(await page.locator(".explained").count(), 0, "asked for, not shown at once");
    await page.keyboard.press("e");
    await says(page.locator(".explained .why").first(), new RegExp(`PREA instruction ${held.number} of BETA is on hold`));
    await says(page.locator(".explained .changes"), new RegExp(`^we release the hold of instruction ${held.number} of BETA`));
    await says(page.locator(".explained .needs"), /^proved done together on a copy of the state, this settles it/);
    await page.keyboard.press("e");
    await page.locator(".explained").waitFor({ state: "detached", ...SOON });
    await page.keyboard.press("e");
    await page.keyboard.press("r");
    await page.getByLabel("Reason").fill("as explained");
    await page.keyboard.press("Enter");
    await says(page.locator(".instruction .title .badge").first(), "settled");
  }));

test("limits: what is used moves with each trade, a breach is seen, and a cut loses nothing of it", () =>
  as("rita.risk", async (page) => {
    const limit = (amount) => ({ setReference: { counterpartyLimit: { entity: "BETA", counterparty: "ALPHA", kind: "LIMIT_KIND_PRE_SETTLEMENT", currency: "EUR", validFrom: 20200101, amount, onBreach: "ON_BREACH_WARN" } } });
    await page.goto(`http://${house.console}/#/limits`);
    await says(page.locator(".limits"), /No limit is set/);
    house.submit("olga.ops", limit("600000.00"));
    // Sold and not delivered: 5,000 at 100.00.
    const line = page.locator('tr[data-row="BETA/ALPHA/1/0"]');
    await says(line, /ALPHABETApre-settlement–600,000\.00500,000\.00100,000\.00EUR.*83 %1–warnkept/);
    await page.evaluate(() => (document.querySelector(".limits").dataset.same = "page"));
    house.sell("L-1", 1_500);
    await says(line, /650,000\.00−50,000\.00.*108 %2–warnbreached since record \d+/);
    await says(page.locator(".limits .note"), "1, 1 breached");
    await house.kill();
    await page.waitForSelector('.limits[data-connection="reconnecting"]', SOON);
    await says(page.locator(".limits .missing.bad"), /./);
    await says(line, /650,000\.00/);
    await house.start();
    house.submit("olga.ops", limit("700000.00"));
    await page.waitForSelector('.limits[data-connection="live"]', SOON);
    await says(line, /700,000\.00650,000\.0050,000\.00EUR.*92 %2–warnkept/);
    assert.equal(await page.locator(".limits .missing.bad").count(), 0);
    assert.equal(await page.locator('.limits[data-same="page"]').count(), 1, "the page was never loaded again");
  }));

test("margin: an operator calls what is missing and says that it is met; who only looks has no buttons", async () => {
  house.submit(
    "olga.ops",
    { setReference: { party: { id: "FUND", roles: ["ROLE_CLIENT"] } } },
    { setReference: { book: { id: "FUND-M", owner: "ALPHA" } } },
    { setReference: { marginAccount: { id: "M-1", client: "FUND", book: "FUND-M", currency: "EUR", jurisdiction: "US", domain: "QCSD", callDays: 3, validFrom: 20200101 } } },
  );
  // 10,000.00 on the day of the last close, at which they are worth 9,000.00; nothing was paid in.
  house.submit("FO-A", house.trade("FO-A", "M-1", "ALPHA", "BETA", "SIDE_BUY", 100, { book: "FUND-M", tradeDate: 20261121, intendedSettlementDate: 20261125 }));
  await as("olga.ops", async (page) => {
    await page.goto(`http://${house.console}/#/margin`);
    const calls = page.locator('[aria-label="Margin calls"]');
    await says(page.locator('[aria-label="Margin accounts"] tr[data-row="M-1"]'), /FUND9,000\.00.*−10,000\.00−1,000\.00.*2,250\.003,250\.00/);
    const issue = async (name) => {
      await page.getByRole("button", { name }).click();
      await page.getByLabel("Reason").fill("daily run");
      await page.keyboard.press("Enter");
    };
    await issue("Maintenance calls…");
    await says(calls.locator('tr[data-row="1"]'), /maintenanceM-1FUND2026-11-213,250\.003,250\.00.*open/);
    // Half of the purchase, of which the other call asks for the most already.
    await issue("Initial calls…");
    await says(calls.locator('tr[data-row="2"]'), /initialM-1FUND2026-11-211,750\.00.*2026-11-24open/);
    await calls.locator('tr[data-row="1"]').getByRole("button", { name: "Met…" }).click();
    await page.getByLabel("Reason").fill("wired to the custodian, value today");
    await page.keyboard.press("Enter");
    await calls.locator('tr[data-row="1"]').waitFor({ state: "detached", ...SOON });
  });
  // A CCP without terms on record: named, and no figure.
  house.submit("olga.ops", { setReference: { party: { id: "BETA", roles: ["ROLE_LEGAL_ENTITY", "ROLE_COUNTERPARTY", "ROLE_CCP"] } } });
  await as("rita.risk", async (page) => {
    await page.goto(`http://${house.console}/#/margin`);
    await says(page.locator('[aria-label="Margin forecast"] tr[data-row="ALPHA/BETA/ALPHA-DEPOT/EUR/"]'), /ALPHA-DEPOTBETAall.*NO_TERMS BETA/);
    await says(page.locator('[aria-label="Margin calls"] tr[data-row="2"]'), /initial/);
    // A new close, and the call is answered elsewhere: seen without a touch.
    house.submit("olga.ops", close(20261122, "QUOTES", "95.00"), { answerMarginCall: { number: "2", answer: "MARGIN_ANSWER_WITHDRAWN" } });
    await says(page.locator('[aria-label="Margin accounts"] tr[data-row="M-1"]'), /FUND9,500\.00/);
    await says(page.locator('section[aria-label="Client margin accounts"] .note'), /at CLOSE of 2026-11-22 from QUOTES/);
    await says(page.locator('section[aria-label="Open calls"]'), /No call is open/);
    assert.equal(await page.getByRole("button", { name: /Met…|Withdraw…|calls…/ }).count(), 0);
  });
});
