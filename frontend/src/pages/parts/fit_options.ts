/** The dialog before curves are fitted: half-life for single scans, models by protocol, the earlier cycle, the aim. */
import { each, html, nothing } from '../../domain/html';
import { openDialog } from './dialogs';
import { partialVolumeFields, partialVolumeOf, type PartialVolume, type RecoveryChoice } from './partial_volume';

export interface Declared { effective_half_life_h: number; effective_half_life_standard_uncertainty_h: number; effective_half_life_source: string }
export interface FitOptions extends Partial<PartialVolume> { models?: string[]; use_populations?: boolean; cycle_to_cycle_cv_percent?: number; wanted_cv_percent?: number }
export type FitParameters = Partial<Declared> & FitOptions;

export const MODELS: readonly (readonly [name: string, label: string])[] = [
  ['mono_exponential', 'Mono-exponential'], ['uptake_clearance', 'Uptake and clearance'], ['bi_exponential', 'Bi-exponential'],
  ['physical_decay', 'Physical decay'], ['clearance_retention', 'Clearance and retention'], ['blood_mixing_uptake', 'Uptake after blood mixing'],
  ['uptake_bi_exponential', 'Uptake and bi-exponential'], ['tri_exponential', 'Tri-exponential'],
  ['two_step_uptake', 'Two-step uptake'], ['two_step_uptake_bi_exponential', 'Two-step uptake, bi-exponential'],
];
/** Tried when no model is named. */
export const USUAL = new Set(['mono_exponential', 'uptake_clearance', 'bi_exponential']);

/** What the form holds, as the server takes it; half a half-life is an error. */
export function parametersOf(values: Record<string, string>): FitParameters {
  const { hours = '', spread = '', source = '', change = '', wanted = '' } = values;
  const nGiven = [hours, spread, source.trim()].filter(Boolean).length;
  if (nGiven > 0 && nGiven < 3) throw new Error('Give half-life, its uncertainty and its source together.');
  const chosen = MODELS.map(([name]) => name).filter((name) => values[`model_${name}`] !== undefined);
  if (chosen.length === 0) throw new Error('Choose one model at least.');
  const isUsual = chosen.length === USUAL.size && chosen.every((name) => USUAL.has(name));
  return {
    ...(nGiven === 3 ? { effective_half_life_h: Number(hours), effective_half_life_standard_uncertainty_h: Number(spread), effective_half_life_source: source.trim() } : {}),
    ...(isUsual ? {} : { models: chosen }),
    ...(values.populations === undefined ? {} : { use_populations: true }),
    ...(change ? { cycle_to_cycle_cv_percent: Number(change) } : {}),
    ...(wanted ? { wanted_cv_percent: Number(wanted) } : {}),
    ...partialVolumeOf(values),
  };
}

export interface FitQuestion { nScans: number; needsHalfLife: boolean; before: (Declared & FitOptions) | null; hasEarlierCycle: boolean; recoveryCurves: readonly RecoveryChoice[] }

/** Resolves with the parameters, or with null when the person cancelled. */
export function askFitOptions({ nScans, needsHalfLife, before, hasEarlierCycle, recoveryCurves }: FitQuestion): Promise<FitParameters | null> {
  const required = needsHalfLife ? html`required` : nothing;
  const used = new Set(before?.models ?? USUAL);
  let answer: FitParameters | null = null;
  const earlier = hasEarlierCycle
    ? html`<label><span class="label">Own earlier cycle as prior: change between cycles (%)</span><input class="text" type="number" step="any" min="0.1" max="200" name="change" value="${before?.cycle_to_cycle_cv_percent ?? ''}" placeholder="empty: not used"></label>` : nothing;
  return openDialog({
    title: 'Fit curves', action: 'Fit curves', isWide: true,
    body: html`<p class="t2">${nScans === 1 ? 'With one scan' : 'Where activity still rises, the last scan counts alone, and'} the effective half-life is an assumption that stands in the report.${needsHalfLife ? '' : ' Leave the three fields empty to fit without it.'}</p>
      <div class="form"><div class="pair"><label><span class="label">Effective half-life (h)</span><input class="text" type="number" step="any" min="0.01" name="hours" value="${before?.effective_half_life_h ?? ''}" ${required} autofocus></label><label><span class="label">Standard uncertainty (h)</span><input class="text" type="number" step="any" min="0.01" name="spread" value="${before?.effective_half_life_standard_uncertainty_h ?? ''}" ${required}></label></div>
      <label class="line"><span class="label">Source</span><input class="text" name="source" value="${before?.effective_half_life_source ?? ''}" ${required} maxlength="255"></label>
      <fieldset class="model-choice"><legend class="label">Models to try; the scans decide which can be ranked</legend>${each(MODELS, ([name, label]) => html`<label class="row"><input type="checkbox" name="model_${name}" ${used.has(name) ? html`checked` : nothing}><span>${label}</span></label>`)}</fieldset>
      <label class="row"><input type="checkbox" name="populations" ${before?.use_populations ? html`checked` : nothing}><span>Use the site's populations as prior where a region has one (<a href="/settings/populations/">Settings, Populations</a>)</span></label>
      <div class="pair">${earlier}<label><span class="label">Wanted uncertainty of TIA (%): advice about the next scan</span><input class="text" type="number" step="any" min="0.1" max="99" name="wanted" value="${before?.wanted_cv_percent ?? ''}" placeholder="empty: no advice"></label></div>
      ${partialVolumeFields(before, recoveryCurves)}</div>`,
    submit: (values) => { try { answer = parametersOf(values); return Promise.resolve(); } catch (error) { return Promise.reject(error instanceof Error ? error : new Error(String(error))); } },
  }).then(() => answer);
}
