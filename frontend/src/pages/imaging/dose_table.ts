/** The table of regions and the inspector of the dose page. */
import { each, html, nothing, type Html } from '../../domain/html';
import { bareNumber, flag, number, unit } from '../../domain/markup';
import { formatFixed, formatNumber, MISSING } from '../../domain/quantity';
import { answerable, type Finding } from '../parts/findings';
import { engineCells, engineHeads, engineSection, radiationSection, volumeFacts } from './dose_engines';
import { organLevelSection } from './organ_level';
import { budgetOf, shareOf, type Dose, type DoseRegion, type EngineDose } from './dose_wire';

const isLesion = (row: DoseRegion): boolean => row.region.kind === 'lesion';
const openOf = (findings: readonly Finding[]): number => findings.filter((finding) => finding.level === 'ask' && !finding.answer).length;

function metricCells(row: DoseRegion): Html {
  return html`<td class="num gl">${bareNumber(row.dose_at_volume['98'])}</td><td class="num">${bareNumber(row.dose_at_volume['50'])}</td><td class="num">${bareNumber(row.dose_at_volume['2'])}</td>`;
}

function rowOf(row: DoseRegion, selectedId: string, engines: readonly EngineDose[]): Html {
  const { region } = row;
  const share = shareOf(row);
  const nOpen = openOf(row.findings);
  const limit = share ? html`<span class="share ${share.value > 100 ? 'over' : ''}"><i data-width="${share.value}"></i></span>${share.value > 100 ? flag('block', formatNumber(share.value)) : formatNumber(share.value)}` : html`${MISSING}`;
  return html`<tr tabindex="0" data-region="${region.id}" aria-selected="${String(region.id === selectedId)}"><td data-colour="${region.colour}"><span class="row"><i class="swatch"></i><span>${isLesion(row) ? `${region.label} ` : ''}${region.name}</span>${nOpen > 0 ? flag('ask', nOpen === 1 ? 'Answer' : `${nOpen} to answer`, 'fs12') : nothing}</span></td>
    <td class="num" title="${row.mass_origin}">${bareNumber(row.mass)}</td>${engines.length > 1 ? nothing : html`<td class="t2">${row.mass_origin}</td>`}<td class="num strong-value">${bareNumber(row.absorbed_dose)}</td>
    ${engines.length > 1 ? engineCells(engines, row) : metricCells(row)}
    <td class="num gl">${bareNumber(row.dose_per_activity)}</td><td class="num">${bareNumber(row.bed)}</td>${engines.length > 1 ? nothing : html`<td class="num">${bareNumber(row.eqd2)}</td>`}<td class="num">${limit}</td></tr>`;
}

/** With several engines their doses stand side by side; D98, D50, D2, EQD2 and the origin of the mass are in the inspector. */
export function doseTable(dose: Dose, selectedId: string, shownEngine: string): Html {
  const engines = dose.engines ?? [];
  const middle = engines.length > 1 ? engineHeads(engines, shownEngine) : html`<th class="num gl">D98 (Gy)</th><th class="num">D50 (Gy)</th><th class="num">D2 (Gy)</th>`;
  const organs = dose.regions.filter((row) => !isLesion(row));
  const lesions = dose.regions.filter(isLesion);
  return html`<table class="table dense dose-table ${dose.is_stale ? 'is-stale' : ''}"><thead><tr><th>Region</th><th class="num">Mass (g)</th>${engines.length > 1 ? nothing : html`<th>Mass from</th>`}<th class="num">Dose (Gy)</th>${middle}<th class="num gl" title="1 Gy/GBq = 1 mGy/MBq">Gy/GBq</th><th class="num">BED (Gy)</th>${engines.length > 1 ? nothing : html`<th class="num">EQD2 (Gy)</th>`}<th class="num">Limit (%)</th></tr></thead>
    <tbody>${each(organs, (row) => rowOf(row, selectedId, engines))}${lesions.length > 0 ? html`<tr class="group"><td colspan="14">Lesions</td></tr>` : nothing}${each(lesions, (row) => rowOf(row, selectedId, engines))}</tbody></table>`;
}

