/** Dose engines beside each other: columns of the table, spread on a line, reasons in the inspector, the start dialog. */
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, number, select, unit } from '../../domain/markup';
import { formatFixed, formatNumber, formatPlain, MISSING } from '../../domain/quantity';
import type { Dose, DoseRegion, EngineDose } from './dose_wire';

interface EngineKind { name: string; short: string; label: string; text: string }

export const ENGINES: readonly EngineKind[] = [
  { name: 'local', short: 'Local', label: 'Local deposition', text: 'Electrons stay in their voxel, photons leave. Seconds.' },
  { name: 'kernel', short: 'Kernel', label: 'Kernel, density-scaled', text: 'Range of electrons and photons by convolution. Seconds.' },
  { name: 'kernel_unscaled', short: 'Unscaled', label: 'Kernel, unscaled', text: 'As in water of one density; shows what density does.' },
  { name: 'hybrid_mc', short: 'M. Carlo', label: 'Monte Carlo photons', text: 'Photons tracked through the CT, electrons by kernel. A minute or more.' },
  { name: 'full_mc', short: 'Full MC', label: 'Full Monte Carlo', text: 'Electrons tracked too: high-energy betas, lung, bone. Minutes.' },
];

/** Difference above which the spread is flagged, percent. */
const ALARM_PERCENT = 10;
const LINE = { width: 84, height: 16, limit: 30 };

export const engineLabel = (name: string | undefined): string => ENGINES.find((engine) => engine.name === name)?.label ?? name ?? '';
const shortOf = (name: string): string => ENGINES.find((engine) => engine.name === name)?.short ?? name;
const valueOf = (engine: EngineDose, row: DoseRegion): EngineDose['regions'][string] | undefined => engine.regions[row.region.id];

/** A dot for each engine on a line from -30 to +30 percent of the engine that counts. */
function mark(name: string, x: number): Html {
  const y = LINE.height / 2;
  switch (name) {
    case 'local': return html`<path class="mark local" d="M${x} ${y - 4}l4 4-4 4-4-4z"></path>`;
    case 'kernel': return html`<circle class="mark kernel" cx="${x}" cy="${y}" r="3"></circle>`;
    case 'kernel_unscaled': return html`<circle class="mark unscaled" cx="${x}" cy="${y}" r="3"></circle>`;
    case 'hybrid_mc': return html`<rect class="mark mc" x="${x - 3}" y="${y - 3}" width="6" height="6"></rect>`;
    default: return html`<path class="mark full" d="M${x} ${y - 4}l4 7h-8z"></path>`;
  }
}

const position = (percent: number): number => LINE.width / 2 + (Math.max(-LINE.limit, Math.min(LINE.limit, percent)) / LINE.limit) * (LINE.width / 2 - 5);

function symbol(name: string): Html {
  return html`<svg class="engine-mark" width="12" height="${LINE.height}" aria-hidden="true">${mark(name, 6)}</svg>`;
}

export function spreadPercent(engines: readonly EngineDose[], row: DoseRegion): number | null {
  const differences = engines.map((engine) => valueOf(engine, row)?.difference?.value).filter((value) => value !== undefined);
  return differences.length < 2 ? null : Math.max(...differences) - Math.min(...differences);
}

export function engineHeads(engines: readonly EngineDose[], shown: string): Html {
  return html`${each(engines, (engine, i) => html`<th class="num ${i === 0 ? 'gl' : ''}"><button type="button" class="engine-head" data-engine="${engine.engine}" aria-pressed="${String(engine.engine === shown)}" title="${engine.label}: show its dose map">${symbol(engine.engine)}${shortOf(engine.engine)} (Gy)</button></th>`)}<th class="spread-head">−30 … +30 %</th><th class="num">Spread (%)</th>`;
}

export function engineCells(engines: readonly EngineDose[], row: DoseRegion): Html {
  const spread = spreadPercent(engines, row);
  const dots = engines.map((engine) => ({ name: engine.engine, percent: valueOf(engine, row)?.difference?.value })).filter((dot) => dot.percent !== undefined);
  const words = dots.map((dot) => `${engineLabel(dot.name)} ${formatFixed(dot.percent ?? 0, 1)} %`).join(', ');
  return html`${each(engines, (engine, i) => html`<td class="num ${i === 0 ? 'gl strong-value' : ''}">${formatNumber(valueOf(engine, row)?.absorbed_dose?.value)}</td>`)}
    <td><svg class="spread" width="${LINE.width}" height="${LINE.height}" role="img" aria-label="${words}"><line x1="2" x2="${LINE.width - 2}" y1="${LINE.height / 2}" y2="${LINE.height / 2}"></line><line x1="${LINE.width / 2}" x2="${LINE.width / 2}" y1="3" y2="${LINE.height - 3}"></line>${each(dots, (dot) => mark(dot.name, position(dot.percent ?? 0)))}</svg></td>
    <td class="num">${spread === null ? MISSING : spread > ALARM_PERCENT ? flag('ask', formatFixed(spread, 0)) : formatFixed(spread, 0)}</td>`;
}

