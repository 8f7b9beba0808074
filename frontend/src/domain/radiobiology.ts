export interface Radiobiology {
  alpha_beta_gy: number;
  repair_half_time_h: number;
  source: string;
}

/** How much dose per activity varies from cycle to cycle: a template keeps it beside the regions. */
export interface BetweenCycles {
  cv: number;
  source: string;
}

/** Weight of alpha particles and recoils; without it no weighted dose is shown. */
export interface AlphaWeight {
  rbe: number;
  source: string;
}

export type TemplateBiology = Record<string, Radiobiology | BetweenCycles | AlphaWeight>;

const BETWEEN_CYCLES = 'between_cycles';
const ALPHA = 'alpha';

export const alphaWeight = (values: TemplateBiology): AlphaWeight | null => {
  const entry = values[ALPHA];
  return entry && 'rbe' in entry ? entry : null;
};

/** Adds the RBE of alpha particles; an empty field leaves it out, a value needs its source. */
export function withAlphaWeight(values: TemplateBiology, rbe: string, source: string): TemplateBiology {
  if (rbe.trim() === '') return values;
  if (!(Number(rbe) >= 1) || source.trim() === '') throw new Error('An RBE of alpha particles is 1 or more and needs its source.');
  return { ...values, [ALPHA]: { rbe: Number(rbe), source: source.trim() } };
}

export const betweenCycles = (values: TemplateBiology): BetweenCycles | null => {
  const entry = values[BETWEEN_CYCLES];
  return entry && 'cv' in entry ? entry : null;
};

/** The entries that belong to regions. */
export function regionEntries(values: TemplateBiology): [string, Radiobiology][] {
  return Object.entries(values).filter((entry): entry is [string, Radiobiology] => 'alpha_beta_gy' in entry[1]);
}

/** Adds the spread between cycles, given in percent; an empty field leaves it out, a spread needs its source. */
export function withBetweenCycles(regions: Record<string, Radiobiology>, percent: string, source: string): TemplateBiology {
  if (percent.trim() === '') return regions;
  const cv = Number(percent) / 100;
  if (!(cv > 0) || source.trim() === '') throw new Error('A spread between cycles needs a percentage above 0 and its source.');
  return { ...regions, [BETWEEN_CYCLES]: { cv, source: source.trim() } };
}

/** Reads "region; alpha/beta in Gy; repair half-time in h; source", one a line; throws at the first line that is not so. */
export function parseRadiobiology(text: string): Record<string, Radiobiology> {
  const rows = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return Object.fromEntries(rows.map((line) => {
    const [name = '', alphaBeta = '', repair = '', ...rest] = line.split(';').map((part) => part.trim());
    const values = { alpha_beta_gy: Number(alphaBeta), repair_half_time_h: Number(repair), source: rest.join('; ') };
    if (!name || !(values.alpha_beta_gy > 0) || !(values.repair_half_time_h > 0) || !values.source) {
      throw new Error(`Write “region; α/β; repair half-time; source”, not “${line}”.`);
    }
    return [name, values] as const;
  }));
}

/** The same lines, from stored values. */
export function radiobiologyLines(values: TemplateBiology): string {
  return regionEntries(values).map(([name, v]) => `${name}; ${v.alpha_beta_gy}; ${v.repair_half_time_h}; ${v.source}`).join('\n');
}
