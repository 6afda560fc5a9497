// Limits and margin as they change, while a page shows them.
import type { LimitStanding, LimitUpdate } from "../gen/quittance/view/v1/limit_pb";
import type { MarginBasis, MarginCall, MarginForecast, MarginRows, MarginStanding, MarginUpdate } from "../gen/quittance/view/v1/margin_pb";
import { risk } from "./client";
import { useFollowed, type Fold } from "./following";

/** The source of prices that were made and not observed. */
export const SYNTHETIC = "SYNTHETIC";

/** Of a line or of its key. */
export const lineKey = (of: { entity: string; counterparty: string; kind: number; valueDate: number }) => `${of.entity}/${of.counterparty}/${of.kind}/${of.valueDate}`;

function limits(): Fold<LimitUpdate, LimitStanding[]> {
  const rows = new Map<string, LimitStanding>();
  return {
    forget: () => rows.clear(),
    take: ({ kind }) => {
      if (kind.case !== "snapshot" && kind.case !== "changes") return;
      kind.value.limits.forEach((row) => rows.set(lineKey(row), row));
      if (kind.case === "changes") kind.value.left.forEach((key) => rows.delete(lineKey(key)));
    },
    value: () => [...rows.values()],
  };
}

export const useLimits = () => useFollowed("", (resumeToken, options) => risk.watchLimits({ resumeToken }, options), limits);

export interface MarginNow {
  basis?: MarginBasis;
  accounts: MarginStanding[];
  calls: MarginCall[];
  forecasts: MarginForecast[];
}

/** Of a forecast or of its key. */
export const forecastKey = (of: { entity: string; ccp: string; account: string; currency: string }) => `${of.entity}/${of.ccp}/${of.account}/${of.currency}`;

function margin(): Fold<MarginUpdate, MarginNow> {
  let basis: MarginBasis | undefined;
  const accounts = new Map<string, MarginStanding>();
  const calls = new Map<bigint, MarginCall>();
  const forecasts = new Map<string, MarginForecast>();
  const put = (rows: MarginRows | undefined) => {
    basis = rows?.basis ?? basis;
    rows?.accounts.forEach((row) => accounts.set(row.account, row));
    rows?.calls.forEach((row) => calls.set(row.number, row));
    rows?.forecasts.forEach((row) => forecasts.set(forecastKey(row), row));
  };
  return {
    forget: () => {
      basis = undefined;
      [accounts, calls, forecasts].forEach((rows) => rows.clear());
    },
    take: ({ kind }) => {
      if (kind.case !== "snapshot" && kind.case !== "changes") return;
      put(kind.value.rows);
      if (kind.case !== "changes") return;
      kind.value.accountsLeft.forEach((account) => accounts.delete(account));
      kind.value.callsLeft.forEach((number) => calls.delete(number));
      kind.value.forecastsLeft.forEach((key) => forecasts.delete(forecastKey(key)));
    },
    value: () => ({ basis, accounts: [...accounts.values()], calls: [...calls.values()], forecasts: [...forecasts.values()] }),
  };
}

/** Forecasts take their moves from the first of these series that has them; none: from that of the prices. */
export function useMargin(history: { snap: string; source: string }[]) {
  const ask = (resumeToken: string, options: { signal: AbortSignal }) => risk.watchMargin({ resumeToken, filter: { forecast: { history } } }, options);
  return useFollowed(JSON.stringify(history), ask, margin);
}
