import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { send } from '../../api/client';
import type { VolumeHeader } from '../../domain/volume';
import { LabelEditor, type LabelVolume, type SaveState } from './label_editor';

vi.mock('../../api/client', async (original) => ({ ...await original<object>(), send: vi.fn() }));
vi.mock('../../viewer/volumes', () => ({ packVoxels: (voxels: Uint8Array<ArrayBuffer>) => Promise.resolve({ body: new Blob([voxels]), sha256: 'digest' }) }));

interface Request { method: string; url: string; headers: Record<string, string>; voxels: Promise<number[]> }

const requests: Request[] = [];
let answers: (() => void)[] = [];
const states: SaveState['kind'][] = [];
const events = { onPaint: () => undefined, onUndo: () => undefined, onSaveState: (state: SaveState) => states.push(state.kind) };

const volume = (...voxels: number[]): LabelVolume => ({
  id: 'v', voxels: Uint8Array.from(voxels),
  header: { dimensions: [voxels.length, 1, 1], spacing_mm: [1, 1, 1], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader,
});
const editorOf = (...voxels: number[]): LabelEditor => new LabelEditor('t1', 5, { organs: volume(...voxels) }, events);

function begin(editor: LabelEditor, at: number, label: number): void {
  const brush = { label, radiusMm: 0.1, plane: 'axial' as const, isBall: false, locked: new Set<number>() };
  editor.begin('organs', { point: [at, 0, 0], plane: 'axial', index: 0 } as never, brush);
}

function paint(editor: LabelEditor, at: number, label: number): void {
  begin(editor, at, label);
  editor.end('stroke');
}

const voxelsOf = (editor: LabelEditor): number[] => Array.from(editor.layer('organs')?.volume.voxels ?? [], Number);
const changedOf = (editor: LabelEditor): number[] => [...editor.changedLabels('organs')].sort();
/** Lets promises run until the server was asked `count` times; `answer` lets it reply. */
const asked = (count: number): Promise<void> => vi.waitFor(() => expect(requests.length).toBe(count));
const answer = (): void => { const reply = answers.shift(); if (!reply) throw new Error('nothing was asked'); reply(); };

beforeEach(() => {
  requests.length = 0;
  answers = [];
  states.length = 0;
  vi.stubGlobal('window', globalThis);
  vi.mocked(send).mockImplementation((method, url, options = {}) => new Promise((resolve) => {
    const { headers = {}, body } = options;
    requests.push({ method, url, headers, voxels: (body as Blob).arrayBuffer().then((bytes) => [...new Uint8Array(bytes)]) });
    answers.push(() => resolve(new Response(JSON.stringify({ number: 6 }))));
  }));
});
afterEach(() => { vi.unstubAllGlobals(); vi.mocked(send).mockReset(); });

it('keeps strokes that were drawn while a save was on its way', async () => {
  const editor = editorOf(0, 0, 0, 0);
  paint(editor, 0, 1);
  paint(editor, 1, 2);
  const saved = editor.save('first');
  await asked(1);
  paint(editor, 2, 1);
  paint(editor, 3, 3);
  answer();
  await saved;
  expect(changedOf(editor)).toEqual([1, 3]);
  expect(states.at(-1)).toBe('changed');
  const again = editor.save('second');
  await asked(2);
  answer();
  await again;
  expect(requests[1]?.headers).toMatchObject({ 'If-Match': '"6"', 'X-Changed-Labels': '1,3' });
  expect(await requests[1]?.voxels).toEqual([1, 2, 1, 3]);
  expect([editor.isChanged, states.at(-1)]).toEqual([false, 'saved']);
});

it('sends voxels, labels and revision of one moment', async () => {
  const editor = editorOf(0, 0);
  paint(editor, 0, 1);
  const saved = editor.save('first');
  await Promise.resolve();
  paint(editor, 1, 2);
  await asked(1);
  answer();
  await saved;
  expect(await requests[0]?.voxels).toEqual([1, 0]);
  expect(requests[0]?.headers).toMatchObject({ 'If-Match': '"5"', 'X-Changed-Labels': '1' });
});

it('names the regions of a stroke that still goes on, and keeps them as not saved once it ends', async () => {
  const editor = editorOf(0, 2);
  paint(editor, 0, 1);
  begin(editor, 1, 3);
  const saved = editor.save('first');
  await asked(1);
  answer();
  await saved;
  editor.end('stroke');
  expect(requests[0]?.headers['X-Changed-Labels']).toBe('1,2,3');
  expect(changedOf(editor)).toEqual([2, 3]);
});

it('sends a draft only after the save that is on its way, and on its revision', async () => {
  const editor = editorOf(0, 0);
  paint(editor, 0, 1);
  const saved = editor.save('first');
  await asked(1);
  paint(editor, 1, 2);
  const drafted = editor.saveDraft();
  answer();
  await saved;
  await asked(2);
  answer();
  await drafted;
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'PUT']);
  expect(requests[1]?.headers).toMatchObject({ 'If-Match': '"6"', 'X-Changed-Labels': '2' });
});

it('keeps everything as not saved, and drafts it, when a save fails', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const editor = editorOf(0, 0);
  paint(editor, 0, 1);
  vi.mocked(send).mockRejectedValueOnce(new Error('The server did not answer.'));
  await expect(editor.save('first')).rejects.toThrow('did not answer');
  expect([changedOf(editor), states.at(-1), voxelsOf(editor)]).toEqual([[1], 'failed', [1, 0]]);
  await vi.advanceTimersByTimeAsync(3000);
  vi.useRealTimers();
  await asked(1);
  expect(requests[0]?.method).toBe('PUT');
});

it('leaves no trace of a stroke that is cancelled, and none of the one before', () => {
  const editor = editorOf(0, 2, 0);
  paint(editor, 0, 1);
  begin(editor, 1, 1);
  editor.cancel();
  expect([voxelsOf(editor), editor.undo.nextUndo]).toEqual([[1, 2, 0], 'stroke']);
  begin(editor, 0, 1); // paints nothing new
  editor.cancel();
  editor.cancel();
  expect([voxelsOf(editor), editor.undo.nextUndo]).toEqual([[1, 2, 0], 'stroke']);
});
