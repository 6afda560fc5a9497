// The stock record: for each entity and asset who owns it equals where it lies, and the balances behind both.
import { useMemo, useState } from "preact/hooks";
import { LedgerAccountKind as Kind, type Balance, type TieOut } from "../gen/quittance/view/v1/ledger_pb";
import { ledger, PATIENCE } from "../service/client";
import { everything } from "../service/pages";
import { useQuery } from "../service/query";
import { Amount, Badge, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count } from "../values/decimal";

const TIES: Column<TieOut>[] = [
  { id: "ties", head: "Ties", by: (row) => (row.ties ? 1 : 0), cell: (row) => <Badge tone={row.ties ? "good" : "bad"}>{row.ties ? "ties" : "broken"}</Badge> },
  { id: "entity", head: "Entity", by: (row) => row.entity, cell: (row) => row.entity },
  { id: "asset", head: "Asset", by: (row) => row.currency || row.instrument, cell: (row) => row.currency || row.instrument },
  { id: "ownership", head: "Ownership", figure: true, cell: (row) => <Amount of={row.ownership} /> },
  { id: "location", head: "Location", figure: true, cell: (row) => <Amount of={row.location} /> },
  { id: "traded", head: "Traded", figure: true, cell: (row) => <Amount of={row.traded} /> },
  { id: "settled", head: "Settled", figure: true, cell: (row) => <Amount of={row.settled} /> },
  { id: "open", head: "Open", figure: true, cell: (row) => <Amount of={row.open} /> },
];

const BALANCES: Column<Balance>[] = [
  { id: "kind", head: "Kind", by: (row) => row.kind, cell: (row) => words(Kind[row.kind] ?? "") },
  { id: "account", head: "Account", by: (row) => row.account, cell: (row) => row.account || <span class="absent">–</span> },
  { id: "amount", head: "Balance", figure: true, cell: (row) => <Amount of={row.amount} /> },
];

export function Ledger() {
  const [chosen, setChosen] = useState<string>();
  const [filter, setFilter] = useState("");
  const asked = useQuery("ties", () => ledger.listTieOuts({}, PATIENCE));
  const lines = asked.value?.lines ?? [];
  const rows = useMemo(
    () => lines.filter((row) => `${row.entity} ${row.currency} ${row.instrument} ${row.ties ? "" : "broken"}`.toLowerCase().includes(filter.toLowerCase())),
    [lines, filter],
  );
  const key = (row: TieOut) => `${row.entity}/${row.currency || row.instrument}`;
  const broken = lines.filter((row) => !row.ties).length;
  const line = lines.find((row) => key(row) === chosen) ?? rows[0];
  return (
    <div class="ledger">
      <h1 class="sr">Ledger</h1>
      <div class="columns wide-left">
        <Panel
          title="Tie-outs"
          note={asked.value && (broken === 0 ? `all ${count(lines.length)} tie` : `${count(broken)} of ${count(lines.length)} do not tie`)}
          actions={<input type="search" aria-label="Filter" placeholder="Filter: entity, asset, broken ( / )" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />}
        >
          <Missing of={asked} />
          {asked.value && <Table label="Tie-outs" rows={rows} columns={TIES} rowKey={key} sort={{ id: "ties", desc: false }} visible={26} keys chosen={line && key(line)} onOpen={(row) => setChosen(key(row))} />}
        </Panel>
        {line && <Balances entity={line.entity} asset={line.currency || line.instrument} />}
      </div>
    </div>
  );
}

function Balances({ entity, asset }: { entity: string; asset: string }) {
  const asked = useQuery(`balances ${entity} ${asset}`, () =>
    everything((pageToken) => ledger.listBalances({ filter: { entity, asset }, pageSize: 1_000, pageToken }, PATIENCE), (page) => page.balances),
  );
  const groups = [
    { title: "Who owns it", rows: (asked.value ?? []).filter((row) => row.kind !== Kind.LOCATION) },
    { title: "Where it lies", rows: (asked.value ?? []).filter((row) => row.kind === Kind.LOCATION) },
  ];
  return (
    <Panel title={`${asset} of ${entity}`}>
      <Missing of={asked} />
      {asked.value && groups.map((group) => (
        <div key={group.title}>
          <h3>{group.title}</h3>
          <Table label={group.title} rows={group.rows} columns={BALANCES} rowKey={(row) => `${row.kind}/${row.account}`} visible={14} />
        </div>
      ))}
    </Panel>
  );
}
