// A house worth looking at: five members, seven shares in two currencies, three settlement days, and what goes wrong in them.
// Invented from a fixed seed; the pictures in docs/console are taken of it.
import { setTimeout as sleep } from "node:timers/promises";

const MEMBERS = ["MERIDIAN", "CALEDON", "NORTHGATE", "HALVORSEN", "LOMBARDA"];
const SHARES = [
  ["SAP", "DE0007164600", "EUR", 24150], ["SIEMENS", "DE0007236101", "EUR", 23039], ["ALLIANZ", "DE0008404005", "EUR", 36620],
  ["AIRBUS", "NL0000235190", "EUR", 20451], ["BMW", "DE0005190003", "EUR", 8824], ["APPLE", "US0378331005", "USD", 27133], ["MICROSOFT", "US5949181045", "USD", 50204],
];
const DAYS = [20261119, 20261120, 20261123];
const LATER = [20261124, 20261125, 20261126, 20261127, 20261130];

/** Two clients of MERIDIAN, with what they paid in, and what they bought and sold short on the last day. */
const CLIENTS = [["ORION-FUND", "ORION-1", 900_000, [["SIDE_BUY", "ALLIANZ", 4_000]]], ["TAVARES-CAPITAL", "TAVARES-1", 420_000, [["SIDE_BUY", "SAP", 3_600], ["SIDE_SELL", "BMW", 2_500]]]];
/** A CCP whose terms are on record; MERIDIAN clears there. */
const TERMS = { ccp: "LOMBARDA", jurisdiction: "EU", validFrom: 20260101, source: "rule book of the house, section 4", gapThreshold: "0.30", gapRate: "0.10", failsRate: "0.05", leastHaircut: "0.02", confidence: "0.99", scenarios: 250, horizon: 3 };
/** What members may have open with each other; the last one too little. */
const LIMITS = [["MERIDIAN", "CALEDON", "6000000.00"], ["MERIDIAN", "NORTHGATE", "9000000.00"], ["MERIDIAN", "HALVORSEN", "2500000.00"], ["CALEDON", "MERIDIAN", "8000000.00"], ["NORTHGATE", "LOMBARDA", "400000.00"]];

const REFERENCE = [
  { calendar: { id: "TARGET", firstDay: 20200101, lastDay: 20301231, weekend: 96 } },
  ...["EUR", "USD"].flatMap((code) => [
    { currency: { code, calendar: "TARGET" } },
    { tolerance: { currency: code, validFrom: 20200101, recompute: "0.01", bands: [{ upTo: "100000.00", tolerance: "2.00" }, { tolerance: "25.00" }] } },
  ]),
  { domain: { id: "QCSD", kind: "DOMAIN_KIND_INTERNAL", calendar: "TARGET", zone: "Europe/Paris", cutOffs: [{ currency: "EUR", minuteOfDay: 960 }, { currency: "USD", minuteOfDay: 990 }, { minuteOfDay: 1080 }] } },
  { domain: { id: "CUSTODY", kind: "DOMAIN_KIND_EXTERNAL", calendar: "TARGET", zone: "Europe/Brussels", cutOffs: [{ currency: "EUR", minuteOfDay: 900 }, { minuteOfDay: 1020 }] } },
  { cycle: { market: "XETR", validFrom: 20200101, days: 2 } },
  ...SHARES.map(([id, isin, currency]) => ({ instrument: { id, isins: [{ validFrom: 20140101, isin }], cfi: "ESVUFR", currency, quantityType: "QUANTITY_TYPE_UNIT", minimumUnit: "1", multiple: "1", market: "XETR" } })),
  { party: { id: "CUSTODIAN", roles: ["ROLE_AGENT"] } },
  ...MEMBERS.flatMap((party) => [
    { party: { id: party, roles: ["ROLE_LEGAL_ENTITY", "ROLE_COUNTERPARTY"] } },
    { book: { id: `${party}-EQ`, owner: party } },
    { account: { id: `${party}-DEPOT`, kind: "ACCOUNT_KIND_DEPOT", holder: party, domain: "QCSD", capacity: "ACCOUNT_CAPACITY_OWN" } },
    { account: { id: `${party}-CASH`, kind: "ACCOUNT_KIND_NOSTRO", holder: party, domain: "QCSD", capacity: "ACCOUNT_CAPACITY_OWN" } },
    { ssi: { id: `${party}-SSI`, party, validFrom: 20200101, depot: `${party}-DEPOT`, nostro: `${party}-CASH` } },
    { creditLimit: { account: `${party}-CASH`, currency: "EUR", validFrom: 20200101, amount: "400000.00" } },
  ]),
  { account: { id: "MERIDIAN-CUST-DEPOT", kind: "ACCOUNT_KIND_DEPOT", holder: "MERIDIAN", domain: "CUSTODY", capacity: "ACCOUNT_CAPACITY_OWN" } },
  { account: { id: "MERIDIAN-CUST-CASH", kind: "ACCOUNT_KIND_NOSTRO", holder: "MERIDIAN", domain: "CUSTODY", capacity: "ACCOUNT_CAPACITY_OWN" } },
].map((setReference) => ({ setReference }));

