import { beforeEach, describe, expect, it } from 'vitest';
import { HandsOnClock } from './hands_on';

let now = 0;
let chosen = '';
let clock: HandsOnClock;
const wait = (seconds: number): void => { now += 1000 * seconds; };

beforeEach(() => {
  now = 1_000_000;
  chosen = 'kidney';
  clock = new HandsOnClock(() => chosen, () => now);
});

describe('HandsOnClock', () => {
  it('counts the time in which a region was chosen, each by itself', () => {
    wait(12);
    clock.used();
    chosen = 'liver';
    wait(5);
    clock.used();
    expect([clock.secondsOf('kidney'), clock.secondsOf('liver')]).toEqual([12, 5]);
  });
  it('counts up to the moment of asking', () => {
    wait(3.25);
    expect(clock.secondsOf('kidney')).toBe(3.3);
  });
  it('counts no more than a minute between two signs of life', () => {
    wait(600);
    clock.used();
    wait(10);
    clock.used();
    expect(clock.secondsOf('kidney')).toBe(70);
  });
  it('counts nothing while the page is hidden', () => {
    wait(4);
    clock.hide();
    wait(30);
    clock.used();
    clock.show();
    wait(2);
    expect(clock.secondsOf('kidney')).toBe(6);
  });
  it('does not know of what was never chosen', () => {
    expect(clock.secondsOf('spleen')).toBeNull();
    chosen = '';
    wait(5);
    clock.used();
    expect(clock.secondsOf('')).toBeNull();
  });
  it('begins anew after an action', () => {
    wait(9);
    clock.used();
    clock.restart('kidney');
    wait(2);
    expect(clock.secondsOf('kidney')).toBe(2);
  });
  it('never counts backwards when the computer is set back', () => {
    wait(-50);
    expect(clock.secondsOf('kidney')).toBe(0);
  });
});
