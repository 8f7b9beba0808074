/** CT density curves of the Cameras page: list, editor, confirmation and withdrawal. */
import { getJson, postJson } from '../../api/client';
import { densityPlot } from '../../charts/density_plot';
import { formatDate } from '../../domain/dates';
import { densityAt, densityText, parseDensity, type DensityPoint } from '../../domain/density';
import { each, html, nothing, type Html } from '../../domain/html';
import { icon, message, stateTag } from '../../domain/markup';
import { formatPlain } from '../../domain/quantity';
import { askReason, openDialog } from './dialogs';
import { fill, need, on } from './dom';
import type { Page } from './shell';
import { errorText, showError } from './states';
import { toast } from './toasts';

interface DensityCurve {
  id: string; scanner: string; points: DensityPoint[]; source: string; valid_from: string;
  is_confirmed: boolean; confirmed_by: string | null; is_withdrawn: boolean; author: string;
}
interface Answer { results: DensityCurve[]; default: { points: DensityPoint[]; source: string }; scanners: string[] }

const ROW_SIZE = { width: 220, height: 96 };
const EDITOR_SIZE = { width: 380, height: 220 };
const HEADING = 'density-heading';

/** Shows the section in `place` and answers its buttons; resolves when it is shown or has failed. */
export function startDensityCurves(page: Page, place: HTMLElement): Promise<void> {
  let answer: Answer = { results: [], default: { points: [], source: '' }, scanners: [] };

  async function load(isAfterChange = false): Promise<void> {
    try {
      answer = await getJson<Answer>(`/api/sites/${page.siteId}/density-curves`);
      fill(place, section(page, answer));
      if (isAfterChange) need(HEADING).focus();
    } catch (error) { showError(place, error, () => void load()); }
  }

  const done = (text: string): Promise<void> => { toast(text); return load(true); };

  on(place, 'click', '[data-new-curve]', () => void openEditor(page, answer).then((isDone) => { if (isDone) void done('Curve saved as a draft'); }));
  on(place, 'click', '[data-confirm-curve]', (button) => {
    postJson(`/api/density-curves/${button.dataset.confirmCurve}/confirm`).then(
      () => done('Curve confirmed; doses that it changes are stale'), (error: unknown) => toast(errorText(error), 'block'));
  });
  on(place, 'click', '[data-withdraw-curve]', (button) => void askReason({
    title: 'Withdraw a density curve', action: 'Withdraw', text: 'Every dose that used it becomes stale. Nothing is deleted.',
    submit: async (reason) => { await postJson(`/api/density-curves/${button.dataset.withdrawCurve}/withdraw`, { reason }); },
  }).then((isDone) => { if (isDone) void done('Curve withdrawn'); }));
  return load();
}

function section(page: Page, answer: Answer): Html {
  const add = page.isAllowed('edit_calibration') ? html`<button class="btn push" type="button" data-new-curve>${icon('plus', 's')}New curve</button>` : nothing;
  const standard = answer.default.points;
  const empty = answer.results.length ? nothing : html`<div class="sect">${message('note', 'No scanner has a curve of its own', 'Every CT is read by the published default below. A physicist or site administrator enters the calibration of a scanner; a quality lead confirms it.')}</div>`;
  const row = (curve: DensityCurve): Html => html`<tr><td class="strong">${curve.scanner}</td><td class="nowrap">${formatDate(curve.valid_from)}</td><td>${plot(curve.scanner, curve.points, standard)}${numbers(curve.points, standard)}</td>
    <td class="text t2">${curve.source}</td><td>${state(curve)}<div class="t3 fs11">${curve.confirmed_by ? `by ${curve.confirmed_by}` : `entered by ${curve.author}`}</div></td><td>${actions(page, curve)}</td></tr>`;
  return html`<div class="page-head"><h2 class="h1" id="${HEADING}" tabindex="-1">CT density curves</h2><span class="t3">Density (g/mL) by CT number (HU), one per scanner. Dashed: the default.</span>${add}</div>${empty}
    <div class="scroll"><table class="table"><thead><tr><th>Scanner</th><th>Valid from</th><th>Curve</th><th>Source</th><th>State</th><th></th></tr></thead><tbody>${each(answer.results, row)}
    <tr><td class="strong">Default</td><td class="t3">where no other applies</td><td>${plot('the default', null, standard)}${numbers(standard, null)}</td><td class="text t2">${answer.default.source}</td><td>${stateTag('open', 'PUBLISHED')}</td><td></td></tr></tbody></table></div>`;
}

