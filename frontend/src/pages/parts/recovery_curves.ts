/** Recovery curves of the Cameras page: proposed from a measurement, confirmed by a second person, withdrawn. */
import { getJson, postJson } from '../../api/client';
import { each, html, nothing, type Html } from '../../domain/html';
import { message, stateTag } from '../../domain/markup';
import { formatNumber } from '../../domain/quantity';
import { askReason, openDialog } from './dialogs';
import { fill, need, on } from './dom';
import type { RecoveryDraft } from './phantoms';
import type { Page } from './shell';
import { errorText, showError } from './states';
import { toast } from './toasts';

export interface RecoveryCurve {
  id: string; measurement_id: string; camera: string; nuclide: string; reconstruction: string; b1_ml: number; b2: number; volume_range_ml: readonly [number, number];
  is_confirmed: boolean; confirmed_by: string | null; is_withdrawn: boolean; author: string;
}

const HEADING = 'recovery-heading';

/** Shows the section in `place` and answers its buttons; `propose` opens the dialog that makes a draft of a measurement. */
export function startRecoveryCurves(page: Page, place: HTMLElement): { loaded: Promise<void>; propose: (draft: RecoveryDraft) => void } {
  async function load(isAfterChange = false): Promise<void> {
    try {
      const { results } = await getJson<{ results: RecoveryCurve[] }>(`/api/sites/${page.siteId}/recovery-curves`);
      fill(place, section(results, page.isAllowed('confirm_calibration')));
      if (isAfterChange) need(HEADING).focus();
    } catch (error) { showError(place, error, () => void load()); }
  }

  const done = (text: string): Promise<void> => { toast(text); return load(true); };

  on(place, 'click', '[data-confirm-recovery]', (button) => {
    postJson(`/api/recovery-curves/${button.dataset.confirmRecovery}/confirm`).then(
      () => done('Curve confirmed; scans of its camera can be corrected with it'), (error: unknown) => toast(errorText(error), 'block'));
  });
  on(place, 'click', '[data-withdraw-recovery]', (button) => void askReason({
    title: 'Withdraw a recovery curve', action: 'Withdraw', text: 'Every fit that used it becomes stale. Nothing is deleted.',
    submit: async (reason) => { await postJson(`/api/recovery-curves/${button.dataset.withdrawRecovery}/withdraw`, { reason }); },
  }).then((isDone) => { if (isDone) void done('Curve withdrawn'); }));

  function propose(draft: RecoveryDraft): void {
    void openDialog({
      title: 'Propose a recovery curve', action: 'Save draft',
      body: html`<div class="form"><label class="line"><span class="label">Camera of the scans (station or model, as in the image header)</span><input class="text" name="camera" required maxlength="64" value="${draft.camera}"></label><p class="t2 fs12">A second person confirms it. It then corrects scans of this camera and of the nuclide of the phantom, reconstructed as the phantom was.</p></div>`,
      submit: async ({ camera }) => { await postJson(`/api/sites/${page.siteId}/recovery-curves`, { measurement_id: draft.measurement_id, camera }); },
    }).then((isDone) => { if (isDone) void done('Curve saved as a draft'); });
  }

  return { loaded: load(), propose };
}

export function section(curves: readonly RecoveryCurve[], mayConfirm: boolean): Html {
  const row = (curve: RecoveryCurve): Html => html`<tr><td class="strong">${curve.camera}</td><td>${curve.nuclide}</td><td class="text t2">${curve.reconstruction}</td><td class="num">${formatNumber(curve.b1_ml, 3)}</td><td class="num">${formatNumber(curve.b2, 3)}</td><td class="num">${formatNumber(curve.volume_range_ml[0], 2)} – ${formatNumber(curve.volume_range_ml[1], 2)}</td><td>${state(curve)}<div class="t3 fs11">${curve.confirmed_by ? `by ${curve.confirmed_by}` : `proposed by ${curve.author}`}</div></td><td>${actions(curve, mayConfirm)}</td></tr>`;
  return html`<div class="page-head"><h2 class="h1" id="${HEADING}" tabindex="-1">Recovery curves</h2><span class="t3">RC(v) = 1 − 1 / (1 + (v / b1)^b2), chosen with the fit of the curves.</span></div>${curves.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Camera</th><th>Nuclide</th><th>Reconstruction</th><th class="num">b1 (mL)</th><th class="num">b2</th><th class="num">Spheres (mL)</th><th>State</th><th></th></tr></thead><tbody>${each(curves, row)}</tbody></table></div>`
    : html`<div class="sect">${message('note', 'No recovery curve', 'Measure the recovery of spheres above, look at the result and propose it as a correction.')}</div>`}`;
}

function state(curve: RecoveryCurve): Html {
  if (curve.is_withdrawn) return stateTag('withdrawn');
  return curve.is_confirmed ? stateTag('confirmed') : stateTag('open', 'DRAFT');
}

function actions(curve: RecoveryCurve, mayConfirm: boolean): Html {
  if (curve.is_withdrawn || !mayConfirm) return nothing;
  const of = `the recovery curve of ${curve.camera}, ${curve.nuclide}`;
  const confirm = curve.is_confirmed ? nothing : html`<button class="btn" type="button" data-confirm-recovery="${curve.id}" aria-label="Confirm ${of}">Confirm</button> `;
  return html`${confirm}<button class="btn quiet" type="button" data-withdraw-recovery="${curve.id}" aria-label="Withdraw ${of}">Withdraw</button>`;
}
