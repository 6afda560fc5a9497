// Limits on counterparties and issuers: what open trades and holdings use of them, what is left, and which are breached, live.
import { LimitKind, OnBreach } from "../gen/quittance/record/v1/limit_pb";
import type { LimitStanding } from "../gen/quittance/view/v1/limit_pb";
import { lineKey, useLimits } from "../service/risk";
import { Amount, Badge, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { count } from "../values/decimal";
import { date } from "../values/time";

const KINDS: Record<number, [string, string]> = {
  [LimitKind.PRE_SETTLEMENT]: ["pre-settlement", "what replacing open trades could cost"],
  [LimitKind.DELIVERY]: ["delivery", "the principal that is free of payment, by value date"],
  [LimitKind.ISSUER]: ["issuer", "what is owned of its instruments, at the last prices"],
};

/** Percent of the limit, rounded down; what has no limit yet uses none. */
function share(row: LimitStanding): number {
  const [used, limit] = [row.used?.unscaled ?? 0n, row.limit?.unscaled ?? 0n];
  return limit > 0n ? Number((used * 100n) / limit) : used > 0n && row.limit ? 100 : 0;
}

function Share({ row }: { row: LimitStanding }) {
  if (!row.limit) return <span class="absent">no limit yet</span>;
  const part = share(row);
  return (
    <span class={`usage ${row.breachedIn ? "bad" : part >= 80 ? "waiting" : "good"}`}>
      <meter min={0} max={100} value={Math.min(part, 100)} aria-label={`${part} % used`} /> <b>{count(part)} %</b>
    </span>
  );
}

const COLUMNS: Column<LimitStanding>[] = [
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => <b>{row.counterparty}</b>, title: "Of an issuer limit the issuer" },
  { id: "entity", head: "Entity", by: (row) => row.entity, cell: (row) => row.entity },
  { id: "kind", head: "Kind", by: (row) => row.kind, cell: (row) => <span title={KINDS[row.kind]?.[1]}>{KINDS[row.kind]?.[0] ?? "unknown"}</span> },
  { id: "date", head: "Value date", by: (row) => row.valueDate, cell: (row) => (row.valueDate ? date(row.valueDate) : <span class="absent">–</span>) },
  { id: "limit", head: "Limit", figure: true, by: (row) => row.limit?.unscaled ?? 0n, cell: (row) => <Amount of={row.limit} /> },
  { id: "used", head: "Used", figure: true, by: (row) => row.used?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.used} /></b> },
  { id: "left", head: "Left", figure: true, by: (row) => row.headroom?.unscaled ?? 0n, cell: (row) => <Amount of={row.headroom} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "share", head: "Of the limit", by: share, cell: (row) => <Share row={row} /> },
  { id: "trades", head: "Trades", figure: true, by: (row) => row.trades, cell: (row) => count(row.trades), title: "Open trades that reserve; of an issuer instruments that are owned" },
  { id: "unmeasured", head: "Not measured", figure: true, by: (row) => row.unmeasured, cell: (row) => (row.unmeasured ? <span class="alert">{count(row.unmeasured)}</span> : <span class="absent">–</span>), title: "For want of a price or rate: not in what is used, and a breach" },
  { id: "then", head: "Then", by: (row) => row.onBreach, cell: (row) => (row.onBreach === OnBreach.HOLD ? "hold" : row.onBreach === OnBreach.WARN ? "warn" : <span class="absent">–</span>), title: "What becomes of a trade that goes over it" },
  { id: "standing", head: "Standing", by: (row) => row.breachedIn, cell: (row) => <Badge tone={row.breachedIn ? "bad" : "good"}>{row.breachedIn ? `breached since record ${row.breachedIn}` : "kept"}</Badge> },
];

export function Limits() {
  const followed = useLimits();
  const rows = followed.value;
  const breached = rows?.filter((row) => row.breachedIn).length ?? 0;
  return (
    <div class="limits" data-connection={followed.connection}>
      <h1 class="sr">Limits</h1>
      <Panel title="Limits on counterparties and issuers" note={rows && `${count(rows.length)}, ${breached ? `${count(breached)} breached` : "all kept"}`}>
        <Missing of={followed} />
        {rows && <Table label="Limits" rows={rows} columns={COLUMNS} rowKey={lineKey} sort={{ id: "standing", desc: true }} visible={24} nothing="No limit is set." />}
        <p class="aside">Used is what open trades reserved when they were captured, and of an issuer what is owned. A trade over a limit is captured in any case; where it says hold, its instruction waits for a person.</p>
      </Panel>
    </div>
  );
}
