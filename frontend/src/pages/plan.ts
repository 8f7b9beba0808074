import { ApiError, getJson, postJson } from '../api/client';
import { clearFigure, figureTable, renderFigure } from '../charts/plot';
import { isAboveHardLimit } from '../domain/hard_limit';
import { html, nothing } from '../domain/html';
import { flag, message, placeholder, stateTag } from '../domain/markup';
import { openSignature } from './parts/dialogs';
import { debounced, fill, formValues, need, on } from './parts/dom';
import { bindKeys } from './parts/keys';
import { aside, asTyped, cycles, hardLimitNote, limits, prescribed, whatIf } from './parts/plan_sections';
import type { PlanPage, Prescription } from './parts/plan_types';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

const page = startPage();
const wanted = { activity: '', region: '', cycles: '' };
let plan: PlanPage | null = null;
let nAsked = 0;

/** Asks the server for the estimate; an answer that was overtaken by a newer question is dropped. */
async function load(isWhole: boolean): Promise<void> {
  const asked = ++nAsked;
  const query = new URLSearchParams(Object.entries({ activity_gbq: wanted.activity, region: wanted.region, n_cycles: wanted.cycles }).filter(([, value]) => value !== ''));
  try {
    const answer = await getJson<PlanPage>(`/api/courses/${page.courseId}/plan?${query.toString()}`);
    if (asked !== nAsked) return;
    plan = answer;
    await draw(answer, isWhole);
  } catch (error) {
    if (asked !== nAsked) return;
    if (error instanceof ApiError && error.status === 409) drawMissing(error.message);
    else showError(need('limits'), error, () => void load(true));
  }
  page.ready();
}

async function draw(shown: PlanPage, isWhole: boolean): Promise<void> {
  if (shown.obstacle) { drawObstacle(shown); return; }
  if (isWhole) {
    drawHead(shown);
    fill(need('toolbar'), whatIf(shown));
    fill(need('inspector'), aside(shown, page.isAllowed('prescribe')));
  }
  fill(need('limits'), html`${limits(shown)}<div class="mt-3">${shown.figure ? figureTable(shown.figure) : nothing}</div>`);
  fill(need('table'), cycles(shown));
  drawAction();
  if (shown.figure) await renderFigure(need('chart'), shown.figure);
  else clearFigure(need('chart'));
}

function drawHead(shown: PlanPage): void {
  const isReady = shown.readiness.every((check) => check.ok);
  const left = shown.n_cycles_left === 1 ? 'One cycle left' : `${shown.n_cycles_left} cycles left, taken at equal activity`;
  const open = shown.readiness.filter((check) => !check.ok).length;
  fill(need('head'), html`<h1 class="h1">Plan cycle ${shown.next_cycle_number}</h1><span class="t3">${left}.</span>${isReady ? flag('ok', 'Every result approved, not stale', 'push') : html`<span class="push row">${stateTag('estimate', 'WHAT-IF ONLY')}${flag('ask', `${open} ${open === 1 ? 'point' : 'points'} before a prescription`)}</span>`}`);
}

/** What a plan needs first, in the server's words, and the ways there. */
function drawMissing(text: string): void {
  fill(need('toolbar'), nothing);
  fill(need('table'), nothing);
  fill(need('limits'), placeholder({ level: 'ask', title: 'No plan yet', text, action: html`<div class="row"><a class="btn" href="/cycles/${page.cycleId}/sign/">Go to the review</a><a class="btn" href="/settings/limits/">Go to the limits</a></div>` }));
}

function drawObstacle(shown: PlanPage): void {
  drawMissing(shown.obstacle ?? '');
  fill(need('inspector'), aside(shown, false));
  fill(need('action'), nothing);
}

/** The primary action is what is missing; it signs only when an activity with its unit was typed. */
function drawAction(): void {
  if (!plan) return;
  const form = document.querySelector<HTMLFormElement>('#prescription');
  const mayPlan = page.isAllowed('edit_plan');
  const save = mayPlan ? html`<button class="btn wide mt-2" type="button" data-save>Save this what-if as plan</button>` : nothing;
  if (!form) { fill(need('action'), save); return; }
  const { value = '', unit: chosenUnit = '' } = formValues(form);
  fill(need('hard-limit'), isAboveHardLimit(value, chosenUnit, plan.hard_limit_activity) ? hardLimitNote(plan) : nothing);
  const countersign = plan.waiting_prescription?.may_countersign ? html`<button class="btn wide primary mb-3" type="button" data-countersign>Countersign</button>` : nothing;
  const open = plan.readiness.find((check) => !check.ok);
  const missing = open ? `${open.text}: ${open.value || 'open'}.` : !plan.plan ? 'Save the plan that the prescription rests on first.' : plan.plan.is_stale ? 'The saved plan is stale; save it again.' : !(Number(value) > 0) || chosenUnit === '' ? 'Type an activity and choose its unit first.' : '';
  fill(need('action'), html`${countersign}<button class="btn wide ${missing ? '' : 'primary'}" type="button" data-prescribe ${missing ? html`disabled` : nothing}>Review and sign prescription</button>${missing ? html`<p class="fs12 t3 mt-1">${missing}</p>` : nothing}${save}<div id="plan-error"></div>`);
}

