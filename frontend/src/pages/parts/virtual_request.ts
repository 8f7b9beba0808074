/** What a virtual patient shall be: body and lesions, drawn by the seed unless a person says otherwise. */
import { html, type Html } from '../../domain/html';
import { select } from '../../domain/markup';

export interface Body { sex: string; height_cm: number; mass_kg: number }
export interface Lesion { site: string; volume_ml: number; n: number }
export interface VirtualRequest { body?: Body; lesions?: Lesion[]; is_arms_up: boolean }

const LESIONS = [['drawn', 'Drawn by the seed'], ['none', 'None'], ['asked', 'As below']] as const;
const LINE = /^([a-z]+)\s+([\d.]+)(?:\s*[x×]\s*(\d+))?$/u;

export function requestFields(sites: readonly string[]): Html {
  return html`<div class="pair"><label class="line"><span class="label">Body</span>${select({ name: 'sex' }, [['', 'Drawn by the seed'], ['female', 'Female'], ['male', 'Male']], '')}</label>
      <div class="pair"><label class="line"><span class="label">Height (cm)</span><input class="text" type="number" min="145" max="205" step="any" name="height"></label><label class="line"><span class="label">Mass (kg)</span><input class="text" type="number" min="30" max="200" step="any" name="mass"></label></div></div>
    <div class="pair"><label class="line"><span class="label">Lesions</span>${select({ name: 'lesions' }, LESIONS, 'drawn')}</label><label class="row"><input type="checkbox" name="arms" checked><span>Arms above the head</span></label></div>
    <label class="line"><span class="label">Own lesions, one kind a line: place (${sites.join(', ')}), mL, number</span><textarea class="area mono" name="asked" rows="2" spellcheck="false" placeholder="liver 10 x 3"></textarea></label>`;
}

/** What the form asks for, as the server takes it; half a body or a line that cannot be read is an error. */
export function requestOf(values: Record<string, string>): VirtualRequest {
  return { ...bodyOf(values), ...lesionsOf(values), is_arms_up: values.arms !== undefined };
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
