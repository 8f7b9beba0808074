/** What is known about the chosen region: numbers of the server, why to review it, where it comes from, what can be done. */
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, icon, kbd, levelOf, number } from '../../domain/markup';
import { formatFixed, MISSING } from '../../domain/quantity';
import { answerable, type Finding } from '../parts/findings';
import { faintLesions } from './lesion_review';
import { isInDoubt, isLesion, isOpen, openQuestions, percent } from './region_list';
import type { Contours, RegionContour } from './wire';

export interface InspectorFacts {
  contours: Contours;
  region: RegionContour;
  isUnsaved: boolean;
  canEdit: boolean;
  canAccept: boolean;
  next: RegionContour | null;
  ghostNumber: number | null;
  comparedNumber: number | null;
}

const SOURCES: Record<string, string> = { manual: 'Drawn', imported: 'Imported', propagated: 'Propagated', threshold: 'Threshold', model: 'AI model' };
const STATES: Record<string, string> = { proposed: 'Proposed', edited: 'Edited', accepted: 'Accepted', rejected: 'Rejected', none: 'Not drawn here' };

function stateFlag(region: RegionContour): Html {
  if (openQuestions(region) > 0) return flag('ask', 'Review', 'push fs12');
  if (region.state === 'accepted') return flag('ok', 'Accepted', 'push fs12');
  if (region.state === 'rejected') return html`<span class="flag push fs12" data-l="block">${icon('close', 's')}<span>Rejected</span></span>`;
  return html`<span class="push fs12 t2">${STATES[region.state] ?? region.state}</span>`;
}

export function regionInspector(facts: InspectorFacts): Html {
  const { region, contours } = facts;
  const findings = (region.findings ?? []).map((finding): Finding => ({ ...finding, step: finding.step ?? 'contours', region_id: finding.region_id ?? region.id }));
  const nOpen = openQuestions(region);
  return html`<div class="sect" data-colour="${region.colour}"><div class="row"><span class="swatch" data-s="${region.state}"></span><h2 class="h3 ell">${region.name}</h2>${stateFlag(region)}</div>
    <div class="row wide-gap ${facts.isUnsaved ? 'is-stale' : ''}"><div><div class="label">Volume</div><div class="big mid">${region.volume && region.volume.value > 0 ? html`${formatFixed(region.volume.value, 1)} <span class="unit">mL</span>` : MISSING}</div></div>
    <div><div class="label">Mean</div><div class="big mid">${number(region.mean)}</div></div></div>
    ${facts.isUnsaved ? html`<p class="fs12 t3 mt-2">Numbers are those of revision ${contours.revision?.number ?? 0}. Saving measures the region again.</p>` : nothing}</div>
    ${trust(region)}
    ${findings.length > 0 ? html`<div class="sect"><div class="sect-head"><h2 class="h2">Why review</h2><span class="fs12 t3 push">${nOpen > 0 ? `${nOpen} to answer` : 'answered'}</span></div><div class="stack">${each(findings, answerable)}</div></div>` : nothing}
    <div class="sect"><dl class="kv"><dt>Activity</dt><dd>${number(region.activity)}</dd>${region.maximum ? html`<dt>Largest voxel</dt><dd>${number(region.maximum)}</dd>` : nothing}
    ${region.contour_volume ? html`<dt>As drawn</dt><dd>${number(region.contour_volume)}</dd>` : nothing}${region.polygon_volume ? html`<dt>By polygons</dt><dd>${number(region.polygon_volume)}</dd>` : nothing}
    ${region.source ? html`<dt>Source</dt><dd>${region.source === 'model' ? flag('ai', SOURCES.model ?? '') : (SOURCES[region.source] ?? region.source)}</dd>` : nothing}</dl>
    ${region.maximum ? html`<div class="row mt-2"><button type="button" class="plain-link fs12" data-window="region">Window to region</button>${kbd('W')}<button type="button" class="plain-link fs12 push" data-window="shared">Shared window</button></div>` : nothing}
    ${region.source_detail ? html`<p class="fs12 t3 mt-1">${region.source_detail}</p>` : nothing}
    ${(region.statements ?? []).length > 0 ? html`<ul class="fs12 t2 mt-2">${each(region.statements ?? [], (text) => html`<li>${text}</li>`)}</ul>` : nothing}</div>
    ${actions(facts, nOpen)}<div id="consequences"></div>${editSection(facts)}${historySection(facts)}`;
}

