// What the market can do to the books: value at risk with the days behind it, the back-test's light, and concentration.
import { useState } from "preact/hooks";
import { ConcentrationKind, TrafficLight, type BacktestCount, type BacktestRow, type ConcentrationRow, type MarketRiskBasis, type MarketRiskRow, type MarketScenario } from "../gen/quittance/view/v1/market_risk_pb";
import { PATIENCE, risk } from "../service/client";
import { useQuery } from "../service/query";
import { SYNTHETIC } from "../service/risk";
import { Amount, Badge, Fact, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, text } from "../values/decimal";
import type { Tone } from "../values/status";
import { date } from "../values/time";
import { WorstChart } from "./worst-chart";

/** A history of hundreds of closes is read for an answer: not twice a second. */
const PACE = 5_000;
/** Worst scenarios drawn. */
const WORST = 20;

const LIGHTS: Record<number, [string, Tone]> = {
  [TrafficLight.GREEN]: ["green", "good"],
  [TrafficLight.YELLOW]: ["yellow", "waiting"],
  [TrafficLight.RED]: ["red", "bad"],
};

function Light({ of }: { of: BacktestCount | undefined }) {
  const [name, tone] = LIGHTS[of?.light ?? 0] ?? ["", "quiet"];
  return name ? <Badge tone={tone}>{name}</Badge> : <span class="absent">–</span>;
}

const BOOKS: Column<MarketRiskRow>[] = [
  { id: "book", head: "Book", by: (row) => row.book, cell: (row) => <b>{row.book}</b> },
  { id: "value", head: "Market value", figure: true, by: (row) => row.marketValue?.unscaled ?? 0n, cell: (row) => <Amount of={row.marketValue} /> },
  { id: "risk", head: "VaR", figure: true, by: (row) => row.valueAtRisk?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.valueAtRisk} /></b> },
  { id: "shortfall", head: "ES", figure: true, by: (row) => row.expectedShortfall?.unscaled ?? 0n, cell: (row) => <Amount of={row.expectedShortfall} /> },
  { id: "worst", head: "Worst day", figure: true, cell: (row) => <Amount of={row.worst[0]?.result} /> },
  { id: "on", head: "On", by: (row) => row.worst[0]?.to ?? 0, cell: (row) => date(row.worst[0]?.to) },
  { id: "positions", head: "Positions", figure: true, by: (row) => row.positions, cell: (row) => count(row.positions) },
  { id: "excepted", head: "Left out", figure: true, by: (row) => row.excepted, cell: (row) => (row.excepted ? <span class="alert">{count(row.excepted)}</span> : <span class="absent">–</span>) },
];

const SCENARIOS: Column<MarketScenario>[] = [
  { id: "to", head: "Day", by: (row) => row.to, cell: (row) => <span title={`from the close of ${date(row.from)}`}>{date(row.to)}</span> },
  { id: "result", head: "Result", figure: true, by: (row) => row.result?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.result} /></b> },
  { id: "drivers", head: "Moved most by", cell: (row) => row.drivers.map((each) => <span key={each.instrument} class="defect"><b>{each.instrument}</b> {text(each.result)} </span>) },
];

const TESTS: Column<BacktestRow>[] = [
  { id: "book", head: "Book", by: (row) => row.book, cell: (row) => <b>{row.book || "all together"}</b> },
  { id: "days", head: "Days", figure: true, cell: (row) => count(row.hypothetical?.days ?? 0) },
  { id: "exceptions", head: "Exceptions", figure: true, by: (row) => row.hypothetical?.exceptions ?? 0, cell: (row) => count(row.hypothetical?.exceptions ?? 0) },
  { id: "light", head: "Light", by: (row) => row.hypothetical?.light ?? 0, cell: (row) => <Light of={row.hypothetical} /> },
  { id: "closed", head: "Closed days", figure: true, title: "days whose books were closed: what was earned, without fees", cell: (row) => count(row.actual?.days ?? 0) },
  { id: "actual", head: "Exceptions", figure: true, cell: (row) => (row.actual?.days ? count(row.actual.exceptions) : <span class="absent">–</span>) },
];

const SHARES: Column<ConcentrationRow>[] = [
  { id: "name", head: "Name", by: (row) => row.name, cell: (row) => <b>{row.name || "(issuer not named)"}</b> },
  { id: "long", head: "Long", figure: true, cell: (row) => <Amount of={row.long} /> },
  { id: "short", head: "Short", figure: true, cell: (row) => <Amount of={row.short} /> },
  { id: "gross", head: "Gross", figure: true, by: (row) => row.gross?.unscaled ?? 0n, cell: (row) => <Amount of={row.gross} /> },
  { id: "percent", head: "Share", figure: true, cell: (row) => <b>{text(row.percent)} %</b> },
];

const KINDS: [ConcentrationKind, string][] = [
  [ConcentrationKind.INSTRUMENT, "Instruments"],
  [ConcentrationKind.ISSUER, "Issuers"],
  [ConcentrationKind.CURRENCY, "Currencies"],
];