/** The same figures each time. */
function* figures(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
const chance = figures(20261123);
const upTo = (most) => Math.floor(chance.next().value * most);
const money = (cents) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;

/** A deal of two members: both sides as their front offices send them, and what goes wrong with it. */
function deal(number, settles, traded) {
  const buyer = MEMBERS[upTo(MEMBERS.length)];
  const seller = MEMBERS.filter((each) => each !== buyer)[upTo(MEMBERS.length - 1)];
  const [share, , currency, price] = SHARES[upTo(SHARES.length)];
  const quantity = 25 * (1 + upTo(60));
  const luck = chance.next().value;
  const side = (party, counterparty, way) => {
    // One in twenty says another price than the other side.
    const said = luck < 0.05 && way === "SIDE_SELL" ? price + 90 : price;
    const net = quantity * said;
    const details = {
      party, counterparty, book: `${party}-EQ`, side: way, instrument: luck > 0.985 && way === "SIDE_BUY" ? "SAP-NEW" : share, quantity: `${quantity}`, price: money(said),
      tradeDate: traded, intendedSettlementDate: settles, currency, gross: money(net), net: money(net), domain: "QCSD", hold: luck > 0.9 && luck < 0.93 && way === "SIDE_SELL",
      quantityType: "QUANTITY_TYPE_UNIT", priceType: "PRICE_TYPE_AMOUNT", method: "METHOD_DVP",
    };
    return { trade: { source: `FO-${party}`, id: `${party.slice(0, 3)}-${String(number).padStart(4, "0")}`, version: 1, action: "ACTION_NEW", details } };
  };
  const bought = side(buyer, seller, "SIDE_BUY");
  return luck > 0.05 && luck < 0.1 ? [bought] : [bought, side(seller, buyer, "SIDE_SELL")];
}

/** YYYYMMDD, so many days before another. */
const before = (date, days) => Number(new Date(Date.UTC(Math.floor(date / 10_000), (Math.floor(date / 100) % 100) - 1, (date % 100) - days)).toISOString().slice(0, 10).replaceAll("-", ""));

/** Closes of all shares: the prices of the week, and before them a history that says that it is made. */
function* closes() {
  const prices = SHARES.map(([, , , price]) => price);
  const set = (date, source, of) => ({ setReference: { priceSet: { date, snap: "CLOSE", source, version: 1, prices: [
    { currency: "EUR", baseCurrency: "USD", value: "0.86" },
    ...SHARES.map(([instrument, , currency], at) => ({ instrument, currency, value: money(of[at]) })),
  ] } } });
  for (const [date, part] of [[20261123, 1.004], [20261120, 1], [20261119, 0.991]]) yield set(date, "QUOTES", prices.map((price) => Math.round(price * part)));
  for (let days = 1; days <= 510; days++) {
    prices.forEach((price, at) => (prices[at] = Math.round(price * (1 + (chance.next().value - 0.502) * 0.045))));
    yield set(before(20261119, days), "SYNTHETIC", prices);
  }
}

/** Limits, clients on margin and a CCP's terms, once the last day is open; what of it has to be called is called. */
function atRisk() {
  const reference = (content) => ({ setReference: content });
  const trade = ([side, instrument, quantity], client, number) => {
    const price = SHARES.find(([id]) => id === instrument)[3];
    const net = money(quantity * price);
    return { trade: { source: "FO-MERIDIAN", id: `MARGIN-${number}`, version: 1, action: "ACTION_NEW", details: {
      party: "MERIDIAN", counterparty: "CALEDON", book: `${client}-M`, side, instrument, quantity: `${quantity}`, price: money(price), tradeDate: 20261123, intendedSettlementDate: 20261125,
      currency: "EUR", gross: net, net, domain: "QCSD", quantityType: "QUANTITY_TYPE_UNIT", priceType: "PRICE_TYPE_AMOUNT", method: "METHOD_DVP",
    } } };
  };
  const calls = { set: { date: 20261123, snap: "CLOSE", source: "QUOTES" } };
  return [
    ...closes(),
    reference({ party: { id: "LOMBARDA", roles: ["ROLE_LEGAL_ENTITY", "ROLE_COUNTERPARTY", "ROLE_CCP"] } }),
    reference({ clearingTerms: TERMS }),
    ...LIMITS.map(([entity, counterparty, amount]) => reference({ counterpartyLimit: { entity, counterparty, kind: "LIMIT_KIND_PRE_SETTLEMENT", currency: "EUR", validFrom: 20261101, amount, onBreach: "ON_BREACH_WARN" } })),
    ...CLIENTS.flatMap(([client, account, cash, deals], at) => [
      reference({ party: { id: client, roles: ["ROLE_CLIENT"] } }),
      reference({ book: { id: `${client}-M`, owner: "MERIDIAN" } }),
      reference({ marginAccount: { id: account, client, book: `${client}-M`, currency: "EUR", jurisdiction: "US", domain: "QCSD", callDays: 3, validFrom: 20261101 } }),
      { open: { account: "MERIDIAN-CASH", book: `${client}-M`, currency: "EUR", quantity: money(cash * 100) } },
      ...deals.map((deal, which) => trade(deal, client, at * 10 + which)),
    ]),
    { issueMarginCalls: calls },
    { issueInitialCalls: calls },
  ];
}

export async function furnish(house) {
  house.reason = "the house's week";
  const day = (verb, ...more) => house.run("day", verb, ...more, "--actor", "olga.ops", "--reason", "the day", ...house.at());
  const send = (commands) => house.submit("ines.data", ...commands);
  send(REFERENCE);
  send(MEMBERS.flatMap((party, at) => [
    ...SHARES.map(([instrument], which) => ({ open: { account: `${party}-DEPOT`, book: `${party}-EQ`, instrument, quantity: `${500 + ((at * 7 + which * 3) % 5) * 900}`, cost: { currency: "EUR", amount: "100000.00" } } })),
    { open: { account: `${party}-CASH`, book: `${party}-EQ`, currency: "EUR", quantity: money(90_000_000 + at * 55_123_450) } },
    { open: { account: `${party}-CASH`, book: `${party}-EQ`, currency: "USD", quantity: money(150_000_000 + at * 20_000_075) } },
  ]));
  send([{ open: { account: "MERIDIAN-CUST-CASH", book: "MERIDIAN-EQ", currency: "EUR", quantity: "2000000.00" } }]);
  let number = 1;
  const trades = (count, dates, traded) => Array.from({ length: count }, () => deal(number++, dates[upTo(dates.length)], traded)).flat();
  for (const [at, date] of DAYS.entries()) {
    day("open", "QCSD", `${date}`);
    send(trades(70, [date, date, date, ...(DAYS.slice(at + 1)), ...LATER], 20261117 + at));
    if (at < DAYS.length - 1) await close(day, date);
  }
  send(atRisk());
  day("open", "CUSTODY", `${DAYS.at(-1)}`);
  send([
    { advice: { sender: "CUSTODIAN", id: "CAMT-0001", cashEntry: { account: "MERIDIAN-CUST-CASH", currency: "EUR", amount: "12480.37", valueDate: 20261123, code: "PMNT/RCDT", narrative: "dividend ALLIANZ?" } } },
    { advice: { sender: "CUSTODIAN", id: "CAMT-0002", cashBalances: { account: "MERIDIAN-CUST-CASH", date: 20261120, lines: [{ currency: "EUR", amount: "2012479.87" }] } } },
    { advice: { sender: "CUSTODIAN", id: "SEMT-0001", securitiesBalances: { account: "MERIDIAN-CUST-DEPOT", date: 20261120, complete: true, lines: [{ instrument: "SAP", quantity: "40" }] } } },
    { controlTotals: { source: "FO-MERIDIAN", tradeDate: 20261119, currency: "EUR", totals: { count: 20, bought: "9000", sold: "9000", paid: "2000000.00", received: "2000000.00" } } },
    { setReference: { parameters: { fourEyes: ["FOUR_EYES_TRANSFER", "FOUR_EYES_CREDIT_LIMIT"], proposalMinutes: 1440, attemptsPerStep: 64, examinedPerStep: 2048, candidatesCompared: 64 } } },
    { transfer: { from: "MERIDIAN-CUST-CASH", book: "MERIDIAN-EQ", currency: "EUR", quantity: "750000.00" } },
    { setReference: { creditLimit: { account: "CALEDON-CASH", currency: "EUR", validFrom: 20261123, amount: "900000.00" } } },
  ]);
}

/** A day that still works is asked again. */
async function close(day, date) {
  for (let attempt = 0; ; attempt++) {
    try {
      return day("close", "QCSD", `${date}`);
    } catch (error) {
      if (attempt === 20 || !/WORK_UNFINISHED|has not finished/.test(error.message)) throw error;
      await sleep(100);
    }
  }
}
