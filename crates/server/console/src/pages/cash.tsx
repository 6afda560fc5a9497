// The cash ladder: what lies in each account, where it leads, its lowest point, and what must be funded.
import { useMemo } from "preact/hooks";
import type { CashLadder, CashLine } from "../gen/quittance/view/v1/cash_pb";
import type { Decimal } from "../gen/quittance/type/v1/decimal_pb";
import { cash, PATIENCE } from "../service/client";
import { useQuery } from "../service/query";
import { Amount, Fact, Missing, Panel } from "../ui/parts";
import { go, path } from "../ui/route";
import { Table, type Column } from "../ui/table";
import { compare, count, text } from "../values/decimal";
import { date, longDate } from "../values/time";
import { LadderChart } from "./ladder-chart";
import { TransferButton } from "./transfer";

/** The date on which the sure projection is lowest; today's balance when nothing is to come. */
export function lowest(ladder: CashLadder): { date: number; value: Decimal | undefined; line?: CashLine } {
  let least: { date: number; value: Decimal | undefined; line?: CashLine } = { date: ladder.today, value: ladder.settled };
  for (const line of ladder.lines) {
    if (line.projectedSure && (!least.value || compare(line.projectedSure, least.value) < 0)) {
      least = { date: line.valueDate, value: line.projectedSure, line };
    }
  }
  return least;
}

export function Cash() {
  const [account = "", currency = ""] = path.value.slice(1);
  const asked = useQuery("ladders", async () => (await cash.listCashLadders({ pageSize: 1_000 }, PATIENCE)));
  const ladders = asked.value?.ladders ?? [];
  const chosen = ladders.find((each) => each.account === account && each.currency === currency) ?? ladders[0];
  const columns = useMemo<Column<CashLadder>[]>(
    () => [
      { id: "account", head: "Account", by: (row) => row.account, cell: (row) => <a href={`#/cash/${encodeURIComponent(row.account)}/${row.currency}`}>{row.account}</a> },
      { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
      { id: "holder", head: "Holder", by: (row) => row.holder, cell: (row) => row.holder || <span class="absent">–</span> },
      { id: "settled", head: "Settled", figure: true, cell: (row) => <Amount of={row.settled} /> },
      { id: "least", head: "Lowest, sure", figure: true, title: "settled, all payments and only the receipts that are matched and not held", cell: (row) => <Amount of={lowest(row).value} /> },
      { id: "on", head: "On", by: (row) => lowest(row).date, cell: (row) => date(lowest(row).date) },
      { id: "need", head: "To be funded", figure: true, by: (row) => row.fundingNeed?.unscaled ?? 0n, cell: (row) => (row.fundingNeed?.unscaled ? <span class="alert"><Amount of={row.fundingNeed} /></span> : <span class="absent">–</span>) },
    ],
    [],
  );
  return (
    <div class="cash">
      <h1 class="sr">Cash</h1>
      <div class="columns wide-left">
        <Panel title="Accounts" note={asked.value && count(ladders.length)} actions={asked.value && <TransferButton ladder={chosen} />}>
          <Missing of={asked} />
          {asked.value && (
            <Table
              label="Cash accounts"
              rows={ladders}
              columns={columns}
              rowKey={(row) => `${row.account}/${row.currency}`}
              sort={{ id: "need", desc: true }}
              chosen={chosen && `${chosen.account}/${chosen.currency}`}
              visible={26}
              keys onOpen={(row) => go(`/cash/${encodeURIComponent(row.account)}/${row.currency}`)}
              nothing="No account has cash or expects any."
            />
          )}
        </Panel>
        {chosen && <Ladder ladder={chosen} />}
      </div>
    </div>
  );
}

function Ladder({ ladder }: { ladder: CashLadder }) {
  const least = lowest(ladder);
  const columns = useMemo<Column<CashLine>[]>(
    () => [
      { id: "date", head: "Value date", by: (row) => row.valueDate, cell: (row) => date(row.valueDate) },
      { id: "in", head: "Receipts", figure: true, cell: (row) => <Amount of={row.receipts} /> },
      { id: "sure", head: "of them sure", figure: true, cell: (row) => <Amount of={row.sureReceipts} /> },
      { id: "out", head: "Payments", figure: true, cell: (row) => <Amount of={row.payments} /> },
      { id: "projected", head: "Projected", figure: true, cell: (row) => <Amount of={row.projected} /> },
      { id: "projectedSure", head: "Projected, sure", figure: true, cell: (row) => <b class={row === least.line ? "least" : ""}><Amount of={row.projectedSure} /></b> },
      { id: "limit", head: "Credit", figure: true, cell: (row) => <Amount of={row.creditLimit} /> },
      { id: "instructions", head: "Open", figure: true, cell: (row) => count(row.instructions) },
    ],
    [least.line],
  );
  return (
    <Panel title={`${ladder.account} ${ladder.currency}`} note={`${ladder.holder}${ladder.domain ? ` · ${ladder.domain}` : ""}${ladder.today ? ` · ${longDate(ladder.today)}` : ""}`}>
      <dl class="facts across">
        <Fact name="Settled"><b><Amount of={ladder.settled} /></b></Fact>
        <Fact name={`Lowest, sure (${date(least.date)})`}><b class="least" data-least={text(least.value)}><Amount of={least.value} /></b></Fact>
        <Fact name="Credit line"><b><Amount of={ladder.creditLimit} /></b></Fact>
        <Fact name="To be funded"><b class={ladder.fundingNeed?.unscaled ? "alert" : ""}><Amount of={ladder.fundingNeed} /></b></Fact>
      </dl>
      <LadderChart ladder={ladder} least={least} />
      <Table label={`Ladder of ${ladder.account} in ${ladder.currency}`} rows={ladder.lines} columns={columns} rowKey={(row) => row.valueDate.toString()} nothing="Nothing is to come." />
    </Panel>
  );
}
