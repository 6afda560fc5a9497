// One instruction: what it is, why it stands as it does, what it waits for, what may be done, and the records behind it.
import { InstructionStatus as Status, type Instruction, type Trade } from "../gen/quittance/view/v1/status_pb";
import { asked as dialog } from "../service/act";
import { PATIENCE, settlement, trade as trades } from "../service/client";
import { useQuery } from "../service/query";
import { may } from "../service/standing";
import { Amount, Badge, Fact, Missing, Panel, Reason, StatusBadge } from "../ui/parts";
import { useKeys } from "../ui/keys";
import { go, path, to } from "../ui/route";
import { compare, text, whole } from "../values/decimal";
import { isFree, isOpen, movement } from "../values/status";
import { date } from "../values/time";
import { Explained } from "./explained";
import { offers } from "./steer";
import { Story } from "./story";

export interface Known {
  instruction: Instruction;
  counter?: Instruction;
  trades: Trade[];
  /** Why an unmatched one is unmatched, computed now. */
  codes: string[];
}

export function InstructionPage() {
  const number = path.value[1] ?? "";
  const asked = useQuery(`instruction ${number}`, () => ask(BigInt(/^\d+$/.test(number) ? number : 0)));
  return (
    <>
      <Missing of={asked} />
      {asked.value && <Shown known={asked.value} />}
    </>
  );
}

async function ask(number: bigint): Promise<Known> {
  const { instruction } = await settlement.getInstruction({ number }, PATIENCE);
  if (!instruction) throw new Error(`There is no instruction ${number}`);
  const unmatched = instruction.status === Status.UNMATCHED;
  const [counter, links, why] = await Promise.all([
    instruction.counterInstruction ? settlement.getInstruction({ number: instruction.counterInstruction }, PATIENCE).catch(() => undefined) : undefined,
    Promise.all(instruction.trades.slice(0, 20).map((link) => trades.getTrade({ source: link.source, id: link.id }, PATIENCE).catch(() => undefined))),
    unmatched ? settlement.explainUnmatched({ number }, PATIENCE).catch(() => undefined) : undefined,
  ]);
  return {
    instruction,
    counter: counter?.instruction,
    trades: links.flatMap((each) => (each?.trade ? [each.trade] : [])),
    codes: why?.codes ?? [],
  };
}

