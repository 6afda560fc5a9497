// A house of the test's own: the real program on a directory of its own, with two members, people with roles, and an open day.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PROGRAM = process.env.QUITTANCE ?? "../../../target/debug/quittance";
/** Monday; the calendar of the house knows no weekend, so that it may be opened on any day. */
export const TODAY = 20261123;

const REFERENCE = [
  { calendar: { id: "TARGET", firstDay: 20200101, lastDay: 20301231, weekend: 0 } },
  { currency: { code: "EUR", calendar: "TARGET" } },
  { tolerance: { currency: "EUR", validFrom: 20200101, recompute: "0.01", bands: [{ upTo: "100000.00", tolerance: "2.00" }, { tolerance: "25.00" }] } },
  { domain: { id: "QCSD", kind: "DOMAIN_KIND_INTERNAL", calendar: "TARGET", zone: "Europe/Paris", cutOffs: [{ currency: "EUR", minuteOfDay: 1020 }, { minuteOfDay: 1080 }] } },
  { cycle: { market: "XETR", validFrom: 20200101, days: 2 } },
  { instrument: { id: "SAP", isins: [{ validFrom: 20141006, isin: "DE0007164600" }], cfi: "ESVUFR", currency: "EUR", quantityType: "QUANTITY_TYPE_UNIT", minimumUnit: "1", multiple: "1", market: "XETR" } },
  ...["ALPHA", "BETA"].flatMap((party) => [
    { party: { id: party, roles: ["ROLE_LEGAL_ENTITY", "ROLE_COUNTERPARTY"] } },
    { book: { id: `${party}-EQ`, owner: party } },
    { account: { id: `${party}-DEPOT`, kind: "ACCOUNT_KIND_DEPOT", holder: party, domain: "QCSD", capacity: "ACCOUNT_CAPACITY_OWN" } },
    { account: { id: `${party}-CASH`, kind: "ACCOUNT_KIND_NOSTRO", holder: party, domain: "QCSD", capacity: "ACCOUNT_CAPACITY_OWN" } },
    { ssi: { id: `${party}-SSI`, party, validFrom: 20200101, depot: `${party}-DEPOT`, nostro: `${party}-CASH` } },
  ]),
  { domain: { id: "CUSTODY", kind: "DOMAIN_KIND_EXTERNAL", calendar: "TARGET", zone: "Europe/Paris", cutOffs: [{ currency: "EUR", minuteOfDay: 1020 }] } },
  { account: { id: "ALPHA-CUST", kind: "ACCOUNT_KIND_NOSTRO", holder: "ALPHA", domain: "CUSTODY", capacity: "ACCOUNT_CAPACITY_OWN" } },
].map((setReference) => ({ setReference }));

const OPENINGS = ["ALPHA", "BETA"].flatMap((party) => [
  { open: { account: `${party}-DEPOT`, book: `${party}-EQ`, instrument: "SAP", quantity: "1000", cost: { currency: "EUR", amount: "100000.00" } } },
  { open: { account: `${party}-CASH`, book: `${party}-EQ`, currency: "EUR", quantity: "1000000.00" } },
]);

const grant = (actor, role, kind = "PERSON") => ({
  setReference: { grant: { actor, kind: `ACTOR_KIND_${kind}`, validFrom: 20200101, roles: [`ACCESS_ROLE_${role}`] } },
});

/** What waits for a second person here. */
const FOUR_EYES = { setReference: { parameters: { fourEyes: ["FOUR_EYES_TRANSFER"], proposalMinutes: 1440, attemptsPerStep: 64, examinedPerStep: 2048, candidatesCompared: 64 } } };

export class House {
  /** A house that knows nothing yet. */
  static async empty(name) {
    const house = new House();
    house.dir = mkdtempSync(join(tmpdir(), "quittance-console-"));
    house.run("init", "--data", join(house.dir, "data"), "--house", name);
    await house.start("127.0.0.1:0", "127.0.0.1:0");
    return house;
  }

