// Client margin accounts at the last close, what is called and what a person says of a call, and what CCPs will ask of us: live.
import { useState } from "preact/hooks";
import { MarginAnswer, MarginCallKind } from "../gen/quittance/record/v1/margin_pb";
import type { PriceSetName } from "../gen/quittance/view/v1/exposure_pb";
import type { ForecastPosition, MarginCall, MarginForecast, MarginStanding } from "../gen/quittance/view/v1/margin_pb";
import type { HistorySeries } from "../gen/quittance/view/v1/market_risk_pb";
import { asked } from "../service/act";
import { operator } from "../service/client";
import { forecastKey, SYNTHETIC, useMargin } from "../service/risk";
import { may } from "../service/standing";
import { Amount, Badge, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, text } from "../values/decimal";
import { date } from "../values/time";

const ACCOUNTS: Column<MarginStanding>[] = [
  { id: "account", head: "Account", by: (row) => row.account, cell: (row) => <b>{row.account}</b> },
  { id: "client", head: "Client", by: (row) => row.client, cell: (row) => row.client },
  { id: "long", head: "Long", figure: true, cell: (row) => <Amount of={row.long} /> },
  { id: "short", head: "Short", figure: true, cell: (row) => <Amount of={row.short} /> },
  { id: "cash", head: "Cash", figure: true, cell: (row) => <Amount of={row.cash} /> },
  { id: "equity", head: "Equity", figure: true, by: (row) => row.equity?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.equity} /></b> },
  { id: "initial", head: "Initial", figure: true, cell: (row) => <Amount of={row.initial} /> },
  { id: "maintenance", head: "Maintenance", figure: true, cell: (row) => <Amount of={row.maintenance} /> },
  { id: "missing", head: "Missing", figure: true, by: (row) => row.missing?.unscaled ?? 0n, cell: (row) => (row.missing?.unscaled ? <span class="alert"><Amount of={row.missing} /></span> : <span class="absent">–</span>) },
  { id: "called", head: "Called", figure: true, by: (row) => row.called?.unscaled ?? 0n, cell: (row) => <Amount of={row.called} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "lacks", head: "Not assessed for want of", cell: (row) => (row.lacks.length ? <span class="defect">{row.lacks.join(", ")}</span> : <span class="absent">–</span>) },
];

function answer(row: MarginCall, how: MarginAnswer) {
  const met = how === MarginAnswer.MET;
  asked.value = {
    title: `${met ? "Call met" : "Withdraw call"} ${row.number}`,
    verb: met ? "It is met" : "Withdraw it",
    danger: !met,
    about: `${text(row.outstanding)} ${row.currency} of ${row.account} are still to come, due ${date(row.due)}. ${met ? "Say how it was met: our records do not show it." : "It was called in error: nothing more is expected of it."}`,
    send: ({ requestId, reason }) => operator.submitCommand({ command: { kind: { case: "answerMarginCall", value: { number: row.number, answer: how } } }, requestId, reason }),
  };
}

const CALLS: Column<MarginCall>[] = [
  { id: "number", head: "Call", figure: true, by: (row) => row.number, cell: (row) => row.number.toString() },
  { id: "kind", head: "Kind", by: (row) => row.kind, cell: (row) => <b>{words(MarginCallKind[row.kind] ?? "")}</b> },
  { id: "account", head: "Account", by: (row) => row.account, cell: (row) => row.account },
  { id: "client", head: "Client", by: (row) => row.client, cell: (row) => row.client },
  { id: "for", head: "For", by: (row) => row.date, cell: (row) => date(row.date) },
  { id: "amount", head: "Amount", figure: true, by: (row) => row.amount?.unscaled ?? 0n, cell: (row) => <Amount of={row.amount} /> },
  { id: "outstanding", head: "To come", figure: true, by: (row) => row.outstanding?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.outstanding} /></b> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "due", head: "Due", by: (row) => row.due, cell: (row) => date(row.due) },
  { id: "standing", head: "Standing", by: (row) => Number(row.missed), cell: (row) => <Badge tone={row.missed ? "bad" : "waiting"}>{row.missed ? "missed" : "open"}</Badge> },
  { id: "record", head: "Record", figure: true, by: (row) => row.issuedIn, cell: (row) => row.issuedIn.toString() },
  { id: "act", head: "", cell: (row) => may("operator") && (
    <span class="buttons">
      <button type="button" onClick={() => answer(row, MarginAnswer.MET)}>Met…</button>
      <button type="button" onClick={() => answer(row, MarginAnswer.WITHDRAWN)}>Withdraw…</button>
    </span>
  ) },
];

/** Assesses all accounts at the set that stands on the screen. */
function issue(initial: boolean, prices: PriceSetName) {
  const set = { date: prices.date, snap: prices.snap, source: prices.source };
  asked.value = {
    title: initial ? `Initial calls of ${date(prices.date)}` : `Maintenance calls at ${prices.snap} of ${date(prices.date)}`,
    verb: "Assess and call",
    about: initial ? "Half of what was bought and sold short that day, less what the rest of each account has to spare." : "What each account lacks of what must be kept, less what is called already.",
    send: ({ requestId, reason }) =>
      operator.submitCommand({ command: { kind: initial ? { case: "issueInitialCalls", value: { set } } : { case: "issueMarginCalls", value: { set } } }, requestId, reason }),
  };
}

interface Line {
  of: MarginForecast;
  /** Absent: all of the account. */
  position?: ForecastPosition;
}

const charge = (row: Line) => (row.position ? row.position.charge : row.of.total);

