// Records that could not be read: closed by the message as it should have been, or by discarding them.
import { fromJson } from "@bufbuild/protobuf";
import { TradeSchema } from "../gen/quittance/trade/v1/trade_pb";
import type { Quarantined } from "../gen/quittance/view/v1/status_pb";
import { asked } from "../service/act";
import { operator, PATIENCE } from "../service/client";
import { useQuery } from "../service/query";
import { may } from "../service/standing";
import { Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { count } from "../values/decimal";
import { written } from "../values/json";
import { instant } from "../values/time";

const COLUMNS: Column<Quarantined>[] = [
  { id: "sequence", head: "Record", figure: true, by: (row) => row.sequence, cell: (row) => <a href={`#/log/${row.sequence}`}>{row.sequence.toString()}</a> },
  { id: "at", head: "Set aside (UTC)", by: (row) => row.at?.seconds ?? 0n, cell: (row) => instant(row.at) },
  { id: "actor", head: "From", by: (row) => row.actor, cell: (row) => row.actor },
  { id: "path", head: "Where", by: (row) => row.path, cell: (row) => <code>{row.path || "the message"}</code> },
  { id: "reason", head: "What is wrong", by: (row) => row.reason, cell: (row) => row.reason },
  { id: "act", head: "", cell: (row) => may("operator") && (
    <span class="buttons">
      <button type="button" onClick={() => replay(row)}>Replay…</button>
      <button type="button" onClick={() => discard(row)}>Discard…</button>
    </span>
  ) },
];

const SKELETON = `{
  "source": "", "id": "", "version": 1, "action": "ACTION_NEW",
  "details": {
    "party": "", "counterparty": "", "book": "", "side": "SIDE_BUY",
    "instrument": "", "quantity": "100", "price": "120.00",
    "tradeDate": 20261119, "intendedSettlementDate": 20261123,
    "currency": "EUR", "gross": "12000.00", "net": "12000.00", "domain": "",
    "quantityType": "QUANTITY_TYPE_UNIT", "priceType": "PRICE_TYPE_AMOUNT", "method": "METHOD_DVP"
  }
}`;

function replay(row: Quarantined) {
  asked.value = {
    title: `Replay record ${row.sequence}`,
    verb: "Replay",
    about: "The trade as it should have been sent, as JSON (quittance.trade.v1.Trade).",
    fields: [{ name: "trade", label: "Trade", long: true, required: true, value: SKELETON }],
    send: ({ requestId, reason, fields }) =>
      operator.closeQuarantined({ sequence: row.sequence, how: { case: "replay", value: fromJson(TradeSchema, written(fields.trade ?? "")) }, requestId, reason }),
  };
}

function discard(row: Quarantined) {
  asked.value = {
    title: `Discard record ${row.sequence}`,
    verb: "Discard",
    danger: true,
    about: "Nothing comes of it. Its bytes stay in the log.",
    send: ({ requestId, reason }) => operator.closeQuarantined({ sequence: row.sequence, how: { case: "discard", value: true }, requestId, reason }),
  };
}

export function Quarantine() {
  const found = useQuery("quarantined", () => operator.listQuarantined({ pageSize: 1_000 }, PATIENCE));
  return (
    <Panel title="Set aside" note={found.value && count(found.value.records.length)}>
      <Missing of={found} />
      {found.value && <Table label="Quarantined records" rows={found.value.records} columns={COLUMNS} rowKey={(row) => row.sequence.toString()} visible={26} nothing="Everything that came could be read." />}
    </Panel>
  );
}
