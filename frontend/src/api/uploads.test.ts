import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { base64, sendFiles, type ChosenFile, type UploadProgress } from './uploads';

const realTimeout = setTimeout;
const file = (path: string, text: string): ChosenFile => ({ path, file: new File([text], path) });
const put = vi.fn<(url: string, options: RequestInit) => Promise<Response>>();
let known: { number: number; name: string; n_bytes: number; state: string; member?: number }[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  known = [];
  vi.stubGlobal('document', { querySelector: () => ({ content: 't' }) });
  vi.stubGlobal('fetch', (url: string, options: RequestInit) => (options.method === 'GET'
    ? Promise.resolve(new Response(JSON.stringify({ id: 'u', state: 'receiving', n_files: 3, n_received: known.length, files: known, run: null }))) : put(url, options)));
  put.mockImplementation(() => Promise.resolve(new Response('{}', { status: 201 })));
});
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); put.mockReset(); });

const files = [file('a/1', 'one'), file('a/2', 'two22'), file('a/ü', 'three')];

async function run(chosen = files): Promise<UploadProgress> {
  const result = sendFiles({ uploadId: 'u', files: chosen, onProgress: () => undefined, signal: new AbortController().signal });
  let isSettled = false;
  const guarded = result.catch((error: unknown) => error).finally(() => { isSettled = true; });
  while (!isSettled) {
    await vi.advanceTimersByTimeAsync(500);
    await new Promise((resolve) => realTimeout(resolve, 1)); // digests are computed on a thread of their own
  }
  return (await guarded) as UploadProgress;
}

describe('sendFiles', () => {
  it('sends each file once with its digest and its name for display', async () => {
    const progress = await run();
    expect(progress).toMatchObject({ nDone: 3, nFiles: 3, bytesDone: 13, failed: [] });
    const calls = new Map(put.mock.calls.map(([url, options]) => [url, options.headers as Record<string, string>]));
    expect([...calls.keys()].sort()).toEqual(['/api/uploads/u/files/1', '/api/uploads/u/files/2', '/api/uploads/u/files/3']);
    const headers = calls.get('/api/uploads/u/files/3');
    expect(headers?.['Content-Digest']).toBe('sha-256=:i1udsME9skJWyCmqNkqpDG0uujGLkjKkq5MTuVTTVV8=:');
    expect(headers?.['X-File-Name']).toBe('a%2F%C3%BC');
  });

  it('resumes: what the server has in full is not sent again', async () => {
    known = [{ number: 1, name: 'a/1', n_bytes: 3, state: 'received' }, { number: 2, name: 'a/2', n_bytes: 2, state: 'received' }];
    const progress = await run();
    expect(put.mock.calls.map(([url]) => url).sort()).toEqual(['/api/uploads/u/files/2', '/api/uploads/u/files/3']);
    expect(progress.nDone).toBe(3);
  });

  it('does not take a member of an archive for the archive', async () => {
    known = [{ number: 1, name: 'x', n_bytes: 3, state: 'accepted', member: 1 }];
    await run();
    expect(put).toHaveBeenCalledTimes(3);
  });

  it('tries again after a failing server, and lists what is refused for good', async () => {
    let nFirst = 0;
    put.mockImplementation((url) => {
      if (url.endsWith('/1') && ++nFirst < 3) return Promise.resolve(new Response('{}', { status: 503 }));
      if (url.endsWith('/2')) return Promise.resolve(new Response(JSON.stringify({ code: 'digest', message: 'Digest differs.', fields: {} }), { status: 422 }));
      return Promise.resolve(new Response('{}', { status: 201 }));
    });
    const progress = await run();
    expect(nFirst).toBe(3);
    expect(progress.failed).toEqual([{ path: 'a/2', reason: 'Digest differs.' }]);
    expect(progress.nDone).toBe(2);
  });

  it('never has more than four requests open', async () => {
    vi.useRealTimers();
    let open = 0;
    let most = 0;
    put.mockImplementation(async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      open -= 1;
      return new Response('{}', { status: 201 });
    });
    const many = Array.from({ length: 12 }, (_, i) => file(`f${i}`, 'x'));
    await sendFiles({ uploadId: 'u', files: many, onProgress: () => undefined, signal: new AbortController().signal });
    expect(most).toBe(4);
    expect(put).toHaveBeenCalledTimes(12);
  });

  it('stops as a whole when the connection is lost, so that it can be resumed', async () => {
    put.mockImplementation(() => Promise.reject(new TypeError('lost')));
    expect(await run()).toMatchObject({ code: 'no_connection' });
  });
});

it('writes digests as base64', () => expect(base64(new Uint8Array([0, 255, 16]))).toBe('AP8Q'));
