// The records that made an instruction what it is, the first first: who asked, what came of it, and what was booked.
import type { Event, Posting } from "../gen/quittance/record/v1/event_pb";
import type { Record as LogRecord } from "../gen/quittance/record/v1/record_pb";
import type { Instruction, Trade } from "../gen/quittance/view/v1/status_pb";
import { Code, codeOf, log, PATIENCE, trade as trades } from "../service/client";
import { useQuery } from "../service/query";
import { Amount, Panel } from "../ui/parts";
import { to } from "../ui/route";
import { scaled, text, whole } from "../values/decimal";
import { date, micros } from "../values/time";
import { meaning, words } from "../values/codes";
import { facts, Names } from "./names";
import type { Known } from "./instruction";

interface Chapter {
  sequence: bigint;
  /** What the row itself says happened there. */
  heading: string[];
  record?: LogRecord;
}

interface Told {
  chapters: Chapter[];
  names: Names;
  /** The caller may not read the log. */
  closed: boolean;
}

export function Story({ known }: { known: Known }) {
  const { instruction: row } = known;
  const told = useQuery(`story ${row.number} ${row.changedAtSequence} ${row.endedAtSequence} ${known.counter?.changedAtSequence}`, () => ask(known));
  return (
    <Panel title="Story" note={told.value?.closed ? "the records themselves are read by auditors" : undefined}>
      {told.error && <p class="missing bad" role="alert">{told.error}</p>}
      {!told.value && !told.error && <p class="missing">Reading the log…</p>}
      <ol class="story">
        {told.value?.chapters.map((chapter) => <Told key={chapter.sequence.toString()} chapter={chapter} names={told.value!.names} known={known} />)}
      </ol>
    </Panel>
  );
}

async function ask(known: Known): Promise<Told> {
  const { instruction: row, counter } = known;
  const headings = new Map<bigint, string[]>();
  const say = (sequence: bigint, heading: string) => {
    if (sequence > 0n && !headings.get(sequence)?.includes(heading)) headings.set(sequence, [...(headings.get(sequence) ?? []), heading]);
  };
  const tell = (trade: Trade, whose: string) => {
    say(trade.capturedAtSequence, `${whose} trade captured`);
    if (trade.changedAtSequence !== trade.capturedAtSequence) say(trade.changedAtSequence, `${whose} trade changed`);
  };
  known.trades.forEach((trade) => tell(trade, "its"));
  const others = counter ? (await Promise.all(counter.trades.slice(0, 20).map((link) => trades.getTrade({ source: link.source, id: link.id }, PATIENCE).catch(() => undefined)))).flatMap((each) => (each?.trade ? [each.trade] : [])) : [];
  others.forEach((trade) => tell(trade, "the other side's"));
  say(row.issuedAtSequence, "instructed");
  if (counter) say(counter.issuedAtSequence, "the other side instructed");
  say(row.matchedAtSequence, "matched");
  for (const each of [row, counter]) {
    const ours = each === row;
    if (each && ![each.issuedAtSequence, each.matchedAtSequence, each.endedAtSequence].includes(each.changedAtSequence)) say(each.changedAtSequence, ours ? "last changed" : "the other side last changed");
  }
  say(row.endedAtSequence, row.actualSettlementDate ? "settled" : "cancelled");
  say(row.reversedAtSequence, "reversed");

  const sequences = [...headings.keys()].sort((a, b) => (a < b ? -1 : 1));
  let closed = false;
  const records = await Promise.all(
    sequences.map(async (sequence) => {
      try {
        return (await log.getRecord({ sequence }, PATIENCE)).record?.record;
      } catch (error) {
        if (codeOf(error) !== Code.PermissionDenied) throw error;
        closed = true;
        return undefined;
      }
    }),
  );
  const names = new Names();
  for (const each of [row, counter]) if (each) names.row(each);
  for (const record of records) learn(record, names, row, counter);
  return { chapters: sequences.map((sequence, at) => ({ sequence, heading: headings.get(sequence) ?? [], record: records[at] })), names, closed };
}

