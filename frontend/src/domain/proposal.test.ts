import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useTimeZone } from './dates';
import { confirmation, draftOf, hoursToScan, joinsValue, NEW, obstaclesOf, pointName, settleAdministration, type Draft, type Group, type ProposedSeries, usedTimePoints, whyNothing } from './proposal';

const series = (id: string, use: string, timePoint: number | null, level?: string): ProposedSeries => ({
  id, kind: use, modality: 'NM', description: id, n_instances: 1, acquisition_start: null, nuclide: 'Lu-177', units: 'BQML', decay_correction: 'START',
  corrections: [], findings: level ? [{ code: 'x', level, message: 'm' }] : [], duplicate_of: null, proposed: { use, time_point: timePoint },
});
const identity = { name: 'ZZPHI^A', patient_id: '7', birth_date: '1961-04-12', sex: 'F' };
const group = (change: Partial<Group> = {}): Group => ({
  key: 'g', identity, matches: [], findings: [], series: [series('e1', 'emission', 1), series('c1', 'ct', 1), series('e2', 'emission', 2)],
  proposed: { course: { agent: 'DOTATATE', nuclide: 'Lu-177', template_id: null }, cycle_number: 1, administration: { administered_activity: { value: 7400, unit: 'MBq' }, administered_at: '2026-11-16T08:42:00Z', source: 'image header' }, time_points: [] },
  ...change,
});
const field = (instant: string | null): string => (instant ?? '').replace('Z', '');
const draft = (of: Group, change: Partial<Draft> = {}): Draft => ({ ...draftOf(of, field), ...change });

describe('a draft from the proposal', () => {
  it('can be confirmed as it is when nothing is in doubt', () => {
    const proposal = group();
    expect(obstaclesOf(proposal, draft(proposal))).toEqual([]);
    expect(confirmation(proposal, draft(proposal), (text) => text || null)).toMatchObject({
      patient: { patient_id: '7', name: 'ZZPHI^A' }, cycle: { number: 1 }, administration: { administered_activity: { value: 7400, unit: 'MBq' } },
      time_points: [{ number: 1, series: ['e1', 'c1'] }, { number: 2, series: ['e2'] }],
    });
  });

  it('hazard 1: a differing identity blocks until it is reconciled with a reason', () => {
    const proposal = group({ matches: [{ patient_id: 'p', differences: [{ field: 'birth_date', in_images: '1961-12-04', in_record: '1961-04-12' }] }] });
    expect(obstaclesOf(proposal, draft(proposal))).toHaveLength(1);
    expect(obstaclesOf(proposal, draft(proposal, { reason: '  ' }))).toHaveLength(1);
    expect(obstaclesOf(proposal, draft(proposal, { reason: 'typing error in the archive' }))).toEqual([]);
  });

  it('hazard 3: an activity without a chosen unit is refused', () => {
    const proposal = group();
    expect(obstaclesOf(proposal, draft(proposal, { net: { value: '7.4', unit: '' } }))[0]).toMatch('unit');
  });

  it('hazard 6: half a syringe entry is refused', () => {
    const proposal = group();
    const half = draft(proposal, { administration: 'syringes', before: { value: '7.5', unit: 'GBq' }, beforeAt: '2026-11-16T08:00', after: { value: '', unit: '' } });
    expect(obstaclesOf(proposal, half)[0]).toMatch('Both syringe');
    expect(obstaclesOf(proposal, { ...half, after: { value: '0', unit: 'MBq' }, afterAt: '2026-11-16T09:10' })).toEqual([]);
  });

  it('hazard 2: two emission series at one time point, or none, are refused', () => {
    const twice = group({ series: [series('e1', 'emission', 1), series('e2', 'emission', 1)] });
    expect(obstaclesOf(twice, draft(twice))[0]).toMatch('two SPECT or PET');
    const none = group({ series: [series('c1', 'ct', 1)] });
    expect(obstaclesOf(none, draft(none))[0]).toMatch('for each new time point');
    const without = group({ series: [series('e1', 'emission', null)] });
    expect(obstaclesOf(without, draft(without))[0]).toMatch('time point');
  });

  it('several projections may be the beds of one scan', () => {
    const bed = (id: string): ProposedSeries => ({ ...series(id, 'emission', 1), kind: 'projections' });
    const beds = group({ series: [bed('b1'), bed('b2')] });
    expect(obstaclesOf(beds, draft(beds))).toEqual([]);
  });

  it('what came later joins the time point that is recorded', () => {
    const cycles = [{ id: 'y', number: 1, administration: { administered_at: '2026-11-16T08:42:00Z' }, time_points: [{ id: 't7', number: 2, started_at: null }] }];
    const match = { patient_id: 'p', differences: [], courses: [{ id: 'c', number: 1, agent: 'DOTATATE', nuclide: 'Lu-177', n_cycles_planned: 4, cycles }] };
    const late = { ...series('c1', 'ct', null), proposed: { use: 'ct', time_point: null, joins: 't7' } };
    const proposal = group({ series: [late, series('e2', 'emission', 1)], matches: [match], proposed: { ...group().proposed, course: { id: 'c' }, cycle_id: 'y' } });
    const chosen = draft(proposal);
    expect(obstaclesOf(proposal, chosen)).toEqual([]);
    expect(usedTimePoints(chosen)).toEqual(['1', joinsValue('t7')]);
    expect(pointName(proposal, chosen, joinsValue('t7'))).toBe('Joins recorded time point 2');
    expect(confirmation(proposal, chosen, (text) => text || null)).toMatchObject({ cycle: { id: 'y' }, time_points: [{ number: 1, series: ['e2'] }, { id: 't7', series: ['c1'] }] });
    // In another cycle that time point does not exist.
    expect(obstaclesOf(proposal, { ...chosen, cycle: NEW, administration: 'net' })).toContain('Give every used series its time point.');
  });

  it('a blocked series can be ignored but not used', () => {
    const proposal = group({ series: [series('e1', 'emission', 1), series('e2', 'emission', 2, 'block')] });
    expect(obstaclesOf(proposal, draft(proposal))[0]).toMatch('blocked');
    const ignored = draft(proposal);
    ignored.uses.e2 = { use: 'ignore', timePoint: '2' };
    expect(obstaclesOf(proposal, ignored)).toEqual([]);
  });

  it('keeps the administration that the chosen cycle has, and asks for one when another cycle is chosen', () => {
    const cycles = [{ id: 'k1', number: 1, administration: { id: 'a' } }, { id: 'k2', number: 2, administration: null }];
    const proposal = group({ matches: [{ patient_id: 'p', differences: [], courses: [{ id: 'c', number: 1, agent: 'A', nuclide: 'Lu-177', n_cycles_planned: 4, cycles }] }] });
    const known = draft(proposal);
    expect(known).toMatchObject({ cycle: 'k1', administration: 'known' });
    expect(confirmation(proposal, known, (text) => text || null)).toMatchObject({ cycle: { id: 'k1' }, administration: null });
    known.cycle = 'k2';
    settleAdministration(proposal, known);
    expect(known.administration).toBe('net');
  });

  it('continues the course of a known patient with the next cycle number', () => {
    const proposal = group({ matches: [{ patient_id: 'p', differences: [], courses: [{ id: 'c', number: 1, agent: 'DOTATATE', nuclide: 'Lu-177', n_cycles_planned: 4, cycles: [{ id: 'k1', number: 1 }] }] }] });
    const next = draft(proposal, { cycle: NEW });
    expect(confirmation(proposal, next, (text) => text || null)).toMatchObject({ patient: { id: 'p' }, course: { id: 'c' }, cycle: { number: 2 } });
  });
});