const FORECAST: Column<Line>[] = [
  { id: "account", head: "Account", by: (row) => row.of.account, cell: (row) => <b>{row.of.account || "in repair"}</b> },
  { id: "ccp", head: "CCP", by: (row) => row.of.ccp, cell: (row) => row.of.ccp },
  { id: "instrument", head: "Instrument", by: (row) => row.position?.instrument ?? "", cell: (row) => row.position?.instrument ?? <b>all</b> },
  { id: "quantity", head: "Quantity", figure: true, cell: (row) => <Amount of={row.position?.quantity} /> },
  { id: "market", head: "Market", figure: true, cell: (row) => <Amount of={row.position?.market} /> },
  { id: "mark", head: "Mark to market", figure: true, cell: (row) => <Amount of={charge(row)?.markToMarket} /> },
  { id: "haircut", head: "Haircut", figure: true, cell: (row) => <Amount of={row.position?.haircut} /> },
  { id: "volatility", head: "Volatility", figure: true, cell: (row) => <Amount of={charge(row)?.volatility} /> },
  { id: "gap", head: "Gap", figure: true, cell: (row) => <Amount of={charge(row)?.gap} /> },
  { id: "fails", head: "Fails", figure: true, cell: (row) => <Amount of={charge(row)?.fails} /> },
  { id: "requirement", head: "Requirement", figure: true, by: (row) => row.of.requirement?.unscaled ?? 0n, cell: (row) => (row.position ? null : <b><Amount of={row.of.requirement} /></b>) },
  { id: "currency", head: "Ccy", by: (row) => row.of.currency, cell: (row) => row.of.currency },
  { id: "trades", head: "Trades", cell: (row) => row.position ? (
    <span title={row.position.trades.map((trade) => trade.tradeId).join(", ")}>
      {row.position.trades.slice(0, 3).map((trade) => <span key={trade.tradeId}>{trade.instruction ? <a href={`#/instruction/${trade.instruction}`}>{trade.tradeId}</a> : trade.tradeId} </span>)}
      {row.position.trades.length > 3 && <small>+{row.position.trades.length - 3} more</small>}
    </span>
  ) : row.of.lacks.length ? <span class="defect">{row.of.lacks.join(", ")}</span> : null },
];

const series = (history: HistorySeries[]) => history.map((each) => `${count(each.closes)} closes from ${each.source}, ${date(each.first)} to ${date(each.last)}`).join("; ");

/** Adds closes that were made, before those that were observed; only when it is asked for. */
function MadeUp({ prices, history, set }: { prices: PriceSetName; history: unknown[]; set: (history: { snap: string; source: string }[]) => void }) {
  const made = history.length > 0;
  const both = [prices.source, SYNTHETIC].map((source) => ({ snap: prices.snap, source }));
  return <button type="button" aria-pressed={made} onClick={() => set(made ? [] : both)} title="closes that were made and not observed, before those that were">Synthetic history</button>;
}

export function Margin() {
  const [history, setHistory] = useState<{ snap: string; source: string }[]>([]);
  const followed = useMargin(history);
  const { basis, accounts, calls, forecasts } = followed.value ?? { accounts: [], calls: [], forecasts: [] };
  const { prices, forecast } = basis ?? {};
  // Without prices calls are known all the same.
  const assessed = followed.value && basis?.unpriced ? { error: basis.unpriced } : followed;
  const missed = calls.filter((call) => call.missed).length;
  const lines: Line[] = forecasts.flatMap((of) => [{ of }, ...of.positions.map((position) => ({ of, position }))]);
  return (
    <div class="margin" data-connection={followed.connection}>
      <h1 class="sr">Margin</h1>
      <Panel title="Client margin accounts" note={prices && `at ${prices.snap} of ${date(prices.date)} from ${prices.source}, version ${prices.version}`}>
        <Missing of={assessed} />
        {prices && <Table label="Margin accounts" rows={accounts} columns={ACCOUNTS} rowKey={(row) => row.account} sort={{ id: "missing", desc: true }} visible={14} nothing="There is no margin account." />}
        {prices && may("operator") && (
          <p class="aside buttons">
            <button type="button" onClick={() => issue(false, prices)}>Maintenance calls…</button>
            <button type="button" onClick={() => issue(true, prices)}>Initial calls…</button>
          </p>
        )}
      </Panel>
      <Panel title="Open calls" note={followed.value && `${count(calls.length)}${missed ? `, ${count(missed)} missed` : ""}`}>
        <Missing of={followed} />
        {followed.value && <Table label="Margin calls" rows={calls} columns={CALLS} rowKey={(row) => row.number.toString()} sort={{ id: "due", desc: false }} visible={14} nothing="No call is open." />}
      </Panel>
      <Panel title="What CCPs will ask" note={forecast && series(forecast.history)} actions={prices && <MadeUp prices={prices} history={history} set={setHistory} />}>
        <Missing of={assessed} />
        {forecast && forecast.syntheticCloses > 0n && <p class="missing bad" role="note"><b>Synthetic:</b> {count(forecast.syntheticCloses)} closes were made and not observed. The haircuts are a demonstration.</p>}
        {forecast && <Table label="Margin forecast" rows={lines} columns={FORECAST} rowKey={(row) => `${forecastKey(row.of)}/${row.position?.instrument ?? ""}`} visible={18} nothing="No trade with a CCP is open." />}
        {forecast && forecast.exceptions.length > 0 && (
          <p class="aside">
            {forecast.exceptions.map((each) => (
              <span key={`${each.code} ${each.subject}`} class="defect"><b>{words(each.code)}</b> {each.subject}: {count(each.trades)} open trades </span>
            ))}
          </p>
        )}
      </Panel>
    </div>
  );
}
