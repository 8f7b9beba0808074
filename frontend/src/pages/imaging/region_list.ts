/** The list of regions: organs, then lesions one by one; swatch and glyph say the state, a number the millilitres. */
import { each, html, nothing, type Html } from '../../domain/html';
import { glyph, icon } from '../../domain/markup';
import { formatFixed, MISSING } from '../../domain/quantity';
import type { RegionContour } from './wire';

export interface ListFacts {
  regions: readonly RegionContour[];
  selectedId: string;
  hidden: ReadonlySet<string>;
  /** Regions with strokes that are not saved: their numbers are those of the last revision. */
  unsaved: ReadonlySet<string>;
  canAdd: boolean;
  canEdit: boolean;
  showsRejected: boolean;
}

export const isLesion = (region: RegionContour): boolean => region.kind === 'lesion' || region.kind === 'lesions';
export const openQuestions = (region: RegionContour): number => (region.findings ?? []).filter((finding) => finding.level === 'ask' && !finding.answer).length;

/** Whether there is a reason to look twice; a note is none. */
export const isInDoubt = (region: RegionContour): boolean => (region.reasons ?? []).some((reason) => reason.level !== 'note');

/** A candidate that was rejected, here or at every time point that shows it: nobody works on it any more. */
export const isSetAside = (region: RegionContour): boolean => isLesion(region) && (region.state === 'rejected' || Boolean(region.is_rejected_elsewhere));

/** What the list shows: rejected lesions only when asked for, but never without the chosen one. */
export const shownRegions = (regions: readonly RegionContour[], selectedId: string, showsRejected: boolean): RegionContour[] =>
  regions.filter((region) => showsRejected || !isSetAside(region) || region.id === selectedId);

function stateGlyph(region: RegionContour): Html {
  if (region.state === 'none') return html`<span class="st" title="${region.is_rejected_elsewhere ? 'not drawn here, rejected at other time points' : 'not drawn at this time point'}">–</span>`;
  if (openQuestions(region) > 0 && region.state !== 'rejected') return html`<span class="st" data-s="ask" title="to review">${glyph('ask')}</span>`;
  if (region.state === 'accepted') return html`<span class="st" data-s="accepted" title="accepted">${icon('check', 's')}</span>`;
  if (region.state === 'rejected') return html`<span class="st" data-s="rejected" title="rejected">${icon('close', 's')}</span>`;
  if (region.state === 'edited') return html`<span class="st" title="edited, not accepted">${icon('pen', 's')}</span>`;
  const isDoubted = isInDoubt(region);
  if (region.source !== 'model') return html`<span class="st" data-s="${isDoubted ? 'ask' : 'proposed'}" title="proposed${isDoubted ? ', with reasons to look twice' : ''}">${icon('clock', 's')}</span>`;
  return html`<span class="st" data-s="${isDoubted ? 'ask' : 'proposed'}" title="AI proposal, confidence ${percent(region.confidence)}${isDoubted ? ', with reasons to look twice' : ''}">${icon('spark', 's')}</span>`;
}

export const percent = (share: number | null | undefined): string => (typeof share === 'number' ? `${Math.round(100 * share)} %` : MISSING);

const volumeText = (region: RegionContour): string => (region.volume && region.volume.value > 0 ? formatFixed(region.volume.value, 1) : MISSING);

function rowOf(region: RegionContour, facts: ListFacts): Html {
  const isHidden = facts.hidden.has(region.id);
  const isUnsaved = facts.unsaved.has(region.id);
  const number = isLesion(region) ? html`<span class="t3">${region.label}</span> ` : nothing;
  const tool = (action: string, symbol: string, label: string, isOn = false): Html =>
    html`<button type="button" class="row-tool" data-do="${action}" data-id="${region.id}" data-key="${action} ${region.id}" aria-label="${label} ${region.name}" title="${label}" aria-pressed="${String(isOn)}">${icon(symbol, 's')}</button>`;
  const isSelected = region.id === facts.selectedId;
  return html`<li class="region" data-region="${region.id}" data-colour="${region.colour}">
    <button type="button" class="region-name" data-key="${region.id}" ${isSelected ? html`aria-current="true"` : nothing}><span class="swatch" data-s="${isHidden || region.state === 'none' ? 'off' : region.state}"></span>
    <span class="ell ${isSelected ? 'strong' : ''} ${isHidden ? 't3' : ''}">${number}${region.name}${region.is_locked ? html` <span class="t3">${icon('lock', 's')}</span>` : nothing}</span></button>
    <span class="row-tools">${tool('hide', isHidden ? 'eye-off' : 'eye', isHidden ? 'Show' : 'Hide', !isHidden)}${tool('solo', 'cube', 'Show only', false)}${facts.canEdit ? tool('lock', region.is_locked ? 'lock' : 'unlock', region.is_locked ? 'Unlock' : 'Lock', region.is_locked) : nothing}</span>
    <span class="num ${isUnsaved ? 't3' : 't2'}" title="${isUnsaved ? 'of the last saved revision' : 'mL'}">${volumeText(region)}${isUnsaved ? '*' : ''}</span>${stateGlyph(region)}</li>`;
}

export function regionList(facts: ListFacts): Html {
  const { regions } = facts;
  const nDecided = regions.filter((region) => isDrawn(region) && !isOpen(region)).length;
  const drawn = regions.filter(isDrawn);
  const percent = drawn.length > 0 ? (100 * nDecided) / drawn.length : 0;
  const organs = regions.filter((region) => !isLesion(region));
  const lesions = shownRegions(regions.filter(isLesion), facts.selectedId, facts.showsRejected);
  const nAside = regions.filter(isSetAside).length;
  const aside = nAside > 0 ? html`<button type="button" class="plain-link fs12 aside" data-show-rejected data-key="show-rejected" aria-expanded="${String(facts.showsRejected)}">${facts.showsRejected ? 'Hide' : 'Show'} ${nAside} rejected</button>` : nothing;
  const group = (name: string, list: readonly RegionContour[]): Html =>
    html`<div class="ghead">${name}<span class="push">mL</span><span class="ghead-gap"></span></div>${list.length > 0 ? html`<ul aria-label="${name}">${each(list, (region) => rowOf(region, facts))}</ul>` : html`<p class="t3 fs12 none">none</p>`}`;
  return html`<div class="sect-head list-top"><h1 class="h2">Regions</h1><span class="t3 fs12">${nDecided} of ${drawn.length} decided</span>${facts.canAdd ? html`<button class="btn quiet push" type="button" data-add>${icon('plus', 's')}Add</button>` : nothing}</div>
    <div class="bar list-bar" data-l="ok" role="progressbar" aria-label="Decided regions" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.round(percent)}"><i data-width="${percent}"></i></div>
    <div class="region-scroll scroll" role="group" aria-label="Regions">${group('Organs', organs)}${group('Lesions, one by one', lesions)}${aside}
    <div class="legend fs11 t2"><span><i class="swatch" data-s="proposed"></i> proposed</span><span><i class="swatch" data-s="edited"></i> edited</span><span><i class="swatch"></i> accepted</span></div></div>`;
}

export const isDrawn = (region: RegionContour): boolean => region.state !== 'none';

/** Whether a region of this time point still waits for a decision. */
export const isOpen = (region: RegionContour): boolean => !['accepted', 'rejected', 'none'].includes(region.state);
