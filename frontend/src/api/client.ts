/** The one door to the server: JSON, CSRF header on every write, and errors with code, fields and reference. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {},
    readonly reference: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Tagged<Body> {
  data: Body;
  etag: string | null;
}

interface Options {
  headers?: Record<string, string>;
  body?: BodyInit;
  signal?: AbortSignal;
}

const READS = new Set(['GET', 'HEAD']);
const SIGN_IN = '/accounts/login/';

/** The token of this session; the page carries it because the cookie is not readable from scripts. */
function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? '';
}

/** Sends one request and returns the response; throws ApiError for every status that is not a success. */
export async function send(method: string, url: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (!READS.has(method)) headers['X-CSRFToken'] = csrfToken();
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: options.body, signal: options.signal, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'no_connection', 'The server did not answer. Nothing was saved by this step.');
  }
  if (response.ok || response.status === 304) return response;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = await response.json().catch(() => null) as Record<string, unknown> | null;
  const text = (key: string): string | null => (typeof body?.[key] === 'string' ? (body[key] as string) : null);
  const reference = text('reference') ?? response.headers.get('X-Request-Id');
  const code = text('code') ?? `http_${response.status}`;
  if (response.status === 401 || code === 'not_authenticated') {
    window.location.assign(`${SIGN_IN}?next=${encodeURIComponent(window.location.pathname)}`);
  }
  const fields = (body?.fields ?? {}) as Record<string, unknown>;
  const message = text('message') ?? text('detail') ?? `The server answered with status ${response.status}.`;
  return new ApiError(response.status, code, message, fields, reference);
}

export async function getJson<Body>(url: string, signal?: AbortSignal): Promise<Body> {
  const response = await send('GET', url, { signal });
  return (await response.json()) as Body;
}

export async function getTagged<Body>(url: string): Promise<Tagged<Body>> {
  const response = await send('GET', url);
  return { data: (await response.json()) as Body, etag: response.headers.get('ETag') };
}

async function sendJson<Body>(method: string, url: string, body: unknown, headers: Record<string, string>): Promise<Body> {
  const response = await send(method, url, {
    headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body ?? {}),
  });
  return (response.status === 204 ? null : await response.json()) as Body;
}

export const postJson = <Body>(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Body> =>
  sendJson<Body>('POST', url, body, headers);

export const putJson = <Body>(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Body> =>
  sendJson<Body>('PUT', url, body, headers);

/** Edits a row: names the version that was read, so that another person's edit is never overwritten. */
export const patchJson = <Body>(url: string, body: unknown, version: string | number): Promise<Body> =>
  sendJson<Body>('PATCH', url, body, { 'If-Match': `"${String(version).replace(/"/g, '')}"` });
