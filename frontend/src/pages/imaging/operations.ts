/** Operations that the server does on a region; each ends in a new revision. The dialogs ask only for what the operation needs. */
import { html, nothing, type Html } from '../../domain/html';
import { select } from '../../domain/markup';
import type { Vec3 } from '../../domain/volume';
import { openDialog } from '../parts/dialogs';
import type { RegionContour } from './wire';

export interface OperationRequest {
  operation: string;
  region_id: string;
  parameters: Record<string, unknown>;
}

export interface OperationFacts {
  region: RegionContour;
  others: readonly RegionContour[];
  cursor: Vec3;
  radiusMm: number;
  thresholdKbqPerMl: number;
}

const TITLES: Record<string, string> = {
  threshold_sphere: 'Threshold in a sphere', threshold: 'Threshold', grow: 'Grow from a point', interpolate: 'Interpolate between slices', margin: 'Grow or shrink by a margin',
  smooth: 'Smooth', fill: 'Fill holes', islands: 'Remove islands', largest: 'Keep the largest part', boolean: 'Combine with a region', delete: 'Clear the region at this time point',
};

/** What an operation is called, in lower case and without its region. */
export const titleOf = (operation: string): string => (TITLES[operation] ?? operation).toLowerCase();

const WORDS: Record<string, string> = {
  interpolate: 'Fills the slices between those that are drawn, by shape.', largest: 'Removes every part but the largest.',
};

const field = (label: string, name: string, value: number, unit: string, more: Html = nothing): Html =>
  html`<label class="line"><span class="label">${label}</span><span class="field"><input type="number" step="any" name="${name}" value="${value}" required ${more}><span class="unit">${unit}</span></span></label>`;

/** How far from the crosshair the voxel is looked for whose share is the level of growing. */
const GROW_RADIUS_MM = 20;

const levelChoice = (facts: OperationFacts, place: string): Html => html`<label class="line"><span class="label">Level</span>${select({ name: 'level', label: 'Level' }, [['fraction', `Percent of the largest voxel ${place}`], ['minimum', 'Fixed value']], 'fraction')}</label>
  <div class="pair">${field('Percent', 'percent', 41, '%')}${field('Fixed value', 'minimum', facts.thresholdKbqPerMl, 'kBq/mL')}</div>`;

function bodyOf(operation: string, facts: OperationFacts): Html {
  const where = html`<p class="t3 fs12">Centre: the crosshair, LPS ${facts.cursor.map((mm) => mm.toFixed(0)).join(', ')} mm.</p>`;
  switch (operation) {
    case 'threshold_sphere': return html`${field('Radius', 'radius_mm', facts.radiusMm, 'mm')}${levelChoice(facts, 'in the sphere')}${where}`;
    case 'grow': return html`${levelChoice(facts, 'near the point')}${field('Near means within', 'radius_mm', GROW_RADIUS_MM, 'mm')}${where}<p class="t3 fs12">What is connected to the point at or above the level becomes this region.</p>`;
    case 'threshold': return html`${levelChoice(facts, 'of the image')}<p class="t3 fs12">Every voxel of the image at or above the level becomes this region; what was drawn of it before is replaced.</p>`;
    case 'margin': return field('Margin; a minus sign shrinks', 'margin_mm', 3, 'mm');
    case 'smooth': return field('Radius', 'radius_mm', 4, 'mm');
    case 'islands': return field('Remove parts smaller than', 'minimum_ml', 1, 'mL');
    case 'boolean': return html`<div class="pair"><label class="line"><span class="label">Operation</span>${select({ name: 'kind', label: 'Operation' }, [['difference', 'Subtract'], ['union', 'Add'], ['intersection', 'Keep the overlap']], 'difference')}</label>
      <label class="line"><span class="label">Region</span>${select({ name: 'other', label: 'Region' }, facts.others.map((other) => [other.id, other.name] as const), facts.others[0]?.id ?? null)}</label></div>`;
    case 'fill': return html`<label class="line"><span class="label">Holes</span>${select({ name: 'holes', label: 'Holes' }, [['slice', 'Enclosed on their axial slice'], ['sides', 'Enclosed on all sides']], 'slice')}</label>`;
    case 'delete': return html`<p class="t2">The revision before stays in the history.</p>`;
    default: return html`<p class="t2">${WORDS[operation] ?? ''}</p>`;
  }
}

function parametersOf(operation: string, values: Record<string, string>, facts: OperationFacts): Record<string, unknown> {
  const level = values.level === 'minimum' ? { minimum_bq_per_ml: Number(values.minimum) * 1000 } : { fraction: Number(values.percent) / 100 };
  const centre = { centre_lps_mm: [...facts.cursor] };
  switch (operation) {
    case 'threshold_sphere': return { ...centre, radius_mm: Number(values.radius_mm), ...level };
    case 'grow': return { ...centre, radius_mm: Number(values.radius_mm), ...level };
    case 'threshold': return level;
    case 'margin': return { margin_mm: Number(values.margin_mm) };
    case 'smooth': return { radius_mm: Number(values.radius_mm) };
    case 'islands': return { minimum_ml: Number(values.minimum_ml) };
    case 'fill': return { by_slice: values.holes === 'slice' };
    case 'boolean': return { boolean: values.kind, other_region_id: values.other };
    default: return {};
  }
}

/** Asks for the parameters of an operation and runs it; an error stays in the dialog. */
export function askOperation(operation: string, facts: OperationFacts, run: (request: OperationRequest) => Promise<void>): Promise<boolean> {
  return openDialog({
    title: `${TITLES[operation] ?? operation}: ${facts.region.name}`, action: operation === 'delete' ? 'Clear' : 'Apply', isDanger: operation === 'delete',
    body: html`<div class="form">${bodyOf(operation, facts)}</div>`,
    submit: (values) => run({ operation, region_id: facts.region.id, parameters: parametersOf(operation, values, facts) }),
  });
}