/** Terms of a trade of ours or of the other side's give names to numbers. */
function learn(record: LogRecord | undefined, names: Names, ...rows: (Instruction | undefined)[]) {
  for (const { kind } of facts(record)) {
    if (kind.case !== "tradeCaptured" && kind.case !== "tradeChanged") continue;
    const row = rows.find((each) => each?.trades.some((link) => link.trade === kind.value.trade));
    if (row && kind.value.terms) names.terms(kind.value.terms, row);
  }
}

function Told({ chapter, names, known }: { chapter: Chapter; names: Names; known: Known }) {
  const { record } = chapter;
  const decided = record?.content.case === "decided" ? record.content.value : undefined;
  const mine = facts(record).filter((event) => concerns(event, known));
  return (
    <li>
      <p class="when">
        <a href={to("log", chapter.sequence)}>record {chapter.sequence.toString()}</a>
        {record && <time>{micros(record.atMicros)} UTC</time>}
        <b>{chapter.heading.join(", ")}</b>
      </p>
      {decided && (
        <p class="who-asked">
          {decided.actor} <small>{origin(decided.origin)}</small> {words(snake(decided.command?.kind.case ?? ""))}{decided.reason && <q>{decided.reason}</q>}
        </p>
      )}
      {mine.map((event, at) => {
        const postings = postingsOf(event);
        return (
          <div key={at} class="fact-of">
            <p>{sentence(event, names, known)}</p>
            {postings.length > 0 && <Postings postings={postings} names={names} />}
          </div>
        );
      })}
    </li>
  );
}