describe('hours from the administration to a scan', () => {
  beforeEach(() => useTimeZone('Europe/Berlin'));
  afterEach(() => useTimeZone(undefined));
  const scanned = group({ series: [{ ...series('e1', 'emission', 1), acquisition_start: '2026-11-17T08:42:00Z' }, series('c1', 'ct', 1)] });

  it('follow the start that is typed, not the one that was proposed', () => {
    const typed = draft(scanned, { startAt: '2026-11-16T11:42' });
    expect(hoursToScan(scanned, typed, '1')).toBeCloseTo(22, 9);
    expect(obstaclesOf(scanned, typed)).toEqual([]);
    expect(hoursToScan(scanned, { ...typed, startAt: '' }, '1')).toBeNull();
    expect(hoursToScan(scanned, typed, '2')).toBeNull();
  });

  it('a scan before the administration is to settle', () => {
    const typed = draft(scanned, { startAt: '2026-11-17T12:42' });
    expect(obstaclesOf(scanned, typed)).toEqual(['Time point 1 lies 3.0 h before administration: check the start of the administration.']);
    typed.uses.e1 = { use: 'ignore', timePoint: '1' };
    expect(obstaclesOf(scanned, typed).some((text) => text.includes('before administration'))).toBe(false);
  });

  it('of a known cycle count from its record', () => {
    const cycles = [{ id: 'k1', number: 1, administration: { administered_at: '2026-11-17T04:42:00Z' } }];
    const known = { ...scanned, matches: [{ patient_id: 'p', differences: [], courses: [{ id: 'c', number: 1, agent: 'A', nuclide: 'Lu-177', n_cycles_planned: 4, cycles }] }] };
    expect(hoursToScan(known, draft(known), '1')).toBeCloseTo(4, 9);
  });
});

describe('whyNothing', () => {
  it.each([
    [[], 'The archive is empty: it holds no file.'],
    [[{ state: 'accepted', verdict_code: 'archive' }], 'The archive is empty: it holds no file.'],
    [[{ state: 'refused', verdict_code: 'truncated' }], '1 file was refused; the reasons stand at the right.'],
    [[{ state: 'duplicate' }, { state: 'duplicate' }], '2 files are stored already from an earlier upload.'],
    [[{ state: 'refused' }, { state: 'duplicate' }], '1 file was refused; the reasons stand at the right, and 1 file is stored already from an earlier upload.'],
    [[{ state: 'accepted', verdict_code: 'ok' }], 'Every series of this upload is confirmed or ignored.'],
  ])('%j', (files, text) => expect(whyNothing(files)).toBe(text));
});
