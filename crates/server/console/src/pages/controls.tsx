// Whether each source and the log say the same of a trade date, and the accounting days that depend on it.
import { ControlState, type ControlStanding } from "../gen/quittance/service/v1/operator_pb";
import { asked } from "../service/act";
import { operator } from "../service/client";
import { may, standing } from "../service/standing";
import { Amount, Badge, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { count } from "../values/decimal";
import { date } from "../values/time";
import type { Tone } from "../values/status";

const STATES: Record<number, [string, Tone]> = {
  [ControlState.UNSTATED]: ["nothing said", "quiet"],
  [ControlState.DIFFERS]: ["differs", "bad"],
  [ControlState.AGREED]: ["agreed", "good"],
  [ControlState.SIGNED_OFF]: ["signed off", "waiting"],
};

const COLUMNS: Column<ControlStanding>[] = [
  { id: "state", head: "State", by: (row) => (row.state === ControlState.DIFFERS ? 0 : row.state), cell: (row) => { const [name, tone] = STATES[row.state] ?? ["unknown", "quiet"]; return <Badge tone={tone}>{name}</Badge>; } },
  { id: "source", head: "Source", by: (row) => row.source, cell: (row) => row.source },
  { id: "date", head: "Trade date", by: (row) => row.tradeDate, cell: (row) => date(row.tradeDate) },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency || "free" },
  { id: "ours", head: "Trades", figure: true, cell: (row) => count(row.counted?.count ?? 0n) },
  { id: "theirs", head: "said", figure: true, cell: (row) => (row.stated ? count(row.stated.count) : <span class="absent">–</span>) },
  { id: "paid", head: "To pay", figure: true, cell: (row) => <Amount of={row.counted?.paid} /> },
  { id: "paidSaid", head: "said", figure: true, cell: (row) => <Amount of={row.stated?.paid} /> },
  { id: "received", head: "To receive", figure: true, cell: (row) => <Amount of={row.counted?.received} /> },
  { id: "receivedSaid", head: "said", figure: true, cell: (row) => <Amount of={row.stated?.received} /> },
  { id: "act", head: "", cell: (row) => may("operator") && row.state === ControlState.DIFFERS && <button type="button" onClick={() => signOff(row)}>Sign off…</button> },
];

function signOff({ source, tradeDate, currency }: ControlStanding) {
  asked.value = {
    title: `Sign off ${source} ${date(tradeDate)} ${currency}`,
    verb: "Sign off",
    about: "The difference stands as it is now; when the log changes, it is asked again.",
    send: ({ requestId, reason }) => operator.submitCommand({ command: { kind: { case: "signOff", value: { source, tradeDate, currency } } }, requestId, reason }),
  };
}

export function Controls() {
  const now = standing.value;
  const rows = now?.controls ?? [];
  const differ = rows.filter((row) => row.state === ControlState.DIFFERS).length;
  return (
    <div class="controls">
      <h1 class="sr">Controls</h1>
      <Panel title="Control totals" note={now && (differ ? `${count(differ)} differ` : "none differs")}>
        <Table label="Control totals" rows={rows} columns={COLUMNS} rowKey={(row) => `${row.source}/${row.tradeDate}/${row.currency}`} sort={{ id: "state", desc: false }} visible={22} nothing="No source has sent trades yet." />
      </Panel>
      <Panel title="Accounting days">
        <Table
          label="Accounting days"
          rows={now?.accounting ?? []}
          rowKey={(row) => row.entity}
          columns={[
            { id: "entity", head: "Entity", by: (row) => row.entity, cell: (row) => row.entity },
            { id: "date", head: "Day", by: (row) => row.date, cell: (row) => date(row.date) },
            { id: "open", head: "Stands", cell: (row) => <Badge tone={row.open ? "waiting" : "good"}>{row.open ? "open" : "closed"}</Badge> },
            { id: "closed", head: "Last closed", cell: (row) => date(row.closed) },
            { id: "sets", head: "Valued by", cell: (row) => row.sets.map((set) => `${set.source} ${set.snap} ${date(set.date)} v${set.version}`).join(", ") || <span class="absent">–</span> },
          ]}
          visible={12}
          nothing="No accounting day was opened yet."
        />
      </Panel>
    </div>
  );
}
