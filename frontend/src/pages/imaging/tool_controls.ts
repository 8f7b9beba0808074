/** What a person sets for the chosen contour tool: size, depth, threshold, what an outline does. */
import { each, html, nothing, type Html } from '../../domain/html';
import { kbd } from '../../domain/markup';
import type { Tool } from '../../viewer/state';

export type AreaShape = 'ellipse' | 'rectangle' | 'freehand';

/** How an outline is drawn: by a hand, along the edges of the image from click to click, or by a smooth curve through clicks. */
export type OutlineKind = 'freehand' | 'edges' | 'curve';

export interface ToolOptions {
  sizeMm: number;
  isBall: boolean;
  /** Of the largest voxel in the sphere. */
  fraction: number;
  /** As typed; null: a share of the region's largest voxel. */
  thresholdBqPerMl: number | null;
  /** Scissors keep what the line encloses, and cut through every slice. */
  isKeeping: boolean;
  isThrough: boolean;
  shape: AreaShape;
  outline: OutlineKind;
}

const THOUSAND = 1000;
const KEYS: readonly (readonly [string, string])[] = [['B', 'brush'], ['E', 'eraser'], ['T', 'threshold'], ['D', 'outline'], ['K', 'scissors'], ['H', 'fill'], ['J', 'sphere'], ['Q', 'area']];
const SHAPES: readonly (readonly [AreaShape, string])[] = [['ellipse', 'Ellipse'], ['rectangle', 'Rectangle'], ['freehand', 'Freehand']];
const OUTLINES: readonly (readonly [OutlineKind, string, string])[] = [
  ['freehand', 'Freehand', 'Draw around; Shift removes'],
  ['edges', 'Along edges', 'Click from point to point; Enter closes, Backspace goes back, Shift removes'],
  ['curve', 'Smooth curve', 'Click points, drag them; Enter closes, Backspace goes back, Shift removes'],
];

/** The kind of outline that the key chooses next. */
const nextOutline = (kind: OutlineKind): OutlineKind => OUTLINES[(OUTLINES.findIndex(([other]) => other === kind) + 1) % OUTLINES.length]?.[0] ?? 'freehand';

export const newOptions = (): ToolOptions => ({ sizeMm: 8, isBall: false, fraction: 0.41, thresholdBqPerMl: null, isKeeping: false, isThrough: false, shape: 'ellipse', outline: 'freehand' });

/** Takes what was typed or pressed; a number that no tool can use leaves the option as it is. */
export function readOption(options: ToolOptions, name: string, text: string): void {
  const value = Number(text);
  if (name === 'size' && value > 0 && value <= 200) options.sizeMm = value;
  if (name === 'fraction' && value > 0 && value < 100) options.fraction = value / 100;
  if (name === 'threshold' && Number.isFinite(value)) options.thresholdBqPerMl = text === '' ? null : value * THOUSAND;
  if (name === 'ball') options.isBall = !options.isBall;
  if (name === 'keeping') options.isKeeping = !options.isKeeping;
  if (name === 'through') options.isThrough = !options.isThrough;
  if (name === 'outline') options.outline = OUTLINES.find(([kind]) => kind === text)?.[0] ?? nextOutline(options.outline);
  if (name === 'shape') options.shape = SHAPES.find(([shape]) => shape === text)?.[0] ?? options.shape;
}

const toggle = (name: string, isOn: boolean, words: readonly [off: string, on: string], title: string): Html =>
  html`<button type="button" class="btn slim" data-option="${name}" aria-pressed="${String(isOn)}" title="${title}">${words[isOn ? 1 : 0]}</button>`;

const choice = (label: string, name: string, kinds: readonly (readonly [kind: string, word: string, ...string[]])[], chosen: string): Html =>
  html`<span class="seg" role="group" aria-label="${label}">${each(kinds, ([kind, word]) => html`<button type="button" data-option="${name}" data-value="${kind}" aria-pressed="${String(kind === chosen)}">${word}</button>`)}</span>`;

const hint = (text: string): Html => html`<span class="fs12 t3">${text}</span>`;

const field = (label: string, name: string, value: string | number, unit: string, width = 'wide'): Html =>
  html`<label class="row fs12 t2 gap-1">${label} <span class="field mini ${width}"><input type="number" name="${name}" min="0" step="any" value="${value}"><span class="unit">${unit}</span></span></label>`;

/** `canEdit`: without a chosen tool the keys of those that draw are named. */
export function toolControls(tool: Tool, options: ToolOptions, { thresholdBqPerMl, canEdit }: { thresholdBqPerMl: number | null; canEdit: boolean }): Html {
  const depth = toggle('ball', options.isBall, ['2D', '3D'], 'Paint a disc in the slice, or a ball in depth');
  switch (tool) {
    case 'brush': case 'erase': return html`${field('Size', 'size', options.sizeMm, 'mm')}${depth}`;
    case 'threshold': return html`${field('Size', 'size', options.sizeMm, 'mm')}${depth}${thresholdBqPerMl === null ? nothing : field('≥', 'threshold', (thresholdBqPerMl / THOUSAND).toFixed(0), 'kBq/mL', 'widest')}`;
    case 'sphere': return html`${field('Radius', 'size', options.sizeMm, 'mm')}${field('≥', 'fraction', Math.round(options.fraction * 100), '%', '')}`;
    case 'ball': return html`${field('Diameter', 'size', options.sizeMm, 'mm')}${hint('Shift removes')}`;
    case 'draw': return html`${choice('Outline', 'outline', OUTLINES, options.outline)}${hint(OUTLINES.find(([kind]) => kind === options.outline)?.[2] ?? '')}`;
    case 'scissors': return html`${toggle('keeping', options.isKeeping, ['Remove inside', 'Keep inside'], 'What the line encloses goes, or what lies outside it; Shift turns it round')}${toggle('through', options.isThrough, ['This slice', 'All slices'], 'Cut this slice, or through all slices of the region')}`;
    case 'fill': return html`<button type="button" class="btn slim" data-fill-every title="Fill every hole of the region in the slice of the active pane">All holes of the slice</button>`;
    case 'area': return choice('Shape', 'shape', SHAPES, options.shape);
    default: return canEdit ? html`<span class="row fs12 t3">${each(KEYS, ([key, label]) => html`<span>${kbd(key)} ${label}</span>`)}</span>` : nothing;
  }
}
