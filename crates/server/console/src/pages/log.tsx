// The log itself, newest first, and one record in full, as auditors read it.
import { toJson } from "@bufbuild/protobuf";
import { useMemo } from "preact/hooks";
import { RecordSchema, type Record as LogRecord } from "../gen/quittance/record/v1/record_pb";
import { RejectionReason } from "../gen/quittance/record/v1/rejection_pb";
import { log, PATIENCE } from "../service/client";
import { useQuery } from "../service/query";
import { head } from "../service/standing";
import { Badge, Missing, Panel } from "../ui/parts";
import { go, path } from "../ui/route";
import { Table, type Column } from "../ui/table";
import { words } from "../values/codes";
import { count } from "../values/decimal";
import { readable } from "../values/json";
import { micros } from "../values/time";
import { origin, snake } from "./story";

/** Records that are shown of the end of the log. */
const LAST = 200n;

const decided = (record: LogRecord) => (record.content.case === "decided" ? record.content.value : undefined);

function Outcome({ record }: { record: LogRecord }) {
  const outcome = decided(record)?.outcome;
  if (outcome?.case === "rejected") return <><Badge tone="bad">rejected</Badge> {words(RejectionReason[outcome.value.reason] ?? "")} {outcome.value.subject}</>;
  if (outcome?.case === "duplicateOf") return <><Badge tone="quiet">duplicate</Badge> of {outcome.value.toString()}</>;
  const events = outcome?.case === "accepted" ? outcome.value.events.map((event) => words(snake(event.kind.case ?? ""))) : ["genesis"];
  const counted = new Map<string, number>();
  events.forEach((name) => counted.set(name, (counted.get(name) ?? 0) + 1));
  return <>{[...counted].map(([name, times]) => (times > 1 ? `${name} ×${times}` : name)).join(", ") || <span class="absent">nothing</span>}</>;
}

const COLUMNS: Column<LogRecord>[] = [
  { id: "sequence", head: "Record", figure: true, by: (row) => row.sequence, cell: (row) => <a href={`#/log/${row.sequence}`}>{row.sequence.toString()}</a> },
  { id: "at", head: "Stamped (UTC)", by: (row) => row.atMicros, cell: (row) => micros(row.atMicros) },
  { id: "actor", head: "Actor", by: (row) => decided(row)?.actor ?? "", cell: (row) => decided(row)?.actor },
  { id: "origin", head: "Came", cell: (row) => origin(decided(row)?.origin ?? {}) },
  { id: "command", head: "Command", by: (row) => decided(row)?.command?.kind.case ?? "", cell: (row) => words(snake(decided(row)?.command?.kind.case ?? "genesis")) },
  { id: "outcome", head: "What came of it", cell: (row) => <Outcome record={row} /> },
];

export function Log() {
  const sequence = path.value[1];
  return (
    <div class="log">
      <h1 class="sr">Log</h1>
      {sequence && /^\d+$/.test(sequence) ? <One sequence={BigInt(sequence)} /> : <Tail />}
    </div>
  );
}

function Tail() {
  const asked = useQuery("tail", async () => {
    const end = head.peek();
    const records: LogRecord[] = [];
    const from = end > LAST ? end - LAST + 1n : 1n;
    for await (const part of log.readRecords({ fromSequence: from, decode: true }, PATIENCE)) {
      records.push(...part.records.flatMap((each) => (each.record ? [each.record] : [])));
    }
    return records.slice(-Number(LAST));
  });
  return (
    <Panel title="The last records" note={`${count(head.value)} in all`}>
      <Missing of={asked} />
      {asked.value && <Table label="Records" rows={asked.value} columns={COLUMNS} rowKey={(row) => row.sequence.toString()} sort={{ id: "sequence", desc: true }} visible={28} keys onOpen={(row) => go(`/log/${row.sequence}`)} />}
    </Panel>
  );
}

function One({ sequence }: { sequence: bigint }) {
  const asked = useQuery(`record ${sequence}`, () => log.getRecord({ sequence }, PATIENCE));
  const record = asked.value?.record?.record;
  const json = useMemo(() => record && readable(toJson(RecordSchema, record)), [record]);
  return (
    <Panel
      title={`Record ${sequence}`}
      actions={
        <>
          {sequence > 1n && <a class="button" href={`#/log/${sequence - 1n}`}>‹ {(sequence - 1n).toString()}</a>}
          <a class="button" href={`#/log/${sequence + 1n}`}>{(sequence + 1n).toString()} ›</a>
          <a class="button" href="#/log">All</a>
        </>
      }
    >
      <Missing of={asked} />
      {json && (
        <>
          <p class="aside">chain after it: <code>{[...(asked.value?.chain ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join("")}</code></p>
          <pre tabIndex={0} aria-label="The record">{json}</pre>
        </>
      )}
    </Panel>
  );
}
