// Profit and loss by position, valued by recorded prices and rates, which the answer names; what is missing is said by name.
import { useMemo, useState } from "preact/hooks";
import { PnlExceptionCode, type PnlLine, type PnlTotal } from "../gen/quittance/view/v1/pnl_pb";
import { PATIENCE, position } from "../service/client";
import { everything } from "../service/pages";
import { useQuery } from "../service/query";
import { Amount, Badge, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, whole } from "../values/decimal";
import { date } from "../values/time";

const TOTALS: Column<PnlTotal>[] = [
  { id: "book", head: "Book", by: (row) => row.book, cell: (row) => row.book },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "opening", head: "Opening", figure: true, cell: (row) => <Amount of={row.day?.opening?.total} /> },
  { id: "adjustment", head: "Adjustment", figure: true, title: "entries of closed days, known only since", cell: (row) => <Amount of={row.day?.adjustment?.total} /> },
  { id: "day", head: "Day", figure: true, cell: (row) => <b><Amount of={row.day?.day?.total} /></b> },
  { id: "closing", head: "Closing", figure: true, cell: (row) => <Amount of={row.day?.closing?.total} /> },
  { id: "positions", head: "Positions", figure: true, by: (row) => row.positions, cell: (row) => count(row.positions) },
  { id: "excepted", head: "Left out", figure: true, by: (row) => row.excepted, cell: (row) => (row.excepted ? <span class="alert">{count(row.excepted)}</span> : <span class="absent">–</span>) },
];

const LINES: Column<PnlLine>[] = [
  { id: "book", head: "Book", by: (row) => row.book, cell: (row) => row.book },
  { id: "instrument", head: "Instrument", by: (row) => row.instrument, cell: (row) => <span title={row.isin}>{row.instrument}</span> },
  { id: "quantity", head: "Quantity", figure: true, cell: (row) => <Amount of={whole(row.quantity)} places={0} /> },
  { id: "price", head: "Price", figure: true, cell: (row) => <Amount of={row.price} /> },
  { id: "value", head: "Market value", figure: true, cell: (row) => <Amount of={row.marketValue} /> },
  { id: "cost", head: "Cost", figure: true, cell: (row) => <Amount of={row.cost} /> },
  { id: "realised", head: "Realised", figure: true, cell: (row) => <Amount of={row.local?.closing?.realised} /> },
  { id: "unrealised", head: "Unrealised", figure: true, cell: (row) => <Amount of={row.local?.closing?.unrealised} /> },
  { id: "accrued", head: "Interest", figure: true, cell: (row) => <Amount of={row.local?.closing?.accrued} /> },
  { id: "fees", head: "Fees", figure: true, cell: (row) => <Amount of={row.local?.closing?.fees} /> },
  { id: "total", head: "Total", figure: true, cell: (row) => <b><Amount of={row.local?.closing?.total} /></b> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "exceptions", head: "Exceptions", by: (row) => row.exceptions.length, cell: (row) => row.exceptions.map((each) => <span key={`${each.code} ${each.subject}`} class="defect"><b>{words(PnlExceptionCode[each.code] ?? "")}</b> {each.subject}</span>) },
];

export function Pnl() {
  const [book, setBook] = useState("");
  const summary = useQuery("pnl totals", () => position.summarizePnl({}, PATIENCE));
  const lines = useQuery(`pnl ${book}`, () => everything((pageToken) => position.listPnl({ question: { filter: { book } }, pageSize: 1_000, pageToken }, PATIENCE), (page) => page.lines));
  const bases = summary.value?.bases ?? [];
  const key = (row: PnlTotal) => `${row.book}/${row.currency}`;
  const stands = useMemo(
    () => bases.map((basis) => `${basis.entity} ${date(basis.date)}${basis.closed ? " (closed)" : ""} by ${basis.sets.map((set) => `${set.source} ${set.snap} v${set.version}`).join(", ") || "no set"}, since ${date(basis.lastDate)}`),
    [bases],
  );
  return (
    <div class="pnl">
      <h1 class="sr">Profit and loss</h1>
      <Panel title="By book" actions={book && <button type="button" onClick={() => setBook("")}>All books</button>}>
        <Missing of={summary} />
        {summary.value && (
          <>
            <Table label="Results by book" rows={summary.value.totals} columns={TOTALS} rowKey={key} visible={10} onOpen={(row) => setBook(row.book === book ? "" : row.book)} nothing="No book has a result, or no prices are recorded." />
            {stands.length > 0 && <p class="aside">Stands on: {stands.join("; ")}.</p>}
            {summary.value.exceptions.length > 0 && <p class="aside">{summary.value.exceptions.map((each) => <span key={each.code}><Badge tone="waiting">{count(each.lines)} {words(PnlExceptionCode[each.code] ?? "")}</Badge> </span>)}</p>}
          </>
        )}
      </Panel>
      <Panel title={book ? `Positions of ${book}` : "By position"} note={lines.value && count(lines.value.length)}>
        <Missing of={lines} />
        {lines.value && <Table label="Results by position" rows={lines.value} columns={LINES} rowKey={(row) => `${row.book}/${row.instrument}/${row.currency}`} visible={20} nothing="No book has a position." />}
      </Panel>
    </div>
  );
}
