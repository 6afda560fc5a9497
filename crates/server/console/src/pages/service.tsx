// How the service itself is: what follows the log and how far, where commands come from, what is open.
import { SourceState } from "../gen/quittance/service/v1/operator_pb";
import { standing } from "../service/standing";
import { Badge, Fact, Panel } from "../ui/parts";
import { Table } from "../ui/table";
import { words } from "../values/codes";
import { count } from "../values/decimal";
import { instant } from "../values/time";

export function Service() {
  const now = standing.value;
  if (!now) return <p class="missing">Asking…</p>;
  return (
    <div class="service">
      <h1 class="sr">Service</h1>
      <div class="columns">
        <Panel title="Shard">
          <dl class="facts">
            <Fact name="Version">{now.version}</Fact>
            <Fact name="House">{now.house}, shard {now.shard}</Fact>
            <Fact name="Runs since (UTC)">{instant(now.startedAt)}</Fact>
            <Fact name="Last record">{count(now.sequence)}</Fact>
            <Fact name="Stamped (UTC)">{instant(now.at)}</Fact>
            <Fact name="Chain"><code class="cut">{[...now.chain].map((byte) => byte.toString(16).padStart(2, "0")).join("")}</code></Fact>
            {now.open.map((each) => <Fact key={each.name} name={`Open: ${words(each.name)}`}>{count(each.count)}</Fact>)}
          </dl>
        </Panel>
        <div>
          <Panel title="Views">
            <Table
              label="Views"
              rows={now.followers}
              rowKey={(row) => row.name}
              columns={[
                { id: "name", head: "View", cell: (row) => row.name },
                { id: "sequence", head: "At record", figure: true, cell: (row) => count(row.sequence) },
                { id: "behind", head: "Behind", figure: true, cell: (row) => count(now.sequence > row.sequence ? now.sequence - row.sequence : 0n) },
                { id: "stopped", head: "Stands", cell: (row) => (row.stopped ? <><Badge tone="bad">stopped</Badge> {row.stopped}</> : <Badge tone="good">runs</Badge>) },
              ]}
            />
          </Panel>
          <Panel title="Where commands come from">
            <Table
              label="Sources"
              rows={now.sources}
              rowKey={(row) => row.name}
              columns={[
                { id: "name", head: "Source", cell: (row) => row.name },
                { id: "state", head: "Stands", cell: (row) => <Badge tone={row.state === SourceState.RUNNING ? "good" : row.state === SourceState.HALTED ? "bad" : "waiting"}>{words(SourceState[row.state] ?? "")}</Badge> },
                { id: "offset", head: "Next offset", figure: true, cell: (row) => count(row.nextOffset) },
                { id: "behind", head: "To come", figure: true, cell: (row) => count(row.behind) },
                { id: "reason", head: "", cell: (row) => row.reason },
              ]}
              nothing="Calls only: no broker is configured."
            />
          </Panel>
        </div>
      </div>
    </div>
  );
}
