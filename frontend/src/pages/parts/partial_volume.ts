/** Partial-volume correction: the fields of the fit dialog, and what it changed. */
import { each, html, nothing, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import { formatNumber, type MaybeQuantity } from '../../domain/quantity';

export interface PartialVolume {
  partial_volume: string; resolution_fwhm_mm?: number; resolution_standard_uncertainty_mm?: number; resolution_source?: string; partial_volume_iterations?: number;
  recovery_curve?: string; is_same_reconstruction?: boolean; recovery_source?: string;
}
/** A confirmed recovery curve of the scans' camera and nuclide, in words. */
export interface RecoveryChoice { id: string; label: string }

export const METHODS = [['none', 'Not corrected'], ['gtm', 'Geometric transfer matrix; voxels by RBV'], ['iterative_yang', 'Iterative Yang'], ['richardson_lucy', 'Richardson–Lucy, without contours']] as const;
const RECOVERY = ['recovery_curve', 'Recovery curve, by the volume of each region'] as const;
const ITERATED = new Set(['iterative_yang', 'richardson_lucy']);

/** What the form holds, as the server takes it; a correction without a resolution or a curve is an error. */
export function partialVolumeOf(values: Record<string, string>): Partial<PartialVolume> {
  const { partial_volume: method = 'none', fwhm = '', fwhm_u: spread = '', fwhm_source: source = '', pv_iterations: iterations = '' } = values;
  if (method === 'none') return {};
  if (method === RECOVERY[0]) {
    if (!values.recovery_curve) throw new Error('Choose the recovery curve of this camera.');
    if (values.same_reconstruction === undefined) throw new Error('A recovery curve holds for the reconstruction of its phantom alone: tick that the scans have the same, or choose another method.');
    return { partial_volume: method, recovery_curve: values.recovery_curve, is_same_reconstruction: true };
  }
  if (!fwhm || !spread || !source.trim()) throw new Error('Partial-volume correction needs the resolution of the image, its standard uncertainty and its source.');
  if (Number(spread) >= Number(fwhm)) throw new Error('The uncertainty of the resolution must be smaller than the resolution.');
  return {
    partial_volume: method, resolution_fwhm_mm: Number(fwhm), resolution_standard_uncertainty_mm: Number(spread), resolution_source: source.trim(),
    ...(ITERATED.has(method) && iterations ? { partial_volume_iterations: Number(iterations) } : {}),
  };
}

export function partialVolumeFields(before: Partial<PartialVolume> | null, curves: readonly RecoveryChoice[] = []): Html {
  const methods = curves.length ? [...METHODS, RECOVERY] : METHODS;
  const curve = curves.length
    ? html`<label class="line"><span class="label">Recovery curve (it needs no resolution)</span>${select({ name: 'recovery_curve' }, curves.map((item) => [item.id, item.label] as const), before?.recovery_curve ?? curves[0]?.id ?? '')}</label>
      <label class="row"><input type="checkbox" name="same_reconstruction" ${before?.is_same_reconstruction ? html`checked` : nothing}><span>These scans are reconstructed as the phantom of the curve was, with the same resolution modelling and updates</span></label>
      <p class="t3 fs12">A curve divides each region by one number. Beside hot neighbours, or in warm surroundings, the transfer matrix is nearer to the truth.</p>` : nothing;
  return html`<fieldset class="stack"><legend class="label">Partial volume, with the accepted contours of every scan</legend>
    <div class="pair"><label><span class="label">Method</span>${select({ name: 'partial_volume' }, methods, before?.partial_volume ?? 'none')}</label><label><span class="label">Iterations (Yang, Richardson–Lucy)</span><input class="text" type="number" min="1" max="100" step="1" name="pv_iterations" value="${before?.partial_volume_iterations ?? 10}"></label></div>
    <div class="pair"><label><span class="label">Resolution of the image, FWHM (mm)</span><input class="text" type="number" step="any" min="0.5" max="40" name="fwhm" value="${before?.resolution_fwhm_mm ?? ''}"></label><label><span class="label">Standard uncertainty (mm)</span><input class="text" type="number" step="any" min="0" max="20" name="fwhm_u" value="${before?.resolution_standard_uncertainty_mm ?? ''}"></label></div>
    <label class="line"><span class="label">How the resolution was measured</span><input class="text" name="fwhm_source" maxlength="255" value="${before?.resolution_source ?? ''}" placeholder="Sphere phantom of this camera and reconstruction, date"></label>${curve}</fieldset>`;
}

export const methodLabel = (method: string | undefined): string => [...METHODS, RECOVERY].find(([name]) => name === method)?.[1] ?? METHODS[0][1];

/** A change with its sign: how much the activity of a region moved. */
export function signed(change: MaybeQuantity): string {
  if (!change) return '';
  return `${change.value >= 0 ? '+' : '−'}${formatNumber(Math.abs(change.value), 2)} %`;
}

export interface RegionChange { region: string; colour: string; change: MaybeQuantity }

/** The guard's section: method, and what it changed in every region of this scan. */
export function partialVolumeSection(made: { method: string; text: string; changes: RegionChange[] } | null, kineticsUrl: string): Html {
  const link = html`<a class="fs12" href="${kineticsUrl}">${made ? 'Change it with the fit of the curves' : 'Choose a correction with the fit of the curves'}</a>`;
  if (!made) return html`<div class="sect"><h2 class="h2">Partial volume</h2><p class="t3 fs12">Not corrected: small regions lose activity to their surroundings.</p>${link}</div>`;
  return html`<div class="sect"><h2 class="h2">Partial volume</h2><p class="t2 fs12">${made.text}</p><dl class="kv mt-2">${each(made.changes, (item) => html`<dt class="row" data-colour="${item.colour}"><i class="swatch"></i>${item.region}</dt><dd class="num">${signed(item.change)}</dd>`)}</dl>${made.changes.length === 0 ? html`<p class="t3 fs12">No region of this scan is corrected yet.</p>` : nothing}${link}</div>`;
}
