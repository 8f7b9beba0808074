import { getJson, postJson } from '../api/client';
import { formatDate } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { bareNumber, flag, icon, placeholder, select, skeleton, stateTag } from '../domain/markup';
import type { MaybeQuantity } from '../domain/quantity';
import { startDensityCurves } from './parts/density_curves';
import { askReason, openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { startRecoveryCurves } from './parts/recovery_curves';
import { startPhantoms, type FactorDraft } from './parts/phantoms';
import { startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Calibration {
  id: string; camera: string; nuclide: string; imaged_kev: number | null; collimator: string; reconstruction: string; calibration: MaybeQuantity; valid_from: string; valid_to: string | null; source: string;
  is_confirmed: boolean; confirmed_by: string | null; is_withdrawn: boolean; author?: string;
}

/** The word of a factor that serves projections, and only these: measured in air with one head. */
const PROJECTIONS = 'Projections, one head';
const SOON_MS = 30 * 86_400_000;
const page = startPage();
let factors: Calibration[] = [];

async function load(): Promise<void> {
  try {
    factors = (await getJson<{ results: Calibration[] }>(`/api/sites/${page.siteId}/calibrations`)).results;
    draw();
  } catch (error) { showError(need('factors'), error, () => void load()); }
}

function state(factor: Calibration): Html {
  if (factor.is_withdrawn) return stateTag('withdrawn');
  return factor.is_confirmed ? stateTag('confirmed') : stateTag('open', 'DRAFT');
}

function validity(factor: Calibration): Html {
  const end = factor.valid_to ? Date.parse(factor.valid_to) : Number.POSITIVE_INFINITY;
  const left = end - Date.now();
  const text = `${formatDate(factor.valid_from)} – ${factor.valid_to ? formatDate(factor.valid_to) : 'open'}`;
  if (factor.is_withdrawn || left > SOON_MS) return html`${text}`;
  return html`${text} ${flag(left < 0 ? 'block' : 'ask', left < 0 ? 'Expired' : `Ends in ${Math.ceil(left / 86_400_000)} d`)}`;
}

function draw(): void {
  const mayEdit = page.isAllowed('edit_calibration');
  fill(need('head'), html`<h1 class="h1">Cameras and calibration</h1><span class="t3">One factor per camera, nuclide, imaged line, collimator and reconstruction.</span>${mayEdit ? html`<button class="btn push" type="button" data-new>${icon('plus', 's')}New factor</button>` : nothing}`);
  const row = (factor: Calibration): Html => html`<tr><td class="strong">${factor.camera}</td><td>${factor.nuclide}${factor.imaged_kev ? html`<span class="t2">, ${Number(factor.imaged_kev.toPrecision(4))} keV</span>` : nothing}</td><td class="t2">${factor.collimator || '—'}</td><td class="text t2">${factor.reconstruction || '—'}</td><td class="num">${bareNumber(factor.calibration)}</td><td>${validity(factor)}</td><td class="text t2">${factor.source}</td><td>${state(factor)}</td>
    <td>${!factor.is_confirmed && !factor.is_withdrawn && page.isAllowed('confirm_calibration') ? html`<button class="btn" type="button" data-confirm="${factor.id}">Confirm</button>` : nothing}${!factor.is_withdrawn && page.isAllowed('confirm_calibration') ? html` <button class="btn quiet" type="button" data-withdraw="${factor.id}">Withdraw</button>` : nothing}</td></tr>`;
  fill(need('factors'), factors.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Camera</th><th>Nuclide</th><th>Collimator</th><th>Reconstruction</th><th class="num">Factor (${factors[0]?.calibration?.unit ?? 'cps/MBq'})</th><th>Valid</th><th>Source</th><th>State</th><th></th></tr></thead><tbody>${each(factors, row)}</tbody></table></div>`
    : placeholder({ icon: 'camera', title: 'No calibration factor', text: 'Images in Bq/mL need none. Images in counts need a confirmed factor of their camera. A physicist or site administrator enters it.', action: mayEdit ? html`<button class="btn primary" type="button" data-new>New factor</button>` : nothing }));
  fill(need('inspector'), html`<div class="sect last stack"><h2 class="h2">Rules</h2><p class="t2 fs12">A factor is used only when confirmed, in its dates, and for the camera, nuclide and setting that it names.</p><p class="t2 fs12">Scans that come as projections use the factor that a phantom gave with exactly their settings (“${PROJECTIONS}: OSEM …”), else the one in air, “${PROJECTIONS}”.</p><p class="t2 fs12">Withdrawing a factor marks every image, curve and dose that used it as stale. Nothing is deleted.</p><p class="t2 fs12">A density curve is used for the CTs of its scanner from its first day on. Confirming or withdrawing one marks the doses that it changes as stale.</p></div>`);
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;

function editor(draft?: FactorDraft): void {
  void openDialog({
    title: 'Enter a calibration factor', action: 'Save factor', isWide: true,
    body: html`<div class="form"><div class="pair">${field('Camera (station or model, as in the image header)', html`<input class="text" name="camera" required maxlength="64" value="${draft?.camera ?? ''}">`)}${field('Nuclide', select({ name: 'nuclide' }, ['Lu-177', 'Tb-161', 'I-131', 'Y-90', 'Ac-225', 'Ho-166'].map((name) => [name, name] as const), draft?.nuclide ?? 'Lu-177'))}</div>
      <div class="pair">${field('Imaged line (keV, empty: every window)', html`<input class="text" type="number" step="any" min="1" max="3000" name="line" value="${draft?.imaged_kev ?? ''}">`)}${field('Collimator', html`<input class="text" name="collimator" maxlength="64">`)}</div>
      ${field('Reconstruction', html`<input class="text" name="reconstruction" maxlength="255" list="reconstructions" value="${draft?.reconstruction ?? ''}"><datalist id="reconstructions"><option value="${PROJECTIONS}"></option></datalist>`)}
      <div class="pair">${field('Factor (cps/MBq)', html`<input class="text" type="number" step="any" min="0" name="value" required value="${draft ? Number(draft.value.toPrecision(6)) : ''}">`)}${field('Standard uncertainty (cps/MBq)', html`<input class="text" type="number" step="any" min="0" name="u" required value="${draft ? Number(draft.u.toPrecision(3)) : ''}">`)}</div>
      <div class="pair">${field('Valid from', html`<input class="text" type="date" name="valid_from" required>`)}${field('Valid to', html`<input class="text" type="date" name="valid_to">`)}</div>
      ${field('Source', html`<input class="text" name="source" required maxlength="255" value="${draft?.source ?? ''}" placeholder="Phantom measurement, date, person">`)}</div>`,
    submit: async (values) => {
      await postJson(`/api/sites/${page.siteId}/calibrations`, {
        camera: values.camera, nuclide: values.nuclide, imaged_kev: values.line ? Number(values.line) : null, collimator: values.collimator, reconstruction: values.reconstruction, source: values.source,
        calibration_cps_per_mbq: Number(values.value), calibration_standard_uncertainty_cps_per_mbq: Number(values.u),
        valid_from: values.valid_from, valid_to: values.valid_to || null,
      });
    },
  }).then((isDone) => { if (isDone) { toast('Factor saved'); void load(); } });
}

on(need('page'), 'click', '[data-new]', () => editor());
on(need('content'), 'click', '[data-confirm]', (button) => {
  postJson(`/api/calibrations/${button.dataset.confirm}/confirm`).then(() => { toast('Factor confirmed'); return load(); }, (error: unknown) => toast(errorText(error), 'block'));
});
on(need('content'), 'click', '[data-withdraw]', (button) => void askReason({
  title: 'Withdraw a calibration factor', action: 'Withdraw', text: 'Every result that used it becomes stale.',
  submit: async (reason) => { await postJson(`/api/calibrations/${button.dataset.withdraw}/withdraw`, { reason }); },
}).then((isDone) => { if (isDone) { toast('Factor withdrawn'); void load(); } }));

fill(need('content'), html`<div id="factors">${skeleton()}</div><section id="phantoms" aria-label="Phantom measurements"></section><section id="recovery-curves" aria-labelledby="recovery-heading"></section><section id="density-curves" aria-labelledby="density-heading"></section>`);
const recovery = startRecoveryCurves(page, need('recovery-curves'));
void Promise.all([load(), recovery.loaded, startPhantoms(page, need('phantoms'), editor, recovery.propose), startDensityCurves(page, need('density-curves'))]).then(page.ready);
