// What agents say and our records contradict, with age and owner, and how a person closes it.
import { BreakResolution } from "../gen/quittance/record/v1/command_pb";
import type { Break } from "../gen/quittance/view/v1/status_pb";
import { asked } from "../service/act";
import { operator, PATIENCE, settlement } from "../service/client";
import { useQuery } from "../service/query";
import { may, standing } from "../service/standing";
import { Amount, Missing, Panel } from "../ui/parts";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count } from "../values/decimal";
import { date } from "../values/time";

const COLUMNS: Column<Break>[] = [
  { id: "number", head: "No.", figure: true, by: (row) => row.number, cell: (row) => row.number.toString() },
  { id: "kind", head: "Kind", by: (row) => row.kind, cell: (row) => <b>{words(row.kind)}</b> },
  { id: "age", head: "Age", figure: true, title: "business days", by: (row) => row.age, cell: (row) => <span class={row.age ? "aged" : ""}>{row.age}</span> },
  { id: "since", head: "Since", by: (row) => row.since, cell: (row) => date(row.since) },
  { id: "instruction", head: "Instruction", figure: true, by: (row) => row.instruction, cell: (row) => row.instruction ? <a href={`#/instruction/${row.instruction}`}>{row.instruction.toString()}</a> : <span class="absent">–</span> },
  { id: "subject", head: "About", by: (row) => row.subject, cell: (row) => row.subject },
  { id: "account", head: "Account", by: (row) => row.items[0]?.account ?? "", cell: (row) => row.items[0]?.account || <span class="absent">–</span> },
  { id: "ours", head: "Ours", figure: true, cell: (row) => <Amount of={row.items[0]?.ours} /> },
  { id: "theirs", head: "Theirs", figure: true, cell: (row) => <Amount of={row.items[0]?.theirs} /> },
  { id: "difference", head: "Difference", figure: true, cell: (row) => <Amount of={row.items[0]?.difference} /> },
  { id: "asset", head: "Of", cell: (row) => <>{row.items[0]?.currency || row.items[0]?.instrument}{row.items.length > 1 && <small> +{row.items.length - 1} more</small>}</> },
  { id: "owner", head: "Owner", by: (row) => row.owner, cell: (row) => row.owner || <span class="absent">nobody</span> },
  { id: "act", head: "", cell: (row) => may("operator") && (
    <span class="buttons">
      <button type="button" onClick={() => assign(row)}>Assign…</button>
      <button type="button" onClick={() => close(row)}>Close…</button>
    </span>
  ) },
];

function assign(row: Break) {
  asked.value = {
    title: `Assign break ${row.number}`,
    verb: "Assign",
    fields: [{ name: "owner", label: "Owner", value: row.owner || standing.value?.caller?.actor, required: true, hint: "a person or team" }],
    send: ({ requestId, reason, fields }) =>
      operator.submitCommand({ command: { kind: { case: "assignBreak", value: { number: row.number, owner: fields.owner ?? "" } } }, requestId, reason }),
  };
}

const WAYS = [
  { value: "EXPLAINED", label: "Explained: nothing is booked", booked: false },
  { value: "TO_BOOK", label: "To a book of ours", booked: true },
  { value: "TO_PARTY", label: "To a party that owes or is owed", booked: true },
  { value: "WRITE_OFF", label: "Write off to differences", booked: true },
  { value: "UNDO", label: "Undo: the outside took it back", booked: true },
];

function close(row: Break) {
  asked.value = {
    title: `Close break ${row.number}`,
    verb: "Close it",
    danger: row.booked,
    about: row.booked ? "The difference stands on the break account: closing it books it where you say." : "Nothing stands on the break account: it is closed with an explanation.",
    fields: [
      { name: "resolution", label: "How", required: true, choices: WAYS.filter((way) => way.booked === row.booked) },
      ...(row.booked ? [{ name: "target", label: "Book or party", hint: "for the first two" }] : []),
    ],
    send: ({ requestId, reason, fields }) => {
      const resolution = BreakResolution[fields.resolution as keyof typeof BreakResolution];
      return operator.submitCommand({ command: { kind: { case: "closeBreak", value: { number: row.number, resolution, target: fields.target ?? "" } } }, requestId, reason });
    },
  };
}

export function Breaks() {
  const found = useQuery("breaks", () => settlement.listBreaks({ pageSize: 1_000 }, PATIENCE));
  return (
    <Panel title="Open breaks" note={found.value && count(found.value.breaks.length)}>
      <Missing of={found} />
      {found.value && <Table label="Breaks" rows={found.value.breaks} columns={COLUMNS} rowKey={(row) => row.number.toString()} sort={{ id: "age", desc: true }} visible={26} nothing="Agents and our records agree." />}
    </Panel>
  );
}
