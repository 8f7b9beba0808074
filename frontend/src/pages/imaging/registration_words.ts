/** The table and the inspector of the registration page. */
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, levelOf, stateTag } from '../../domain/markup';
import { formatFixed, formatNumber, MISSING } from '../../domain/quantity';
import type { Vec3 } from '../../domain/volume';
import { answerable, type Finding } from '../parts/findings';
import { ageText } from './scans';
import type { Registration, RegistrationItem, TimePoint } from './wire';

export const RESIDUAL_GUIDE_MM = 5;
const AXES = ['left', 'posterior', 'head'] as const;

export interface Nudge { shift: Vec3; rotation: Vec3 }

export const isNudged = ({ shift, rotation }: Nudge): boolean => [...shift, ...rotation].some((value) => value !== 0);

export function residuals(registration: Registration): [string, number][] {
  const { residual_mm: residual, regions } = registration.quality as { residual_mm?: unknown; regions?: unknown };
  const source = (residual ?? regions ?? {}) as Record<string, unknown>;
  return Object.entries(source).filter((entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]));
}

const numberOf = (registration: Registration, name: string): number | null => {
  const value = registration.quality[name];
  return typeof value === 'number' ? value : null;
};

function decisionFlag(registration: Registration): Html {
  if (registration.is_stale) return stateTag('stale');
  if (registration.decision === 'accepted') return flag('ok', `Accepted${registration.decided_by ? ` by ${registration.decided_by}` : ''}`);
  if (registration.decision === 'rejected') return flag('block', 'Rejected');
  const worst = registration.findings.find((finding) => finding.level !== 'note' && !finding.answer);
  return worst ? flag(levelOf(worst.level), 'Review') : html`<span class="t2">To decide</span>`;
}

function rowOf(point: TimePoint, item: RegistrationItem | undefined, chosenId: string): Html {
  const registration = item?.registration ?? null;
  const head = html`<td class="strong num">${formatNumber(point.time?.value)}</td>`;
  const attributes = html`tabindex="0" data-time-point="${point.id}" aria-selected="${String(point.id === chosenId)}"`;
  if (point.is_reference) return html`<tr class="reference"><td class="strong num">${formatNumber(point.time?.value)}</td><td colspan="7" class="t3">Reference: the others are laid onto this scan</td></tr>`;
  if (!registration) return html`<tr ${attributes}>${head}<td colspan="7" class="t3">Not registered yet</td></tr>`;
  const all = residuals(registration);
  const worst = all.reduce<[string, number] | null>((best, one) => (!best || one[1] > best[1] ? one : best), null);
  const worstText = worst ? html`<span class="${worst[1] > RESIDUAL_GUIDE_MM ? 'flag' : ''}" data-l="ask">${worst[1].toFixed(1)}</span> <span class="t3">${worst[0]}</span>` : html`${MISSING}`;
  return html`<tr ${attributes} class="${registration.is_stale ? 'is-stale' : ''}">${head}<td class="num">${registration.shift_mm.map((mm) => formatFixed(mm, 1)).join(', ')}</td><td class="num">${registration.rotation_deg.map((degrees) => formatFixed(degrees, 1)).join(', ')}</td>
    <td class="num">${formatNumber(numberOf(registration, 'normalised_mutual_information'))}</td><td class="num">${formatNumber(numberOf(registration, 'correlation'))}</td><td class="num">${percentText(numberOf(registration, 'overlap_fraction'))}</td><td>${worstText}</td><td>${decisionFlag(registration)}</td></tr>`;
}

const percentText = (fraction: number | null): string => (fraction === null ? MISSING : formatFixed(100 * fraction, 0));

export function registrationTable(points: readonly TimePoint[], items: readonly RegistrationItem[], chosenId: string): Html {
  return html`<table class="table dense"><thead><tr><th class="num">Age (h p.i.)</th><th class="num" title="Towards left, posterior, head">Shift L, P, H (mm)</th><th class="num">Rotation x, y, z (°)</th><th class="num" title="Normalised mutual information: 1 independent, 2 identical">NMI</th><th class="num">Correlation</th><th class="num">Overlap (%)</th><th>Largest residual (mm)</th><th>Decision</th></tr></thead>
    <tbody>${each(points, (point) => rowOf(point, items.find((item) => item.time_point_id === point.id), chosenId))}</tbody></table>`;
}

export interface RegistrationFacts {
  point: TimePoint;
  registration: Registration | null;
  nudge: Nudge;
  mayEdit: boolean;
  nOpen: number;
  nextHref: string;
}