async function save(): Promise<void> {
  if (!plan) return;
  try {
    const activity = plan.what_if?.activity?.value ?? null;
    await postJson(`/api/courses/${page.courseId}/plans`, { activity_gbq: activity, n_cycles: plan.n_cycles_left });
    toast('Plan saved');
    await keepingForm(() => load(true));
    void refreshSteps(page.cycleId);
  } catch (error) { fill(need('plan-error'), message('block', 'Not saved', errorText(error))); }
}

/** What the prescriber typed survives a redraw of the page around it. */
async function keepingForm(run: () => Promise<void>): Promise<void> {
  const before = document.querySelector<HTMLFormElement>('#prescription');
  const values = before ? formValues(before) : {};
  await run();
  const after = document.querySelector<HTMLFormElement>('#prescription');
  for (const [name, value] of Object.entries(values)) {
    const field = after?.elements.namedItem(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement) field.value = value;
  }
  drawAction();
}

function prescribe(): void {
  const form = document.querySelector<HTMLFormElement>('#prescription');
  const saved = plan?.plan;
  if (!form || !saved || !plan) return;
  const { value, unit: chosenUnit, departure_reason: reason, departure_text: text } = formValues(form);
  let isWaiting = false;
  void openSignature({
    title: 'Sign the prescription', action: 'Sign prescription', meaning: 'prescribed', digest: saved.digest,
    what: html`<dl class="kv facts">${prescribed({ departure_reason: reason, departure_text: text }, plan.next_cycle_number, `${value ?? ''} ${chosenUnit ?? ''}`)}<dt>Plan</dt><dd>${saved.number}</dd></dl>
      <p class="fs12 t2 mt-2">Nothing is sent to dispensing.</p>`,
    submit: async ({ password }) => {
      ({ is_waiting: isWaiting } = await postJson<Prescription>(`/api/plans/${saved.id}/prescriptions`, { activity: { value: Number(value), unit: chosenUnit }, departure_reason: reason, departure_text: text, password, digest: saved.digest }));
    },
  }).then((isDone) => { if (isDone) { toast(isWaiting ? 'Signed once: waits for a second prescriber' : 'Prescription signed'); void load(true); void refreshSteps(page.cycleId); } });
}

function countersign(): void {
  const open = plan?.waiting_prescription;
  if (!plan || !open) return;
  void openSignature({
    title: 'Countersign the prescription', action: 'Countersign', meaning: 'prescribed, as second prescriber', digest: open.digest,
    what: html`<dl class="kv facts">${prescribed(open, plan.next_cycle_number, asTyped(open.activity))}<dt>Hard limit</dt><dd>${asTyped(plan.hard_limit_activity)}</dd><dt>Signed first by</dt><dd>${open.printed_name}</dd></dl>`,
    submit: async ({ password }) => { await postJson(`/api/prescriptions/${open.id}/countersign`, { password, digest: open.digest }); },
  }).then((isDone) => { if (isDone) { toast('Prescription countersigned'); void load(true); void refreshSteps(page.cycleId); } });
}

const ask = debounced((text: string) => { wanted.activity = text; void load(false); }, 180);

on(need('toolbar'), 'input', '#what-if, #what-if-slider', (field) => {
  const { value, id } = field as HTMLInputElement;
  const other = document.getElementById(id === 'what-if' ? 'what-if-slider' : 'what-if') as HTMLInputElement | null;
  if (other && value !== '') other.value = value;
  if (Number(value) > 0) ask(value);
});
on(need('toolbar'), 'change', '#n-cycles', (field) => {
  const { value } = field as HTMLInputElement;
  if (!(Number(value) >= 1 && Number(value) <= 20)) return;
  wanted.cycles = String(Math.round(Number(value)));
  void keepingForm(() => load(true));
});
on(need('inspector'), 'input', '#prescription input, #prescription textarea', () => drawAction());
on(need('inspector'), 'change', '#prescription select', () => drawAction());
on(need('action'), 'click', '[data-save]', () => void save());
on(need('action'), 'click', '[data-prescribe]', prescribe);
on(need('action'), 'click', '[data-countersign]', countersign);
on(need('inspector'), 'submit', '#prescription', (_, event) => event.preventDefault());
bindKeys([{ keys: ['Tab'], label: 'next field' }]);
void load(true);
