/** Dialogs only to sign, to give a reason, or before loss of work. The title is the action; Esc cancels. */
import { html, nothing, type Html } from '../../domain/html';
import { message } from '../../domain/markup';
import { fill, formValues } from './dom';
import { errorMessage, errorText } from './states';

interface Question {
  title: string;
  body: Html;
  action: string;
  isWide?: boolean;
  isDanger?: boolean;
  /** Does the work; an error keeps the dialog open and shows what failed. */
  submit: (values: Record<string, string>, form: HTMLFormElement) => Promise<void>;
}

/** Opens a dialog; resolves with true when its action was done, with false when it was cancelled. */
export function openDialog(question: Question): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = question.isWide ? 'wide' : '';
  dialog.setAttribute('aria-labelledby', 'dialog-title');
  fill(dialog, html`<form method="dialog" novalidate>
    <div class="dialog-head"><h2 class="h3" id="dialog-title">${question.title}</h2></div>
    <div class="dialog-body">${question.body}<div class="dialog-error" aria-live="assertive"></div></div>
    <div class="dialog-foot"><button class="btn" type="button" value="cancel" data-cancel>Cancel</button>
    <button class="btn ${question.isDanger ? 'danger' : 'primary'}" type="submit">${question.action}</button></div></form>`);
  document.body.append(dialog);
  const form = dialog.querySelector('form');
  const errorPlace = dialog.querySelector('.dialog-error');
  const submit = dialog.querySelector<HTMLButtonElement>('[type="submit"]');
  let isDone = false;
  let refused: { error: unknown } | null = null;
  const say = (words: Html, isNews: boolean): void => {
    errorPlace?.setAttribute('aria-live', isNews ? 'assertive' : 'off');
    if (errorPlace) fill(errorPlace, words);
  };
  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!form.reportValidity() || !submit) return;
    submit.disabled = true;
    refused = null;
    say(nothing, false);
    question.submit(formValues(form), form).then(
      () => { isDone = true; dialog.close(); },
      (error: unknown) => { submit.disabled = false; refused = { error }; say(errorMessage(error), true); },
    );
  });
  // Who corrects a field still reads what was wrong, and sees that it is not said of what stands there now.
  form?.addEventListener('input', () => {
    if (refused) say(message('note', 'At the last try', errorText(refused.error)), false);
    refused = null;
  });
  dialog.querySelector('[data-cancel]')?.addEventListener('click', () => dialog.close());
  dialog.showModal();
  dialog.querySelector<HTMLElement>('[autofocus]')?.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => { dialog.remove(); resolve(isDone); });
  });
}

/** Asks for a reason in words, which the server keeps. */
export function askReason(parts: { title: string; text: string | Html; action: string; submit: (reason: string) => Promise<void> }): Promise<boolean> {
  return openDialog({
    title: parts.title, action: parts.action,
    body: html`<p class="t2">${parts.text}</p><label class="line"><span class="label">Reason</span><textarea class="area" name="reason" required autofocus maxlength="1000"></textarea></label>`,
    submit: (values) => parts.submit((values.reason ?? '').trim()),
  });
}

export interface SignatureFacts {
  title: string;
  what: Html;
  meaning: string;
  digest: string;
  action: string;
  needsReason?: boolean;
  submit: (values: { password: string; reason: string }) => Promise<void>;
}

/** Shows version, digest and meaning, and asks for the password again. */
export function openSignature(facts: SignatureFacts): Promise<boolean> {
  const reason = facts.needsReason
    ? html`<label class="line"><span class="label">Reason</span><textarea class="area" name="reason" required maxlength="1000"></textarea></label>` : nothing;
  return openDialog({
    title: facts.title, action: facts.action,
    body: html`<div>${facts.what}</div>
      <dl class="kv facts"><dt>Meaning</dt><dd class="strong">${facts.meaning}</dd></dl>
      <div><div class="label mb-2">Digest of what you sign</div><p class="digest">${facts.digest || '—'}</p></div>${reason}
      <label class="line"><span class="label">Your password</span><input class="text" type="password" name="password" required autocomplete="current-password" autofocus></label>
      <p class="fs12 t3">Your name, role, the time and this digest are recorded with the signature.</p>`,
    submit: (values) => facts.submit({ password: values.password ?? '', reason: (values.reason ?? '').trim() }),
  });
}
