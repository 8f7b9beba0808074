/** The dialog before projections are reconstructed: what is corrected, and how far to iterate. */
import { html, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import type { SpectSettings } from '../imaging/wire';
import { openDialog } from './dialogs';

const SCATTER = [['windows', 'From the scatter windows (TEW)'], ['simulated', 'Simulated in the CT (needs a camera)'], ['dew', 'From one window below (DEW, Tc-99m)'], ['none', 'Not corrected']] as const;
const NO_CAMERA = ['', 'Not modelled'] as const;
const DEAD_TIME_MODELS = [['paralysable', 'Paralysable'], ['non_paralysable', 'Non-paralysable']] as const;
const US_S = 1e-6;
/** What is sent: the dead time in the unit of its field. */
export type SpectChoice = Omit<SpectSettings, 'dead_time_s'> & { dead_time_us: number };

/** What the form holds, as the server takes it. */
export function settingsOf(values: Record<string, string>): SpectChoice {
  const { camera = '', iterations = '', subsets = '', filter = '', scatter = '', dead = '', model = '', septa = '', septawidth = '' } = values;
  const hasAttenuation = values.attenuation !== undefined;
  if (scatter === 'simulated' && !(camera && hasAttenuation)) throw new Error('Scatter can be simulated for a chosen camera with attenuation correction only.');
  if (Number(septa) > 0 && !(camera && Number(septawidth) > 0)) throw new Error('Septal penetration needs a chosen camera and the width of these counts.');
  return { camera, penetration_share: Number(septa) / 100, penetration_fwhm_mm: Number(septawidth), n_iterations: Number(iterations), n_subsets: Number(subsets), post_filter_fwhm_mm: Number(filter), scatter, has_attenuation: hasAttenuation, dead_time_us: Number(dead), dead_time_model: model };
}

/** The form of settings: the inverse of `settingsOf`. */
export function formOf(now: SpectSettings): Record<string, string> {
  const tidy = (value: number): string => String(Number(value.toPrecision(6)));
  return {
    camera: now.camera, scatter: now.scatter, iterations: String(now.n_iterations), subsets: String(now.n_subsets), filter: String(now.post_filter_fwhm_mm), ...(now.has_attenuation ? { attenuation: 'on' } : {}),
    septa: tidy(100 * now.penetration_share), septawidth: String(now.penetration_fwhm_mm), dead: tidy(now.dead_time_s / US_S), model: now.dead_time_model,
  };
}

/** The fields, with what is typed in them. */
export function spectFields(typed: Record<string, string>, cameras: readonly string[]): Html {
  return html`<div class="pair"><label><span class="label">Resolution of camera</span>${select({ name: 'camera' }, [NO_CAMERA, ...cameras.map((name) => [name, name] as const)], typed.camera ?? '')}</label><label><span class="label">Scatter</span>${select({ name: 'scatter' }, SCATTER, typed.scatter ?? '')}</label></div>
      <div class="pair"><label><span class="label">Iterations</span><input class="text" type="number" min="1" max="50" step="1" name="iterations" value="${typed.iterations ?? ''}" required></label><label><span class="label">Subsets</span><input class="text" type="number" min="1" max="30" step="1" name="subsets" value="${typed.subsets ?? ''}" required></label></div>
      <div class="pair"><label><span class="label">Gaussian filter afterwards, FWHM (mm)</span><input class="text" type="number" min="0" max="30" step="any" name="filter" value="${typed.filter ?? ''}" required></label>
      <label class="row"><input type="checkbox" name="attenuation" ${typed.attenuation === undefined ? html`` : html`checked`}><span>Attenuation from the CT</span></label></div>
      <div class="pair"><label><span class="label">Counts that crossed septa (%, 0 for none)</span><input class="text" type="number" min="0" max="99" step="any" name="septa" value="${typed.septa ?? ''}" required></label><label><span class="label">Their width on the crystal, FWHM (mm)</span><input class="text" type="number" min="0" max="400" step="any" name="septawidth" value="${typed.septawidth ?? ''}" required></label></div>
      <div class="pair"><label><span class="label">Dead time of one head (µs, 0 for none)</span><input class="text" type="number" min="0" max="99" step="any" name="dead" value="${typed.dead ?? ''}" required></label><label><span class="label">Dead time is</span>${select({ name: 'model' }, DEAD_TIME_MODELS, typed.model ?? '')}</label></div>`;
}

/** Resolves with the settings, or with null when the person cancelled. */
export function askSpectOptions(now: SpectSettings, cameras: readonly string[]): Promise<SpectChoice | null> {
  let answer: SpectChoice | null = null;
  return openDialog({
    title: 'Reconstruct projections', action: 'Reconstruct', isWide: true,
    body: html`<p class="t2">Scans that came as projections are reconstructed here. The calibration factor is one that a phantom gave with exactly these settings, else that of one head in air (Settings, Cameras).</p>
      <div class="form">${spectFields(formOf(now), cameras)}</div>`,
    submit: (values) => { try { answer = settingsOf(values); return Promise.resolve(); } catch (error) { return Promise.reject(error instanceof Error ? error : new Error(String(error))); } },
  }).then(() => answer);
}