export function Market() {
  const [currency, setCurrency] = useState("EUR");
  const [made, setMade] = useState(false);
  const [kind, setKind] = useState(ConcentrationKind.ISSUER);
  const shares = useQuery(`concentration ${currency}`, async () => (await risk.getConcentration({ question: { currency } }, PATIENCE)).concentration, PACE);
  // The closes that were observed; a made history is added only when it is asked for.
  const observed = (shares.value?.basis?.sets ?? []).map(({ snap, source }) => ({ snap, source }));
  const sets = made ? [...observed, ...observed.slice(0, 1).map(({ snap }) => ({ snap, source: SYNTHETIC }))] : [];
  const named = `${currency} ${JSON.stringify(sets)}`;
  const risks = useQuery(`risk ${named}`, async () => (await risk.estimateMarketRisk({ question: { currency, sets, worst: WORST } }, PATIENCE)).risk, PACE);
  const tests = useQuery(`backtest ${named}`, async () => (await risk.backtestMarketRisk({ question: { currency, sets } }, PATIENCE)).backtest, PACE);
  const found = risks.value;
  const all = found?.total;
  const index = shares.value?.indices.find((each) => each.kind === kind);
  const rows = (shares.value?.rows ?? []).filter((row) => row.kind === kind);
  return (
    <div class="market">
      <h1 class="sr">Market risk</h1>
      <Panel
        title="Value at risk of all books"
        note={found?.basis && `of ${count(found.basis.scenarios)} days, at the close of ${date(found.basis.date)}`}
        actions={
          <>
            <label class="inline">in <select value={currency} onChange={(event) => setCurrency(event.currentTarget.value)} aria-label="Currency">{["EUR", "USD", "GBP", "CHF"].map((code) => <option key={code} value={code}>{code}</option>)}</select></label>
            <button type="button" aria-pressed={made} onClick={() => setMade(!made)} title="closes that were made and not observed, before those that were">Synthetic history</button>
          </>
        }
      >
        <Missing of={risks} />
        {found && all && (
          <>
            <Notice basis={found.basis} />
            <div class="halves">
              <div>
                <dl class="facts across">
                  <Fact name="VaR 99 %"><b><Amount of={all.valueAtRisk} /></b></Fact>
                  <Fact name="ES 97.5 %"><b><Amount of={all.expectedShortfall} /></b></Fact>
                  <Fact name="Market value"><b><Amount of={all.marketValue} /></b></Fact>
                  <Fact name="Left out"><b class={all.excepted ? "alert" : ""}>{count(all.excepted)}</b></Fact>
                </dl>
                <WorstChart row={all} currency={currency} />
              </div>
              <Table label="Worst days of all books" rows={all.worst} columns={SCENARIOS} rowKey={(row) => row.to.toString()} visible={10} nothing="No scenario." />
            </div>
            <Basis basis={found.basis} />
          </>
        )}
      </Panel>
      <div class="columns wide-left">
        <Panel title="By book" note={found && count(found.rows.length)}>
          {found && <Table label="Value at risk by book" rows={found.rows} columns={BOOKS} rowKey={(row) => row.book} sort={{ id: "risk", desc: true }} visible={14} nothing="The books hold nothing." />}
        </Panel>
        <Panel title="Back-test" note={tests.value?.total?.hypothetical && <>all together <Light of={tests.value.total.hypothetical} /></>}>
          <Missing of={tests} />
          {tests.value && <Table label="Back-test by book" rows={[...(tests.value.total ? [tests.value.total] : []), ...tests.value.rows]} columns={TESTS} rowKey={(row) => row.book || "*"} visible={14} nothing="The books hold nothing." />}
        </Panel>
      </div>
      <Panel
        title="Concentration"
        note={index && `${count(index.names)} names, five largest ${text(index.fivePercent)} %, Herfindahl ${text(index.points)} points`}
        actions={KINDS.map(([each, name]) => <button key={each} type="button" aria-pressed={kind === each} onClick={() => setKind(each)}>{name}</button>)}
      >
        <Missing of={shares} />
        {shares.value && <Table label="Concentration" rows={rows} columns={SHARES} rowKey={(row) => row.name || "*"} sort={{ id: "gross", desc: true }} visible={10} nothing="The books hold nothing that has a price." />}
      </Panel>
    </div>
  );
}

/** Made prices are never shown without saying so. */
function Notice({ basis }: { basis: MarketRiskBasis | undefined }) {
  if (!basis?.syntheticCloses) return null;
  return <p class="missing bad" role="note"><b>Synthetic:</b> {count(basis.syntheticCloses)} closes were made and not observed. The figures are a demonstration.</p>;
}

function Basis({ basis }: { basis: MarketRiskBasis | undefined }) {
  if (!basis) return null;
  const sets = basis.sets.map((set) => `${set.snap} ${set.source} v${set.version}`).join(", ");
  const history = basis.history.map((each) => `${each.snap} ${each.source}, ${count(each.closes)} closes from ${date(each.first)} to ${date(each.last)}${each.synthetic ? " (synthetic)" : ""}`).join("; ");
  return (
    <>
      <p class="aside">Positions of record {count(basis.sequence)} by trade date, business date {date(basis.businessDate)}, at {sets}. History: {history}.</p>
      {basis.exceptions.length > 0 && (
        <p class="aside">
          {basis.exceptions.map((each) => (
            <span key={`${each.code} ${each.subject}`} class="defect"><b>{words(each.code)}</b> {each.subject}{each.closes > 0n && `, ${count(each.closes)} closes lack it, first ${date(each.first)}`} </span>
          ))}
        </p>
      )}
    </>
  );
}
