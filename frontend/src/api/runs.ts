import { getJson, postJson } from './client';

export type RunState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Run {
  id: string;
  kind: string;
  label: string;
  state: string;
  progress: number | null;
  message: string;
  error_code: string | null;
  error_message: string | null;
  cycle_id: string | null;
  result_id: string | null;
  patient_id?: string | null;
  requested_by?: string;
  finished_at?: string | null;
}

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 2500;

export const stateOf = (run: Run): RunState => run.state.toLowerCase() as RunState;
export const isOpen = (run: Run): boolean => ['queued', 'running'].includes(stateOf(run));
export const fetchRun = (id: string): Promise<Run> => getJson<Run>(`/api/runs/${id}`);
export const cancelRun = (id: string): Promise<Run> => postJson<Run>(`/api/runs/${id}/cancel`);

/** Open runs that the user may see; of one cycle when it is named. */
export async function fetchOpenRuns(cycleId?: string): Promise<Run[]> {
  const body = await getJson<{ results?: Run[] } | Run[]>(`/api/runs?open=1${cycleId ? `&cycle=${cycleId}` : ''}`);
  return Array.isArray(body) ? body : (body.results ?? []);
}

/** Polls a run until it ends; calls `onChange` on every answer, and returns the last. Pauses grow to 2.5 s. */
export async function watchRun(id: string, onChange: (run: Run) => void, signal?: AbortSignal): Promise<Run> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.4, LONGEST_PAUSE_MS)) {
    const run = await getJson<Run>(`/api/runs/${id}`, signal);
    onChange(run);
    if (!isOpen(run)) return run;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
