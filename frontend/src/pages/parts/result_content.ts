/** The content of a result version as people sign it: every region's numbers, scans, registrations, curves, contours. */
import { formatDateTime } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { bareNumber, number } from '../../domain/markup';
import { formatAgent } from '../../domain/nuclide';
import { formatNumber, formatQuantity, MISSING, type MaybeQuantity } from '../../domain/quantity';

interface Region { id: string; name: string; kind: string; colour: string }
interface Engine { engine: string; label: string; regions: Record<string, { absorbed_dose: MaybeQuantity; difference: MaybeQuantity; reason: string }> }
export interface RegionDose {
  region: Region; mass: MaybeQuantity; mass_origin: string; volume: MaybeQuantity; absorbed_dose: MaybeQuantity; dose_per_activity: MaybeQuantity;
  bed: MaybeQuantity; eqd2: MaybeQuantity; alpha_beta: MaybeQuantity; effective_half_life: MaybeQuantity; time_integrated_activity: MaybeQuantity; dose_at_volume: Record<string, MaybeQuantity>;
}
interface ContentCurve { region: Region; chosen_model: string | null; fits: { model: string; label: string; is_chosen: boolean; effective_half_life: MaybeQuantity; tia: MaybeQuantity; tiac: MaybeQuantity; tail: MaybeQuantity }[]; points: { is_excluded: boolean }[]; accepted_by: string | null }
interface ContentTimePoint {
  number: number; is_reference: boolean;
  image: { number: number; time: MaybeQuantity; whole_image_activity: MaybeQuantity; steps: string[] } | null;
  registration: { method: string; decision: string; remark: string } | null;
}
interface ContentContours { time_point: number; number: number; author: string; regions: { name: string; state: string; source: string; source_detail: string; contour_volume: MaybeQuantity; volume: MaybeQuantity; activity: MaybeQuantity; statements: string[] }[] }
export interface ResultContent {
  course: { number: number; agent: string; nuclide: string };
  cycle: number;
  administration: { administered_activity: MaybeQuantity; administered_at: string; source: string; has_extravasation?: boolean };
  time_points: ContentTimePoint[];
  contours: ContentContours[];
  curves: ContentCurve[];
  dose: { engine: string; density_origin: string; engines?: Engine[]; regions: RegionDose[] };
  versions?: Record<string, string>;
}

const head = (title: string, note = ''): Html => html`<div class="sect-head"><h2 class="h2">${title}</h2><span class="t3 fs12">${note}</span></div>`;
const range = (region: Region): Html => html`<span class="row" data-colour="${region.colour}"><i class="swatch"></i>${region.name}</span>`;

function doseRow(row: RegionDose): Html {
  return html`<tr><td>${range(row.region)}</td><td class="num">${formatNumber(row.mass?.value)}</td><td class="t3 fs12">${row.mass_origin}</td><td class="num strong">${bareNumber(row.absorbed_dose)}</td><td class="num">${bareNumber(row.dose_per_activity)}</td><td class="num">${bareNumber(row.bed)}</td><td class="num">${bareNumber(row.eqd2)}</td>
    <td class="num">${bareNumber(row.dose_at_volume?.['98'])}</td><td class="num">${bareNumber(row.dose_at_volume?.['50'])}</td><td class="num">${bareNumber(row.dose_at_volume?.['2'])}</td></tr>`;
}

function doseTable(content: ResultContent): Html {
  const rows = (kind: string): RegionDose[] => content.dose.regions.filter((row) => row.region.kind === kind);
  const lesions = rows('lesion');
  return html`<div class="sect">${head('Absorbed dose', `${content.dose.engines?.[0]?.label ?? content.dose.engine}; density ${content.dose.density_origin}; uncertainties k = 1`)}
    <div class="scroll"><table class="table dense flush"><thead><tr><th>Region</th><th class="num">Mass (g)</th><th>Mass from</th><th class="num">Dose (Gy)</th><th class="num">Gy/GBq</th><th class="num">BED (Gy)</th><th class="num">EQD2 (Gy)</th><th class="num">D98 (Gy)</th><th class="num">D50 (Gy)</th><th class="num">D2 (Gy)</th></tr></thead>
    <tbody>${each(rows('organ'), doseRow)}${lesions.length ? html`<tr class="group"><td colspan="10">Lesions</td></tr>${each(lesions, doseRow)}` : nothing}</tbody></table></div></div>`;
}

/** Every engine that was run; the first one counts. */
function engineTable(content: ResultContent): Html {
  const engines = content.dose.engines ?? [];
  if (engines.length < 2) return nothing;
  const cells = (region: Region): Html => html`${each(engines, (engine, i) => {
    const item = engine.regions[region.id];
    return html`<td class="num ${i === 0 ? 'strong' : ''}">${bareNumber(item?.absorbed_dose)}</td>${i === 0 ? nothing : html`<td class="num">${formatNumber(item?.difference?.value)}</td><td class="text fs12 t2">${item?.reason || MISSING}</td>`}`;
  })}`;
  return html`<div class="sect">${head('By engine', 'difference from the engine that counts, and what makes it')}<div class="scroll"><table class="table dense flush"><thead><tr><th>Region</th>${each(engines, (engine, i) => html`<th class="num">${engine.label} (Gy)</th>${i === 0 ? nothing : html`<th class="num">Difference (%)</th><th>From</th>`}`)}</tr></thead>
    <tbody>${each(content.dose.regions, (row) => html`<tr><td>${range(row.region)}</td>${cells(row.region)}</tr>`)}</tbody></table></div></div>`;
}

