/** The parts of the confirm page: identity, course and cycle, administration, series. All of it can be corrected. */
import { formatDate, formatDateTime, fromLocalInput } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, icon, levelOf, message, select } from '../../domain/markup';
import { formatName } from '../../domain/names';
import { chosenCourse, chosenMatch, joinsValue, knownAdministration, NEW, recordedPoints, type Draft, type Group, type Identity, type ProposedSeries, type TypedActivity } from '../../domain/proposal';

export interface TemplateChoice { id: string; name: string; version: number; agent: string; nuclide: string; n_cycles: number; is_confirmed: boolean }

const FIELDS: readonly [keyof Identity, string][] = [['name', 'Name'], ['patient_id', 'ID'], ['birth_date', 'Birth date'], ['sex', 'Sex']];
const ACTIVITY_UNITS = [['', 'Unit'], ['MBq', 'MBq'], ['GBq', 'GBq']] as const;
const USES = [['emission', 'SPECT or PET'], ['ct', 'CT'], ['structures', 'Contours'], ['ignore', 'Ignore']] as const;
const field = (label: string, input: Html): Html => html`<label><span class="label">${label}</span>${input}</label>`;
const text = (name: string, value: string, type = 'text'): Html => html`<input class="text" data-field="${name}" type="${type}" value="${value}" autocomplete="off">`;

/** A date or time as the page writes them: the browser's own field follows the language of the computer. */
export const printedTime = (value: string): string => (value.length > 10 ? formatDateTime(fromLocalInput(value)) : formatDate(value || null));
const timeField = (label: string, name: string, value: string, type = 'datetime-local'): Html =>
  html`<label><span class="label row between"><span>${label}</span><span class="strong num" data-printed>${printedTime(value)}</span></span>${text(name, value, type)}</label>`;

export function patientSection(group: Group, draft: Draft): Html {
  const match = chosenMatch(group, draft);
  const differs = new Map(match?.differences.map((difference) => [difference.field, difference]) ?? []);
  const options = [...group.matches.map((item) => [item.patient_id, item.record ? `${formatName(item.record.name)}, ${item.record.patient_id}` : item.name ?? 'Known patient'] as const), [NEW, 'New patient'] as const];
  const inRecord = (key: keyof Identity): string => differs.get(key)?.in_record ?? match?.record?.[key] ?? group.identity[key] ?? '';
  const table = match
    ? html`<table class="table identity flush"><thead><tr><th></th>${each(FIELDS, ([, label]) => html`<th>${label}</th>`)}</tr></thead><tbody>
        <tr><td class="t2">In the images</td>${each(FIELDS, ([key]) => html`<td class="${differs.has(key) ? 'differs' : ''}">${differs.get(key)?.in_images ?? group.identity[key] ?? '—'}</td>`)}</tr>
        <tr><td class="t2">In the record</td>${each(FIELDS, ([key]) => html`<td class="${differs.has(key) ? 'differs' : ''}">${inRecord(key) || '—'}</td>`)}</tr></tbody></table>`
    : html`<div class="fields-4">${each(FIELDS, ([key, label]) => key === 'birth_date' ? timeField(label, 'newPatient.birth_date', draft.newPatient.birth_date ?? '', 'date') : field(label, key === 'sex' ? sexField(draft.newPatient.sex) : text(`newPatient.${key}`, draft.newPatient[key] ?? '')))}</div>`;
  const reconcile = match && differs.size > 0
    ? html`<div class="mt-3">${message('block', `${differs.size === 1 ? 'One field differs' : `${differs.size} fields differ`}`, 'Confirm only if this is the same person. Otherwise choose another patient, or discard the files.')}
      <label class="form mt-3"><span class="label">Reason why this is the same patient</span><textarea class="area" data-field="reason" maxlength="255">${draft.reason}</textarea></label></div>`
    : match ? html`<p class="mt-2">${flag('ok', 'Name, ID, birth date and sex agree')}</p>` : html`<p class="fs12 t3 mt-2">No record of this site matches. A new one is made from these fields.</p>`;
  return html`<div class="confirm-sect"><div class="sect-head"><h2 class="h2">Patient</h2><span class="push">${select({ name: 'patient', label: 'Patient' }, options, draft.patient)}</span></div>${table}${reconcile}</div>`;
}

