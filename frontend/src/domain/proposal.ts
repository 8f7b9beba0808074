/** What the guard proposes for the files in quarantine, what a person made of it, and what is still missing. */
import { fromLocalInput } from './dates';
import { formatFixed, type MaybeQuantity } from './quantity';

const HOUR_MS = 3_600_000;

export interface Identity { name: string; patient_id: string; birth_date: string | null; sex: string }
export interface Difference { field: string; in_images: string | null; in_record: string | null }
/** A time point that is recorded already: what came later joins it. */
export interface RecordedPoint { id: string; number: number; started_at: string | null }
export interface KnownCourse { id: string; number: number; agent: string; nuclide: string; n_cycles_planned: number; cycles: { id: string; number: number; n_time_points?: number; administration?: unknown; time_points?: RecordedPoint[] }[] }
export interface Match { patient_id: string; name?: string; record?: Identity; differences: Difference[]; courses?: KnownCourse[] }
export interface SeriesFinding { code: string; level: string; message: string }
export interface ProposedSeries {
  id: string; kind: string; modality: string; description: string; n_instances: number; acquisition_start: string | null; preview_url?: string | null; nuclide: string | null; units: string;
  decay_correction: string; corrections: string[]; findings: SeriesFinding[]; duplicate_of: string | null; proposed: { use: string; time_point: number | null; joins?: string | null };
}
export interface Group {
  key: string;
  identity: Identity;
  matches: Match[];
  series: ProposedSeries[];
  proposed: {
    patient?: Partial<Identity>;
    course: { id?: string | null; agent?: string; nuclide?: string; template_id?: string | null; n_cycles_planned?: number };
    cycle_id?: string | null;
    cycle_number: number;
    administration: { administered_activity: MaybeQuantity; administered_at: string | null; source: string } | null;
    time_points: { number: number; id?: string | null; series_ids: string[]; hours_after_administration: number | null }[];
  };
  findings: SeriesFinding[];
  state?: string;
}

/** One typed activity: text as typed and the unit that was chosen. */
export interface TypedActivity { value: string; unit: string }
export interface Draft {
  patient: string;
  newPatient: Identity;
  reason: string;
  course: string;
  newCourse: { agent: string; nuclide: string; template_id: string; n_cycles_planned: string };
  cycle: string;
  administration: 'net' | 'syringes' | 'known';
  net: TypedActivity;
  before: TypedActivity;
  after: TypedActivity;
  beforeAt: string;
  afterAt: string;
  startAt: string;
  endAt: string;
  hasExtravasation: string;
  uses: Record<string, { use: string; timePoint: string }>;
}

export const NEW = 'new';
export const chosenMatch = (group: Group, draft: Draft): Match | undefined => group.matches.find((match) => match.patient_id === draft.patient);
export const chosenCourse = (group: Group, draft: Draft): KnownCourse | undefined => chosenMatch(group, draft)?.courses?.find((course) => course.id === draft.course);

/** What is recorded for the chosen cycle already, if anything. */
export function knownAdministration(group: Group, draft: Draft): unknown {
  return chosenCourse(group, draft)?.cycles.find((cycle) => cycle.id === draft.cycle)?.administration ?? null;
}

/** A cycle with a recorded administration keeps it; a correction is made on the course page, with a reason. */
export function settleAdministration(group: Group, draft: Draft): void {
  if (knownAdministration(group, draft)) draft.administration = 'known';
  else if (draft.administration === 'known') draft.administration = 'net';
}

const JOINS = 'joins ';
export const joinsValue = (id: string): string => `${JOINS}${id}`;
export const isJoined = (timePoint: string): boolean => timePoint.startsWith(JOINS);

function placeOf({ proposed }: ProposedSeries): string {
  if (proposed.joins) return joinsValue(proposed.joins);
  return proposed.time_point === null ? '' : String(proposed.time_point);
}

/** The time points of the chosen cycle that are recorded already. */
export const recordedPoints = (group: Group, draft: Draft): readonly RecordedPoint[] =>
  chosenCourse(group, draft)?.cycles.find((cycle) => cycle.id === draft.cycle)?.time_points ?? [];

/** How a page names a new or a recorded time point. */
export function pointName(group: Group, draft: Draft, timePoint: string): string {
  if (!isJoined(timePoint)) return `Time point ${timePoint}`;
  const known = recordedPoints(group, draft).find((point) => joinsValue(point.id) === timePoint);
  return known ? `Joins recorded time point ${known.number}` : 'A time point of another cycle';
}

/** New ones by number, then those that are recorded. */
const inOrder = (a: string, b: string): number => Number(isJoined(a)) - Number(isJoined(b)) || Number(a) - Number(b) || a.localeCompare(b);