/** The engines of one region in words: dose, difference, and what makes it. */
export function engineSection(engines: readonly EngineDose[], row: DoseRegion): Html {
  if (engines.length < 2) return nothing;
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">By engine</h2><span class="push t3 fs12">difference from the first</span></div><ul class="engine-list">${each(engines, (engine, i) => {
    const item = valueOf(engine, row);
    const difference = i === 0 || !item?.difference ? nothing : html`<span class="num t2">${item.difference.value > 0 ? '+' : ''}${formatFixed(item.difference.value, 1)} %</span>`;
    return html`<li><span class="row">${symbol(engine.engine)}${engine.label}</span><span class="row push" title="${item?.absorbed_dose?.standard_uncertainty ? `statistical standard uncertainty ${formatNumber(item.absorbed_dose.standard_uncertainty)} Gy` : ''}">${formatNumber(item?.absorbed_dose?.value)} ${unit('Gy')}${difference}</span>${item?.reason ? html`<span class="reason t3 fs12">${item.reason}</span>` : nothing}</li>`;
  })}</ul></div>`;
}

/** Alpha emitters: parts of the absorbed dose, and the RBE-weighted dose apart from it. */
export function radiationSection(row: DoseRegion): Html {
  const parts = row.by_radiation;
  if (!parts) return nothing;
  const members = Object.entries(row.by_member ?? {});
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">By radiation</h2><span class="push t3 fs12">absorbed dose</span></div><dl class="kv"><dt>Alpha and recoil</dt><dd>${number(parts.alpha)}</dd><dt>Electrons</dt><dd>${number(parts.electrons)}</dd><dt>Photons</dt><dd>${number(parts.photons)}</dd></dl>
    ${members.length > 1 ? html`<h3 class="fs12 t3 mt-2">By member of the chain, local</h3><dl class="kv">${each(members, ([nuclide, value]) => html`<dt>${nuclide}</dt><dd>${number(value)}</dd>`)}</dl>` : nothing}
    <dl class="kv mt-2"><dt>RBE-weighted dose</dt><dd>${row.rbe_weighted_dose ? number(row.rbe_weighted_dose) : html`<span class="t3">the template states no RBE</span>`}</dd></dl></div>`;
}

/** V_x at the isodose levels of the calculation. */
export function volumeFacts(row: DoseRegion): Html {
  const entries = Object.entries(row.volume_at_dose ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  return html`${each(entries, ([gy, share]) => html`<dt>V<sub>${formatPlain(Number(gy))} Gy</sub></dt><dd>${number(share)}</dd>`)}`;
}

function progenyField(dose: Dose | null): Html {
  const choice = dose?.progeny;
  if (!choice || choice.members.length === 0) return nothing;
  const options = [['in_place', `Decay where the parent decays: ${choice.members.join(', ')}`], ['none', 'Left out: the parent alone']] as const;
  return html`<div class="line"><span class="label">Progeny</span>${select({ name: 'progeny', label: 'Progeny' }, options, choice.default)}</div>`;
}

/** Two readers of a region widen its volume, where they are known; the user sees by how much, and decides. */
function readersField(dose: Dose | null): Html {
  const known = dose?.reader_variation;
  if (!known || known.regions.length === 0) return nothing;
  const list = known.regions.map((row) => `${row.name} ${formatFixed(row.volume_cv?.value ?? 0, 1)} %`).join(', ');
  return html`<label class="row"><input type="checkbox" name="reader_variation" ${known.is_used ? html`checked` : nothing}><span>Volume uncertainty from two readers where they differ by more than the contour's edge: ${list}</span></label>`;
}

export function startForm(dose: Dose | null): Html {
  const used = new Set((dose?.engines ?? []).map((engine) => engine.engine));
  const first = dose?.engine ?? 'local';
  const isChecked = (name: string): boolean => (used.size > 0 ? used.has(name) : name === 'local' || name === 'kernel');
  return html`<p class="t2">On the reference image. The marked engine counts for dose, BED and plan; the others stand beside it.</p>
    <table class="table dense flush engine-choice"><thead><tr><th>Run</th><th>Counts</th><th>Engine</th></tr></thead><tbody>${each(ENGINES, (engine) => html`<tr><td><input type="checkbox" name="run_${engine.name}" aria-label="Run ${engine.label}" ${isChecked(engine.name) ? html`checked` : nothing}></td><td><input type="radio" name="first" value="${engine.name}" aria-label="${engine.label} counts" ${engine.name === first ? html`checked` : nothing}></td><td class="text">${engine.label}<div class="t3 fs12">${engine.text}</div></td></tr>`)}</tbody></table>
    <label class="row"><input type="checkbox" name="organ_level" checked><span>Organ level too: S-values between the contours (MIRD), spheres for lesions. About a second for each region.</span></label>
    ${readersField(dose)}${progenyField(dose)}<div class="pair"><label class="line"><span class="label">Uniform density (g/mL), empty to use the CT</span><input class="text" type="number" step="any" min="0.1" max="3" name="density"></label>
    <label class="line"><span class="label">Monte Carlo: wanted statistical uncertainty (%)</span><input class="text" type="number" step="any" min="0.1" max="20" name="uncertainty" placeholder="1 (photons), 2 (full)"></label></div>`;
}

/** The engines that the form asks for, the one that counts first. */
export function chosenEngines(values: Record<string, string>): string[] {
  const first = values.first ?? 'local';
  return [first, ...ENGINES.map((engine) => engine.name).filter((name) => name !== first && values[`run_${name}`] !== undefined)];
}
