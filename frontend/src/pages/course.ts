import { getJson, postJson } from '../api/client';
import { administrationLane, axisLane, dayTicks, doseLane, labLane, scanLane, type LabRow, type Timeline } from '../charts/timeline';
import { formatDate, formatShort } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { flag, icon, levelOf, message, number, placeholder, unit } from '../domain/markup';
import { formatAgent } from '../domain/nuclide';
import { formatValue, type MaybeQuantity, type Quantity } from '../domain/quantity';
import { csvLine } from '../domain/files';
import { administrationDialog, externalDoseDialog, labDialog } from './parts/course_forms';
import { askReason } from './parts/dialogs';
import { download, fill, need, on } from './parts/dom';
import { bindKeys } from './parts/keys';
import { startPage, type Step } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Cycle {
  id: string;
  number: number;
  administration: { administered_activity: Quantity; administered_at: string } | null;
  result: { number: number; state: string; is_stale: boolean };
  n_time_points: number;
  steps: Step[];
}
interface Course {
  id: string;
  number: number;
  agent: string;
  nuclide: string;
  n_cycles_planned: number;
  template: { name: string; version: number; is_confirmed: boolean } | null;
  patient: { id: string };
  cycles: Cycle[];
  next: (Step & { cycle_id: string; cycle_number: number }) | null;
  doses: { cycles: number[]; rows: { region: string; colour: string; kind: string; values: MaybeQuantity[]; sum: MaybeQuantity; is_complete: boolean }[] };
  external_dose_answer: string;
  external_doses: { id: string; region: string; absorbed_dose: MaybeQuantity; modality: string; source: string }[];
  notices: { level: string; title: string; text: string }[];
  timeline: Timeline & { zero: string; table: (string | number)[][] };
}

const page = startPage();
let course: Course | null = null;
let inWeeks = false;
const mayRecordDose = page.isAllowed('record_external_dose');

async function load(): Promise<void> {
  try {
    course = await getJson<Course>(`/api/courses/${page.courseId}`);
    drawHead(course);
    drawLanes(course);
    drawInspector(course);
  } catch (error) { showError(need('lanes'), error, () => void load()); }
  page.ready();
}

function drawHead({ agent, nuclide, template, cycles, timeline }: Course): void {
  const started = cycles.some((cycle) => cycle.administration) ? `Started ${formatDate(timeline.zero)}.` : 'Not started.';
  const from = template ? html`Template: ${template.name} v${template.version}, ${template.is_confirmed ? 'confirmed by the site' : 'not confirmed'}` : html`${formatAgent(agent, nuclide)}, no template`;
  fill(need('head'), html`<h1 class="h1">Course</h1><span class="t3">${started} ${from}</span>
    <span class="seg push" role="group" aria-label="Axis"><button type="button" data-axis="days" aria-pressed="${String(!inWeeks)}">Days</button><button type="button" data-axis="weeks" aria-pressed="${String(inWeeks)}">Weeks</button></span>
    <button class="btn quiet" type="button" data-export>${icon('document', 's')}Export table</button>`);
}

interface LaneSpec { name: string; value: Html; note: string; height: number; draw: (lane: Parameters<typeof scanLane>[0]) => Html }

function laneSpecs({ timeline, cycles, n_cycles_planned: nPlanned, doses }: Course): LaneSpec[] {
  const given = cycles.filter((cycle) => cycle.administration);
  return [
    { name: 'Administered', value: number(given.at(-1)?.administration?.administered_activity), note: `cycle ${given.at(-1)?.number ?? '—'} of ${nPlanned}, net of residual`, height: 66, draw: (lane) => administrationLane(lane, timeline.administrations) },
    { name: 'Scans', value: html`${timeline.scans.length} ${unit('in all cycles')}`, note: '', height: 44, draw: (lane) => scanLane(lane, timeline.scans) },
    ...timeline.dose_rows.map((row, i): LaneSpec => {
      const main = row.lines[0];
      const sum = doses.rows.find((item) => item.region === main?.name)?.sum;
      const limit = row.limit_gy === null ? '' : `; limit ${row.limit_gy} Gy`;
      return { name: `${row.name} dose`, value: number(sum), note: `${main?.name ?? ''}${limit}`, height: i === 0 ? 0 : 104, draw: (lane) => doseLane(lane, row, i === 0 ? 6 : 3) };
    }),
    ...timeline.lab_rows.map((row): LaneSpec => ({ name: row.name, value: html`${row.values.at(-1) ?? '—'} ${unit(row.unit)}`, note: labNote(row), height: 66, draw: (lane) => labLane(lane, row) })),
  ];
}