/** The draft that follows the proposal; `toField` turns an instant into the text of a date-time field. */
export function draftOf(group: Group, toField: (instant: string | null) => string): Draft {
  const { proposed, identity } = group;
  const match = group.matches[0];
  const course = match?.courses?.find((item) => item.id === proposed.course.id) ?? match?.courses?.at(-1);
  const cycle = course?.cycles.find((item) => item.id === proposed.cycle_id || item.number === proposed.cycle_number);
  const given = proposed.administration;
  const emptyActivity = { value: '', unit: '' };
  return {
    patient: match?.patient_id ?? NEW,
    newPatient: { ...identity, ...proposed.patient, birth_date: proposed.patient?.birth_date ?? identity.birth_date ?? '' },
    reason: '',
    course: course?.id ?? NEW,
    newCourse: { agent: proposed.course.agent ?? '', nuclide: proposed.course.nuclide ?? '', template_id: proposed.course.template_id ?? '', n_cycles_planned: String(proposed.course.n_cycles_planned ?? 4) },
    cycle: cycle?.id ?? NEW,
    administration: cycle?.administration ? 'known' : 'net',
    net: given?.administered_activity ? { value: String(Number(given.administered_activity.value.toPrecision(6))), unit: given.administered_activity.unit } : { ...emptyActivity },
    before: { ...emptyActivity }, after: { ...emptyActivity }, beforeAt: '', afterAt: '',
    startAt: toField(given?.administered_at ?? null), endAt: '', hasExtravasation: '',
    uses: Object.fromEntries(group.series.map((series) => [series.id, { use: series.proposed.use, timePoint: placeOf(series) }])),
  };
}

/** The start of the administration as it would be recorded: typed, or that of the chosen cycle. */
export function startOfAdministration(group: Group, draft: Draft): string | null {
  if (draft.administration !== 'known') return fromLocalInput(draft.startAt);
  return (knownAdministration(group, draft) as { administered_at?: string | null } | null)?.administered_at ?? null;
}

/** Hours from the start of the administration to the start of the scan of a time point; negative before it, null when either is unknown. */
export function hoursToScan(group: Group, draft: Draft, timePoint: string): number | null {
  const start = startOfAdministration(group, draft);
  const starts = group.series.filter((series) => draft.uses[series.id]?.use === 'emission' && draft.uses[series.id]?.timePoint === timePoint && series.acquisition_start !== null);
  const first = Math.min(...starts.map((series) => Date.parse(series.acquisition_start ?? '')));
  return start === null || !Number.isFinite(first) ? null : (first - Date.parse(start)) / HOUR_MS;
}

/** Time points that carry a used series, in their order. */
export function usedTimePoints(draft: Draft): string[] {
  const numbers = Object.values(draft.uses).filter(({ use, timePoint }) => use !== 'ignore' && timePoint !== '').map(({ timePoint }) => timePoint);
  return [...new Set(numbers)].sort(inOrder);
}

function timeObstacles(group: Group, draft: Draft): string[] {
  return usedTimePoints(draft).flatMap((number) => {
    const hours = hoursToScan(group, draft, number);
    return hours !== null && hours <= 0 ? [`Time point ${number} lies ${formatFixed(-hours, 1)} h before administration: check the start of the administration.`] : [];
  });
}

/** Everything that stands between a draft and its confirmation, in the words of the page; empty when it can be sent. */
export function obstaclesOf(group: Group, draft: Draft): string[] {
  const found: string[] = [];
  const match = chosenMatch(group, draft);
  if (match && match.differences.length > 0 && draft.reason.trim() === '') found.push('The identity differs from the record: reconcile it with a reason, or choose another patient.');
  if (!match && draft.newPatient.patient_id.trim() === '') found.push('A new patient needs an ID.');
  if (draft.course === NEW && (draft.newCourse.agent.trim() === '' || draft.newCourse.nuclide === '')) found.push('A new course needs agent and nuclide.');
  found.push(...administrationObstacles(draft), ...seriesObstacles(group, draft), ...timeObstacles(group, draft));
  return found;
}

function administrationObstacles(draft: Draft): string[] {
  if (draft.administration === 'known') return [];
  const isTyped = ({ value, unit }: TypedActivity): boolean => Number(value) > 0 && unit !== '';
  const found: string[] = [];
  if (draft.administration === 'net' && !isTyped(draft.net)) found.push('Type the administered activity and choose its unit.');
  if (draft.administration === 'syringes') {
    const residual = Number(draft.after.value) >= 0 && draft.after.value !== '' && draft.after.unit !== '';
    if (!isTyped(draft.before) || !residual || !draft.beforeAt || !draft.afterAt) found.push('Both syringe measurements need value, unit and time.');
  }
  if (!draft.startAt) found.push('Give the start of the administration.');
  if (draft.endAt && draft.startAt && draft.endAt < draft.startAt) found.push('The administration ends before it starts.');
  return found;
}