function budget(row: DoseRegion): Html {
  const parts = budgetOf(row);
  if (parts.length === 0) return nothing;
  const largest = Math.max(...parts.map((part) => part.percent), 1e-9);
  const dose = row.absorbed_dose;
  const combined = dose?.standard_uncertainty && dose.value ? (100 * dose.standard_uncertainty) / dose.value : null;
  const chain = row.uncertainty;
  const most = parts.reduce((first, part) => (part.percent > first.percent ? part : first));
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">Uncertainty, k = 1</h2><span class="push t2 fs12">% of dose</span></div>
    <ul class="budget">${each([...parts].sort((a, b) => b.percent - a.percent), (part) => html`<li title="${part.is_shared ? 'Shared by all scans and regions' : ''}"><span>${part.component}${part.is_shared ? html` <span class="t3">shared</span>` : nothing}</span><span class="budget-bar"><i data-width="${(100 * part.percent) / largest}"></i></span><span class="num">${part.percent.toFixed(1)}</span></li>`)}
    <li class="sum"><span class="strong">Combined</span><span></span><span class="num strong">${combined === null ? MISSING : combined.toFixed(1)}</span></li></ul>
    <p class="fs12 t2 mt-2">${most.component} dominates${combined ? html`: ${formatFixed((100 * most.percent ** 2) / combined ** 2, 0)} % of the variance` : nothing}.</p>
    ${chain ? html`<dl class="kv mt-2"><dt>Dose, 95 %</dt><dd>${formatNumber(chain.dose_interval_95.lower)} to ${formatNumber(chain.dose_interval_95.upper)} ${unit(chain.unit)}</dd>${chain.bed_interval_95 ? html`<dt>BED, 95 %</dt><dd>${formatNumber(chain.bed_interval_95.lower)} to ${formatNumber(chain.bed_interval_95.upper)} ${unit(chain.unit)}</dd>` : nothing}<dt title="${chain.n_samples} samples, seed ${chain.seed}">By Monte Carlo</dt><dd>${number(chain.monte_carlo)}</dd></dl>
    ${chain.not_stated.length > 0 ? html`<p class="fs12 t3">Not stated, so missing: ${chain.not_stated.join(', ').toLowerCase()}.</p>` : nothing}` : nothing}</div>`;
}

export function doseInspector(row: DoseRegion, engines: readonly EngineDose[]): Html {
  const { region, dose_at_volume: at } = row;
  const facts = [['98', 'D98'], ['50', 'D50'], ['2', 'D2']].map(([percent = '', label]) => html`<span><span class="t2">${label}</span> ${number(at[percent])}</span>`);
  return html`<div class="sect" data-colour="${region.colour}"><div class="row"><span class="swatch"></span><h2 class="h3 ell">${region.name}</h2></div>
    <div class="row between mt-2 dose-head"><div class="big">${number(row.absorbed_dose)}</div><div class="dose-metrics fs12">${facts}</div></div></div>
    ${engineSection(engines, row)}${organLevelSection(row)}${radiationSection(row)}${budget(row)}
    ${row.findings.length > 0 ? html`<div class="sect"><div class="stack">${each(row.findings, answerable)}</div></div>` : nothing}
    <div class="sect"><dl class="kv"><dt>Mass, ${row.mass_origin}</dt><dd>${number(row.mass)}</dd><dt>BED</dt><dd>${number(row.bed)}</dd><dt>EQD2</dt><dd>${number(row.eqd2)}</dd>${row.alpha_beta ? html`<dt>α/β</dt><dd>${number(row.alpha_beta)}</dd>` : nothing}${row.repair_half_time ? html`<dt>Repair half-time</dt><dd>${number(row.repair_half_time)}</dd>` : nothing}
    ${row.effective_half_life ? html`<dt>Effective half-life</dt><dd>${number(row.effective_half_life)}</dd>` : nothing}${row.time_integrated_activity ? html`<dt>TIA</dt><dd>${number(row.time_integrated_activity)}</dd>` : nothing}${row.voxel_mean_dose ? html`<dt>Mean of the dose map</dt><dd>${number(row.voxel_mean_dose)}</dd>` : nothing}${volumeFacts(row)}</dl>
    ${(row.limits ?? []).length > 0 ? html`<h3 class="h2 mt-3 mb-2">Limits</h3><dl class="kv">${each(row.limits ?? [], (limit) => html`<dt title="${limit.source}">${formatNumber(limit.limit?.value)} Gy ${limit.quantity === 'absorbed_dose' ? '' : limit.quantity.toUpperCase()}</dt><dd>${number(limit.share)}</dd>`)}</dl>` : nothing}</div>`;
}