function labNote(row: LabRow): string {
  const day = row.days.at(-1);
  return day === undefined ? '' : `day ${Math.round(day)}`;
}

function drawLanes(shown: Course): void {
  const place = need('lanes');
  const { timeline } = shown;
  if (timeline.administrations.length + timeline.scans.length + timeline.lab_rows.length === 0) {
    fill(place, placeholder({ icon: 'timeline', title: 'Nothing on this axis yet', text: 'Import scans with their administration, or enter laboratory values. A technologist or physicist may import.', action: html`<a class="btn" href="/import/?cycle=${page.cycleId}">Import scans</a>` }));
    return;
  }
  const specs = laneSpecs(shown);
  fill(place, html`${each(specs, (spec) => html`<div class="lane"><div class="lane-name"><b>${spec.name}</b><span class="v">${spec.value}</span><span class="t3 fs11">${spec.note}</span></div><div class="chart"></div></div>`)}<div class="lane axis-lane"><div></div><div class="chart"></div></div>`);
  const hasMain = specs.some((spec) => spec.height === 0);
  place.style.gridTemplateRows = `${specs.map((spec) => (spec.height ? `${spec.height}px` : 'minmax(150px, 1fr)')).join(' ')} 34px${hasMain ? '' : ' 1fr'}`;
  redraw();
}

function redraw(): void {
  if (!course) return;
  const specs = laneSpecs(course);
  const [min, max] = course.timeline.day_range;
  const days = { min, max };
  const boxes = [...need('lanes').querySelectorAll<HTMLElement>('.lane > .chart')];
  boxes.forEach((box, i) => {
    const lane = { size: { width: box.clientWidth, height: box.clientHeight }, days, dayTicks: dayTicks(days), today: course?.timeline.today_day ?? 0 };
    if (lane.size.width < 80) return;
    fill(box, specs[i]?.draw(lane) ?? axisLane(lane, inWeeks));
  });
  const marks = orderedMarks();
  const first = marks.at(-1);
  if (first) first.setAttribute('tabindex', '0');
}

function orderedMarks(): SVGElement[] {
  return [...need('lanes').querySelectorAll<SVGElement>('.mark')].sort((a, b) => Number(a.dataset.day) - Number(b.dataset.day));
}

function moveMark(step: number): void {
  const marks = orderedMarks();
  const at = marks.findIndex((mark) => mark === document.activeElement);
  const next = marks[at === -1 ? marks.length - 1 : Math.min(Math.max(at + step, 0), marks.length - 1)];
  for (const mark of marks) mark.setAttribute('tabindex', mark === next ? '0' : '-1');
  next?.focus();
}

function drawInspector(shown: Course): void {
  const newest = shown.cycles.filter((cycle) => cycle.administration).at(-1) ?? shown.cycles.at(-1);
  fill(need('inspector'), html`<div class="sect">${newest ? cycleFacts(newest, shown) : nothing}${shown.next
    ? html`<a class="btn primary wide mt-3" href="${shown.next.url}">Continue with ${shown.next.label.toLowerCase()}</a>`
    : html`<p class="flag mt-3" data-l="ok">${icon('check', 's')}Every step of this cycle is done</p>`}</div>
    <div class="sect"><h2 class="h2">Dose by cycle</h2>${doseTable(shown)}</div>${externalSection(shown)}
    <div class="sect last stack"><div class="sect-head"><h2 class="h2">Before the next cycle</h2>${page.isAllowed('record_labs') ? html`<button class="btn push" type="button" data-add-lab>${icon('plus', 's')}Lab value</button>` : nothing}</div>
    ${shown.notices.length ? each(shown.notices, (notice) => message(levelOf(notice.level), notice.title, notice.text)) : html`<p class="fs12 t3">No warning.</p>`}</div>`);
}

function cycleFacts(cycle: Cycle, shown: Course): Html {
  const scans = shown.timeline.scans.filter((scan) => scan.text.startsWith(`cycle ${cycle.number},`)).map((scan) => scan.text.replace(/^.*, /, '').replace(' h p.i.', ''));
  return html`<div class="row between"><h2 class="h2">Cycle ${cycle.number}</h2><span class="fs12 t3">day ${Math.round(shown.timeline.today_day)}</span></div>
    <dl class="kv mt-2"><dt>Administered, net</dt><dd>${number(cycle.administration?.administered_activity)}</dd><dt>Start</dt><dd>${formatShort(cycle.administration?.administered_at)}</dd>
    <dt>Time points</dt><dd>${cycle.n_time_points}</dd><dt>Times</dt><dd>${scans.join(', ') || '—'} ${unit('h p.i.')}</dd></dl>${page.isAllowed('record_administration') ? html`<button class="plain-link fs12 mt-2" type="button" data-administration="${cycle.id}">${cycle.administration ? 'Correct the administration' : 'Record the administration'}</button>` : nothing}`;
}