export function registrationInspector(facts: RegistrationFacts): Html {
  const { point, registration } = facts;
  if (!registration) return html`<div class="sect"><h2 class="h3">${ageText(point)}</h2><p class="t2 mt-2">This scan is not registered to the reference yet.</p>${facts.mayEdit ? nothing : html`<p class="fs12 t3 mt-1">A physicist of this site registers it.</p>`}</div>`;
  const findings = registration.findings.map((finding): Finding => ({ ...finding, step: finding.step ?? 'registration', source_id: finding.source_id ?? registration.id }));
  const largest = Math.max(...residuals(registration).map(([, mm]) => mm), RESIDUAL_GUIDE_MM);
  const rows = residuals(registration).map(([name, mm]) => html`<li><span class="ell">${name}</span><span class="budget-bar"><i data-width="${(100 * mm) / largest}"></i></span><span class="num ${mm > RESIDUAL_GUIDE_MM ? 'over-guide' : ''}">${mm.toFixed(1)}</span></li>`);
  return html`<div class="sect"><div class="row between"><h2 class="h3">${ageText(point)}</h2>${decisionFlag(registration)}</div><p class="fs12 t3 mt-1">${registration.method}, revision ${registration.number}</p>${registration.remark ? html`<p class="fs12 t2 mt-2">“${registration.remark}”</p>` : nothing}</div>
    ${rows.length > 0 ? html`<div class="sect"><div class="sect-head"><h2 class="h2">Residual by region</h2><span class="push t2 fs12">mm, guide ${RESIDUAL_GUIDE_MM}</span></div><ul class="budget">${rows}</ul></div>` : nothing}
    ${rows.length === 0 ? html`<div class="sect"><p class="fs12 t3">How far each region is off was not measured. Once the reference has accepted contours, register again.</p></div>` : nothing}
    ${findings.length > 0 ? html`<div class="sect"><div class="stack">${each(findings, answerable)}</div></div>` : nothing}
    ${facts.mayEdit ? nudgePanel(facts.nudge) : nothing}<div class="sect">${decisionButtons(facts, registration, findings)}</div>`;
}

function nudgePanel(nudge: Nudge): Html {
  const field = (group: 'shift' | 'rotation', n: number, unit: string): Html =>
    html`<label class="nudge-field"><span class="t3 fs11">${group === 'shift' ? AXES[n] : 'xyz'.charAt(n)}</span><span class="field mini"><input type="number" step="any" data-nudge="${group}" data-axis="${n}" value="${nudge[group][n] ?? 0}" aria-label="${group === 'shift' ? `Shift towards ${AXES[n] ?? ''}` : `Rotation about ${'xyz'.charAt(n)}`}, ${unit}"></span></label>`;
  const active = isNudged(nudge);
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">Move by hand</h2>${active ? html`<span class="tag push" data-s="estimate">PREVIEW</span>` : html`<span class="push t3 fs12">arrows 1 mm, Shift 1°</span>`}</div>
    <div class="nudge-row"><span class="t2 fs12">Shift (mm)</span>${[0, 1, 2].map((n) => field('shift', n, 'mm'))}</div><div class="nudge-row"><span class="t2 fs12">Rotation (°)</span>${[0, 1, 2].map((n) => field('rotation', n, 'degrees'))}</div>
    ${active ? html`<div class="row mt-2"><button type="button" class="btn primary grow" data-apply>Apply nudge</button><button type="button" class="btn grow" data-reset>Undo it</button></div>` : nothing}</div>`;
}

function decisionButtons(facts: RegistrationFacts, registration: Registration, findings: readonly Finding[]): Html {
  const next = facts.nOpen === 0 ? html`<a class="btn primary wide mt-2" href="${facts.nextHref}">Continue with contours</a>` : html`<p class="fs12 t3 mt-2">${facts.nOpen} ${facts.nOpen === 1 ? 'registration waits' : 'registrations wait'} for a decision.</p>`;
  const isDecided = registration.decision === 'accepted' || registration.decision === 'rejected';
  if (!facts.mayEdit) return html`<p class="fs12 t3">A physicist of this site decides.</p>`;
  if (isDecided || registration.is_stale) return html`<button type="button" class="btn wide" data-register>Register again</button>${registration.is_stale ? nothing : next}`;
  const needsRemark = findings.some((finding) => finding.level === 'ask');
  const blocked = isNudged(facts.nudge);
  const accept = blocked ? html`<p class="fs12 t3">Apply or undo the preview before deciding.</p>`
    : needsRemark ? html`<button type="button" class="btn primary wide" data-decide="remark">Accept with a remark</button>`
      : html`<button type="button" class="btn primary wide" data-decide="accepted">Accept registration</button><button type="button" class="btn wide mt-2" data-decide="remark">Accept with a remark</button>`;
  return html`${accept}<button type="button" class="btn wide mt-2" data-decide="rejected">Reject</button><button type="button" class="btn quiet wide mt-2" data-register>Register again</button>${next}`;
}
