/** Dialogs of the contour page: add and rename regions, import, propose, propagate, and what to do when someone else saved first. */
import { patchJson, postJson } from '../../api/client';
import { formatDateTime } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import { openDialog } from '../parts/dialogs';
import { ageText } from './scans';
import { organEngines, regionsOf } from './organ_engines';
import type { Contours, Network, RegionContour, TimePoint } from './wire';

const COMMON_ORGANS = ['Kidney left', 'Kidney right', 'Liver', 'Spleen', 'Red marrow', 'Salivary gland left', 'Salivary gland right', 'Thyroid', 'Bladder'];
const COLOURS: readonly (readonly [string, string])[] = Array.from({ length: 9 }, (_, n) => [`r${n + 1}`, `Colour ${n + 1}`] as const);

export function askNewRegion(courseId: string): Promise<string | null> {
  let created: string | null = null;
  return openDialog({
    title: 'Add a region', action: 'Add region',
    body: html`<div class="form"><label class="line"><span class="label">Kind</span>${select({ name: 'kind', label: 'Kind' }, [['organ', 'Organ'], ['lesion', 'Lesion']], 'organ')}</label>
      <label class="line"><span class="label">Name</span><input class="text" name="name" required maxlength="64" list="organ-names" autofocus autocomplete="off"></label>
      <datalist id="organ-names">${each(COMMON_ORGANS, (name) => html`<option value="${name}"></option>`)}</datalist>
      <p class="fs12 t3">A region keeps its name and number at every time point and in every cycle of this course.</p></div>`,
    submit: async ({ kind, name }) => {
      const made = await postJson<{ id?: string }>(`/api/courses/${courseId}/regions`, { kind, name: name?.trim() });
      created = made.id ?? '';
    },
  }).then((isDone) => (isDone ? created : null));
}

export function askRename(region: RegionContour): Promise<boolean> {
  return openDialog({
    title: `Rename ${region.name}`, action: 'Save',
    body: html`<div class="form"><label class="line"><span class="label">Name</span><input class="text" name="name" required maxlength="64" value="${region.name}" autofocus></label>
      <label class="line"><span class="label">Colour</span>${select({ name: 'colour', label: 'Colour' }, COLOURS, region.colour)}</label></div>`,
    submit: async ({ name, colour }) => { await patchJson(`/api/regions/${region.id}`, { name: name?.trim(), colour }, (region as { version?: number }).version ?? 1); },
  });
}

/** Chooses a structure set or segmentation of this time point; resolves with the run that imports it. */
export function askImport(point: TimePoint): Promise<string | null> {
  const sources = point.series.filter((series) => ['rtstruct', 'seg'].includes(series.kind));
  let runId: string | null = null;
  const body: Html = sources.length === 0
    ? html`<p class="t2">This time point has no structure set and no segmentation. Import the file first and assign it to ${ageText(point)}.</p>`
    : html`<div class="stack" role="radiogroup" aria-label="Source">${each(sources, (series, n) => html`<label class="row"><input type="radio" name="series" value="${series.id}" ${n === 0 ? html`checked` : nothing} required> ${series.description || series.kind.toUpperCase()} <span class="t3 push">${series.modality}</span></label>`)}</div>
      <p class="fs12 t3">Regions with the same name are replaced in a new revision; the one before stays in the history.</p>`;
  return openDialog({
    title: 'Import contours', action: sources.length > 0 ? 'Import' : 'Close', body,
    submit: async ({ series }) => {
      if (!series) return;
      runId = (await postJson<{ run_id: string }>(`/api/time-points/${point.id}/contours/import`, { series_id: series })).run_id;
    },
  }).then((isDone) => (isDone ? runId : null));
}

