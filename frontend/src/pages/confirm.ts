import { getJson, postJson } from '../api/client';
import { fetchUpload } from '../api/uploads';
import { formatDateTime, fromLocalInput, toLocalInput } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { flag, glyph, placeholder, unit } from '../domain/markup';
import { formatName } from '../domain/names';
import { chosenMatch, confirmation, draftOf, hoursToScan, isJoined, NEW, obstaclesOf, pointName, settleAdministration, type Draft, type Group, usedTimePoints, whyNothing } from '../domain/proposal';
import { formatFixed, MISSING } from '../domain/quantity';
import { administrationSection, printedTime, courseSection, patientSection, seriesPictures, seriesSection, type TemplateChoice } from './parts/confirm_sections';
import { openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { startPage } from './parts/shell';
import { errorMessage, showError } from './parts/states';
import { drawRefused } from './parts/upload_panel';

const page = startPage();
const uploadId = page.root.dataset.upload ?? '';
const drafts = new Map<string, Draft>();
let groups: Group[] = [];
let templates: TemplateChoice[] = [];
let shownKey = '';

const group = (): Group | undefined => groups.find((item) => item.key === shownKey);

async function load(): Promise<void> {
  try {
    groups = (await getJson<{ groups: Group[] }>(`/api/uploads/${uploadId}/proposal`)).groups;
    const site = page.root.dataset.uploadSite ?? page.siteId;
    templates = (await getJson<{ results: TemplateChoice[] }>(`/api/sites/${site}/templates`).catch(() => ({ results: [] }))).results;
    for (const item of groups) if (!drafts.has(item.key)) drafts.set(item.key, draftOf(item, toLocalInput));
    if (!group()) shownKey = groups[0]?.key ?? '';
    draw();
  } catch (error) { showError(need('review'), error, () => void load()); }
  page.ready();
}

function draw(): void {
  const shown = group();
  drawGroups();
  if (!shown) {
    drawNothing('Every series of this upload is confirmed or ignored.');
    fill(need('summary'), html`<div class="sect last" id="refused"></div>`);
    fill(need('action'), nothing);
    void fetchUpload(uploadId).then((known) => {
      drawRefused(need('refused'), known);
      drawNothing(whyNothing(known.files ?? []));
    }, () => undefined);
    return;
  }
  const draft = drafts.get(shown.key);
  if (!draft) return;
  const scrolled = need('review').scrollTop;
  fill(need('review'), html`<div class="page-head"><h1 class="h1">Confirm import</h1><span class="t3">Nothing leaves quarantine before you confirm it.</span></div>
    ${patientSection(shown, draft)}${courseSection(shown, draft, templates)}${administrationSection(shown, draft)}${seriesSection(shown, draft)}`);
  need('review').scrollTop = scrolled;
  drawSummary(shown, draft);
}

function drawNothing(text: string): void {
  fill(need('review'), placeholder({ icon: 'upload', title: 'Nothing to confirm', text, action: html`<a class="btn" href="/">Back to the worklist</a>` }));
}

function drawGroups(): void {
  fill(need('groups'), html`<div class="ghead">Patients in this upload<span class="push">${groups.length}</span></div>${each(groups, (item) => {
    const draft = drafts.get(item.key);
    const nLeft = draft ? obstaclesOf(item, draft).length : 0;
    return html`<button type="button" class="group-item" data-group="${item.key}" aria-current="${String(item.key === shownKey)}"><span class="strong ell">${formatName(item.identity.name) || 'No name'}</span><span class="fs12 t2">${item.identity.patient_id}, ${item.series.length} series</span>${nLeft ? flag('ask', `${nLeft} to settle`, 'fs12') : flag('ok', 'Ready', 'fs12')}</button>`;
  })}`);
}

function drawSummary(shown: Group, draft: Draft): void {
  const left = obstaclesOf(shown, draft);
  const points = usedTimePoints(draft);
  const item = (number: string): Html => {
    const series = shown.series.filter((one) => draft.uses[one.id]?.timePoint === number && draft.uses[one.id]?.use !== 'ignore');
    const hours = hoursToScan(shown, draft, number);
    const first = series.find((one) => draft.uses[one.id]?.use === 'emission') ?? series[0];
    return html`<li class="job"><div class="row between"><b class="strong">${pointName(shown, draft, number)}</b>${isJoined(number) ? nothing : html`<span class="num ${hours !== null && hours < 0 ? 'overdue' : ''}">${hours === null ? MISSING : formatFixed(hours, 1)} ${unit('h p.i.')}</span>`}</div><p class="fs12 t2">${formatDateTime(first?.acquisition_start)}, start of scan</p><p class="fs12 t3">${series.map((one) => one.modality).join(', ')}</p>${seriesPictures(series)}</li>`;
  };
  fill(need('summary'), html`<div class="sect"><h2 class="h2">Time points</h2>${points.length ? html`<ul>${each(points, item)}</ul>` : html`<p class="fs12 t3">No series is used.</p>`}</div>
    <div class="sect last"><h2 class="h2">To settle</h2>${left.length ? html`<ul class="stack">${each(left, (text) => html`<li class="row top"><span class="flag" data-l="ask">${glyph('ask')}</span><span>${text}</span></li>`)}</ul>` : flag('ok', 'Nothing is open')}</div>`);
  const isAllowed = page.isAllowed('confirm_import');
  fill(need('action'), html`<div id="confirm-error"></div><button class="btn wide ${left.length === 0 ? 'primary' : ''}" type="button" data-confirm ${left.length > 0 || !isAllowed ? html`disabled` : nothing}>Confirm import</button><button class="btn quiet wide mt-2" type="button" data-discard>Discard these files</button>
    ${isAllowed ? nothing : html`<p class="fs12 t3">A technologist or physicist confirms.</p>`}`);
}

/** Writes one field of the form into the draft, by its dotted name. */
function take(name: string, value: string): void {
  const shown = group();
  const draft = shown && drafts.get(shown.key);
  if (!shown || !draft) return;
  const [head = '', tail = ''] = name.split(/\.(.*)/s);
  if (head === 'use' || head === 'time') {
    const use = draft.uses[tail] ?? { use: 'ignore', timePoint: '' };
    draft.uses[tail] = head === 'use' ? { ...use, use: value } : { ...use, timePoint: value };
  } else if (tail) {
    const inner = draft[head as 'net' | 'before' | 'after' | 'newCourse' | 'newPatient'] as unknown as Record<string, string>;
    inner[tail] = value;
  } else (draft as unknown as Record<string, string>)[head] = value;
  if (name === 'patient') chooseFirstCourse(shown, draft);
  if (name === 'course') draft.cycle = NEW;
  if (['patient', 'course', 'cycle'].includes(name)) settleAdministration(shown, draft);
  if (name === 'newCourse.template_id') takeTemplate(draft, value);
}

function chooseFirstCourse(shown: Group, draft: Draft): void {
  draft.course = chosenMatch(shown, draft)?.courses?.at(-1)?.id ?? NEW;
  draft.cycle = NEW;
}

function takeTemplate(draft: Draft, id: string): void {
  const template = templates.find((item) => item.id === id);
  if (template) Object.assign(draft.newCourse, { agent: template.agent, nuclide: template.nuclide, n_cycles_planned: String(template.n_cycles) });
}

async function confirm(): Promise<void> {
  const shown = group();
  const draft = shown && drafts.get(shown.key);
  if (!shown || !draft) return;
  need('action').querySelector('[data-confirm]')?.setAttribute('disabled', '');
  try {
    const { cycle_id: cycleId } = await postJson<{ cycle_id: string }>(`/api/uploads/${uploadId}/confirm`, confirmation(shown, draft, fromLocalInput));
    groups = groups.filter((item) => item.key !== shown.key);
    if (groups.length === 0) window.location.assign(`/cycles/${cycleId}/guard/`);
    else { shownKey = ''; await load(); }
  } catch (error) {
    drawSummary(shown, draft);
    fill(need('confirm-error'), errorMessage(error));
  }
}

function discard(): void {
  void openDialog({
    title: 'Discard these files', action: 'Discard', isDanger: true,
    body: html`<p>The files of this upload are taken out of quarantine and not used. They can be brought in again.</p>`,
    submit: async () => { await postJson(`/api/uploads/${uploadId}/discard`, { key: shownKey }); },
  }).then((isDone) => { if (isDone) window.location.assign('/'); });
}

on(need('groups'), 'click', '[data-group]', (button) => { shownKey = button.dataset.group ?? ''; draw(); });
on(need('review'), 'change', 'select', (field) => { const item = field as HTMLSelectElement; take(item.name || item.dataset.field || '', item.value); draw(); });
on(need('review'), 'input', '[data-field]', (field) => {
  const shown = group();
  const input = field as HTMLInputElement;
  if (input.tagName === 'SELECT') return;
  take(input.dataset.field ?? '', input.value);
  const draft = shown && drafts.get(shown.key);
  const printed = input.parentElement?.querySelector('[data-printed]');
  if (printed) printed.textContent = printedTime(input.value);
  if (shown && draft) { drawSummary(shown, draft); drawGroups(); }
});
on(need('review'), 'click', '[data-mode]', (button) => { take('administration', button.dataset.mode ?? 'net'); draw(); });
on(need('action'), 'click', '[data-confirm]', () => void confirm());
on(need('action'), 'click', '[data-discard]', discard);
void load();
