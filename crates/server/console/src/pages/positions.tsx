// What each book traded and settled, its open lots, and what they cost by every method.
import { useMemo, useState } from "preact/hooks";
import { LotMethod } from "../gen/quittance/record/v1/reference_pb";
import type { Lot, MethodFigures, Position } from "../gen/quittance/view/v1/position_pb";
import { PATIENCE, position } from "../service/client";
import { everything } from "../service/pages";
import { useQuery } from "../service/query";
import { Amount, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, whole } from "../values/decimal";
import { date } from "../values/time";

const method = (of: LotMethod) => words(LotMethod[of] ?? "");

const COLUMNS: Column<Position>[] = [
  { id: "book", head: "Book", by: (row) => row.book, cell: (row) => row.book },
  { id: "instrument", head: "Instrument", by: (row) => row.instrument, cell: (row) => <span title={row.isin}>{row.instrument}</span> },
  { id: "traded", head: "Traded", figure: true, cell: (row) => <Amount of={whole(row.traded)} places={0} /> },
  { id: "settled", head: "Settled", figure: true, cell: (row) => <Amount of={whole(row.settled)} places={0} /> },
  { id: "cost", head: "Cost", figure: true, cell: (row) => <Amount of={row.cost} /> },
  { id: "realised", head: "Realised", figure: true, cell: (row) => <Amount of={row.realised} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "method", head: "Method", by: (row) => row.method, cell: (row) => method(row.method) },
  { id: "uncosted", head: "Uncosted", figure: true, title: "entries whose cost is not in the log: cost and result are not complete", by: (row) => row.uncosted, cell: (row) => (row.uncosted ? <span class="alert">{count(row.uncosted)}</span> : <span class="absent">–</span>) },
];

const LOTS: Column<Lot>[] = [
  { id: "by", head: "Opened by", cell: (row) => row.openedBy },
  { id: "date", head: "Trade date", by: (row) => row.tradeDate, cell: (row) => date(row.tradeDate) },
  { id: "quantity", head: "Quantity", figure: true, cell: (row) => <Amount of={whole(row.quantity)} places={0} /> },
  { id: "cost", head: "Cost", figure: true, cell: (row) => <Amount of={row.cost} /> },
  { id: "record", head: "Record", figure: true, by: (row) => row.sequence, cell: (row) => <a href={`#/log/${row.sequence}`}>{row.sequence.toString()}</a> },
];

const METHODS: Column<MethodFigures>[] = [
  { id: "method", head: "Method", cell: (row) => method(row.method) },
  { id: "cost", head: "Cost", figure: true, cell: (row) => <Amount of={row.cost} /> },
  { id: "realised", head: "Realised", figure: true, cell: (row) => <Amount of={row.realised} /> },
];

export function Positions() {
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState("");
  const asked = useQuery("positions", () => everything((pageToken) => position.listPositions({ pageSize: 1_000, pageToken }, PATIENCE), (page) => page.positions));
  const rows = useMemo(
    () => (asked.value ?? []).filter((row) => `${row.book} ${row.entity} ${row.instrument} ${row.isin} ${row.currency}`.toLowerCase().includes(filter.toLowerCase())),
    [asked.value, filter],
  );
  const key = (row: Position) => `${row.book}/${row.instrument}/${row.currency}`;
  const row = rows.find((each) => key(each) === chosen) ?? rows[0];
  return (
    <div class="positions">
      <h1 class="sr">Positions</h1>
      <div class="columns wide-left">
        <Panel title="Positions" note={asked.value && count(rows.length)} actions={<input type="search" aria-label="Filter" placeholder="Filter: book, instrument ( / )" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />}>
          <Missing of={asked} />
          {asked.value && <Table label="Positions" rows={rows} columns={COLUMNS} rowKey={key} visible={26} keys chosen={row && key(row)} onOpen={(each) => setChosen(key(each))} nothing="No book has a position." />}
        </Panel>
        {row && <Lots of={row} />}
      </div>
    </div>
  );
}

function Lots({ of }: { of: Position }) {
  const asked = useQuery(`position ${of.book} ${of.instrument}`, () => position.getPosition({ book: of.book, instrument: of.instrument }, PATIENCE));
  const row = asked.value?.positions.find((each) => each.currency === of.currency);
  return (
    <Panel title={`${of.instrument} in ${of.book}`} note={`${of.entity} · ${of.currency}`}>
      <Missing of={asked} />
      {row && (
        <>
          <h3>By every method</h3>
          <Table label="By every method" rows={row.methods} columns={METHODS} rowKey={(each) => `${each.method}`} />
          <h3>Open lots</h3>
          <Table label="Open lots" rows={row.lots} columns={LOTS} rowKey={(each) => `${each.sequence}/${each.openedBy}`} visible={18} nothing="No lot is open." />
        </>
      )}
    </Panel>
  );
}
