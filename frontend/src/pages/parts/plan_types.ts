/** What the plan page receives; all numbers are computed and rounded for people by the server and `formatQuantity`. */
import type { Figure } from '../../charts/plot';
import type { MaybeQuantity } from '../../domain/quantity';

export interface LimitRow {
  region: string;
  quantity: string;
  limit: MaybeQuantity;
  cumulative: MaybeQuantity;
  after: MaybeQuantity;
  probability: number | null;
  label_probability?: number | null;
  source?: string;
}
export interface CycleRow { number: number; at: string | null; activity: MaybeQuantity; is_planned: boolean; version?: number | null; state: string; is_stale?: boolean; doses: Record<string, MaybeQuantity> }
export interface Assumption { label: string; value: MaybeQuantity | string }
export interface Check { text: string; ok: boolean; level: string; value: string; guide?: string }
export interface Finding { code?: string; level: string; message: string }
export interface Prescription {
  id: string; activity: MaybeQuantity; printed_name: string; at: string; departure_reason?: string; departure_text?: string; digest: string;
  is_waiting: boolean; second_printed_name: string; second_at: string | null;
}
/** Signed once, above the hard limit: nothing is prescribed by it until another prescriber signs. */
export interface WaitingPrescription extends Prescription { may_countersign: boolean }
export interface SavedPlan { id: string; number: number; digest: string; is_stale?: boolean; at?: string; author?: string; planned_activity?: MaybeQuantity }

export interface PlanPage {
  next_cycle_number: number;
  n_cycles_left: number;
  what_if: { activity: MaybeQuantity; minimum_gbq: number; maximum_gbq: number } | null;
  label_activity: MaybeQuantity;
  label_source: string;
  proposed_range: { lower: MaybeQuantity; upper: MaybeQuantity } | null;
  probabilities: { p: number; activity: MaybeQuantity }[];
  label_probability?: number | null;
  binding_limit: string | null;
  limits: LimitRow[];
  region_names: string[];
  cycles: CycleRow[];
  assumptions: Assumption[];
  findings: Finding[];
  figure: Figure | null;
  readiness: Check[];
  limit_set: { name: string; version: number; is_confirmed: boolean } | null;
  plan: SavedPlan | null;
  prescription: Prescription | null;
  waiting_prescription: WaitingPrescription | null;
  hard_limit_activity: MaybeQuantity;
  obstacle?: string | null;
}
