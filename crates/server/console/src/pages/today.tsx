// Today's settlement: how much by status and reason, and every instruction that is open, live.
import { useMemo, useState } from "preact/hooks";
import { InstructionStatus as Status, type Instruction, type SummaryLine } from "../gen/quittance/view/v1/status_pb";
import { PATIENCE, settlement } from "../service/client";
import { connection, ended, open, truncated } from "../service/live";
import { useQuery } from "../service/query";
import { may } from "../service/standing";
import { Amount, Missing, Panel, Reason, StatusBadge } from "../ui/parts";
import { go } from "../ui/route";
import { Table, type Column } from "../ui/table";
import { count, whole } from "../values/decimal";
import { isFree, movement, statusOf, STATUSES } from "../values/status";
import { date } from "../values/time";

interface Choice {
  status?: Status;
  reason?: string;
}

export function Today() {
  const [choice, setChoice] = useState<Choice>({});
  const [words, setWords] = useState("");
  const figures = may("operator", "approver", "risk-viewer", "auditor");
  const summary = useQuery(`summary ${figures}`, async () =>
    figures ? (await settlement.summarizeInstructions({}, PATIENCE)).lines : ([] as SummaryLine[]),
  );
  return (
    <div class="today">
      <h1 class="sr">Today's settlement</h1>
      {figures && <Tiles lines={summary.value ?? []} choice={choice} onChoose={setChoice} />}
      <div class="columns">
        {figures && (
          <Panel title="By reason" note="of all days" class="reasons">
            <Missing of={summary} />
            {summary.value && <Reasons lines={summary.value} choice={choice} onChoose={setChoice} />}
          </Panel>
        )}
        <Instructions choice={choice} words={words} onWords={setWords} onChoose={setChoice} />
      </div>
    </div>
  );
}

interface Choosing {
  lines: SummaryLine[];
  choice: Choice;
  onChoose: (choice: Choice) => void;
}

function Tiles({ lines, choice, onChoose }: Choosing) {
  const total = lines.reduce((sum, line) => sum + line.count, 0n);
  return (
    <div class="tiles" role="group" aria-label="By status">
      {STATUSES.map(({ status, name, tone, code }) => {
        const number = lines.filter((line) => line.status === status).reduce((sum, line) => sum + line.count, 0n);
        const chosen = choice.status === status && choice.reason === undefined;
        return (
          <button
            type="button"
            key={name}
            class={`tile ${tone}`}
            data-status={name}
            aria-pressed={chosen}
            onClick={() => onChoose(chosen ? {} : { status })}
          >
            <span class="name">{name} <small>{code}</small></span>
            <b>{count(number)}</b>
            <meter min={0} max={Number(total) || 1} value={Number(number)} aria-hidden="true" />
            <small class="share">{share(number, total)}</small>
          </button>
        );
      })}
    </div>
  );
}

/** A share in tenths of a percent, cut and not rounded: 100.0 % is all of them. */
function share(number: bigint, total: bigint): string {
  if (total === 0n) return "–";
  const tenths = (number * 1_000n) / total;
  return `${tenths / 10n}.${tenths % 10n} %`;
}

function Reasons({ lines, choice, onChoose }: Choosing) {
  const toggle = (line: SummaryLine) =>
    onChoose(choice.status === line.status && choice.reason === line.reason ? {} : { status: line.status, reason: line.reason });
  const domains = new Set(lines.map((line) => line.domain)).size;
  const columns = useMemo<Column<SummaryLine>[]>(
    () => [
      { id: "status", head: "Status", by: (line) => line.status, cell: (line) => <StatusBadge status={line.status} /> },
      { id: "reason", head: "Reason", by: (line) => line.reason, cell: (line) => <button type="button" class="link" aria-label={`${statusOf(line.status).name} ${line.reason} ${line.currency}`} onClick={() => toggle(line)}><Reason code={line.reason} /></button> },
      ...(domains > 1 ? [{ id: "domain", head: "Domain", by: (line: SummaryLine) => line.domain, cell: (line: SummaryLine) => line.domain }] : []),
      { id: "count", head: "Count", figure: true, by: (line) => line.count, cell: (line) => count(line.count) },
      { id: "value", head: "Value", figure: true, cell: (line) => <Amount of={line.value} /> },
      { id: "currency", head: "Ccy", by: (line) => line.currency, cell: (line) => line.currency || "free" },
    ],
    [domains, choice],
  );
  const key = (line: SummaryLine) => `${line.status}/${line.reason}/${line.domain}/${line.currency}`;
  const order = (status: Status) => [Status.FAILING, Status.PENDING, Status.UNMATCHED, Status.SETTLED, Status.CANCELLED].indexOf(status);
  const sorted = [...lines].sort((a, b) => order(a.status) - order(b.status) || a.reason.localeCompare(b.reason) || a.currency.localeCompare(b.currency));
  return (
    <Table
      label="Settlement by reason"
      rows={sorted}
      columns={columns}
      rowKey={key}
      visible={24}
      onOpen={toggle}
      nothing="Nothing was instructed yet."
    />
  );
}