function curveTable(curves: ContentCurve[]): Html {
  const row = (curve: ContentCurve): Html => {
    const fit = curve.fits.find((item) => item.is_chosen);
    const nUsed = curve.points.filter((point) => !point.is_excluded).length;
    return html`<tr><td>${range(curve.region)}</td><td>${fit?.label ?? MISSING}</td><td class="num">${nUsed}/${curve.points.length}</td><td class="num">${bareNumber(fit?.effective_half_life)}</td><td class="num">${bareNumber(fit?.tia)}</td><td class="num">${bareNumber(fit?.tiac)}</td><td class="num">${formatNumber(fit?.tail?.value)}</td><td class="t2">${curve.accepted_by ?? 'not accepted'}</td></tr>`;
  };
  return html`<div class="sect">${head('Kinetics')}<div class="scroll"><table class="table dense flush"><thead><tr><th>Region</th><th>Curve</th><th class="num">Scans</th><th class="num">T<sub>eff</sub> (h)</th><th class="num">TIA (MBq h)</th><th class="num">TIAC (h)</th><th class="num">Tail (%)</th><th>Accepted by</th></tr></thead><tbody>${each(curves, row)}</tbody></table></div></div>`;
}

function scanTable(points: ContentTimePoint[]): Html {
  const row = (point: ContentTimePoint): Html => {
    const registration = point.is_reference ? 'reference' : point.registration ? `${point.registration.method}, ${point.registration.decision}${point.registration.remark ? `: ${point.registration.remark}` : ''}` : 'not registered';
    return html`<tr><td>${point.number}</td><td class="num">${formatNumber(point.image?.time?.value)}</td><td class="num">${formatNumber(point.image?.whole_image_activity?.value)}</td><td class="text">${registration}</td><td class="text fs12 t2">${point.image?.steps.join('; ') ?? 'no image'}</td></tr>`;
  };
  return html`<div class="sect">${head('Scans')}<div class="scroll"><table class="table dense flush"><thead><tr><th>Time point</th><th class="num">h p.i.</th><th class="num">In image (MBq)</th><th>Registration</th><th>Quantification</th></tr></thead><tbody>${each(points, row)}</tbody></table></div></div>`;
}

function contourTable(sets: ContentContours[]): Html {
  const rows = sets.flatMap((set) => set.regions.map((region) => ({ set, region })));
  return html`<div class="sect">${head('Contours')}<div class="scroll"><table class="table dense flush"><thead><tr><th>Time point</th><th>Region</th><th>State</th><th>Source</th><th class="num">Drawn (mL)</th><th class="num">Used (mL)</th><th class="num">Activity (MBq)</th><th>Rule</th></tr></thead>
    <tbody>${each(rows, ({ set, region }) => html`<tr><td>${set.time_point}</td><td>${region.name}</td><td>${region.state}</td><td class="t2">${region.source}${region.source_detail ? `, ${region.source_detail}` : ''}</td><td class="num">${formatNumber(region.contour_volume?.value)}</td><td class="num">${formatNumber(region.volume?.value)}</td><td class="num">${bareNumber(region.activity)}</td><td class="text fs12 t2">${region.statements.join('; ')}</td></tr>`)}</tbody></table></div></div>`;
}

/** Everything that a signature covers, in the order of the report. */
export function resultContent(content: ResultContent): Html {
  const { administration: given } = content;
  return html`<div class="sect">${head('Administration')}<dl class="kv facts"><dt>Therapy</dt><dd>${formatAgent(content.course.agent, content.course.nuclide)}, course ${content.course.number}, cycle ${content.cycle}</dd>
    <dt>Administered activity</dt><dd>${number(given.administered_activity)}, net of residual</dd><dt>Start</dt><dd>${formatDateTime(given.administered_at)}, ${given.source}</dd>${given.has_extravasation ? html`<dt>Extravasation</dt><dd>noted</dd>` : nothing}</dl></div>
    ${doseTable(content)}${engineTable(content)}${curveTable(content.curves)}${scanTable(content.time_points)}${contourTable(content.contours)}
    ${content.versions ? html`<div class="sect">${head('Versions')}<dl class="kv facts">${each(Object.entries(content.versions), ([name, version]) => html`<dt>${name}</dt><dd class="mono">${String(version)}</dd>`)}</dl></div>` : nothing}`;
}

/** One line for dialogs: what the first regions received. */
export function contentLine(content: ResultContent): string {
  return content.dose.regions.slice(0, 3).map((row) => `${row.region.name} ${formatQuantity(row.absorbed_dose)}`).join(', ');
}
