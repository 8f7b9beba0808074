/** What a virtual patient shall be: body and lesions, drawn by the seed unless a person says otherwise. */
import { html, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import { formatPlain } from '../../domain/quantity';

export interface Body { sex: string; height_cm: number; mass_kg: number }
export interface Lesion { site: string; volume_ml: number; n: number }
export interface Ct { dose_level: string; has_contrast: boolean; breathing_mm: number; field_of_view_mm: number }
/** As it is sent: the dead time in the unit of its field. */
export interface Faults { dead_time_us: number; penetration_share: number; penetration_fwhm_mm: number }
export interface VirtualRequest { body?: Body; lesions?: Lesion[]; is_arms_up: boolean; ct: Ct; faults?: Faults; is_corrected: boolean }
/** As it comes back. */
export interface StoredScanner { ct?: Partial<Ct>; faults?: Partial<Omit<Faults, 'dead_time_us'> & { dead_time_s: number }> }

const LESIONS = [['drawn', 'Drawn by the seed'], ['none', 'None'], ['asked', 'As below']] as const;
const DOSE_LEVELS = [['low_dose', 'Low dose'], ['diagnostic', 'Diagnostic'], ['none', 'Without noise']] as const;
const LINE = /^([a-z]+)\s+([\d.]+)(?:\s*[x×]\s*(\d+))?$/u;

export function requestFields(sites: readonly string[], ct: Ct): Html {
  return html`<div class="pair"><label class="line"><span class="label">Body</span>${select({ name: 'sex' }, [['', 'Drawn by the seed'], ['female', 'Female'], ['male', 'Male']], '')}</label>
      <div class="pair"><label class="line"><span class="label">Height (cm)</span><input class="text" type="number" min="145" max="205" step="any" name="height"></label><label class="line"><span class="label">Mass (kg)</span><input class="text" type="number" min="30" max="200" step="any" name="mass"></label></div></div>
    <div class="pair"><label class="line"><span class="label">Lesions</span>${select({ name: 'lesions' }, LESIONS, 'drawn')}</label><label class="row"><input type="checkbox" name="arms" checked><span>Arms above the head</span></label></div>
    <label class="line"><span class="label">Own lesions, one kind a line: place (${sites.join(', ')}), mL, number</span><textarea class="area mono" name="asked" rows="2" spellcheck="false" placeholder="liver 10 x 3"></textarea></label>
    <div class="pair"><label class="line"><span class="label">CT: noise</span>${select({ name: 'doselevel' }, DOSE_LEVELS, ct.dose_level)}</label><label class="row"><input type="checkbox" name="contrast" ${ct.has_contrast ? html`checked` : html``}><span>CT with contrast agent, portal venous</span></label></div>
    <div class="pair"><label class="line"><span class="label">CT: breathing of the diaphragm, standard deviation (mm)</span><input class="text" type="number" min="0" max="30" step="any" name="breathing" value="${ct.breathing_mm}" required></label><label class="line"><span class="label">CT: field of view, diameter (mm, 0 for all)</span><input class="text" type="number" min="0" max="1000" step="any" name="field" value="${ct.field_of_view_mm}" required></label></div>
    <div class="pair"><label class="line"><span class="label">Camera: dead time of one head (µs, 0 for none)</span><input class="text" type="number" min="0" max="99" step="any" name="dead" value="0" required></label><div class="pair"><label class="line"><span class="label">Counts through septa (%)</span><input class="text" type="number" min="0" max="99" step="any" name="septa" value="0" required></label><label class="line"><span class="label">Their width, FWHM (mm)</span><input class="text" type="number" min="0" max="400" step="any" name="septawidth" value="0" required></label></div></div>
    <label class="row"><input type="checkbox" name="corrected" checked><span>The reconstruction corrects dead time and septal penetration as they are</span></label>`;
}

/** What the form asks for, as the server takes it; half a body or a line that cannot be read is an error. */
export function requestOf(values: Record<string, string>): VirtualRequest {
  return { ...bodyOf(values), ...lesionsOf(values), ...scannerOf(values), is_arms_up: values.arms !== undefined };
}

function scannerOf({ doselevel = '', contrast, breathing = '', field = '', dead = '', septa = '', septawidth = '', corrected }: Record<string, string>): Pick<VirtualRequest, 'ct' | 'faults' | 'is_corrected'> {
  if (Number(septa) > 0 && !(Number(septawidth) > 0)) throw new Error('Counts through septa need their width on the crystal.');
  const ct = { dose_level: doselevel, has_contrast: contrast !== undefined, breathing_mm: Number(breathing), field_of_view_mm: Number(field) };
  const faults = { dead_time_us: Number(dead), penetration_share: Number(septa) / 100, penetration_fwhm_mm: Number(septawidth) };
  return { ct, ...(faults.dead_time_us > 0 || faults.penetration_share > 0 ? { faults } : {}), is_corrected: corrected !== undefined };
}

/** What was asked of CT and camera beyond what is usual, in words; empty for nothing. */
export function scannerWords({ ct = {}, faults = {} }: StoredScanner, usual: Ct): string {
  const { breathing_mm: breathing = usual.breathing_mm, field_of_view_mm: field = usual.field_of_view_mm } = ct;
  const { dead_time_s: dead = 0, penetration_share: share = 0, penetration_fwhm_mm: width = 0 } = faults;
  const { dose_level: level = usual.dose_level, has_contrast: contrast = usual.has_contrast } = ct;
  const parts = [
    level === usual.dose_level ? '' : `CT ${(DOSE_LEVELS.find(([key]) => key === level)?.[1] ?? level).toLowerCase()}`,
    contrast === usual.has_contrast ? '' : `CT ${contrast ? 'with' : 'without'} contrast agent`,
    breathing === usual.breathing_mm ? '' : `CT with breathing of ${formatPlain(breathing)} mm`,
    field === usual.field_of_view_mm ? '' : `CT of ${formatPlain(field)} mm`,
    dead > 0 ? `dead time ${formatPlain(1e6 * dead)} µs` : '',
    share > 0 ? `${formatPlain(100 * share)} % through septa, ${formatPlain(width)} mm wide` : '',
  ];
  return parts.filter(Boolean).join('; ');
}

function bodyOf({ sex = '', height = '', mass = '' }: Record<string, string>): { body?: Body } {
  if (!sex && !height && !mass) return {};
  if (!sex || !height || !mass) throw new Error('A body of your own needs sex, height and mass; leave all three empty to draw one.');
  return { body: { sex, height_cm: Number(height), mass_kg: Number(mass) } };
}

function lesionsOf({ lesions = 'drawn', asked = '' }: Record<string, string>): { lesions?: Lesion[] } {
  const lines = asked.split('\n').map((line) => line.trim().toLowerCase()).filter(Boolean);
  if (lesions !== 'asked') {
    if (lines.length > 0) throw new Error('Choose “As below” for the lesions that you wrote, or clear them.');
    return lesions === 'none' ? { lesions: [] } : {};
  }
  if (lines.length === 0) throw new Error('Write a line for each kind of lesion, as liver 10 x 3.');
  return { lesions: lines.map(lesionOf) };
}

function lesionOf(line: string): Lesion {
  const [, site, volume, n] = LINE.exec(line) ?? [];
  if (!site || !volume) throw new Error(`“${line}” is no lesion; write place, mL and number, as liver 10 x 3.`);
  return { site, volume_ml: Number(volume), n: Number(n ?? 1) };
}
