import { getJson, postJson } from '../api/client';
import { formatShort } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { glyph, message, placeholder, select, stateTag } from '../domain/markup';
import { openDialog, openSignature } from './parts/dialogs';
import { fill, formValues, need, on } from './parts/dom';
import { answerable, letAnswer, type Finding } from './parts/findings';
import { contentLine, resultContent, type ResultContent } from './parts/result_content';
import { refreshSteps, startPage, type Step } from './parts/shell';
import { signatureList, type Signature } from './parts/signatures';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Person { id: string | number; name: string }
interface Review {
  result: { number: number; state: string };
  digest: string | null;
  content: ResultContent | null;
  is_stale: boolean;
  stale_causes: string[];
  steps: Step[];
  warnings: Finding[];
  next_meaning: 'calculated' | 'reviewed' | 'approved' | null;
  who_may_sign: (Person | string)[];
  has_signed: boolean;
  signatures: Signature[];
  /** The version that counts, as it was signed: also when its inputs changed or the next is at work. */
  approved: { number: number; digest: string; content: ResultContent } | null;
  comments: { id: string; step: string; region: string | null; text: string; author: string; at: string }[];
}

const VERBS = { calculated: 'Sign as calculated', reviewed: 'Sign as reviewed', approved: 'Approve', returned: 'Return', withdrawn: 'Withdraw' } as const;
type Meaning = keyof typeof VERBS;
const STEP_LEVEL: Record<string, 'ok' | 'ask' | 'block' | 'stale' | 'note'> = { done: 'ok', ask: 'ask', blocked: 'block', stale: 'stale', now: 'note', todo: 'note' };

const page = startPage();
let review: Review | null = null;
const namesOf = (people: Review['who_may_sign']): string[] => people.map((person) => (typeof person === 'string' ? person : person.name));
const openWarnings = (shown: Review): Finding[] => shown.warnings.filter((item) => item.level === 'ask' && !item.answer);
const blocking = (shown: Review): Finding[] => shown.warnings.filter((item) => item.level === 'block');

