import { describe, expect, it } from 'vitest';
import { csvLine, formatBytes, worthSending } from './files';

const chosen = (path: string, size = 3) => ({ path, file: { size } });

describe('worthSending', () => {
  it('sorts by path and leaves out clutter and empty files', () => {
    const paths = ['b/2', 'a/1', 'a/.DS_Store', 'Thumbs.db', '__MACOSX/a/1', 'a/0'].map((path) => chosen(path));
    expect(worthSending([...paths, chosen('empty', 0)]).map((item) => item.path)).toEqual(['a/0', 'a/1', 'b/2']);
  });
});

it.each([[0, '0 B'], [999, '999 B'], [1200, '1.2 kB'], [215_000_000, '215 MB'], [8_000_000_000, '8.0 GB']])(
  '%i bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text),
);

it('quotes separators and defuses formulas', () => {
  expect(csvLine(['a,b', 'say "x"', '=1+1', null, 3])).toBe(`"a,b","say ""x""",'=1+1,,3`);
});
