import { describe, expect, it } from 'vitest';
import { frame, path, stairBand, stairs, ticks } from './svg';

const inside = frame({ width: 120, height: 60 }, { top: 10, right: 10, bottom: 10, left: 10 }, { min: 0, max: 10 }, { min: 0, max: 4 });

describe('frame', () => {
  it('maps the corners of both ranges, y upwards', () => {
    expect([inside.x(0), inside.x(10), inside.y(0), inside.y(4)]).toEqual([10, 110, 50, 10]);
  });

  it('draws lines, stairs and a closed band', () => {
    expect(path([[0, 0], [10, 4]], inside)).toBe('M10 50L110 10');
    expect(stairs([[0, 0], [5, 2], [10, 2]], inside)).toBe('M10 50H60V30H110V30');
    expect(stairBand([[0, 1, 3], [10, 1, 3]], inside)).toBe('M10 20H110V20L110 40L110 40L10 40Z');
  });
});

describe('ticks', () => {
  it.each([[0, 23, 5, [0, 5, 10, 15, 20]], [0, 0.37, 3, [0, 0.2]], [-16, 192, 8, [0, 50, 100, 150]], [3, 3, 4, [3]]])(
    'of %f to %f', (min, max, wanted, expected) => expect(ticks({ min, max }, wanted)).toEqual(expected),
  );
});