function doseTable({ doses }: Course): Html {
  if (doses.rows.length === 0) return html`<p class="fs12 t3">No dose is calculated yet.</p>`;
  const row = (item: Course['doses']['rows'][number]): Html => html`<tr><td class="fill" title="${item.region}">${item.region}</td>${each(item.values, (value) => html`<td class="num">${formatValue(value)}</td>`)}<td class="num strong">${formatValue(item.sum)}${item.is_complete ? nothing : html`<span title="A cycle is missing"> *</span>`}</td></tr>`;
  return html`<table class="table dense flush"><thead><tr><th></th>${each(doses.cycles, (n) => html`<th class="num">${n} (Gy)</th>`)}<th class="num">Sum (Gy)</th></tr></thead><tbody>${each(doses.rows, row)}</tbody></table>
    ${doses.rows.some((item) => !item.is_complete) ? html`<p class="fs12 t3 mt-2">* A cycle has no dose for this region; the sum is too low.</p>` : nothing}`;
}

function externalSection({ external_dose_answer: answer, external_doses: external }: Course): Html {
  return html`<div class="sect"><div class="sect-head"><h2 class="h2">Dose from elsewhere</h2>${mayRecordDose ? html`<button class="btn push" type="button" data-add-external>${icon('plus', 's')}Add</button>` : nothing}</div>
    ${answer === 'unanswered' ? html`${flag('ask', 'Not answered: planning is blocked')}${mayRecordDose ? html`<button class="btn wide mt-2" type="button" data-answer="none">Answer: none</button>` : nothing}` : nothing}
    ${answer === 'none' ? html`<p class="t2">None, answered.</p>` : nothing}
    <dl class="kv">${each(external, (dose) => html`<dt title="${dose.source}">${dose.region}, ${dose.modality}</dt><dd>${number(dose.absorbed_dose)}${mayRecordDose ? html` <button class="plain-link fs12" type="button" data-withdraw="${dose.id}">Withdraw</button>` : nothing}</dd>`)}</dl></div>`;
}

on(need('head'), 'click', '[data-axis]', (button) => { inWeeks = button.dataset.axis === 'weeks'; if (course) { drawHead(course); redraw(); } });
on(need('head'), 'click', '[data-export]', () => {
  if (!course) return;
  download('course.csv', 'text/csv', `${[['day', 'what', 'value'], ...course.timeline.table].map((row) => csvLine(row)).join('\r\n')}\r\n`);
});
on(need('lanes'), 'click', '.mark', (mark) => window.location.assign(mark.dataset.url ?? '#'));
on(need('inspector'), 'click', '[data-add-lab]', () => void labDialog(page.patientId).then((isDone) => { if (isDone) void load(); }));
on(need('inspector'), 'click', '[data-add-external]', () => void externalDoseDialog(page.patientId).then((isDone) => { if (isDone) void load(); }));
on(need('inspector'), 'click', '[data-administration]', (button) => void administrationDialog(button.dataset.administration ?? '').then((isDone) => { if (isDone) { toast('Administration saved'); void load(); } }));
on(need('inspector'), 'click', '[data-withdraw]', (button) => void askReason({
  title: 'Withdraw a dose from elsewhere', action: 'Withdraw', text: 'It no longer counts in the sum. The entry and this reason stay on record.',
  submit: async (reason) => { await postJson(`/api/external-doses/${button.dataset.withdraw}/withdraw`, { reason }); },
}).then((isDone) => { if (isDone) void load(); }));
on(need('inspector'), 'click', '[data-answer]', () => {
  postJson(`/api/courses/${page.courseId}/external-dose-answer`, { answer: 'none' }).then(() => load(), (error: unknown) => toast(errorText(error), 'block'));
});
bindKeys([
  { keys: ['ArrowLeft'], label: 'point before', run: () => moveMark(-1) },
  { keys: ['ArrowRight'], label: 'next point', run: () => moveMark(1) },
  { keys: ['Enter'], label: 'open its step', run: () => { const url = (document.activeElement as HTMLElement | null)?.dataset.url; if (url) window.location.assign(url); } },
]);
new ResizeObserver(() => redraw()).observe(need('lanes'));
void load();
