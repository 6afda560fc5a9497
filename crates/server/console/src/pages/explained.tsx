// What would settle an instruction: the causes in order and the smallest changes, found and proved by the engine on a copy.
// Asked for, not shown at once: the answer is dear.
import { useState } from "preact/hooks";
import { SettlementActor as Actor, type Explanation, type SettlementCause, type SettlementChange } from "../gen/quittance/view/v1/explanation_pb";
import { PATIENCE, settlement } from "../service/client";
import { useQuery } from "../service/query";
import { may } from "../service/standing";
import { useKeys } from "../ui/keys";
import { Badge, Missing, Panel } from "../ui/parts";
import { to } from "../ui/route";

/** Between two answers while it is shown, in milliseconds. */
const PACE = 5_000;

const ACTORS: Record<number, string> = {
  [Actor.WE]: "we",
  [Actor.COUNTERPARTY]: "counterparty",
  [Actor.AGENT]: "agent",
};

export function Explained({ number }: { number: bigint }) {
  const [shown, setShown] = useState(false);
  useKeys([{ keys: "e", does: "what would settle it", run: () => setShown((before) => !before) }]);
  if (!may("operator", "approver", "auditor")) return null;
  const button = <button type="button" title="e" aria-pressed={shown} onClick={() => setShown(!shown)}>{shown ? "Hide" : "Explain"}</button>;
  return (
    <Panel title="What would settle it" actions={button}>
      {shown && <Answer number={number} />}
    </Panel>
  );
}

function Answer({ number }: { number: bigint }) {
  const asked = useQuery(`explain ${number}`, () => settlement.explainSettlement({ number }, PATIENCE), PACE);
  const explanation = asked.value?.explanation;
  return (
    <>
      <Missing of={asked} />
      {explanation && <Found of={explanation} />}
    </>
  );
}

function Found({ of }: { of: Explanation }) {
  const nothing = of.settles && of.changes.length === 0;
  return (
    <div class="explained">
      <ol class="why">
        {of.causes.map((cause, at) => <Cause key={at} cause={cause} asked={of.instruction} />)}
      </ol>
      {of.changes.length > 0 && (
        <ol class="why changes">
          {of.changes.map((change, at) => <Change key={at} change={change} />)}
        </ol>
      )}
      <p class="needs">
        {nothing && "It settles by what is already under way."}
        {of.settles && !nothing && <><Badge tone="good">proved</Badge> done together on a copy of the state, this settles it.</>}
        {!of.settles && <><Badge tone="bad">not found</Badge> {of.unfound}.</>}
        {of.partial && " More waits on the same accounts than was looked at: others may be served first."}
      </p>
    </div>
  );
}

function Cause({ cause, asked }: { cause: SettlementCause; asked: bigint }) {
  return (
    <li>
      <b>{cause.codes.join(" ")}</b> {cause.text}
      {cause.instruction > 0n && cause.instruction !== asked && <> (<a href={to("instruction", cause.instruction)}>{cause.instruction.toString()}</a> of {cause.party})</>}
    </li>
  );
}

function Change({ change }: { change: SettlementChange }) {
  const ours = change.actor === Actor.WE;
  return (
    <li>
      <Badge tone={ours ? "waiting" : "quiet"}>{ours ? "we" : `advice: ${ACTORS[change.actor] ?? "?"}`}</Badge> {change.text}
      {change.needsSecond && ", by two persons"}
      {change.assumes && <small> taken for granted: {change.assumes}</small>}
    </li>
  );
}
