// Trades that count in positions and cannot be instructed yet, with what each lacks.
import type { Trade } from "../gen/quittance/view/v1/status_pb";
import { TradeStatus } from "../gen/quittance/view/v1/status_pb";
import { asked } from "../service/act";
import { operator, PATIENCE, trade } from "../service/client";
import { useQuery } from "../service/query";
import { may } from "../service/standing";
import { Amount, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, whole } from "../values/decimal";
import { date } from "../values/time";

const COLUMNS: Column<Trade>[] = [
  { id: "source", head: "Source", by: (row) => row.source, cell: (row) => row.source },
  { id: "id", head: "Trade", by: (row) => row.id, cell: (row) => row.id },
  { id: "version", head: "Ver.", figure: true, cell: (row) => row.version },
  { id: "status", head: "Stands as", by: (row) => row.status, cell: (row) => words(TradeStatus[row.status] ?? "") },
  { id: "defects", head: "Lacks", by: (row) => row.defects[0]?.code ?? "", cell: (row) => row.defects.map((each) => <span key={each.code + each.subject} class="defect"><b>{words(each.code)}</b> {each.subject} </span>) },
  { id: "party", head: "Party", by: (row) => row.party, cell: (row) => row.party },
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => row.counterparty },
  { id: "quantity", head: "Quantity", figure: true, cell: (row) => <Amount of={whole(row.quantity)} places={0} /> },
  { id: "instrument", head: "Instrument", by: (row) => row.instrument, cell: (row) => row.instrument },
  { id: "amount", head: "Net", figure: true, cell: (row) => <Amount of={row.amount} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "intended", head: "Intended", by: (row) => row.intendedSettlementDate, cell: (row) => date(row.intendedSettlementDate) },
  { id: "act", head: "", cell: (row) => may("operator") && row.status === TradeStatus.IN_REPAIR && <button type="button" onClick={() => again(row)}>Look again…</button> },
];

/** Reference data may have come meanwhile; or the source's own amounts are right after all. */
function again(row: Trade) {
  asked.value = {
    title: `Look again at ${row.source} ${row.id}`,
    verb: "Look again",
    about: "With the reference data of now. Amounts that differ from what we compute are accepted as the source sent them.",
    send: ({ requestId, reason }) => operator.repairTrade({ source: row.source, id: row.id, requestId, reason }),
  };
}

export function Repairs() {
  const found = useQuery("repairs", () => trade.listTrades({ pageSize: 1_000 }, PATIENCE));
  return (
    <Panel title="Trades without an open instruction" note={found.value && count(found.value.trades.length)}>
      <Missing of={found} />
      {found.value && <Table label="Trades in repair" rows={found.value.trades} columns={COLUMNS} rowKey={(row) => row.number.toString()} visible={26} nothing="Every trade has its instruction." />}
    </Panel>
  );
}
