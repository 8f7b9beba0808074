/** Resumable upload: every file is one PUT with its digest; what the server already has is not sent again. */
import { ApiError, getJson, postJson, send } from './client';

export interface ChosenFile {
  path: string;
  file: File;
}

export interface UploadedFile {
  number: number;
  /** Within an archive, from 1; 0 is the file itself. */
  member?: number;
  name: string;
  n_bytes: number;
  state: string;
  verdict_code?: string | null;
  verdict_message?: string | null;
}

export interface Upload {
  id: string;
  state: string;
  n_files: number;
  n_bytes?: number;
  n_received: number;
  n_refused?: number;
  author?: string;
  created_at?: string;
  files: UploadedFile[];
  run: { id: string; state: string; error_message?: string | null } | null;
}

export interface UploadProgress {
  nFiles: number;
  nDone: number;
  nBytes: number;
  bytesDone: number;
  failed: { path: string; reason: string }[];
}

interface UploadPlan {
  uploadId: string;
  files: readonly ChosenFile[];
  onProgress: (progress: UploadProgress) => void;
  signal: AbortSignal;
}

const N_PARALLEL = 4;
const N_ATTEMPTS = 4;
const RETRY_PAUSE_MS = 800;
const REFUSED_FOR_GOOD = new Set([400, 403, 404, 409, 413, 415, 422]);

export const fetchUpload = (id: string): Promise<Upload> => getJson<Upload>(`/api/uploads/${id}`);
export const completeUpload = (id: string): Promise<{ run_id: string }> => postJson(`/api/uploads/${id}/complete`);
export const discardUpload = (id: string): Promise<unknown> => postJson(`/api/uploads/${id}/discard`);

export function createUpload(target: { siteId: string; cycleId?: string }, files: readonly ChosenFile[]): Promise<{ id: string }> {
  const nBytes = files.reduce((sum, { file }) => sum + file.size, 0);
  return postJson('/api/uploads', { site_id: target.siteId, cycle_id: target.cycleId || null, n_files: files.length, n_bytes: nBytes });
}

/** Sends all files that the server does not have, four at a time. Resolves with what could not be sent. */
export async function sendFiles(plan: UploadPlan): Promise<UploadProgress> {
  const { uploadId, files, onProgress, signal } = plan;
  const known = await fetchUpload(uploadId);
  const received = new Map(known.files.filter((file) => !file.member).map((file) => [file.number, file]));
  const progress: UploadProgress = {
    nFiles: files.length, nDone: 0, nBytes: files.reduce((sum, { file }) => sum + file.size, 0), bytesDone: 0, failed: [],
  };
  const waiting = files.map((chosen, i) => ({ chosen, number: i + 1 })).filter(({ chosen, number }) => {
    const there = received.get(number);
    const isThere = there !== undefined && there.n_bytes === chosen.file.size;
    if (isThere) {
      progress.nDone += 1;
      progress.bytesDone += chosen.file.size;
    }
    return !isThere;
  });
  onProgress(progress);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal.throwIfAborted();
      try {
        await sendOne(uploadId, next.number, next.chosen, signal);
        progress.nDone += 1;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 0) throw error;
        progress.failed.push({ path: next.chosen.path, reason: error.message });
      }
      progress.bytesDone += next.chosen.file.size;
      onProgress(progress);
    }
  };
  await Promise.all(Array.from({ length: N_PARALLEL }, worker));
  return progress;
}

async function sendOne(uploadId: string, number: number, { path, file }: ChosenFile, signal: AbortSignal): Promise<void> {
  const bytes = await file.arrayBuffer();
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Content-Digest': `sha-256=:${base64(new Uint8Array(digest))}:`,
    'X-File-Name': encodeURIComponent(path),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send('PUT', `/api/uploads/${uploadId}/files/${number}`, { headers, body: new Blob([bytes]), signal });
      return;
    } catch (error) {
      const isFinal = !(error instanceof ApiError) || REFUSED_FOR_GOOD.has(error.status) || attempt >= N_ATTEMPTS;
      if (isFinal) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS * attempt));
    }
  }
}

export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** All files under what was dropped, with their paths; folders are read to the end. */
export async function filesOfDrop(transfer: DataTransfer): Promise<ChosenFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return filesOfInput(transfer.files);
  const found: ChosenFile[] = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

export function filesOfInput(list: FileList): ChosenFile[] {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function collect(entry: FileSystemEntry, found: ChosenFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, '') });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const read = (): Promise<FileSystemEntry[]> => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  for (let batch = await read(); batch.length > 0; batch = await read()) {
    for (const inner of batch) await collect(inner, found);
  }
}
