import { describe, expect, it } from 'vitest';
import { phantomDrafts } from './phantom_drafts';

function memory(begun: Record<string, string> = {}): { all: Record<string, string>; store: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> } {
  const all = { ...begun };
  const store = { getItem: (key: string) => all[key] ?? null, setItem: (key: string, value: string) => { all[key] = value; }, removeItem: (key: string) => { Reflect.deleteProperty(all, key); } };
  return { all, store: () => store };
}

describe('what was typed of a phantom', () => {
  it('is there again after the page was loaded anew, for its site and method alone', () => {
    const { store } = memory();
    phantomDrafts('a', store).keep('sphere', { activity_mbq: '80' });
    const again = phantomDrafts('a', store);
    expect(again.of('sphere')).toEqual({ activity_mbq: '80' });
    expect(again.of('cylinder')).toBeUndefined();
    expect(phantomDrafts('b', store).of('sphere')).toBeUndefined();
  });
  it('is gone once it gave a result', () => {
    const { all, store } = memory();
    const drafts = phantomDrafts('a', store);
    drafts.keep('planar', { counts: '5' });
    drafts.drop('planar');
    expect(all).toEqual({});
    expect(phantomDrafts('a', store).of('planar')).toBeUndefined();
  });
  it('lasts for the page where storage is forbidden, and begins empty where it is broken', () => {
    const drafts = phantomDrafts('a', () => { throw new Error('forbidden'); });
    drafts.keep('planar', { counts: '5' });
    expect(drafts.of('planar')).toEqual({ counts: '5' });
    expect(phantomDrafts('a', memory({ 'phantom-drafts-a': '{' }).store).of('planar')).toBeUndefined();
  });
});