function Postings({ postings, names }: { postings: Posting[]; names: Names }) {
  return (
    <table class="plain postings">
      <thead><tr><th>Entity</th><th>Account</th><th>Side</th><th class="figure">Amount</th><th>Of</th></tr></thead>
      <tbody>
        {postings.map((posting, at) => {
          const asset = posting.asset.case === "instrument" ? names.name("instrument", posting.asset.value) : (posting.asset.value ?? "");
          const scale = names.scale(asset);
          const [account, side] = accountOf(posting, names);
          return (
            <tr key={at}>
              <td>{names.name("party", posting.entity)}</td><td>{account}</td><td class="quiet">{side}</td>
              <td class="figure">{scale === undefined ? <span title="in its smallest units">{posting.amount.toString()}</span> : <Amount of={scaled(posting.amount, scale)} />}</td>
              <td>{asset}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function accountOf(posting: Posting, names: Names): [string, string] {
  switch (posting.account.case) {
    case "book": return [names.name("book", posting.account.value), "owner: book"];
    case "counterparty": return [names.name("party", posting.account.value), "owner: counterparty"];
    case "location": return [names.name("account", posting.account.value), "location"];
    case "difference": return ["differences", "owner"];
    case "breakAccount": return ["breaks", "owner"];
    default: return ["", ""];
  }
}

function postingsOf(event: Event): Posting[] {
  const value = event.kind.value;
  return value && "postings" in value ? value.postings : [];
}

/** A record may be about many; these are about this one, its other side and their trades. */
function concerns(event: Event, { instruction: row, counter }: Known): boolean {
  const numbers = [row.number, ...(counter ? [counter.number] : [])];
  const linked = [...row.trades, ...(counter?.trades ?? [])].map((link) => link.trade);
  const { kind } = event;
  switch (kind.case) {
    case "interned": case "referenceSet": case "progressed": case undefined: return false;
    case "instructionsFailing": return kind.value.instructions.some((number) => numbers.includes(number));
    case "reversed": return kind.value.instruction === undefined || numbers.includes(kind.value.instruction);
    default:
  }
  const value = kind.value;
  if ("deliver" in value && "receive" in value) return numbers.includes(value.deliver) || numbers.includes(value.receive);
  if ("instruction" in value && typeof value.instruction === "bigint") return numbers.includes(value.instruction);
  if ("trade" in value && typeof value.trade === "bigint") return linked.includes(value.trade);
  return false;
}

function sentence({ kind }: Event, names: Names, { instruction: row }: Known): string {
  const amount = (minor: bigint, asset: string) => text(asset === row.currency ? scaled(minor, names.scale(asset) ?? 0) : whole(scaled(minor, names.scale(asset) ?? 0)));
  const coded = (code: string) => (meaning(code) ? `${code}, ${meaning(code)}` : code);
  switch (kind.case) {
    case "tradeCaptured": return `Trade ${kind.value.id} version ${kind.value.version} counts from now on${kind.value.defects.length ? ", in repair" : ""}.`;
    case "tradeChanged": return `Its version ${kind.value.version} is in force${kind.value.economic ? " and replaces the instruction" : ""}.`;
    case "tradeCancelled": return `Version ${kind.value.version} cancels the trade.`;
    case "tradeChangeRequested": return `Version ${kind.value.version} ${kind.value.cancel ? "(a cancel) " : ""}waits for the counterparty's consent.`;
    case "instructionIssued": return `Instruction ${kind.value.instruction}: ${amount(kind.value.quantity, row.instrument)} ${row.instrument}${kind.value.amount ? ` against ${amount(kind.value.amount, row.currency)} ${row.currency}` : ""}.`;
    case "instructionUnmatched": return `${kind.value.instruction} is unmatched: ${kind.value.reasons.map(coded).join("; ")}.`;
    case "instructionsMatched": return `${kind.value.deliver} and ${kind.value.receive} agree${kind.value.amount ? ` on ${amount(kind.value.amount, row.currency)} ${row.currency}` : ""}${kind.value.reasons ? `; the deliverer waits: ${coded(kind.value.reasons.deliver)}; the receiver: ${coded(kind.value.reasons.receive)}` : ""}.`;
    case "instructionsPending": {
      const waits = kind.value.waits;
      const asset = waits?.asset.case === "instrument" ? names.name("instrument", waits.asset.value) : (waits?.asset.value ?? "");
      return `The pair waits: ${coded(kind.value.reasons?.deliver ?? "")}; ${coded(kind.value.reasons?.receive ?? "")}${waits ? `. It needs ${amount(waits.need, asset)} ${asset} in ${names.name("account", waits.account)}` : ""}.`;
    }
    case "instructionSteered": return `${kind.value.instruction}: ${kind.value.held ? "on hold" : "not held"}, priority ${kind.value.priority}${kind.value.cancelRequested ? ", cancellation asked" : ""}.`;
    case "instructionsSettled": return `Delivered ${amount(kind.value.quantity, row.instrument)} ${row.instrument}${kind.value.amount ? ` and paid ${amount(kind.value.amount, row.currency)} ${kind.value.currency}` : ""}, value ${date(kind.value.valueDate)}.`;
    case "instructionsFailing": return `The cut-off of ${date(kind.value.date)} passed without settlement: it fails.`;
    case "instructionCancelled": return `${kind.value.instruction} is cancelled: ${coded(kind.value.reason)}.`;
    case "instructionConfirmed": return `The agent settled ${amount(kind.value.quantity, row.instrument)} ${row.instrument}, effective ${date(kind.value.effectiveDate)}.`;
    case "instructionAdvised": return `The agent says ${kind.value.status} ${kind.value.reasons.join(" ")} ${kind.value.narrative}`;
    case "instructionSent": return `Message ${kind.value.message?.reference ?? ""} goes to the agent of ${kind.value.message?.domain ?? ""}.`;
    case "requestAnswered": return `The agent answers ${kind.value.status} ${kind.value.reasons.join(" ")}.`;
    case "reversed": return `The postings of record ${kind.value.sequence} were turned round.`;
    default: return words(snake(kind.case ?? ""));
  }
}

/** tradeCaptured → trade_captured */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
}

export function origin(origin: { case?: string; value?: unknown }): string {
  switch (origin.case) {
    case "kafka": {
      const from = origin.value as { topic: string; partition: number; offset: bigint };
      return `by ${from.topic} ${from.partition}@${from.offset}`;
    }
    case "requestId": return "by call";
    case "engine": return "by the clock";
    case "fileLine": return "from a file";
    default: return "";
  }
}