const sexField = (sex: string): Html => html`<span class="select"><select data-field="newPatient.sex">${each([['', '—'], ['F', 'F'], ['M', 'M'], ['O', 'O']] as const, ([value, label]) => html`<option value="${value}" ${value === sex ? html`selected` : nothing}>${label}</option>`)}</select>${icon('down', 's')}</span>`;

export function courseSection(group: Group, draft: Draft, templates: readonly TemplateChoice[]): Html {
  const courses = chosenMatch(group, draft)?.courses ?? [];
  const course = chosenCourse(group, draft);
  const courseOptions = [...courses.map((item) => [item.id, `Course ${item.number}, ${item.agent}`] as const), [NEW, 'New course'] as const];
  const nextNumber = course ? Math.max(0, ...course.cycles.map((item) => item.number)) + 1 : group.proposed.cycle_number;
  const cycleOptions = [...(course?.cycles ?? []).map((item) => [item.id, `Cycle ${item.number}`] as const), [NEW, `New cycle ${nextNumber}`] as const];
  const own = course ? nothing : html`<div class="fields-4 mt-3">${field('Template', select({ name: 'newCourse.template_id' }, [['', 'None'], ...templates.map((item) => [item.id, `${item.name} v${item.version}${item.is_confirmed ? '' : ', not confirmed'}`] as const)], draft.newCourse.template_id))}
    ${field('Agent', text('newCourse.agent', draft.newCourse.agent))}${field('Nuclide', text('newCourse.nuclide', draft.newCourse.nuclide))}${field('Cycles planned', text('newCourse.n_cycles_planned', draft.newCourse.n_cycles_planned, 'number'))}</div>`;
  return html`<div class="confirm-sect"><h2 class="h2">Course and cycle</h2><div class="fields-2">${field('Course', select({ name: 'course' }, courseOptions, draft.course))}${field('Cycle', select({ name: 'cycle' }, cycleOptions, draft.cycle))}</div>${own}</div>`;
}

function activityField(label: string, name: string, typed: TypedActivity): Html {
  return html`<div><span class="label">${label}</span><div class="form"><div class="with-unit"><input class="text" data-field="${name}.value" type="number" step="any" min="0" value="${typed.value}" aria-label="${label}">${select({ name: `${name}.unit`, label: `Unit of ${label.toLowerCase()}` }, ACTIVITY_UNITS, typed.unit)}</div></div></div>`;
}

export function administrationSection(group: Group, draft: Draft): Html {
  const source = group.proposed.administration;
  const modes: readonly (readonly [string, string])[] = knownAdministration(group, draft) ? [['known', 'As recorded']] : [['net', 'Net activity'], ['syringes', 'Both syringe measurements']];
  const measured = draft.administration === 'syringes'
    ? html`<div class="fields-2">${activityField('Before administration', 'before', draft.before)}${timeField('Measured at', 'beforeAt', draft.beforeAt)}${activityField('Residual after administration', 'after', draft.after)}${timeField('Measured at', 'afterAt', draft.afterAt)}</div>`
    : html`<div class="fields-2">${activityField('Administered activity, net of residual', 'net', draft.net)}</div>`;
  const times = html`<div class="fields-2 mt-3">${timeField('Start of administration', 'startAt', draft.startAt)}${timeField('End of administration', 'endAt', draft.endAt)}${field('Extravasation', select({ name: 'hasExtravasation' }, [['', 'Not noted'], ['yes', 'Suspected or seen']], draft.hasExtravasation))}</div>`;
  return html`<div class="confirm-sect"><div class="sect-head"><h2 class="h2">Administration</h2><span class="seg push" role="group" aria-label="How the activity is given">${each(modes, ([key, label]) => html`<button type="button" data-mode="${key}" aria-pressed="${String(key === draft.administration)}">${label}</button>`)}</span></div>
    ${draft.administration === 'known' ? html`<p class="t2">The administration of this cycle is recorded already; the scans join it. A correction is made on the course page, with a reason.</p>` : html`${measured}${times}${source ? html`<p class="fs12 t3 mt-2">Proposed from: ${source.source}. Check it against the record of the administration.</p>` : html`<p class="fs12 t3 mt-2">The images name no administered activity.</p>`}`}</div>`;
}

