/** The parts of the plan page. The model never types for the prescriber: the field stays empty. */
import { formatDate, formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { bareNumber, flag, glyph, icon, levelOf, message, number, select, stateTag, unit } from '../../domain/markup';
import { formatFixed, formatPlain, formatValue, MISSING, type MaybeQuantity } from '../../domain/quantity';
import type { LimitRow, PlanPage, Prescription, WaitingPrescription } from './plan_types';

export const REASONS = ['Renal function', 'Blood count', 'Predicted organ dose', 'Tumour burden', 'Body size', 'Patient wish', 'Trial protocol', 'Other'] as const;

const oneDecimal = (quantity: MaybeQuantity): string => (quantity ? formatFixed(quantity.value, 1) : MISSING);

/** "91 %", "> 99 %", "< 1 %": a probability as people may say it. */
export function probabilityText(probability: number | null | undefined): string {
  if (probability === null || probability === undefined || !Number.isFinite(probability)) return MISSING;
  const percent = Math.round(probability * 100);
  if (probability > 0.99) return '> 99';
  return probability < 0.01 ? '< 1' : String(percent);
}

export function whatIf(page: PlanPage): Html {
  const { what_if: range } = page;
  if (!range) return nothing;
  const share = (gbq: number | undefined): number => (gbq === undefined ? 0 : (100 * (gbq - range.minimum_gbq)) / (range.maximum_gbq - range.minimum_gbq));
  const label = page.label_activity?.value;
  const [lower, upper] = [page.proposed_range?.lower?.value, page.proposed_range?.upper?.value];
  const marks = [range.minimum_gbq, (range.minimum_gbq * 3 + range.maximum_gbq) / 4, (range.minimum_gbq + range.maximum_gbq) / 2, (range.minimum_gbq + range.maximum_gbq * 3) / 4, range.maximum_gbq];
  const isFree = (gbq: number): boolean => label === undefined || Math.abs(share(gbq) - share(label)) > 9;
  return html`<div><div class="label"><label for="n-cycles">What if</label> <input class="inline-number" id="n-cycles" type="number" min="1" max="20" step="1" value="${page.n_cycles_left}" aria-label="Cycles left"> <span id="what-if-label">${page.n_cycles_left === 1 ? 'more cycle gives' : 'more cycles give each'}</span></div><div class="row mt-1 gap-4"><span class="field"><input id="what-if" type="number" step="0.01" min="${range.minimum_gbq}" max="${range.maximum_gbq}" value="${range.activity ? Number(range.activity.value.toFixed(2)) : ''}" aria-labelledby="what-if-label">${unit('GBq')}</span>
    <div class="grow"><div class="slider"><span class="track"></span>${lower !== undefined && upper !== undefined ? html`<span class="span" data-left="${share(lower)}" data-width="${share(upper) - share(lower)}"></span>` : nothing}${label === undefined ? nothing : html`<span class="tick" data-left="${share(label)}"></span>`}
    <input id="what-if-slider" type="range" min="${range.minimum_gbq}" max="${range.maximum_gbq}" step="0.05" value="${range.activity?.value ?? range.minimum_gbq}" aria-labelledby="what-if-label"></div>
    <div class="scale-labels">${each(marks, (gbq, i) => html`<span data-left="${share(gbq)}">${isFree(gbq) || i === 0 || i === 4 ? `${formatPlain(Number(gbq.toFixed(1)))}${i === 4 ? ' GBq' : ''}` : ''}</span>`)}</div>${label === undefined ? nothing : html`<div class="scale-labels above"><span></span><span class="label-mark" data-left="${share(label)}">${formatPlain(label)} label</span><span></span></div>`}</div></div></div>
    <p class="fs12 t3">Moves charts and bars only.<br>Never fills the prescription.</p>`;
}

export function limits(page: PlanPage): Html {
  const row = (item: LimitRow): Html => html`<li title="${item.source ?? ''}"><span class="ell">${item.region}${item.quantity === 'absorbed dose' ? '' : `, ${item.quantity}`}</span><span class="num">${bareNumber(item.after)}</span><span class="num t2">${formatPlain(item.limit?.value ?? Number.NaN)} Gy</span>
    <span class="probability"><i data-width="${(item.probability ?? 0) * 100}"></i>${item.label_probability === null || item.label_probability === undefined ? nothing : html`<em data-left="${item.label_probability * 100}" title="label activity"></em>`}</span><span class="num strong">${probabilityText(item.probability)} ${unit('%')}</span></li>`;
  const last = page.next_cycle_number + page.n_cycles_left - 1;
  return html`<div class="sect-head"><h2 class="h2">Probability of staying below each limit</h2></div>${page.limits.length
    ? html`<ul class="limit-rows"><li class="head"><span></span><span class="num">After cycle ${last} (Gy)</span><span class="num">Limit</span><span class="row fs11"><i class="label-tick"></i>label activity</span><span></span></li>${each(page.limits, row)}</ul>`
    : html`<p class="t2">No limit covers a region with a dose.</p>`}
    ${page.assumptions.length ? html`<div class="sect-head mt-4"><h2 class="h2">Assumed for the coming cycles</h2></div><dl class="kv">${each(page.assumptions, (item) => html`<dt>${item.label}</dt><dd>${typeof item.value === 'string' ? item.value : number(item.value)}</dd>`)}</dl>` : nothing}
    <div class="stack mt-3">${each(page.findings, (finding) => message(levelOf(finding.level), finding.message))}</div>`;
}

export function cycles(page: PlanPage): Html {
  const state = (row: PlanPage['cycles'][number]): Html => row.is_planned ? stateTag('estimate') : html`${row.version ? `v${row.version} ` : ''}${stateTag(row.state)}${row.is_stale ? html` ${stateTag('stale')}` : nothing}`;
  return html`<table class="table dense"><thead><tr><th>Cycle</th><th>Date</th><th class="num">Administered (GBq)</th>${each(page.region_names, (name) => html`<th class="num">${name} (Gy)</th>`)}<th>Result</th></tr></thead>
    <tbody>${each(page.cycles, (row) => html`<tr class="${row.is_planned ? 'future' : ''}"><td>${row.number}</td><td>${formatDate(row.at)}</td><td class="num">${row.is_planned ? 'what if ' : ''}${formatValue(row.activity)}</td>${each(page.region_names, (name) => html`<td class="num">${bareNumber(row.doses[name])}</td>`)}<td>${state(row)}</td></tr>`)}</tbody></table>`;
}

export function aside(page: PlanPage, mayPrescribe: boolean): Html {
  const { proposed_range: range } = page;
  const quantile = (item: PlanPage['probabilities'][number]): Html => html`<div><dt>${Math.round(item.p * 100)} %</dt><dd>${number(item.activity)}</dd></div>`;
  return html`<div class="two-up"><div><div class="label">Label activity</div><div class="big">${oneDecimal(page.label_activity)} ${unit(page.label_activity?.unit ?? '')}</div><p class="fs12 t2">${page.label_activity ? page.label_source || 'The template states no source.' : 'No template with a label activity.'}</p></div>
    <div><div class="label">Proposed range</div><div class="big">${range ? html`${oneDecimal(range.lower)} – ${oneDecimal(range.upper)} ${unit(range.upper?.unit ?? '')}` : MISSING}</div><p class="fs12 t2">Model estimate. ${page.binding_limit ? `Limiting: ${page.binding_limit}` : 'No limit binds.'}</p></div></div>
    ${page.probabilities.length ? html`<dl class="quantiles">${each(page.probabilities, quantile)}${page.label_probability === undefined ? nothing : html`<div><dt>Label ${oneDecimal(page.label_activity)}</dt><dd>${probabilityText(page.label_probability)} ${unit('%')}</dd></div>`}</dl>` : nothing}
    <div class="sect"><h2 class="h2">Ready to prescribe</h2><ul class="check-list">${each(page.readiness, (check) => html`<li><span class="flag" data-l="${check.ok ? 'ok' : levelOf(check.level)}">${glyph(check.ok ? 'ok' : levelOf(check.level))}<span>${check.text}</span></span><span title="${check.guide ?? ''}">${check.value}</span></li>`)}</ul></div>
    ${prescription(page, mayPrescribe)}${signed(page)}`;
}

function prescription(page: PlanPage, mayPrescribe: boolean): Html {
  if (!mayPrescribe) return html`<div class="sect"><h2 class="h2">Prescription</h2><p class="fs12 t3">A prescriber of this site types and signs the activity.</p></div>`;
  return html`<form class="sect prescription" id="prescription" autocomplete="off"><h2 class="h2">Prescription</h2><label class="label" for="rx">Activity for cycle ${page.next_cycle_number}</label>
    <div class="row mt-1 mb-3"><span class="field prescribed grow"><input id="rx" name="value" type="number" step="any" min="0" placeholder="Type the activity"></span>${select({ name: 'unit', label: 'Unit' }, [['', 'Unit'], ['GBq', 'GBq'], ['MBq', 'MBq']], '')}</div><div id="hard-limit"></div>
    <label class="label" for="rx-text">Reason, if outside label ± 10 % or the range</label><div class="mt-1">${select({ name: 'departure_reason', label: 'Reason' }, [['', 'Choose a reason'], ...REASONS.map((reason) => [reason, reason] as const)], '')}</div>
    <textarea class="area mt-2" id="rx-text" name="departure_text" placeholder="Explain in your own words" maxlength="1000"></textarea></form>`;
}

/** A typed activity as it was typed: who signs it must not see a rounded one. */
export const asTyped = (quantity: MaybeQuantity): string => (quantity ? `${formatPlain(quantity.value)} ${quantity.unit}` : MISSING);

/** Stands beside the typed activity while it exceeds the hard limit of the site. */
export const hardLimitNote = (page: PlanPage): Html => html`<div class="mb-3">${message('ask', `Above the hard limit of ${asTyped(page.hard_limit_activity)}`, 'Signed once, it waits for a second prescriber; until then nothing is prescribed.')}</div>`;

/** What a prescriber signs: activity and departure. */
export const prescribed = (item: Pick<Prescription, 'departure_reason' | 'departure_text'>, cycle: number, activity: string | Html): Html =>
  html`<dt>Cycle</dt><dd>${cycle}</dd><dt>Prescribed activity</dt><dd class="strong">${activity}</dd>${item.departure_reason ? html`<dt>Departure</dt><dd>${item.departure_reason}: ${item.departure_text ?? ''}</dd>` : nothing}`;

const waiting = (item: WaitingPrescription): Html => html`<li class="open" title="${item.departure_text ?? ''}"><i></i><span>Signed once</span><span class="t2">${item.printed_name}, ${asTyped(item.activity)}</span><span class="t3">${formatShort(item.at)}</span></li>`;

function signed({ prescription: given, waiting_prescription: open, plan }: PlanPage): Html {
  const saved = plan ? html`<p class="fs12 t2 mt-2">Plan ${plan.number} saved ${plan.at ? formatShort(plan.at) : ''} ${plan.author ?? ''}${plan.is_stale ? html` ${flag('stale', 'stale')}` : nothing}</p>` : html`<p class="fs12 t3">No plan is saved yet.</p>`;
  return html`<div class="sect last"><h2 class="h2">Signatures</h2>${given
    ? html`<ul class="signatures"><li title="${given.departure_text ?? ''}">${icon('check', 's')}<span>Prescribed</span><span class="t2">${given.printed_name}${given.second_printed_name ? ` and ${given.second_printed_name}` : ''}, ${asTyped(given.activity)}</span><span class="t3">${formatShort(given.second_at ?? given.at)}</span></li></ul>`
    : html`<ul class="signatures"><li class="open"><i></i><span>Prescribed</span><span class="t2">Prescriber</span><span class="t3">open</span></li></ul>`}${open ? html`<ul class="signatures">${waiting(open)}</ul><div class="mt-2">${flag('ask', 'Waits for a second prescriber')}</div>` : nothing}${saved}</div>`;
}
