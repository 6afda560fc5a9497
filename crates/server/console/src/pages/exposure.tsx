// What counterparties' failures would cost: by counterparty, currency and value date with the phase, and own funds by age.
import { CapitalKind, ExposurePhase, type BusinessDate, type Capital, type Exposure as Row, type PriceSetName, type RiskException } from "../gen/quittance/view/v1/exposure_pb";
import { PATIENCE, risk } from "../service/client";
import { useQuery } from "../service/query";
import { Amount, Badge, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { compare, count, text } from "../values/decimal";
import type { Tone } from "../values/status";
import { date } from "../values/time";

const PHASES: Record<number, [string, Tone, string]> = {
  [ExposurePhase.PRE_SETTLEMENT]: ["pre-settlement", "waiting", "a failure of the counterparty costs the price move"],
  [ExposurePhase.FAILING]: ["failing", "bad", "the intended date has passed: the same, and it ages"],
  [ExposurePhase.DELIVERY]: ["delivery", "bad", "free of payment and no longer ours to stop: the whole value"],
};

const KINDS: Record<number, string> = {
  [CapitalKind.DVP]: "unsettled DvP",
  [CapitalKind.FREE]: "free delivery",
  [CapitalKind.FREE_LATE]: "free delivery, late",
};

function Phase({ row }: { row: Row }) {
  const [name, tone, meaning] = PHASES[row.phase] ?? ["unknown", "quiet", ""];
  return <span title={meaning}><Badge tone={tone}>{name}</Badge></span>;
}

const ROWS: Column<Row>[] = [
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => <b>{row.counterparty}</b> },
  { id: "entity", head: "Entity", by: (row) => row.entity, cell: (row) => row.entity },
  { id: "date", head: "Value date", by: (row) => row.valueDate, cell: (row) => date(row.valueDate) },
  { id: "phase", head: "Phase", by: (row) => row.phase, cell: (row) => <Phase row={row} /> },
  { id: "trades", head: "Trades", figure: true, by: (row) => row.trades, cell: (row) => count(row.trades) },
  { id: "bought", head: "Bought", figure: true, cell: (row) => <Amount of={row.bought} /> },
  { id: "boughtMarket", head: "At market", figure: true, cell: (row) => <Amount of={row.boughtMarket} /> },
  { id: "sold", head: "Sold", figure: true, cell: (row) => <Amount of={row.sold} /> },
  { id: "soldMarket", head: "At market", figure: true, cell: (row) => <Amount of={row.soldMarket} /> },
  { id: "principal", head: "Principal", figure: true, cell: (row) => (row.principal?.unscaled ? <Amount of={row.principal} /> : <span class="absent">–</span>) },
  { id: "exposure", head: "Exposure", figure: true, by: (row) => row.exposure?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.exposure} /></b> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "unpriced", head: "Unpriced", figure: true, by: (row) => row.unpriced, cell: (row) => (row.unpriced ? <span class="alert">{count(row.unpriced)}</span> : <span class="absent">–</span>) },
];

const CAPITAL: Column<Capital>[] = [
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => <b>{row.counterparty}</b> },
  { id: "entity", head: "Entity", by: (row) => row.entity, cell: (row) => row.entity },
  { id: "kind", head: "Kind", by: (row) => row.kind, cell: (row) => KINDS[row.kind] ?? words(CapitalKind[row.kind] ?? "") },
  { id: "from", head: "From day", figure: true, by: (row) => row.fromDays, cell: (row) => count(row.fromDays) },
  { id: "oldest", head: "Oldest", figure: true, by: (row) => row.oldestDays, cell: (row) => count(row.oldestDays) },
  { id: "trades", head: "Trades", figure: true, by: (row) => row.trades, cell: (row) => count(row.trades) },
  { id: "difference", head: "Difference", figure: true, cell: (row) => <Amount of={row.difference} /> },
  { id: "factor", head: "Factor", figure: true, cell: (row) => <Amount of={row.factor} /> },
  { id: "own", head: "Own funds", figure: true, by: (row) => row.ownFunds?.unscaled ?? 0n, cell: (row) => <b><Amount of={row.ownFunds} /></b> },
  { id: "weighted", head: "Risk weighted", figure: true, cell: (row) => <Amount of={row.riskWeighted} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
];

/** What figures stand on, and what is not in them. */
function Stands({ prices, dates, exceptions }: { prices: PriceSetName | undefined; dates: BusinessDate[]; exceptions: RiskException[] }) {
  const days = dates.map((each) => `${each.domain} ${date(each.date)}`).join(", ");
  return (
    <>
      {prices && <p class="aside">At {prices.snap} of {date(prices.date)} from {prices.source}, version {prices.version}; business date {days || "none"}. Each trade is valued by itself: no gain pays for a loss.</p>}
      {exceptions.length > 0 && (
        <p class="aside">
          {exceptions.map((each) => (
            <span key={`${each.code} ${each.subject}`} class="defect"><b>{words(each.code)}</b> {each.subject}: {count(each.trades)} not in the figures </span>
          ))}
        </p>
      )}
    </>
  );
}

export function Exposure() {
  const exposure = useQuery("exposure", async () => (await risk.getExposure({}, PATIENCE)).exposures);
  const capital = useQuery("capital", async () => (await risk.getCapital({}, PATIENCE)).capitals);
  const [found, funds] = [exposure.value, capital.value];
  const most = found?.rows.reduce<Row | undefined>((least, row) => (row.exposure && (!least?.exposure || compare(row.exposure, least.exposure) > 0) ? row : least), undefined);
  return (
    <div class="exposure">
      <h1 class="sr">Exposure</h1>
      <Panel title="Settlement exposure" note={most?.exposure?.unscaled ? `largest ${text(most.exposure)} ${most.currency} to ${most.counterparty}` : undefined}>
        <Missing of={exposure} />
        {found && (
          <>
            <Table label="Exposure" rows={found.rows} columns={ROWS} rowKey={(row) => `${row.entity}/${row.counterparty}/${row.currency}/${row.valueDate}/${row.phase}`} sort={{ id: "exposure", desc: true }} visible={18} nothing="Nothing is open." />
            <Stands prices={found.prices} dates={found.businessDates} exceptions={found.exceptions} />
          </>
        )}
      </Panel>
      <Panel title="Own funds for aged fails" note={funds && (funds.outOfScope > 0n ? `${count(funds.outOfScope)} repos and loans left out` : undefined)}>
        <Missing of={capital} />
        {funds && (
          <>
            <Table label="Own funds by age" rows={funds.rows} columns={CAPITAL} rowKey={(row) => `${row.entity}/${row.counterparty}/${row.currency}/${row.kind}/${row.fromDays}`} sort={{ id: "own", desc: true }} visible={12} nothing="Nothing is old enough to take capital." />
            <p class="aside">{funds.rules.join("; ")}.</p>
          </>
        )}
      </Panel>
    </div>
  );
}