  /** Two members, people with roles, an open day. */
  static async open() {
    const house = await House.empty("TESTBANK");
    house.submit("ines.data", ...REFERENCE, ...OPENINGS, FOUR_EYES);
    for (const domain of ["QCSD", "CUSTODY"]) house.run("day", "open", domain, `${TODAY}`, "--actor", "ines.data", "--reason", "test", ...house.at());
    const people = [["root", "ADMINISTRATOR"], ["olga.ops", "OPERATOR"], ["omar.control", "APPROVER"], ["audra.audit", "AUDITOR"], ["rita.risk", "RISK_VIEWER"]];
    house.submit("root", ...people.map(([actor, role]) => grant(actor, role)), grant("FO-A", "PUBLISHER", "SYSTEM"), grant("FO-B", "PUBLISHER", "SYSTEM"));
    return house;
  }

  /** Starts the service, on the same addresses when it ran before. */
  async start(grpc = this.grpc, console = this.console) {
    const flags = ["serve", "--data", join(this.dir, "data"), "--insecure-plaintext", "--listen", grpc, "--console", console, "--metrics", ""];
    this.process = spawn(PROGRAM, [...flags, "--set", "engine.timer=false", "--set", "grpc.heartbeat_seconds=1"], { env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "ignore", "pipe"] });
    this.ended = new Promise((done) => this.process.once("exit", done));
    const lines = createInterface({ input: this.process.stderr });
    const said = [];
    await new Promise((done, fail) => {
      lines.on("line", (line) => {
        said.push(line);
        const found = /grpc=(\S+) console=(\S+)/.exec(line);
        if (found) [this.grpc, this.console] = [found[1], found[2]], done();
      });
      this.process.once("exit", () => fail(new Error(`the service did not start:\n${said.join("\n")}`)));
    });
  }

  /** Ends the service as a crash would. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async close() {
    this.process.kill("SIGTERM");
    await this.ended;
    rmSync(this.dir, { recursive: true, force: true });
  }

  at() {
    return ["--server", this.grpc];
  }

  /** The program on a terminal: what it prints. */
  run(...words) {
    const done = spawnSync(PROGRAM, words, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1", QUITTANCE_ACTOR: "olga.ops" } });
    if (done.status !== 0) throw new Error(`quittance ${words.join(" ")}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  json(...words) {
    return JSON.parse(this.run(...words, "-o", "json", ...this.at()));
  }

  submit(actor, ...commands) {
    const file = join(this.dir, "commands.ndjson");
    writeFileSync(file, commands.map((command) => JSON.stringify({ actor, reason: this.reason ?? "test", command })).join("\n"));
    this.run("submit", file, "--fresh", ...this.at());
  }

  /** ALPHA buys from BETA at 100.00 for today; BETA says the same. */
  buy(id, quantity) {
    this.submit("FO-A", this.trade("FO-A", id, "ALPHA", "BETA", "SIDE_BUY", quantity));
  }

  sell(id, quantity, more = {}) {
    this.submit("FO-B", this.trade("FO-B", id, "BETA", "ALPHA", "SIDE_SELL", quantity, more));
  }

  trade(source, id, party, counterparty, side, quantity, more = {}) {
    const details = {
      party, counterparty, book: `${party}-EQ`, side, instrument: "SAP", quantity: `${quantity}`, price: "100.00", tradeDate: 20261119,
      intendedSettlementDate: TODAY, currency: "EUR", gross: `${quantity * 100}.00`, net: `${quantity * 100}.00`, domain: "QCSD",
      quantityType: "QUANTITY_TYPE_UNIT", priceType: "PRICE_TYPE_AMOUNT", method: "METHOD_DVP", ...more,
    };
    return { trade: { source, id, version: 1, action: "ACTION_NEW", details } };
  }

  /** Instructions as the service lists them. */
  instructions(...words) {
    const listed = this.json("instructions", "list", ...words);
    return Array.isArray(listed) ? listed : (listed.instructions ?? []);
  }
}
