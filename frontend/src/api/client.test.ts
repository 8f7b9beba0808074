import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, getJson, patchJson, postJson, send } from './client';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Response => new Response(JSON.stringify(body), { status, headers });
const sent = vi.fn<(url: string, options: RequestInit) => Promise<Response>>();
const assign = vi.fn();

beforeEach(() => {
  vi.stubGlobal('fetch', sent);
  vi.stubGlobal('document', { querySelector: () => ({ content: 'token-1' }) });
  vi.stubGlobal('window', { location: { pathname: '/cycles/1/dose/', assign } });
});
afterEach(() => { vi.unstubAllGlobals(); sent.mockReset(); assign.mockReset(); });

const headersOf = (call: number): Record<string, string> => sent.mock.calls[call]?.[1].headers as Record<string, string>;

describe('requests', () => {
  it('carries the CSRF token on writes, and on writes only', async () => {
    sent.mockImplementation(() => Promise.resolve(answer(200, {})));
    await getJson('/api/a');
    await postJson('/api/a', { b: 1 });
    expect(headersOf(0)['X-CSRFToken']).toBeUndefined();
    expect(headersOf(1)).toMatchObject({ 'X-CSRFToken': 'token-1', 'Content-Type': 'application/json' });
    expect(sent.mock.calls[1]?.[1].body).toBe('{"b":1}');
  });

  it('names the version that was read when it edits', async () => {
    sent.mockImplementation(() => Promise.resolve(answer(200, {})));
    await patchJson('/api/a', {}, 7);
    await patchJson('/api/a', {}, '"8"');
    expect([headersOf(0)['If-Match'], headersOf(1)['If-Match']]).toEqual(['"7"', '"8"']);
  });
});

describe('errors', () => {
  it('keep code, message and fields of the server', async () => {
    sent.mockResolvedValue(answer(409, { code: 'stale_version', message: 'Changed by another person.', fields: { by: 'B' } }));
    const error = await postJson('/api/a').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, code: 'stale_version', message: 'Changed by another person.', fields: { by: 'B' } });
  });

  it('name the reference of a failed server', async () => {
    sent.mockResolvedValue(new Response('<html>', { status: 500, headers: { 'X-Request-Id': '7F3A' } }));
    await expect(getJson('/api/a')).rejects.toMatchObject({ status: 500, code: 'http_500', reference: '7F3A' });
  });

  it('tell a lost connection from an answer', async () => {
    sent.mockRejectedValue(new TypeError('failed'));
    await expect(send('GET', '/api/a')).rejects.toMatchObject({ status: 0, code: 'no_connection' });
  });

  it('lead to the sign-in when the session has ended, without patient data in the address', async () => {
    sent.mockResolvedValue(answer(403, { code: 'not_authenticated', message: 'x', fields: {} }));
    await expect(getJson('/api/a')).rejects.toBeInstanceOf(ApiError);
    expect(assign).toHaveBeenCalledWith('/accounts/login/?next=%2Fcycles%2F1%2Fdose%2F');
  });
});