/** Chooses what the networks look for, organs or lesions; resolves with the run that proposes them. */
export function askProposal(point: TimePoint, { network, totalsegmentator, lesion_network: lesions }: Pick<Contours, 'network' | 'totalsegmentator' | 'lesion_network'>): Promise<string | null> {
  let runId: string | null = null;
  const engines = organEngines({ network, totalsegmentator });
  const usual = engines[0]?.usual ?? [];
  const choice = engines.length > 1 ? html`<label class="line"><span class="label">Organs by</span>${select({ name: 'engine', label: 'Organs by' }, engines.map(({ name, label }) => [name, label] as const), 'organs')}</label>` : nothing;
  const organs = engines.length > 0 ? html`${engines.length > 1 ? choice : html`<p class="t2">The network ${engines[0]?.label ?? ''} looks for these organs.</p>`}
    <div class="op-grid">${each(regionsOf(engines), ({ name, only }) => html`<label class="row"><input type="checkbox" name="region" value="${name}" ${usual.includes(name) ? html`checked` : nothing}> ${name}${only ? html` <span class="t3">${only} only</span>` : nothing}</label>`)}</div>` : nothing;
  const suspected = lesions ? html`<label class="row mt-2"><input type="checkbox" name="lesions" checked> Lesion candidates <span class="t3 push">${lesions.label}</span></label>
    <p class="fs12 t3">Places with a probability, looked at in the layout Lesions. Known lesions keep their number.</p>` : nothing;
  return openDialog({
    title: `Propose contours at ${ageText(point)}`, action: 'Propose',
    body: html`<p class="t2">What a network draws is a proposal: none counts before a person accepts it. What is accepted or locked already stays.</p>${organs}${suspected}`,
    submit: async (_, form) => {
      const regions = [...form.querySelectorAll<HTMLInputElement>('[name="region"]:checked')].map((box) => box.value);
      const hasLesions = form.querySelector<HTMLInputElement>('[name="lesions"]')?.checked ?? false;
      if (regions.length === 0 && !hasLesions) throw new Error('Choose at least one region.');
      const engine = form.querySelector<HTMLSelectElement>('[name="engine"]')?.value ?? engines[0]?.name ?? 'organs';
      runId = (await postJson<{ run_id: string }>(`/api/time-points/${point.id}/contours/propose`, { regions, has_lesions: hasLesions, engine })).run_id;
    },
  }).then((isDone) => (isDone ? runId : null));
}

export function askPropagate(from: TimePoint, others: readonly TimePoint[], network: Network): Promise<string | null> {
  let runId: string | null = null;
  return openDialog({
    title: `Propagate contours from ${ageText(from)}`, action: 'Propagate',
    body: html`<p class="t2">Copies the regions of this scan to the others through their registrations, as proposals. Accepted regions there are not changed.</p>
      <div class="stack">${each(others, (point) => html`<label class="row"><input type="checkbox" name="to-${point.id}" checked> ${ageText(point)}</label>`)}</div>
      ${network ? html`<label class="row"><input type="checkbox" name="settle" checked> <span>Move each organ, shape kept, to where ${network.label} sees it in that scan</span></label>` : nothing}`,
    submit: async (_, form) => {
      const settle = form.querySelector<HTMLInputElement>('[name="settle"]')?.checked ?? false;
      const to = others.filter((point) => form.querySelector<HTMLInputElement>(`[name="to-${point.id}"]`)?.checked).map((point) => point.id);
      runId = (await postJson<{ run_id: string }>(`/api/time-points/${from.id}/contours/propagate`, { to, settle })).run_id;
    },
  }).then((isDone) => (isDone ? runId : null));
}

export type ConflictAnswer = 'theirs' | 'mine' | 'wait';

/** Another revision was saved since: both versions are kept whatever is chosen. */
export function askConflict(fields: Record<string, unknown>): Promise<ConflictAnswer> {
  const by = typeof fields.by === 'string' ? fields.by : 'Another person';
  const at = typeof fields.at === 'string' ? `, ${formatDateTime(fields.at)}` : '';
  const number = typeof fields.number === 'number' ? fields.number : null;
  let answer: ConflictAnswer = 'wait';
  return openDialog({
    title: 'Someone saved before you', action: 'Continue',
    body: html`<p class="t2">${by} saved revision ${number ?? ''}${at}. Your strokes are kept as a draft.</p>
      <div class="stack" role="radiogroup" aria-label="What to do"><label class="row"><input type="radio" name="answer" value="theirs" required> <span>Open theirs; mine stay as a draft, to be restored</span></label>
      <label class="row"><input type="radio" name="answer" value="mine"> <span>Save the regions that I changed on top of theirs, as edited; the others stay as theirs</span></label></div>`,
    submit: ({ answer: chosen }) => { answer = chosen === 'mine' ? 'mine' : 'theirs'; return Promise.resolve(); },
  }).then((isDone) => (isDone ? answer : 'wait'));
}