const plot = (name: string, own: readonly DensityPoint[] | null, standard: readonly DensityPoint[]): Html =>
  html`<div class="chart density-plot">${densityPlot({ own, standard, label: `Density over CT number of ${name}`, size: ROW_SIZE })}</div>`;

function numbers(points: readonly DensityPoint[], standard: readonly DensityPoint[] | null): Html {
  const head = standard ? html`<th class="num">Default (g/mL)</th>` : nothing;
  return html`<details class="chart-table"><summary>${points.length} points</summary><table class="table dense flush"><thead><tr><th class="num">HU</th><th class="num">g/mL</th>${head}</tr></thead><tbody>${each(points, ([hu, gPerMl]) =>
    html`<tr><td class="num">${formatPlain(hu)}</td><td class="num">${formatPlain(gPerMl)}</td>${standard ? html`<td class="num t3">${densityAt(standard, hu).toFixed(3)}</td>` : nothing}</tr>`)}</tbody></table></details>`;
}

function state(curve: DensityCurve): Html {
  if (curve.is_withdrawn) return stateTag('withdrawn');
  return curve.is_confirmed ? stateTag('confirmed') : stateTag('open', 'DRAFT');
}

function actions(page: Page, curve: DensityCurve): Html {
  if (curve.is_withdrawn || !page.isAllowed('confirm_calibration')) return nothing;
  const of = `the curve of ${curve.scanner}, valid from ${curve.valid_from}`;
  const confirm = curve.is_confirmed ? nothing : html`<button class="btn" type="button" data-confirm-curve="${curve.id}" aria-label="Confirm ${of}">Confirm</button> `;
  return html`${confirm}<button class="btn quiet" type="button" data-withdraw-curve="${curve.id}" aria-label="Withdraw ${of}">Withdraw</button>`;
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;

function openEditor(page: Page, answer: Answer): Promise<boolean> {
  const standard = answer.default.points;
  const opened = openDialog({
    title: 'Enter a CT density curve', action: 'Save draft', isWide: true,
    body: html`<div class="form"><div class="pair">${field('Scanner (station or model, as in the CT header)', html`<input class="text" name="scanner" required maxlength="64" list="ct-scanners" autofocus>`)}${field('Valid from', html`<input class="text" type="date" name="valid_from" required>`)}</div>
      <datalist id="ct-scanners">${each(answer.scanners, (name) => html`<option value="${name}"></option>`)}</datalist>
      <div class="pair">${field('Points, one “HU; g/mL” a line, rising HU', html`<textarea class="area mono density-text" name="points" required spellcheck="false">${densityText(standard)}</textarea>`)}
      <div class="line"><span class="label">Density over CT number; dashed: the default</span><div class="chart density-plot large" data-preview></div><p class="fs12 t3" role="status" data-said></p></div></div>
      ${field('Source', html`<input class="text" name="source" required maxlength="255" placeholder="Phantom, tube voltage, date, person">`)}</div>`,
    submit: async (values) => {
      await postJson(`/api/sites/${page.siteId}/density-curves`, {
        scanner: values.scanner, valid_from: values.valid_from, source: values.source, points: parseDensity(values.points ?? ''),
      });
    },
  });
  const dialog = document.querySelector('dialog[open]');
  const [text, preview, said] = [dialog?.querySelector('textarea'), dialog?.querySelector('[data-preview]'), dialog?.querySelector('[data-said]')];
  const draw = (): void => {
    if (!text || !preview || !said) return;
    try {
      fill(preview, densityPlot({ own: parseDensity(text.value), standard, label: 'Density over CT number as typed', size: EDITOR_SIZE }));
      said.textContent = '';
    } catch (error) { said.textContent = errorText(error); }
  };
  text?.addEventListener('input', draw);
  draw();
  return opened;
}