/** How sure the network was of its own proposal, or how well a contour from another scan lies on what it sees; and why a person should look twice. */
function trust(region: RegionContour): Html {
  const isCarried = region.source === 'propagated';
  if ((region.source !== 'model' && !isCarried) || (typeof region.confidence !== 'number' && (region.reasons ?? []).length === 0)) return nothing;
  const reasons = region.reasons ?? [];
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">${isCarried ? 'Agreement with the network' : 'AI confidence'}</h2><span class="num push">${percent(region.confidence)}</span></div>
    ${typeof region.confidence === 'number' ? html`<div class="bar" data-l="${isInDoubt(region) ? 'ask' : 'ok'}" role="progressbar" aria-label="${isCarried ? 'Agreement with the network' : 'AI confidence'}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.round(100 * region.confidence)}"><i data-width="${100 * region.confidence}"></i></div>` : nothing}
    ${reasons.length > 0 ? html`<div class="stack mt-2">${each(reasons, (reason) => flag(levelOf(reason.level), reason.message, 'fs12 wrap'))}</div>` : html`<p class="fs12 t3 mt-1">Nothing about it is unusual. Look before you accept it.</p>`}</div>`;
}

function actions(facts: InspectorFacts, nOpen: number): Html {
  const { region } = facts;
  const faint = faintLesions(facts.contours.regions);
  if (!facts.canEdit && !facts.canAccept) return html`<div class="sect"><p class="fs12 t3">Contour editors, physicists and physicians of this site change regions.</p></div>`;
  const name = region.name.charAt(0).toLowerCase() + region.name.slice(1);
  const save = facts.isUnsaved ? html`<button type="button" class="btn primary wide" data-save>Save revision ${kbd('Ctrl S')}</button>` : nothing;
  const accept = region.state === 'accepted' || (region.state === 'none' && !facts.isUnsaved) ? nothing
    : region.state === 'rejected' && !facts.isUnsaved ? html`<button type="button" class="btn wide" data-reopen>Reopen ${name} ${kbd('V')}</button>`
    : nOpen > 0 ? html`<button type="button" class="btn ${facts.isUnsaved ? '' : 'primary'} wide" data-answer-first>Answer ${nOpen} ${nOpen === 1 ? 'warning' : 'warnings'}</button>`
      : html`<button type="button" class="btn ${facts.isUnsaved ? '' : 'primary'} wide" data-accept>Accept ${name} ${kbd('A')}</button>`;
  const next = facts.next ? `Next: ${facts.next.name.charAt(0).toLowerCase() + facts.next.name.slice(1)}.` : isOpen(region) ? '' : 'Every region of this time point is decided.';
  return html`<div class="sect"><div class="stack">${save}${facts.canAccept ? accept : nothing}</div>
    <div class="row mt-2">${facts.canEdit ? html`<button type="button" class="btn grow" data-edit>Edit ${kbd('B')}</button>` : nothing}${facts.canAccept && region.state !== 'rejected' && region.state !== 'none' ? html`<button type="button" class="btn grow" data-reject>Reject ${kbd('X')}</button>` : nothing}</div>
    ${facts.canAccept && faint.length > 1 && faint.includes(region) ? html`<button type="button" class="btn wide mt-2" data-reject-faint title="Look at them in the projection first">Reject all ${faint.length} faint candidates</button>` : nothing}
    <p class="fs12 t3 mt-2">${next}${isLesion(region) && isOpen(region) ? ' Lesions are accepted one by one.' : ''}</p></div>`;
}

const OPERATIONS: readonly (readonly [operation: string, label: string])[] = [
  ['threshold_sphere', 'Threshold in sphere'], ['threshold', 'Threshold'], ['grow', 'Grow from point'], ['interpolate', 'Interpolate slices'],
  ['margin', 'Margin'], ['smooth', 'Smooth'], ['fill', 'Fill holes'], ['islands', 'Remove islands'], ['largest', 'Keep largest'], ['boolean', 'Combine'], ['delete', 'Clear here'],
];

function editSection(facts: InspectorFacts): Html {
  if (!facts.canEdit) return nothing;
  const { region } = facts;
  if (region.is_locked) return html`<div class="sect"><p class="fs12 t3">${icon('lock', 's')} Locked: painting and operations leave this region as it is.</p></div>`;
  return html`<details class="sect fold" open><summary class="h2">Operations</summary><div class="op-grid">${each(OPERATIONS, ([operation, label]) => html`<button type="button" class="btn" data-operation="${operation}">${label}</button>`)}</div>
    <button type="button" class="plain-link fs12 mt-2" data-rename>Rename or recolour</button></details>`;
}

function historySection({ contours, region, ghostNumber, comparedNumber }: InspectorFacts): Html {
  const editors = contours.editors ?? [];
  const eye = (number: number, what: string): Html =>
    html`<button type="button" class="row-tool" data-ghost="${number}" aria-pressed="${String(ghostNumber === number)}" title="Show beside, dotted" aria-label="Show ${what} beside">${icon(ghostNumber === number ? 'eye' : 'eye-off', 's')}</button>`;
  const compare = (number: number, what: string): Html => (number === contours.revision?.number ? html`<span></span>`
    : html`<button type="button" class="row-tool" data-compare="${number}" aria-pressed="${String(comparedNumber === number)}" title="Compare with now: volumes, Dice, dose, and the difference on the panes" aria-label="Compare ${what} with now">${icon('swap', 's')}</button>`);
  const row = (item: Contours['history'][number]): Html =>
    html`<li><span class="num t3">${item.number}</span><span class="ell" title="${item.note}">${item.note || 'Saved'}</span><span class="t3 fs12">${item.author}, ${formatShort(item.at)}</span>
      ${eye(item.number, `revision ${item.number}`)}${compare(item.number, `revision ${item.number}`)}</li>`;
  // The list ends after a few revisions; what was proposed at first stays within reach.
  const original = typeof region.original_number === 'number'
    ? html`<li><span class="num t3">${region.original_number}</span><span class="ell">Original proposal</span><span></span>${eye(region.original_number, 'the original proposal')}${compare(region.original_number, 'the original proposal')}</li>` : nothing;
  return html`<div class="sect last"><div class="sect-head"><h2 class="h2">Revisions</h2><span class="count push fs12">${(contours.history ?? []).length}</span></div>
    ${editors.length > 0 ? html`<p class="flag mb-2" data-l="note">${icon('pen', 's')}<span>${editors.map((editor) => editor.name).join(', ')} is editing too</span></p>` : nothing}
    <ul class="history">${original}${each((contours.history ?? []).slice(0, 12), row)}</ul></div>`;
}
