import { beforeEach, expect, it, vi } from 'vitest';
import { Consequences } from './consequences';
import { fetchPreview, type Preview } from './wire';

vi.mock('./wire', () => ({ fetchPreview: vi.fn() }));
vi.mock('../parts/dom', () => ({ fill: (place: { innerHTML: string }, content: unknown) => { place.innerHTML = String(content); } }));

const preview = (number: number): Preview => ({ calculation_number: number, is_changed: false, obstacle: '', activity: null, rows: [] });
const place = { innerHTML: '', hidden: false } as HTMLElement;

beforeEach(() => vi.mocked(fetchPreview).mockReset());

it('asks the server once while nothing happens', async () => {
  vi.mocked(fetchPreview).mockResolvedValue(preview(1));
  const consequences = new Consequences();
  await consequences.show(place, 't1', 'r1');
  await consequences.show(place, 't1', 'r1');
  expect(fetchPreview).toHaveBeenCalledOnce();
  expect(place.innerHTML).toContain('calculation 1');
});

it('knows nothing any more after a save, a decision, a run or a look elsewhere', async () => {
  vi.mocked(fetchPreview).mockResolvedValueOnce(preview(1)).mockResolvedValueOnce(preview(2));
  const consequences = new Consequences();
  await consequences.show(place, 't1', 'r1');
  consequences.forget();
  await consequences.show(place, 't1', 'r1');
  expect(place.innerHTML).toContain('calculation 2');
});

it('neither shows nor keeps an answer that was asked for before', async () => {
  let answerOld: (found: Preview) => void = () => undefined;
  vi.mocked(fetchPreview).mockReturnValueOnce(new Promise((resolve) => { answerOld = resolve; })).mockResolvedValue(preview(2));
  const consequences = new Consequences();
  const old = consequences.show(place, 't1', 'r1');
  consequences.forget();
  await consequences.show(place, 't1', 'r1');
  answerOld(preview(1));
  await old;
  expect(place.innerHTML).toContain('calculation 2');
  await consequences.show(place, 't1', 'r1');
  expect(place.innerHTML).toContain('calculation 2');
});
