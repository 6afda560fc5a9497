// Figures for those who run operations: rates with both their parts and what these are, and what fails now by age.
import { ReportMeasure, type ReportFail, type ReportRate } from "../gen/quittance/view/v1/report_pb";
import { PATIENCE, report } from "../service/client";
import { useQuery } from "../service/query";
import { Amount, Missing, Panel, Reason } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, text } from "../values/decimal";
import { longDate } from "../values/time";

const RATES: Column<ReportRate>[] = [
  { id: "measure", head: "Measure", by: (row) => row.measure, cell: (row) => <b>{row.measure === ReportMeasure.STP ? "straight through (STP)" : words(ReportMeasure[row.measure] ?? "")}</b> },
  { id: "domain", head: "Domain", by: (row) => row.domain, cell: (row) => row.domain },
  { id: "by", head: "By", by: (row) => row.currency, cell: (row) => (row.currency ? `value in ${row.currency}` : "volume") },
  { id: "percent", head: "Rate", figure: true, by: (row) => row.percent?.unscaled ?? -1n, cell: (row) => (row.percent ? <b>{text(row.percent)} %</b> : <span class="absent">–</span>) },
  { id: "numerator", head: "Of them", figure: true, cell: (row) => (row.currency ? <Amount of={row.numeratorValue} /> : count(row.numerator)) },
  { id: "numeratorIs", head: "", cell: (row) => <small class="words">{row.numeratorIs}</small> },
  { id: "denominator", head: "All", figure: true, cell: (row) => (row.currency ? <Amount of={row.denominatorValue} /> : count(row.denominator)) },
  { id: "denominatorIs", head: "", cell: (row) => <small class="words">{row.denominatorIs}</small> },
];

const FAILS: Column<ReportFail>[] = [
  { id: "age", head: "Business days", by: (row) => row.ageFrom, cell: (row) => (row.ageTo ? (row.ageTo === row.ageFrom ? row.ageFrom : `${row.ageFrom} to ${row.ageTo}`) : `${row.ageFrom} and more`) },
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => row.counterparty },
  { id: "reason", head: "Reason", by: (row) => row.reason, cell: (row) => <Reason code={row.reason} long /> },
  { id: "domain", head: "Domain", by: (row) => row.domain, cell: (row) => row.domain },
  { id: "count", head: "Count", figure: true, by: (row) => row.count, cell: (row) => count(row.count) },
  { id: "value", head: "Value", figure: true, cell: (row) => <Amount of={row.value} /> },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
];

export function Reports() {
  const asked = useQuery("report", async () => (await report.getReport({}, PATIENCE)).report);
  const found = asked.value;
  return (
    <div class="report">
      <h1 class="sr">Reports</h1>
      <Panel title="Rates" note={found && (found.from === found.to ? longDate(found.from) : `${longDate(found.from)} to ${longDate(found.to)}`)}>
        <Missing of={asked} />
        {found && <Table label="Rates" rows={found.rates} columns={RATES} rowKey={(row) => `${row.measure}/${row.domain}/${row.currency}`} visible={20} nothing="Nothing was due or settled." />}
      </Panel>
      <Panel title="What fails now" note={found && `by age on ${longDate(found.businessDate)}`}>
        {found && <Table label="Fails" rows={found.fails} columns={FAILS} rowKey={(row) => `${row.domain}/${row.counterparty}/${row.reason}/${row.currency}/${row.ageFrom}`} sort={{ id: "age", desc: true }} visible={14} nothing="Nothing fails." />}
      </Panel>
    </div>
  );
}