async function load(): Promise<void> {
  try {
    review = await getJson<Review>(`/api/cycles/${page.cycleId}/review`);
    draw(review);
  } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

function draw(shown: Review): void {
  fill(need('head'), html`<h1 class="h1">Review</h1><span class="t3">Version ${shown.result.number}</span>${stateTag(shown.result.state)}${shown.is_stale ? stateTag('stale') : nothing}`);
  const steps = html`<div class="step-states">${each(shown.steps, (step) => html`<a href="${step.url}"><span class="flag" data-l="${STEP_LEVEL[step.state] ?? 'note'}">${glyph(STEP_LEVEL[step.state] ?? 'note')}<span>${step.label}</span></span><span class="fs12 t2 ell" title="${step.reason}">${step.reason || step.state}</span></a>`)}</div>`;
  const body = shown.content
    ? html`<div class="${shown.is_stale ? 'is-stale' : ''}">${resultContent(shown.content)}</div>`
    : placeholder({ title: 'Nothing to sign yet', text: missing(shown), action: html`<a class="btn" href="${firstOpen(shown)?.url ?? '#'}">Continue with ${firstOpen(shown)?.label.toLowerCase() ?? 'the first step'}</a>` });
  fill(need('content'), html`${steps}${shown.is_stale ? html`<div class="sect">${message('stale', 'Stale: this cannot be signed', shown.stale_causes.join('; '))}</div>` : nothing}${warnings(shown)}${body}${comments(shown)}`);
  drawSide(shown);
}

const firstOpen = (shown: Review): Step | undefined => shown.steps.find((step) => step.state !== 'done');
const missing = (shown: Review): string => {
  const step = firstOpen(shown);
  return step ? `${step.label}: ${step.reason || step.state}.` : 'The dose is not calculated.';
};

function warnings(shown: Review): Html {
  if (shown.warnings.length === 0 && !shown.content) return nothing;
  if (shown.warnings.length === 0) return html`<div class="sect">${message('ok', 'No warning', 'Every check of every step passed.')}</div>`;
  const n = openWarnings(shown).length;
  return html`<div class="sect" id="warnings"><div class="sect-head"><h2 class="h2">Warnings</h2><span class="t3 fs12">${n === 0 ? 'all answered' : `${n} to answer`}${blocking(shown).length ? `, ${blocking(shown).length} blocking` : ''}</span></div><div class="stack">${each(shown.warnings, answerable)}</div></div>`;
}

function comments(shown: Review): Html {
  const items = each(shown.comments, (item) => html`<div class="comment"><div class="row fs12 t2"><b class="strong">${item.author}</b><span>${formatShort(item.at)}</span><span class="tag">${item.step}</span>${item.region ? html`<span>${item.region}</span>` : nothing}</div><p>${item.text}</p></div>`);
  const form = page.isAllowed('comment')
    ? html`<form id="comment-form" class="form mt-3"><label class="line"><span class="label">Comment</span><textarea class="area" name="text" required maxlength="4000"></textarea></label><div class="row">${select({ name: 'step', label: 'About' }, shown.steps.map((step) => [step.key, step.label] as const), 'sign')}<button class="btn push" type="submit">Add comment</button></div></form>` : nothing;
  return html`<div class="sect last"><div class="sect-head"><h2 class="h2">Comments</h2><span class="count">${shown.comments.length}</span></div>${items}${form}</div>`;
}

function drawSide(shown: Review): void {
  const people = namesOf(shown.who_may_sign);
  fill(need('inspector'), html`<div class="sect"><h2 class="h2">Signatures</h2>${signatureList(shown.signatures, shown.next_meaning, people)}</div>
    <div class="sect"><h2 class="h2">Digest of this version</h2><p class="digest">${shown.digest ?? 'Nothing to sign yet'}</p><p class="fs12 t3 mt-2">The digest changes when any number, input or version changes. A signature names it.</p></div>
    <div class="sect last"><h2 class="h2">Rule</h2><p class="fs12 t2">At least two persons sign. Who signs as reviewed has not calculated or edited this version; who approves has not calculated it.</p></div>`);
  fill(need('action'), actions(shown));
}

function mayGive(meaning: Meaning): boolean {
  const action = { calculated: 'sign_calculated', reviewed: 'sign_reviewed', approved: 'sign_approved', returned: 'sign_returned', withdrawn: 'sign_withdrawn' }[meaning];
  return page.isAllowed(action);
}

/** What is calculated goes back by a reviewer; what is reviewed also by who would approve it. */
const mayReturn = (state: string): boolean => (state === 'calculated' && mayGive('reviewed')) || (state === 'reviewed' && mayGive('returned'));

function actions(shown: Review): Html {
  const next = shown.next_meaning;
  const nOpen = openWarnings(shown).length;
  const others = [
    mayReturn(shown.result.state) ? html`<button class="btn wide mt-2" type="button" data-sign="returned">Return with a reason</button>` : nothing,
    shown.approved && mayGive('withdrawn') ? html`<button class="btn wide mt-2" type="button" data-sign="withdrawn">Withdraw version ${shown.approved.number} with a reason</button>` : nothing,
    shown.result.state === 'approved' ? html`<a class="btn primary wide mt-2" href="/cycles/${page.cycleId}/plan/">Continue with the plan</a>` : nothing,
  ];
  return html`${primary(shown, next, nOpen)}${others}`;
}

function primary(shown: Review, next: Review['next_meaning'], nOpen: number): Html {
  const disabled = (label: string, why: string): Html => html`<button class="btn wide" type="button" disabled>${label}</button><p class="fs12 t3 mt-2">${why}</p>`;
  if (!next) return nothing;
  if (!shown.content || !shown.digest) return disabled(VERBS[next], `Missing: ${missing(shown)}`);
  if (shown.is_stale) return html`<a class="btn primary wide" href="/cycles/${page.cycleId}/dose/">Recompute first</a>`;
  const blocks = blocking(shown)[0];
  if (blocks) return disabled(VERBS[next], `Blocked: ${blocks.message}`);
  if (nOpen > 0) return html`<button class="btn primary wide" type="button" data-to-warnings>Answer ${nOpen} ${nOpen === 1 ? 'warning' : 'warnings'}</button>`;
  if (!mayGive(next)) return disabled(VERBS[next], `Waits for ${namesOf(shown.who_may_sign).join(', ') || 'a person with this right'}.`);
  return html`<button class="btn primary wide" type="button" data-sign="${next}">${VERBS[next]}</button>`;
}

function sign(meaning: Meaning): void {
  const about = meaning === 'withdrawn' ? review?.approved : review && { number: review.result.number, digest: review.digest, content: review.content };
  if (!about?.digest) return;
  const { digest, number, content } = about;
  void openSignature({
    title: VERBS[meaning], action: VERBS[meaning], meaning, digest, needsReason: meaning === 'returned' || meaning === 'withdrawn',
    what: html`<dl class="kv facts"><dt>Result</dt><dd>Cycle result, version ${number}</dd><dt>Numbers</dt><dd>${content ? contentLine(content) : '—'}</dd></dl>`,
    submit: async ({ password, reason }) => { await postJson(`/api/cycles/${page.cycleId}/signatures`, { meaning, digest, password, reason }); },
  }).then((isDone) => {
    if (!isDone) return;
    toast(`Signed as ${meaning}`);
    void load();
    void refreshSteps(page.cycleId);
  });
}

on(need('action'), 'click', '[data-sign]', (button) => sign(button.dataset.sign as Meaning));
on(need('action'), 'click', '[data-to-warnings]', () => { document.getElementById('warnings')?.scrollIntoView(); document.querySelector<HTMLElement>('[data-answer-code]')?.focus(); });
on(need('content'), 'submit', '#comment-form', (form, event) => {
  event.preventDefault();
  const { text, step } = formValues(form as HTMLFormElement);
  postJson(`/api/cycles/${page.cycleId}/comments`, { text, step, region_id: null }).then(() => load(), (error: unknown) => {
    void openDialog({ title: 'The comment was not saved', body: html`<p>${errorText(error)}</p>`, action: 'Close', submit: () => Promise.resolve() });
  });
});
letAnswer(need('content'), page.cycleId, () => { toast('Answer saved'); void load(); void refreshSteps(page.cycleId); });
void load();