function Shown({ known }: { known: Known }) {
  const { instruction: row, counter } = known;
  const list = may("operator") ? offers(row) : [];
  useKeys([
    ...list.map((offer) => ({ keys: offer.key, does: offer.action.title.toLowerCase(), run: () => (dialog.value = offer.action) })),
    { keys: "u", does: "back to the list", run: () => go("/") },
  ]);
  const free = isFree(row);
  return (
    <div class="instruction">
      <div class="title">
        <h1>
          <span class="no">{row.number.toString()}</span> {row.party} {movement(row)}s <span class="nowrap">{text(whole(row.quantity))} {row.instrument}</span>{" "}
          {row.movement === 1 ? "to" : "from"} {row.counterparty} {free ? "free of payment" : <span class="nowrap">against {text(row.matchedAmount ?? row.amount)} {row.currency}</span>}
        </h1>
        <p>
          <StatusBadge status={row.status} />
          {row.held && <Badge tone="waiting">on hold</Badge>}
          {row.cancelRequested && <Badge tone="ended">cancellation asked</Badge>}
          {row.late && <Badge tone="quiet">came late</Badge>}
          {row.reversedAtSequence > 0n && <Badge tone="bad">reversed</Badge>}
          {row.age !== undefined && row.age > 0 && <Badge tone="bad">{row.age} business {row.age === 1 ? "day" : "days"} old</Badge>}
          <span class="buttons">
            {list.map((offer) => (
              <button type="button" key={offer.name} title={offer.key} onClick={() => (dialog.value = offer.action)}>{offer.name}</button>
            ))}
          </span>
        </p>
      </div>
      <div class="halves">
        <div>
          <Waits known={known} />
          {isOpen(row) && <Explained number={row.number} />}
          <Panel title="Terms">
            <dl class="facts">
              <Fact name="Trade date">{date(row.tradeDate)}</Fact>
              <Fact name="Intended settlement">{date(row.intendedSettlementDate)}</Fact>
              <Fact name="Settled on">{date(row.actualSettlementDate)}</Fact>
              <Fact name="Domain">{row.domain}</Fact>
              <Fact name="Instrument">{row.instrument} <small>{row.isin}</small></Fact>
              <Fact name="Quantity"><Amount of={whole(row.quantity)} places={0} /></Fact>
              <Fact name="Amount instructed">{free ? "free" : <><Amount of={row.amount} /> {row.currency}</>}</Fact>
              <Fact name="Amount to settle">{row.matchedAmount ? <><Amount of={row.matchedAmount} /> {row.currency}</> : "–"}</Fact>
              <Fact name="Book">{row.book}</Fact>
              <Fact name="Depot">{row.depot || "–"}</Fact>
              <Fact name="Nostro">{row.nostro ? <a href={to("cash", row.nostro, row.currency)}>{row.nostro}</a> : "–"}</Fact>
              <Fact name="Priority">{["", "1 reserved", "2 top", "3 high", "4 normal"][row.priority] ?? row.priority}</Fact>
              <Fact name="Transaction type">{row.transactionType || "TRAD"}</Fact>
              <Fact name="Counter-instruction">{row.counterInstruction ? <a href={to("instruction", row.counterInstruction)}>{row.counterInstruction.toString()}</a> : "–"}</Fact>
            </dl>
          </Panel>
          <Sides known={known} />
        </div>
        <div>
          <Story known={known} />
        </div>
      </div>
    </div>
  );

  function Sides({ known }: { known: Known }) {
    if (known.instruction.trades.length === 0) return null;
    return (
      <Panel title={known.instruction.trades.length === 1 ? "Trade" : "Trades"}>
        <table class="plain">
          <thead><tr><th>Source</th><th>Id</th><th class="figure">Version</th><th class="figure">Quantity</th><th class="figure">Amount</th></tr></thead>
          <tbody>
            {known.instruction.trades.map((link) => (
              <tr key={link.trade.toString()}>
                <td>{link.source}</td><td>{link.id}</td><td class="figure">{link.version}</td>
                <td class="figure"><Amount of={whole(link.quantity)} places={0} /></td><td class="figure"><Amount of={link.amount} /></td>
              </tr>
            ))}
          </tbody>
        </table>
        {counter && <p class="aside">The other side: {counter.party}, {counter.trades.map((link) => `${link.source} ${link.id}`).join(", ")}, <StatusBadge status={counter.status} /> {!free && counter.amount && row.amount && compare(counter.amount, row.amount) !== 0 && <>instructed {text(counter.amount)} {counter.currency}: within the tolerance</>}</p>}
      </Panel>
    );
  }
}

/** In words: why it stands where it stands. */
function Waits({ known }: { known: Known }) {
  const { instruction: row, codes } = known;
  if (!isOpen(row)) {
    return (
      <Panel title={row.status === Status.SETTLED ? "Settled" : "Cancelled"}>
        <p class="why">{row.status === Status.SETTLED ? `On ${date(row.actualSettlementDate)}, in record ${row.endedAtSequence}.` : <Reason code={row.reasons[0] ?? ""} long />}</p>
      </Panel>
    );
  }
  const reasons = codes.length > 0 ? codes : row.reasons;
  return (
    <Panel title="What it waits for">
      <ul class="why">
        {reasons.map((code) => <li key={code}><Reason code={code} long /></li>)}
        {reasons.length === 0 && <li>Nothing that is known.</li>}
      </ul>
      {row.waits && (
        <p class="needs">
          A credit of <a href={row.waits.currency ? to("cash", row.waits.account, row.waits.currency) : to("ledger")}>{row.waits.account}</a>:
          it needs <b>{text(row.waits.need)} {row.waits.currency || row.waits.instrument}</b> there.
        </p>
      )}
      {row.agent && (
        <dl class="facts">
          <Fact name="Agent's status">{row.agent.status || "nothing heard yet"} {row.agent.reasons.join(" ")}</Fact>
          <Fact name="Agent's reference">{row.agent.reference || "–"}</Fact>
          <Fact name="Asked and not answered">{row.agent.request || "–"}</Fact>
          <Fact name="Last answer">{row.agent.answer || "–"}</Fact>
        </dl>
      )}
    </Panel>
  );
}
