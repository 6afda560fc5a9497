// What a person is asked before something is done, sign-in, and what came of it.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asked, perform, told, type Action } from "../service/act";
import { sign, signed } from "../service/client";
import { stranger, unanswered } from "../service/standing";

export function ActionDialog() {
  const action = asked.value;
  return action ? <Ask key={action.title} action={action} /> : null;
}

function Ask({ action }: { action: Action }) {
  const box = useRef<HTMLDialogElement>(null);
  // The same again after a cut is sent under its id, and done once; what was refused or changed is another request.
  const attempt = useRef({ requestId: "", content: "" });
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => {
    box.current?.showModal();
    box.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, []);
  const close = () => (asked.value = undefined);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const fields = Object.fromEntries([...form].map(([name, value]) => [name, value.toString()]));
    const content = JSON.stringify(fields);
    if (attempt.current.content !== content) attempt.current = { requestId: crypto.randomUUID(), content };
    setBusy(true);
    const failure = await perform(action, { requestId: attempt.current.requestId, reason: fields.reason ?? "", fields });
    setBusy(false);
    if (failure === undefined) return close();
    if (!failure.uncertain) attempt.current.content = "";
    setRefused(failure.why);
  };
  return (
    <dialog ref={box} onClose={close} aria-labelledby="action-title">
      <form onSubmit={(event) => void submit(event as unknown as SubmitEvent)}>
        <h2 id="action-title">{action.title}</h2>
        {action.about && <p class="about">{action.about}</p>}
        {action.fields?.map((field) => (
          <label key={field.name}>
            <span>{field.label}</span>
            {field.choices ? (
              <select name={field.name} required={field.required}>
                {field.choices.map((choice) => (
                  <option key={choice.value} value={choice.value} selected={choice.value === field.value}>{choice.label}</option>
                ))}
              </select>
            ) : field.long ? (
              <textarea name={field.name} rows={14} required={field.required} spellcheck={false}>{field.value}</textarea>
            ) : (
              <input name={field.name} value={field.value} required={field.required} autocomplete="off" spellcheck={false} />
            )}
            {field.hint && <small>{field.hint}</small>}
          </label>
        ))}
        <label>
          <span>Reason</span>
          <input name="reason" required maxLength={1024} autocomplete="off" placeholder="why, for the record" />
        </label>
        {refused && <p class="missing bad" role="alert">{refused}</p>}
        <footer>
          <button type="button" onClick={close}>Cancel</button>
          <button type="submit" class={action.danger ? "primary danger" : "primary"} disabled={busy}>
            {busy ? "Sending…" : action.verb}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

/** Without TLS a name is enough; with TLS a token, or the certificate that the browser brings. */
export function SignIn() {
  const box = useRef<HTMLDialogElement>(null);
  const plaintext = location.protocol === "http:";
  useLayoutEffect(() => box.current?.showModal(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => form.get(name)?.toString().trim() ?? "";
    sign({ name: text("name"), token: text("token") });
  };
  return (
    <dialog ref={box} class="sign-in" onCancel={(event) => event.preventDefault()} aria-labelledby="sign-in-title">
      <form onSubmit={(event) => submit(event as unknown as SubmitEvent)}>
        <h1 id="sign-in-title"><Mark /> Quittance</h1>
        <p class="about">
          {plaintext
            ? "This service runs without TLS on this machine: it believes the name you give, and writes it beside everything you do."
            : "Paste a signed token. If your browser brings a client certificate, leave it empty."}
        </p>
        {plaintext && (
          <label>
            <span>Name</span>
            <input name="name" required autofocus autocomplete="username" pattern="[A-Za-z0-9._:\/+\-]{1,64}" placeholder="olga.ops" />
          </label>
        )}
        <label>
          <span>Token{plaintext ? " (instead of the name's word)" : ""}</span>
          <input name="token" type="password" autocomplete="off" />
        </label>
        {signed.value && stranger.value && <p class="missing bad" role="alert">{unanswered.value}</p>}
        <footer><button type="submit" class="primary">Sign in</button></footer>
      </form>
    </dialog>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M8 17l5.5 5.5L24.5 10" />
    </svg>
  );
}

/** What was done, said in passing and to a screen reader. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {told.value.map((each) => (
        <p key={each.id} class={each.bad ? "bad" : ""}>{each.text}</p>
      ))}
    </div>
  );
}