function facts(series: ProposedSeries): string {
  return [series.nuclide, series.units, series.decay_correction ? `decay ${series.decay_correction}` : '', series.corrections.join(', ')].filter(Boolean).join('; ') || '—';
}

/** The pictures of a time point: what was sent is seen before its use is confirmed. */
export function seriesPictures(series: readonly ProposedSeries[]): Html {
  const shown = series.filter((item) => item.preview_url);
  return html`<div class="series-pictures">${each(shown, (item) => html`<figure><img src="${item.preview_url ?? ''}" alt="${item.kind === 'ct' ? 'Middle slice' : 'Anterior projection'} of ${item.description || item.modality}" decoding="async"><figcaption class="fs12 t3">${item.kind === 'ct' ? 'CT, middle slice' : `${item.modality}, anterior`}</figcaption></figure>`)}</div>`;
}

function seriesRow(series: ProposedSeries, draft: Draft, timePoints: readonly (readonly [string, string])[]): Html {
  const use = draft.uses[series.id] ?? { use: 'ignore', timePoint: '' };
  const isIgnored = use.use === 'ignore';
  return html`<tr class="${isIgnored ? 't3' : ''}"><td class="text"><div class="strong series-name">${series.description || 'No description'}</div><div class="fs12">${series.modality}, ${series.n_instances} ${series.n_instances === 1 ? 'image' : 'images'}, ${formatDateTime(series.acquisition_start)}</div><div class="fs12 t2">${facts(series)}</div></td>
    <td class="text"><div class="findings">${each(series.findings, (finding) => flag(levelOf(finding.level), finding.message))}${series.duplicate_of ? flag('note', 'Already stored') : nothing}${series.findings.length === 0 && !series.duplicate_of ? flag('ok', 'No finding') : nothing}</div></td>
    <td>${select({ name: `use.${series.id}`, label: `Use of ${series.description}` }, USES, use.use)}</td>
    <td>${isIgnored ? html`—` : select({ name: `time.${series.id}`, label: `Time point of ${series.description}` }, [['', '—'], ...timePoints], use.timePoint)}</td></tr>`;
}

export function seriesSection(group: Group, draft: Draft): Html {
  const nPoints = Math.max(group.proposed.time_points.length, group.series.filter((series) => series.kind === 'emission').length, 1) + 1;
  const fresh = Array.from({ length: nPoints }, (_, i) => [String(i + 1), String(i + 1)] as const);
  const recorded = recordedPoints(group, draft).map((point) => [joinsValue(point.id), `recorded ${point.number}`] as const);
  const timePoints = [...fresh, ...recorded];
  return html`<div class="confirm-sect"><div class="sect-head"><h2 class="h2">Series</h2><span class="count">${group.series.length}</span><span class="t3 fs12">What is ignored is discarded on confirmation.</span></div>${group.findings.length ? html`<div class="findings mb-3">${each(group.findings, (finding) => flag(levelOf(finding.level), finding.message))}</div>` : nothing}
    <div class="scroll"><table class="table dense flush"><thead><tr><th>Series</th><th>Guard</th><th>Use</th><th>Time point</th></tr></thead><tbody>${each(group.series, (series) => seriesRow(series, draft, timePoints))}</tbody></table></div></div>`;
}
