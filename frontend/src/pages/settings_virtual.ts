/** Virtual patients: simulate one, let the whole chain run, and see what it found against what is true. */
import { getJson, postJson } from '../api/client';
import { ratioPlot, type Ratio } from '../charts/ratio_plot';
import { formatClock } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { flag, icon, message, placeholder, select, stateTag } from '../domain/markup';
import { formatNumber, MISSING } from '../domain/quantity';
import { cancelRun, type Run } from '../api/runs';
import { openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { jobItem } from './parts/jobs';
import { bindKeys } from './parts/keys';
import { partialVolumeFields, partialVolumeOf } from './parts/partial_volume';
import { requestFields, requestOf, scannerWords, type Ct, type StoredScanner } from './parts/virtual_request';
import { startPage } from './parts/shell';
import { showError } from './parts/states';
import { toast } from './parts/toasts';

interface Group { label: string; n: number; bar_percent: number; median_percent: number | null; is_within: boolean | null; n_covered: number; n_scored: number }
interface Region { name: string; kind: string; colour: string; ml: number; activity_ratios: (number | null)[]; tia_ratio: number | null; dose_ratio: number | null; dose_ratio_u: number | null; dose_gy: number | null; true_dose_gy: number | null; z: number | null }
interface Virtual {
  id: string; patient_id: string; request: { agent: string; seed: number; scan_times_h: number[]; variants?: string[]; cycle_number?: number } & StoredScanner; is_automatic: boolean;
  state: 'working' | 'finished' | 'stopped'; error_message: string; run: Run | null; cycle_id: string | null; author: string; at: string; groups: Group[]; regions?: Region[]; /** Why nothing is compared with the truth. */ refusal?: string;
}
interface Answer { results: Virtual[]; agents: Record<string, string>; variants: string[]; lesion_sites: string[]; usual_ct: Ct }

const POLL_MS = 3000;
const BARS: Record<string, number> = { organ: 0.05, lesion: 0.1 };
/** From the 10 mL sphere that benchmarks/virtual_patients.py simulates with the usual reconstruction. */
const RESOLUTION = { partial_volume: 'gtm', resolution_fwhm_mm: 4.6, resolution_standard_uncertainty_mm: 0.5, resolution_source: '10 mL sphere, simulated with the same camera and reconstruction' };
const page = startPage();
const mayMake = page.isAllowed('run_calculation');
let answer: Answer = { results: [], agents: {}, variants: [], lesion_sites: [], usual_ct: { dose_level: 'low_dose', has_contrast: false, breathing_mm: 0, field_of_view_mm: 0 } };
let shownId = '';
let detail: Virtual | null = null;

const shown = (): Virtual | undefined => answer.results.find((item) => item.id === shownId);
const words = (name: string): string => name.replaceAll('_', ' ');
const percent = (ratio: number | null): string => ratio === null ? MISSING : `${ratio >= 1 ? '+' : '−'}${formatNumber(Math.abs(100 * (ratio - 1)), 2)}`;

async function load(): Promise<void> {
  try {
    answer = await getJson<Answer>(`/api/sites/${page.siteId}/virtual-patients`);
    if (!shown()) shownId = answer.results[0]?.id ?? '';
    detail = shownId ? await getJson<Virtual>(`/api/virtual-patients/${shownId}`) : null;
    draw();
    if (answer.results.some((item) => item.state === 'working')) setTimeout(() => void load(), POLL_MS);
  } catch (error) { showError(need('content'), error, () => void load()); }
}

function state(item: Virtual): Html {
  if (item.state === 'finished') return item.is_automatic ? stateTag('confirmed', 'DONE') : stateTag('open', 'FOR PEOPLE');
  return item.state === 'stopped' ? stateTag('withdrawn', 'STOPPED') : stateTag('open', 'WORKING');
}

function medians(item: Virtual): Html {
  const rows = item.groups.filter((group) => group.median_percent !== null);
  return rows.length === 0 ? html`<span class="t3">—</span>` : html`${each(rows, (group) => html`<span class="flag" data-l="${group.is_within ? 'ok' : 'ask'}">${percent(1 + (group.median_percent ?? 0) / 100)} %</span> `)}`;
}

function draw(): void {
  fill(need('head'), html`<h1 class="h1">Virtual patients</h1><span class="t3 ell">Simulated scans whose truth is known: the acceptance test of the whole chain.</span>${mayMake ? html`<button class="btn primary push" type="button" data-new>${icon('plus', 's')}New virtual patient</button>` : nothing}`);
  const row = (item: Virtual): Html => html`<tr tabindex="0" data-row="${item.id}" aria-selected="${String(item.id === shownId)}"><td class="strong">${item.patient_id}${(item.request.cycle_number ?? 1) > 1 ? html` <span class="t3">cycle ${item.request.cycle_number}</span>` : nothing}</td><td>${item.request.agent}</td><td class="num">${item.request.seed}</td><td class="num">${item.request.scan_times_h.map((hours) => formatNumber(hours)).join(', ')}</td><td class="t2">${(item.request.variants ?? []).map(words).join(', ') || '—'}</td><td>${medians(item)}</td><td class="t2">${item.author}, ${formatClock(item.at)}</td><td>${state(item)}</td></tr>`;
  fill(need('content'), answer.results.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Patient</th><th>Agent</th><th class="num">Seed</th><th class="num">Scans (h)</th><th>Variants</th><th>Median dose error: organs, lesions</th><th>Made</th><th>State</th></tr></thead><tbody>${each(answer.results, row)}</tbody></table></div>${regionTable()}`
    : placeholder({ icon: 'cube', title: 'No virtual patient yet', text: 'A virtual patient has known activity and dose. Its scans go through import, reconstruction, registration, contours, curves and dose like any other; this page compares the result with the truth.', action: mayMake ? html`<button class="btn primary" type="button" data-new>New virtual patient</button>` : nothing }));
  drawInspector();
}

function regionTable(): Html {
  const rows = detail?.regions ?? [];
  if (rows.length === 0) return html``;
  const line = (row: Region): Html => html`<tr><td class="strong" data-colour="${row.colour}"><span class="row"><i class="swatch"></i>${row.name}</span></td><td class="num">${formatNumber(row.ml)}</td><td class="num t2">${row.activity_ratios.map((ratio) => percent(ratio)).join('  ')}</td><td class="num">${percent(row.tia_ratio)}</td><td class="num">${row.dose_gy === null ? MISSING : formatNumber(row.dose_gy)}</td><td class="num">${row.true_dose_gy === null ? MISSING : formatNumber(row.true_dose_gy)}</td><td class="num">${percent(row.dose_ratio)}</td><td class="num">${row.z === null ? MISSING : flag(Math.abs(row.z) <= 2 ? 'ok' : 'ask', `${row.z >= 0 ? '+' : '−'}${formatNumber(Math.abs(row.z), 2)}`)}</td></tr>`;
  return html`<div class="page-head"><h2 class="h2">Found against true</h2><span class="t3">${detail?.patient_id ?? ''}: error in per cent of the truth</span></div><div class="scroll"><table class="table dense"><thead><tr><th>Region</th><th class="num">Volume (mL)</th><th class="num">Activity at each scan (%)</th><th class="num">TIA (%)</th><th class="num">Dose (Gy)</th><th class="num">True (Gy)</th><th class="num">Dose error (%)</th><th class="num">Error / u</th></tr></thead><tbody>${each(rows, line)}</tbody></table></div>`;
}

function drawInspector(): void {
  const item = detail;
  const rules = html`<div class="sect last stack"><h2 class="h2">How to read it</h2><p class="t2 fs12">Contours of the reference scan are the true ones, carried to the other scans by the product. Everything else, from counts to dose, is what a patient would get.</p><p class="t2 fs12">Shaded is what this project asks of itself: 5 % for organs above 100 mL, 10 % for lesions of 5 mL and more, as medians. Whiskers are two standard uncertainties.</p><p class="t2 fs12">These patients are no persons. They are left out of populations.</p></div>`;
  if (!item) { fill(need('inspector'), rules); return; }
  const working = item.state === 'working' ? html`<div class="sect"><h2 class="h2">Working</h2>${item.run ? html`<ul>${jobItem(item.run)}</ul>` : html`<p class="t3 fs12">Waiting for a worker.</p>`}<p class="t3 fs12 mt-2">Simulation, reconstruction and dose take some minutes. You can leave this page.</p></div>` : nothing;
  const stopped = item.state === 'stopped' ? html`<div class="sect">${message('block', 'It goes on no further by itself', item.error_message)}</div>` : nothing;
  const refused = item.refusal ? html`<div class="sect">${message('ask', 'Not compared with the truth', item.refusal)}</div>` : nothing;
  const byHand = item.state === 'finished' && !item.is_automatic && !item.regions?.length && !item.refusal ? html`<div class="sect"><p class="t2 fs12">Imported and reconstructed. Take the case through the chain by hand; the comparison appears here with the curves.</p></div>` : nothing;
  const group = (row: Group): Html => html`<dt title="Median of ${row.n}">${row.label}</dt><dd class="num">${row.median_percent === null ? MISSING : flag(row.is_within ? 'ok' : 'ask', `${percent(1 + row.median_percent / 100)} %`)}</dd><dt class="t3">Truth within 2 u</dt><dd class="num">${row.n_covered} of ${row.n_scored}</dd>`;
  const drawn: Ratio[] = (item.regions ?? []).map((row) => ({ name: row.name, colour: row.colour, ratio: row.dose_ratio, u: row.dose_ratio_u, bar: BARS[row.kind] ?? 0.1 }));
  const result = drawn.some((row) => row.ratio !== null) ? html`<div class="sect"><h2 class="h2">Recovered against true</h2><dl class="kv mt-2">${each(item.groups, group)}</dl>${ratioPlot(drawn, 262, `Error of absorbed dose, ${item.patient_id}`)}</div>` : nothing;
  const scanner = scannerWords(item.request, answer.usual_ct);
  const open = item.cycle_id ? html`<div class="sect"><a class="btn wide" href="/cycles/${item.cycle_id}/guard/">Open the case</a></div>` : nothing;
  fill(need('inspector'), html`<div class="sect"><div class="row between"><h1 class="h3 ell">${item.patient_id}</h1>${state(item)}</div>${scanner ? html`<p class="t3 fs12 mt-2">${scanner}</p>` : nothing}</div>${working}${stopped}${refused}${byHand}${result}${open}${rules}`);
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;

function hoursOf(text: string): number[] {
  const hours = text.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (hours.length === 0 || hours.some((value) => !(value > 0))) throw new Error('Give the scans as hours, as 24, 96, 168.');
  return hours;
}

function create(): void {
  void openDialog({
    title: 'New virtual patient', action: 'Simulate', isWide: true,
    body: html`<div class="form"><div class="pair">${field('Agent', select({ name: 'agent' }, Object.entries(answer.agents).map(([name, nuclide]) => [name, `${name} (${nuclide})`] as const), 'DOTATATE'))}${field('Seed: equal seeds give equal patients', html`<input class="text" type="number" min="0" max="999999" step="1" name="seed" value="${String(1 + Math.floor(Math.random() * 9999))}" required>`)}</div>
      ${field('Scans, hours after administration', html`<input class="text" name="hours" value="24, 96, 168" required>`)}
      <fieldset class="model-choice"><legend class="label">Variants that make it harder</legend>${each(answer.variants, (name) => html`<label class="row"><input type="checkbox" name="variant_${name}"><span>${words(name)}</span></label>`)}</fieldset>
      ${requestFields(answer.lesion_sites, answer.usual_ct)}
      ${partialVolumeFields(RESOLUTION)}
      <label class="row"><input type="checkbox" name="automatic" checked><span>Take it through the whole chain without a person, with the true contours</span></label></div>`,
    submit: async (values) => {
      const variants = answer.variants.filter((name) => values[`variant_${name}`] !== undefined);
      const made = await postJson<Virtual>(`/api/sites/${page.siteId}/virtual-patients`, {
        agent: values.agent, seed: Number(values.seed), scan_times_h: hoursOf(values.hours ?? ''), variants, ...requestOf(values), is_automatic: values.automatic !== undefined, curves: partialVolumeOf(values),
      });
      shownId = made.id;
    },
  }).then((isDone) => { if (isDone) { toast('Simulation queued'); void load(); } });
}

function choose(id: string): void {
  shownId = id;
  void getJson<Virtual>(`/api/virtual-patients/${id}`).then((item) => { detail = item; draw(); document.querySelector<HTMLElement>(`[data-row="${id}"]`)?.focus(); }, (error: unknown) => showError(need('inspector'), error, () => choose(id)));
}

function step(by: number): void {
  const rows = answer.results;
  const next = rows[(rows.findIndex((row) => row.id === shownId) + by + rows.length) % Math.max(rows.length, 1)];
  if (next) choose(next.id);
}

on(need('head'), 'click', '[data-new]', create);
on(need('content'), 'click', '[data-new]', create);
on(need('content'), 'click', '[data-row]', (row) => choose(row.dataset.row ?? ''));
on(need('content'), 'keydown', '[data-row]', (row, event) => { if (event.key === 'Enter') choose(row.dataset.row ?? ''); });
on(need('inspector'), 'click', '[data-cancel]', () => { if (detail?.run) void cancelRun(detail.run.id).then(load); });
bindKeys([{ keys: [','], label: 'patient before', run: () => step(-1) }, { keys: ['.'], label: 'next patient', run: () => step(1) }]);
void load().then(() => page.ready());