function seriesObstacles(group: Group, draft: Draft): string[] {
  const used = group.series.filter((series) => (draft.uses[series.id]?.use ?? 'ignore') !== 'ignore');
  const emission = used.filter((series) => draft.uses[series.id]?.use === 'emission');
  const found: string[] = [];
  const placeOfSeries = (series: ProposedSeries): string => draft.uses[series.id]?.timePoint ?? '';
  const known = new Set(recordedPoints(group, draft).map((point) => joinsValue(point.id)));
  const isPlaced = (place: string): boolean => (isJoined(place) ? known.has(place) : place !== '');
  if (used.length === 0 || used.some((series) => !isJoined(placeOfSeries(series)) && !emission.some((one) => placeOfSeries(one) === placeOfSeries(series)))) found.push('Choose a SPECT or PET series for each new time point.');
  if (used.some((series) => !isPlaced(placeOfSeries(series)))) found.push('Give every used series its time point.');
  // Several projections may be the beds of one scan; the server looks at their frames.
  const points = emission.filter((series) => series.kind === 'emission').map(placeOfSeries);
  if (new Set(points).size < points.length) found.push('A time point has two SPECT or PET series; use one of them.');
  const blocked = used.find((series) => series.findings.some((finding) => finding.level === 'block'));
  if (blocked) found.push(`“${blocked.description || blocked.modality}” is blocked by the guard; ignore it or bring it in again.`);
  return found;
}

/** The request that confirms a draft; `toInstant` turns the text of a date-time field into an instant. */
export function confirmation(group: Group, draft: Draft, toInstant: (field: string) => string | null): Record<string, unknown> {
  const match = chosenMatch(group, draft);
  const course = chosenCourse(group, draft);
  const numbers = [...new Set(Object.values(draft.uses).filter(({ use }) => use !== 'ignore').map(({ timePoint }) => timePoint))].sort(inOrder);
  const known = course?.cycles.find((cycle) => cycle.id === draft.cycle);
  const nextNumber = course ? Math.max(0, ...course.cycles.map((cycle) => cycle.number)) + 1 : group.proposed.cycle_number;
  return {
    group: group.key, key: group.key,
    patient: match ? { id: match.patient_id, reconcile_reason: draft.reason.trim() } : { ...draft.newPatient, birth_date: draft.newPatient.birth_date || null },
    course: course ? { id: course.id } : { ...draft.newCourse, template_id: draft.newCourse.template_id || null, n_cycles_planned: Number(draft.newCourse.n_cycles_planned) },
    cycle: known ? { id: known.id } : { number: nextNumber },
    administration: administrationOf(draft, toInstant),
    time_points: numbers.map((number) => ({ ...(isJoined(number) ? { id: number.slice(JOINS.length) } : { number: Number(number) }), series: group.series.filter((series) => draft.uses[series.id]?.timePoint === number && draft.uses[series.id]?.use !== 'ignore').map((series) => series.id) })),
  };
}

function administrationOf(draft: Draft, toInstant: (field: string) => string | null): Record<string, unknown> | null {
  if (draft.administration === 'known') return null;
  const typed = ({ value, unit }: TypedActivity): { value: number; unit: string } => ({ value: Number(value), unit });
  const times = { administered_at: toInstant(draft.startAt), ended_at: toInstant(draft.endAt), has_extravasation: draft.hasExtravasation === 'yes' };
  if (draft.administration === 'net') return { administered_activity: typed(draft.net), ...times };
  return { activity_before: typed(draft.before), measured_before_at: toInstant(draft.beforeAt), activity_after: typed(draft.after), measured_after_at: toInstant(draft.afterAt), ...times };
}

/** Why an upload has no series to confirm, from what became of its files. */
export function whyNothing(files: readonly { state: string; verdict_code?: string | null }[]): string {
  const members = files.filter((file) => file.verdict_code !== 'archive');
  const count = (state: string): number => members.filter((file) => file.state === state).length;
  const [nRefused, nKnown] = [count('refused'), count('duplicate')];
  if (members.length === 0) return 'The archive is empty: it holds no file.';
  const words = [nRefused ? `${nRefused} ${nRefused === 1 ? 'file was' : 'files were'} refused; the reasons stand at the right` : '', nKnown ? `${nKnown} ${nKnown === 1 ? 'file is' : 'files are'} stored already from an earlier upload` : ''].filter(Boolean);
  return words.length ? `${words.join(', and ')}.` : 'Every series of this upload is confirmed or ignored.';
}
