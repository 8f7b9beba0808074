/** The dialog before projections are reconstructed: what is corrected, and how far to iterate. */
import { html, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import type { SpectSettings } from '../imaging/wire';
import { openDialog } from './dialogs';
import { formValues } from './dom';

const SCATTER = [['windows', 'From the scatter windows (TEW)'], ['simulated', 'Simulated in the CT (needs a camera)'], ['dew', 'From one window below (DEW, Tc-99m)'], ['none', 'Not corrected']] as const;
const NO_CAMERA = ['', 'Not modelled'] as const;
const DEAD_TIME_MODELS = [['paralysable', 'Paralysable'], ['non_paralysable', 'Non-paralysable']] as const;
const US_S = 1e-6;
const FEWEST_REPLICATES = 5;
/** Seconds of one iteration of a scan of 128 × 128 pixels and 120 views on two cores (docs/performance.md). */
const ITERATION_S = 6.8;
/** What is sent: the dead time in the unit of its field. */
export type SpectChoice = Omit<SpectSettings, 'dead_time_s'> & { dead_time_us: number };

/** What the form holds, as the server takes it. */
export function settingsOf(values: Record<string, string>): SpectChoice {
  const { camera = '', iterations = '', subsets = '', filter = '', scatter = '', dead = '', model = '', septa = '', septawidth = '', replicates = '0' } = values;
  const hasAttenuation = values.attenuation !== undefined;
  if (scatter === 'simulated' && !(camera && hasAttenuation)) throw new Error('Scatter can be simulated for a chosen camera with attenuation correction only.');
  if (Number(septa) > 0 && !(camera && Number(septawidth) > 0)) throw new Error('Septal penetration needs a chosen camera and the width of these counts.');
  if (Number(replicates) > 0 && Number(replicates) < FEWEST_REPLICATES) throw new Error(`A spread needs ${FEWEST_REPLICATES} noise replicates at least; 0 for none.`);
  return { camera, penetration_share: Number(septa) / 100, penetration_fwhm_mm: Number(septawidth), n_iterations: Number(iterations), n_subsets: Number(subsets), post_filter_fwhm_mm: Number(filter), scatter, has_attenuation: hasAttenuation, dead_time_us: Number(dead), dead_time_model: model, n_replicates: Number(replicates) };
}

/** What replicates cost and how well the noise is known from them. */
export function replicatesText(nReplicates: number, nIterations: number): string {
  if (!(nReplicates > 0)) return 'Off: the uncertainty of a region holds no counting noise.';
  if (nReplicates < FEWEST_REPLICATES || !(nIterations > 0)) return `A spread needs ${FEWEST_REPLICATES} at least.`;
  const minutes = Math.max(1, Math.round((nReplicates * nIterations * ITERATION_S) / 60));
  const known = Math.round(100 / Math.sqrt(2 * (nReplicates - 1)));
  return `Each is a whole reconstruction: about ${minutes} min more for each bed of each scan (128 × 128 pixels, 120 views, two cores). The noise is then known to ${known} %.`;
}

/** The form of settings: the inverse of `settingsOf`, but for the replicates. */
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
  const opened = openDialog({
    title: 'Reconstruct projections', action: 'Reconstruct', isWide: true,
    body: html`<p class="t2">Scans that came as projections are reconstructed here. The calibration factor is one that a phantom gave with exactly these settings, else that of one head in air (Settings, Cameras).</p>
      <div class="form">${spectFields(formOf(now), cameras)}
      <div class="pair"><label><span class="label">Noise replicates (0 for none, ${FEWEST_REPLICATES} to 50)</span><input class="text" type="number" min="0" max="50" step="1" name="replicates" value="${now.n_replicates}" aria-describedby="replicates-text" required></label><p class="t3 fs12" id="replicates-text" aria-live="polite"></p></div></div>`,
    submit: (values) => { try { answer = settingsOf(values); return Promise.resolve(); } catch (error) { return Promise.reject(error instanceof Error ? error : new Error(String(error))); } },
  });
  const form = document.querySelector<HTMLFormElement>('dialog[open] form');
  const told = form?.querySelector('#replicates-text');
  const tell = (): void => {
    if (!form || !told) return;
    const values = formValues(form);
    told.textContent = replicatesText(Number(values.replicates), Number(values.iterations));
  };
  form?.addEventListener('input', tell);
  tell();
  return opened.then(() => answer);
}
