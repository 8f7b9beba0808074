/** Shapes of the dose step. */
import type { MaybeQuantity } from '../../domain/quantity';
import type { Finding } from '../parts/findings';

export interface DoseRegion {
  region: { id: string; name: string; kind: string; colour: string; label: number };
  volume?: MaybeQuantity;
  mass: MaybeQuantity;
  mass_origin: string;
  absorbed_dose: MaybeQuantity;
  voxel_mean_dose?: MaybeQuantity;
  dose_per_activity: MaybeQuantity;
  bed: MaybeQuantity;
  eqd2: MaybeQuantity;
  alpha_beta?: MaybeQuantity;
  repair_half_time?: MaybeQuantity;
  effective_half_life?: MaybeQuantity;
  time_integrated_activity?: MaybeQuantity;
  dose_at_volume: Record<string, MaybeQuantity>;
  volume_at_dose?: Record<string, MaybeQuantity>;
  n_effective_voxels?: number | null;
  by_radiation?: { alpha: MaybeQuantity; electrons: MaybeQuantity; photons: MaybeQuantity } | null;
  by_member?: Record<string, MaybeQuantity>;
  rbe_weighted_dose?: MaybeQuantity;
  organ_level?: { total: MaybeQuantity; self: MaybeQuantity; cross: { source: string; dose: MaybeQuantity }[]; sphere: MaybeQuantity } | null;
  limits?: { quantity: string; limit: MaybeQuantity; share: MaybeQuantity; source: string }[];
  uncertainty?: {
    first_order: MaybeQuantity; monte_carlo: MaybeQuantity; n_samples: number; seed: number; unit: string; not_stated: string[];
    dose_interval_95: { lower: number; upper: number }; bed_interval_95: { lower: number; upper: number } | null;
  } | null;
  budget: { component: string; percent: number; is_shared?: boolean }[] | Record<string, number>;
  findings: Finding[];
}

export interface EngineDose {
  engine: string;
  label: string;
  dose_volume: string;
  warnings: string[];
  regions: Record<string, { absorbed_dose: MaybeQuantity; difference: MaybeQuantity; reason: string }>;
}

export interface Dose {
  calculation: { id: string; number: number; at: string; author?: string } | null;
  is_stale: boolean;
  stale_causes?: readonly string[];
  engine?: string;
  engines?: EngineDose[];
  density_origin?: string;
  progeny?: { members: string[]; default: string };
  /** Regions that two people have read, and whether this dose counts their difference. */
  reader_variation?: { is_used: boolean; regions: { name: string; volume_cv: MaybeQuantity }[] };
  dose_volume?: string;
  /** Relative standard uncertainty of the time-integrated activity of each voxel, %; null where no voxel was fitted. */
  tia_uncertainty_volume?: string | null;
  reference_time_point_id?: string;
  isodose_levels_gy?: number[];
  regions: DoseRegion[];
  findings: Finding[];
}

export const shareOf = (row: DoseRegion): MaybeQuantity => {
  const shares = (row.limits ?? []).map((limit) => limit.share).filter((share) => share !== null && share !== undefined);
  return shares.reduce<MaybeQuantity>((largest, share) => (largest && share && largest.value >= share.value ? largest : share), null);
};

export function budgetOf(row: DoseRegion): { component: string; percent: number; is_shared?: boolean }[] {
  return Array.isArray(row.budget) ? row.budget : Object.entries(row.budget ?? {}).map(([component, percent]) => ({ component, percent }));
}
