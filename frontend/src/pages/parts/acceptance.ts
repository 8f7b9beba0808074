/** Acceptance statistics of contours: how the proposals of each model version fared with the people of this site. */
import { getJson } from '../../api/client';
import { outcomeBars } from '../../charts/outcome_bars';
import { acceptanceCsv, bySource, decided, driftText, isOfModel, sourceName, undecided, type Acceptance, type AcceptanceGroup } from '../../domain/acceptance';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, icon, placeholder } from '../../domain/markup';
import { formatFixed, formatNumber, MISSING } from '../../domain/quantity';
import { download, fill, on } from './dom';
import type { Page } from './shell';
import { showError } from './states';

/** Shows the section in `place`, and the trend by month in `side`. */
export function startAcceptance(page: Page, place: HTMLElement, side: HTMLElement): Promise<void> {
  let answer: Acceptance | null = null;
  let isVirtual = false;

  async function load(): Promise<void> {
    try {
      answer = await getJson<Acceptance>(`/api/sites/${page.siteId}/contour-acceptance${isVirtual ? '?virtual=1' : ''}`);
      fill(place, section(answer));
      fill(side, trend(answer));
    } catch (error) { showError(place, error, () => void load()); }
  }

  on(place, 'click', '[data-acceptance-csv]', () => { if (answer) download('contour-acceptance.csv', 'text/csv', acceptanceCsv(answer.groups)); });
  on(place, 'change', '[name="acceptance-of"]', (input) => { isVirtual = (input as HTMLInputElement).value === 'virtual'; void load(); });
  return load();
}

function section(answer: Acceptance): Html {
  const csv = answer.groups.length ? html`<button class="btn" type="button" data-acceptance-csv>${icon('download', 's')}Save as CSV</button>` : nothing;
  const choice = (value: string, text: string, isChosen: boolean): Html => html`<label class="row"><input type="radio" name="acceptance-of" value="${value}" ${isChosen ? html`checked` : nothing}>${text}</label>`;
  return html`<div class="page-head"><h2 class="h1">Acceptance</h2><span class="t3">What people of this site did with proposed contours. Each proposal counts once, by the newest decision.</span>
    <span class="push row"><span class="row" role="radiogroup" aria-label="Whose contours">${choice('patients', 'Patients', !answer.is_virtual)}${choice('virtual', 'Virtual patients', answer.is_virtual)}</span>${csv}</span></div>
    ${answer.drifts.length ? html`<div class="stack mb-2">${each(answer.drifts, (drift) => flag('ask', driftText(drift), 'wrap'))}</div>` : nothing}
    ${answer.groups.length ? table(answer) : empty(answer.is_virtual)}`;
}

function empty(isVirtual: boolean): Html {
  return placeholder({
    icon: 'spark', title: isVirtual ? 'Nothing proposed in a virtual patient yet' : 'Nothing proposed yet',
    text: 'Once a model, an import or a propagation proposes contours and a contour editor, physicist or physician accepts, edits or rejects them on the Contours page, each decision is counted here.',
    action: html`<a class="btn" href="/">Go to the worklist</a>`,
  });
}

function table(answer: Acceptance): Html {
  return html`<div class="scroll"><table class="table"><thead><tr><th>Region</th><th class="num">Proposed</th><th class="num">Accepted unchanged</th><th class="num">Edited, then accepted</th><th class="num" title="Of the edited ones: overlap of the accepted contour with the proposal; quartiles in grey">Dice of the edited</th><th class="num">Rejected</th><th class="num">Not decided</th><th class="num" title="Time in which the region was selected and the page used, summed over all actions; median of the decided ones">Hands-on time (s)</th></tr></thead>
    <tbody>${each(bySource(answer.groups), ([name, rows]) => html`<tr class="group"><td colspan="8">${rows[0] && isOfModel(rows[0]) ? flag('ai', name) : name}</td></tr>${each(rows, row)}`)}</tbody></table></div>`;
}

function row(group: AcceptanceGroup): Html {
  const n = decided(group);
  const counted = (count: number): Html => html`${count}${n > 0 ? html` <span class="t3">${formatFixed((100 * count) / n, 0)} %</span>` : nothing}`;
  const { low, median, high } = group.dice;
  const dice = median === null || low === null || high === null ? html`${MISSING}` : html`${formatFixed(median, 2)} <span class="t3">${formatFixed(low, 2)} to ${formatFixed(high, 2)}</span>`;
  const time = group.median_hands_on_s === null ? html`${MISSING}` : html`<span title="Known of ${group.n_timed}">${formatNumber(group.median_hands_on_s, 2)}</span>`;
  return html`<tr><td class="strong">${group.region_name}</td><td class="num">${group.n_proposed}</td><td class="num">${counted(group.n_unchanged)}</td><td class="num">${counted(group.n_edited)}</td><td class="num">${dice}</td><td class="num">${counted(group.n_rejected)}</td><td class="num">${undecided(group)}</td><td class="num">${time}</td></tr>`;
}

function trend(answer: Acceptance): Html {
  const rules = html`<div class="sect last stack"><h2 class="h2">How it is counted</h2><p class="t2 fs12">A model's contour that a person replaced by a threshold is an edited one of the model. Percentages are of what was decided.</p><p class="t2 fs12">Dice compares the contour as accepted with the proposal as it first appeared: 1 is the same voxels. A high share accepted unchanged may also mean that nobody looked: read it beside the time.</p><p class="t2 fs12">Time above a minute without a movement or key is not counted, nor is a hidden page.</p></div>`;
  if (answer.months.length === 0) return rules;
  return html`<div class="sect"><h2 class="h2">By month of decision</h2><p class="fs12 t3">Share of what was decided; above each bar how many. <span class="outcome-key"><i data-outcome="unchanged"></i>unchanged <i data-outcome="edited"></i>edited <i data-outcome="rejected"></i>rejected</span></p>${each(bySource(answer.months), ([name, months]) =>
    html`<h3 class="h3 mt-3">${name}</h3>${outcomeBars(months, `Outcomes by month of ${months[0] ? sourceName(months[0]) : name}`)}`)}</div>${rules}`;
}
