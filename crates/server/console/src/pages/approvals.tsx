// Four eyes: what one person asked for, shown as it stands in the log, and what another person says to it.
import { toJson } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { CommandSchema } from "../gen/quittance/record/v1/command_pb";
import type { Proposal } from "../gen/quittance/view/v1/status_pb";
import { asked } from "../service/act";
import { operator, PATIENCE } from "../service/client";
import { useQuery } from "../service/query";
import { may, standing } from "../service/standing";
import { Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { readable } from "../values/json";
import { instant } from "../values/time";

const COLUMNS: Column<Proposal>[] = [
  { id: "number", head: "No.", figure: true, by: (row) => row.number, cell: (row) => row.number.toString() },
  { id: "at", head: "Asked at (UTC)", by: (row) => row.at?.seconds ?? 0n, cell: (row) => instant(row.at) },
  { id: "actor", head: "Who asks", by: (row) => row.actor, cell: (row) => row.actor },
  { id: "command", head: "What", by: (row) => row.command, cell: (row) => row.command },
  { id: "subject", head: "About", by: (row) => row.subject, cell: (row) => row.subject },
];

export function Approvals() {
  const [number, setNumber] = useState(0n);
  const asked = useQuery("proposals", () => operator.listProposals({ pageSize: 1_000 }, PATIENCE));
  const proposals = asked.value?.proposals ?? [];
  const chosen = proposals.find((each) => each.number === number) ?? proposals[0];
  return (
    <div class="columns">
      <Panel title="Waiting for a second person">
        <Missing of={asked} />
        {asked.value && (
          <Table label="Proposals" rows={proposals} columns={COLUMNS} rowKey={(row) => row.number.toString()} visible={24}
            keys chosen={chosen?.number.toString()} onOpen={(row) => setNumber(row.number)} nothing="Nothing waits for a second person." />
        )}
      </Panel>
      {chosen && <Shown key={chosen.number.toString()} proposal={chosen} />}
    </div>
  );
}

function Shown({ proposal }: { proposal: Proposal }) {
  const { number, payloadHash } = proposal;
  const shown = useQuery(`proposal ${number}`, () => operator.listProposals({ number }, PATIENCE));
  const own = standing.value?.caller?.actor === proposal.actor;
  const approve = () =>
    (asked.value = {
      title: `Approve proposal ${number}`,
      verb: "Approve",
      about: `${proposal.command} ${proposal.subject}, asked for by ${proposal.actor}. You approve exactly what is shown, and nothing else.`,
      // What was seen is named: should it be another command by now, the service refuses.
      send: ({ requestId, reason }) => operator.approveProposal({ proposal: number, requestId, reason, payloadHash }),
    });
  const refuse = () =>
    (asked.value = {
      title: `${own ? "Take back" : "Refuse"} proposal ${number}`,
      verb: own ? "Take back" : "Refuse",
      danger: true,
      send: ({ requestId, reason }) => operator.refuseProposal({ proposal: number, requestId, reason }),
    });
  return (
    <Panel
      title={`Proposal ${number}`}
      note={`${proposal.command} ${proposal.subject}`}
      actions={
        <>
          {may("approver", "administrator") && !own && <button type="button" class="primary" onClick={approve}>Approve…</button>}
          {may("approver", "administrator", "operator") && <button type="button" onClick={refuse}>{own ? "Take back…" : "Refuse…"}</button>}
        </>
      }
    >
      <Missing of={shown} />
      {shown.value && (
        <>
          <p class="why">{proposal.actor} asks{shown.value.reason && <>: <q>{shown.value.reason}</q></>}</p>
          {shown.value.proposed && <pre tabIndex={0} aria-label="The command">{readable(toJson(CommandSchema, shown.value.proposed))}</pre>}
          <p class="aside">SHA-256 of the command in the log: <code>{[...payloadHash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}</code></p>
          {own && <p class="aside">You asked for it yourself: another person has to approve.</p>}
        </>
      )}
    </Panel>
  );
}