export const COLUMNS: Column<Instruction>[] = [
  { id: "number", head: "No.", figure: true, by: (row) => row.number, cell: (row) => <a href={`#/instruction/${row.number}`}>{row.number.toString()}</a> },
  { id: "status", head: "Status", by: (row) => row.status, cell: (row) => <StatusBadge status={row.status} /> },
  { id: "reason", head: "Reason", by: (row) => row.reasons[0] ?? "", cell: (row) => <Reason code={row.held ? "PREA" : (row.reasons[0] ?? "")} /> },
  { id: "age", head: "Age", figure: true, title: "business days since the intended date", by: (row) => row.age ?? -1, cell: (row) => <span class={row.age ? "aged" : "absent"}>{row.age ?? "–"}</span> },
  { id: "intended", head: "Intended", by: (row) => row.intendedSettlementDate, cell: (row) => date(row.intendedSettlementDate) },
  { id: "side", head: "Side", by: (row) => row.movement, cell: movement },
  { id: "quantity", head: "Quantity", figure: true, by: (row) => row.quantity?.unscaled ?? 0n, cell: (row) => <Amount of={whole(row.quantity)} places={0} /> },
  { id: "instrument", head: "Instrument", by: (row) => row.instrument, cell: (row) => <span title={row.isin}>{row.instrument}</span> },
  { id: "amount", head: "Amount", figure: true, by: (row) => row.amount?.unscaled ?? 0n, cell: (row) => (isFree(row) ? <span class="absent">free</span> : <Amount of={row.matchedAmount ?? row.amount} />) },
  { id: "currency", head: "Ccy", by: (row) => row.currency, cell: (row) => row.currency },
  { id: "party", head: "Party", by: (row) => row.party, cell: (row) => row.party },
  { id: "counterparty", head: "Counterparty", by: (row) => row.counterparty, cell: (row) => row.counterparty },
  { id: "waits", head: "Waits for", by: (row) => row.waits?.account ?? "", cell: (row) => row.waits ? <span>{row.waits.account}</span> : <span class="absent">–</span> },
];

const ENDED = [Status.SETTLED, Status.CANCELLED];
/** Ended instructions are asked for so many at a time. */
const PAGE = 500;

function Instructions(props: { choice: Choice; words: string; onWords: (words: string) => void; onChoose: (choice: Choice) => void }) {
  const { choice, words } = props;
  const past = choice.status !== undefined && ENDED.includes(choice.status);
  // What is open comes by the subscription; what has ended is asked for.
  const asked = useQuery(past ? `ended ${choice.status} ${choice.reason}` : "none", async () =>
    past ? (await settlement.listInstructions({ filter: { statuses: [choice.status!], reason: choice.reason ?? "" }, pageSize: PAGE }, PATIENCE)) : undefined,
  );
  const all = past ? (asked.value?.instructions ?? []) : open.value;
  const rows = useMemo(() => all.filter((row) => fits(row, past ? {} : choice, words)), [all, choice, words]);
  const title = choice.status === undefined ? "Open instructions" : `${statusOf(choice.status).name[0]!.toUpperCase()}${statusOf(choice.status).name.slice(1)}`;
  return (
    <Panel
      title={title}
      class="instructions"
      note={<span data-count={rows.length}>{count(rows.length)}{asked.value?.nextPageToken ? " first ones" : ""}{truncated.value && !past ? " – more are open than are kept here" : ""}{choice.reason ? ` · ${choice.reason}` : ""}</span>}
      actions={
        <>
          {choice.status !== undefined && <button type="button" onClick={() => props.onChoose({})}>Show all open</button>}
          <input
            type="search"
            aria-label="Filter"
            placeholder="Filter: party, instrument, book, trade… ( / )"
            value={words}
            onInput={(event) => props.onWords(event.currentTarget.value)}
          />
        </>
      }
    >
      {past && <Missing of={asked} />}
      {connection.value === "refused" && !past ? (
        <p class="missing">Instructions are not shown to your role.</p>
      ) : (
        <Table
          label={title}
          rows={rows}
          columns={COLUMNS}
          rowKey={(row) => row.number.toString()}
          sort={{ id: "age", desc: true }}
          visible={24}
          keys
          onOpen={(row) => go(`/instruction/${row.number}`)}
          nothing={connection.value === "connecting" ? "Asking…" : words ? "Nothing fits the filter." : "Nothing is open."}
        />
      )}
      {!past && ended.value.length > 0 && (
        <p class="ticker">
          Just ended:{" "}
          {ended.value.slice(0, 8).map((row) => (
            <a key={row.number.toString()} href={`#/instruction/${row.number}`}>{row.number.toString()} <StatusBadge status={row.status} /></a>
          ))}
        </p>
      )}
    </Panel>
  );
}

function fits(row: Instruction, choice: Choice, words: string): boolean {
  if (choice.status !== undefined && row.status !== choice.status) return false;
  if (choice.reason !== undefined && (row.reasons[0] ?? "") !== choice.reason) return false;
  if (!words.trim()) return true;
  const names = [row.number, row.party, row.counterparty, row.book, row.instrument, row.isin, row.currency, row.domain, ...row.reasons, row.depot, row.nostro, row.held ? "PREA on hold" : "", ...row.trades.flatMap((each) => [each.source, each.id])];
  const text = names.join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
