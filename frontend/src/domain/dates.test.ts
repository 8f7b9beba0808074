import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAge, formatDate, formatDateTime, formatDue, formatTime, fromLocalInput, toLocalInput, useTimeZone } from './dates';

beforeEach(() => useTimeZone('Europe/Berlin'));
afterEach(() => useTimeZone(undefined));

describe('dates in the zone of the site', () => {
  it('writes day, month, year and 24 h time', () => {
    expect(formatDate('2026-11-16T23:30:00Z')).toBe('17 Nov 2026');
    expect(formatTime('2026-11-16T23:30:00Z')).toBe('00:30');
    expect(formatDateTime('2026-09-05T07:05:00Z')).toBe('5 Sep 2026 09:05');
  });

  it('shows a bare day as that day, west of Greenwich too', () => {
    useTimeZone('America/Los_Angeles');
    expect(formatDate('2026-01-01')).toBe('1 Jan 2026');
    expect(formatDate('2026-01-01T00:00:00Z')).toBe('31 Dec 2025');
  });

  it('shows a dash for what is missing or not a date', () => {
    expect(formatDate(null)).toBe('—');
    expect(formatDate('soon')).toBe('—');
  });

  it.each(['2026-03-29T00:30:00.000Z', '2026-03-29T01:30:00.000Z', '2026-10-25T12:00:00.000Z', '2026-07-01T22:15:00.000Z'])(
    'carries %s through a field and back, also next to a clock change', (instant) => {
      expect(fromLocalInput(toLocalInput(instant))).toBe(instant);
    },
  );

  it('reads a typed local time in summer and in winter', () => {
    expect(fromLocalInput('2026-07-01T12:00')).toBe('2026-07-01T10:00:00.000Z');
    expect(fromLocalInput('2026-12-01T12:00')).toBe('2026-12-01T11:00:00.000Z');
    expect(fromLocalInput('')).toBeNull();
  });
});

describe('formatDue', () => {
  const now = new Date('2026-11-23T13:20:00Z');
  it.each([
    ['2026-11-23T16:00:00Z', 'Today 17:00', false],
    ['2026-11-24T08:00:00Z', 'Tomorrow', false],
    ['2026-11-25T08:00:00Z', 'Wed', false],
    ['2026-11-30T08:00:00Z', '30 Nov', false],
    ['2026-11-23T09:00:00Z', 'Overdue 4 h', true],
    ['2026-11-18T09:00:00Z', 'Overdue 5 d', true],
  ])('%s', (at, text, isOverdue) => expect(formatDue(at, now)).toEqual({ text, isOverdue }));

  it('counts age', () => {
    expect(formatAge('2026-11-23T13:00:00Z', now)).toBe('20 min');
    expect(formatAge('2026-11-13T13:00:00Z', now)).toBe('10 d');
  });
});
