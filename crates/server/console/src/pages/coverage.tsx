// Coverage: which deliveries lack securities, and whose failure is the cause, through chains.
import { useState } from "preact/hooks";
import { CoverageRoot, CoverageState, type Coverage as Row, type CoverageCause, type CoverageDelivery } from "../gen/quittance/view/v1/coverage_pb";
import { PATIENCE, risk } from "../service/client";
import { useQuery } from "../service/query";
import { Amount, Badge, Fact, Missing, Panel, Reason } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count, text, whole } from "../values/decimal";
import type { Tone } from "../values/status";
import { date } from "../values/time";

const STATES: Record<number, [string, Tone]> = {
  [CoverageState.COVERED]: ["covered", "good"],
  [CoverageState.EXPECTED]: ["expected", "waiting"],
  [CoverageState.LATE]: ["late", "bad"],
  [CoverageState.SHORT]: ["short", "bad"],
};

const ROOTS: Record<number, string> = {
  [CoverageRoot.NO_RECEIPT]: "nobody is to deliver it",
  [CoverageRoot.NOT_INSTRUCTED]: "the trade is in repair, or its instruction was cancelled",
  [CoverageRoot.UNMATCHED]: "unmatched",
  [CoverageRoot.HELD]: "one side holds it",
  [CoverageRoot.CASH]: "the receiver lacks the cash",
  [CoverageRoot.NOT_DUE]: "its intended date has not come",
  [CoverageRoot.AT_AGENT]: "the agent has not confirmed it",
  [CoverageRoot.CIRCLE]: "a circle: settled together they would all settle",
  [CoverageRoot.FREE]: "nothing is in its way any more",
  [CoverageRoot.CUT]: "the chain goes on",
};

const uncovered = (row: Row) => row.uncovered?.unscaled ?? 0n;

const COLUMNS: Column<Row>[] = [
  { id: "instrument", head: "Instrument", by: (row) => row.instrument, cell: (row) => <span title={row.isin}>{row.instrument}</span> },
  { id: "depot", head: "Depot", by: (row) => row.depot, cell: (row) => row.depot },
  { id: "settled", head: "Settled", figure: true, cell: (row) => <Amount of={whole(row.settled)} places={0} /> },
  { id: "in", head: "Expected in", figure: true, cell: (row) => <Amount of={whole(row.expectedIn)} places={0} /> },
  { id: "out", head: "Due out", figure: true, cell: (row) => <Amount of={whole(row.dueOut)} places={0} /> },
  { id: "lowest", head: "Lowest", figure: true, cell: (row) => <Amount of={whole(row.lowest)} places={0} /> },
  { id: "uncovered", head: "Uncovered", figure: true, by: uncovered, cell: (row) => (row.uncovered?.unscaled ? <span class="alert"><Amount of={whole(row.uncovered)} places={0} /></span> : <span class="absent">–</span>) },
];

export function Coverage() {
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState("");
  const asked = useQuery(`coverage ${all}`, () => risk.listCoverage({ filter: { onlyUncovered: !all }, pageSize: 1_000 }, PATIENCE));
  const rows = asked.value?.coverages ?? [];
  const key = (row: Row) => `${row.instrument}/${row.depot}`;
  // Until somebody chooses: what lacks most, which stands first.
  const most = rows.reduce<Row | undefined>((most, each) => (!most || uncovered(each) > uncovered(most) ? each : most), undefined);
  const row = rows.find((each) => key(each) === chosen) ?? most;
  return (
    <div class="coverage">
      <h1 class="sr">Coverage</h1>
      <div class="columns wide-left">
        <Panel
          title={all ? "All depots with open business" : "Uncovered deliveries"}
          note={asked.value && count(rows.length)}
          actions={<button type="button" aria-pressed={all} onClick={() => setAll(!all)}>{all ? "Only uncovered" : "Show all"}</button>}
        >
          <Missing of={asked} />
          {asked.value && <Table label="Coverage" rows={rows} columns={COLUMNS} rowKey={key} sort={{ id: "uncovered", desc: true }} visible={26} keys chosen={row && key(row)} onOpen={(each) => setChosen(key(each))} nothing="Every delivery is covered." />}
        </Panel>
        {row && <Deliveries row={row} />}
      </div>
    </div>
  );
}

function Deliveries({ row }: { row: Row }) {
  return (
    <Panel title={`${row.instrument} in ${row.depot}`} note={`${row.holder}${row.today ? ` · ${date(row.today)}` : ""}`}>
      <dl class="facts across">
        <Fact name="Settled"><b><Amount of={whole(row.settled)} places={0} /></b></Fact>
        <Fact name="Expected in"><b><Amount of={whole(row.expectedIn)} places={0} /></b></Fact>
        <Fact name="Due out"><b><Amount of={whole(row.dueOut)} places={0} /></b></Fact>
        <Fact name="Uncovered"><b class={row.uncovered?.unscaled ? "alert" : ""}><Amount of={whole(row.uncovered)} places={0} /></b></Fact>
      </dl>
      <ul class="chains">
        {row.deliveries.map((delivery) => <Delivery key={`${delivery.instruction} ${delivery.source} ${delivery.trade}`} delivery={delivery} />)}
        {row.deliveries.length === 0 && <li class="missing">Nothing is uncovered here.</li>}
      </ul>
    </Panel>
  );
}

function Delivery({ delivery }: { delivery: CoverageDelivery }) {
  const [name, tone] = STATES[delivery.state] ?? ["unknown", "quiet"];
  return (
    <li>
      <p>
        <Badge tone={tone}>{name}</Badge> <Instruction number={delivery.instruction} /> delivers {text(whole(delivery.quantity))} to {delivery.counterparty} on {date(delivery.intendedSettlementDate)},
        lacks <b>{text(whole(delivery.missing))}</b> <small>{delivery.source} {delivery.trade}</small>
      </p>
      <Causes causes={delivery.causes} />
    </li>
  );
}

/** A chain downwards: each waits for the one below. */
function Causes({ causes }: { causes: CoverageCause[] }) {
  if (causes.length === 0) return null;
  return (
    <ul>
      {causes.map((cause, at) => (
        <li key={at}>
          <p>
            {cause.root === CoverageRoot.NO_RECEIPT ? "for " : <><Instruction number={cause.receipt || cause.delivery} /> from {cause.deliverer || "nobody"} for </>}
            {text(whole(cause.quantity))}{cause.intendedSettlementDate > 0 && <>, due {date(cause.intendedSettlementDate)}</>}{" "}
            {cause.reasons.map((code) => <Reason key={code} code={code} />)} {cause.root !== CoverageRoot.UNSPECIFIED && <em>{ROOTS[cause.root] ?? words(CoverageRoot[cause.root] ?? "")}</em>}
          </p>
          <Causes causes={cause.because} />
        </li>
      ))}
    </ul>
  );
}

function Instruction({ number }: { number: bigint }) {
  return number ? <a href={`#/instruction/${number}`}>{number.toString()}</a> : <span class="absent">not instructed</span>;
}

